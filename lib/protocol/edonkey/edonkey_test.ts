import assert from "node:assert/strict";
import { KNOWN_END } from "../classifier.ts";
import { edonkey } from "./mod.ts";
import { converse, hex, join, latin, type Turn } from "../../../tests/support/conversation.ts";
import { half } from "./samples.ts";
import { noise } from "../../../tests/support/noise.ts";
import { goingOn } from "../../../tests/protocol/sample.ts";

Deno.test("a Kad answer names its contacts, addresses low byte first", () => {
  const request = join(hex("e4210b"), noise(32, 3));
  const contact = join(noise(16, 5), hex("077100cb 4012 3612 09"));
  const answer = join(hex("e429"), request.slice(3, 19), hex("01"), contact);
  const { look } = converse(goingOn(edonkey), { tcp: false }, [[">", request], ["<", answer]]);
  assert.equal(look.found.count, 2);
  assert.deepEqual([...look.found.words.subarray(0, 12)], [
    0,
    0,
    0xffff,
    0xcb007107 | 0,
    0x1240,
    1,
    0,
    0,
    0xffff,
    0xcb007107 | 0,
    0x1236,
    1,
  ]);
});

Deno.test("found sources name addresses, and leave out low identifiers", () => {
  const hash = noise(16, 5);
  const turns = [[">", join(hex("e39a"), hash)], [
    "<",
    join(hex("e39b"), hash, hex("02 cb007107 3612 11223300 3612")),
  ]] as const;
  const { look } = converse(edonkey, { tcp: false }, turns);
  assert.equal(look.found.count, 1);
  assert.deepEqual([...look.found.words.subarray(0, 6)], [0, 0, 0xffff, 0xcb007107 | 0, 0x1236, 1]);
});

Deno.test("a Kad answer is recognised where another classifier holds the notes", () => {
  const greedy = {
    ...edonkey,
    classify: (look: Parameters<typeof edonkey.classify>[0]) => {
      look.owner = 9;
      return goingOn(edonkey).classify(look);
    },
  };
  const request = join(hex("e42102"), noise(32, 3));
  const { answer } = converse(greedy, { tcp: false }, [[">", request], [
    "<",
    join(hex("e429"), request.slice(3, 19), hex("00")),
  ]]);
  assert.equal(answer.name, "kad-conversation");
});

Deno.test("a Kad answer in a capture that holds 54 bytes of it counts, and names the contacts in view", () => {
  const request = join(hex("e4210b"), noise(32, 3));
  const contact = join(noise(16, 5), hex("077100cb 4012 3612 09"));
  const answer = join(hex("e429"), request.slice(3, 19), hex("04"), contact, contact, contact, contact);
  const plain = converse(goingOn(edonkey), { tcp: false, snap: 54 }, [[">", request], ["<", answer]]);
  assert.equal(plain.answer.name, "kad-conversation");
  assert.equal(plain.look.found.count, 2);
  const packed = join(hex("e529 78da"), noise(150, 7));
  assert.equal(
    converse(goingOn(edonkey), { tcp: false, snap: 54 }, [[">", request], ["<", packed]]).answer.name,
    "kad-conversation",
  );
  const other = join(answer, hex("00"));
  assert.equal(
    converse(goingOn(edonkey), { tcp: false, snap: 54 }, [[">", request], ["<", other]]).answer.certainty,
    0,
  );
});

/** aMule draws the first byte of a greeting again where it is one of the protocol's. */
function redraw(greeting: Uint8Array): void {
  if ([0xe3, 0xc5, 0xd4].includes(greeting[0]!)) greeting[0]! ^= 1;
}

Deno.test("of random obfuscated connections one in 500 is missed at most, and one in 15 is doubtful", () => {
  const counts = { plain: 0, doubtful: 0, missed: 0 };
  for (let i = 0; i < 10_000; i++) {
    const seed = Math.imul(i, 2654435761);
    const greeting = noise(12 + i % 255, seed);
    redraw(greeting);
    const { answer } = converse(edonkey, { tcp: true }, [
      [">", greeting],
      ["<", noise(6 + (i * 7) % 255, seed ^ 0x5bd1e995)],
      [">", noise(80 + (i * 13) % 100, seed ^ 0x27d4eb2f)],
      ["<", noise(80 + (i * 17) % 100, seed ^ 0x165667b1)],
    ]);
    counts[answer.name !== "obfuscated-tcp" ? "missed" : answer.needs !== 0 ? "doubtful" : "plain"]++;
  }
  assert.ok(counts.missed <= 20 && counts.doubtful > 0 && counts.doubtful < 650, JSON.stringify(counts));
});

Deno.test("of random obfuscated logins to a server one in 1,000 is missed at most", () => {
  let missed = 0;
  for (let i = 0; i < 10_000; i++) {
    const seed = Math.imul(i, 2654435761);
    const greeting = half(i % 16, seed);
    redraw(greeting);
    const { answer } = converse(edonkey, { tcp: true }, [
      [">", greeting],
      ["<", noise(103 + (i * 7) % 16, seed ^ 0x5bd1e995)],
      [">", noise(70 + (i * 13) % 100, seed ^ 0x27d4eb2f)],
    ]);
    if (answer.name !== "obfuscated-server") missed++;
  }
  assert.ok(missed <= 10, `${missed}`);
});

Deno.test("an obfuscated connection may have a trace of structure in one flight of a side, and then says nothing alone", () => {
  const flights = (structured: readonly number[]): Turn[] =>
    [noise(232, 31), noise(183, 33), noise(98, 35), noise(97, 37)].map((flight, at) => [
      at % 2 === 0 ? ">" : "<",
      structured.includes(at) ? join(latin("HELLO 7"), flight) : flight,
    ]);
  for (const one of [[0], [1], [2], [3], [0, 1], [2, 3]]) {
    const { answer } = converse(edonkey, { tcp: true }, flights(one));
    assert.deepEqual(
      [answer.name, answer.encrypted, answer.needs],
      ["obfuscated-tcp", true, KNOWN_END],
      `flights ${one}`,
    );
  }
  for (const two of [[0, 2], [1, 3]]) {
    assert.equal(converse(edonkey, { tcp: true }, flights(two)).answer.certainty, 0, `flights ${two}`);
  }
});

Deno.test("text in flights too short to tell is no obfuscated connection", () => {
  for (const at of [0, 1]) {
    const turns = [noise(30, 31), noise(30, 33), noise(98, 35), noise(97, 37)].map((flight, place): Turn => [
      place % 2 === 0 ? ">" : "<",
      place === at ? latin("LOGIN somebody\r\n") : flight,
    ]);
    assert.equal(converse(edonkey, { tcp: true }, turns).answer.certainty, 0, `flight ${at}`);
  }
});
