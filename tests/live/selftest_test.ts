/** `ftwall selftest` against a running daemon: what it shows, and that nothing of it is left. */
import assert from "node:assert/strict";
import { executable } from "./executable.ts";
import { missing } from "./missing_tools.ts";
import { RouterDaemon } from "./router_daemon.ts";
import { Topology, until } from "./topology.ts";

const named = missing([["tc", "iproute2"]]);

/** Everything of the router, and of the machine, that the test may touch. */
async function traces(topology: Topology): Promise<string> {
  const lines = await topology.must("router", [
    "sh",
    "-c",
    "ip -o link show; ip route show; ip neigh show nud permanent; ip netns list | grep ftwtest; true",
  ]);
  return lines.replace(/ (qlen|state|mode) \S+/g, "");
}

const EVENT = /^ {2}\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d (.*)$/gm;

for (const dryRun of [false, true]) {
  Deno.test({
    ...named(`selftest shows the events of a ping through the bridge${dryRun ? ", in a dry run what would be" : ""}`),
    async fn() {
      await using topology = await Topology.create();
      await using daemon = await RouterDaemon.start(topology, { dryRun });
      const before = await traces(topology);
      const { code, stdout, stderr } = await daemon.run("selftest", "--control", daemon.control);
      assert.equal(code, 0, stdout + stderr);
      assert.match(
        stdout,
        /^A ping of FastTrack .* came in through the bridge "br-lan", as a client's packets do, and met/,
      );
      const events = [...stdout.matchAll(EVENT)].map(([, event]) => event!);
      const detected = events.find((event) => event.startsWith("detected fasttrack: client ")) ?? "";
      assert.match(detected, dryRun ? /, would lock.* \[dry run\]$/ : /, action lock/);
      assert.ok(events.some((event) => event.startsWith(dryRun ? "would lock client " : "locked client ")), stdout);
      // What is shown is what was logged.
      const logged = await daemon.sees({ event: "detected" });
      assert.match(detected, new RegExp(`client ${String(logged["client"]).replaceAll(".", "\\.")} `));
      await daemon.sees({ event: "released", client: logged["client"], by: "operator" });
      assert.deepEqual((await daemon.status()).locks, []);
      assert.equal(await traces(topology), before);
    },
  });
}

Deno.test({
  ...named("selftest comes in by an interface that is no bridge, and says what that does not show"),
  async fn() {
    await using topology = await Topology.create();
    await topology.must("router", ["ip", "link", "set", "lan1", "nomaster"]);
    const config = '[network]\nhome = ["10.91.0.0/16", "fd91::/16"]\nlan = ["lan1"]\n';
    await using daemon = await RouterDaemon.start(topology, { noRules: true });
    Deno.writeTextFileSync(daemon.config, config);
    await daemon.process.stop();
    await daemon.must("rules", "--apply", "--config", daemon.config);
    await daemon.launch();
    const before = await traces(topology);
    const { code, stdout, stderr } = await daemon.run("selftest", "--control", daemon.control);
    assert.equal(code, 0, stdout + stderr);
    assert.match(stdout, /came in as if "lan1" had received it and met the rules/);
    assert.match(stdout, /detected fasttrack: /);
    assert.match(stdout, /^Not shown: that packets arrive at "lan1"/m);
    assert.equal(await traces(topology), before);
  },
});

Deno.test({
  ...named("an interrupted selftest leaves nothing; without rules it says that no packet came"),
  async fn() {
    await using topology = await Topology.create();
    await using daemon = await RouterDaemon.start(topology, { noRules: true });
    const before = await traces(topology);
    const running = topology.start("router", [...executable().command, "selftest", "--control", daemon.control]);
    await until("the namespace", async () => (await traces(topology)).includes("ftwtest-peer"));
    const { code } = await running.stop("SIGINT");
    assert.equal(code, 1);
    assert.match(running.stderr, /Interrupted/);
    assert.equal(await traces(topology), before);
    const none = await daemon.run("selftest", "--control", daemon.control);
    assert.equal(none.code, 1);
    assert.match(none.stderr, /Nothing came of it within 5 s: no packet reached ftwall/);
    assert.equal(await traces(topology), before);
    const nobody = await daemon.run("selftest", "--control", `${daemon.dir}/none.sock`);
    assert.equal(nobody.code, 3);
  },
});
