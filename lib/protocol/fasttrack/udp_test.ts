import assert from "node:assert/strict";
import { CERTAIN, STRONG, UNDECIDED, UNRELATED, WEAK } from "../classifier.ts";
import { fasttrack } from "./mod.ts";
import { converse, hex, join, latin, type Turn } from "../../../tests/support/conversation.ts";

const PING = hex("27 00000029 80 4b615a6141 00");
const PONG = hex("28 00000029 00 7b 3c13 3c 0f 4b615a6141 00");
const NODE_PONG = hex("29 00000029 01 00 0000 deadbeef");
const NODE_PONG_LONG = hex("29 00000029 01 01 0000 deadbeef c0000207 04be 0000");
const STRANGE_PING = hex("27 00000029 80 4e6f766f4e6574 00");
const STRANGE_PONG = hex("28 00000029 00 7b 3c13 3c 0f 4e6f766f4e6574 00");

function ask(...turns: readonly Turn[]) {
  return converse(fasttrack, { tcp: false }, turns).answer;
}

function play(...turns: readonly Turn[]) {
  // One by one with the notes kept, as the engine does while the evidence is not enough to act on.
  const names: string[] = [];
  const look = converse(fasttrack, { tcp: false }, [turns[0]!]).look;
  for (const [index, [arrow, payload]] of turns.entries()) {
    if (index > 0) {
      look.bytes = payload;
      look.view = new DataView(payload.buffer);
      look.start = 0;
      look.end = look.length = payload.length;
      look.fromOpener = look.fromClient = arrow === ">";
    } else look.owner = look.note0 = look.note1 = 0;
    if (index === 0) look.fromOpener = look.fromClient = arrow === ">";
    names.push(fasttrack.classify(look).name);
  }
  return names;
}

Deno.test("pings of every FastTrack network are certain, in any case", () => {
  for (
    const [vector, length] of [
      ["27 00000029 80 4b615a6141 00", 12],
      ["27 00000029 80 66696c657368617265 00", 16],
      ["27 00000029 80 47726f6b73746572 00", 15],
      ["27 00000029 80 4d7573696343697479 00", 16],
      ["27 000000a9 80 4b615a6141 00", 12],
      ["27 000001ff 80 4b415a4141 00", 12],
    ] as const
  ) {
    const payload = hex(vector);
    assert.equal(payload.length, length);
    for (const side of [">", "<"] as const) {
      const answer = ask([side, payload]);
      assert.equal(answer.name, "udp-ping", vector);
      assert.equal(answer.certainty, CERTAIN);
    }
  }
});

Deno.test("pongs: a supernode's is certain, an ordinary node's alone is weak", () => {
  assert.equal(ask(["<", PONG]).name, "udp-pong");
  assert.equal(ask(["<", PONG]).certainty, CERTAIN);
  for (const pong of [NODE_PONG, NODE_PONG_LONG]) {
    assert.equal(ask(["<", pong]).name, "udp-node-pong");
    assert.equal(ask(["<", pong]).certainty, WEAK);
  }
});

Deno.test("an unknown network is strong alone and certain once answered", () => {
  const answer = ask([">", STRANGE_PING]);
  assert.equal(answer.name, "udp-ping-unknown");
  assert.equal(answer.certainty, STRONG);
  assert.equal(ask(["<", STRANGE_PONG]).name, "udp-pong-unknown");
  for (const pong of [STRANGE_PONG, NODE_PONG, NODE_PONG_LONG]) {
    assert.deepEqual(play([">", STRANGE_PING], ["<", pong]), ["udp-ping-unknown", "udp-conversation"]);
    assert.equal(play(["<", pong], [">", STRANGE_PING])[1], "udp-conversation");
  }
  assert.equal(
    play([">", STRANGE_PING], [">", STRANGE_PONG])[1],
    "udp-pong-unknown",
    "the same side does not answer itself",
  );
});

Deno.test("follow-up messages count in a known flow only", () => {
  const echo = hex("2a deadbeef");
  assert.deepEqual(play(["<", NODE_PONG_LONG], [">", echo]), ["udp-node-pong", "udp-conversation"]);
  assert.deepEqual(play(["<", NODE_PONG_LONG], ["<", echo]), ["udp-node-pong", "undecided"]);
  assert.deepEqual(play(["<", NODE_PONG_LONG], [">", hex("2a deadbeee")]), ["udp-node-pong", "undecided"]);
  for (const type of ["c0", "c1", "c2", "c3"]) {
    assert.equal(play(["<", NODE_PONG], [">", hex(type + "280102")])[1], "udp-follow-up");
    assert.equal(ask([">", hex(type + "280102")]), UNRELATED);
  }
  assert.equal(ask([">", echo]), UNRELATED);
  assert.notEqual(ask([">", echo]), UNDECIDED);
});

Deno.test("one byte more, less or other is no ping", () => {
  for (let cut = 2; cut < PING.length; cut++) assert.equal(ask([">", PING.slice(0, cut)]), UNRELATED, `cut at ${cut}`);
  assert.equal(ask([">", join(PING, hex("00"))]), UNRELATED);
  assert.equal(ask([">", join(PING, PING)]), UNRELATED);
  for (
    const near of [
      "27 01000029 80 4b615a6141 00",
      "27 00010029 80 4b615a6141 00",
      "27 00000229 80 4b615a6141 00",
      "27 00000029 00 4b615a6141 00",
      "27 00000029 80 4b615a6141 01",
      "27 00000029 80 4b61006141 00",
      "27 00000029 80 4b61206141 00",
      "27 00000029 80 4b 00",
      "26 00000029 80 4b615a6141 00",
      "28 00000029 80 7b 3c13 3c 0f 4b615a6141 00",
      "28 00000029 00 7b 3c13 3c 4b615a6141 00",
      "29 00000029 03 00 0000 deadbeef",
      "29 00000029 01 01 0000 deadbeef",
      "29 00000029 01 00 0001 deadbeef",
      "29 00000029 01 00 0000 deadbeef 00",
      "29 00000029 01 00 0000 deadbeef c0000207 04be 0000",
    ]
  ) {
    const answer = ask([">", hex(near)]);
    assert.ok(answer === UNRELATED || near.startsWith("28") && answer.certainty < CERTAIN, near);
  }
});

Deno.test("a cut capture proves nothing about lengths", () => {
  const outcome = converse(fasttrack, { tcp: false }, [[">", PING]]);
  outcome.look.length = 60;
  assert.equal(fasttrack.classify(outcome.look), UNRELATED);
});

Deno.test("other protocols' datagrams are unrelated", () => {
  for (
    const [name, payload] of [
      // Skype of 2006: same authors, but random first bytes and 02 at offset 2.
      ["skype", hex("27 3a 02 5d 91 c2 0e 77 a1 b0 c4 d9 e8 f7 06 15 24 33")],
      ["skype with zeros", hex("27 00 02 00 29 80 4b 61 5a 61 41 00")],
      ["dns", hex("2700 0100 0001 0000 0000 0000 02766d0000010001")],
      ["dns answer", hex("2900 8180 0001 0000 0000 0000 02766d0000010001")],
      ["quic initial", hex("c000000001 08 0102030405060708 00 00 449e 7b9aec34")],
      ["rtp", hex("80 00 27 29 00000029 0102030405060708")],
      ["stun", hex("0001 0000 2112a442 27 00 00 00 29 80 4b61 5a61 4100")],
      ["text", latin("'KaZaA is a program\0")],
      ["openvpn", hex("28 a1b2c3d4e5f60718 00 00000000")],
    ] as const
  ) {
    assert.equal(ask([">", payload]), UNRELATED, name);
    assert.equal(ask(["<", payload]), UNRELATED, name);
  }
});

Deno.test("a million random datagrams with fitting first bytes match nothing strong", () => {
  let state = 0x2545f491;
  const bytes = new Uint8Array(64);
  const { look } = converse(fasttrack, { tcp: false }, [[">", PING]]);
  look.bytes = bytes;
  look.view = new DataView(bytes.buffer);
  look.start = 0;
  let weak = 0;
  for (let round = 0; round < 1_000_000; round++) {
    for (let i = 0; i < 24; i++) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      bytes[i] = state;
    }
    bytes[0] = fasttrack.first[round % fasttrack.first.length] as number;
    look.end = look.length = 2 + round % 23;
    look.owner = look.note0 = look.note1 = 0;
    const answer = fasttrack.classify(look);
    if (answer.certainty >= STRONG) assert.fail(`Random bytes gave "${answer.name}" in round ${round}`);
    if (answer.certainty === WEAK) weak++;
  }
  assert.ok(weak <= 1, `${weak} weak`);
});
