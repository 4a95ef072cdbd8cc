/** Time that leaps, runs backwards, or has run for years. */
import assert from "node:assert/strict";
import { CLASSIFIERS } from "../../lib/protocol/mod.ts";
import { ACCEPT, Engine, REFUSE, SETTLED } from "../../lib/judge/engine.ts";
import { Timeline } from "../../lib/replay/play.ts";
import { parseAddress } from "../../lib/net/address.ts";
import { LINK_ETHERNET } from "../../lib/replay/link.ts";
import { MemorySource } from "../../lib/replay/memory_source.ts";
import { capacityFor, State } from "../../lib/state/state.ts";
import { Packet } from "../../lib/wire/packet.ts";
import { SYN } from "../../lib/wire/transport.ts";
import { hex, join, latin } from "../support/conversation.ts";
import { decode, readEnd, tcpPacket, udpPacket } from "../support/packets.ts";
import { replay } from "../support/replay.ts";
import { HOME } from "../support/desk.ts";
import { policyOf } from "../support/story.ts";

const C = readEnd("10.0.0.5:1214");
const P = readEnd("198.51.100.7:1214");
const SITE = readEnd("198.51.100.80:80");
const PING = udpPacket(C, P, join(hex("27 00000029 80"), latin("KaZaA\0")));
const syn = (port: number) => tcpPacket({ words: C.words, port }, SITE, SYN, 1);

function refusals(list: readonly (readonly [Uint8Array, number])[]): (number | undefined)[] {
  using source = new MemorySource(list.map(([bytes, milliseconds]) => ({
    bytes: join(hex("020000000001 020000000005 0800"), bytes),
    milliseconds,
    linkType: LINK_ETHERNET,
  })));
  return replay(source, policyOf(HOME)).flows.map((flow) => flow.refused);
}

Deno.test("one packet from the far future neither ends a lock nor stops time for those behind it", () => {
  const far = Date.parse("2106-02-07T00:00:00Z");
  assert.deepEqual(refusals([[PING, 1000], [syn(1), far], [syn(2), 60_000], [syn(3), 122_000]]), [1, 1, 1, 0]);
});

Deno.test("a first packet from the far future does not stop time either, once the others agree", () => {
  const far = Date.parse("2106-02-07T00:00:00Z");
  const list: (readonly [Uint8Array, number])[] = [[syn(9), far]];
  for (let i = 0; i < 40; i++) list.push([syn(100 + i), 1000 + i]);
  list.push([PING, 2000], [syn(1), 60_000], [syn(2), 122_100]);
  assert.deepEqual(refusals(list).slice(-3), [1, 1, 0]);
});

Deno.test("a night without packets is believed when two packets say so, a morning file after an evening file too", () => {
  const timeline = new Timeline(0, 0);
  const at = (time: number) => {
    timeline.take(time);
    return timeline.now;
  };
  assert.equal(at(1_000_000), 1_000_000);
  const morning = 1_000_000 + 8 * 3_600_000;
  assert.equal(at(morning), 1_000_000);
  assert.equal(at(morning + 5), morning + 5);
  for (let i = 0; i < 31; i++) assert.equal(at(500 + i), morning + 5);
  assert.equal(at(600), morning + 5, "now it is earlier");
  assert.equal(at(1600), morning + 1005);
  assert.equal(timeline.wall, 1600);
});

Deno.test("packets of two clocks in turn do not make time run faster than the faster of them", () => {
  const timeline = new Timeline(0, 0);
  for (let i = 0; i < 10_000; i++) timeline.take((i >> 2 & 1) === 0 ? 1_000_000 + i : 400_000 + i);
  assert.ok(timeline.now <= 1_010_000);
});

Deno.test("nonsense for times never makes time run backwards", () => {
  const timeline = new Timeline(0, 0);
  let last = -Infinity;
  let state = 1;
  timeline.take(5);
  for (let i = 0; i < 50_000; i++) {
    state = Math.imul(state, 0x41c64e6d) + 12_345 | 0;
    timeline.take((state >>> 0) * (i % 7 === 0 ? 1000 : 1) - 1e9);
    assert.ok(timeline.now >= last && Number.isFinite(timeline.now));
    last = timeline.now;
  }
});

function engineAt(now: number): { engine: Engine; judge: (bytes: Uint8Array, now: number) => number } {
  const state = new State(capacityFor(1 << 20), 7);
  const engine = new Engine({ policy: policyOf(HOME), state, classifiers: CLASSIFIERS, emit: () => {} });
  engine.tick(now, 1_800_000_000_000);
  const packet = new Packet();
  packet.hook = 2;
  return { engine, judge: (bytes, at) => engine.judge(packet, decode(packet, bytes), at) };
}

Deno.test("after eight years of uptime flows still end, locks still hold and go, and beyond that nothing breaks", () => {
  const years = 365.25 * 86_400_000;
  for (const uptime of [0.1, 7.9 * years, 12 * years]) {
    const { engine, judge } = engineAt(1000.25);
    judge(syn(1), 1000.5);
    const now = uptime + 2000.125;
    engine.tick(now, now);
    assert.equal(judge(PING, now) & REFUSE, REFUSE);
    assert.equal(judge(syn(2), now + 119_000) & REFUSE, REFUSE);
    assert.equal(judge(syn(3), now + 121_000) & REFUSE, 0);
    for (let i = 1; i < 500; i++) engine.tick(now + 121_000 + i * 1000, now + 121_000 + i * 1000);
    if (uptime < 8 * years) assert.equal(engine.state.flows.count, 0);
    assert.equal(engine.state.locks.count, 0);
  }
});

const GET = latin("GET / HTTP/1.1\r\nHost: example.org\r\n\r\n");
const OK = latin("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");

Deno.test("a settled flow is asked about after any number of other facts learned, through every turn of the epochs", () => {
  const { engine, judge } = engineAt(1000);
  const client = readEnd("10.0.0.6:40000");
  judge(tcpPacket(client, SITE, SYN, 1), 1000);
  judge(tcpPacket(client, SITE, 24, 2, GET, 500), 1000);
  judge(tcpPacket(SITE, client, 24, 500, OK, 2 + GET.length), 1000);
  for (const turn of [1, 2, 3, 0x7fff - 6, 1, 0x8000 - 1, 1, 0x7ffe]) {
    engine.learner.epoch += turn - 1;
    assert.equal(judge(tcpPacket(client, SITE, 16, 40), 1001), ACCEPT | SETTLED);
    engine.learner.timeLocks.lock(...parseAddress("10.0.0.6")!, -1, "operator", "operator", 60_000, 0, "operator", "");
    assert.equal(judge(tcpPacket(client, SITE, 16, 40), 1001), REFUSE);
    assert.equal(judge(tcpPacket(client, SITE, 16, 40), 1001), REFUSE, "a refusal by a lock is never settled");
    engine.learner.timeLocks.release(engine.state.locks.find(...parseAddress("10.0.0.6")!, 1001));
  }
});

Deno.test("flows that a reload had looked at again end like others, and leave their room", () => {
  const { engine, judge } = engineAt(1000);
  const { flows } = engine.state;
  for (let round = 0; round < 3; round++) {
    const now = 1000 + round * 1_000_000;
    for (let i = 0; i < 200; i++) judge(tcpPacket(readEnd(`10.0.0.6:${1000 + i}`), SITE, SYN, 1), now);
    for (let i = 0; i < 200; i++) judge(tcpPacket(readEnd(`10.0.0.6:${1000 + i}`), SITE, 24, 2, GET), now);
    for (let i = 0; i < 200; i++) judge(tcpPacket(SITE, readEnd(`10.0.0.6:${1000 + i}`), 24, 500, OK), now);
    engine.adopt(policyOf(`${HOME}[lock]\nseconds = ${60 + round}\n`));
    for (let i = 0; i < 200; i++) judge(tcpPacket(readEnd(`10.0.0.6:${1000 + i}`), SITE, 16, 40), now);
    assert.equal(flows.count, 200);
    for (let i = 1; i < 500; i++) engine.tick(now + i * 1000, now + i * 1000);
    assert.equal(flows.count, 0);
  }
});

Deno.test("a full table of flows that a reload had looked at again takes new ones", () => {
  const state = new State({ ...capacityFor(1 << 20), flows: 64 }, 7);
  const engine = new Engine({ policy: policyOf(HOME), state, classifiers: CLASSIFIERS, emit: () => {} });
  const packet = new Packet();
  packet.hook = 2;
  const judge = (bytes: Uint8Array, now: number) => engine.judge(packet, decode(packet, bytes), now);
  for (let i = 0; i < 1000; i++) {
    const client = readEnd(`10.0.0.6:${1000 + i}`);
    judge(tcpPacket(client, SITE, SYN, 1), 1000);
    judge(tcpPacket(client, SITE, 24, 2, GET), 1000);
    judge(tcpPacket(SITE, client, 24, 500, OK), 1000);
    if (i % 10 === 0) engine.adopt(engine.policy);
    for (let j = 0; j < 20; j++) judge(tcpPacket(readEnd(`10.0.0.6:${1000 + i - j}`), SITE, 16, 40), 1000);
    assert.ok(state.flows.count <= 64 && state.flows.reach <= 64);
  }
});
