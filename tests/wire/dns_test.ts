import assert from "node:assert/strict";
import fc from "fast-check";
import { formatAddress } from "../../lib/net/address.ts";
import {
  DNS_BROKEN,
  DNS_MANY,
  DNS_SHORT,
  DNS_SOUND,
  dnsFrameEnd,
  DnsMessage,
  DnsName,
  NameSet,
  SECTION_ANSWER,
  TYPE_A,
  TYPE_CNAME,
  TYPE_HTTPS,
} from "../../lib/wire/dns.ts";
import { whyNotPattern } from "../../lib/wire/dns_name.ts";

function hex(text: string): Uint8Array {
  return Uint8Array.from(text.replace(/\s+/g, "").match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

const dns = new DnsMessage();

function read(bytes: Uint8Array): boolean {
  const buffer = new Uint8Array(bytes.length + 40).fill(0xc0);
  buffer.set(bytes, 20);
  return dns.read(buffer, new DataView(buffer.buffer), 20, 20 + bytes.length);
}

/** All records of the message at hand, as text. */
function records(): string[] {
  const lines: string[] = [];
  while (dns.next()) {
    const parts = [`${dns.section} ${dns.owner.text()} ${dns.type} ${dns.ttl}`];
    if (dns.readTarget()) parts.push(`-> ${dns.target.text()}`);
    while (dns.nextAddress()) parts.push(formatAddress(dns.a0, dns.a1, dns.a2, dns.a3));
    lines.push(parts.join(" "));
  }
  return lines;
}

const HEAD = "1234 8180 0001 AAAA 0000 0000 05 63 41 63 68 65 05 77 69 6e 6d 78 03 43 4f 4d 00 0001 0001"; // cAche.winmx.COM A
const head = (answers: number) => HEAD.replace("AAAA", answers.toString(16).padStart(4, "0"));
const ANSWER = head(3) +
  "c00c 0005 0001 0000003c 0004 01 61 c012" + // CNAME a.winmx.com, compressed
  "c02d 0001 0001 00000078 0004 c6336407" +
  "c02d 001c 0001 80000078 0010 20010db8000000000000000000000007";

Deno.test("an answer is read: question, alias, addresses of both families", () => {
  assert.ok(read(hex(ANSWER)));
  assert.deepEqual([dns.id, dns.response, dns.opcode, dns.rcode, dns.truncated], [0x1234, true, 0, 0, false]);
  assert.equal(dns.question.text(), "cache.winmx.com");
  assert.equal(dns.questionType, TYPE_A);
  assert.deepEqual(records(), [
    `${SECTION_ANSWER} cache.winmx.com ${TYPE_CNAME} 60 -> a.winmx.com`,
    "1 a.winmx.com 1 120 198.51.100.7",
    "1 a.winmx.com 28 0 2001:db8::7", // a lifetime with its top bit set is 0
  ]);
  assert.equal(dns.fault, DNS_SOUND);
});

Deno.test("HTTPS records give their address hints", () => {
  const rdata = "0001 00 0001 0003 026832 0004 0008 c6336407 c6336408 0006 0010 20010db8000000000000000000000007";
  const length = hex(rdata).length.toString(16).padStart(4, "0");
  assert.ok(read(hex(head(1) + `c00c 0041 0001 00000010 ${length}` + rdata)));
  assert.deepEqual(records(), [`1 cache.winmx.com ${TYPE_HTTPS} 16 -> . 198.51.100.7 198.51.100.8 2001:db8::7`]);
  // Hints whose length is no multiple of an address, and parameters beyond the record, name nothing.
  assert.ok(read(hex(head(1) + "c00c 0041 0001 00000010 000c 0001 00 0004 0005 c633640700")));
  assert.deepEqual(records(), [`1 cache.winmx.com ${TYPE_HTTPS} 16 -> .`]);
  assert.ok(read(hex(head(1) + "c00c 0041 0001 00000010 000b 0001 00 0004 0008 c6336407")));
  assert.deepEqual(records(), [`1 cache.winmx.com ${TYPE_HTTPS} 16 -> .`]);
});

Deno.test("addresses of the wrong length or of another class are none", () => {
  assert.ok(read(hex(head(2) + "c00c 0001 0001 00000010 0003 c63364 c00c 0001 0003 00000010 0004 c6336407")));
  assert.deepEqual(records(), ["1 cache.winmx.com 1 16", "1 cache.winmx.com 1 16"]);
});

Deno.test("hostile names end in a fault, never in a loop", () => {
  const table: [string, string, number][] = [
    ["pointer to itself", "c024 0001 0001 00000010 0004 c6336407", DNS_BROKEN],
    ["pointer forward", "c030 0001 0001 00000010 0004 c6336407", DNS_BROKEN],
    ["pointer into the header", "c004 0001 0001 00000010 0004 c6336407", DNS_BROKEN],
    ["label and pointer in a ring", "0161 c021 0001 0001 00000010 0004 c6336407", DNS_BROKEN],
    ["label type 0x40", "41 0001 0001 00000010 0004 c6336407", DNS_BROKEN],
    ["label type 0x80", "81 0001 0001 00000010 0004 c6336407", DNS_BROKEN],
    ["name of more than 255 bytes", ("3f" + "61".repeat(63)).repeat(4) + "00 0001 0001 00000010 0000", DNS_BROKEN],
    ["name cut", "05 6162", DNS_SHORT],
    ["record cut", "c00c 0001 0001 0000", DNS_SHORT],
    ["data cut", "c00c 0001 0001 00000010 0004 c633", DNS_SHORT],
    ["no record where one is claimed", "", DNS_SHORT],
  ];
  for (const [name, rest, fault] of table) {
    assert.ok(read(hex(head(1) + rest)), name);
    assert.ok(!dns.next(), name);
    assert.equal(dns.fault, fault, name);
    assert.ok(!dns.next() && !dns.nextAddress(), name);
  }
  assert.ok(!read(hex("1234 8180 0001")));
  assert.equal(dns.fault, DNS_SHORT);
});

Deno.test("the longest name fits, and one byte more does not", () => {
  const label = (n: number) => n.toString(16).padStart(2, "0") + "61".repeat(n);
  const longest = label(63) + label(63) + label(63) + label(61) + "00"; // 255 bytes on the wire
  assert.ok(read(hex("0000 0000 0001 0000 0000 0000" + longest + "0001 0001")));
  assert.equal(dns.question.length, 253);
  assert.ok(!read(hex("0000 0000 0001 0000 0000 0000" + longest.replace(label(61), label(62)) + "0001 0001")));
  assert.equal(dns.fault, DNS_BROKEN);
});

Deno.test("more records than anyone sends are not walked", () => {
  assert.ok(read(hex(head(5000) + "c00c 0001 0001 00000010 0004 c6336407".repeat(5000))));
  assert.equal(records().length, 256);
  assert.equal(dns.fault, DNS_MANY);
});

Deno.test("names in logs hold nothing that a terminal or a log reader would act on", () => {
  assert.ok(read(hex("0000 0000 0001 0000 0000 0000 04 61 2e 1b 0a 01 5c 00 0001 0001")));
  assert.equal(dns.question.text(), "a\\046\\027\\010.\\092");
});

function matched(set: NameSet, name: string): number {
  const dnsName = new DnsName();
  dnsName.length = new TextEncoder().encodeInto(name, dnsName.bytes).written;
  return set.match(dnsName.bytes, dnsName.length);
}

Deno.test("a pattern covers whole labels: below, itself, or both", () => {
  const set = NameSet.from(["*.winmx.com", "exact.example.net", ".both.example", "*.deep.winmx.com.", "*.ORG"]);
  const table: [string, number][] = [
    ["c3510.z1301.winmx.com", 0],
    ["www.winmx.com", 0],
    ["winmx.com", -1],
    ["notwinmx.com", -1],
    ["www.notwinmx.com", -1],
    ["winmx.com.evil.test", -1],
    ["deep.winmx.com", 0],
    ["x.deep.winmx.com", 3],
    ["exact.example.net", 1],
    ["www.exact.example.net", -1],
    ["both.example", 2],
    ["a.b.both.example", 2],
    ["x.org", 4],
    ["org", -1],
    ["", -1],
    ["com", -1],
    [".winmx.com", 0],
  ];
  for (const [name, index] of table) assert.equal(matched(set, name), index, name);
  assert.equal(matched(NameSet.from([]), "a.b"), -1);
});

Deno.test("a label with a dot in it does not pass for a longer name", () => {
  // One label "www.winmx", then "com": its text looks like a name below winmx.com, its labels do not.
  assert.ok(read(hex("0000 0000 0001 0000 0000 0000 09 7777772e77696e6d78 03 636f6d 00 0001 0001")));
  assert.equal(NameSet.from(["*.winmx.com"]).match(dns.question.bytes, dns.question.length), -1);
});

Deno.test("a pattern that cannot work is refused with its reason", () => {
  const table: [string, RegExp][] = [
    ["", /no name/],
    ["*.", /wildcard/],
    [".", /no name/],
    ["*", /wildcard/],
    ["win*.com", /wildcard/],
    ["*winmx.com", /wildcard/],
    ["a..b", /1 to 63/],
    ["x".repeat(64) + ".com", /1 to 63/],
    ["bücher.example", /xn--/],
    ["a b.com", /letters, digits/],
    [Array(70).fill("abcd").join("."), /253/],
  ];
  for (const [pattern, reason] of table) {
    assert.match(whyNotPattern(pattern), reason, pattern);
    assert.throws(() => NameSet.from([pattern]), SyntaxError);
  }
  assert.equal(whyNotPattern("*.winmx.com"), "");
});

Deno.test("a set of patterns agrees with the plain reading of them", () => {
  const label = fc.constantFrom("a", "b", "ab", "c");
  const name = fc.array(label, { minLength: 1, maxLength: 5 }).map((list) => list.join("."));
  const pattern = fc.tuple(fc.constantFrom("*.", ".", ""), name).map(([front, rest]) => front + rest);
  const covers = (p: string, n: string): boolean =>
    p.startsWith("*.") ? n.endsWith(p.slice(1)) : p.startsWith(".") ? n === p.slice(1) || n.endsWith(p) : n === p;
  fc.assert(fc.property(fc.array(pattern, { maxLength: 30 }), name, (patterns, n) => {
    const index = matched(NameSet.from(patterns), n);
    assert.equal(index >= 0, patterns.some((p) => covers(p, n)));
    if (index >= 0) assert.ok(covers(patterns[index]!, n));
  }));
});

Deno.test("frames of DNS over TCP are told by their length", () => {
  const view = new DataView(hex("0005 0102030405 0100 01 00").buffer);
  assert.equal(dnsFrameEnd(view, 0, view.byteLength), 7);
  assert.equal(dnsFrameEnd(view, 7, view.byteLength), 9 + 256); // more is to come
  assert.equal(dnsFrameEnd(view, 10, view.byteLength), -1);
});

Deno.test("no bytes make the reader throw or run on", () => {
  const sample = hex(ANSWER);
  const flips = fc.array(fc.tuple(fc.nat(sample.length - 1), fc.nat(255)), { maxLength: 8 }).map((list) => {
    const copy = sample.slice();
    for (const [at, byte] of list) copy[at] = byte;
    return copy;
  });
  const cut = fc.tuple(flips, fc.nat(sample.length)).map(([bytes, length]) => bytes.slice(0, length));
  fc.assert(
    fc.property(fc.oneof(cut, fc.uint8Array({ maxLength: 300 })), (bytes) => {
      if (read(bytes)) assert.ok(records().length <= 256);
      assert.ok(dns.owner.length <= 253 && dns.target.length <= 253 && dns.question.length <= 253);
    }),
    { numRuns: 5000 },
  );
});
