import assert from "node:assert/strict";
import { MSE_LENGTHS, NOTE_OF_RUNNING, noteOfThird } from "../../lib/protocol/bittorrent/message_lengths.ts";
import { OBFUSCATED_LENGTHS } from "../../lib/protocol/edonkey/message_lengths.ts";
import {
  type Fit,
  fitOf,
  placeOf,
  SAYS_HANDSHAKE,
  SAYS_LITTLE,
  SAYS_MESSAGE,
  SAYS_NOTHING,
  SAYS_PROTOCOL,
} from "../../lib/protocol/message_lengths.ts";

/** What is said after these packets: positive sizes are the opener's, negative ones the responder's. */
function said(note: number, packets: readonly number[]): number {
  for (const size of packets) note = MSE_LENGTHS.add(note, Math.abs(size), size > 0, 0);
  return MSE_LENGTHS.says(note);
}

Deno.test("the handshakes of real clients show at once, and their messages after a few", () => {
  // Third flight, then packets: libtorrent to rTorrent, aria2 to libtorrent, Transmission to libtorrent, rTorrent to aria2.
  const flows: readonly (readonly [string, number, readonly number[], number])[] = [
    ["libtorrent", 492, [-14, 68], SAYS_HANDSHAKE],
    ["libtorrent, later", 492, [-14, 68, -186, 157, -6, 5, -5, 68, -13], SAYS_PROTOCOL],
    ["aria2", 440, [-418, 68, -243, 174], SAYS_HANDSHAKE],
    ["Transmission", 124, [-72, -243, 79], SAYS_HANDSHAKE],
    ["Transmission with its like", 124, [-82, -79, 79], SAYS_HANDSHAKE],
    ["Transmission, later", 124, [-72, -243, 79, 73, -50, -13, -10136], SAYS_MESSAGE],
    ["rTorrent", 124, [-200, 117], SAYS_HANDSHAKE],
    ["rTorrent to aria2", 124, [-195, -68, -90, 118, 83], SAYS_HANDSHAKE],
    ["rTorrent, later", 124, [-200, 117, -6, 4, 5, -5, 34, -13, -10136], SAYS_PROTOCOL],
    ["called by rTorrent", 124, [-82, 118, -74, 6, -14, 5, -95, 13], SAYS_HANDSHAKE],
    ["WebTorrent", 327, [-275, -68, 68, -5, 74, -64, -5, 5], SAYS_PROTOCOL],
    ["nobody answered", 397, [68, 465], SAYS_LITTLE],
  ];
  for (const [name, third, packets, wanted] of flows) assert.equal(said(noteOfThird(third), packets), wanted, name);
});

Deno.test("what carries a tag in each message says nothing", () => {
  const flows: readonly (readonly [string, number, readonly number[]])[] = [
    ["Shadowsocks", 110, [-144, 110, -144]],
    ["MTProto", 345, [-656, 404, -78, 89, -169, 105, -4, 85, -153, -4]],
    ["RLPx", 224, [-160, 192, -512, 304, -432, 64, -160]],
    ["Tox", 373, [-257, 27, -27, 27, -27]],
    ["shadowsocks-libev (captured)", 191, [-289, -1780, 143, -257, -856]],
    ["VMess of v2ray (captured)", 170, [-265, -440, 137, -276, -213, 68]],
    ["obfs4proxy (captured)", 216, [-875, -500]],
    ["lengths written by themselves", 110, [-18, -144, 18, 34, -18, -600, 18]],
  ];
  for (const [name, third, packets] of flows) assert.equal(said(noteOfThird(third), packets), SAYS_NOTHING, name);
});

Deno.test("short ends of long messages, and short packets of other lengths, say nothing", () => {
  assert.equal(said(0, [1448, 5, 1448, 9, 1448, 17, -1448, -13]), SAYS_NOTHING);
  assert.equal(said(0, [-30, 6, 7, 8, 10, 11, 12, 5, 9]), SAYS_NOTHING);
  assert.equal(said(0, [-30, 1, 5, 9, 17, 5, 9]), SAYS_NOTHING);
  // One side's long packets do not silence the other.
  assert.equal(said(0, [-1448, 17, -1448, 17, -1448, 9, -1448, 17, 17]), SAYS_PROTOCOL);
});

Deno.test("of a flow whose start was not seen more is wanted, and its first packets are no handshake", () => {
  assert.equal(said(NOTE_OF_RUNNING, [-82, 68, -1448]), SAYS_NOTHING);
  assert.equal(said(NOTE_OF_RUNNING, [-1448, 17]), SAYS_NOTHING);
  assert.equal(said(NOTE_OF_RUNNING, [-1448, 17, 9]), SAYS_MESSAGE);
  assert.equal(said(NOTE_OF_RUNNING, [-1448, 17, 9, 17, 17, 9, 17]), SAYS_PROTOCOL);
});

Deno.test("several requests in a packet, of several numbers and nothing else, are messages of a transfer that ran before", () => {
  const asked = (...sizes: number[]) => said(NOTE_OF_RUNNING, [-1448, ...sizes]);
  // libtorrent, aria2 (with news of pieces); pieces alone say nothing either way.
  assert.equal(asked(136, 238, 68, 51, 153, 102), SAYS_MESSAGE);
  assert.equal(asked(18, 179, 255, 528, 27, 120, 111, 120, 128), SAYS_MESSAGE);
  assert.equal(asked(111, 120, 111, 120, 137, 111), SAYS_NOTHING, "too few numbers");
  assert.equal(asked(136, 238, 68, 51, 100, 153, 102, 85, 119), SAYS_NOTHING, "a strange packet");
  assert.equal(said(NOTE_OF_RUNNING, [136, 238, 68, 51, 153, 102]), SAYS_NOTHING, "nobody serves them");
  assert.equal(said(noteOfThird(300), [-1448, 136, 238, 68, 51, 153, 102]), SAYS_NOTHING, "the start was seen");
});

Deno.test("of running flows with packets of any sizes one in 1,000 has requests by chance", () => {
  let state = 5;
  const draw = () => (state = (Math.imul(state, 1664525) + 1013904223) | 0) >>> 8;
  let wrong = 0;
  for (let flow = 0; flow < 20_000; flow++) {
    const packets = Array.from({ length: 60 }, () => 18 + draw() % 600);
    if (said(NOTE_OF_RUNNING, [-1448, ...packets]) !== SAYS_NOTHING) wrong++;
  }
  assert.ok(wrong < 20, `${wrong} of 20000`);
});

/** What a stream of these packets says, all of the responder's, the first at sequence number `end`. */
function saidByBlocks(packets: readonly number[], end = 1000): number {
  const blocks = MSE_LENGTHS.blocks!;
  let note = NOTE_OF_RUNNING;
  let place = 0;
  for (const size of packets) {
    const before = place;
    end += size;
    place = placeOf(before, blocks, size, end, false);
    note = MSE_LENGTHS.add(note, size, false, fitOf(before, place, blocks, size));
  }
  return MSE_LENGTHS.says(note);
}

Deno.test("blocks of 16 kB behind a head of 13 bytes show by where packets end, whatever is cut how", () => {
  const full = Array.from({ length: 11 }, () => 1448);
  // Head and block apart, as libtorrent sends them; together; two at once with the kernel's merging.
  const apart = [13, ...full, 456];
  const together = [...full, 469];
  assert.equal(saidByBlocks([1448, ...apart, ...apart, ...apart, ...apart]), SAYS_PROTOCOL);
  assert.equal(saidByBlocks([1448, ...together, ...together, ...together]), SAYS_MESSAGE);
  assert.equal(saidByBlocks([1448, ...together, ...together, ...together, ...together]), SAYS_PROTOCOL);
  assert.equal(saidByBlocks([1448, 13, 32768 + 13, 13, 16384, 13, 16384, 13, 16384]), SAYS_PROTOCOL);
  // A head behind a head counts twice: few packets have 13 bytes by chance.
  assert.equal(saidByBlocks([1448, 13, 16384, 13]), SAYS_MESSAGE);
  assert.equal(saidByBlocks([1448, 13, 16384, 13, 16384, 13]), SAYS_PROTOCOL);
  // A message between them, and packets that end anywhere, cost time.
  assert.equal(saidByBlocks([1448, ...together, ...together, 9, ...together, ...together, ...together]), SAYS_PROTOCOL);
  assert.equal(saidByBlocks([1448, ...together, ...together, ...together, 700, 400, 300]), SAYS_MESSAGE);
  assert.equal(saidByBlocks([1448, ...together, ...together, ...together, 700, 400, 300, 200]), SAYS_NOTHING);
  // A sender that is held back: heads stand alone, all else ends anywhere.
  const held = [13, ...full.slice(0, 5), 600, ...full.slice(0, 5), 1304];
  assert.equal(saidByBlocks([1448, ...held, ...held, ...held, ...held, ...held]), SAYS_PROTOCOL);
  // Where the numbers begin anew the distance is another, once.
  assert.equal(saidByBlocks([1448, ...apart, ...apart, ...apart]), SAYS_PROTOCOL);
  assert.equal(saidByBlocks([1448, ...apart, ...apart, ...apart], 2 ** 32 - 9000), SAYS_MESSAGE);
});

Deno.test("other sizes of writes, packets that are sent again and heads alone are no blocks", () => {
  const writes = (size: number) =>
    Array.from({ length: 12 }, () => [...Array.from({ length: 11 }, () => 1448), size - 15928]);
  // 16,384 bare, in records of TLS 1.2 and 1.3, Shadowsocks, SSH.
  for (const size of [16384, 16405, 16406, 16413, 16417, 16420]) {
    assert.equal(saidByBlocks([1448, ...writes(size).flat()]), SAYS_NOTHING, `${size}`);
  }
  assert.equal(saidByBlocks([1448, 13, 13, 13, 13, 13, 13]), SAYS_NOTHING);
  const blocks = MSE_LENGTHS.blocks!;
  let place = placeOf(0, blocks, 1448, 1448, true);
  for (let i = 0; i < 9; i++) {
    const before = place;
    place = placeOf(place, blocks, 469, 17845, true);
    assert.equal(fitOf(before, place, blocks, 469), 0);
  }
  // Of the other side nothing counts.
  assert.equal(placeOf(place, blocks, 469, 17845 + 16397, false), place);
});

Deno.test("random short packets are taken for a transfer's once in 1,000 flows at most", () => {
  let state = 77;
  const draw = () => (state = (Math.imul(state, 1664525) + 1013904223) | 0) >>> 8;
  let wrong = 0;
  for (let flow = 0; flow < 20_000; flow++) {
    const packets = Array.from({ length: 12 }, () => (1 + draw() % 60) * (draw() % 2 === 0 ? 1 : -1));
    if (said(0, packets) === SAYS_PROTOCOL) wrong++;
  }
  assert.ok(wrong < 20, `${wrong} of 20000`);
});

Deno.test("obfuscated eMule shows by a short greeting, and by messages of 6 and 11 bytes", () => {
  const after = (note: number, packets: readonly number[]) => {
    for (const size of packets) note = OBFUSCATED_LENGTHS.add(note, Math.abs(size), size > 0, 0);
    return OBFUSCATED_LENGTHS.says(note);
  };
  assert.equal(after(0, [22, -40]), SAYS_NOTHING);
  assert.equal(after(OBFUSCATED_LENGTHS.mark, [22, -40]), SAYS_MESSAGE);
  assert.equal(after(0, [22, -6]), SAYS_MESSAGE);
  assert.equal(after(0, [11, -11, 22, -6, 46, 6]), SAYS_PROTOCOL);
  assert.equal(after(0, [11, -9, 22, -13, 46, 17]), SAYS_NOTHING);
  assert.equal(after(0, [-1448, -6, -1448, -11, -1448, -6, -1448, -6]), SAYS_NOTHING);
});

Deno.test("a flow that is suspect to both has one note: neither rule touches the other's bits", () => {
  let seed = 5;
  const draw = () => (seed = (Math.imul(seed, 1664525) + 1013904223) | 0) >>> 8;
  for (let flow = 0; flow < 500; flow++) {
    let both = noteOfThird(124) | OBFUSCATED_LENGTHS.mark;
    let torrent = noteOfThird(124);
    let mule = OBFUSCATED_LENGTHS.mark;
    for (let i = 0; i < 30; i++) {
      const size = draw() % 3 === 0 ? 1 + draw() % 1400 : 1 + draw() % 20;
      const fromOpener = draw() % 2 === 0;
      const fit = (draw() % 4 - 1) as Fit;
      both = OBFUSCATED_LENGTHS.add(MSE_LENGTHS.add(both, size, fromOpener, fit), size, fromOpener, fit);
      torrent = MSE_LENGTHS.add(torrent, size, fromOpener, fit);
      mule = OBFUSCATED_LENGTHS.add(mule, size, fromOpener, fit);
      assert.equal(MSE_LENGTHS.says(both), MSE_LENGTHS.says(torrent));
      assert.equal(OBFUSCATED_LENGTHS.says(both), OBFUSCATED_LENGTHS.says(mule));
    }
  }
});
