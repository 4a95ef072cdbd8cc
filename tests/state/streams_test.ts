import assert from "node:assert/strict";
import fc from "fast-check";
import { STREAM_BYTES, Streams } from "../../lib/state/streams.ts";

const TRUTH = Uint8Array.from({ length: STREAM_BYTES + 2000 }, (_, i) => (i * 131) ^ (i >> 5));

Deno.test("a slot holds a prefix of the stream, and all of it if segments come in order", () => {
  const cuts = fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 14 });
  fc.assert(fc.property(cuts, fc.integer({ min: 0, max: 13 }), fc.boolean(), (lengths, swap, again) => {
    const segments: [number, number][] = [];
    let at = 0;
    for (const length of lengths) segments.push([at, at += length]);
    // Networks swap neighbours and send again; more disorder than that costs bytes, never truth.
    if (swap + 1 < segments.length) segments.splice(swap, 2, segments[swap + 1]!, segments[swap]!);
    if (again) segments.push(...segments);
    const streams = new Streams(2);
    const slot = streams.take(1, 0);
    for (const [from, to] of segments) {
      const before = streams.filled[slot]!;
      const grew = streams.put(slot, from, TRUTH, from, to);
      assert.equal(grew, streams.filled[slot]! > before);
    }
    assert.equal(streams.filled[slot], Math.min(at, STREAM_BYTES));
    const held = streams.bytes.subarray(slot * STREAM_BYTES, slot * STREAM_BYTES + streams.filled[slot]!);
    assert.deepEqual(held, TRUTH.subarray(0, held.length));
  }));
});

Deno.test("any disorder, overlap and repetition leaves a true prefix", () => {
  const segment = fc.tuple(fc.integer({ min: -300, max: STREAM_BYTES + 300 }), fc.integer({ min: 0, max: 900 }));
  fc.assert(fc.property(fc.array(segment, { maxLength: 40 }), (segments) => {
    const streams = new Streams(1);
    const slot = streams.take(1, 1);
    const source = new Uint8Array(300 + TRUTH.length);
    source.set(TRUTH, 300);
    for (const [from, length] of segments) streams.put(slot, from, source, from + 300, from + 300 + length);
    const filled = streams.filled[slot]!;
    assert.ok(filled >= 0 && filled <= STREAM_BYTES);
    assert.deepEqual(streams.bytes.slice(0, filled), TRUTH.slice(0, filled));
  }));
});

Deno.test("bytes that are there stay when the same range comes again, beyond a gap too", () => {
  const streams = new Streams(1);
  const slot = streams.take(1, 0);
  const first = new TextEncoder().encode("GET /index.html");
  const other = new TextEncoder().encode("XXXXXXXXXXXXXXXXXXXX");
  streams.put(slot, 8, first, 8, 15);
  streams.put(slot, 0, first, 0, 4);
  streams.put(slot, 0, other, 0, 20);
  const text = new TextDecoder().decode(streams.bytes.subarray(0, streams.filled[slot]!));
  // Bytes 0 to 3 and 8 to 14 came first, the rest is the second telling's.
  assert.equal(text, "GET XXXXex.htmlXXXXX");
});

Deno.test("a full pool evicts the slot taken longest ago, and says whose it was", () => {
  const streams = new Streams(3);
  const gone: string[] = [];
  streams.onEvict = (row, side) => gone.push(`${row}/${side}`);
  for (let row = 1; row <= 3; row++) streams.take(row, row & 1);
  streams.take(4, 0);
  streams.take(5, 1);
  assert.deepEqual(gone, ["1/1", "2/0"]);
  assert.equal(streams.count, 3);
  assert.equal(streams.evicted, 2);
});

Deno.test("slots are released once, and a reused one is empty", () => {
  const streams = new Streams(1);
  const slot = streams.take(1, 0);
  streams.put(slot, 0, TRUTH, 0, 50);
  streams.put(slot, 100, TRUTH, 100, 150);
  streams.release(slot);
  streams.release(slot);
  assert.equal(streams.count, 0);
  const again = streams.take(2, 0);
  assert.equal(streams.filled[again], 0);
  streams.put(again, 0, TRUTH, 0, 100);
  assert.equal(streams.filled[again], 100, "the island of the flow before is gone");
  assert.throws(() => new Streams(0), RangeError);
  assert.throws(() => new Streams(0xffff), RangeError);
});
