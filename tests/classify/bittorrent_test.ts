import assert from "node:assert/strict";
import { UNDECIDED, UNRELATED } from "../../lib/classify/classifier.ts";
import { bittorrent } from "../../lib/classify/bittorrent.ts";
import { converse, hex, join, latin, type Turn } from "../support/conversation.ts";

const RESERVED = hex("0000000000100005");
const HASH = hex("000102030405060708090a0b0c0d0e0f10111213");
const PEER_ID = latin("-TR4060-abcdefghijkl");
const HANDSHAKE = join(latin("\x13BitTorrent protocol"), RESERVED, HASH, PEER_ID);
const tcp = (...turns: Turn[]) => converse(bittorrent, { tcp: true }, turns);

/** The payload cut into segments at these offsets, as turns of one side. */
function split(arrow: ">" | "<", payload: Uint8Array, ...cuts: number[]): Turn[] {
  return [...cuts, payload.length].map((cut, i) => [arrow, payload.slice(i === 0 ? 0 : cuts[i - 1], cut)] as const);
}

Deno.test("a whole handshake is certain and tells its info-hash", () => {
  const { answer, look } = tcp([">", HANDSHAKE]);
  assert.equal(answer.name, "tcp-handshake");
  assert.equal(answer.certainty, 3);
  assert.ok(look.found.hasInfoHash);
  assert.deepEqual(look.found.infoHash, HASH);
});

Deno.test("a handshake split anywhere is found once its info-hash is there", () => {
  for (let cut = 1; cut < 68; cut++) {
    const { answer, turn, look } = tcp(...split(">", HANDSHAKE, cut));
    assert.equal(answer.name, "tcp-handshake", `cut at ${cut}`);
    assert.equal(turn, cut < 48 ? 2 : 1, `cut at ${cut}`);
    assert.deepEqual(look.found.infoHash, HASH);
  }
});

Deno.test("a lone first segment 13 with the name in the next one is a handshake", () => {
  assert.equal(tcp(...split(">", HANDSHAKE, 1, 20)).answer.name, "tcp-handshake");
  assert.equal(tcp(...split(">", HANDSHAKE, 1, 2, 3)).answer.name, "tcp-handshake");
});

Deno.test("a handshake without its info-hash convicts with the third packet", () => {
  const { answer, turn, look } = tcp(...split(">", HANDSHAKE.slice(0, 23), 20, 21, 22));
  assert.equal(answer.name, "tcp-handshake");
  assert.equal(turn, 3);
  assert.ok(!look.found.hasInfoHash);
});

Deno.test("the answering side's handshake counts alone", () => {
  assert.equal(tcp(["<", HANDSHAKE]).answer.name, "tcp-handshake");
});

Deno.test("look-alikes of the handshake are unrelated", () => {
  for (
    const payload of [
      latin("\x13/multistream/1.0.0\n"),
      latin("\x0eSwarm protocol" + "\0".repeat(60)),
      latin("\x13BitTorrent protocoI" + "\0".repeat(48)),
      latin("\x12BitTorrent protocol" + "\0".repeat(48)),
      latin("BitTorrent protocol" + "\0".repeat(48)),
    ]
  ) assert.equal(tcp([">", payload]).answer, UNRELATED);
  assert.equal(tcp([">", latin("\x13BitTorrent prot")]).answer, UNDECIDED);
});
