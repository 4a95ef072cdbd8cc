import assert from "node:assert/strict";
import { edonkey } from "../../lib/classify/edonkey.ts";
import { converse, hex, join } from "../support/conversation.ts";
import { EDONKEY, NOT_EDONKEY } from "./samples/edonkey.ts";
import { noise } from "./strangers.ts";
import { goingOn, table } from "./table.ts";

table(edonkey, EDONKEY, NOT_EDONKEY);

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
