import assert from "node:assert/strict";
import fc from "fast-check";
import {
  extendVerdict,
  MALFORMED,
  MARKED_VERDICT_LENGTH,
  OTHER,
  PACKET,
  QueueMessage,
  REPLY,
  VERDICT_LENGTH,
  writeBind,
  writeCopyMode,
  writeMarkedVerdict,
  writeQueueFlag,
  writeQueueLength,
  writeVerdict,
} from "../../lib/wire/nfqueue.ts";

// Written out by hand after linux/netfilter/nfnetlink_queue.h, as a little-endian kernel sends it: a forwarded IPv4 packet
// of 84 bytes of which the copy range left 8, from queue 258.
const FORWARDED = hex(`
  78000000 0003 0000 00000000 00000000   nlmsghdr: length 120, NFQNL_MSG_PACKET
  02 00 0102                             nfgenmsg: AF_INET, version 0, queue 258
  0b00 0100 80000001 0800 02 00          PACKET_HDR: id 0x80000001, ETH_P_IP, NF_INET_FORWARD, padding
  0800 0500 00000007                     IFINDEX_INDEV 7
  0800 0600 00000009                     IFINDEX_OUTDEV 9
  1000 0900 0006 0000 02aabbccddee 0000  HWADDR 02:aa:bb:cc:dd:ee
  0800 0300 f0000010                     MARK
  0800 0d00 00000054                     CAP_LEN 84
  0800 0e00 00000001                     SKB_INFO: checksum not ready
  0800 6300 deadbeef                     an attribute of a later kernel
  0c00 0a00 4500005400010000             PAYLOAD
`);

function hex(text: string): Uint8Array<ArrayBuffer> {
  // Each line is a run of hex groups, then two or more blanks and a remark.
  const digits = text.split("\n").map((line) => line.trim().split(/ {2,}/)[0]!.replaceAll(" ", "")).join("");
  return Uint8Array.from(digits.match(/../g)!, (pair) => parseInt(pair, 16));
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function toHex(view: DataView, length: number): string {
  return Array.from({ length }, (_, i) => view.getUint8(i).toString(16).padStart(2, "0")).join("");
}

Deno.test("a packet message gives all its fields", () => {
  const bytes = FORWARDED.slice();
  const view = viewOf(bytes);
  view.setUint32(0, bytes.length, true);
  const message = new QueueMessage();
  assert.equal(message.parse(view, 0, bytes.length), PACKET);
  assert.equal(message.cut, false);
  assert.equal(message.queue, 258);
  assert.equal(message.packetId, 0x80000001 | 0);
  assert.equal(message.hook, 2);
  assert.equal(message.indev, 7);
  assert.equal(message.outdev, 9);
  assert.equal(message.mark, 0xf0000010 | 0);
  assert.deepEqual([message.macHigh, message.macLow], [0x02aa, 0xbbccddee | 0]);
  assert.equal(message.capLength, 84);
  assert.equal(message.payloadEnd - message.payload, 8);
  assert.equal(bytes[message.payload], 0x45);
});

Deno.test("fields of an earlier message do not show in a later one", () => {
  const message = new QueueMessage();
  const view = viewOf(FORWARDED);
  assert.equal(message.parse(view, 0, FORWARDED.length), PACKET);
  const bare = hex("20000000 0003 0000 00000000 00000000 00000000  \n0b00 0100 00000005 86dd 03 00");
  assert.equal(message.parse(viewOf(bare), 0, bare.length), PACKET);
  assert.deepEqual(
    [message.packetId, message.mark, message.indev, message.outdev, message.macHigh, message.macLow, message.capLength],
    [5, 0, 0, 0, 0, 0, 0],
  );
  assert.equal(message.payload, message.payloadEnd);
});

Deno.test("a payload longer than the buffer is cut there, and the packet keeps its length", () => {
  const bytes = hex(
    "20100000 0003 0000 00000000 00000000 00000000  \n0b00 0100 00000005 0800 02 00  \n0010 0a00 45000054",
  );
  const message = new QueueMessage();
  assert.equal(message.parse(viewOf(bytes), 0, bytes.length), PACKET);
  assert.equal(message.cut, true);
  assert.equal(message.payloadEnd - message.payload, 4);
  assert.equal(message.capLength, 0x1000 - 4);
});

Deno.test("a broken attribute behind the packet's number still leaves a packet to answer", () => {
  const bytes = hex("24000000 0003 0000 00000000 00000000 00000000  \n0b00 0100 00000005 0800 02 00  \n0000 0a00");
  const message = new QueueMessage();
  assert.equal(message.parse(viewOf(bytes), 0, bytes.length), PACKET);
  assert.equal(message.packetId, 5);
  assert.equal(message.cut, true);
});

Deno.test("an error reply tells the error and which message it answers", () => {
  const bytes = hex(
    "34000000 0200 0000 2a000000 00000000  \nfeffffff  \n20000000 0103 0100 2a000000 00000000  \n00000000000000000000000000000000",
  );
  const message = new QueueMessage();
  assert.equal(message.parse(viewOf(bytes), 0, bytes.length), REPLY);
  assert.deepEqual([message.errno, message.sequence, message.answered], [2, 42, 0x301]);
});

Deno.test("messages of other kinds and broken headers are told apart", () => {
  const message = new QueueMessage();
  const done = hex("14000000 0300 0000 00000000 00000000 00000000");
  assert.equal(message.parse(viewOf(done), 0, done.length), OTHER);
  assert.equal(message.parse(viewOf(done), 0, 15), MALFORMED);
  const short = hex("0f000000 0003 0000 00000000 00000000");
  assert.equal(message.parse(viewOf(short), 0, short.length), MALFORMED);
  const unnumbered = hex("14000000 0003 0000 00000000 00000000 00000000");
  assert.equal(message.parse(viewOf(unnumbered), 0, unnumbered.length), MALFORMED);
});

Deno.test("every prefix of a packet message parses without reading past its end", () => {
  const message = new QueueMessage();
  for (let length = 0; length <= FORWARDED.length; length++) {
    const bytes = FORWARDED.slice(0, length);
    const kind = message.parse(viewOf(bytes), 0, length);
    // The number ends at byte 31: from there on the packet must be answerable.
    assert.equal(kind, length >= 31 ? PACKET : MALFORMED, `prefix of ${length} bytes`);
    if (kind === PACKET) assert.ok(message.payload <= message.payloadEnd && message.payloadEnd <= length);
  }
});

Deno.test("any bytes parse to a kind, with a payload inside of them", () => {
  const message = new QueueMessage();
  const flips = fc.array(fc.tuple(fc.nat(FORWARDED.length - 1), fc.nat(255)), { maxLength: 12 });
  const mutated = flips.map((list) => {
    const bytes = FORWARDED.slice();
    for (const [at, value] of list) bytes[at] = value;
    return bytes;
  });
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), mutated), (bytes) => {
      const kind = message.parse(viewOf(bytes), 0, bytes.length);
      assert.ok([PACKET, REPLY, OTHER, MALFORMED].includes(kind));
      if (kind !== PACKET) return;
      assert.ok(0 <= message.payload && message.payload <= message.payloadEnd && message.payloadEnd <= bytes.length);
      assert.ok(message.capLength >= message.payloadEnd - message.payload);
    }),
    { numRuns: 2000 },
  );
});

Deno.test("verdict messages have the bytes that the kernel expects", () => {
  const view = new DataView(new ArrayBuffer(64));
  assert.equal(writeVerdict(view, 0, 258, 0x80000001 | 0, 1), VERDICT_LENGTH);
  assert.equal(
    toHex(view, 32),
    "20000000" + "0103" + "0100" + "00000000" + "00000000" + "00000102" + "0c000200" + "00000001" + "80000001",
  );
  assert.equal(writeMarkedVerdict(view, 0, 0, 7, 4, 0xf0000001 | 0), MARKED_VERDICT_LENGTH);
  assert.equal(
    toHex(view, 40),
    "28000000" + "0103" + "0100" + "00000000" + "00000000" + "00000000" + "0c000200" + "00000004" + "00000007" +
      "08000300" + "f0000001",
  );
  extendVerdict(view, 0, 9);
  assert.equal(view.getUint16(4, true), 0x303);
  assert.equal(view.getInt32(28), 9);
});

Deno.test("config messages have the bytes that the kernel expects", () => {
  const view = new DataView(new ArrayBuffer(64));
  assert.equal(writeCopyMode(view, 0, 1, 4096, 5), 32);
  assert.equal(
    toHex(view, 32),
    "20000000" + "0203" + "0500" + "05000000" + "00000000" + "00000001" + "09000200" + "00001000" + "02000000",
  );
  assert.equal(writeBind(view, 0, 1, 4096, 5), 40);
  assert.equal(
    toHex(view, 40),
    "28000000" + "0203" + "0500" + "05000000" + "00000000" + "00000001" + "09000200" + "00001000" + "02000000" +
      "08000100" + "01000000",
  );
  assert.equal(writeQueueFlag(view, 0, 1, 4, true, 5), 36);
  assert.equal(
    toHex(view, 36),
    "24000000" + "0203" + "0500" + "05000000" + "00000000" + "00000001" + "08000500" + "00000004" + "08000400" +
      "00000004",
  );
  writeQueueFlag(view, 0, 1, 4, false, 5);
  assert.equal(toHex(view, 36).slice(48), "00000000" + "08000400" + "00000004");
  assert.equal(writeQueueLength(view, 0, 1, 8192, 0), 28);
  assert.equal(
    toHex(view, 28),
    "1c000000" + "0203" + "0100" + "00000000" + "00000000" + "00000001" + "08000300" + "00002000",
  );
});

Deno.test("a checksum is to be verified where the kernel says so, and the packet is not merged", () => {
  for (const [flags, expected] of [[0, false], [1, false], [2, false], [4, true], [6, false], [5, true]] as const) {
    const bytes = FORWARDED.slice();
    const view = viewOf(bytes);
    view.setUint32(0, bytes.length, true);
    const at = bytes.findIndex((byte, i) => byte === 8 && bytes[i + 2] === 0x0e && bytes[i + 3] === 0);
    view.setUint32(at + 4, flags);
    const message = new QueueMessage();
    assert.equal(message.parse(view, 0, bytes.length), PACKET);
    assert.equal(message.unverified, expected, `flags ${flags}`);
  }
});
