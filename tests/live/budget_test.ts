/** One client that floods has a budget of the queue: its neighbours' packets are judged all the same. */
import assert from "node:assert/strict";
import { program, serve, told } from "./everyday.ts";
import { figure } from "./figure.ts";
import { Flood } from "./load.ts";
import { missing } from "./missing_tools.ts";
import { RouterDaemon } from "./router_daemon.ts";
import { RULES_DEFAULTS, type RulesOptions, rulesText } from "../../lib/firewall/mod.ts";
import { ADDRESSES, LAN, Topology, until } from "./topology.ts";

const named = missing([["gcc", "gcc"]]);
const { client1, client2, server } = ADDRESSES;
/** A DHT ping. */
const PING = new TextEncoder().encode("d1:ad2:id20:bbbbbbbbbbbbbbbbbbbbe1:q4:ping1:t2:bb1:y1:qe").toHex();
const PORT = 6882;
/** Packets that may wait in the queue: many more than the flood's budget lets in while nobody judges. */
const LENGTH = 4096;
const RATE = 100;
const TOLD = "a client that floods switches ftwall off for nobody else, and is told by name";

/** Packets that wait in the queue. */
async function waiting(topology: Topology): Promise<number> {
  const text = await topology.must("router", ["cat", "/proc/net/netfilter/nfnetlink_queue"]);
  return Number(text.trim().split(/\s+/)[2]);
}

for (const fail of ["open", "closed"] as const) {
  Deno.test({
    ...named(`${TOLD}: fail = ${fail}`),
    async fn() {
      using flood = new Flood();
      await flood.build();
      await using topology = await Topology.create({ prefix: "bu", believing: true });
      await serve(topology);
      const config = `[queue]\nfail = "${fail}"\nlength = ${LENGTH}\nclient_rate = ${RATE}\n`;
      await using daemon = await RouterDaemon.start(topology, { config });
      const heard = topology.start("server", program("traffic.ts", "hear", PORT));
      await topology.listening("server", "udp", PORT);
      // Nobody judges while the flood comes, so what is measured is the queue and no machine's speed.
      daemon.process.kill("SIGSTOP");
      const running = flood.start(topology, "dht", 100_000, "own");
      await until("packets of the flood", async () => await waiting(topology) >= RATE);
      await new Promise((resolve) => setTimeout(resolve, 500));
      const page = topology.run("client2", ["curl", "-s", "-m", "20", "-o", "/dev/null", `http://${server.v4}/500`]);
      await topology.must("client2", program("traffic.ts", "send", 0, server.v4, PORT, PING, 20));
      const held = await waiting(topology);
      daemon.process.kill("SIGCONT");
      await daemon.sees({ event: "detected", client: client2.v4, protocol: "bittorrent", peer_port: PORT });
      assert.equal((await page).code, 0, "a page");
      assert.deepEqual(
        told(heard).filter(({ hex }) => hex === PING),
        [],
        "what the neighbour's client sent was refused",
      );
      const above = { event: "over-budget", client: client1.v4, mac: client1.mac, direction: "from" };
      assert.equal((await daemon.sees(above))["client_rate"], RATE);
      await running.status;
      const { counters, queues } = await daemon.status();
      figure(`${running.stdout.trim()}: ${held} waited, ${JSON.stringify(queues[0])}`);
      assert.ok(counters.over_budget_seconds >= 1);
      assert.equal(queues[0]!.queue_dropped + queues[0]!.user_dropped, 0);
    },
  });
}

Deno.test({
  ...named("another budget holds as soon as the rules are applied, and none with 0"),
  async fn() {
    using flood = new Flood();
    await flood.build();
    await using topology = await Topology.create({ prefix: "bu" });
    const config = (rate: number) => `[queue]\nlength = ${LENGTH}\nclient_rate = ${rate}\n`;
    await using daemon = await RouterDaemon.start(topology, { config: config(RATE) });
    daemon.process.kill("SIGSTOP");
    let before = 0;
    // As many as are let in at once, those that come by while they are sent, and those that tell of it.
    for (const [rate, least, most] of [[RATE, RATE, 300], [700, 700, 950], [0, 1000, 1000]] as const) {
      if (rate !== RATE) {
        daemon.write(config(rate));
        await daemon.must("rules", "--apply", "--config", daemon.config);
      }
      await topology.must("client1", flood.command("send", "flow", client1.v4, server.v4, 1000, 1));
      const more = await waiting(topology) - before;
      before += more;
      assert.ok(more >= least * 0.9 && more <= most * 1.1, `${more} waited with a budget of ${rate}`);
    }
    daemon.process.kill("SIGCONT");
  },
});

Deno.test({
  ...missing([["nft", "nftables"], ["gcc", "gcc"]])("with nft, addresses that one machine makes up share its budget"),
  async fn() {
    using flood = new Flood();
    await flood.build();
    await using topology = await Topology.create({ prefix: "bu", believing: true });
    const options: RulesOptions = { ...RULES_DEFAULTS, lan: [LAN], clientRate: RATE };
    // Not every kernel has nft's queue statement: what would be queued is counted, and passes.
    const rules = rulesText("nft", options).replaceAll(/queue num 0( bypass)?/g, "counter accept");
    await topology.must("router", ["nft", "-f", "-"], { stdin: rules });
    const queued = async () => {
      const text = await topology.must("router", ["nft", "list", "chain", "inet", "ftwall", "sends"]);
      return Number(/counter packets (\d+)/.exec(text)?.[1]);
    };
    await topology.must("client1", flood.command("send", "flow", "10.91.2.1", server.v4, 2000, 1, 1000));
    const of1 = await queued();
    assert.ok(of1 >= RATE && of1 <= 4 * RATE, `${of1} of client1`);
    await topology.must("client2", flood.command("send", "flow", "10.91.2.1", server.v4, RATE, 1, 1000));
    const of2 = await queued() - of1;
    assert.ok(of2 >= 0.8 * RATE, `${of2} of client2`);
  },
});
