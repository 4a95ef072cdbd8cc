import assert from "node:assert/strict";
import { LINK_ETHERNET } from "../../lib/replay/link.ts";
import { MemorySource } from "../../lib/replay/memory_source.ts";
import { readBytes } from "../support/bytes.ts";
import { hex, join } from "../support/conversation.ts";
import { readEnd, tcpPacket, udpPacket } from "../support/packets.ts";
import { replay } from "../support/replay.ts";
import { policyOf } from "../support/story.ts";
import { HOME } from "../support/desk.ts";
import { SYN } from "../../lib/wire/transport.ts";

const C = readEnd("10.0.0.5:1214");
const P = readEnd("198.51.100.7:1214");
const PING = udpPacket(C, P, readBytes('27 00000029 80 "KaZaA" 00'));
const ETHERNET = hex("020000000001 020000000005 0800");
const ARP = hex("ffffffffffff 020000000005 0806 0001080006040001 020000000005 0a000005 000000000000 0a000001");

function frames(list: readonly (readonly [bytes: Uint8Array, milliseconds: number])[]): MemorySource {
  return new MemorySource(list.map(([bytes, milliseconds]) => ({
    bytes: bytes === ARP ? ARP : join(ETHERNET, bytes),
    milliseconds,
    linkType: LINK_ETHERNET,
  })));
}

const SITE = readEnd("198.51.100.80:80");
const syn = (port: number) => tcpPacket({ words: C.words, port }, SITE, SYN, 1);

Deno.test("a frame that is not IP is judged by nothing that came before it", () => {
  using source = frames([[PING, 1000], [ARP, 1001], [ARP, 1002]]);
  const { played, engine } = replay(source, policyOf(HOME));
  assert.deepEqual([played.packets, played.refused, played.undecodable], [3, 1, 2]);
  assert.equal(engine.counters.refused, 1);
});

Deno.test("locks run on the capture's clock, also over a gap without packets", () => {
  using source = frames([[PING, 1000], [syn(1), 120_999], [syn(2), 121_001], [syn(3), 123_000]]);
  const { flows, events } = replay(source, policyOf(HOME));
  assert.deepEqual(flows.map((flow) => [flow.refused, flow.refused_because]), [
    [1, undefined],
    [1, "client-locked"],
    [0, undefined],
    [0, undefined],
  ]);
  assert.equal(events.filter((event) => event.event === "released").length, 1);
});

Deno.test("a capture whose clock jumps backwards is played at its latest time", () => {
  using source = frames([[PING, 1_000_000], [syn(1), 5000], [syn(2), 1_119_000], [syn(3), 1_121_000]]);
  const { flows, played } = replay(source, policyOf(HOME));
  assert.deepEqual(flows.map((flow) => flow.refused), [1, 1, 1, 0]);
  assert.deepEqual([played.first, played.last], [5000, 1_121_000]);
});

Deno.test("with any home, the private side is the client, whoever began", () => {
  const stranger = udpPacket(
    readEnd("203.0.113.5:1214"),
    readEnd("198.51.100.7:1214"),
    readBytes('27 00000029 80 "KaZaA" 00'),
  );
  using source = frames([[PING, 1000], [stranger, 2000]]);
  const { flows, events } = replay(source, policyOf('[network]\nhome = ["192.0.2.0/24"]\n'), true);
  assert.deepEqual(flows.map((flow) => flow.protocol), ["fasttrack", "fasttrack"]);
  const clients = events.flatMap((event) => event.event === "locked" ? [event.client] : []);
  assert.deepEqual(clients, ["10.0.0.5", "203.0.113.5"]);
});

Deno.test("a capture cut short by its snapshot length is played, and counted", () => {
  const bytes = join(ETHERNET, PING);
  using source = new MemorySource([{ bytes: bytes.slice(0, 48), wireLength: bytes.length, linkType: LINK_ETHERNET }]);
  const { played, flows } = replay(source, policyOf(HOME));
  assert.equal(played.truncated, 1);
  assert.equal(flows[0]!.protocol, null, "a ping rests on its whole length");
});

Deno.test("MAC addresses of frames choose groups and exemptions", () => {
  using source = frames([[PING, 1000], [PING, 2000]]);
  const { played } = replay(source, policyOf('[network]\nhome = ["10.0.0.0/8"]\nexempt = ["02:00:00:00:00:05"]\n'));
  assert.equal(played.refused, 0);
});
