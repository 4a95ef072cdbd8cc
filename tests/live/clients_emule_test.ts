import assert from "node:assert/strict";
import { program } from "./everyday.ts";
import { missing } from "./missing_tools.ts";
import { RouterDaemon } from "./router_daemon.ts";
import { Capture } from "./support_clients_capture.ts";
import { EMULE_BYTES, EMULE_TOOLS, EmuleNode, type EmuleSettings } from "./support_clients_emule.ts";
import { Homes } from "./support_clients_homes.ts";
import { ADDRESSES, LAN, Topology } from "./topology.ts";
import { arrive, keep, say, watchSeconds } from "./watch.ts";

const SERVER = ADDRESSES.server.v4;

const named = missing(EMULE_TOOLS);

/** How long nothing may cross. aMule tries its sources every few seconds at first. */
const SECONDS = watchSeconds(35);

Deno.test({
  ...named(
    "aMule moves files without ftwall, and in clear not a byte with it; what is obfuscated is mentioned or proven",
  ),
  async fn(test) {
    await using topology = await Topology.create({ prefix: "cm" });
    await using homes = new Homes(topology);
    const content = new Uint8Array(EMULE_BYTES);
    for (let at = 0; at < EMULE_BYTES; at += 50_000) crypto.getRandomValues(content.subarray(at, at + 50_000));
    let base = 4662;
    // New ones for each step: a sharing node remembers who asked lately, and lets the same address wait when it asks again.
    const leech = async (nodes: AsyncDisposableStack, ways: readonly ("off" | "required")[]) => {
      const pairs = await Promise.all(ways.map(async (obfuscation, at) => {
        const port = base;
        base += 100;
        const home = await homes.add();
        const outside: EmuleSettings = { host: "server", address: SERVER, port, number: 1 + at * 2, obfuscation };
        const inside: EmuleSettings = { host: home, address: home.v4, port: 4662, number: 2 + at * 2, obfuscation };
        const seeder = nodes.use(new EmuleNode(topology, outside));
        Deno.mkdirSync(`${seeder.dir}/Incoming`);
        Deno.writeFileSync(`${seeder.dir}/Incoming/file.bin`, content);
        await seeder.start([inside]);
        return { way: obfuscation, label: obfuscation === "off" ? "plain" : "obfuscated", seeder, inside, outside };
      }));
      return await Promise.all(pairs.map(async ({ way, label, seeder, inside, outside }) => {
        const leecher = nodes.use(new EmuleNode(topology, inside));
        await leecher.start([outside]);
        await leecher.command("connect kad");
        await seeder.command("connect kad");
        // Without a network it takes no sources from links.
        const begun = performance.now();
        while (performance.now() - begun < 10_000 && !/Kad: Connected/.test(await leecher.command("status"))) {
          await new Promise((resolve) => setTimeout(resolve, 500));
        }
        await leecher.command(`add ${await seeder.link("file.bin", EMULE_BYTES)}`);
        return { way, label, leecher, content };
      }));
    };
    const ways = ["off", "required"] as const;
    await test.step("with ftwall nothing comes", async () => {
      await using daemon = await RouterDaemon.start(topology);
      await using capture = await Capture.start(topology, "router", LAN);
      await using leechers = new AsyncDisposableStack();
      const running = await leech(leechers, ways);
      await new Promise((resolve) => setTimeout(resolve, SECONDS * 1000));
      for (const event of daemon.seen({ event: "detected" })) {
        say(
          `${event["client"]} ${event["protocol"]} ${event["evidence"]} ${event["certainty"]} ${
            event["score_after"]
          } ${event.time}`,
        );
      }
      await capture.end();
      const received = running.map(({ label, leecher }) => [label, leecher.received(content)]);
      for (const [label, bytes] of received) say(`${label}: ${bytes} bytes in ${SECONDS} s`);
      say(JSON.stringify(capture.volumes().filter(({ bytes }) => bytes > 1000)));
      // The obfuscated one gets nothing where its Kad is asked, and answers, before the file has come.
      assert.deepEqual(received[0], ["plain", 0]);
      assert.deepEqual(capture.marks([content]), [0]);
      // Kad of two nodes is too little to tell the obfuscated one by, but enough to ask it.
      const told = daemon.seen({ event: "detected", protocol: "edonkey" })
        .filter(({ evidence }) => /^(obfuscated-|kad-probe$)/.test(String(evidence)));
      assert.ok(told.length > 0, "obfuscation was not so much as mentioned");
    });
    await test.step("without it the files come", async () => {
      await using capture = await Capture.start(topology, "router", LAN);
      await come(ways, leech);
      await capture.end();
      keep(capture, "emule");
    });
  },
});

/** Each with a server and a file of its own. */
const BY_SERVER: readonly (Pick<EmuleSettings, "obfuscation" | "noKad"> & { readonly lowId?: boolean })[] = [
  { obfuscation: "off", noKad: true },
  // Who shares cannot be called, and calls back when the server asks him to.
  { obfuscation: "off", noKad: true, lowId: true },
  { obfuscation: "usual" },
  { obfuscation: "usual", noKad: true },
  { obfuscation: "required", noKad: true },
];
/** Other nodes of Kad, each at an address of its own. */
const NEIGHBOURS: readonly EmuleSettings[] = [10, 11, 12, 13, 14, 15].map((number) => ({
  ...{ host: "server", address: `198.51.100.${number}`, port: 7000 + number * 50, number, obfuscation: "usual" },
}));

Deno.test({
  ...named("aMule that finds its sources by a server moves files without ftwall, and not a byte with it"),
  async fn(test) {
    await using topology = await Topology.create({ prefix: "cm" });
    await using homes = new Homes(topology);
    await using neighbours = new AsyncDisposableStack();
    await Promise.all(NEIGHBOURS.map(async (neighbour) => {
      await topology.must("server", ["ip", "addr", "add", `${neighbour.address}/24`, "dev", "eth0"]);
      const node = neighbours.use(new EmuleNode(topology, neighbour));
      await node.start(NEIGHBOURS.filter((other) => other !== neighbour));
    }));
    const ways = await Promise.all(BY_SERVER.map(async (way, at) => {
      const server = { address: SERVER, port: 4661 + at * 10, hidden: 4665 + at * 10 };
      const running = topology.start("server", program("../support/ed2k_server.ts", ...Object.values(server)));
      await running.prints("ready");
      const content = new Uint8Array(EMULE_BYTES);
      for (let from = 0; from < EMULE_BYTES; from += 50_000) {
        crypto.getRandomValues(content.subarray(from, from + 50_000));
      }
      return { way, server, running, content, at };
    }));
    let base = 5662;
    const leech = async (nodes: AsyncDisposableStack, wanted: readonly typeof ways[number][]) =>
      await Promise.all(wanted.map(async (one) => {
        const { way, server, content, at } = one;
        const home = await homes.add();
        const common = { ...way, server };
        const port = base;
        base += 100;
        const seeder = nodes.use(
          new EmuleNode(topology, { ...common, host: "server", address: SERVER, port, number: 1 + at * 2 }),
        );
        Deno.mkdirSync(`${seeder.dir}/Incoming`);
        Deno.writeFileSync(`${seeder.dir}/Incoming/shared.bin`, content);
        if (way.lowId === true) {
          const call = ["INPUT", "-i", "lo", "-p", "tcp", "--syn", "--dport", String(port), "-j", "REJECT"];
          await topology.must("server", ["iptables", "-A", ...call]);
        }
        await seeder.start(NEIGHBOURS);
        const link = await seeder.page("shared.bin", EMULE_BYTES);
        const leecher = nodes.use(
          new EmuleNode(topology, { ...common, host: home, address: home.v4, port: 4662, number: 2 + at * 2 }),
        );
        await leecher.start(NEIGHBOURS);
        await leecher.command("search local shared");
        await leecher.command(`add ${link}`);
        return { way: one, label: labelOf(way), leecher, content };
      }));
    await test.step("without it the files come", async () => {
      await using capture = await Capture.start(topology, "router", LAN);
      await come(ways, leech, () => ways.map(({ running }) => running.stdout).join("\n"));
      await capture.end();
      keep(capture, "emule_server");
    });
    await test.step("with ftwall nothing comes", async () => {
      await using daemon = await RouterDaemon.start(topology);
      await using nodes = new AsyncDisposableStack();
      await using capture = await Capture.start(topology, "router", LAN);
      const running = await leech(nodes, ways);
      await new Promise((resolve) => setTimeout(resolve, SECONDS * 1000));
      for (const event of daemon.seen({ event: "detected" })) {
        say(`${event["client"]} ${event["peer_port"]} ${event["evidence"]} ${event["certainty"]} ${event.time}`);
      }
      await capture.end();
      const received = running.map(({ label, leecher, content }) => [label, leecher.received(content)]);
      for (const [label, bytes] of received) say(`${label}: ${bytes} bytes in ${SECONDS} s`);
      say(JSON.stringify(capture.volumes().filter(({ bytes }) => bytes > 1000)));
      assert.deepEqual(received, BY_SERVER.map((way) => [labelOf(way), 0]));
    });
  },
});

/** Throws unless a tenth of every file comes. A tenth will do: aMule is slow with strangers, and ftwall refuses every block. */
async function come<Way>(
  ways: readonly Way[],
  leech: (nodes: AsyncDisposableStack, ways: readonly Way[]) => Promise<
    { readonly way: Way; readonly label: string; readonly leecher: EmuleNode; readonly content: Uint8Array }[]
  >,
  more: () => string = () => "",
): Promise<void> {
  const wanting = async (nodes: AsyncDisposableStack, wanted: readonly Way[]) =>
    (await leech(nodes, wanted)).map(({ way, label, leecher, content }) => ({
      way,
      label,
      came: () => leecher.received(content) >= EMULE_BYTES / 10,
      report: async () => `${await leecher.command("status")} ${await leecher.command("show dl")} ${leecher.tail}`,
    }));
  await arrive(ways, wanting, more);
}

function labelOf({ obfuscation, noKad, lowId }: typeof BY_SERVER[number]): string {
  return `obfuscation ${obfuscation}${noKad === true ? "" : ", Kad"}${lowId === true ? ", called back" : ""}`;
}
