import assert from "node:assert/strict";
import { ADDRESSES, skipReason, Topology } from "./topology.ts";

const REASON = skipReason(["ip", "iptables", "ip6tables"]);
const SKIP = REASON === null ? "" : ` (skipped: ${REASON})`;
const TOOL = decodeURIComponent(new URL("./sender_tool.ts", import.meta.url).pathname);

Deno.test({
  name: `decoys leave in a peer's name, probes in the router's, all with the mark${SKIP}`,
  ignore: REASON !== null,
}, async () => {
  await using topology = await Topology.create({ prefix: "r" });
  const { router } = ADDRESSES;
  const seen = async (tool: string, source: string, port: number) => {
    await topology.must("client1", [tool, "-A", "INPUT", "-p", "udp", "-s", source, "--dport", `${port}`]);
  };
  await seen("iptables", "203.0.113.9", 777);
  await seen("ip6tables", "2001:db8:aa::9", 777);
  await seen("iptables", router.v4, 778);
  await seen("ip6tables", router.v6, 778);
  for (const tool of ["iptables", "ip6tables"]) {
    await topology.must("router", [tool, "-A", "OUTPUT", "-p", "udp", "-m", "mark", "--mark", "0x80"]);
  }
  // The bridge finds the client's MAC by itself: a first packet waits for ARP, a second never comes.
  await topology.must("router", [
    "ip",
    "neigh",
    "replace",
    ADDRESSES.client1.v4,
    "lladdr",
    ADDRESSES.client1.mac,
    "dev",
    "br-lan",
  ]);
  await topology.must("router", [
    "ip",
    "neigh",
    "replace",
    ADDRESSES.client1.v6,
    "lladdr",
    ADDRESSES.client1.mac,
    "dev",
    "br-lan",
  ]);
  const printed = await topology.must("router", [Deno.execPath(), "run", "-A", "--no-check", TOOL, "128"]);
  const none = { failed: 0, lastErrno: 0 };
  assert.deepEqual(JSON.parse(printed), { raw: { sent: 2, ...none }, probe: { sent: 2, ...none } });
  await new Promise((resolve) => setTimeout(resolve, 100));
  for (const tool of ["iptables", "ip6tables"]) {
    const counted = async (host: "client1" | "router", chain: string) => {
      const list = await topology.must(host, [tool, "-nvxL", chain]);
      return [...list.matchAll(/^ *(\d+) +\d+ .*\b(?:udp|17)\b/gm)].map((match) => match[1]);
    };
    assert.deepEqual(await counted("client1", "INPUT"), ["1", "1"], tool);
    assert.deepEqual(await counted("router", "OUTPUT"), ["2"], tool);
  }
});

Deno.test({ name: `a device that is not there is told${SKIP}`, ignore: REASON !== null }, async () => {
  const { Libc } = await import("../../ffi/libc.ts");
  const { RawSender } = await import("../../ffi/raw_socket.ts");
  using libc = Libc.open();
  assert.throws(() => RawSender.open(libc, { device: "nosuch0" }), {
    name: "Missing",
    message: 'Cannot send through the interface "nosuch0": No such device',
  });
});
