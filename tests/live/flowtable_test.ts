/**
 * Settled flows in an nft flowtable: they pass every chain by, and come back as soon as something is to be said of them. The
 * kernel of a test machine seldom has flowtables: tests/live/debian_kernel.sh runs this on one that does.
 */
import assert from "node:assert/strict";
import { serve } from "./everyday.ts";
import { figure } from "./figure.ts";
import { missing } from "./missing_tools.ts";
import { RouterDaemon } from "./router_daemon.ts";
import { ADDRESSES, Topology, until } from "./topology.ts";

/** Why there can be no flowtable here; null where there can. */
function lacking(): string | null {
  const text = "add table inet t\nadd flowtable inet t f { hook ingress priority 0; devices = { lo }; counter; }\n";
  try {
    const child = new Deno.Command("unshare", {
      args: ["-n", "sh", "-c", `printf '${text.replaceAll("\n", "\\n")}' | nft -f -`],
      stderr: "null",
    });
    return child.outputSync().success ? null : "this kernel has no flowtable (module nf_flow_table_inet)";
  } catch {
    return "no unshare, package util-linux";
  }
}

const named = missing([["iperf3", "iperf3"], ["conntrack", "conntrack"], ["nft", "nftables"]], lacking());
const { server } = ADDRESSES;
const CONFIG = '[queue]\noffload = "software"\n';

/** Connections of the router to this port that are in the flowtable. */
async function offloaded(topology: Topology, port: number): Promise<string[]> {
  const list = await topology.must("router", ["conntrack", "-L"]);
  return list.split("\n").filter((line) => line.includes(`dport=${port} `) && line.includes("[OFFLOAD]"));
}

/** Bytes that came to the client: what its program reads may have waited in its own kernel. */
async function received(topology: Topology): Promise<number> {
  return Number(await topology.must("client1", ["cat", "/sys/class/net/eth0/statistics/rx_bytes"]));
}

/** A download of the client that goes on until it is stopped, and the bytes that it has. */
async function download(topology: Topology, url: string): Promise<{ bytes: () => number; stop: () => Promise<void> }> {
  const file = await Deno.makeTempFile({ prefix: "ftwall-live-" });
  const curl = topology.start("client1", ["curl", "-s", "--limit-rate", "2M", "-o", file, url]);
  return {
    bytes: () => Deno.statSync(file).size,
    stop: async () => {
      await curl.stop();
      await Deno.remove(file);
    },
  };
}

for (const masquerade of [false, true]) {
  Deno.test({
    ...named(`an offloaded transfer ends with its client's lock${masquerade ? ", behind masquerade" : ""}`),
    async fn() {
      await using topology = await Topology.create({ prefix: "kf", masquerade });
      await using daemon = await RouterDaemon.start(topology, { config: CONFIG });
      await serve(topology);
      for (const host of [server.v4, server.v6]) {
        const url = `http://${host.includes(":") ? `[${host}]` : host}/400000000`;
        const { bytes, stop } = await download(topology, url);
        await until("offloaded", async () => (await offloaded(topology, 80)).length > 0);
        const seen = (await daemon.status()).counters.packets;
        const before = bytes();
        await until("more comes", () => bytes() > before + 2_000_000);
        assert.ok((await daemon.status()).counters.packets - seen < 20, "packets of an offloaded flow were queued");
        const client = host === server.v4 ? ADDRESSES.client1.v4 : ADDRESSES.client1.v6;
        await daemon.must("lock", client, "--for", "60", "--control", daemon.control);
        // A second is what the kernel may take to look through its flowtable.
        await new Promise((resolve) => setTimeout(resolve, 1000));
        const locked = await received(topology);
        await new Promise((resolve) => setTimeout(resolve, 2000));
        const since = await received(topology) - locked;
        assert.ok(since < 3000, `the locked client received ${since} bytes, ARP and neighbour discovery included`);
        await stop();
        await daemon.must("unlock", client, "--control", daemon.control);
      }
    },
  });
}

Deno.test({
  ...named("a reload has offloaded flows judged anew, and an interface that came later is in the flowtable"),
  async fn() {
    await using topology = await Topology.create({ prefix: "kf" });
    await using daemon = await RouterDaemon.start(topology, { config: CONFIG });
    await serve(topology);
    const { bytes, stop } = await download(topology, `http://${server.v4}/400000000`);
    await until("offloaded", async () => (await offloaded(topology, 80)).length > 0);
    const seen = (await daemon.status()).counters.packets;
    daemon.write(`${CONFIG}[protocols.bittorrent]\naction = "log"\n`);
    await daemon.must("reload", "--control", daemon.control);
    await until("judged anew", async () => (await daemon.status()).counters.packets > seen);
    await until("offloaded again", async () => (await offloaded(topology, 80)).length > 0);
    const before = bytes();
    await until("more comes", () => bytes() > before);
    await stop();
    await topology.must("router", ["ip", "link", "add", "late", "type", "dummy"]);
    await daemon.must("rules", "--apply", "--config", daemon.config);
    assert.match(await topology.must("router", ["nft", "list", "flowtables"]), /devices = \{[^}]*late/);
    await daemon.must("rules", "--remove", "--config", daemon.config);
    assert.doesNotMatch(await topology.must("router", ["nft", "list", "flowtables"]), /settled_flows/);
  },
});

Deno.test({
  ...named("what forwarding costs with the flowtable, without, and without any rule"),
  async fn() {
    await using topology = await Topology.create({ prefix: "kf" });
    await using daemon = await RouterDaemon.start(topology, { config: CONFIG });
    const iperf = topology.start("server", ["iperf3", "-s", "--forceflush"]);
    await iperf.prints("listening");
    const rates: Record<string, number[]> = { "no rule": [], "rules": [], "flowtable": [] };
    for (let round = 0; round < 3; round++) {
      for (const way of Object.keys(rates)) {
        daemon.write(way === "flowtable" ? CONFIG : "");
        const rules = way === "no rule" ? "--remove" : "--apply";
        await daemon.must("rules", rules, "--config", daemon.config);
        const run = ["iperf3", "-c", server.v4, "-u", "-b", "0", "-l", "100", "-t", "4", "-O", "1", "--json"];
        const { end: { sum } } = JSON.parse(await topology.must("client1", run));
        rates[way]!.push((sum.packets - sum.lost_packets) / sum.seconds);
      }
    }
    const median = (way: string) => rates[way]!.sort((a, b) => a - b)[1]!;
    for (const way of Object.keys(rates)) {
      figure(`${way}: ${median(way).toFixed(0)} packets/s, ${(median(way) / median("no rule")).toFixed(2)} of no rule`);
    }
    assert.ok(median("flowtable") > 0);
  },
});
