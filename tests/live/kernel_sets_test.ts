/**
 * Locked clients and blocked peers in the kernel: filled, renewed, emptied, held while ftwall is away.
 */
import assert from "node:assert/strict";
import { program, serve, told } from "./everyday.ts";
import { missing } from "./missing_tools.ts";
import { RouterDaemon } from "./router_daemon.ts";
import { talk } from "./rules_scene.ts";
import { ADDRESSES, type Background, PATIENCE, Topology, until } from "./topology.ts";

const named = missing([["conntrack", "conntrack"], ["iptables", "iptables"]]);
const { server, client1, client2 } = ADDRESSES;
const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));
/** Addresses of the server at which nothing else is met. */
const PEER = "198.51.100.7";
const PEER6 = "2001:db8:91::7";
/** A FastTrack ping that names KaZaA. */
const PING = "2700000029804b615a614100";

/** Seconds left of an address in a set, -1 where it is not there. */
async function left(topology: Topology, kind: "locked" | "peers", address: string): Promise<number> {
  const n = address.includes(":") ? 6 : 4;
  const command = `ipset save ftwall_${kind}${n} 2>/dev/null || nft list set inet ftwall ${kind}${n}`;
  const text = await topology.must("router", ["sh", "-c", command]);
  // A peer's entry is an address and a port: ` . 1214` with nft, `,tcp:1214` with ipset.
  const plain = address.replaceAll(".", "\\.") + (kind === "peers" ? "(?: \\. |,tcp:)1214" : "");
  const found = new RegExp(`${plain} timeout (\\d+)$|${plain} timeout \\S+ expires (\\d+)`, "m").exec(text);
  return found === null ? -1 : Number(found[1] ?? found[2]);
}

async function inSet(topology: Topology, kind: "locked" | "peers", address: string, wanted = true): Promise<void> {
  await until(
    `${address} ${wanted ? "in" : "out of"} the set`,
    async () => (await left(topology, kind, address) >= 0) === wanted,
  );
}

async function ping(topology: Topology, to: string): Promise<void> {
  await topology.must("client1", program("traffic.ts", "send", 4000, to, 1214, PING, 20));
}

/** Whether a page comes. Where none is due there is nothing to wait for but the time. */
async function page(topology: Topology, host: "client1" | "client2", address: string, due: boolean): Promise<boolean> {
  const url = `http://${address.includes(":") ? `[${address}]` : address}/500`;
  const limit = due ? 15 * PATIENCE : 1;
  return (await topology.run(host, ["curl", "-s", "-m", String(limit), "-o", "/dev/null", url])).code === 0;
}

/** Waits for this many more lines of a stream. */
async function more(stream: Background, lines: number): Promise<void> {
  const before = told(stream).length;
  await until(`${lines} lines more`, () => told(stream).length >= before + lines, 20_000);
}

Deno.test({
  ...named("a lock is in the kernel as long as it lasts, its connections are cut, and it ends there with it"),
  async fn() {
    for (const masquerade of [false, true]) {
      await using topology = await Topology.create({ prefix: "kn", masquerade });
      await using daemon = await RouterDaemon.start(topology, {
        config: `[lock]\nseconds = ${10 * PATIENCE}\nprobe = false\n`,
      });
      await serve(topology);
      const streams = [server.v4, server.v6].map((host) =>
        topology.start("client1", program("traffic.ts", "stream", host, 100))
      );
      const other = topology.start("client2", program("traffic.ts", "stream", server.v4, 100));
      await until("settled streams", () => [...streams, other].every((each) => told(each).length > 15));
      for (const [peer, bits] of [[PEER, 24], [PEER6, 64]] as const) {
        const client = peer.includes(":") ? client1.v6 : client1.v4;
        await topology.must("server", ["ip", "addr", "add", `${peer}/${bits}`, "dev", "eth0"]);
        await ping(topology, peer);
        await daemon.sees({ event: "locked", client });
        await inSet(topology, "locked", client);
      }
      await more(other, 5);
      const before = streams.map((each) => told(each).length);
      await more(other, 10);
      assert.deepEqual(streams.map((each) => told(each).length), before, "a connection outlived the lock");
      assert.equal(await page(topology, "client1", server.v4, false), false);
      // Silent renewals: the kernel's entry never ends before the lock does.
      const end = performance.now() + 12_000 * PATIENCE;
      let least = Infinity;
      while (performance.now() < end) {
        await ping(topology, PEER);
        least = Math.min(least, await left(topology, "locked", client1.v4));
        await pause(700);
      }
      assert.ok(least >= 0, "the kernel forgot the client while it was locked");
      await daemon.sees({ event: "released", client: client1.v4 }, 15_000);
      await inSet(topology, "locked", client1.v4, false);
      assert.equal(await page(topology, "client1", server.v4, true), true);
      await Promise.all([...streams, other].map((each) => each.stop()));
    }
  },
});

Deno.test({
  ...named("locks and peers hold while ftwall is killed or restarted, and end by themselves"),
  async fn() {
    await using topology = await Topology.create({ prefix: "kn", masquerade: true });
    const peer = PEER;
    // Longer than a restart takes.
    const hold = 12 * PATIENCE;
    await topology.must("server", ["ip", "addr", "add", `${peer}/24`, "dev", "eth0"]);
    await using daemon = await RouterDaemon.start(topology, { config: `[lock]\nseconds = ${hold}\nprobe = false\n` });
    await serve(topology);
    await ping(topology, peer);
    await inSet(topology, "locked", client1.v4);
    await inSet(topology, "peers", peer);
    for (const signal of ["SIGTERM", "SIGKILL"] as const) {
      if (signal === "SIGKILL") {
        // Long enough for the new lock to be on disk.
        await daemon.must("lock", client1.v4, "--for", `${hold}s`, "--control", daemon.control);
        await pause(4000);
      }
      await daemon.process.stop(signal);
      assert.equal(await page(topology, "client1", server.v4, false), false, `free after ${signal}`);
      assert.equal(await page(topology, "client2", server.v4, true), true);
      await daemon.launch();
      await until("status", async () => (await daemon.status()).locks.length === 1);
      assert.ok(await left(topology, "locked", client1.v4) > 0);
      assert.equal((await daemon.status()).peers.count, 1);
      await inSet(topology, "peers", peer);
      assert.equal(await page(topology, "client1", server.v4, false), false);
    }
    await daemon.process.stop("SIGKILL");
    await until("the end of the lock", async () => await left(topology, "locked", client1.v4) < 0, 14_000);
    assert.equal(await page(topology, "client1", server.v4, true), true);
  },
});

Deno.test({
  ...named("sets hold only what is refused for everybody: operators, allowances, groups and reloads take entries out"),
  async fn() {
    await using topology = await Topology.create({ prefix: "kn" });
    const peer = PEER;
    await topology.must("server", ["ip", "addr", "add", `${peer}/24`, "dev", "eth0"]);
    await using daemon = await RouterDaemon.start(topology, { config: "[lock]\nseconds = 60\n" });
    await serve(topology);
    const control = ["--control", daemon.control];
    await ping(topology, peer);
    await inSet(topology, "locked", client1.v4);
    await inSet(topology, "peers", peer);
    const echo = topology.start("server", program("talk.ts", "echo", 1214));
    await echo.prints("ready");
    const talks = async (host: "client1" | "client2", due: boolean) =>
      (await talk(topology, host, "tcp", peer, 1214, "x", 5, due ? 60_000 : 1000))[0] === 5;
    assert.equal(await talks("client2", false), false);
    // Who calls a known peer is locked, too.
    await daemon.must("unlock", client2.v4, ...control);
    await daemon.must("unlock", client1.v4, ...control);
    await inSet(topology, "locked", client1.v4, false);
    assert.equal(await page(topology, "client1", server.v4, true), true);
    await daemon.must("allow", client2.v4, "--for", "1h", ...control);
    await inSet(topology, "peers", peer, false);
    // The allowed client reaches even a blocked peer, the other one does not.
    assert.deepEqual([await talks("client2", true), await talks("client1", false)], [true, false]);
    await daemon.must("unlock", client1.v4, ...control);
    daemon.write(
      `[lock]\nseconds = 60\n[[clients]]\nname = "free"\naddresses = ["${client2.v6}"]\n` +
        `[clients.protocols.fasttrack]\naction = "log"\n`,
    );
    await daemon.must("reload", ...control);
    const text = await daemon.must("status", ...control);
    assert.match(text, /locked clients only/);
    await daemon.must("lock", client1.v4, ...control);
    await inSet(topology, "locked", client1.v4);
    Deno.writeTextFileSync(
      daemon.config,
      Deno.readTextFileSync(daemon.config).replace("[lock]", `exempt = ["${client1.v4}"]\n[lock]`),
    );
    await daemon.must("reload", ...control);
    await inSet(topology, "locked", client1.v4, false);
    assert.equal(await page(topology, "client1", server.v4, true), true);
  },
});

Deno.test({
  ...named("cut = false leaves harmless connections alone, and new ones are refused all the same"),
  async fn() {
    await using topology = await Topology.create({ prefix: "kn" });
    await using daemon = await RouterDaemon.start(topology, { config: "[lock]\ncut = false\n" });
    await serve(topology);
    const stream = topology.start("client1", program("traffic.ts", "stream", server.v4, 100));
    await until("a settled stream", () => told(stream).length > 30);
    await daemon.must("lock", client1.v4, "--control", daemon.control);
    await inSet(topology, "locked", client1.v4);
    await more(stream, 15);
    assert.equal(await page(topology, "client1", server.v4, false), false);
    await stream.stop();
  },
});

Deno.test({
  ...named("dry-run changes nothing in the kernel: no set, no mark, no connection, no group"),
  async fn() {
    await using topology = await Topology.create({ prefix: "kn" });
    await using daemon = await RouterDaemon.start(topology, { dryRun: true });
    await serve(topology);
    const stream = topology.start("client1", program("traffic.ts", "stream", server.v4, 50));
    await until("the stream", () => told(stream).length > 20);
    await ping(topology, "198.51.100.2");
    await daemon.sees({ event: "locked", client: client1.v4 });
    await more(stream, 10);
    assert.equal(await left(topology, "locked", client1.v4), -1);
    assert.doesNotMatch(await topology.must("router", ["conntrack", "-L"]), /mark=[1-9]/);
    assert.doesNotMatch(await topology.must("router", ["cat", "/proc/net/igmp"]), /8F98C0EF/i);
    assert.match(await daemon.must("status", "--control", daemon.control), /sets +off: not used in dry-run/);
    await stream.stop();
  },
});
