/** What happens around a running daemon: clocks, interfaces, addresses, libraries, limits. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { program, serve, Surfer } from "./everyday.ts";
import { figure } from "./figure.ts";
import { Flood, Load, lostNothing } from "./load.ts";
import { missing } from "./missing_tools.ts";
import { RouterDaemon } from "./router_daemon.ts";
import { ADDRESSES, LAN, PATIENCE, Topology, until, WAN } from "./topology.ts";

const named = missing([["gcc", "gcc"]]);
const { client2, router, server } = ADDRESSES;
const PING = "2700000029804b615a614100";
const FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";
const LIBRARY = "/usr/lib/x86_64-linux-gnu/libnetfilter_queue.so.1";
const CONNECTIONS = "/proc/sys/net/netfilter/nf_conntrack_max";
const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** A test that needs something which is not a program. */
function needing(there: boolean, what: string): (name: string) => { name: string; ignore: boolean } {
  return there ? named : (name) => ({ name: `${name} (skipped: ${what})`, ignore: true });
}

async function lock(topology: Topology, daemon: RouterDaemon): Promise<void> {
  await topology.must("client2", program("traffic.ts", "send", 0, server.v4, 1214, PING, 50));
  await daemon.sees({ event: "locked", client: client2.v4 });
}

const locked = async (daemon: RouterDaemon) => (await daemon.status()).locks.map(({ client }) => client);

/** Where the next note is looked for, by the daemon's process. */
const read = new WeakMap<object, number>();

/** Waits for a note of the log after the last one that was waited for; answers after how many milliseconds it came. */
async function noted(daemon: RouterDaemon, text: RegExp, since = performance.now()): Promise<number> {
  const from = read.get(daemon.process) ?? 0;
  const find = () =>
    daemon.events.findIndex(({ event, message }, at) => at >= from && event === "note" && text.test(String(message)));
  await until(`note ${text}`, () => find() >= 0, 10_000, () => daemon.tail());
  read.set(daemon.process, find() + 1);
  return Math.round(performance.now() - since);
}

Deno.test({
  ...needing(existsSync(FAKETIME), "no libfaketime, package libfaketime")(
    "a clock that jumps ten years forward and back is told, and costs no packet, no lock and no history",
  ),
  async fn() {
    using flood = new Flood();
    await flood.build();
    await using topology = await Topology.create({ prefix: "cl" });
    const dir = Deno.makeTempDirSync();
    try {
      const set = (offset: string) => Deno.writeTextFileSync(`${dir}/time`, `${offset}\n`);
      set("+0");
      const env = {
        LD_PRELOAD: FAKETIME,
        FAKETIME_TIMESTAMP_FILE: `${dir}/time`,
        FAKETIME_NO_CACHE: "1",
        FAKETIME_DONT_FAKE_MONOTONIC: "1",
      };
      await using daemon = await RouterDaemon.start(topology, { env, config: "[lock]\nseconds = 600\n" });
      await lock(topology, daemon);
      const load = await Load.start(topology, flood, 1000);
      for (
        const [offset, told] of [["+3650d", /forward by 3650 days/], ["-3650d", /back by 7300 days/], [
          "+0",
          /forward by 3650 days/,
        ]]
      ) {
        const since = performance.now();
        set(offset as string);
        figure(`clock ${offset}: told after ${await noted(daemon, told as RegExp, since)} ms`);
        await pause(1500);
        assert.deepEqual(await locked(daemon), [client2.v4]);
      }
      const counted = await load.end();
      figure(`${counted.sent} packets sent meanwhile, ${counted.missing} lost, ${counted.longest_pause_ms} ms at most`);
      assert.ok(counted.missing <= counted.backlog, JSON.stringify(counted));
      // Killed and started with another time: a lock keeps its length.
      set("+3650d");
      await noted(daemon, /forward by 3650 days/);
      await pause(3000);
      daemon.process.kill("SIGKILL");
      await daemon.process.status;
      set("+0");
      await daemon.launch();
      const [left] = (await daemon.status()).locks;
      assert.ok(left === undefined || Date.parse(left.until) - Date.now() <= 600_000, left?.until);
    } finally {
      Deno.removeSync(dir, { recursive: true });
    }
  },
});

Deno.test({
  ...named("an interface that goes and comes back, and addresses that change, are told, and traffic goes on"),
  async fn() {
    await using topology = await Topology.create({ prefix: "if" });
    await serve(topology);
    await using daemon = await RouterDaemon.start(topology);
    await lock(topology, daemon);
    const surfer = new Surfer(topology, "client1", 4, 1000, 1000);
    await until("pages", () => surfer.count().ok > 5);
    const inside = (host: "router" | "server", ...lines: readonly string[]) =>
      topology.must(host, ["ip", "-batch", "-"], { stdin: lines.join("\n") + "\n" });
    const recovered = async (what: string) => {
      const since = Date.now();
      await until(`pages after ${what}`, () => surfer.firstAfter(since) !== null, 15_000, () => daemon.tail());
      figure(`${what}: a page again after ${surfer.firstAfter(since)! - since} ms`);
      assert.ok(!daemon.process.ended);
    };
    await inside("router", `link del ${WAN}`);
    await pause(1500);
    await inside(
      "router",
      `link add ${WAN} type veth peer name eth0 netns ${topology.netns("server")}`,
      `link set ${WAN} up`,
      `addr add ${router.wan4}/24 dev ${WAN}`,
    );
    await inside(
      "server",
      "link set eth0 up",
      `addr add ${server.v4}/24 dev eth0`,
      `route add default via ${router.wan4}`,
    );
    await recovered("wan gone and made anew");

    const since = performance.now();
    await inside("router", `addr add 10.92.7.1/24 dev ${LAN}`);
    figure(`a new address: home after ${await noted(daemon, /Home changed .*10\.92\.7\.0\/24/, since)} ms`);
    await inside("router", `addr del 10.92.7.1/24 dev ${LAN}`);
    await recovered("another address came and went");

    await inside("router", `link set ${LAN} down`, `link set ${LAN} name away`);
    await noted(daemon, new RegExp(`Interface ${LAN} is gone`));
    await inside("router", `link set away name ${LAN}`, `link set ${LAN} up`);
    await noted(daemon, new RegExp(`Interface ${LAN} is back`));
    await recovered("lan renamed and back");
    assert.deepEqual(await locked(daemon), [client2.v4]);
    await surfer.stop();
  },
});

Deno.test({
  ...needing(existsSync(LIBRARY), `no ${LIBRARY}`)(
    "a library that is replaced while ftwall runs costs no packet, and the next start takes the new one",
  ),
  async fn() {
    using flood = new Flood();
    await flood.build();
    await using topology = await Topology.create({ prefix: "li" });
    const dir = Deno.makeTempDirSync();
    try {
      const library = `${dir}/libnetfilter_queue.so.1`;
      const replace = (write: (path: string) => void) => {
        // As package managers do: a new file takes the name.
        write(`${library}.new`);
        Deno.renameSync(`${library}.new`, library);
      };
      replace((path) => Deno.copyFileSync(LIBRARY, path));
      await using daemon = await RouterDaemon.start(topology, { env: { FTWALL_LIBNETFILTER_QUEUE: library } });
      const load = await Load.start(topology, flood, 1000);
      await pause(500);
      replace((path) => Deno.writeTextFileSync(path, "no library"));
      await pause(1000);
      await daemon.status();
      replace((path) => Deno.copyFileSync(LIBRARY, path));
      assert.equal((await daemon.process.stop()).code, 0);
      await daemon.launch();
      await pause(500);
      const counted = await load.end();
      figure(`library replaced twice, restarted: ${counted.sent} packets sent, ${counted.missing} lost`);
      assert.ok(counted.missing <= counted.backlog, JSON.stringify(counted));
    } finally {
      Deno.removeSync(dir, { recursive: true });
    }
  },
});

Deno.test({
  ...needing(
    Deno.env.has("FTWALL_OWN_KERNEL"),
    "the limit is the whole machine's; tests/live/debian_kernel.sh has its own",
  )(
    "a full table of connections is told, and ftwall goes on with what is in it",
  ),
  async fn() {
    const before = Deno.readTextFileSync(CONNECTIONS);
    using flood = new Flood();
    await flood.build();
    await using topology = await Topology.create({ prefix: "ct" });
    await serve(topology);
    await using daemon = await RouterDaemon.start(topology);
    const login = topology.start("client2", program("traffic.ts", "stream", server.v4, 50));
    await login.prints('"echoed":5');
    try {
      Deno.writeTextFileSync(CONNECTIONS, "500\n");
      const load = await Load.start(topology, flood, 1000, 1);
      figure(`a full table: told after ${await noted(daemon, /table of connections is full/)} ms`);
      await until("what doctor says", async () => {
        const { code, stdout } = await daemon.run("doctor", "--control", daemon.control);
        return code === 2 && /table of connections is full/.test(stdout);
      });
      const echoes = login.stdout.length;
      await until("echoes in a full table", () => login.stdout.length > echoes + 500);
      const counted = await load.end();
      figure(`${counted.sent} packets sent, ${counted.missing} lost: the kernel has no room for their connections`);
      Deno.writeTextFileSync(CONNECTIONS, before);
      await topology.must("router", ["conntrack", "-F"]);
      await noted(daemon, /table of connections has room again/);
    } finally {
      Deno.writeTextFileSync(CONNECTIONS, before);
    }
  },
});

const MIB = 1 << 20;
/** The control group of a test, of either version; null where there is none to be had. */
const GROUPS = ["/sys/fs/cgroup/memory", "/sys/fs/cgroup"].find((path) =>
  existsSync(`${path}/memory.limit_in_bytes`) || existsSync(`${path}/cgroup.controllers`)
);

class Limited implements Disposable {
  readonly path = `${GROUPS}/ftwall-test-${Deno.pid}`;
  readonly #legacy = existsSync(`${GROUPS}/memory.limit_in_bytes`);

  constructor(bytes: number) {
    Deno.mkdirSync(this.path);
    this.limit = bytes;
  }

  set limit(bytes: number) {
    Deno.writeTextFileSync(`${this.path}/${this.#legacy ? "memory.limit_in_bytes" : "memory.max"}`, `${bytes}`);
  }

  /** Most bytes that it has had. */
  get peak(): number {
    return Number(Deno.readTextFileSync(`${this.path}/${this.#legacy ? "memory.max_usage_in_bytes" : "memory.peak"}`));
  }

  get kills(): number {
    const text = Deno.readTextFileSync(`${this.path}/${this.#legacy ? "memory.oom_control" : "memory.events"}`);
    return Number(/oom_kill (\d+)/.exec(text)?.[1]);
  }

  command(command: readonly string[]): string[] {
    // `ip netns exec` has a /sys of its own, without control groups.
    const mount = this.#legacy
      ? "mount -t tmpfs none /sys/fs/cgroup && mkdir -p /sys/fs/cgroup/memory && mount -t cgroup -o memory none /sys/fs/cgroup/memory"
      : "mount -t cgroup2 none /sys/fs/cgroup";
    return ["sh", "-c", `${mount} && echo $$ >${this.path}/cgroup.procs && exec "$@"`, "sh", ...command];
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path);
  }
}

Deno.test({
  ...needing(GROUPS !== undefined, "no control groups of memory")(
    "killed for its limit of memory ftwall is started again, says so, and traffic passes",
  ),
  async fn() {
    using flood = new Flood();
    await flood.build();
    using limited = new Limited(96 * MIB);
    await using topology = await Topology.create({ prefix: "mm", believing: true });
    await serve(topology);
    await using daemon = await RouterDaemon.start(topology, { config: "", noRules: true });
    await daemon.process.stop();
    await daemon.must("rules", "--apply", "--config", daemon.config);
    // More than the limit allows: the tables grow until the kernel ends the process.
    Deno.writeTextFileSync(daemon.config, `memory = "256M"\n${Deno.readTextFileSync(daemon.config)}`);
    await daemon.launch(limited.command([...daemon.command.filter((word) => word !== "--no-rules"), "--respawn"]));
    await noted(
      daemon,
      /The limit of memory of this service is 96 MiB\. With memory = 256 MiB ftwall may take 312 MiB/,
    );
    const surfer = new Surfer(topology, "client2", 4, 1000, 1000);
    await pause(4000);
    // What it takes by itself differs from machine to machine; full tables are more than this above it.
    limited.limit = limited.peak + 8 * MIB;
    const random = topology.start("client1", flood.command("send", "flow", "10.91.3.1", server.v4, 20_000, 600, 200));
    await until("the limit", () => limited.kills > 0, 120_000, () => daemon.tail());
    const killed = Date.now();
    random.kill("SIGKILL");
    await until("ready again", () => daemon.seen({ event: "ready" }).length > 1, 10_000, () => daemon.tail());
    figure(`killed for its memory: ready again after ${Date.now() - killed} ms`);
    await noted(daemon, /The process before this one \(\d+\) was killed, or died/);
    await noted(daemon, /for reaching it processes were killed 1 times/);
    await until("pages again", () => surfer.firstAfter(killed + 2000) !== null);
    const lost = surfer.count(killed - 500).failed;
    figure(`pages that did not come: ${lost}`);
    await surfer.stop();
  },
});

/** A state file with as many locks and peers as a config has room for. */
function fullState(memory: number): string {
  const until = new Date(Date.now() + 6 * 3_600_000).toISOString();
  const quad = (from: number, at: number) => [from, at >>> 16 & 255, at >>> 8 & 255, at & 255].join(".");
  const peers = Array.from({ length: memory / 256 }, (_, i) => `peer ${quad(57, i)} 6881 fasttrack until=${until}`);
  const fields = `since=${new Date().toISOString()} until=${until} length=21600 renewals=0 port=1214 by=detector`;
  const locks = Array.from({ length: memory / 4096 }, (_, i) => `lock ${quad(10, i)} fasttrack udp-ping ${fields}`);
  return ["ftwall state 1", ...peers, ...locks, ""].join("\n");
}

Deno.test({
  ...named(
    "beside programs that compute no question goes without an answer, and ftwall is ahead of them; otherwise it is among all",
  ),
  async fn() {
    using flood = new Flood();
    await flood.build();
    await using topology = await Topology.create({ prefix: "cp" });
    await flood.echo(topology);
    await using daemon = await RouterDaemon.start(topology);
    // proc_pid_stat(5): field 19, counted from behind the name, which is field 2.
    const nice = () => {
      const stat = Deno.readTextFileSync(`/proc/${daemon.process.pid}/stat`);
      return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[16]);
    };
    assert.equal(nice(), -10);
    const load = await Load.start(topology, flood, 2000);
    await until("a place among all", () => nice() === 0);
    lostNothing("among all", await load.end());
    const computing = Array.from(
      { length: 3 * navigator.hardwareConcurrency },
      () => topology.start("router", ["sh", "-c", "while :; do :; done"]),
    );
    const { asked, answered, median_us } = await flood.ask(topology, 20_000, 150);
    const place = nice();
    for (const program of computing) await program.stop();
    figure(`${computing.length} programs compute: ${answered} of ${asked} answered, median ${median_us} µs`);
    assert.ok(answered >= 0.95 * asked, `${answered} of ${asked}`);
    assert.equal(place, -10);
  },
});

Deno.test({
  ...named("with full tables ftwall takes no more memory than its config says, and what the docs say beside it"),
  async fn() {
    using flood = new Flood();
    await flood.build();
    for (const memory of [4, 16, 32, 64]) {
      await using topology = await Topology.create({ prefix: "me", believing: true });
      await using daemon = await RouterDaemon.start(topology);
      await daemon.process.stop();
      Deno.writeTextFileSync(daemon.config, `memory = "${memory}M"\n${Deno.readTextFileSync(daemon.config)}`);
      Deno.writeTextFileSync(`${daemon.dir}/state`, fullState(memory * MIB));
      await daemon.launch();
      const resident = () =>
        Number(/VmRSS:\s+(\d+)/.exec(Deno.readTextFileSync(`/proc/${daemon.process.pid}/status`))![1]) / 1024;
      await pause(4000);
      const atFirst = resident();
      const flows = async () => {
        const { flows } = JSON.parse(await daemon.must("status", "--json", "--control", daemon.control)) as {
          flows: { count: number; capacity: number };
        };
        return flows;
      };
      const random = topology.start("client1", flood.command("send", "flow", "10.91.3.1", server.v4, 20_000, 600, 200));
      const most = Math.min((await flows()).capacity * 0.9, 150_000);
      let peak = 0;
      await until("a full table", async () => {
        peak = Math.max(peak, resident());
        return (await flows()).count >= most;
      }, 60_000 * PATIENCE);
      random.kill("SIGKILL");
      await pause(4000);
      const after = resident();
      const { count, capacity } = await flows();
      figure(
        `memory = "${memory}M": ${Math.round(atFirst)} MiB at first, ${Math.round(peak)} at most, ${
          Math.round(after)
        } ` +
          `afterwards with ${count} of ${capacity} flows`,
      );
      assert.ok(after <= memory + 56, `${after} MiB with memory = ${memory}M`);
    }
  },
});
