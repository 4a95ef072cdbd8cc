/** Firewall rules: made where there are none, noticed when they go, put back, and taken away again. */
import assert from "node:assert/strict";
import { program, serve } from "./everyday.ts";
import { figure } from "./figure.ts";
import { missing } from "./missing_tools.ts";
import { RouterDaemon } from "./router_daemon.ts";
import { ADDRESSES, hasTool, Topology, until } from "./topology.ts";

const named = missing([]);
const PING = "2700000029804b615a614100";
const { client1, client2, server } = ADDRESSES;

interface Rules {
  readonly present: boolean;
  readonly differs: readonly string[];
  readonly made: boolean;
  readonly lost: number;
  readonly restored: number;
}

async function rulesOf(daemon: RouterDaemon): Promise<Rules> {
  const text = await daemon.must("status", "--json", "--control", daemon.control);
  return (JSON.parse(text) as { kernel: { rules: Rules } }).kernel.rules;
}

/** Whether the kernel has jumps to ftwall's chains. */
async function hooked(topology: Topology): Promise<boolean> {
  const rules = await topology.must("router", ["iptables", "-t", "mangle", "-S"]);
  return /-A FORWARD .*ftwall_forward/.test(rules);
}

Deno.test({
  ...named("the executable alone makes its rules, sees a ping, and leaves no rule behind at a clean stop"),
  async fn(test) {
    await using topology = await Topology.create();
    await serve(topology);
    for (const dryRun of [true, false]) {
      await test.step(dryRun ? "in dry-run" : "enforcing", async () => {
        await using daemon = new Bare(await RouterDaemon.start(topology, { dryRun, noRules: true }));
        await daemon.restart([]);
        const { inner } = daemon;
        const made = await inner.sees({ event: "rules-made" });
        assert.match(String(made["message"]), /go with a clean stop.*rules --apply.*--no-rules/);
        await topology.must("client1", program("traffic.ts", "send", 0, server.v4, 1214, PING, 50));
        await inner.sees({ event: "detected", client: client1.v4, dry_run: dryRun });
        assert.equal((await rulesOf(inner)).made, true);
        await inner.process.stop();
        assert.equal(inner.events.at(-1)?.event, "rules-removed");
        const left = await topology.must("router", ["sh", "-c", "iptables-save; ip6tables-save; ipset -n list"]);
        assert.doesNotMatch(left, /ftwall/);
      });
    }
    await test.step("after a kill they stay, let traffic pass, and the next run takes them away", async () => {
      await using daemon = new Bare(await RouterDaemon.start(topology, { noRules: true }));
      await daemon.restart([]);
      await daemon.inner.process.stop("SIGKILL");
      assert.ok(await hooked(topology));
      const passed = await topology.must("client1", program("traffic.ts", "dial", server.v4, 22, 600, ""));
      assert.match(passed, /"connected":true/);
      await daemon.restart([]);
      assert.deepEqual(daemon.inner.seen({ event: "rules-made" }), []);
      await daemon.inner.process.stop();
      assert.ok(!(await hooked(topology)));
    });
    await test.step("a reload that asks for other rules makes those, as they are its own", async () => {
      await using daemon = new Bare(await RouterDaemon.start(topology, { noRules: true }));
      await daemon.restart([]);
      daemon.inner.write("[queue]\npackets_tcp = 5\n");
      await daemon.inner.must("reload", "--control", daemon.inner.control);
      await daemon.inner.sees({ event: "reloaded" });
      assert.deepEqual((await rulesOf(daemon.inner)).differs, []);
      assert.match(await topology.must("router", ["iptables", "-t", "mangle", "-S"]), /--connbytes 0:5 /);
    });
    await test.step("a second ftwall on another queue leaves the rules of the first alone, and says so", async () => {
      await using first = await RouterDaemon.start(topology);
      await using second = new Bare(await RouterDaemon.start(topology, { noRules: true, args: ["--queue", "9"] }));
      await second.restart([]);
      await until(
        "the note",
        () => /not those of this config/.test(second.inner.tail()),
        5000,
        () => second.inner.tail(),
      );
      await second.inner.process.stop();
      assert.ok(await hooked(topology));
      assert.ok(!first.process.ended);
      await first.must("rules", "--remove");
    });
    await test.step("without a tool that makes rules one sentence says so, and what to run", async () => {
      await using daemon = new Bare(await RouterDaemon.start(topology, { noRules: true }));
      await daemon.inner.process.stop();
      const hidden = "for t in nft iptables ip6tables iptables-restore ip6tables-restore; do " +
        'mount --bind /dev/null "$(command -v $t)"; done; exec "$@"';
      const command = daemon.inner.command.filter((word) => word !== "--no-rules");
      await daemon.inner.launch(["unshare", "-m", "sh", "-c", hidden, "sh", ...command]);
      const failed = await daemon.inner.sees({ event: "rules-failed" });
      assert.match(String(failed["message"]), /^Cannot make firewall rules: .*run: ftwall rules --apply$/);
    });
    await test.step("with --no-rules none are made, which doctor and status tell", async () => {
      await using daemon = new Bare(await RouterDaemon.start(topology, { noRules: true }));
      assert.ok(!(await hooked(topology)));
      assert.equal((await rulesOf(daemon.inner)).present, false);
      const doctor = await daemon.inner.run(
        "doctor",
        "--config",
        daemon.inner.config,
        "--control",
        daemon.inner.control,
      );
      assert.match(doctor.stdout, /there are no rules of ftwall/);
      assert.notEqual(doctor.code, 0);
    });
  },
});

Deno.test({
  ...named("rules that are there are left as they are; what rules --apply makes stays, rules --remove is not undone"),
  async fn() {
    await using topology = await Topology.create();
    await using daemon = await RouterDaemon.start(topology);
    assert.deepEqual(daemon.seen({ event: "rules-made" }), []);
    await daemon.must("rules", "--remove");
    const lost = await daemon.sees({ event: "rules-lost" }, 6000);
    assert.match(String(lost["message"]), /An operator did/);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    assert.ok(!(await hooked(topology)));
    await daemon.must("rules", "--apply", "--config", daemon.config);
    await daemon.process.stop();
    assert.ok(await hooked(topology));
  },
});

/** What other programs do, and how the rules were made. */
const LOSSES: readonly { readonly tool: string; readonly what: string; readonly command: readonly string[] }[] = [
  { tool: "iptables", what: "iptables -F", command: ["iptables", "-t", "mangle", "-F"] },
  { tool: "nft", what: "nft flush ruleset", command: ["nft", "flush", "ruleset"] },
  {
    tool: "iptables",
    what: "iptables-restore of others",
    command: ["sh", "-c", "printf '*mangle\\n:FORWARD ACCEPT\\nCOMMIT\\n' | iptables-restore"],
  },
  { tool: "ipset", what: "ipset flush", command: ["ipset", "flush", "ftwall_locked4"] },
];

Deno.test({
  ...named("rules and sets that other programs take away are told and back within five seconds, locks and all"),
  async fn(test) {
    await using topology = await Topology.create();
    await serve(topology);
    for (const { tool, what, command } of LOSSES) {
      await test.step({
        name: what,
        ignore: !hasTool(tool),
        async fn() {
          await using daemon = await RouterDaemon.start(topology);
          await topology.must("client1", program("traffic.ts", "send", 0, server.v4, 1214, PING, 50));
          await daemon.sees({ event: "locked", client: client1.v4 });
          const held = async () => {
            const set = await topology.run("router", ["ipset", "test", "ftwall_locked4", client1.v4]);
            return set.code === 0;
          };
          await until("the lock in the kernel", held, 5000);
          // The look into the sets comes every five seconds.
          const begun = Date.now();
          await topology.must("router", command);
          await daemon.sees({ event: "rules-lost" }, 8000);
          const told = Date.now() - begun;
          await daemon.sees({ event: "rules-restored" }, 10_000);
          await until("the lock in the kernel again", held, 5000);
          figure(`${what}: told after ${told} ms, back after ${Date.now() - begun} ms`);
          const { present, differs, lost, restored } = await rulesOf(daemon);
          assert.deepEqual({ present, differs, lost, restored }, { present: true, differs: [], lost: 1, restored: 1 });
          await topology.must("client2", program("traffic.ts", "send", 0, server.v4, 1214, PING, 50));
          await daemon.sees({ event: "locked", client: client2.v4 });
        },
      });
    }
    await test.step("with keep_rules = false they are told, and stay away", async () => {
      await using daemon = await RouterDaemon.start(topology, { config: "[queue]\nkeep_rules = false\n" });
      await topology.must("router", ["iptables", "-t", "mangle", "-F"]);
      await daemon.sees({ event: "rules-lost" }, 6000);
      await new Promise((resolve) => setTimeout(resolve, 1500));
      assert.ok(!(await hooked(topology)));
      assert.deepEqual(daemon.seen({ event: "rules-restored" }), []);
      const text = await daemon.must("status", "--control", daemon.control);
      assert.match(text, /rules +.*LOST 1 times/);
    });
  },
});

/** A daemon whose rules nobody applied. */
class Bare implements AsyncDisposable {
  readonly inner: RouterDaemon;

  constructor(inner: RouterDaemon) {
    this.inner = inner;
  }

  /** Starts it again with these options in the place of `--no-rules`. */
  async restart(args: readonly string[]): Promise<void> {
    if (!this.inner.process.ended) await this.inner.process.stop();
    await this.inner.launch(this.inner.command.filter((word) => word !== "--no-rules").concat(args));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.inner[Symbol.asyncDispose]();
  }
}
