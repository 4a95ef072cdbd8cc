import assert from "node:assert/strict";
import { Bystander, program, serve, Surfer, told } from "./everyday.ts";
import { missing } from "./missing_tools.ts";
import { RouterDaemon } from "./router_daemon.ts";
import { ADDRESSES, type Host, Topology, until } from "./topology.ts";
import { say } from "./watch.ts";

const named = missing([]);
const pause = (seconds: number) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

/** A ping (0x27, encryption 0x29, 0x80 bytes of nothing known) names its network in clear text. */
const ping = (network: string) =>
  "270000002980" + [...network].map((letter) => letter.charCodeAt(0).toString(16)).join("") + "00";

/** The peer is at an address of its own: it is refused for everybody from then on. */
const FAMILIES = [[4, "198.51.100.7", "10.91.1."], [6, "2001:db8:91::7", "fd91:1::"]] as const;

const PLAIN_RULES = ["iptables", "ip6tables"]
  .map((tool) => `${tool} -t mangle -A FORWARD -j NFQUEUE --queue-num 0 --queue-bypass`).join(" && ");

async function send(topology: Topology, host: Host, to: string, hex: string): Promise<void> {
  await topology.must(host, program("traffic.ts", "send", 0, to, 1214, hex, 100));
}

/** The ways in which packets come to the queue and locks are held, each with what a locked client meets. */
const WAYS: readonly (readonly [name: string, config: string, ownRules: boolean, meets: "timeout" | "ECONNREFUSED"])[] =
  [
    ["with sets in the kernel", "", true, "timeout"],
    ["without sets in the kernel", 'kernel_sets = "off"', true, "timeout"],
    ["rejecting", 'refuse = "reject"', true, "ECONNREFUSED"],
    ["rejecting without sets in the kernel", 'refuse = "reject"\nkernel_sets = "off"', true, "ECONNREFUSED"],
    ["with no rule but NFQUEUE", "", false, "timeout"],
  ];

/** Pings and the lock over one family. The client surfs and is logged in; both ends with the lock's beginning. */
async function story(
  topology: Topology,
  daemon: RouterDaemon,
  [family, address, home]: typeof FAMILIES[number],
  meets: string,
): Promise<void> {
  const server = family === 4 ? ADDRESSES.server.v4 : ADDRESSES.server.v6;
  const login = topology.start("client1", program("traffic.ts", "stream", server, 50));
  const self = new Surfer(topology, "client1", family, 1000, 700);
  await until("pages", () => self.count().ok > 5);
  await until("echoes", () => told(login).length > 5);
  await send(topology, "client1", address, ping("KaZaA"));
  const event = await daemon.sees({ event: "locked", client: `${home}11`, protocol: "fasttrack", by: "detector" });
  const locked = Date.parse(event.time);
  const dialled = await topology.must("client1", program("traffic.ts", "dial", server, 22, 900, ""));
  assert.equal(JSON.parse(dialled)["error"], meets);
  await daemon.sees({ event: "released", client: `${home}11` }, 12_000);
  await until("pages after the lock", () => self.firstAfter(locked + 4500) !== null, 12_000);
  const took = self.firstAfter(locked + 4500)! - locked;
  assert.ok(took > 4500 && took < 10_000, `surfing came back ${took} ms after the ping`);
  const during = self.count(locked + 100, locked + 4200);
  assert.ok(during.ok === 0 && during.failed > 3, `${during.ok} pages in spite of the lock`);
  const echoes = told(login).filter(({ at, echoed }) =>
    // What was under way is told late on a busy machine.
    echoed !== undefined && at > locked + 1000 && at < locked + 4200
  );
  assert.equal(echoes.length, 0, "the login went on in spite of the lock");
  await Promise.all([self.stop(), login.stop("SIGKILL")]);
  for (const network of ["fileshare", "Grokster"]) {
    const locks = daemon.seen({ event: "locked", client: `${home}11` }).length;
    await send(topology, "client1", address, ping(network));
    await until("the lock", () => daemon.seen({ event: "locked", client: `${home}11` }).length > locks);
    await daemon.must("unlock", `${home}11`, "--control", daemon.control);
  }
  const pings = daemon.seen({ event: "detected", client: `${home}11`, evidence: "udp-ping", certainty: "certain" });
  assert.equal(pings.length, 3);
  assert.deepEqual(daemon.seen({ event: "locked", client: `${home}12` }), []);
}

Deno.test({
  ...named("FastTrack pings do not pass, and lock their sender alone, for as long as the lock lasts"),
  async fn(test) {
    await using topology = await Topology.create();
    await serve(topology);
    for (const [family, address] of FAMILIES) {
      await topology.must("server", ["ip", "addr", "add", `${address}/${family === 4 ? 24 : 64}`, "dev", "eth0"]);
    }
    const peer = topology.start("server", program("traffic.ts", "hear", 1214));
    await peer.prints('"ready"');
    const heard = () => told(peer).filter((line) => line["hex"] !== undefined).length;
    for (const [, address] of FAMILIES) await send(topology, "client1", address, ping("KaZaA"));
    await until("the pings without ftwall", () => heard() === 2);
    for (const [name, config, ownRules, meets] of WAYS) {
      await test.step(name, async () => {
        if (!ownRules) await topology.must("router", ["sh", "-c", PLAIN_RULES]);
        await using daemon = await RouterDaemon.start(topology, {
          config: `[lock]\nseconds = 5\n${config}\n`,
          noRules: !ownRules,
        });
        const other = await Bystander.start(topology, "client2");
        await Promise.all(FAMILIES.map((family) => story(topology, daemon, family, meets)));
        assert.equal(heard(), 2, "a ping passed");
        other.check(20);
        await other.stop();
        await daemon.must("rules", "--remove");
      });
    }
  },
});

Deno.test({
  ...named("a client that says nothing more stays locked as long as it answers the probes"),
  async fn() {
    await using topology = await Topology.create();
    await topology.must("server", ["ip", "addr", "add", "198.51.100.7/24", "dev", "eth0"]);
    await serve(topology);
    await using daemon = await RouterDaemon.start(topology, { config: "[lock]\nseconds = 6\ndecoy = false\n" });
    // At this scale it is patient for hours after its first ping.
    const client = topology.start(
      "client1",
      program("../support/fasttrack_client.ts", "--peers", "198.51.100.7:1214", "--scale", 1000),
    );
    const self = new Surfer(topology, "client1", 4, 1000, 700);
    const begun = Date.parse((await daemon.sees({ event: "locked", client: "10.91.1.11" })).time);
    await pause(14);
    assert.ok(daemon.seen({ event: "probe-sent", client: "10.91.1.11" }).length >= 3);
    assert.ok(told(client).filter((line) => line["event"] === "probed").length >= 3);
    assert.ok(daemon.seen({ event: "renewed", client: "10.91.1.11" }).length >= 3);
    assert.equal(daemon.seen({ event: "released" }).length, 0);
    assert.equal(self.count(begun + 100).ok, 0);
    const stopped = Date.now();
    await client.stop("SIGKILL");
    await daemon.sees({ event: "released", client: "10.91.1.11" });
    await until("pages", () => self.firstAfter(stopped) !== null);
    assert.ok(self.firstAfter(stopped)! - stopped < 9500);
    await self.stop();
  },
});

/** The outside addresses of the client's peer list. */
const PEERS = "198.51.100.10-209:1214";

async function serveList(topology: Topology): Promise<ReturnType<Topology["start"]>> {
  const lines: string[] = [];
  for (let host = 10; host <= 209; host++) lines.push(`addr add 198.51.100.${host}/24 dev eth0`);
  await topology.must("server", ["ip", "-batch", "-"], { stdin: lines.join("\n") + "\n" });
  const listen = `${PEERS},198.51.100.10-209:80`;
  const running = topology.start("server", program("../support/fasttrack_peer.ts", "--listen", listen));
  await running.prints('"ready"', 20_000);
  return running;
}

/** Seconds of the time-lock: short, so that the test is. FTWALL_LOCK=120 shows the real ones; all else is stretched likewise. */
const LOCK = Number(Deno.env.get("FTWALL_LOCK") ?? "10");
const STRETCH = LOCK / 10;

/** A client of a network of its own runs against ftwall, is closed, and surfs again. */
async function closed(decoy: boolean, scale: number): Promise<void> {
  const name = decoy ? "led by decoys" : "without decoys";
  await using topology = await Topology.create({ masquerade: true });
  const running = await serveList(topology);
  // The peers hold port 80 of their own addresses; the web server is on the server's first one.
  await serve(topology);
  const start = (scale: number) =>
    topology.start(
      "client1",
      program("../support/fasttrack_client.ts", "--peers", PEERS, "--scale", scale, "--transfer", "yes"),
    );
  const free = start(0.1);
  await free.prints('"payload"', 10_000);
  await free.stop();
  await using daemon = await RouterDaemon.start(topology, {
    config: `[lock]\nseconds = ${LOCK}\ndecoy = ${decoy}\n`,
  });
  const accepted = () => told(running).filter((line) => line["event"] === "accepted").length;
  const met = accepted();
  const other = await Bystander.start(topology, "client2");
  const self = new Surfer(topology, "client1", 4, 1000, 700);
  await until("pages", () => self.count().ok > 5);
  const begun = Date.now();
  const client = start(Math.min(1, scale * STRETCH));
  await client.prints('"started"');
  if (decoy) {
    const list = async () => (await daemon.status()).peers.count >= 200;
    await until("the whole list", list, 30_000 * STRETCH, () => daemon.tail());
    say(`${name}: the whole list after ${(Date.now() - begun) / 1000} s`);
  }
  await pause(18 * STRETCH - (Date.now() - begun) / 1000);
  const stopped = Date.now();
  await client.stop();
  const lines = told(client);
  const count = (event: string) => lines.filter((line) => line["event"] === event).length;
  assert.equal(count("connected"), 0, JSON.stringify(lines.find((line) => line["event"] === "connected")));
  assert.equal(accepted(), met);
  assert.ok(count("ping") > 0);
  if (!decoy) {
    for (const phase of ["udp", "parallel", "serial"]) {
      assert.ok(lines.some((line) => line["phase"] === phase), `it never came to phase ${phase}`);
    }
  }
  const during = self.count(begun + 1500, stopped);
  assert.equal(during.ok, 0, `${during.ok} pages while it ran`);
  assert.ok(during.failed > 15);
  await until("pages again", () => self.firstAfter(stopped) !== null, LOCK * 1000 + 15_000, () => daemon.tail());
  const took = (self.firstAfter(stopped)! - stopped) / 1000;
  assert.ok(took > LOCK / 5 && took < LOCK + 11, `surfing came back after ${took} s`);
  const probes = daemon.seen({ event: "probe-sent", client: "10.91.1.11" }).length;
  say(
    `${name}: ran ${((stopped - begun) / 1000).toFixed(0)} s, ${JSON.stringify(lines.at(-1))}, ${probes} probes, ` +
      `surfing again ${took.toFixed(1)} s after its end, the other one had ${other.check(20)}`,
  );
  await Promise.all([self.stop(), other.stop()]);
}

Deno.test({
  ...named("a FastTrack client never meets a peer, shows its whole list, and surfs again soon after it is closed"),
  async fn() {
    await Promise.all([closed(true, 0.2), closed(false, 0.06)]);
  },
});

Deno.test({
  ...named("clients that behave as giFT and mldonkey do show their whole list, and get nothing"),
  async fn() {
    // giFT forgets whom it tried by TCP: one in eleven, before it pinged them.
    await Promise.all(([["gift", 175], ["mldonkey", 200]] as const).map(async ([as, all]) => {
      await using topology = await Topology.create();
      await serveList(topology);
      await using daemon = await RouterDaemon.start(topology);
      const begun = Date.now();
      const client = topology.start(
        "client1",
        program("../support/fasttrack_client.ts", "--as", as, "--peers", PEERS, "--scale", 0.05, "--transfer", "yes"),
      );
      const list = async () => (await daemon.status()).peers.count >= all;
      await until(`the whole list of ${as}`, list, 40_000, () => client.stdout.slice(-400) + daemon.tail());
      const took = (Date.now() - begun) / 1000;
      await client.stop();
      const totals = told(client).at(-1)!;
      assert.deepEqual([totals["sessions"], totals["payload"], totals["probes"]], [0, 0, 0]);
      // Until the first ping is seen, what the program begins at once goes through: empty connections.
      assert.ok((totals["connected"] as number) <= 20, JSON.stringify(totals));
      say(`${as}: the whole list after ${took} s, ${JSON.stringify(totals)}`);
    }));
  },
});
