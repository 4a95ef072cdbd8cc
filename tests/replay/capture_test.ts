import assert from "node:assert/strict";
import fc from "fast-check";
import { openCapture, readCapture } from "../../lib/replay/capture.ts";
import { LINK_ETHERNET, LINK_RAW } from "../../lib/replay/link.ts";
import { MemoryInput } from "../support/memory_input.ts";
import { MemorySource } from "../../lib/replay/memory_source.ts";
import { PcapWriter } from "../../lib/replay/pcap.ts";
import { CaptureError, LARGEST_RECORD, type Source } from "../../lib/replay/source.ts";

function join(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Numbers of 16 and 32 bits (`[bits, value]`) and bytes in one byte order. */
function pack(little: boolean, ...fields: readonly ([number, number] | Uint8Array)[]): Uint8Array {
  return join(fields.map((field) => {
    if (field instanceof Uint8Array) return field;
    const [bits, value] = field;
    const view = new DataView(new ArrayBuffer(bits / 8));
    if (bits === 16) view.setUint16(0, value, little);
    else view.setUint32(0, value, little);
    return new Uint8Array(view.buffer);
  }));
}
const u16 = (value: number): [number, number] => [16, value];
const u32 = (value: number): [number, number] => [32, value];
const text = (value: string): Uint8Array => new TextEncoder().encode(value);

/** What a source delivers: data, lengths, time, link; and how it ends. */
function play(source: Source): { packets: unknown[][]; error: string } {
  const packets: unknown[][] = [];
  try {
    while (source.next()) {
      const data = new TextDecoder("latin1").decode(source.bytes.subarray(source.start, source.end));
      assert.equal(source.view.buffer, source.bytes.buffer);
      packets.push([data, source.wireLength, source.milliseconds, source.linkType, source.interface]);
    }
    assert.equal(source.next(), false);
    return { packets, error: "" };
  } catch (error) {
    assert.ok(error instanceof CaptureError, String(error));
    return { packets, error: `${error.offset}: ${error.message}` };
  }
}
function playFile(bytes: Uint8Array, most?: number): { packets: unknown[][]; error: string } {
  const input = new MemoryInput(bytes, most);
  let source: Source;
  try {
    source = readCapture(input, "test.pcap");
  } catch (error) {
    assert.ok(error instanceof CaptureError, String(error));
    assert.ok(input.closed, "a capture that cannot be opened is closed");
    return { packets: [], error: `${error.offset}: ${error.message}` };
  }
  const result = play(source);
  source[Symbol.dispose]();
  assert.ok(input.closed);
  return result;
}

function pcap(little: boolean, magic: number, link = LINK_RAW): Uint8Array {
  return pack(little, u32(magic), u16(2), u16(4), u32(0), u32(0), u32(65535), u32(link));
}
function record(little: boolean, seconds: number, fraction: number, data: string, wire = data.length): Uint8Array {
  return pack(little, u32(seconds), u32(fraction), u32(data.length), u32(wire), text(data));
}

Deno.test("a pcap file of each magic number is read", () => {
  for (const little of [false, true]) {
    for (const [magic, fraction] of [[0xa1b2c3d4, 250_000], [0xa1b23c4d, 250_000_000]] as const) {
      const file = join([
        pcap(little, magic),
        record(little, 1700000000, fraction, "abc"),
        record(little, 1700000001, 0, "", 60),
      ]);
      assert.deepEqual(playFile(file), {
        packets: [["abc", 3, 1700000000250, 101, 0], ["", 60, 1700000001000, 101, 0]],
        error: "",
      });
    }
  }
});

Deno.test("a broken pcap file is an error at its offset, after everything before it", () => {
  const good = join([pcap(true, 0xa1b2c3d4), record(true, 1, 0, "abc")]);
  const at = good.length;
  const table: [string, Uint8Array, number, RegExp][] = [
    [
      "record header cut",
      record(true, 1, 0, "").slice(0, 15),
      1,
      /^43: .*"test\.pcap" at byte 43: the file ends within a record/,
    ],
    ["packet cut", record(true, 1, 0, "abcdef").slice(0, 20), 1, /^43: .*packet of 6 bytes, 4 are there/],
    ["length beyond sense", pack(true, u32(1), u32(0), u32(0x7fffffff), u32(0)), 1, /^43: .*2147483647 bytes is more/],
  ];
  assert.equal(at, 43);
  for (const [name, tail, count, error] of table) {
    const result = playFile(join([good, tail]));
    assert.equal(result.packets.length, count, name);
    assert.match(result.error, error, name);
  }
});

Deno.test("what is no capture is refused, saying what it is", () => {
  const table: [Uint8Array, RegExp][] = [
    [new Uint8Array(0), /^0: .*0 bytes are too few/],
    [text("GET / HTTP/1.1"), /^0: .*0x47455420, which is neither/],
    [new Uint8Array([0x1f, 0x8b, 8, 0]), /gzip/],
    [new Uint8Array([0x28, 0xb5, 0x2f, 0xfd]), /zstd/],
    [pcap(true, 0xa1b2cd34), /modified/],
    [pcap(true, 0xa1b2c3d4).slice(0, 20), /^0: .*within its header/],
    [pack(true, u32(0xa1b2c3d4), u16(3), u16(4), u32(0), u32(0), u32(1), u32(1)), /^4: .*version 3/],
  ];
  for (const [bytes, error] of table) assert.match(playFile(bytes).error, error);
});

function block(little: boolean, type: number, ...fields: readonly ([number, number] | Uint8Array)[]): Uint8Array {
  const body = pack(little, ...fields);
  const padding = new Uint8Array((4 - body.length % 4) % 4);
  const size = 12 + body.length + padding.length;
  return pack(little, u32(type), u32(size), body, padding, u32(size));
}
const section = (little: boolean) =>
  block(little, 0x0a0d0d0a, u32(0x1a2b3c4d), u16(1), u16(0), u32(0xffffffff), u32(0xffffffff));
const described = (little: boolean, link: number, snap = 0, ...options: ([number, number] | Uint8Array)[]) =>
  block(little, 1, u16(link), u16(0), u32(snap), ...options);
function enhanced(little: boolean, number: number, ticks: number, data: string, wire = data.length): Uint8Array {
  const high = Math.floor(ticks / 0x100000000);
  return block(little, 6, u32(number), u32(high), u32(ticks % 0x100000000), u32(data.length), u32(wire), text(data));
}

Deno.test("pcapng is read in both byte orders, with all packet blocks and time resolutions", () => {
  const file = join([
    section(true),
    described(true, LINK_ETHERNET),
    block(true, 0x0bad, text("skipped")),
    enhanced(true, 0, 1700000000_123456, "a", 100),
    described(
      true,
      LINK_RAW,
      2,
      u16(9),
      u16(1),
      new Uint8Array([9, 0, 0, 0]),
      u16(14),
      u16(8),
      u32(3600),
      u32(0),
      u16(0),
      u16(0),
    ),
    enhanced(true, 1, 2_000_000_000, "bb"),
    block(true, 2, u16(1), u16(0), u32(0), u32(500_000_000), u32(3), u32(9), text("old")),
    section(false),
    described(false, 113, 2, u16(9), u16(1), new Uint8Array([0x8a, 0, 0, 0])),
    enhanced(false, 0, 2048, "ccc"),
    block(false, 3, u32(5), text("dd")),
  ]);
  const expected = {
    packets: [
      ["a", 100, 1700000000123.456, 1, 0],
      ["bb", 2, 3602000, 101, 1],
      ["old", 9, 3600500, 101, 1],
      ["ccc", 3, 2000, 113, 0],
      ["dd", 5, 2000, 113, 0], // a simple packet has no time of its own
    ],
    error: "",
  };
  assert.deepEqual(playFile(file), expected);
  assert.deepEqual(playFile(file, 1), expected, "a byte at a time");
});

Deno.test("a broken pcapng file is an error at its offset, after everything before it", () => {
  const good = join([section(true), described(true, 1), enhanced(true, 0, 0, "a")]);
  const at = good.length;
  const table: [string, Uint8Array, RegExp][] = [
    ["block header cut", new Uint8Array(5), /within a block header/],
    ["length no multiple of 4", pack(true, u32(6), u32(33), new Uint8Array(40)), /block of 33 bytes/],
    ["length below the least", pack(true, u32(6), u32(8), new Uint8Array(40)), /block of 8 bytes/],
    ["length 0 never stands still", pack(true, u32(99), u32(0), new Uint8Array(40)), /block of 0 bytes/],
    ["block cut", enhanced(true, 0, 0, "abcd").slice(0, 30), /within a block of 36/],
    ["skipped block cut", pack(true, u32(99), u32(4000), new Uint8Array(40)), /was to be skipped/],
    [
      "lengths differ",
      pack(true, u32(6), u32(36), new Uint8Array(24), u32(40)),
      /begins with a length of 36 and ends with one of 40/,
    ],
    ["interface unknown", enhanced(true, 7, 0, "abcd"), /interface 7/],
    [
      "more data than room",
      pack(true, u32(6), u32(32), u32(0), u32(0), u32(0), u32(5), u32(5), u32(32)),
      /5 bytes in a block with room for 0/,
    ],
    ["packet block without fields", block(true, 6, u32(0)), /too short/],
    ["interface without fields", block(true, 1), /too short/],
    ["option beyond its block", described(true, 1, 0, u16(9), u16(200)), /beyond its block/],
    ["block beyond sense", pack(true, u32(6), u32(0x70000000), new Uint8Array(40)), /more than any packet/],
    ["byte order unknown", pack(true, u32(0x0a0d0d0a), u32(28), new Uint8Array(20)), /byte-order magic/],
  ];
  for (const [name, tail, error] of table) {
    const result = playFile(join([good, tail]));
    assert.equal(result.packets.length, 1, name);
    assert.match(result.error, error, name);
    assert.ok(result.error.startsWith(`${at}: `), `${name}: ${result.error}`);
  }
  const foreign = block(true, 0x0a0d0d0a, u32(0x1a2b3c4d), u16(2), u16(0), u32(0), u32(0));
  assert.match(playFile(foreign).error, /^0: .*version 2/);
  const between = join([
    good,
    foreign,
    enhanced(true, 9, 0, "b"),
    section(false),
    described(false, 1),
    enhanced(false, 0, 0, "c"),
  ]);
  assert.deepEqual(
    playFile(between).packets.map(([data]) => data),
    ["a", "c"],
    "a later section of another version is passed over",
  );
  const interfaces = join([section(true), ...Array.from({ length: 4097 }, () => described(true, 1))]);
  assert.match(playFile(interfaces).error, /more than 4096 interfaces/);
});

Deno.test("a file far larger than the window is read whole, with packets of all sizes", () => {
  const large = "x".repeat(LARGEST_RECORD);
  const parts = [pcap(true, 0xa1b2c3d4)];
  for (let i = 0; i < 12; i++) parts.push(record(true, i, 0, i % 3 === 0 ? large : `packet ${i}`));
  for (const most of [undefined, 65536, 999_983]) {
    const { packets, error } = playFile(join(parts), most);
    assert.equal(error, "");
    assert.equal(packets.length, 12);
    packets.forEach(([data], i) => assert.ok(data === (i % 3 === 0 ? large : `packet ${i}`), `packet ${i}`));
  }
  // A block to be skipped may be larger than the window.
  const skipped = join([
    section(false),
    described(false, 1),
    pack(false, u32(99), u32(12 + (9 << 20)), new Uint8Array(9 << 20), u32(12 + (9 << 20))),
    enhanced(false, 0, 0, "z"),
  ]);
  assert.equal(playFile(skipped).packets.length, 1);
});

Deno.test("what is written reads back", () => {
  const frame = fc.record({
    data: fc.uint8Array({ maxLength: 100 }),
    milliseconds: fc.integer({ min: 0, max: 4_000_000_000_000 }),
    more: fc.nat(2000),
  });
  fc.assert(fc.property(fc.array(frame, { maxLength: 20 }), fc.integer({ min: 1, max: 300 }), (frames, most) => {
    const parts: Uint8Array[] = [];
    const writer = new PcapWriter((bytes) => parts.push(bytes.slice()), LINK_ETHERNET);
    for (const { data, milliseconds, more } of frames) {
      writer.write(data, 0, data.length, milliseconds, data.length + more);
    }
    using source = readCapture(new MemoryInput(join(parts), most), "written");
    for (const { data, milliseconds, more } of frames) {
      assert.ok(source.next());
      assert.deepEqual(source.bytes.slice(source.start, source.end), data);
      assert.deepEqual([source.milliseconds, source.wireLength, source.linkType], [
        milliseconds,
        data.length + more,
        1,
      ]);
    }
    assert.ok(!source.next());
  }));
});

Deno.test("no bytes make a reader do anything but deliver or fail with an offset", () => {
  const files = [
    join([pcap(true, 0xa1b2c3d4), record(true, 1, 0, "abc"), record(true, 2, 0, "defg")]),
    join([section(true), described(true, 1), enhanced(true, 0, 5, "abc"), block(true, 3, u32(3), text("abc"))]),
  ];
  const damaged = fc.tuple(
    fc.constantFrom(...files),
    fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { maxLength: 5 }),
    fc.nat(220),
  );
  fc.assert(
    fc.property(damaged, ([file, flips, cut]) => {
      const copy = file.slice(0, cut);
      for (const [at, byte] of flips) if (at < copy.length) copy[at] = byte;
      assert.ok(playFile(copy).packets.length <= 20);
    }),
    { numRuns: 300 },
  );
});

Deno.test("frames from memory come in order with their circumstances", () => {
  using source = new MemorySource([
    { bytes: text("ab"), milliseconds: 5, linkType: 1, wireLength: 9 },
    { bytes: text("c") },
  ]);
  assert.deepEqual(play(source), { packets: [["ab", 9, 5, 1, 0], ["c", 1, 5, 101, 0]], error: "" });
});

Deno.test("reading small packets from a file is quick and allocates nothing", () => {
  const path = Deno.makeTempFileSync({ suffix: ".pcap" });
  try {
    const rounds = 400_000;
    const one = record(true, 1700000000, 5, "x".repeat(60));
    const file = new Uint8Array(24 + rounds * one.length);
    file.set(pcap(true, 0xa1b2c3d4));
    for (let i = 0; i < rounds; i++) file.set(one, 24 + i * one.length);
    Deno.writeFileSync(path, file);
    const run = (): number => {
      using source = openCapture(path);
      let count = 0;
      while (source.next()) count += source.end - source.start === 60 ? 1 : 0;
      return count;
    };
    run();
    // The yardstick: the same bytes copied, from the file.
    const copied = new Uint8Array(file.length);
    const began = performance.now();
    copied.set(Deno.readFileSync(path));
    const yardstick = performance.now() - began;
    // The middle of three: what tests before this one left to be done grows the heap, a collection makes it smaller.
    const growths: number[] = [];
    let took = Infinity;
    for (let i = 0; i < 3; i++) {
      const before = Deno.memoryUsage().heapUsed;
      const started = performance.now();
      assert.equal(run(), rounds);
      took = Math.min(took, performance.now() - started);
      growths.push(Deno.memoryUsage().heapUsed - before);
    }
    const grown = growths.sort((a, b) => a - b)[1]!;
    const rate = rounds / took * 1000;
    // deno-lint-ignore no-console -- the figure is what the test is for
    console.info(`  reading: ${(rate / 1e6).toFixed(1)} M packets/s, heap grew by ${grown} bytes in ${rounds} packets`);
    assert.ok(grown < rounds, `heap grew by ${grown} bytes`);
    assert.ok(took < 100 * yardstick, `${rate} packets/s; reading and copying the file took ${yardstick} ms`);
  } finally {
    Deno.removeSync(path);
  }
});
