import assert from "node:assert/strict";
import { CERTAIN, UNDECIDED, UNRELATED } from "../classifier.ts";
import { winmx } from "./mod.ts";
import { converse, hex, join, latin, type Turn } from "../../../tests/support/conversation.ts";
import { randomWords, splits } from "../../../tests/support/splits.ts";

const ONE: Turn = ["<", latin("1")];
const CLIENTS = [
  "5b63c6f7589fe7699d596ea952de9cf2",
  "435d75f10fe5e915ea49a0ad1b36ae82",
  "d6e5a08a818978e2b4500dedd05bada5",
];
const SERVERS = [
  "b31895824836519e30bb565bb4998415",
  "eee64b0013c5c00ee6c3919a40fd383b",
  "86f250d332dadc72506572dfeb2af202",
];
const CACHE = "6b592200a946584cf6ab9cb5f29a6b11";

function ask(...turns: readonly Turn[]) {
  return converse(winmx, { tcp: true }, turns).answer;
}

Deno.test("the opener's key block is certain, behind the greeting and alone, in any segments", () => {
  for (const block of CLIENTS) {
    const key: Turn = [">", hex(block)];
    assert.equal(ask(ONE, key).name, "wpnp-key");
    assert.equal(ask(ONE, key).certainty, CERTAIN);
    assert.equal(ask(key).name, "wpnp-key");
    for (const turns of splits([ONE, key], 1)) assert.equal(ask(...turns).name, "wpnp-key");
    assert.equal(ask(ONE, [">", join(key[1], hex("00112233"))]).name, "wpnp-key");
    assert.equal(ask([">", join(key[1], hex("00"))]), UNRELATED, "without the greeting the block must be alone");
  }
});

Deno.test("the responder's key block behind its greeting is certain, in any segments", () => {
  for (const block of SERVERS) {
    const turns: Turn[] = [ONE, ["<", hex(block)]];
    assert.equal(ask(...turns).name, "wpnp-key");
    assert.equal(ask(["<", join(latin("1"), hex(block), hex("aabb"))]).name, "wpnp-key");
    for (const cut of splits(turns, 1)) assert.equal(ask(...cut).name, "wpnp-key");
  }
});

Deno.test("a peer cache's answer is certain, whatever its list is", () => {
  const answer = join(latin("8"), hex(CACHE), new Uint8Array(132).fill(0x77));
  assert.equal(answer.length, 149);
  assert.equal(ask(["<", answer]).name, "wpnp-cache");
  assert.equal(ask(["<", answer]).certainty, CERTAIN);
  for (const turns of splits([["<", answer]], 0)) assert.equal(ask(...turns).name, "wpnp-cache");
  assert.equal(ask([">", latin("x")], ["<", answer]), UNRELATED, "a cache speaks first");
});

Deno.test("WinMX 2 greets and is answered CLIE", () => {
  assert.equal(ask(ONE, [">", latin("CLIE")]).name, "wpnp2");
  assert.equal(ask(ONE, [">", latin("CLIE")]).certainty, CERTAIN);
  assert.equal(ask([">", latin("CLIE")]), UNDECIDED);
  assert.equal(ask(ONE, [">", latin("CLIENT HELLO 1.00")]), UNRELATED);
  assert.equal(ask(["<", latin("12")], [">", latin("CLIE")]), UNRELATED);
});

Deno.test("roles on the wrong side, broken blocks and other protocols are unrelated", () => {
  for (const block of [...SERVERS, CACHE]) assert.equal(ask([">", hex(block)]), UNRELATED);
  for (const block of [...CLIENTS, CACHE]) assert.equal(ask(["<", join(latin("1"), hex(block))]), UNRELATED);
  for (const block of [...CLIENTS, ...SERVERS]) assert.equal(ask(["<", join(latin("8"), hex(block))]), UNRELATED);
  for (const block of CLIENTS) {
    const broken = hex(block);
    broken[3]! ^= 0x10;
    assert.equal(ask(ONE, [">", broken]), UNRELATED);
    assert.equal(ask(["<", latin("220 mail\r\n")], [">", hex(block)]), UNRELATED);
  }
  for (
    const payload of [
      latin("GET / HTTP/1.1\r\n\r\n"),
      latin("SSH-2.0-OpenSSH_9.2\r\n"),
      hex("16030100c8010000c403030011223344"),
      latin("EHLO mail.test\r\n"),
      hex("00112233445566778899aabbccddeeff"),
    ]
  ) {
    assert.equal(ask([">", payload]), UNRELATED);
    assert.equal(ask(["<", payload]), UNRELATED);
  }
  assert.equal(converse(winmx, { tcp: true, midstream: true }, [[">", hex(CLIENTS[0]!)]]).answer, UNRELATED);
});

Deno.test("a million random openers of 16 bytes stay within the stated odds", () => {
  const { look } = converse(winmx, { tcp: true }, [[">", new Uint8Array(3)]]);
  const bytes = new Uint8Array(16);
  const words = new Int32Array(bytes.buffer);
  const random = randomWords(0x1234567);
  look.bytes = bytes;
  look.start = 0;
  look.end = look.length = look.ownLength = 16;
  let hits = 0;
  for (let round = 0; round < 1_000_000; round++) {
    for (let i = 0; i < 4; i++) words[i] = random.next().value;
    if (winmx.classify(look) !== UNRELATED) hits++;
  }
  // 3 roles in 2^24: 0.18 expected; three or more have odds below one in a thousand.
  assert.ok(hits <= 2, `${hits} hits`);
});
