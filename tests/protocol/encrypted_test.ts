import assert from "node:assert/strict";
import {
  DOUBTFUL,
  hasKnownOpening,
  HIDDEN,
  LEAST_ENCRYPTED,
  PLAIN,
  structureOf,
} from "../../lib/protocol/encrypted.ts";
import { hex, join, latin } from "../support/conversation.ts";
import { noise } from "../support/noise.ts";

const structure = (bytes: Uint8Array) => structureOf(bytes, 0, bytes.length);

Deno.test("of random bytes of a flight's length one in 100 at most is doubtful, and one in 1,000 plain", () => {
  const counts = [0, 0, 0];
  for (let i = 0; i < 20_000; i++) counts[structure(noise(56 + (i % 553), i * 2654435761 + 1))]!++;
  assert.ok(counts[HIDDEN]! > 19_800 && counts[DOUBTFUL]! > 0 && counts[PLAIN]! < 20, `${counts}`);
});

Deno.test("a trace of structure that random bytes have as well makes a flight doubtful", () => {
  const cases: readonly (readonly [string, Uint8Array])[] = [
    ["six printable bytes in front", join(latin("SSH-2."), noise(200, 1))],
    ["twenty printable bytes in a row", join(noise(100, 1), latin("abcdefghijklmnopqrst"), noise(100, 2))],
    ["mostly printable", Uint8Array.from(noise(300, 5), (byte, i) => i % 8 < 5 ? 0x21 + byte % 90 : byte)],
    ["four equal bytes", join(noise(100, 1), hex("00000000"), noise(100, 2))],
    ["its own length, big end first", join(hex("00c8"), noise(200, 3))],
    ["its own length in four bytes", join(hex("000000c8"), noise(200, 3))],
    ["its own length, little end first", join(hex("cc000000"), noise(200, 3))],
    ["a length behind a magic number and a version", join(hex("9f1c33aa 0102 00c8"), noise(200, 3))],
    ["the rest's length in four bytes behind a magic number", join(hex("9f1c33aa c8000000"), noise(200, 3))],
    ["WeChat's records", join(hex("19f104 0050"), noise(80, 3), hex("16f103 0060"), noise(90, 5))],
  ];
  for (const [name, bytes] of cases) assert.equal(structure(bytes), DOUBTFUL, name);
});

Deno.test("what is not random, too short or TLS is plain", () => {
  const cases: readonly (readonly [string, Uint8Array])[] = [
    ["text", latin("GET /index.html HTTP/1.1\r\nHost: www.example.org\r\n".repeat(3))],
    ["few ones", Uint8Array.from(noise(300, 5), (byte) => byte & 0x77)],
    ["many ones", Uint8Array.from(noise(300, 5), (byte) => byte | 0x44)],
    ["few different values", Uint8Array.from({ length: 200 }, (_, i) => Math.imul(i, 37) & 0xf3 ^ 0x85)],
    ["too short", noise(LEAST_ENCRYPTED - 1, 3)],
    ["a TLS record", join(hex("160301 00c8"), noise(200, 3))],
    ["two frames", join(hex("0050"), noise(80, 3), hex("0060"), noise(96, 5))],
    [
      "three frames, little end first",
      join(hex("50000000"), noise(80, 3), hex("60000000"), noise(96, 5), hex("30000000"), noise(48, 7)),
    ],
  ];
  for (const [name, bytes] of cases) assert.equal(structure(bytes), PLAIN, name);
});

Deno.test("known openings are told", () => {
  for (
    const bytes of [
      hex("030000130ee000000000000100080003000000"),
      hex("16030100"),
      hex("17030300"),
      hex("802e0100020015000000"),
      hex("05 02 00 02"),
    ]
  ) assert.ok(hasKnownOpening(bytes, 0, bytes.length));
  const random = noise(100, 9);
  assert.ok(!hasKnownOpening(random, 0, random.length));
});

Deno.test("only the given range is read", () => {
  const inner = noise(200, 21);
  const outer = join(latin("a".repeat(40)), inner, latin("b".repeat(40)));
  assert.equal(structureOf(outer, 40, 240), structure(inner));
  assert.equal(structure(inner), HIDDEN);
});

Deno.test("nearly all random flights are hidden or doubtful; the same bits as base64, and with a padded half, are plain", () => {
  const bytes = new Uint8Array(100);
  let passed = 0;
  let state = 12345;
  for (let round = 0; round < 20_000; round++) {
    for (let i = 0; i < bytes.length; i++) {
      state = (Math.imul(state, 1664525) + 1013904223) | 0;
      bytes[i] = state >>> 24;
    }
    if (structure(bytes) !== PLAIN) passed++;
    const base64 = latin(btoa(String.fromCharCode(...bytes)).slice(0, 100));
    assert.equal(structure(base64), PLAIN);
    assert.equal(structure(bytes.slice().fill(0, 50)), PLAIN);
  }
  assert.ok(passed >= 19_900, `${passed} of 20000`);
});
