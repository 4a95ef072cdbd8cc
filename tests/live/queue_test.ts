import assert from "node:assert/strict";
import { ADDRESSES, type Background, skipReason, Topology, until } from "./topology.ts";

const REASON = skipReason(["ip", "iptables", "ip6tables", "ping", "setpriv"]);
const SKIP = REASON === null ? "" : ` (skipped: ${REASON})`;
const LOOP = decodeURIComponent(new URL("./accept_loop.ts", import.meta.url).pathname);
const SERVER = ADDRESSES.server.v4;

function deno(...args: string[]): string[] {
  return [Deno.execPath(), "run", "-A", "--no-check", ...args];
}

async function rules(topology: Topology, target: string): Promise<void> {
  for (const tool of ["iptables", "ip6tables"]) {
    for (const protocol of ["icmp", "icmpv6", "udp"]) {
      if ((tool === "iptables") === (protocol === "icmpv6")) continue;
      await topology.must("router", [tool, "-A", "FORWARD", "-p", protocol, "-j", ...target.split(" ")]);
    }
  }
}

async function serve(topology: Topology, ...args: string[]): Promise<Background> {
  const loop = topology.start("router", deno(LOOP, ...args));
  await loop.prints('"ready":true');
  return loop;
}

interface Counters {
  readonly packets: number;
  readonly answered: number;
  readonly missing: number;
  readonly rejected: number;
  readonly missed: number;
}

async function countersOf(loop: Background): Promise<Counters[]> {
  const { code } = await loop.stop();
  assert.equal(code, 0, loop.stderr);
  return JSON.parse(loop.stdout.trim().split("\n").at(-1)!).counters;
}

/** ICMP and ICMPv6 echo replies that a client's kernel has received. */
async function replies(topology: Topology): Promise<number> {
  const text = await topology.must("client1", ["cat", "/proc/net/snmp", "/proc/net/snmp6"]);
  const [names, values] = text.split("\n").filter((line) => line.startsWith("Icmp:")).map((line) => line.split(" "));
  return Number(values![names!.indexOf("InEchoReps")]) + Number(/^Icmp6InEchoReplies\s+(\d+)$/m.exec(text)?.[1]);
}

/**
 * How many of `count` pings have no reply a second after the last. The kernel counts: ping itself leaves two round
 * trips after the last request, so one pause of a busy machine there is a loss to it.
 */
async function lost(topology: Topology, count: number, address: string = SERVER, interval = "0.002"): Promise<number> {
  const before = await replies(topology);
  const { stdout } = await topology.run("client1", [
    "ping",
    "-q",
    "-c",
    `${count}`,
    "-i",
    interval,
    "-W",
    "1",
    address,
  ]);
  assert.equal(Number(/(\d+) packets transmitted/.exec(stdout)?.[1]), count, stdout);
  const deadline = performance.now() + 1000;
  for (;;) {
    const missing = count - (await replies(topology) - before);
    if (missing === 0 || performance.now() > deadline) return missing;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

Deno.test(
  { name: `accepted packets pass, of both families, each with one verdict${SKIP}`, ignore: REASON !== null },
  async () => {
    await using topology = await Topology.create({ prefix: "q" });
    await rules(topology, "NFQUEUE --queue-num 0");
    const loop = await serve(topology, "0", "sync");
    const { effective } = JSON.parse(loop.stdout.split("\n")[0]!);
    assert.equal(effective[0].failOpen, true);
    assert.equal(effective[0].gso, true);
    assert.equal(effective[0].copyRange, 256);
    assert.equal(effective[0].receiveBuffer, 8 << 20);
    assert.deepEqual(effective[0].problems, []);
    assert.equal(await lost(topology, 50), 0);
    assert.equal(await lost(topology, 50, ADDRESSES.server.v6), 0);
    const [counters] = await countersOf(loop);
    assert.ok(counters!.packets >= 200, `only ${counters!.packets} packets`);
    assert.equal(counters!.answered, counters!.packets);
    assert.deepEqual([counters!.missing, counters!.rejected, counters!.missed], [0, 0, 0]);
  },
);

Deno.test({ name: `dropped packets do not pass${SKIP}`, ignore: REASON !== null }, async () => {
  await using topology = await Topology.create({ prefix: "q" });
  await rules(topology, "NFQUEUE --queue-num 0");
  const loop = await serve(topology, "0", "drop");
  assert.equal(await lost(topology, 20), 20);
  const [counters] = await countersOf(loop);
  assert.ok(counters!.packets >= 20);
});

Deno.test({ name: `a verdict's mark is on the packet afterwards${SKIP}`, ignore: REASON !== null }, async () => {
  await using topology = await Topology.create({ prefix: "q" });
  await rules(topology, "NFQUEUE --queue-num 0");
  const marked = ["-t", "mangle", "-A", "POSTROUTING", "-m", "mark", "--mark", "0xf0000040"];
  await topology.must("router", ["iptables", ...marked]);
  const loop = await serve(topology, "0", `mark=${0xf0000040}`);
  assert.equal(await lost(topology, 20), 0);
  const list = await topology.must("router", ["iptables", "-t", "mangle", "-nvxL", "POSTROUTING"]);
  assert.equal(/^ +(\d+) .*0xf0000040/m.exec(list)?.[1], "40", list);
  await countersOf(loop);
});

Deno.test(
  { name: `a queue that is held names the process that holds it${SKIP}`, ignore: REASON !== null },
  async () => {
    await using topology = await Topology.create({ prefix: "q" });
    const loop = await serve(topology, "4,5");
    // The second queue's socket has an arbitrary netlink port: its owner is found by the socket.
    for (const queue of ["4", "5"]) {
      const second = await topology.run("router", deno(LOOP, queue));
      assert.equal(second.code, 3, second.stderr);
      assert.match(second.stderr, new RegExp(`^Cannot bind queue "${queue}": process ${loop.pid} \\(.+\\) holds it`));
    }
    const other = await serve(topology, "6");
    await countersOf(other);
    await countersOf(loop);
  },
);

Deno.test({ name: `several queues share one process, by connection${SKIP}`, ignore: REASON !== null }, async () => {
  await using topology = await Topology.create({ prefix: "q" });
  await rules(topology, "NFQUEUE --queue-balance 0:3");
  const loop = await serve(topology, "0,1,2,3", "sync");
  const hosts = ["client1", "client2"] as const;
  for (const host of hosts) await topology.must(host, ["ping", "-q", "-c", "5", "-i", "0.01", SERVER]);
  for (const host of hosts) await topology.must(host, ["ping", "-q", "-c", "5", "-i", "0.01", ADDRESSES.server.v6]);
  const counters = await countersOf(loop);
  assert.ok(counters.filter((each) => each.packets > 0).length >= 2, JSON.stringify(counters));
  for (const each of counters) assert.equal(each.answered, each.packets);
});

Deno.test({ name: `a clean stop under traffic loses nothing${SKIP}`, ignore: REASON !== null }, async () => {
  await using topology = await Topology.create({ prefix: "q" });
  await rules(topology, "NFQUEUE --queue-num 0 --queue-bypass");
  const loop = await serve(topology, "0", "sync");
  const stopping = async () => {
    await until("traffic", async () => await replies(topology) > 20);
    const [counters] = await countersOf(loop);
    assert.ok(counters!.packets < 3000, "all packets had been queued before the stop");
  };
  const [missing] = await Promise.all([lost(topology, 1500, SERVER, "0.001"), stopping()]);
  assert.equal(missing, 0);
});

Deno.test({ name: `packets pass again at once after kill -9${SKIP}`, ignore: REASON !== null }, async () => {
  await using topology = await Topology.create({ prefix: "q" });
  await rules(topology, "NFQUEUE --queue-num 0 --queue-bypass");
  const loop = await serve(topology, "0", "drop");
  assert.equal(await lost(topology, 5), 5);
  await loop.stop("SIGKILL");
  assert.equal(await lost(topology, 20), 0);
  const again = await serve(topology, "0");
  assert.equal(await lost(topology, 5), 0);
  await countersOf(again);
});

Deno.test({
  name: `verdicts for packets that the kernel flushed are counted as missing${SKIP}`,
  ignore: REASON !== null,
}, async () => {
  await using topology = await Topology.create({ prefix: "q" });
  await topology.must("router", ["ip", "link", "add", "gone", "type", "veth", "peer", "name", "gone2"]);
  await topology.must("router", ["ip", "addr", "add", "192.0.2.1/24", "dev", "gone"]);
  await topology.must("router", ["ip", "link", "set", "gone", "up"]);
  await topology.must("router", ["ip", "link", "set", "gone2", "up"]);
  await topology.must("router", ["iptables", "-A", "FORWARD", "-o", "gone", "-j", "NFQUEUE", "--queue-num", "0"]);
  const loop = await serve(topology, "0", "late=800");
  const pinging = topology.run("client1", ["ping", "-q", "-c", "3", "-i", "0.05", "-W", "1", "192.0.2.9"]);
  await new Promise((resolve) => setTimeout(resolve, 400));
  // The kernel drops what waits for an interface that goes away.
  await topology.must("router", ["ip", "link", "del", "gone"]);
  await pinging;
  const [counters] = await countersOf(loop);
  assert.ok(counters!.packets > 0, "nothing was queued");
  assert.ok(counters!.missing > 0, JSON.stringify(counters));
});

Deno.test(
  { name: `a consumer that hangs is passed by once its queue is full${SKIP}`, ignore: REASON !== null },
  async () => {
    await using topology = await Topology.create({ prefix: "q" });
    await rules(topology, "NFQUEUE --queue-num 0");
    const loop = await serve(topology, "0", "length=50");
    loop.kill("SIGSTOP");
    const lostPackets = await lost(topology, 300);
    loop.kill("SIGCONT");
    // Echo requests and answers share the 50 places; whatever waited is answered after the timeout, when ping has ended.
    assert.ok(lostPackets <= 50, `${lostPackets} of 300 lost`);
    await countersOf(loop);
  },
);

Deno.test(
  { name: `what finds the receive buffer full passes and is counted exactly${SKIP}`, ignore: REASON !== null },
  async () => {
    await using topology = await Topology.create({ prefix: "q" });
    await rules(topology, "NFQUEUE --queue-num 0");
    const loop = await serve(topology, "0", "buffer=20000");
    loop.kill("SIGSTOP");
    const lostPackets = await lost(topology, 300);
    loop.kill("SIGCONT");
    await until("the packets that waited", async () => await replies(topology) === 300);
    assert.equal(await lost(topology, 5), 0);
    await loop.stop();
    const { counters, overflows } = JSON.parse(loop.stdout.trim().split("\n").at(-1)!);
    assert.ok(lostPackets < 100, `${lostPackets} of 300 lost`);
    assert.ok(overflows[0] > 200, `overflows: ${overflows}`);
    assert.equal(counters[0].missed, overflows[0]);
    assert.equal(counters[0].answered, counters[0].packets);
  },
);

Deno.test(
  { name: `no permission and no library are told in one sentence each${SKIP}`, ignore: REASON !== null },
  async () => {
    await using topology = await Topology.create({ prefix: "q" });
    const weak = ["setpriv", "--bounding-set", "-net_admin", "--inh-caps", "-net_admin"];
    const refused = await topology.run("router", [...weak, ...deno(LOOP, "0")]);
    assert.equal(refused.code, 3, refused.stderr);
    assert.match(refused.stderr, /^Cannot open queue "0": no permission .*CAP_NET_ADMIN\n$/);
    const env = { FTWALL_LIBNETFILTER_QUEUE: "/nowhere/libnetfilter_queue.so.1" };
    const missing = await topology.run("router", deno(LOOP, "0"), { env });
    assert.equal(missing.code, 3, missing.stderr);
    assert.match(
      missing.stderr,
      /^Cannot open libnetfilter_queue: tried "\/nowhere\/libnetfilter_queue.so.1" .*libnetfilter-queue1/,
    );
  },
);

Deno.test({ name: `an idle consumer wakes at most five times a second${SKIP}`, ignore: REASON !== null }, async () => {
  await using topology = await Topology.create({ prefix: "q" });
  const loop = await serve(topology, "0", "sync");
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const before = await switches(loop.pid);
  await new Promise((resolve) => setTimeout(resolve, 3000));
  const after = await switches(loop.pid);
  assert.ok(after - before <= 15, `${after - before} voluntary switches in 3 s`);
  await countersOf(loop);
});

async function switches(pid: number): Promise<number> {
  let sum = 0;
  for await (const task of Deno.readDir(`/proc/${pid}/task`)) {
    const status = await Deno.readTextFile(`/proc/${pid}/task/${task.name}/status`);
    sum += Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(status)![1]);
  }
  return sum;
}
