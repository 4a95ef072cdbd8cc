import assert from "node:assert/strict";
import fc from "fast-check";
import { CERTAIN, type Evidence, evidence, STRONG, UNDECIDED, UNRELATED, WEAK } from "../../lib/protocol/classifier.ts";
import { CLASSIFIERS } from "../../lib/protocol/mod.ts";
import { ACCEPT, REFUSE, SETTLED } from "../../lib/judge/engine.ts";
import { STREAM_BYTES } from "../../lib/state/streams.ts";
import { ACK, PSH, SYN } from "../../lib/wire/transport.ts";
import { latin } from "../support/conversation.ts";
import { Desk, HOME, witness } from "../support/desk.ts";
import { Connection, readEnd, udpPacket } from "../support/packets.ts";

const C = readEnd("10.0.0.5:40000");
const P = readEnd("198.51.100.7:6881");
const DATA = ACK | PSH;
const SURE = evidence("sure", CERTAIN, "a test");
const FAIRLY = evidence("fairly", STRONG, "a test");
const HARDLY = evidence("hardly", WEAK, "a test");
const OTHER_HARDLY = evidence("other-hardly", WEAK, "a test");

/** A desk with a connection that is open. */
function connected(...list: ReturnType<typeof witness>[]): { desk: Desk; line: Connection } {
  const desk = new Desk(list);
  const line = new Connection(C, P);
  desk.judge(line.segment(0, SYN));
  desk.judge(line.segment(1, SYN | ACK));
  return { desk, line };
}

Deno.test("a stream cut after any byte is shown whole, from its start", () => {
  const text = "13BitTorrent protocol and so on, until the end";
  for (let cut = 1; cut < text.length; cut++) {
    const eye = witness();
    const { desk, line } = connected(eye);
    desk.judge(line.segment(0, DATA, latin(text.slice(0, cut))));
    desk.judge(line.segment(0, DATA, latin(text.slice(cut))));
    assert.deepEqual(eye.shown.map((one) => one.text), [text.slice(0, cut), text]);
    assert.equal(eye.shown[1]!.fresh, text.slice(cut));
    assert.deepEqual(eye.shown.map((one) => one.first), [true, true]);
    assert.deepEqual(eye.shown.map((one) => one.nth), [1, 2]);
  }
});

Deno.test("segments out of order are shown in order, once the first is there", () => {
  const eye = witness();
  const { desk, line } = connected(eye);
  const start = line.next(0);
  desk.judge(line.at(0, start + 5, DATA, latin("world")));
  assert.equal(eye.shown.length, 0);
  desk.judge(line.at(0, start, DATA, latin("hello")));
  assert.deepEqual(eye.shown.map((one) => one.text), ["helloworld"]);
});

Deno.test("what is sent again is shown once, also with another cut and other bytes", () => {
  const eye = witness();
  const { desk, line } = connected(eye);
  const start = line.next(0);
  desk.judge(line.at(0, start, DATA, latin("hello")));
  desk.judge(line.at(0, start, DATA, latin("hello")));
  desk.judge(line.at(0, start + 2, DATA, latin("XXX")));
  desk.judge(line.at(0, start + 3, DATA, latin("XX world")));
  assert.deepEqual(eye.shown.map((one) => one.text), ["hello", "hello world"]);
});

/** A desk with a connection of which the rules showed the SYN only, and the sequence number of the responder's first byte. */
function halfShown(...list: ReturnType<typeof witness>[]): { desk: Desk; line: Connection; start: number } {
  const desk = new Desk(list);
  const line = new Connection(C, P);
  desk.judge(line.segment(0, SYN));
  line.segment(1, SYN | ACK);
  return { desk, line, start: line.next(1) };
}

const told = (eye: ReturnType<typeof witness>) => eye.shown.map(({ text, first }) => `${first ? "" : "…"}${text}`);

Deno.test("without a SYN-ACK the responder's stream starts where the opener acknowledges", () => {
  for (const order of [["a", "b", "c"], ["b", "a", "c"], ["b", "c", "a"]]) {
    const eye = witness();
    const { desk, line, start } = halfShown(eye);
    desk.judge(line.at(0, line.next(0), DATA, latin("ask"), start));
    for (const part of order) desk.judge(line.at(1, start + "abc".indexOf(part), DATA, latin(part)));
    const shown = told(eye);
    assert.equal(shown.at(-1), "abc", order.join(""));
    assert.ok(shown.slice(1).every((text) => "abc".startsWith(text)), shown.join());
  }
});

Deno.test("a responder that sends first starts with its first segment in sequence", () => {
  for (const order of [["ab", "cd", "ef"], ["cd", "ab", "ef"], ["cd", "ef", "ab"], ["cd", "abc", "ef"]]) {
    const eye = witness();
    const { desk, line, start } = halfShown(eye);
    for (const part of order) desk.judge(line.at(1, start + "abcdef".indexOf(part), DATA, latin(part)));
    assert.equal(told(eye).at(-1), "abcdef", order.join());
    assert.ok(eye.shown.every(({ first, fromOpener }) => first && !fromOpener));
  }
});

Deno.test("a responder's late start is shown also to classifiers that had given up", () => {
  const eye = witness((_look, { text }) => text.startsWith("start") ? SURE : UNRELATED);
  const { desk, line, start } = halfShown(eye);
  assert.equal(desk.judge(line.at(1, start + 5, DATA, latin("middle"))) & REFUSE, 0);
  assert.equal(desk.judge(line.at(1, start, DATA, latin("start"))) & REFUSE, REFUSE);
});

Deno.test("a responder's start stays once the opener has sent, and against false ACKs", () => {
  const eye = witness();
  const { desk, line, start } = halfShown(eye);
  desk.judge(line.segment(1, DATA, latin("hello")));
  desk.judge(line.at(0, line.next(0), DATA, latin("ask"), start + 5));
  desk.judge(line.at(1, start - 4, DATA, latin("fake")));
  desk.judge(line.segment(1, DATA, latin("!")));
  // What lies before the start is read by itself, and moves nothing.
  assert.deepEqual(told(eye), ["hello", "ask", "fake", "hello!"]);
  const other = witness();
  const forged = halfShown(other);
  forged.desk.judge(forged.line.at(0, forged.line.next(0), DATA, latin("ask"), forged.start + 100_000));
  forged.desk.judge(forged.line.segment(1, DATA, latin("answer")));
  assert.deepEqual(told(other), ["ask", "answer"]);
});

Deno.test("data in the SYN and in its answer count from behind them (TCP Fast Open)", () => {
  const eye = witness();
  const desk = new Desk([eye]);
  const line = new Connection(C, P);
  const syn = line.next(0);
  const answer = line.next(1);
  desk.judge(line.at(0, syn, SYN, latin("GE")));
  desk.judge(line.at(1, answer, SYN | ACK, latin("HT"), syn + 3));
  desk.judge(line.at(0, syn + 3, DATA, latin("T"), answer + 3));
  desk.judge(line.at(1, answer + 3, DATA, latin("TP"), syn + 4));
  assert.deepEqual(told(eye), ["GE", "HT", "GET", "HTTP"]);
});

Deno.test("a SYN from the other side opens simultaneously before data, anew after it", () => {
  const eye = witness();
  const desk = new Desk([eye]);
  const line = new Connection(C, P);
  desk.judge(line.segment(0, SYN));
  desk.judge(line.segment(1, SYN));
  desk.judge(line.segment(1, DATA, latin("one")));
  assert.deepEqual(eye.shown.map(({ text, fromOpener }) => [text, fromOpener]), [["one", false]]);
  // The end of the connection was not shown.
  const back = new Connection(P, C);
  desk.judge(back.segment(0, SYN));
  desk.judge(back.segment(0, DATA, latin("two")));
  assert.deepEqual(eye.shown.slice(1).map(({ text, fromOpener }) => [text, fromOpener]), [["two", true]]);
});

Deno.test("bytes before the stream's start are trimmed, as the receiver does", () => {
  const eye = witness();
  const { desk, line } = connected(eye);
  desk.judge(line.at(0, line.next(0) - 4, DATA, latin("junkGET")));
  assert.deepEqual(eye.shown.map((one) => one.text), ["GET"]);
});

Deno.test("a SYN may carry data, which counts after the SYN's own number", () => {
  const eye = witness();
  const desk = new Desk([eye]);
  const line = new Connection(C, P);
  desk.judge(line.segment(0, SYN, latin("early ")));
  desk.judge(line.segment(1, SYN | ACK));
  desk.judge(line.segment(0, DATA, latin("bird")));
  assert.deepEqual(eye.shown.map((one) => one.text), ["early ", "early bird"]);
});

Deno.test("sequence numbers may run over their end in the middle of a stream", () => {
  const eye = witness();
  const desk = new Desk([eye]);
  const line = new Connection(C, P);
  desk.judge(line.at(0, 0xfffffffd | 0, SYN));
  desk.judge(line.at(0, 0xfffffffe | 0, DATA, latin("hello")));
  desk.judge(line.at(0, 3, DATA, latin(" world")));
  assert.deepEqual(eye.shown.map((one) => one.text), ["hello", "hello world"]);
});

Deno.test("segments in any order and repetition show only true prefixes of the stream", () => {
  const text = Array.from({ length: 600 }, (_, i) => String.fromCharCode(32 + (i * 7) % 90)).join("");
  const piece = fc.tuple(fc.nat(560), fc.integer({ min: 1, max: 40 }));
  fc.assert(fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
    const eye = witness();
    const { desk, line } = connected(eye);
    const start = line.next(0);
    for (const [at, length] of pieces) desk.judge(line.at(0, start + at, DATA, latin(text.slice(at, at + length))));
    for (const one of eye.shown) {
      if (one.first) assert.ok(text.startsWith(one.text), one.text);
      else assert.ok(text.includes(one.text), one.text);
    }
  }));
});

Deno.test("a stream longer than a slot goes on as the middle of a stream, and settles", () => {
  const eye = witness(undefined, { midstream: true });
  const { desk, line } = connected(eye);
  for (let i = 0; i < 5; i++) desk.judge(line.segment(0, DATA, latin("x".repeat(1400))));
  assert.deepEqual(eye.shown.map((one) => one.text.length), [1400, 2800, STREAM_BYTES, 1400, 1400]);
  assert.deepEqual(eye.shown.map((one) => one.first), [true, true, true, false, false]);
  let verdict = 0;
  for (let i = 0; i < 64; i++) verdict = desk.judge(line.segment(0, DATA, latin("x")));
  assert.equal(verdict, ACCEPT | SETTLED);
  assert.equal(desk.engine.state.streams.count, 0, "its slots are given back");
});

Deno.test("when all slots are taken, the oldest flow goes on without its start", () => {
  const eye = witness(undefined, { midstream: false });
  const desk = new Desk([eye], HOME, { streams: 2 });
  const lines = [1, 2, 3].map((i) => new Connection(readEnd(`10.0.0.${i}:40000`), P));
  for (const line of lines) {
    desk.judge(line.segment(0, SYN));
    desk.judge(line.segment(0, DATA, latin("abc")));
  }
  assert.equal(desk.engine.state.streams.evicted, 1);
  for (const line of lines) desk.judge(line.segment(0, DATA, latin("def")));
  assert.deepEqual(eye.shown.slice(3).map((one) => one.text), ["abcdef", "abcdef"]);
  assert.ok(desk.engine.state.streams.count <= 2);
});

Deno.test("slots are never leaked, however flows end", () => {
  const eye = witness();
  const desk = new Desk([eye], HOME, { streams: 8, flows: 16 });
  for (let i = 0; i < 500; i++) {
    const line = new Connection(readEnd(`10.0.${i >> 8}.${i & 255}:40000`), P);
    desk.judge(line.segment(0, SYN));
    desk.judge(line.segment(0, DATA, latin("abc")));
    if (i % 3 === 0) desk.judge(line.segment(1, DATA, latin("abc")));
  }
  assert.ok(desk.engine.state.streams.count <= 8);
  desk.now += 3_600_000;
  desk.engine.tick(desk.now, desk.now);
  assert.equal(desk.engine.state.flows.count, 0);
  assert.equal(desk.engine.state.streams.count, 0);
});

Deno.test("the first byte of each side selects the classifiers; others are dropped", () => {
  const t = witness(undefined, { first: [0x74], name: "edonkey" });
  const h = witness(undefined, { first: [0x68] });
  const z = witness(() => UNDECIDED, { first: [0x7a], name: "gnutella" });
  const { desk, line } = connected(t, h, z);
  desk.judge(line.segment(0, DATA, latin("hello")));
  desk.judge(line.segment(1, DATA, latin("there")));
  desk.judge(line.segment(0, DATA, latin("again")));
  assert.deepEqual(h.shown.map((one) => one.text), ["hello", "there", "helloagain"]);
  assert.deepEqual(t.shown.map((one) => one.text), ["there", "helloagain"]);
  assert.deepEqual(z.shown, []);
});

Deno.test("weak evidence is reported once, and hides no better evidence behind it", () => {
  const weak = witness(() => HARDLY);
  const later = witness((look) => look.nth >= 2 ? SURE : UNDECIDED, { name: "edonkey" });
  const { desk, line } = connected(weak, later);
  desk.judge(line.segment(0, DATA, latin("abc")));
  assert.equal(later.shown.length, 1, "asked about the same packet");
  const verdict = desk.judge(line.segment(0, DATA, latin("def")));
  assert.equal(later.shown[1]!.text, "abcdef", "the beginning was kept for it");
  assert.equal(verdict, REFUSE | SETTLED);
  const told = desk.events.filter((event) => event.event === "detected");
  assert.deepEqual(told.map((event) => event.evidence), ["hardly", "sure"]);
});

Deno.test("strong evidence where certain is asked for goes on to the certain one", () => {
  const eye = witness((look): Evidence => look.nth >= 2 ? SURE : FAIRLY, { name: "winmx" });
  const { desk, line } = connected(eye);
  assert.equal(desk.judge(line.segment(0, DATA, latin("a"))), ACCEPT);
  assert.equal(desk.judge(line.segment(0, DATA, latin("b"))), REFUSE | SETTLED);
});

Deno.test("two weak facts of one flow are reported once each, not with every packet", () => {
  const eye = witness((look): Evidence => (look.nth & 1) === 0 ? HARDLY : OTHER_HARDLY);
  const { desk, line } = connected(eye);
  for (let i = 0; i < 6; i++) desk.judge(line.segment(0, DATA, latin("a")));
  assert.ok(desk.events.length <= 2, `${desk.events.length} events`);
  assert.equal(desk.engine.learner.byProtocol[desk.engine.policy.protocolNumber("bittorrent")], 2);
});

Deno.test("a flow settles when no candidate is left, or after a number of packets", () => {
  const no = witness(() => UNRELATED);
  const perhaps = witness(() => UNDECIDED);
  for (const [eye, expected] of [[no, 1], [perhaps, 16]] as const) {
    const desk = new Desk([eye]);
    const packet = udpPacket(C, P, latin("hello"));
    let packets = 1;
    while (desk.judge(packet) === ACCEPT) packets++;
    assert.equal(packets, expected);
    desk.judge(packet);
    assert.equal(eye.shown.length, expected);
  }
});

Deno.test("a new connection between the same ports is a new flow", () => {
  const eye = witness((_, shown) => shown.text.startsWith("bad") ? SURE : UNDECIDED);
  const desk = new Desk([eye]);
  const line = new Connection(C, P);
  desk.judge(line.at(0, 100, SYN));
  assert.equal(desk.judge(line.at(0, 101, DATA, latin("bad"))), REFUSE | SETTLED);
  assert.equal(desk.judge(line.at(0, 100, SYN)) & REFUSE, REFUSE, "the same SYN again begins nothing");
  assert.equal(desk.judge(line.at(0, 900_000, SYN)), ACCEPT);
  assert.equal(desk.judge(line.at(0, 900_001, DATA, latin("good"))), ACCEPT);
});

Deno.test("after a reload a flow is shown from its middle to classifiers that can tell it", () => {
  const begins = witness(() => UNDECIDED);
  const middle = witness((look) => look.first ? UNDECIDED : SURE, { midstream: true, name: "edonkey" });
  const { desk, line } = connected(begins, middle);
  for (let i = 0; i < 70; i++) desk.judge(line.segment(0, DATA, latin("a")));
  const before = begins.shown.length;
  desk.engine.adopt(desk.engine.policy);
  assert.equal(desk.judge(line.segment(0, DATA, latin("more"))), REFUSE | SETTLED);
  assert.equal(begins.shown.length, before, "who needs the beginning is not asked");
  assert.equal(middle.shown.at(-1)!.text, "more");
});

Deno.test("every registered classifier fits the 31 places of its transport", () => {
  new Desk(CLASSIFIERS);
  assert.throws(() => new Desk(Array.from({ length: 32 }, () => witness())), RangeError);
});

Deno.test("a flow that a reload has restarted still expires from the table", () => {
  const { desk, line } = connected(witness(() => UNRELATED));
  desk.judge(line.segment(0, DATA, latin("abc")));
  desk.engine.adopt(desk.engine.policy);
  desk.judge(line.segment(0, DATA, latin("abc")));
  desk.now += 3_600_000;
  desk.engine.tick(desk.now, desk.now);
  assert.equal(desk.engine.state.flows.count, 0);
});

Deno.test("a connection whose SYN was let by has another one's place, and who opened it is who is at home", () => {
  const eye = witness();
  const { desk, line } = connected(eye);
  desk.judge(line.segment(0, DATA, latin("old")));
  // Between the same ports, long before the numbers of the old one.
  const anew = (side: 0 | 1, seq: number, text: string, begun: boolean) =>
    desk.judge(line.at(side, seq, DATA, latin(text), 77), 2, begun);
  anew(1, 5, "220 hello", true);
  anew(0, 300, "EHLO", false);
  anew(0, 304, " you", false);
  const seen = eye.shown.slice(1).map(({ text, first, fromOpener }) => [text, first, fromOpener]);
  assert.deepEqual(seen, [["220 hello", true, false], ["EHLO", true, true], ["EHLO you", true, true]]);
});
