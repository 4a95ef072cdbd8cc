/**
 * Reloads, hours and rules that change while ftwall runs.
 */
import assert from "node:assert/strict";
import { program, serve, told } from "./everyday.ts";
import { missing } from "./missing_tools.ts";
import { RouterDaemon } from "./router_daemon.ts";
import { ADDRESSES, PATIENCE, Topology, until } from "./topology.ts";

const named = missing([["conntrack", "conntrack"], ["iptables", "iptables"]]);
const { server } = ADDRESSES;
const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const ACCEPTED = 0x01000000;

async function marks(topology: Topology): Promise<string> {
  return await topology.must("router", ["conntrack", "-L", "-p", "tcp", "--dport", "22"]);
}

Deno.test({
  ...named("a reload makes settled flows visit the queue again, and they are settled anew"),
  async fn() {
    await using topology = await Topology.create({ prefix: "kn", masquerade: true });
    await using daemon = await RouterDaemon.start(topology);
    await serve(topology);
    const streams = [server.v4, server.v6].map((host) =>
      topology.start("client1", program("traffic.ts", "stream", host, 20))
    );
    const settled = async () => (await marks(topology)).match(new RegExp(`mark=${ACCEPTED} `, "g"))?.length === 2;
    await until("settled streams", settled);
    const before = (await daemon.status()).counters.packets;
    await pause(1000);
    assert.equal((await daemon.status()).counters.packets, before, "settled flows still come");
    daemon.write("[lock]\nseconds = 61\n");
    await daemon.must("reload", "--control", daemon.control);
    await until("packets again", async () => (await daemon.status()).counters.packets > before + 4);
    await until("settled anew", settled);
    assert.match(await daemon.must("status", "--control", daemon.control), /2 looked at again/);
    assert.equal(told(streams[0]!).filter((line) => line["error"] !== undefined).length, 0);
    await Promise.all(streams.map((each) => each.stop()));
  },
});

Deno.test({
  ...named("another hour's answer holds for flows that were settled before"),
  async fn() {
    await using topology = await Topology.create({ prefix: "kn" });
    // Protocols are off until the next minute begins; on a slow machine, a later one.
    const at = new Date(Date.now() + (new Date().getSeconds() > 50 ? 10_000 : 0) + 60_000 * PATIENCE);
    const minute = (date: Date) =>
      `${String(date.getUTCHours()).padStart(2, "0")}:${String(date.getUTCMinutes()).padStart(2, "0")}`;
    const until24 = minute(new Date(at.getTime() + 3_600_000));
    await using daemon = await RouterDaemon.start(topology, {
      config: '[protocols.bittorrent]\naction = "off"\n[[schedule]]\nname = "work"\n' +
        `days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]\nhours = ["${minute(at)}-${until24}"]\n` +
        '[schedule.protocols.bittorrent]\naction = "drop"\n',
    });
    await serve(topology);
    const stream = topology.start("client1", program("traffic.ts", "stream", server.v4, 200));
    await until("a settled stream", async () => (await marks(topology)).includes(`mark=${ACCEPTED} `));
    const before = (await daemon.status()).counters.packets;
    await until(
      "packets again at the hour",
      async () => (await daemon.status()).counters.packets > before,
      80_000,
    );
    assert.match(await daemon.must("status", "--control", daemon.control), /1 looked at again/);
    await stream.stop();
  },
});

Deno.test({
  ...named("rules change by difference under a running ftwall and lose no waiting packet; reload says what to run"),
  async fn() {
    await using topology = await Topology.create({ prefix: "kn" });
    // It is stopped for as long as the tools take.
    const patient = 'watchdog = "1m"\n';
    await using daemon = await RouterDaemon.start(topology, { config: `[queue]\n${patient}` });
    const sink = topology.start("server", program("traffic.ts", "sink", 9000));
    await topology.listening("server", "udp", 9000);
    const control = ["--control", daemon.control];
    const flood = topology.start("client1", program("traffic.ts", "flood", server.v4, 9000, 150, 400 * PATIENCE));
    const waiting = async () => {
      const text = await topology.must("router", ["cat", "/proc/net/netfilter/nfnetlink_queue"]);
      return Number(text.trim().split(/\s+/)[2]);
    };
    for (let round = 0; round < 4; round++) {
      daemon.process.kill("SIGSTOP");
      const packets = round % 2 === 0 ? 12 : 16;
      daemon.write(`[queue]\n${patient}packets_tcp = ${packets}\npackets_udp = ${packets / 2}\n`);
      await until("waiting packets", async () => await waiting() > 0);
      assert.match(await daemon.must("rules", "--apply", "--config", daemon.config), /The rules are in place/);
      daemon.process.kill("SIGCONT");
      await until("an empty queue", async () => await waiting() === 0);
      // The rules are those of the new config already, so the reload has nothing to refuse.
      await daemon.must("reload", ...control);
    }
    await flood.stop();
    const sent = Number(/"sent":(\d+)/.exec(flood.stdout)![1]);
    assert.ok(sent > 100);
    sink.kill("SIGUSR1");
    await sink.prints('"received"');
    const { received, missing: lost } = told(sink).at(-1) as unknown as { received: number; missing: unknown };
    assert.deepEqual([received, lost], [sent, 0]);
    daemon.write(`[queue]\n${patient}packets_tcp = 30\nnumbers = "3"\n`);
    const refused = await daemon.run("reload", ...control);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /queue\.numbers was changed.*run: ftwall rules --apply, then restart ftwall/);
    daemon.write(`[queue]\n${patient}packets_tcp = 30\n`);
    assert.match((await daemon.run("reload", ...control)).stderr, /run: ftwall rules --apply, then ftwall reload/);
  },
});
