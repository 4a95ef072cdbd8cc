import assert from "node:assert/strict";
import { isIP } from "node:net";
import fc from "fast-check";
import {
  formatAddress,
  formatMac,
  formatPrefix,
  isPrivate,
  isUnlearnable,
  parseAddress,
  parseMac,
  parsePrefix,
  type Prefix,
  PrefixSet,
  whyNotPrefix,
  type Words,
} from "../../lib/net/address.ts";

const word = fc.integer({ min: -0x80000000, max: 0x7fffffff });
const six: fc.Arbitrary<Words> = fc.tuple(
  fc.oneof(word, fc.constant(0)),
  fc.oneof(word, fc.constant(0), fc.constant(0xffff)),
  fc.oneof(word, fc.constant(0), fc.constant(0x00010000)),
  fc.oneof(word, fc.constant(0), fc.constant(1)),
);
const four: fc.Arbitrary<Words> = word.map((w): Words => [0, 0, 0xffff, w]);
const address = fc.oneof(four, six);

function words(text: string): Words {
  const read = parseAddress(text);
  assert.ok(read, text);
  return read;
}

Deno.test("an address reads as the words that RFC 4291 gives it", () => {
  const table: [string, number[]][] = [
    ["10.1.2.3", [0, 0, 0xffff, 0x0a010203]],
    ["255.255.255.255", [0, 0, 0xffff, -1]],
    ["::", [0, 0, 0, 0]],
    ["::1", [0, 0, 0, 1]],
    ["1::", [0x10000, 0, 0, 0]],
    ["::ffff:10.1.2.3", [0, 0, 0xffff, 0x0a010203]],
    ["::FFFF:0a01:0203", [0, 0, 0xffff, 0x0a010203]],
    ["64:ff9b::192.0.2.33", [0x64ff9b | 0, 0, 0, 0xc0000221 | 0]],
    ["2001:db8:1:2:3:4:5:6", [0x20010db8, 0x10002, 0x30004, 0x50006]],
    ["1:2:3:4:5:6:7::", [0x10002, 0x30004, 0x50006, 0x70000]],
    ["0001:2:3:4:5:6:1.2.3.4", [0x10002, 0x30004, 0x50006, 0x01020304]],
  ];
  for (const [text, expected] of table) assert.deepEqual(parseAddress(text), expected, text);
});

Deno.test("what is no address is refused, as node:net refuses it", () => {
  const table = [
    ..."|1.2.3|1.2.3.4.5|01.2.3.4|1.2.3.256|1.2.3.4 | 1.2.3.4|1.2.3.|.1.2.3|1..2.3|0x1.2.3.4|1.2.3.4/8|-1.2.3.4".split(
      "|",
    ),
    ..."1:2:3:4:5:6:7|1:2:3:4:5:6:7:8:9|:|:::|1:|:1|1::2::3|12345::|g::|::1.2.3|1.2.3.4::|::1.2.3.4:5|[::1]|::1 ".split(
      "|",
    ),
    ..."1:2:3:4:5:6:7:1.2.3.4|1:2:3:4:5:6:7:8::|::1:2:3:4:5:6:7:8|1:2:3:4::5:6:7:8|::01.2.3.4|::00001".split("|"),
  ];
  for (const text of table) {
    assert.equal(parseAddress(text), null, text);
    assert.equal(isIP(text), 0, `node:net takes "${text}"`);
  }
  assert.equal(parseAddress("fe80::1%eth0"), null); // node:net takes zones; they mean nothing here
});

Deno.test("any text is an address here exactly where node:net says so", () => {
  const near = fc.string({ unit: fc.constantFrom(..."0123456789abcdfF:.:.::".split("")), maxLength: 46 });
  const pieces = fc.array(fc.constantFrom("::", ":", "0", "1", "ffff", "abcd", "1.2.3.4", "255", ".", "00"), {
    maxLength: 17,
  })
    .map((list) => list.join(""));
  fc.assert(
    fc.property(fc.oneof(near, pieces), (text) => {
      assert.equal(parseAddress(text) !== null, isIP(text) !== 0, text);
    }),
    { numRuns: 20000 },
  );
});

Deno.test("what is written reads back, in the canonical form of RFC 5952", () => {
  fc.assert(fc.property(address, (a) => {
    const text = formatAddress(...a);
    assert.deepEqual(parseAddress(text), a);
    if (text.includes(":")) assert.equal(new URL(`http://[${text}]/`).hostname, `[${text}]`);
  }));
  assert.equal(formatAddress(...words("2001:DB8:0:0:1:0:0:1")), "2001:db8::1:0:0:1");
  assert.equal(formatAddress(...words("2001:db8:0:1:1:1:1:1")), "2001:db8:0:1:1:1:1:1");
  assert.equal(formatAddress(...words("::ffff:198.51.100.7")), "198.51.100.7");
  assert.equal(formatAddress(0, 0, 0, 0), "::");
});

Deno.test("a prefix reads with its own length, and says what is wrong with it", () => {
  assert.deepEqual(parsePrefix("10.0.0.0/8"), { words: [0, 0, 0xffff, 0x0a000000], bits: 104, family: 4 });
  assert.deepEqual(parsePrefix("fc00::/7"), { words: [0xfc000000 | 0, 0, 0, 0], bits: 7, family: 6 });
  for (const text of ["10.0.0.1/32", "::1/128", "0.0.0.0/0", "::/0", "128.0.0.0/1"]) {
    const prefix = parsePrefix(text);
    assert.ok(prefix, text);
    assert.equal(formatPrefix(prefix), text);
  }
  assert.equal(formatPrefix(parsePrefix("10.0.0.1")!), "10.0.0.1/32");
  assert.equal(formatPrefix(parsePrefix("::ffff:10.0.0.0/104")!), "10.0.0.0/8");
  const table: [string, RegExp][] = [
    ["10.0.0.1/8", /write "10\.0\.0\.0\/8"/],
    ["fd00::1/64", /write "fd00::\/64"/],
    ["10.0.0.0/33", /0 to 32/],
    ["::/129", /0 to 128/],
    ["10.0.0.0/", /0 to 32/],
    ["10.0.0.0/08", /0 to 32/],
    ["10.0.0.0/255.0.0.0", /0 to 32/],
    ["home", /not an IPv4 or IPv6 address/],
  ];
  for (const [text, reason] of table) {
    assert.equal(parsePrefix(text), null, text);
    assert.match(whyNotPrefix(text), reason);
  }
  assert.equal(whyNotPrefix("10.0.0.0/8"), "");
});

/** The plain reading of "holds", bit by bit. */
function holds(prefix: Prefix, a: Words): boolean {
  const isFour = a[0] === 0 && a[1] === 0 && a[2] === 0xffff;
  if (isFour !== (prefix.family === 4)) return false;
  for (let i = 0; i < prefix.bits; i++) {
    const shift = 31 - i % 32;
    if (((prefix.words[i >> 5]! >>> shift) & 1) !== ((a[i >> 5]! >>> shift) & 1)) return false;
  }
  return true;
}

const prefix = fc.oneof(
  fc.tuple(four, fc.integer({ min: 0, max: 32 })),
  fc.tuple(six, fc.integer({ min: 0, max: 128 })),
).map(([a, bits]) => {
  const text = `${formatAddress(...a)}/${bits}`;
  const corrected = /write "(.*)"/.exec(whyNotPrefix(text))?.[1] ?? text;
  return parsePrefix(corrected);
}).filter((read) => read !== null);

Deno.test("a set of prefixes holds exactly what one of its prefixes holds", () => {
  fc.assert(
    fc.property(
      fc.array(prefix, { maxLength: 12 }),
      fc.array(address, { minLength: 1, maxLength: 8 }),
      (list, probes) => {
        const set = PrefixSet.from(list);
        const edges = list.map((p) => p.words);
        for (const a of [...probes, ...edges, ...edges.map((w): Words => [w[0], w[1], w[2], (w[3] - 1) | 0])]) {
          assert.equal(set.has(...a), list.some((p) => holds(p, a)), formatAddress(...a));
        }
      },
    ),
    { numRuns: 2000 },
  );
});

Deno.test("a set of prefixes takes nested, equal and thousands of prefixes, and none", () => {
  assert.equal(PrefixSet.from([]).has(0, 0, 0xffff, 1), false);
  const nested = PrefixSet.from(
    ["10.0.0.0/8", "10.1.0.0/16", "10.0.0.0/8", "10.255.255.255"].map((t) => parsePrefix(t)!),
  );
  assert.equal(nested.size, 1);
  assert.ok(nested.has(...words("10.255.255.255")));
  assert.ok(!nested.has(...words("11.0.0.0")));
  const many = PrefixSet.from(Array.from({ length: 5000 }, (_, i) => parsePrefix(`${i >> 8}.${i & 255}.7.0/24`)!));
  for (let i = 0; i < 5000; i++) {
    assert.ok(many.has(...words(`${i >> 8}.${i & 255}.7.${i & 255}`)));
    assert.ok(!many.has(...words(`${i >> 8}.${i & 255}.8.0`)));
  }
  assert.ok(!PrefixSet.from([parsePrefix("::/0")!]).has(...words("10.0.0.1")), "::/0 is IPv6 only");
});

Deno.test("private and unlearnable addresses are told at their edges", () => {
  const table: [string, boolean, boolean][] = [
    ["9.255.255.255", false, false],
    ["10.0.0.0", true, true],
    ["172.15.255.255", false, false],
    ["172.16.0.0", true, true],
    ["172.31.255.255", true, true],
    ["172.32.0.0", false, false],
    ["192.168.255.255", true, true],
    ["192.169.0.0", false, false],
    ["100.64.0.1", true, true],
    ["100.128.0.0", false, false],
    ["169.254.1.1", true, true],
    ["127.0.0.1", false, true],
    ["0.0.0.0", false, true],
    ["223.255.255.255", false, false],
    ["224.0.0.1", false, true],
    ["255.255.255.255", false, true],
    ["198.51.100.7", false, false],
    ["::", false, true],
    ["::1", false, true],
    ["fc00::1", true, true],
    ["fdff::1", true, true],
    ["fe80::1", true, true],
    ["ff02::1", false, true],
    ["2001:db8::1", false, false],
    ["fbff::", false, false],
  ];
  for (const [text, own, unlearnable] of table) {
    assert.equal(isPrivate(...words(text)), own, text);
    assert.equal(isUnlearnable(...words(text)), unlearnable, text);
  }
});

Deno.test("hardware addresses read and write", () => {
  assert.deepEqual(parseMac("02:00:5E:10:00:fF"), [0x0200, 0x5e1000ff]);
  assert.deepEqual(parseMac("ff-ff-ff-ff-ff-ff"), [0xffff, -1]);
  for (
    const text of [
      "",
      "02:00:5e:10:00",
      "02:00:5e:10:00:ff:01",
      "02:00-5e:10:00:ff",
      "02005e1000ff",
      "0g:00:00:00:00:00",
    ]
  ) {
    assert.equal(parseMac(text), null, text);
  }
  fc.assert(fc.property(fc.integer({ min: 0, max: 0xffff }), word, (high, low) => {
    assert.deepEqual(parseMac(formatMac(high, low)), [high, low]);
  }));
});
