import assert from "node:assert/strict";
import { Bystander, program, serve, Surfer, told } from "./everyday.ts";
import { executable } from "./executable.ts";
import { missing } from "./missing_tools.ts";
import { RouterDaemon } from "./router_daemon.ts";
import { ADDRESSES, type Answer, crowd, execute, PATIENCE, Topology, until } from "./topology.ts";

const named = missing([]);
const namedWithGcc = missing([["gcc", "gcc"]]);
const namedUnprivileged = missing([["setpriv", "util-linux"], ["unshare", "mount"]]);
const pause = (seconds: number) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

/** One sentence on stderr, exit 3, nothing on stdout. */
function assertMissing(answer: Answer, expected: RegExp): void {
  assert.match(answer.stderr, expected);
  assert.equal(answer.code, 3, answer.stderr);
  assert.equal(answer.stdout, "");
  assert.equal(answer.stderr.trim().split("\n").length, 1, answer.stderr);
}

Deno.test({
  ...named("killed in the middle of traffic ftwall leaves the way open within a second, and can be started again"),
  async fn() {
    await using topology = await Topology.create();
    await serve(topology);
    await using daemon = await RouterDaemon.start(topology);
    const bystander = await Bystander.start(topology, "client1");
    const surfers = ([4, 6] as const).map((family) => new Surfer(topology, "client2", family));
    await until("pages", () => surfers.every((surfer) => surfer.count().ok > 10));
    const killed = Date.now();
    await daemon.process.stop("SIGKILL");
    await pause(3);
    for (const surfer of surfers) {
      const { ok, failed } = surfer.count(killed + 1000);
      assert.equal(failed, 0, "new connections do not pass a second after ftwall died");
      assert.ok(ok > 10);
      const first = surfer.firstAfter(killed)! - killed;
      assert.ok(first < 1000 * PATIENCE * crowd(), `the first page came after ${first} ms`);
    }
    await daemon.launch();
    await topology.must("client2", program("traffic.ts", "send", 0, ADDRESSES.server.v4, 1214, PING, 50));
    await daemon.sees({ event: "locked", client: ADDRESSES.client2.v4 });
    await bystander.stop();
    await Promise.all(surfers.map((surfer) => surfer.stop()));
  },
});

const PING = "2700000029804b615a614100";

Deno.test({
  ...named(
    "SIGTERM ends ftwall cleanly, a second one on the same queue names the first, SIGHUP loads the config again",
  ),
  async fn(test) {
    await using topology = await Topology.create();
    await serve(topology);
    await using daemon = await RouterDaemon.start(topology, { config: "[lock]\nseconds = 30\n" });
    await test.step("the second one names the first and ends with 3", async () => {
      const second = daemon.command.map((word) => word.startsWith(daemon.dir) ? `${word}.second` : word);
      await Deno.copyFile(daemon.config, `${daemon.config}.second`);
      const answer = await topology.run("router", second);
      assertMissing(answer, new RegExp(`Cannot bind queue "0": process ${daemon.process.pid} .*holds it`));
    });
    await test.step("a good config is put in force by SIGHUP, a broken one is not", async () => {
      daemon.write("[lock]\nseconds = 31\n");
      daemon.process.kill("SIGHUP");
      const reloaded = await daemon.sees({ event: "reloaded" });
      assert.match(JSON.stringify(reloaded["changes"]), /seconds/);
      daemon.write("[lock]\nsecond = 31\n");
      daemon.process.kill("SIGHUP");
      const refused = await daemon.sees({ event: "reload-refused" });
      assert.match(JSON.stringify(refused["problems"]), /second.*seconds/);
      daemon.write("[lock]\nseconds = 31\n");
    });
    await test.step("SIGTERM: exit 0, a last event, no socket, and the lock is there again after the next start", async () => {
      const { client1, server } = ADDRESSES;
      await topology.must("client1", program("traffic.ts", "send", 0, server.v4, 1214, PING, 50));
      const locked = await daemon.sees({ event: "locked", client: client1.v4 });
      const status = await daemon.process.stop("SIGTERM");
      assert.equal(status.code, 0);
      const last = daemon.events.at(-1)!;
      assert.equal(last.event, "stopping");
      assert.ok((last["counters"] as { packets: number }).packets > 0);
      assert.throws(() => Deno.statSync(daemon.control), Deno.errors.NotFound);
      await daemon.launch();
      const { locks } = await daemon.status();
      assert.deepEqual(locks.map((lock) => lock.client), [client1.v4]);
      assert.ok(Math.abs(Date.parse(locks[0]!.until) - Date.parse(String(locked["until"]))) < 2500);
      const surfing = await topology.must("client1", program("traffic.ts", "dial", server.v4, 22, 600, ""));
      assert.match(surfing, /"connected":false/);
    });
  },
});

Deno.test({
  ...namedUnprivileged("without the library, or without permission, one sentence says so and the exit status is 3"),
  async fn(test) {
    await using topology = await Topology.create();
    await using daemon = await RouterDaemon.start(topology, { args: ["--queue", "7"], noRules: true });
    const command = daemon.command.slice(0, -2);
    await test.step("no file where the environment says", async () => {
      const answer = await topology.run("router", command, { env: { FTWALL_LIBNETFILTER_QUEUE: "/nowhere/lib.so" } });
      assertMissing(answer, /Cannot open libnetfilter_queue: tried "\/nowhere\/lib.so".*libnetfilter-queue1/);
    });
    await test.step("nothing under any of its names", async () => {
      const found = await execute([
        "sh",
        "-c",
        "ls /usr/lib/*/libnetfilter_queue.so* /usr/lib*/libnetfilter_queue.so*",
      ]);
      const hide = found.stdout.split("\n").filter((path) => path !== "").map((path) =>
        `mount --bind /dev/null ${path}`
      );
      const script = `${[...hide, 'exec "$@"'].join("; ")}`;
      const answer = await topology.run("router", ["unshare", "-m", "sh", "-c", script, "sh", ...command]);
      assertMissing(answer, /Cannot open libnetfilter_queue: tried "libnetfilter_queue.so.1".*Install the package/);
    });
    const compiled = executable().kind === "compiled";
    await test.step({
      name: `nobody's process${compiled ? "" : " (skipped: nobody cannot read the cache that the source runs from)"}`,
      ignore: !compiled,
      fn: async () => {
        // The daemon's folder and the executable may not be readable to others.
        const dir = Deno.makeTempDirSync({ prefix: "ftwall-nobody-" });
        try {
          Deno.chmodSync(dir, 0o755);
          const own = command.map((word, at) => at === 0 ? `${dir}/ftwall` : word.replace(daemon.dir, dir));
          Deno.copyFileSync(command[0]!, `${dir}/ftwall`);
          Deno.chmodSync(`${dir}/ftwall`, 0o755);
          Deno.copyFileSync(daemon.config, `${dir}/ftwall.toml`);
          Deno.chmodSync(`${dir}/ftwall.toml`, 0o644);
          const drop = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all"];
          const answer = await topology.run("router", [...drop, ...own], { env: { HOME: dir } });
          assertMissing(answer, /Cannot open queue "0": no permission .*CAP_NET_ADMIN/);
        } finally {
          Deno.removeSync(dir, { recursive: true });
        }
      },
    });
  },
});

/** Stands before the C library: what a kernel without nfnetlink answers (EPROTONOSUPPORT), or with it but without queues. */
const SHIM = `
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <sys/socket.h>
int socket(int domain, int type, int protocol) {
  if (domain == AF_NETLINK && protocol == 12) { errno = EPROTONOSUPPORT; return -1; }
  return ((int (*)(int, int, int))dlsym(RTLD_NEXT, "socket"))(domain, type, protocol);
}`;

Deno.test({
  ...namedWithGcc("on a kernel without NFQUEUE (played before the C library) one sentence says so, exit status 3"),
  async fn() {
    await using topology = await Topology.create();
    const dir = Deno.makeTempDirSync({ prefix: "ftwall-shim-" });
    try {
      const made = await execute(["gcc", "-shared", "-fPIC", "-xc", "-o", `${dir}/shim.so`, "-"], { stdin: SHIM });
      assert.equal(made.code, 0, made.stderr);
      await using daemon = await RouterDaemon.start(topology, { args: ["--queue", "7"], noRules: true });
      const command = daemon.command.slice(0, -2);
      const answer = await topology.run("router", command, { env: { LD_PRELOAD: `${dir}/shim.so` } });
      assertMissing(answer, /Cannot open queue "0": this kernel has no NFQUEUE/);
    } finally {
      Deno.removeSync(dir, { recursive: true });
    }
  },
});

const RELOADS = 100;

Deno.test({
  ...named("a hundred reloads under load lose no packet and no lock, and a broken file leaves the old one in force"),
  async fn() {
    await using topology = await Topology.create();
    await serve(topology);
    // The kernel counts, as a program that waits for its turn beside a hundred others loses datagrams of its own.
    const arrived = ["iptables", "-t", "raw", "-A", "PREROUTING", "-p", "udp", "--dport", "5000", "-j", "DROP"];
    await topology.must("server", arrived);
    const config = (round: number) =>
      `[queue]\nsettle = false\npackets_udp = 1000\npackets_tcp = 1000\n[lock]\nseconds = 300\n` +
      `[protocols.gnutella]\naction = "${round % 2 === 0 ? "drop" : "log"}"\n`;
    await using daemon = await RouterDaemon.start(topology, { config: config(1) });
    const { client1, server } = ADDRESSES;
    await topology.must("client1", program("traffic.ts", "send", 0, "198.51.100.200", 1214, PING, 50));
    await daemon.sees({ event: "locked", client: client1.v4 });
    const before = (await daemon.status()).counters.packets;
    const flood = topology.start("client2", program("traffic.ts", "flood", server.v4, 5000, 1500, 50));
    const bystander = await Bystander.start(topology, "client2");
    let failed = 0;
    for (let round = 0; round < RELOADS; round++) {
      daemon.write(config(round));
      const answer = await daemon.run("reload", "--control", daemon.control);
      if (answer.code !== 0) failed++;
    }
    assert.equal(flood.ended, false);
    flood.kill("SIGTERM");
    await flood.status;
    const [line] = told(flood);
    assert.equal(line!["failed"], 0);
    const count = line!["sent"] as number;
    await pause(0.5);
    const counted = await topology.must("server", ["iptables", "-t", "raw", "-nvxL", "PREROUTING"]);
    const received = Number(/^\s*(\d+)\s+\d+\s+DROP/m.exec(counted)?.[1]);
    assert.deepEqual([failed, received], [0, count], flood.stdout + daemon.tail());
    assert.equal(daemon.seen({ event: "reloaded" }).length, RELOADS);
    const status = await daemon.status();
    assert.ok(status.counters.packets - before > count * 0.9, `only ${status.counters.packets - before} came by`);
    for (const queue of status.queues) assert.deepEqual([queue.queue_dropped, queue.user_dropped], [0, 0]);
    bystander.check(30);
    await bystander.stop();
    assert.deepEqual(status.locks.map((lock) => lock.client), [client1.v4]);
    daemon.write('[lock]\nseconds = "soon"\n');
    const refused = await daemon.run("reload", "--control", daemon.control);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /ftwall\.toml.*:\d+.*soon/s);
    const dial = await topology.must("client1", program("traffic.ts", "dial", server.v4, 22, 600, ""));
    assert.match(dial, /"connected":false/);
    await topology.must("client2", program("traffic.ts", "send", 0, "198.51.100.200", 1214, PING, 50));
    await daemon.sees({ event: "locked", client: ADDRESSES.client2.v4 });
  },
});
