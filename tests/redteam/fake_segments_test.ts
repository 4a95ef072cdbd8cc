/** Segments that their receiver never takes, before a plain handshake: the trick of common tools against filters. */
import assert from "node:assert/strict";
import { ACCEPT, AWAITS, AWAITS_NOT, Engine, REFUSE, SETTLED } from "../../lib/judge/engine.ts";
import { CLASSIFIERS } from "../../lib/protocol/mod.ts";
import { capacityFor, State } from "../../lib/state/state.ts";
import { transportChecksum, unfinishedChecksum } from "../../lib/wire/checksum.ts";
import { CHECKSUM_GOOD, CHECKSUM_UNKNOWN, CHECKSUM_UNVERIFIED, Packet } from "../../lib/wire/packet.ts";
import { ACK, PROTOCOL_TCP, PSH, SYN } from "../../lib/wire/transport.ts";
import { hex, join, latin } from "../support/conversation.ts";
import { HOME } from "../support/desk.ts";
import { decode, readEnd, tcpPacket } from "../support/packets.ts";
import { policyOf } from "../support/story.ts";
import { Chance } from "./household.ts";

const CLIENT = readEnd("10.0.0.5:40000");
const PEER = readEnd("198.51.100.9:50000");
const DATA = ACK | PSH;
const GET = latin("GET / HTTP/1.1\r\nHost: example.org\r\nUser-Agent: Mozilla/5.0 (X11)\r\n\r\n");
const HELLO = join(hex("1603010040 0100003c 0303"), new Chance(3).bytes(59));
const SHAKE = join(latin("\x13BitTorrent protocol"), new Uint8Array(8), new Chance(1).bytes(40));
const OK = latin("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
const OUT = 1001;
const IN = 9001;
const SYNS = [tcpPacket(CLIENT, PEER, SYN, OUT - 1), tcpPacket(PEER, CLIENT, SYN | ACK, IN - 1, undefined, OUT)];
const HANDS = [...SYNS, tcpPacket(CLIENT, PEER, ACK, OUT, undefined, IN)];
/** What the rules show of it: of packets without payload only the SYN. */
const QUEUED = SYNS.slice(0, 1);

const out = (offset: number, data: Uint8Array, ack = IN, flags = DATA) =>
  tcpPacket(CLIENT, PEER, flags, (OUT + offset) | 0, data, ack);
const back = (data: Uint8Array, ack: number) => tcpPacket(PEER, CLIENT, DATA, IN, data, ack);

function spoilt(bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice();
  copy[37]! ^= 0x5a;
  return copy;
}

/** The segment with options in its header, which are a multiple of four bytes. */
function withOptions(bytes: Uint8Array, options: Uint8Array): Uint8Array {
  const packet = join(bytes.subarray(0, 40), options, bytes.subarray(40));
  packet[32] = (5 + options.length / 4) << 4;
  const view = new DataView(packet.buffer);
  view.setUint16(2, packet.length);
  view.setUint16(36, 0);
  view.setUint16(36, transportChecksum(packet, 0, 20, packet.length, PROTOCOL_TCP));
  return packet;
}
const MD5 = join(hex("13 12"), new Uint8Array(16), hex("01 01"));
const TIME = hex("0101 080a 00000001 00000002");

/** Which of the packets is the first to be refused; -1 where none is. */
function firstRefused(...asked: Parameters<typeof judged>): number {
  return judged(...asked).findIndex((verdict) => (verdict & REFUSE) !== 0);
}

/** The verdicts of the packets up to the first that is refused; of a connection that has `begun` the rules let the SYN by. */
function judged(packets: readonly Uint8Array[], checksum: 0 | 1 | 2 = CHECKSUM_GOOD, begun = false): number[] {
  const state = new State(capacityFor(1 << 20), 7);
  const engine = new Engine({ policy: policyOf(HOME), state, classifiers: CLASSIFIERS, emit: () => {} });
  engine.tick(1000, 1_800_000_000_000);
  const packet = new Packet();
  packet.hook = 2;
  packet.checksum = checksum;
  const verdicts: number[] = [];
  for (const [i, bytes] of packets.entries()) {
    packet.begun = begun && i === 0;
    verdicts.push(engine.judge(packet, decode(packet, bytes), 1000));
    if ((verdicts.at(-1)! & REFUSE) !== 0) break;
  }
  return verdicts;
}

Deno.test("a segment that its receiver cannot take hides no handshake, whatever it holds", () => {
  for (const [name, junk] of [["a request", GET], ["a hello", HELLO], ["noise", new Chance(5).bytes(90)]] as const) {
    const fakes: [string, Uint8Array][] = [
      ["a low TTL", out(0, junk)],
      ["MD5", withOptions(out(0, junk), MD5)],
      ["MD5 behind a timestamp", withOptions(out(0, junk), join(TIME, MD5))],
      ["no ACK", out(0, junk, 0, PSH)],
      ["an old ACK", out(0, junk, IN - 66_000)],
      ["an ACK of what was never sent", out(0, junk, IN + 1_000_000)],
      ["an old sequence number", out(-10_000, junk)],
      ["one that is far ahead", out(500_000, junk)],
    ];
    for (const [kind, fake] of fakes) {
      for (const [shown, before] of [["all", HANDS], ["the SYN", QUEUED], ["nothing", []]] as const) {
        const start = before.length;
        const begun = start === 0;
        const text = `${name}, ${kind}, ${shown} shown`;
        assert.equal(firstRefused([...before, fake, out(0, SHAKE)], CHECKSUM_GOOD, begun), start + 1, text);
        // The handshake in pieces: the answer of the other side tells.
        const pieces = [fake, out(0, SHAKE.subarray(0, 1)), out(1, SHAKE.subarray(1))];
        const refused = firstRefused([...before, ...pieces, back(SHAKE, OUT + 68)], CHECKSUM_GOOD, begun);
        assert.ok(refused >= start + 2, `${text}, in pieces: ${refused}`);
      }
    }
  }
});

Deno.test("an answer settles a flow only where nothing covers the start of the opener's stream twice", () => {
  for (const begun of [false, true]) {
    const before = begun ? [] : QUEUED;
    const given = (packets: readonly Uint8Array[]) => judged([...before, ...packets], CHECKSUM_GOOD, begun).at(-1);
    for (const ask of [GET, HELLO]) {
      assert.equal(given([out(0, ask)]), AWAITS);
      assert.equal(given([out(0, ask), out(ask.length, latin("more"))]), AWAITS, "what goes on changes nothing");
      // Of the same length and opening: nobody knows which of the two the receiver took.
      const other = join(ask.subarray(0, 8), new Chance(2).bytes(ask.length - 8));
      for (const second of [ask, ask.subarray(0, 20), other, SHAKE.subarray(0, 1), GET.subarray(0, 3)]) {
        assert.equal(given([out(0, ask), out(0, second)]), AWAITS_NOT);
        assert.equal(given([out(0, ask), out(0, second), out(second.length, latin("more"))]), AWAITS_NOT);
      }
      assert.equal(given([out(0, ask), out(-5, SHAKE)])! & AWAITS, 0);
      assert.equal(given([out(0, ask), back(OK, OUT + ask.length)]), ACCEPT | SETTLED);
    }
    assert.equal(given([out(0, SHAKE)])! & REFUSE, REFUSE);
    assert.equal(given([out(0, new Chance(5).bytes(90))]), ACCEPT);
  }
});

Deno.test("a segment with a wrong checksum is not taken where nobody has verified it", () => {
  for (const before of [HANDS, QUEUED, []]) {
    const begun = before.length === 0;
    const packets = [...before, spoilt(out(0, GET)), out(0, SHAKE)];
    assert.equal(firstRefused(packets, CHECKSUM_UNVERIFIED, begun), before.length + 1);
    assert.equal(firstRefused(packets, CHECKSUM_UNKNOWN, begun), before.length + 1);
    // A wrong one of a handshake: the receiver drops it, and what follows is a request.
    const other = [...before, spoilt(out(0, SHAKE)), out(0, GET), back(OK, OUT + GET.length)];
    assert.equal(firstRefused(other, CHECKSUM_UNVERIFIED, begun), -1);
  }
});

Deno.test("where the sender's card makes the checksums, or packets were merged, wrong ones mean nothing", () => {
  assert.equal(firstRefused([...HANDS.map(spoilt), spoilt(out(0, SHAKE))], CHECKSUM_UNKNOWN), 3);
  // The kernel made this one; the card was to complete it, or it stands for several packets.
  const unfinished = out(0, SHAKE);
  new DataView(unfinished.buffer, unfinished.byteOffset).setUint16(
    36,
    unfinishedChecksum(unfinished, 0, 88, PROTOCOL_TCP),
  );
  assert.equal(firstRefused([...HANDS, unfinished], CHECKSUM_UNKNOWN), 3);
  const merged = spoilt(out(0, join(SHAKE, new Uint8Array(3000))));
  assert.equal(firstRefused([...HANDS, merged], CHECKSUM_UNKNOWN), 3);
  assert.equal(firstRefused([...HANDS, merged], CHECKSUM_UNVERIFIED), -1);
  assert.equal(firstRefused([...HANDS, spoilt(out(0, SHAKE))], CHECKSUM_GOOD), 3);
});

Deno.test("junk that overlaps what comes later is read both ways", () => {
  const junk = new Chance(9).bytes(66);
  for (const before of [HANDS, QUEUED]) {
    const at = before.length;
    assert.equal(firstRefused([...before, out(2, junk), out(0, SHAKE)]), at + 1, "the later bytes");
    assert.equal(
      firstRefused([...before, out(2, SHAKE.subarray(2)), out(0, join(SHAKE.subarray(0, 2), junk))]),
      at + 1,
    );
    const pieces = [out(10, junk.subarray(0, 40)), out(0, SHAKE.subarray(0, 30)), out(30, SHAKE.subarray(30))];
    assert.ok(firstRefused([...before, ...pieces, back(SHAKE, OUT + 68)]) > at, "over several segments");
  }
  // Of a connection whose SYN was let by the start is not known: here the answer tells, at the latest.
  const split = [out(2, SHAKE.subarray(2)), out(0, join(SHAKE.subarray(0, 2), junk)), back(SHAKE, OUT + 68)];
  for (const packets of [[out(2, junk), out(0, SHAKE)], split, [out(-90, GET), out(-22, GET), ...split]]) {
    assert.ok(firstRefused(packets, CHECKSUM_GOOD, true) > 0);
  }
});

Deno.test("a SYN that nobody takes, in the middle of the opening, hides no handshake", () => {
  const fake = tcpPacket(CLIENT, PEER, SYN, 77_000_000);
  assert.equal(firstRefused([...HANDS, fake, out(0, SHAKE)]), 4);
  assert.equal(firstRefused([...QUEUED, fake, out(0, GET), back(SHAKE, OUT + 68)]), 3);
});

Deno.test("requests and hellos that are repeated, and their answers, pass", () => {
  for (
    const [ask, answer] of [[GET, OK], [HELLO, join(hex("160303004a 02000046 0303"), new Chance(4).bytes(69))]] as const
  ) {
    for (const again of [ask, ask.subarray(0, 20), join(ask, latin("more"))]) {
      const packets = [
        ...HANDS,
        out(0, ask),
        out(0, again),
        back(answer, OUT + ask.length),
        back(answer, OUT + ask.length),
      ];
      assert.equal(firstRefused(packets), -1);
      assert.equal(firstRefused(packets, CHECKSUM_UNKNOWN), -1);
    }
  }
});
