import assert from "node:assert/strict";
import fc from "fast-check";
import {
  Bencode,
  BENCODE_BROKEN,
  BENCODE_CUT,
  BENCODE_EXCESSIVE,
  BENCODE_WHOLE,
  DICTIONARY,
  INTEGER,
  LIST,
  STRING,
} from "../../lib/wire/bencode.ts";

const bencode = new Bencode();
let bytes = new Uint8Array(0);
const AT = 7;

function read(text: string, length = text.length): number {
  bytes = Uint8Array.from("7:1:a1:b".slice(0, AT) + text + "eeeee", (letter) => letter.charCodeAt(0));
  return bencode.read(bytes, AT, AT + text.length, length);
}
function string(parent: number, key: string): string {
  const entry = bencode.find(parent, key);
  return bencode.typeOf(entry) === STRING
    ? String.fromCharCode(...bytes.subarray(bencode.at(entry), bencode.at(entry) + bencode.length(entry)))
    : `type ${bencode.typeOf(entry)}`;
}

const ID = "abcdefghij0123456789";
const HASH = "mnopqrstuvwxyz123456";

Deno.test("the messages of BEP 5 give up their fields", () => {
  const query =
    `d1:ad2:id20:${ID}12:implied_porti1e9:info_hash20:${HASH}4:porti6881e5:token8:aoeusnthe1:q13:announce_peer1:t2:aa1:y1:qe`;
  assert.equal(read(query), BENCODE_WHOLE);
  assert.equal(bencode.stop, AT + query.length);
  assert.ok(bencode.sorted);
  assert.deepEqual([bencode.type, string(-1, "y"), string(-1, "q"), string(-1, "t")], [
    DICTIONARY,
    "q",
    "announce_peer",
    "aa",
  ]);
  const a = bencode.find(-1, "a");
  assert.equal(bencode.typeOf(a), DICTIONARY);
  assert.deepEqual([string(a, "id"), string(a, "info_hash")], [ID, HASH]);
  assert.equal(bencode.stringLength(a, "id"), 20);
  assert.equal(bencode.integer(bencode.find(a, "port")), 6881);
  assert.equal(bencode.integer(bencode.find(a, "implied_port")), 1);
  assert.equal(bencode.find(-1, "id"), -1);
  assert.equal(bencode.find(a, "y"), -1);
  assert.equal(bencode.stringLength(-1, "a"), -1);
});

Deno.test("an answer's values are gone through, whatever else the list holds", () => {
  assert.equal(read(`d2:ip6:abcdef1:rd2:id20:${ID}6:valuesl6:aaaaaa6:bbbbbbli1eeee1:t2:aa1:y1:re`), BENCODE_WHOLE);
  assert.ok(bencode.sorted);
  const r = bencode.find(-1, "r");
  assert.ok(bencode.openList(bencode.find(r, "values")));
  const items: string[] = [];
  while (bencode.nextItem()) {
    items.push(
      `${bencode.itemType} ${String.fromCharCode(...bytes.subarray(bencode.item, bencode.item + bencode.itemLength))}`,
    );
  }
  assert.deepEqual(items, [`${STRING} aaaaaa`, `${STRING} bbbbbb`, `${LIST} li1ee`]);
  assert.equal(string(-1, "y"), "r");
  assert.ok(!bencode.openList(r));
});

Deno.test("an error's code is an integer item", () => {
  assert.equal(read("d1:eli201e5:Errore1:t2:aa1:y1:ee"), BENCODE_WHOLE);
  assert.ok(bencode.openList(bencode.find(-1, "e")));
  assert.ok(bencode.nextItem());
  assert.deepEqual([bencode.itemType, bencode.itemInteger], [INTEGER, 201]);
  assert.ok(bencode.nextItem());
  assert.equal(bencode.itemType, STRING);
  assert.ok(!bencode.nextItem());
});

Deno.test("structure is checked to the byte", () => {
  const whole = BENCODE_WHOLE;
  const broken = BENCODE_BROKEN;
  const table: [string, number, number, boolean][] = [
    ["de", whole, 2, true],
    ["le", whole, 2, true],
    ["i0e", whole, 3, true],
    ["i-1e", whole, 4, true],
    ["0:", whole, 2, true],
    ["deX", whole, 2, true],
    ["d1:b0:1:a0:e", whole, 12, false],
    ["d1:a0:1:a0:e", whole, 12, false],
    ["d1:a0:2:aa0:e", whole, 13, true],
    ["ld1:b0:1:a0:ee", whole, 14, false],
    ["x", broken, 0, true],
    ["e", broken, 0, true],
    ["i-0e", broken, 3, true],
    ["i01e", broken, 3, true],
    ["ie", broken, 1, true],
    ["i-e", broken, 2, true],
    ["i1x", broken, 2, true],
    ["01:a", broken, 2, true],
    ["1a", broken, 1, true],
    ["di1e0:e", broken, 1, true],
    ["d1:ae", broken, 4, true],
    ["d1:a", broken, 4, true],
    ["5:abc", broken, 1, true],
    ["i123456789012345678901e", broken, 22, true],
    ["99999999:", broken, 6, true],
    ["llllleeeee", whole, 10, true],
    ["lllllleeeeee", BENCODE_EXCESSIVE, 5, true],
  ];
  for (const [text, outcome, stop, sorted] of table) {
    assert.equal(read(text), outcome, text);
    assert.equal(bencode.stop - AT, stop, text);
    assert.equal(bencode.sorted, sorted, text);
  }
});

Deno.test("a prefix of a message is cut where more was sent, and broken where it was not", () => {
  const text = `d1:ad2:id20:${ID}e1:q4:ping1:t2:aa1:y1:qe`;
  for (let length = 0; length < text.length; length++) {
    assert.equal(read(text.slice(0, length), text.length), BENCODE_CUT, `${length}`);
    assert.equal(read(text.slice(0, length)), BENCODE_BROKEN, `${length}`);
  }
  read(text.slice(0, text.indexOf("1:q4")), text.length);
  assert.equal(string(bencode.find(-1, "a"), "id"), ID, "what came before the cut is there");
  read(`d1:ad2:id20:${ID}`, text.length);
  assert.equal(string(bencode.find(-1, "a"), "id"), ID, "also in a dictionary that was not closed");
});

Deno.test("a string that would end beyond the datagram is broken even in a cut capture", () => {
  assert.equal(read("d1:a30:xxxx", 60), BENCODE_CUT);
  assert.equal(read("d1:a60:xxxx", 60), BENCODE_BROKEN);
});

Deno.test("size, depth and number of keys are bounded", () => {
  assert.equal(read("4000:" + "a".repeat(4000)), BENCODE_WHOLE);
  assert.equal(read("5000:" + "a".repeat(5000)), BENCODE_EXCESSIVE);
  const keys = (n: number): string => "d" + Array.from({ length: n }, (_, i) => `3:${100 + i}0:`).join("") + "e";
  assert.equal(read(keys(96)), BENCODE_WHOLE);
  assert.equal(read(keys(97)), BENCODE_EXCESSIVE);
  assert.equal(read("d".repeat(4)), BENCODE_BROKEN);
});

Deno.test("keys deeper than two levels and keys in lists are not mistaken for others", () => {
  assert.equal(read("d1:ad1:bd1:y1:xeee"), BENCODE_WHOLE);
  assert.equal(bencode.count, 2);
  assert.equal(read("d1:ald1:y1:xeee"), BENCODE_WHOLE);
  assert.equal(bencode.count, 1);
  assert.equal(read("ld1:y1:xee"), BENCODE_WHOLE);
  assert.equal(bencode.count, 0);
});

type Value = number | string | Value[] | Map<string, Value>;
function encode(value: Value): string {
  if (typeof value === "number") return `i${value}e`;
  if (typeof value === "string") return `${value.length}:${value}`;
  if (Array.isArray(value)) return `l${value.map(encode).join("")}e`;
  const keys = [...value.keys()].sort((a, b) => (a < b ? -1 : 1));
  return `d${keys.map((key) => encode(key) + encode(value.get(key)!)).join("")}e`;
}
const leaf = fc.oneof(fc.integer(), fc.string({ unit: "binary-ascii", maxLength: 12 }));
const nested = (inner: fc.Arbitrary<Value>): fc.Arbitrary<Value> =>
  fc.oneof(
    leaf,
    fc.array(inner, { maxLength: 4 }),
    fc.array(fc.tuple(fc.string({ maxLength: 3, unit: "binary-ascii" }), inner), { maxLength: 4 }).map((list) =>
      new Map(list)
    ),
  );
const value: fc.Arbitrary<Value> = nested(nested(nested(leaf)));

Deno.test("whatever is encoded reads back whole and sorted, with its top keys in place", () => {
  fc.assert(
    fc.property(value, (v) => {
      const text = encode(v);
      fc.pre(text.length <= 4096);
      assert.equal(read(text), BENCODE_WHOLE, text);
      assert.equal(bencode.stop, AT + text.length);
      assert.ok(bencode.sorted);
      if (v instanceof Map) {
        for (const [key, inner] of v) {
          const entry = bencode.find(-1, key);
          if (typeof inner === "string") assert.equal(string(-1, key), inner);
          if (typeof inner === "number") assert.equal(bencode.integer(entry), inner);
          if (Array.isArray(inner)) {
            assert.ok(bencode.openList(entry));
            let count = 0;
            while (bencode.nextItem()) count++;
            assert.equal(count, inner.length);
          }
        }
      }
    }),
    { numRuns: 2000 },
  );
});

Deno.test("no bytes make the walker throw, and every value lies within what was captured", () => {
  const near = fc.array(fc.constantFrom("d", "e", "l", "i", "1:", "2:ab", "0:", "i5e", "-", "9", ":", "4096:"), {
    maxLength: 60,
  })
    .map((list) => list.join(""));
  fc.assert(
    fc.property(fc.oneof(near, fc.string({ unit: "binary-ascii", maxLength: 60 })), fc.nat(8000), (text, length) => {
      read(text, length);
      const end = AT + text.length;
      assert.ok(bencode.stop >= AT && bencode.stop <= end);
      for (let entry = 0; entry < bencode.count; entry++) {
        assert.ok(bencode.at(entry) >= AT && bencode.at(entry) + bencode.length(entry) <= end);
        if (bencode.openList(entry)) { while (bencode.nextItem()) assert.ok(bencode.item + bencode.itemLength <= end); }
      }
    }),
    { numRuns: 10000 },
  );
});
