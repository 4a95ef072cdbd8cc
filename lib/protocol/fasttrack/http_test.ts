import assert from "node:assert/strict";
import { ADVERTISED, CERTAIN, CONFIRMED, STRONG, UNDECIDED, UNRELATED } from "../classifier.ts";
import { fasttrack } from "./mod.ts";
import { converse, hex, join, latin, type Turn } from "../../../tests/support/conversation.ts";
import { randomWords, splits } from "../../../tests/support/splits.ts";

const HASH = "d67e5427fe7476d124cf656b7f5b20e0ff4ffbff";
const REQUEST = latin(
  `GET /.hash=${HASH} HTTP/1.1\r\nHost: 198.51.100.9:1214\r\nUserAgent: KazaaClient Nov  3 2002 20:29:03\r\n` +
    "X-Kazaa-Username: someone\r\nX-Kazaa-Network: KaZaA\r\nX-Kazaa-IP: 10.0.0.5:2031\r\n" +
    "X-Kazaa-SupernodeIP: 203.0.113.77:3402\r\nConnection: close\r\n\r\n",
);
const ANSWER = latin(
  "HTTP/1.0 503 Service Unavailable\r\nRetry-After: 284\r\nX-Kazaa-Username: other\r\nX-Kazaa-Network: KaZaA\r\n" +
    "X-Kazaa-IP: 198.51.100.9:1214\r\nX-Kazaa-SupernodeIP: 203.0.113.78:80\r\n\r\n",
);

function ask(...turns: readonly Turn[]) {
  return converse(fasttrack, { tcp: true }, turns);
}

function peers(...turns: readonly Turn[]) {
  const { found } = ask(...turns).look;
  return Array.from(
    { length: found.count },
    (_, i) => [found.words[i * 6 + 3]! >>> 0, found.words[i * 6 + 4], found.words[i * 6 + 5]],
  );
}

Deno.test("a transfer's request tells in any segments, and names the supernode", () => {
  for (const turns of [[[">", REQUEST] as Turn], ...splits([[">", REQUEST]], 0)]) {
    const { answer } = ask(...turns);
    assert.equal(answer.name, "http-hash");
    assert.equal(answer.certainty, CERTAIN);
    assert.deepEqual(peers(...turns), [[0xcb00714d, 3402, CONFIRMED]]);
  }
});

Deno.test("a transfer's answer tells in any segments, and names both endpoints", () => {
  const plain = latin("GET /13609/some%20song.mp3 HTTP/1.1\r\nHost: 198.51.100.9\r\n\r\n");
  assert.equal(ask([">", plain]).answer, UNDECIDED);
  const turns: Turn[] = [[">", plain], ["<", ANSWER]];
  for (const cut of [turns, ...splits(turns, 1)]) {
    assert.equal(ask(...cut).answer.name, "http-header");
    assert.deepEqual(peers(...cut), [[0xc6336409, 1214, CONFIRMED], [0xcb00714e, 80, ADVERTISED]]);
  }
});

Deno.test("an upload names the peer that asks, not the client that answers", () => {
  const inbound = { tcp: true, openerIsClient: false };
  const { look, answer } = converse(fasttrack, inbound, [[
    ">",
    latin("GET /7/a.mp3 HTTP/1.1\r\nX-Kazaa-IP: 198.51.100.9:1214\r\n\r\n"),
  ]]);
  assert.equal(answer.name, "http-header");
  assert.equal(look.found.count, 1);
});

Deno.test("every header of FastTrack tells, in any case, at a line's start", () => {
  for (
    const header of [
      "X-Kazaa-Username: a",
      "x-kazaa-network: KaZaA",
      "X-KAZAA-IP: 1.2.3.4:5",
      "X-Kazaa-SupernodeIP: 1.2.3.4:5",
      "X-Kazaa-XferId: 12",
      "X-Kazaa-XferUid: abc",
      "X-KazaaTag: 3==abc",
      "UserAgent: KazaaClient Jul 1 2003",
      "Server: KazaaClient Nov 3 2002",
    ]
  ) {
    for (const start of ["GET /7/a HTTP/1.1", "HTTP/1.1 200 OK", "HEAD / HTTP/1.0"]) {
      const { answer } = ask([">", latin(`${start}\r\nHost: a\r\n${header}\r\n\r\n`)]);
      assert.equal(answer.name, "http-header", `${start} ${header}`);
      assert.equal(answer.certainty, CERTAIN);
      assert.equal(ask([">", latin(`${start}\nHost: a\n${header}\n\n`)]).answer.name, "http-header", "bare LF");
    }
  }
  const altnet = ask([">", latin("GET /x HTTP/1.1\r\nUser-Agent: PeerEnabler/4.0\r\n\r\n")]).answer;
  assert.equal(altnet.name, "http-agent");
  assert.equal(altnet.certainty, STRONG);
});

Deno.test("captured: mldonkey asks and answers", () => {
  const request = `GET /.hash=${HASH} HTTP/1.0\r\nX-Kazaa-Network: KaZaA\r\nConnection: Keep-Alive\r\n` +
    "X-Kazaa-Username: labfasttrack\r\nHost: 192.0.2.40:1214\r\nRange: bytes=0-262143\r\n\r\n";
  assert.equal(ask([">", latin(request)]).answer.name, "http-hash");
  const answer = "HTTP/1.1 206 Partial Reply\r\nServer: MLDonkey/3.2.1\r\nContent-length: 262144\r\n" +
    `X-KazaaTag: 3=${HASH}\r\n\r\nID3`;
  assert.equal(ask(["<", latin(answer)]).answer.name, "http-header");
});

Deno.test("a request through an HTTP proxy names the node it asks for", () => {
  const turn: Turn = [">", latin(`GET http://198.51.100.9:1214/.hash=${HASH} HTTP/1.1\r\nHost: 198.51.100.9\r\n\r\n`)];
  assert.equal(ask(turn).answer.name, "http-hash");
  assert.deepEqual(peers(turn), [[0xc6336409, 1214, CONFIRMED]]);
});

Deno.test("a block that never ends is answered all the same", () => {
  const request = latin(`GET /.hash=${HASH} HTTP/1.1\r\nX-Filler: ${"a".repeat(2100)}\r\n`);
  assert.equal(ask([">", request]).answer.name, "http-hash");
  const line = latin(`GET /.hash=${HASH} HTTP/1.1\r\n`);
  const drip: Turn[] = [[">", line], [">", latin("a: b\r\n")], [">", latin("a: b\r\n")], [">", latin("a: b\r\n")]];
  assert.equal(ask(...drip.slice(0, 3)).answer, UNDECIDED);
  assert.equal(ask(...drip).answer.name, "http-hash");
});

Deno.test("GIVE is strong alone, certain once the other side asks", () => {
  const give: Turn = [">", latin("GIVE 4253679545\r\n")];
  assert.equal(ask(give).answer.name, "give");
  assert.equal(ask(give).answer.certainty, STRONG);
  for (const turns of splits([give], 0)) assert.equal(ask(...turns).answer.name, "give");
  for (const near of ["GIVE 1234567\r\n", "GIVE 0123456"]) assert.equal(ask([">", latin(near)]).answer, UNDECIDED);
  for (
    const near of ["GIVE 12345678901\r\n", "GIVE me 100\r\n", "GIVE \r\n", "GIVE 123456789\n", "GIVE 123456789\r\nx"]
  ) assert.equal(ask([">", latin(near)]).answer, UNRELATED, near);
  assert.equal(ask(["<", latin("GIVE 123456789\r\n")]).answer, UNRELATED, "the answering side gives nothing");
  assert.equal(ask([">", latin("GIV 0:0123456789abcdef0123456789abcdef/song\n\n")]).answer, UNRELATED, "Gnutella");
  const short: Turn = [">", latin("GIVE 42\r\n")];
  const asked = ask(short, ["<", latin("GET /13609/a.mp3 HTTP/1.1\r\nHost: a\r\n\r\n")]).answer;
  assert.equal(asked.name, "give-request");
  assert.equal(asked.certainty, CERTAIN);
  assert.equal(ask(short, ["<", latin("GET /index.html HTTP/1.1\r\n\r\n")]).answer, UNDECIDED);
  assert.equal(ask(short, ["<", latin(`GET /.hash=${HASH} HTTP/1.1\r\n\r\n`)]).answer.name, "http-hash");
});

Deno.test("pages, searches and mails about Kazaa are nobody's transfer", () => {
  const body = "X-Kazaa-Username: a\r\nX-Kazaa-IP: 1.2.3.4:5\r\n\r\n";
  for (
    const text of [
      `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n${body}`,
      `HTTP/1.1 200 OK\r\nX-About: X-Kazaa-IP: 1.2.3.4:5\r\n\r\n${body}`,
      `EHLO mail\r\nX-Kazaa-IP: 1.2.3.4:5\r\n\r\n`,
      `HELO mail\r\nX-Kazaa-IP: 1.2.3.4:5\r\n\r\n`,
      `From: a\r\n${body}`,
      `HTTP/1.1 200 OK\r\nServer: Apache\r\nX-KazaaFan: yes\r\nX-Kazaa-: no\r\n\r\n`,
      `HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nServer: not-KazaaClient\r\n\r\n`,
      `GROUP alt.x-kazaa\r\n`,
      `GARBAGE\r\n${body}`,
      `HTTP/9 bad\r\n${body}`,
    ]
  ) assert.equal(ask(["<", latin(text)]).answer, UNRELATED, text);
  for (
    const text of [
      `GET /search?q=X-Kazaa-Username HTTP/1.1\r\nReferer: http://kazaa.com/.hash=${HASH}\r\n\r\n`,
      `POST /mail HTTP/1.1\r\nContent-Length: 90\r\n\r\nX-Kazaa-Username: a\r\n\r\n`,
      `GET /.hash=${HASH.slice(1)} HTTP/1.1\r\n\r\n`,
      `GET /.hash=${HASH}0 HTTP/1.1\r\n\r\n`,
      `GET /.hash=${HASH.slice(1)}g HTTP/1.1\r\n\r\n`,
      `GET /a/.hash=${HASH} HTTP/1.1\r\n\r\n`,
      `GET /2026/kazaa.html HTTP/1.1\r\nHost: a\r\n\r\n`,
      `GET /x HTTP/1.1\r\nHost: a\r\n X-Kazaa-IP: folded\r\n\r\n`,
    ]
  ) {
    const { answer } = ask([">", latin(text)], [
      "<",
      latin("HTTP/1.1 200 OK\r\nServer: x\r\n\r\nX-Kazaa-IP: 1.1.1.1:1"),
    ]);
    assert.equal(answer, UNRELATED, text);
  }
  // A head that is broken off by something else ends there.
  const broken = ask(["<", latin(`HTTP/1.1 200 OK\r\nno header here\r\n${body}`)]).answer;
  assert.equal(broken, UNDECIDED);
});

Deno.test("endpoints that cannot be read are left out", () => {
  for (const value of ["", "1.2.3.4", "1.2.3:5", "1.2.3.4:0", "1.2.3.4:65536", "300.1.1.1:5", "name:5", "1.2.3.4:5x"]) {
    const turn: Turn = [">", latin(`GET /7/a HTTP/1.1\r\nX-Kazaa-SupernodeIP: ${value}\r\n\r\n`)];
    assert.equal(ask(turn).answer.name, "http-header");
    assert.deepEqual(peers(turn), [], value);
  }
});

Deno.test("the free clients' session hello is strong, answered it is certain", () => {
  const hello: Turn = [">", hex("fa00b62b facb1232 09d23200")];
  assert.equal(hello[1].length, 12);
  assert.equal(ask(hello).answer.name, "tcp-hello");
  for (const turns of splits([hello], 0)) assert.equal(ask(...turns).answer.name, "tcp-hello");
  const { look } = ask(hello);
  look.fromOpener = look.fromClient = false;
  look.otherFirst = look.ownFirst;
  look.otherLength = 12;
  look.otherNth = look.nth = 1;
  const reply = hex("313375a014042029");
  look.bytes = reply;
  look.start = 0;
  look.end = look.ownLength = reply.length;
  assert.equal(fasttrack.classify(look).name, "tcp-session");
  for (
    const near of [
      hex("fa00b62b facb1232 09d232"),
      hex("fa00b62b facb1232 09d23200 00"),
      hex("fa00b62c facb1232 09d23200"),
      hex("ff00b62b facb1232 09d23200"),
    ]
  ) assert.ok(ask([">", near]).answer.certainty === 0);
  assert.equal(ask(["<", hello[1]]).answer, UNRELATED);
});

Deno.test("other protocols' first bytes are unrelated", () => {
  for (
    const [name, payload] of [
      ["ssh", latin("SSH-2.0-OpenSSH_9.2\r\n")],
      ["tls", hex("16030100c8010000c40303")],
      ["bittorrent", join(hex("13"), latin("BitTorrent protocol"), new Uint8Array(48))],
      ["gnutella", latin("GNUTELLA CONNECT/0.6\r\nUser-Agent: x\r\n\r\n")],
      ["pop3", latin("+OK ready\r\n")],
      ["http2", latin("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")],
      ["napster", latin('GETnick "file" 0')],
    ] as const
  ) assert.equal(ask([">", payload]).answer.certainty, 0, name);
  assert.equal(ask([">", latin("GNUTELLA CONNECT/0.6\r\n\r\n")]).answer, UNRELATED);
});

Deno.test("a million random streams with fitting first bytes match nothing", () => {
  const { look } = ask([">", latin("GET")]);
  const bytes = new Uint8Array(48);
  const words = new Int32Array(bytes.buffer);
  const random = randomWords(4711);
  const heads = [latin("GET /"), latin("GIVE "), latin("HTTP/1.1 200 OK\r\n"), latin("P"), hex("fa")];
  look.bytes = bytes;
  look.start = 0;
  for (let round = 0; round < 1_000_000; round++) {
    for (let i = 0; i < words.length; i++) words[i] = random.next().value;
    bytes.set(heads[round % heads.length]!);
    look.end = look.length = look.ownLength = round % 7 === 0 ? 12 : 48;
    look.nth = 1 + round % 4;
    const answer = fasttrack.classify(look);
    if (answer.certainty > 0) assert.fail(`Random bytes gave "${answer.name}" in round ${round}`);
  }
});
