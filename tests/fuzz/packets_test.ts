/** Hostile packets: whatever becomes of a golden packet, the engine answers with one legal verdict and does not throw. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { AWAITS, AWAITS_NOT } from "../../lib/judge/engine.ts";
import { CLASSIFIERS } from "../../lib/protocol/mod.ts";
import { Desk, HOME } from "../support/desk.ts";
import { GOLDENS, packetsOf } from "../golden/make.ts";

const PACKETS: readonly Uint8Array[] = GOLDENS.flatMap((golden) => packetsOf(golden).map(({ bytes }) => bytes));
/** Room for a few flows only: eviction is part of what is tried. */
const TIGHT = { flows: 64, streams: 4, peers: 8, locks: 4, rateLimits: 8, questions: 8, scores: 8, endpoints: 8 };

function judgeAll(packets: Iterable<Uint8Array>, tight = false): void {
  const desk = new Desk(CLASSIFIERS, HOME, tight ? TIGHT : {});
  let judged = 0;
  for (const bytes of packets) {
    judged++;
    desk.now += judged % 50 === 0 ? 1100 : 1;
    // Every third packet is at the router itself, in or out.
    const verdict = desk.judge(bytes, judged % 3 === 0 ? 1 + (judged % 2) * 2 : 2);
    const legal = (verdict >= 0 && verdict <= 3) || verdict === AWAITS || verdict === AWAITS_NOT;
    assert.ok(Number.isInteger(verdict) && legal, `verdict ${verdict}`);
    if (judged % 50 === 0) desk.engine.tick(desk.now, desk.now);
    desk.engine.outbox.take();
  }
  const { counters, asker } = desk.engine;
  assert.equal(counters.packets, judged);
  assert.equal(counters.accepted + counters.refused, judged);
  assert.equal(asker.failures, 0, `a classifier threw: ${asker.failure}`);
  const { flows, streams } = desk.engine.state;
  assert.ok(flows.count <= flows.capacity && streams.count <= streams.capacity);
}

Deno.test("every prefix of every golden packet", () => {
  function* prefixes(): Generator<Uint8Array> {
    for (const packet of PACKETS) {
      const most = Math.min(packet.length, 150);
      for (let length = 0; length <= most; length++) yield packet.slice(0, length);
    }
  }
  judgeAll(prefixes());
});

Deno.test("golden packets in any order, any of them twice, in tables that are too small", () => {
  const order = fc.array(fc.nat(PACKETS.length - 1), { minLength: 1, maxLength: 400 });
  fc.assert(fc.property(order, (picked) => judgeAll(picked.map((at) => PACKETS[at]!), true)), { numRuns: 60 });
});

Deno.test("golden packets with bytes flipped, cut and put in", () => {
  const change = fc.record({
    packet: fc.nat(PACKETS.length - 1),
    flips: fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { maxLength: 6 }),
    from: fc.nat(120),
    drop: fc.nat(12),
    put: fc.uint8Array({ maxLength: 12 }),
  });
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 60 }), (changes) => {
      judgeAll(changes.map(({ packet, flips, from, drop, put }) => {
        const bytes = PACKETS[packet]!.slice();
        for (const [at, mask] of flips) if (at < bytes.length) bytes[at]! ^= mask;
        const at = Math.min(from, bytes.length);
        return new Uint8Array([...bytes.subarray(0, at), ...put, ...bytes.subarray(at + drop)]);
      }));
    }),
    { numRuns: 120 },
  );
});

Deno.test("payloads flipped with headers left alone reach the classifiers, and do no harm there", () => {
  const change = fc.tuple(fc.nat(PACKETS.length - 1), fc.array(fc.tuple(fc.nat(300), fc.nat(255)), { maxLength: 4 }));
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 80 }), (changes) => {
      judgeAll(changes.map(([packet, flips]) => {
        const bytes = PACKETS[packet]!.slice();
        const payload = bytes[9] === 17 ? 28 : 40;
        for (const [at, mask] of flips) if (payload + at < bytes.length) bytes[payload + at]! ^= mask;
        return bytes;
      }));
    }),
    { numRuns: 120 },
  );
});
