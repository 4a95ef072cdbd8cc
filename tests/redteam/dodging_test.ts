/** What real clients and real networks do to packets by themselves must not hide them; what is beyond these bounds may. */
import assert from "node:assert/strict";
import { REFUSE } from "../../lib/judge/engine.ts";
import { ACK, FIN, PSH, SYN } from "../../lib/wire/transport.ts";
import { utp } from "../../lib/protocol/bittorrent/samples.ts";
import { hex, join, latin, type Turn } from "../support/conversation.ts";
import { Connection, readEnd, udpPacket } from "../support/packets.ts";
import { Chance, Household } from "./household.ts";

const PING = join(hex("27 00000029 80"), latin("KaZaA\0"));
const SHAKE = join(hex("13"), latin("BitTorrent protocol"), new Uint8Array(8), new Chance(1).bytes(40));
const KRPC = latin("d1:ad2:id20:aaaaaaaaaaaaaaaaaaaae1:q4:ping1:t2:aa1:y1:qe");
const CLIENT = readEnd("10.0.0.5:40000");
const PEER = readEnd("198.51.100.9:50000");

/** Judges segments of one connection; true where one was refused. */
function isSeen(make: (connection: Connection) => Uint8Array[]): boolean {
  const home = new Household();
  return make(new Connection(CLIENT, PEER)).some((bytes) => (home.judge(bytes) & REFUSE) !== 0);
}

Deno.test("a handshake in a SYN (TCP fast open), or split between SYN and the next, is seen", () => {
  assert.ok(isSeen((c) => [c.segment(0, SYN, SHAKE), c.segment(1, SYN | ACK)]));
  for (const cut of [1, 10, 19, 40]) {
    assert.ok(isSeen((c) => [
      c.segment(0, SYN, SHAKE.subarray(0, cut)),
      c.segment(1, SYN | ACK),
      c.segment(0, ACK | PSH, SHAKE.subarray(cut)),
    ]));
  }
  // Data of a SYN that the server did not take is sent again.
  assert.ok(isSeen((c) => [c.segment(0, SYN, SHAKE.subarray(0, 8)), c.at(0, 1001, ACK | PSH, SHAKE)]));
});

Deno.test("a handshake out of order, repeated, byte by byte, or with a FIN is seen", () => {
  const part = (c: Connection, from: number, to: number) => c.at(0, 1001 + from, ACK | PSH, SHAKE.subarray(from, to));
  assert.ok(isSeen((c) => [c.segment(0, SYN), part(c, 30, 68), part(c, 0, 30)]));
  assert.ok(isSeen((c) => [c.segment(0, SYN), part(c, 0, 5), part(c, 0, 5), part(c, 0, 12), part(c, 9, 68)]));
  assert.ok(isSeen((c) => [c.segment(0, SYN), ...Array.from({ length: 20 }, (_, i) => part(c, i, i + 1))]));
  assert.ok(isSeen((c) => [c.segment(0, SYN), c.segment(0, FIN | ACK | PSH, SHAKE)]));
});

Deno.test("a keep-alive byte before the stream, or other content in a repetition, does not shift what is seen", () => {
  assert.ok(isSeen((c) => [c.segment(0, SYN), c.at(0, 1000, ACK, Uint8Array.of(0)), c.segment(0, ACK | PSH, SHAKE)]));
  assert.ok(isSeen((c) => [
    c.segment(0, SYN),
    c.at(0, 1001, ACK | PSH, SHAKE.subarray(0, 10)),
    c.at(0, 1001, ACK | PSH, latin("GET / HTTP")),
    c.at(0, 1011, ACK | PSH, SHAKE.subarray(10)),
  ]));
});

Deno.test("a uTP download of which one side is seen is refused from its sixth datagram to its end", () => {
  const home = new Household();
  const refused = Array.from({ length: 400 }, (_, i) => {
    const data = utp(0, 0x1234, 700 + i, 44, new Chance(i).bytes(600));
    return (home.judge(udpPacket(PEER, CLIENT, data)) & REFUSE) !== 0;
  });
  assert.deepEqual(refused, refused.map((_, i) => i >= 5));
});

Deno.test("ports of name servers and of the web hide nothing", () => {
  for (const port of [53, 80, 123, 443, 3478, 51_820]) {
    const home = new Household();
    home.udp("krpc", "10.0.0.5:6881", `198.51.100.9:${port}`, [[">", KRPC]]);
    home.udp("ping", "10.0.0.6:1214", `198.51.100.9:${port}`, [[">", PING]]);
    home.tcp("shake", "10.0.0.7:40000", `198.51.100.9:${port}`, [[">", SHAKE]]);
    assert.deepEqual([...new Set(home.refused)], ["krpc", "ping", "shake"], `port ${port}`);
  }
});

Deno.test("a question to a name server first, then file sharing in the same flow, is seen", () => {
  const home = new Household();
  const question = join(
    hex("1a2b 0100 0001 0000 0000 0000 07"),
    latin("example"),
    hex("03"),
    latin("org"),
    hex("00 0001 0001"),
  );
  const turns: Turn[] = [[">", question], [">", question], [">", question], [">", KRPC]];
  home.udp("krpc", "10.0.0.5:6881", "198.51.100.9:53", turns);
  assert.deepEqual(home.refused, ["krpc"]);
});

/** Puts extension headers before what follows the 40 bytes of an IPv6 header. */
function extended(packet: Uint8Array, ...headers: readonly (readonly [number, Uint8Array])[]): Uint8Array {
  const transport = packet[6]!;
  const chain = headers.map(([, bytes], i) => join(Uint8Array.of(headers[i + 1]?.[0] ?? transport), bytes.subarray(1)));
  const bytes = join(packet.subarray(0, 40), ...chain, packet.subarray(40));
  bytes[6] = headers[0]![0];
  new DataView(bytes.buffer).setUint16(4, bytes.length - 40);
  return bytes;
}

Deno.test("extension headers of IPv6 hide nothing", () => {
  const from = readEnd("[2001:db8:1::5]:6881");
  const to = readEnd("[2001:db8:2::9]:6881");
  const plain = udpPacket(from, to, KRPC);
  const options: [number, Uint8Array] = [0, hex("00 00 0104 00000000")];
  const routing: [number, Uint8Array] = [43, hex("00 00 04 00 00000000")];
  const destination: [number, Uint8Array] = [60, hex("00 01 010c 000000000000000000000000")];
  const atomic: [number, Uint8Array] = [44, hex("00 00 0000 00000001")];
  const HOME6 = '[network]\nhome = ["2001:db8:1::/48"]\n';
  for (const headers of [[options], [destination], [options, routing, destination], [atomic], [options, atomic]]) {
    const home = new Household(HOME6);
    home.see("krpc", extended(plain, ...headers));
    assert.deepEqual(home.refused, ["krpc"], headers.map(([type]) => type).join());
  }
});

Deno.test("a stream that began before ftwall is picked up at its next requests", () => {
  const home = new Household();
  const connection = new Connection(CLIENT, PEER);
  const refused: number[] = [];
  for (let i = 0; i < 40; i++) {
    const request = join(hex("0000000d 06 00000007"), Uint8Array.of(0, i >> 2 & 1, (i & 3) << 6, 0), hex("00004000"));
    const piece = join(
      hex("00004009 07 00000007"),
      Uint8Array.of(0, i >> 2 & 1, (i & 3) << 6, 0),
      new Chance(i).bytes(1300),
    );
    refused.push(home.judge(connection.segment(0, ACK | PSH, request)) & REFUSE);
    refused.push(home.judge(connection.segment(1, ACK | PSH, piece)) & REFUSE);
  }
  assert.ok(refused.includes(REFUSE), `${home.detected}`);
});

Deno.test("behind SOCKS or CONNECT to the web's port, and before the proxy's answer is in, a handshake is seen", () => {
  const socks: Turn[] = [
    [">", hex("050100")],
    ["<", hex("0500")],
    [">", hex("05010001 c6336409 c350")],
    ["<", hex("05000001 00000000 0000")],
    [">", SHAKE],
  ];
  const connect: Turn[] = [
    [">", latin("CONNECT 198.51.100.9:50000 HTTP/1.1\r\nHost: 198.51.100.9:50000\r\n\r\n")],
    ["<", latin("HTTP/1.1 200 Connection established\r\n\r\n")],
    [">", SHAKE],
  ];
  for (const [port, turns] of [[1080, socks], [80, connect], [443, connect]] as const) {
    const home = new Household();
    home.tcp("shake", "10.0.0.5:40000", `203.0.113.1:${port}`, turns);
    assert.deepEqual(home.refused, ["shake"], `port ${port}`);
  }
});
