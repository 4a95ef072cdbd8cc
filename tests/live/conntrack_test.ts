import assert from "node:assert/strict";
import { skipReason, Topology } from "./topology.ts";

const REASON = skipReason(["ip", "iptables", "conntrack", "setpriv"]);
const SKIP = REASON === null ? "" : ` (skipped: ${REASON})`;
const TOOL = decodeURIComponent(new URL("./conntrack_tool.ts", import.meta.url).pathname);
const CLIENT = `0,0,65535,${(10 << 24) | (1 << 16) | (1 << 8) | 1}`; // 10.1.1.1
const CLIENT6 = `${0xfd000000 | 0},0,0,1`; // fd00::1

function insert(options: string): string[] {
  return ["conntrack", "-I", ...options.split(" "), "-t", "1000", "--sport", "1000", "--dport", "80"];
}

async function tool(topology: Topology, ...args: string[]): Promise<{ tally: Record<string, unknown> }> {
  return JSON.parse(await topology.must("router", [Deno.execPath(), "run", "-A", "--no-check", TOOL, ...args]));
}

/** Source address and mark of each entry, sorted. */
async function entries(topology: Topology): Promise<string[]> {
  const list = await topology.must("router", ["conntrack", "-L"]);
  return [...list.matchAll(/ src=(\S+) dst=(\S+) .*mark=(\d+)/g)]
    .map(([, source, destination, mark]) => `${source} ${destination} ${Number(mark).toString(16)}`).sort();
}

async function table(): Promise<Topology> {
  const topology = await Topology.create({ prefix: "c" });
  await topology.must("router", insert("-p tcp --state ESTABLISHED -s 10.1.1.1 -d 9.9.9.9 -m 0x1234"));
  await topology.must("router", insert("-p udp -s 10.1.1.1 -d 9.9.9.8 -m 0xff"));
  await topology.must("router", insert("-p udp -s 10.1.1.2 -d 9.9.9.8 -m 0xff"));
  await topology.must("router", insert("-p udp -s fd00::1 -d fd01::1 -m 0xff"));
  // Behind destination NAT: the client answers, though the opener knows another address.
  const reply = " -r 10.1.1.1 -q 8.8.8.8 --reply-port-src 80 --reply-port-dst 1000";
  await topology.must("router", insert(`-p udp -s 8.8.8.8 -d 5.5.5.5 -m 0xf00${reply}`));
  return topology;
}

Deno.test(
  { name: `a client's flows are forgotten, those of others stay${SKIP}`, ignore: REASON !== null },
  async () => {
    await using topology = await table();
    const { tally } = await tool(topology, "forget", CLIENT);
    assert.deepEqual([tally["matched"], tally["changed"], tally["errors"], tally["complete"]], [3, 3, 0, true]);
    assert.deepEqual(await entries(topology), ["10.1.1.2 9.9.9.8 ff", "fd00::1 fd01::1 ff"]);
    assert.equal((await tool(topology, "forget", CLIENT6)).tally["changed"], 1);
    assert.deepEqual(await entries(topology), ["10.1.1.2 9.9.9.8 ff"]);
  },
);

Deno.test({ name: `only the bits of the mask are changed${SKIP}`, ignore: REASON !== null }, async () => {
  await using topology = await table();
  const { tally } = await tool(topology, "mark", "240", "0");
  assert.deepEqual([tally["seen"], tally["changed"], tally["complete"]], [5, 4, true]);
  assert.deepEqual(await entries(topology), [
    "10.1.1.1 9.9.9.8 f",
    "10.1.1.1 9.9.9.9 1204",
    "10.1.1.2 9.9.9.8 f",
    "8.8.8.8 5.5.5.5 f00",
    "fd00::1 fd01::1 f",
  ]);
  await tool(topology, "mark", "15", "3", CLIENT);
  assert.deepEqual(await entries(topology), [
    "10.1.1.1 9.9.9.8 3",
    "10.1.1.1 9.9.9.9 1203",
    "10.1.1.2 9.9.9.8 f",
    "8.8.8.8 5.5.5.5 f00",
    "fd00::1 fd01::1 f",
  ]);
});

Deno.test(
  { name: `without permission the table is unavailable, and why is told${SKIP}`, ignore: REASON !== null },
  async () => {
    await using topology = await Topology.create({ prefix: "c" });
    const weak = ["setpriv", "--bounding-set", "-net_admin", "--inh-caps", "-net_admin"];
    const command = [...weak, Deno.execPath(), "run", "-A", "--no-check", TOOL, "mark", "1", "0"];
    const { error, kind } = JSON.parse(await topology.must("router", command));
    assert.equal(kind, "permission");
    assert.match(error, /^Cannot list the connection table: Operation not permitted; run as root/);
  },
);
