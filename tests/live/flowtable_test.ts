/**
 * Settled flows in a flowtable: they pass every chain by, and come back as soon as something is to be said of them. The kernel
 * of a test machine seldom has flowtables: tests/live/debian_kernel.sh runs this on one that does. The target FLOWOFFLOAD of
 * iptables is OpenWrt's alone; tests that want it are skipped elsewhere.
 */
import assert from "node:assert/strict";
import { serve } from "./everyday.ts";
import { figure } from "./figure.ts";
import { missing } from "./missing_tools.ts";
import { RouterDaemon } from "./router_daemon.ts";
import { findOffloads, RULES_DEFAULTS } from "../../lib/firewall/mod.ts";
import { ADDRESSES, LAN, PATIENCE, Topology, until, WAN } from "./topology.ts";

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

/** The same of iptables' target for flow offload. */
function lackingTarget(): string | null {
  const target = "iptables -t mangle -A FORWARD -j FLOWOFFLOAD";
  const child = new Deno.Command("unshare", { args: ["-n", "sh", "-c", target], stderr: "null" });
  return child.outputSync().success ? null : "no target FLOWOFFLOAD, which OpenWrt alone has";
}

const named = missing([["iperf3", "iperf3"], ["conntrack", "conntrack"], ["nft", "nftables"]], lacking());
const targeted = missing([["conntrack", "conntrack"], ["iptables", "iptables"]], lacking() ?? lackingTarget());
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

for (const [backend, masquerade] of [["nft", false], ["nft", true], ["iptables", false], ["iptables", true]] as const) {
  const label = `an offloaded transfer ends with its client's lock${masquerade ? ", behind masquerade" : ""}`;
  Deno.test({
    ...(backend === "nft" ? named(label) : targeted(`${label}, by iptables`)),
    async fn() {
      await using topology = await Topology.create({ prefix: "kf", masquerade });
      await using daemon = await RouterDaemon.start(topology, { config: CONFIG, backend });
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

/** What the kernel's timeouts of offloaded flows are, of TCP and UDP. */
async function timeouts(topology: Topology): Promise<string> {
  const paths = ["tcp", "udp"].map((transport) => `/proc/sys/net/netfilter/nf_flowtable_${transport}_timeout`);
  return (await topology.must("router", ["cat", ...paths])).trim().replace("\n", " ");
}

Deno.test({
  ...targeted("by iptables a reload has offloaded flows judged anew, and leaves translated connections whole"),
  async fn() {
    await using topology = await Topology.create({ prefix: "kf", masquerade: true });
    await using daemon = await RouterDaemon.start(topology, { config: CONFIG, backend: "iptables" });
    await serve(topology);
    const { bytes, stop } = await download(topology, `http://${server.v4}/400000000`);
    await until("offloaded", async () => (await offloaded(topology, 80)).length > 0);
    const seen = (await daemon.status()).counters.packets;
    daemon.write(`${CONFIG}[protocols.bittorrent]\naction = "log"\n`);
    await daemon.must("reload", "--control", daemon.control);
    const begun = performance.now();
    await until("judged anew", async () => (await daemon.status()).counters.packets > seen);
    figure(`a reload's flows were judged ${((performance.now() - begun) / 1000).toFixed(1)} s later`);
    const before = bytes();
    await until("the transfer goes on", () => bytes() > before + 4_000_000);
    assert.equal(await timeouts(topology), "0 0");
    await stop();
    await daemon.process.stop();
    assert.equal(await timeouts(topology), "30 30");
  },
});

Deno.test({
  ...targeted("by iptables a flow that was silent during a reload is judged, too"),
  async fn() {
    await using topology = await Topology.create({ prefix: "kf", masquerade: true });
    await using daemon = await RouterDaemon.start(topology, { config: CONFIG, backend: "iptables" });
    topology.start("server", ["python3", "-c", ECHO]);
    await topology.listening("server", "udp", PORTS.server);
    const signal = `${daemon.dir}/go on`;
    const pausing = topology.start("client1", [
      "python3",
      "-c",
      `${TALK}print("silent", flush=True)
import os, time
while not os.path.exists("${signal}"): time.sleep(0.1)
while True:
    s.sendto(bytes(${BYTES}), ("${server.v4}", ${PORTS.server})); s.recv(2000); time.sleep(0.1)
`,
    ]);
    await pausing.prints("silent");
    assert.equal((await offloaded(topology, PORTS.server)).length, 1);
    daemon.write(`${CONFIG}[protocols.bittorrent]\naction = "log"\n`);
    await daemon.must("reload", "--control", daemon.control);
    await new Promise((resolve) => setTimeout(resolve, 5000));
    assert.equal((await offloaded(topology, PORTS.server)).length, 1, "it was taken out while it was silent");
    const seen = (await daemon.status()).counters.packets;
    await Deno.writeTextFile(signal, "");
    await until("judged anew", async () => (await daemon.status()).counters.packets > seen);
    await pausing.stop();
  },
});

/** The flowtable of a firewall like fw4, beside ours: what `condition` lets through goes into it. */
async function foreign(topology: Topology, condition: string, counter = "counter; "): Promise<void> {
  const text = `table inet fw4 {
    flowtable ft { hook ingress priority 0; devices = { ${LAN}, ${WAN} }; ${counter}}
    chain forward { type filter hook forward priority 0; ${condition} meta l4proto { tcp, udp } flow add @ft; }
  }\n`;
  await topology.must("router", ["nft", "-f", "-"], { stdin: text });
}

for (const config of ["", CONFIG]) {
  Deno.test({
    ...named(`another table's flowtable, asked for our mark, keeps to locks; ours is ${config === "" ? "off" : "on"}`),
    async fn() {
      await using topology = await Topology.create({ prefix: "kf" });
      await using daemon = await RouterDaemon.start(topology, { config });
      await foreign(topology, "ct mark & 0x0f000000 == 0x01000000");
      assert.deepEqual(await findOffloads(topology.runner("router"), RULES_DEFAULTS.mark), []);
      await serve(topology);
      const { bytes, stop } = await download(topology, `http://${server.v4}/400000000`);
      await until("offloaded", async () => (await offloaded(topology, 80)).length > 0);
      const seen = (await daemon.status()).counters.packets;
      assert.ok(seen > 0, "offloaded before it was judged");
      const before = bytes();
      await until("more comes", () => bytes() > before + 2_000_000);
      if (config !== "") {
        // With ours every flow goes into ours, which a reload empties.
        daemon.write(`${config}[protocols.bittorrent]\naction = "log"\n`);
        await daemon.must("reload", "--control", daemon.control);
        await until("judged anew", async () => (await daemon.status()).counters.packets > seen);
      }
      await daemon.must("lock", ADDRESSES.client1.v4, "--for", "60", "--control", daemon.control);
      await new Promise((resolve) => setTimeout(resolve, 1000));
      const locked = await received(topology);
      await new Promise((resolve) => setTimeout(resolve, 2000));
      assert.ok(await received(topology) - locked < 3000, "the locked client went on receiving");
      await stop();
    },
  });
}

Deno.test({
  ...named("the kernel goes on counting the bytes of an offloaded connection"),
  async fn() {
    await using topology = await Topology.create({ prefix: "kf" });
    await using _ = await RouterDaemon.start(topology, { config: CONFIG });
    await serve(topology);
    const { bytes, stop } = await download(topology, `http://${server.v4}/400000000`);
    await until("offloaded", async () => (await offloaded(topology, 80)).length > 0);
    const before = bytes();
    await until("more comes", () => bytes() > before + 4_000_000);
    const counted = async () =>
      Math.max(
        ...[...(await offloaded(topology, 80)).join().matchAll(/ bytes=(\d+)/g)].map((match) => Number(match[1])),
      );
    await until("counted", async () => await counted() > before + 4_000_000);
    await stop();
  },
});

/** Packets of the measure below: a UDP flow of 100 bytes each. */
const PORTS = { client: 9009, server: 9010 };
const BYTES = 100;
/** How many of them are sent each time. */
const PACKETS = 40_000;
/** Sends a flow's first packets and has them answered, until it is settled. */
const TALK = `import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(2); s.bind(("", ${PORTS.client}))
for i in range(24):
    s.sendto(bytes([255 - i]) * ${BYTES}, ("${server.v4}", ${PORTS.server})); s.recv(2000)
`;
const ECHO = `import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("", ${PORTS.server}))
while True:
    data, address = s.recvfrom(2000); s.sendto(data, address)
`;

/** Packets of IPv4 that the router has forwarded by the long way: those of a flowtable do not count. */
async function forwarded(topology: Topology): Promise<number> {
  const counters = (await topology.must("router", ["cat", "/proc/net/snmp"])).split("\n");
  const [names, values] = counters.filter((line) => line.startsWith("Ip: ")).map((line) => line.split(" "));
  return Number(values![names!.indexOf("ForwDatagrams")]);
}

/** Nanoseconds that the kernel takes to send a packet and do with it what the router does, of \`count\` sent by pktgen. */
async function costOf(topology: Topology, count: number): Promise<number> {
  const mac = (await topology.must("router", ["cat", `/sys/class/net/${LAN}/address`])).trim();
  const settings = [
    `pkt_size ${BYTES + 42}`,
    `count ${count}`,
    "delay 0",
    `dst ${server.v4}`,
    `src_min ${ADDRESSES.client1.v4}`,
    `src_max ${ADDRESSES.client1.v4}`,
    `dst_mac ${mac}`,
    ...["udp_src", "udp_dst"].flatMap((what) =>
      ["min", "max"].map((end) => `${what}_${end} ${what === "udp_src" ? PORTS.client : PORTS.server}`)
    ),
  ];
  const lines = [
    "echo rem_device_all >/proc/net/pktgen/kpktgend_0",
    "echo add_device eth0 >/proc/net/pktgen/kpktgend_0",
    ...settings.map((line) => `echo "${line}" >/proc/net/pktgen/eth0`),
    "echo start >/proc/net/pktgen/pgctrl",
    "cat /proc/net/pktgen/eth0",
  ];
  const told = await topology.must("client1", ["sh", "-ec", lines.join("\n")], { limit: 120_000 });
  return Number(/OK: (\d+)/.exec(told)![1]) * 1000 / count;
}

const generator = missing([["nft", "nftables"]], lacking() ?? noGenerator());

/** Why the kernel can send nothing by itself; null where it can. */
function noGenerator(): string | null {
  new Deno.Command("sh", { args: ["-c", "modprobe pktgen"], stderr: "null" }).outputSync();
  return exists("/proc/net/pktgen/pgctrl") ? null : "this kernel has no pktgen";
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** What the router does with the packets that are measured. */
const WAYS: Readonly<Record<string, (topology: Topology) => Promise<unknown>>> = {
  "no rule": () => Promise.resolve(),
  "connection tracking alone": (topology) =>
    nft(
      topology,
      "router",
      "table inet t { chain f { type filter hook forward priority 0; ct state invalid drop; }; }\n",
    ),
  "ftwall's rules": () => Promise.resolve(),
  "ftwall's rules and flowtable": () => Promise.resolve(),
  "a flowtable and nothing else": (topology) => foreign(topology, ""),
  "the same flowtable, not counting": (topology) => foreign(topology, "", ""),
};

async function nft(topology: Topology, host: "server" | "router", stdin: string): Promise<void> {
  await topology.must(host, ["nft", "-f", "-"], { stdin });
}

/** Has an interface drop the packets that are measured, before anything else looks at them. */
function sink(device: string): string {
  const hook = `type filter hook ingress device "${device}" priority -500;`;
  return `table netdev sink { chain in { ${hook} udp dport ${PORTS.server} drop; }; }\n`;
}

Deno.test({
  ...generator("what forwarding a packet costs: without a rule, tracked, with the rules, with the flowtable"),
  async fn() {
    await using topology = await Topology.create({ prefix: "kf" });
    await using daemon = await RouterDaemon.start(topology, { config: CONFIG });
    topology.start("server", ["python3", "-c", ECHO]);
    await topology.listening("server", "udp", PORTS.server);
    const costs: Record<string, number[]> = {};
    const measure = async (way: string) => {
      // What ftwall does about rules that changed would count as the way's cost; the tools that it has started are let end.
      daemon.process.kill("SIGSTOP");
      await new Promise((resolve) => setTimeout(resolve, 500 * PATIENCE));
      (costs[way] ??= []).push(await costOf(topology, PACKETS));
      daemon.process.kill("SIGCONT");
    };
    for (let round = 0; round < 5; round++) {
      for (const [way, prepare] of Object.entries(WAYS)) {
        daemon.write(way.endsWith("and flowtable") ? CONFIG : "");
        await daemon.must("rules", way.startsWith("ftwall") ? "--apply" : "--remove", "--config", daemon.config);
        await prepare(topology);
        await topology.must("client1", ["python3", "-c", TALK]);
        assert.equal((await offloaded(topology, PORTS.server)).length, way.includes("flowtable") ? 1 : 0, way);
        await nft(topology, "server", sink("eth0"));
        const before = await forwarded(topology);
        await measure(way);
        const long = await forwarded(topology) - before;
        if (way.includes("flowtable")) assert.ok(long < PACKETS / 100, `${way}: ${long} packets went the long way`);
        else assert.ok(long >= PACKETS, `${way}: only ${long} packets came`);
        await nft(topology, "server", "delete table netdev sink\n");
        await topology.run("router", ["nft", "delete", "table", "inet", way.startsWith("connection") ? "t" : "fw4"]);
        await topology.must("router", ["conntrack", "-F"]);
      }
      // What sending costs by itself.
      await nft(topology, "router", sink(LAN));
      await measure("sent and dropped");
      await nft(topology, "router", "delete table netdev sink\n");
    }
    for (const [way, all] of Object.entries(costs)) {
      figure(`${way}: ${all.map((cost) => cost.toFixed(0)).join(", ")} ns with sending`);
    }
    // Beside others the least is what comes nearest to a machine of one's own.
    for (const [name, rank] of [["median", 2], ["least", 0]] as const) {
      const cost = (way: string) => costs[way]!.toSorted((a, b) => a - b)[rank]!;
      const forwarding = (way: string) => cost(way) - cost("sent and dropped");
      for (const way of Object.keys(WAYS)) {
        const ratio = (forwarding("no rule") / forwarding(way)).toFixed(2);
        figure(
          `${way}: ${name} ${forwarding(way).toFixed(0)} ns to forward a packet, ${ratio} of the rate without a rule`,
        );
      }
    }
  },
});
