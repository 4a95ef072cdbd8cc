import assert from "node:assert/strict";
import fc from "fast-check";
import { decodedLength, HttpHead, NO_LINE, OTHER_LINE, percentDecode, REQUEST, RESPONSE } from "../../lib/wire/http.ts";

const head = new HttpHead();
let bytes = new Uint8Array(0);

function read(text: string): number {
  bytes = Uint8Array.from("\n" + text + "\n\r\n\r\n", (letter) => letter.charCodeAt(0)); // line ends outside must not count
  return head.read(bytes, 1, 1 + text.length);
}
function slice(from: number, to: number): string {
  return String.fromCharCode(...bytes.subarray(from, to));
}
const method = (): string => slice(head.method, head.methodEnd);
const target = (): string => slice(head.target, head.targetEnd);
const value = (): string => slice(head.value, head.valueEnd);

Deno.test("the first line is told apart: request, response, look-alike, neither", () => {
  const table: [string, number, string, string, number, number, boolean][] = [
    ["GET /.hash=ab HTTP/1.1\r\n", REQUEST, "GET", "/.hash=ab", 11, 0, true],
    ["GET / HTTP/1.0\n", REQUEST, "GET", "/", 10, 0, true],
    ["BT-SEARCH * HTTP/1.1\r\n", REQUEST, "BT-SEARCH", "*", 11, 0, true],
    ["HTTP/1.1 206 Partial Content\r\n", RESPONSE, "", "Partial Content", 11, 206, true],
    ["HTTP/1.0 200\r\n", RESPONSE, "", "", 10, 200, true],
    ["GIVE 12345\r\n", OTHER_LINE, "GIVE", "12345", 0, 0, true],
    ["GNUTELLA CONNECT/0.6\r\n", OTHER_LINE, "GNUTELLA", "CONNECT/0.6", 0, 0, true],
    ["GET /cut", OTHER_LINE, "GET", "/cut", 0, 0, false],
    ["get / HTTP/1.1\r\n", NO_LINE, "", "", 0, 0, false],
    ["GET/ HTTP/1.1\r\n", NO_LINE, "", "", 0, 0, false],
    [" GET / HTTP/1.1\r\n", NO_LINE, "", "", 0, 0, false],
    ["", NO_LINE, "", "", 0, 0, false],
    ["\x13BitTorrent protocol", NO_LINE, "", "", 0, 0, false],
    ["HTTP/1.1 2x6 x\r\n", NO_LINE, "", "", 0, 0, true],
    ["HTTP/1.1 2006 x\r\n", NO_LINE, "", "", 0, 0, true],
  ];
  for (const [text, kind, word, rest, version, status, complete] of table) {
    assert.equal(read(text), kind, text);
    assert.deepEqual([head.version, head.status, head.lineComplete], [version, status, complete], text);
    if (kind !== NO_LINE) assert.deepEqual([kind === RESPONSE ? "" : method(), target()], [word, rest], text);
  }
});

Deno.test("a first line of no known form leaves no header of the head before it", () => {
  assert.equal(read("GET / HTTP/1.1\r\nHost: a\r\nAccept: b\r\n\r\n"), REQUEST);
  assert.ok(head.next());
  assert.equal(read("x-no-method\r\nHost: a\r\nAccept: b\r\n\r\n"), NO_LINE);
  assert.ok(!head.next());
});

Deno.test("headers are found without case, at line starts, and only up to the blank line", () => {
  read(
    "GET / HTTP/1.1\r\nHost: a\r\nCookie: x-kazaa-username: no\r\nX-KaZaA-Username:\t bob \r\nEmpty:\n\r\nX-Late: 1\r\n",
  );
  assert.ok(head.find("x-kazaa-username"));
  assert.equal(value(), "bob");
  assert.ok(head.find("host"));
  assert.equal(value(), "a");
  assert.ok(head.find("empty"));
  assert.equal(value(), "");
  assert.ok(!head.find("x-late"));
  assert.ok(!head.find("kazaa-username"));
  assert.equal(slice(head.findBody(), head.findBody() + 6), "X-Late");
  let seen = 0;
  head.rewind();
  while (head.next()) if (head.nameStarts("x-kazaa")) seen++;
  assert.equal(seen, 1);
});

Deno.test("a head that is cut gives its whole lines only", () => {
  read("GET / HTTP/1.1\r\nHost: a\r\nX-KaZaA-Us");
  assert.ok(head.find("host"));
  assert.ok(!head.find("x-kazaa-us"));
  assert.equal(head.findBody(), -1);
  read("GET / HTTP/1.1\r\nHost: whole");
  assert.ok(!head.find("host"));
});

Deno.test("folded values belong to their header, and a line that is none ends the head", () => {
  read("GET / HTTP/1.1\r\nA: 1\r\n  2\r\nB: 3\r\n\r\n");
  assert.ok(head.find("a"));
  assert.equal(value(), "1\r\n  2");
  assert.ok(head.find("b"));
  read("GET / HTTP/1.1\r\nnot a header\r\nB: 3\r\n\r\n");
  assert.ok(!head.find("b"));
  read("GET / HTTP/1.1\r\nName : 3\r\n\r\n");
  assert.ok(!head.find("name"), "RFC 9112 section 5.1: no space before the colon");
});

Deno.test("a query parameter is found by its whole name, its bytes are counted decoded", () => {
  const hash = "%12%34%56%78%9a%bc%de%f0ABCDEFGHIJ%ff~";
  read(`GET /announce?xinfo_hash=1&info_hash=${hash}&port=6881 HTTP/1.1\r\n`);
  assert.ok(head.parameter("info_hash"));
  assert.equal(value(), hash);
  assert.equal(decodedLength(bytes, head.value, head.valueEnd), 20);
  const into = new Uint8Array(20);
  assert.equal(percentDecode(bytes, head.value, head.valueEnd, into), 20);
  assert.deepEqual([into[0], into[8], into[18], into[19]], [0x12, 0x41, 0xff, 0x7e]);
  assert.ok(head.parameter("port"));
  assert.equal(value(), "6881");
  assert.ok(!head.parameter("hash"));
  assert.ok(!head.parameter("por"));
  read("GET /info_hash=1 HTTP/1.1\r\n");
  assert.ok(!head.parameter("info_hash"), "the path is no query");
  read("GET /?a=1#info_hash=1 HTTP/1.1\r\n");
  assert.ok(!head.parameter("info_hash"), "a fragment is no query");
  read("GET /?info_hash= HTTP/1.1\r\n");
  assert.ok(head.parameter("info_hash"));
  assert.equal(decodedLength(bytes, head.value, head.valueEnd), 0);
});

Deno.test("malformed percent signs are told", () => {
  for (const [text, count] of [["%", -1], ["%4", -1], ["%4g", -1], ["%zz", -1], ["a%20b", 3], ["%00", 1]] as const) {
    const raw = new TextEncoder().encode(text);
    assert.equal(decodedLength(raw, 0, raw.length), count, text);
  }
});

Deno.test("comparisons stay within their range", () => {
  read("GET /x HTTP/1.1\r\nHost: Kazaa.com\r\n\r\n");
  assert.ok(head.methodIs("GET") && !head.methodIs("GE") && !head.methodIs("GETS"));
  assert.ok(head.targetStarts("/x") && !head.targetStarts("/x HTTP"));
  assert.ok(head.find("host"));
  assert.ok(head.valueStarts("kazaa") && !head.valueStarts("kazaa.com\r"));
});

Deno.test("no bytes make the reader throw, and every range lies within the given one", () => {
  const pieces = fc.array(
    fc.constantFrom("GET ", "HTTP/1.1", " ", "\r\n", "\n", ":", "Host", "?", "info_hash=", "%", "&", "\t", "200", "\r"),
    { maxLength: 40 },
  ).map((list) => list.join(""));
  fc.assert(
    fc.property(fc.oneof(pieces, fc.string({ unit: "binary-ascii", maxLength: 80 })), (text) => {
      read(text);
      const inside = (from: number, to: number): void =>
        assert.ok(from >= 1 && from <= to && to <= 1 + text.length, text);
      inside(head.method, head.methodEnd);
      inside(head.target, head.targetEnd);
      head.parameter("info_hash");
      inside(head.value, head.valueEnd);
      let count = 0;
      while (head.next()) {
        inside(head.name, head.nameEnd);
        inside(head.value, head.valueEnd);
        count++;
      }
      assert.ok(count <= 128);
      if (head.findBody() >= 0) inside(head.body, head.body);
    }),
    { numRuns: 5000 },
  );
});
