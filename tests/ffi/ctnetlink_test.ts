import assert from "node:assert/strict";
import fc from "fast-check";
import {
  ANSWER,
  BROKEN,
  DONE,
  ENTRY,
  Entry,
  MOST_REQUEST,
  ORIGINAL,
  REPLYING,
  writeDeletion,
  writeFilteredListing,
  writeMarking,
} from "../../ffi/ctnetlink.ts";

const MAPPED = 0xffff;
const CLIENT = (10 << 24) | (1 << 16) | (1 << 8) | 1;
const PEER = (9 << 24) | 9;

function attribute(type: number, ...values: (number[] | Uint8Array)[]): Uint8Array {
  const value = values.flatMap((each) => [...each]);
  const bytes = new Uint8Array((4 + value.length + 3) & ~3);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 4 + value.length, true);
  view.setUint16(2, type, true);
  bytes.set(value, 4);
  return bytes;
}

function word(value: number): number[] {
  return [value >>> 24, value >>> 16 & 255, value >>> 8 & 255, value & 255];
}

function tuple(type: number, source: number, destination: number): Uint8Array {
  const ip = attribute(0x8001, attribute(1, word(source)), attribute(2, word(destination)));
  const protocol = attribute(0x8002, attribute(1, [17]), attribute(2, [0, 53]), attribute(3, [0, 54]));
  return attribute(type | 0x8000, ip, protocol);
}

function message(type: number, family: number, ...attributes: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const body = attributes.flatMap((each) => [...each]);
  const bytes = new Uint8Array(20 + body.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, true);
  view.setUint16(4, type, true);
  view.setUint32(8, 7, true);
  bytes[16] = family;
  bytes.set(body, 20);
  return bytes;
}

const FLOW = message(
  0x100,
  2,
  tuple(1, CLIENT, PEER),
  tuple(2, PEER, (5 << 24) | 5),
  attribute(8, word(0xf0000012)),
  attribute(18, [0, 9]),
  attribute(12, word(0xdeadbeef)),
);

function parsed(): { entry: Entry; view: DataView } {
  const view = new DataView(FLOW.buffer);
  const entry = new Entry();
  assert.equal(entry.parse(view, 0, FLOW.length), ENTRY);
  return { entry, view };
}

Deno.test("an entry gives both sources, the mark and where its key lies", () => {
  const { entry } = parsed();
  assert.deepEqual([...entry.origin], [0, 0, MAPPED, CLIENT]);
  assert.deepEqual([...entry.responder], [0, 0, MAPPED, PEER]);
  assert.equal(entry.mark, 0xf0000012 | 0);
  assert.equal(entry.sequence, 7);
  assert.equal(entry.next, FLOW.length);
  assert.equal(entry.concerns(0, 0, MAPPED, CLIENT), true);
  assert.equal(entry.concerns(0, 0, MAPPED, PEER), true);
  assert.equal(entry.concerns(0, 0, MAPPED, (5 << 24) | 5), false);
});

Deno.test("a deletion repeats the key, the zone and the number of the entry", () => {
  const { entry, view } = parsed();
  const request = new DataView(new ArrayBuffer(MOST_REQUEST));
  const length = writeDeletion(entry, view, request, 0, 8);
  assert.equal(request.getUint16(4, true), 0x102);
  const again = new Entry();
  request.setUint16(4, 0x100, true); // read the request back as if it were an entry
  assert.equal(again.parse(request, 0, length), ENTRY);
  assert.deepEqual(again.origin, entry.origin);
  assert.equal(request.getUint32(again.id + 4), 0xdeadbeef);
  assert.equal(request.getUint16(again.zone + 4), 9);
});

Deno.test("clearing names the mask and no other bits", () => {
  const { entry, view } = parsed();
  const request = new DataView(new ArrayBuffer(MOST_REQUEST));
  const length = writeMarking(entry, view, request, 0, 8, 0xf0000000 | 0, 0);
  assert.equal(request.getUint32(0, true), length);
  assert.deepEqual([request.getUint16(length - 14, true), request.getUint32(length - 12)], [8, 0]);
  assert.deepEqual([request.getUint16(length - 6, true), request.getUint32(length - 4)], [21, 0xf0000000]);
  assert.equal(request.getUint16(6, true), 1, "no NLM_F_CREATE: a flow that is gone stays gone");
});

Deno.test("listings by side fit their room for both families", () => {
  const request = new DataView(new ArrayBuffer(MOST_REQUEST));
  for (const side of [ORIGINAL, REPLYING] as const) {
    assert.equal(writeFilteredListing(request, 0, 1, side, 0, 0, MAPPED, CLIENT), 20 + 16 + 20);
    assert.equal(request.getUint8(16), 2);
    assert.equal(request.getUint16(22, true), 0x8000 | side);
    assert.equal(writeFilteredListing(request, 0, 1, side, 0xfd000000 | 0, 0, 0, 1), 20 + 28 + 20);
    assert.equal(request.getUint8(16), 10);
    assert.equal(request.getUint32(0, true), 68);
  }
});

Deno.test("ends and errors are told from entries", () => {
  const entry = new Entry();
  const done = message(3, 0);
  const error = message(2, 0, attribute(0, new Uint8Array(16)));
  new DataView(error.buffer).setInt32(16, -2, true);
  assert.equal(entry.parse(new DataView(done.buffer), 0, done.length), DONE);
  assert.equal(entry.errno, 0);
  assert.equal(entry.parse(new DataView(error.buffer), 0, error.length), ANSWER);
  assert.equal(entry.errno, 2);
});

Deno.test("any bytes parse, and a request made of them keeps to its room", () => {
  const entry = new Entry();
  const request = new DataView(new ArrayBuffer(MOST_REQUEST));
  const flips = fc.array(fc.tuple(fc.nat(FLOW.length - 1), fc.nat(255)), { maxLength: 8 }).map((list) => {
    const bytes = FLOW.slice();
    for (const [at, value] of list) bytes[at] = value;
    return bytes;
  });
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), flips), (bytes) => {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const kind = entry.parse(view, 0, bytes.length);
      if (kind === BROKEN) return;
      assert.ok(entry.next >= 16);
      if (kind !== ENTRY) return;
      assert.ok(writeDeletion(entry, view, request, 0, 1) <= MOST_REQUEST);
      assert.ok(writeMarking(entry, view, request, 0, 1, 1, 0) <= MOST_REQUEST);
    }),
    { numRuns: 3000 },
  );
});
