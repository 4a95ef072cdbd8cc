import assert from "node:assert/strict";
import fc from "fast-check";
import { formatAddress, parseAddress } from "../../lib/net/address.ts";
import { buildTcp, buildUdp, Ends } from "../../lib/wire/build.ts";
import { ipv4Checksum, transportChecksum } from "../../lib/wire/checksum.ts";
import { ACK, SYN } from "../../lib/wire/transport.ts";
import {
  BROKEN,
  LATER_FRAGMENT,
  NOT_IP,
  OK,
  OTHER_TRANSPORT,
  OUTCOME_NAMES,
  TRUNCATED_HEADER,
} from "../../lib/wire/outcome.ts";
import { Packet } from "../../lib/wire/packet.ts";

function hex(text: string): Uint8Array {
  const digits = text.replace(/#.*$/gm, "").replace(/\s+/g, "");
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

const packet = new Packet();

/** Decodes at a shifted place of a larger buffer, so that an offset forgotten anywhere shows. */
function decode(bytes: Uint8Array, captured = bytes.length, wire = bytes.length): number {
  const buffer = new Uint8Array(bytes.length + 64).fill(0xee);
  buffer.set(bytes, 32);
  const view = new DataView(buffer.buffer);
  return packet.decode(buffer, view, 32, 32 + captured, wire);
}

const V4 = "4500 LLLL 0001 FFFF 40PP 0000 c0a80105 c6336407";
function v4(protocol: string, rest: string, total?: number, fragment = "0000"): Uint8Array {
  const body = hex(rest);
  const length = (total ?? 20 + body.length).toString(16).padStart(4, "0");
  return new Uint8Array([
    ...hex(V4.replace("LLLL", length).replace("FFFF", fragment).replace("PP", protocol)),
    ...body,
  ]);
}
const V6 = "60000000 LLLL NN40 20010db8000000000000000000000001 20010db8000000000000000000000002";
function v6(next: string, rest: string, length?: number): Uint8Array {
  const body = hex(rest);
  const payload = (length ?? body.length).toString(16).padStart(4, "0");
  return new Uint8Array([...hex(V6.replace("LLLL", payload).replace("NN", next)), ...body]);
}
const UDP = "04be04be 000c0000 27000000";
const TCP = "0050c000 00000001 80000000 5018ffff 00000000 474554";

/** Outcome, transport, fragment, ports, payload offset from the IP header, captured and wire payload. */
function told(outcome: number): unknown[] {
  const p = packet;
  const captured = p.payloadEnd - p.payload;
  return [
    OUTCOME_NAMES[outcome],
    p.transport,
    p.fragment,
    p.sport,
    p.dport,
    outcome === OK ? p.payload - p.start : 0,
    captured,
    p.length,
  ];
}

Deno.test("a packet decodes to what its headers say", () => {
  const none = [0, 0, 0];
  const table: [string, Uint8Array, unknown[]][] = [
    ["UDP", v4("11", UDP), ["ok", 17, 0, 1214, 1214, 28, 4, 4]],
    ["TCP", v4("06", TCP), ["ok", 6, 0, 80, 49152, 40, 3, 3]],
    ["TCP with options", v4("06", TCP.replace("5018", "6018").replace("474554", "01010101 474554")), [
      "ok",
      6,
      0,
      80,
      49152,
      44,
      3,
      3,
    ]],
    ["padding behind the total length", v4("11", UDP + "0000 0000 0000", 32), ["ok", 17, 0, 1214, 1214, 28, 4, 4]],
    ["UDP length shorter than the packet", v4("11", "04be04be 000a0000 27000000"), ["ok", 17, 0, 1214, 1214, 28, 2, 2]],
    ["UDP length longer than the packet", v4("11", "04be04be 000d0000 27000000"), ["broken", 17, 0, 0, 0, ...none]],
    ["UDP length below its header", v4("11", "04be04be 00070000 27000000"), ["broken", 17, 0, 0, 0, ...none]],
    ["UDP length 0 in IPv4", v4("11", "04be04be 00000000 27000000"), ["broken", 17, 0, 0, 0, ...none]],
    ["total length 0, segmented later", v4("06", TCP, 0), ["ok", 6, 0, 80, 49152, 40, 3, 3]],
    ["total length below the header", v4("11", UDP, 19), ["broken", 0, 0, 0, 0, ...none]],
    ["TCP header shorter than its least", v4("06", TCP.replace("5018", "4018")), ["broken", 6, 0, 0, 0, ...none]],
    ["TCP header beyond the packet", v4("06", TCP.replace("5018", "f018")), ["broken", 6, 0, 0, 0, ...none]],
    ["TCP shorter than a header", v4("06", "0050c000 00000001"), ["broken", 6, 0, 0, 0, ...none]],
    ["first fragment", v4("11", "04be04be 00200000 27000000", undefined, "2000"), ["ok", 17, 1, 1214, 1214, 28, 4, 24]],
    ["later fragment", v4("11", UDP, undefined, "00b9"), ["later-fragment", 17, 2, 0, 0, ...none]],
    ["don't fragment is no fragment", v4("11", UDP, undefined, "4000"), ["ok", 17, 0, 1214, 1214, 28, 4, 4]],
    ["ICMP", v4("01", "0800f7ff00000000"), ["other-transport", 1, 0, 0, 0, ...none]],
    ["UDP-Lite", v4("88", UDP), ["other-transport", 136, 0, 0, 0, ...none]],
    ["AH in IPv4", v4("33", "11040000 00000001 00000001 000000000000000000000000" + UDP), [
      "ok",
      17,
      0,
      1214,
      1214,
      52,
      4,
      4,
    ]],
    ["IPv6 UDP", v6("11", UDP), ["ok", 17, 0, 1214, 1214, 48, 4, 4]],
    ["IPv6 TCP", v6("06", TCP), ["ok", 6, 0, 80, 49152, 60, 3, 3]],
    ["hop-by-hop, destination options, routing", v6("00", "3c00010400000000 2b00010400000000 1100000000000000" + UDP), [
      "ok",
      17,
      0,
      1214,
      1214,
      72,
      4,
      4,
    ]],
    ["atomic fragment", v6("2c", "11000000 00000001" + UDP), ["ok", 17, 0, 1214, 1214, 56, 4, 4]],
    ["IPv6 first fragment", v6("2c", "11000001 00000001" + UDP), ["ok", 17, 1, 1214, 1214, 56, 4, 4]],
    ["IPv6 later fragment", v6("2c", "11000008 00000001" + UDP), ["later-fragment", 17, 2, 0, 0, ...none]],
    ["IPv6 AH", v6("33", "11040000 00000001 00000001 000000000000000000000000" + UDP), [
      "ok",
      17,
      0,
      1214,
      1214,
      72,
      4,
      4,
    ]],
    ["ESP", v6("32", "0000000100000001"), ["other-transport", 50, 0, 0, 0, ...none]],
    ["no next header", v6("3b", ""), ["other-transport", 59, 0, 0, 0, ...none]],
    ["ICMPv6", v6("3a", "8000000000000000"), ["other-transport", 58, 0, 0, 0, ...none]],
    ["extension header beyond the packet", v6("3c", "11ff000000000000" + UDP), ["broken", 0, 0, 0, 0, ...none]],
    ["endless extension headers", v6("3c", "3c00000000000000".repeat(40)), ["broken", 0, 0, 0, 0, ...none]],
    ["jumbogram with UDP length 0", v6("00", "1100c20400020010" + "04be04be 0000 0000" + "00".repeat(0x20000), 0), [
      "ok",
      17,
      0,
      1214,
      1214,
      56,
      0x20000,
      0x20000,
    ]],
    ["payload length 0, segmented later", v6("06", TCP, 0), ["ok", 6, 0, 80, 49152, 60, 3, 3]],
    ["not IP", hex("0806 0001"), ["not-ip", 0, 0, 0, 0, ...none]],
    ["IPv4 header cut by its sender", hex("4500 0014 0001"), ["broken", 0, 0, 0, 0, ...none]],
    ["IPv6 header cut by its sender", hex("6000 0000"), ["broken", 0, 0, 0, 0, ...none]],
    ["IHL 4", hex("4400" + V4.slice(4).replace("LLLL", "0014").replace("FFFF", "0000").replace("PP", "11")), [
      "broken",
      0,
      0,
      0,
      0,
      ...none,
    ]],
    ["nothing", new Uint8Array(0), ["broken", 0, 0, 0, 0, ...none]],
  ];
  for (const [name, bytes, expected] of table) {
    const outcome = decode(bytes);
    assert.deepEqual(told(outcome), expected, name);
  }
});

Deno.test("addresses, flags and numbers stand in their words", () => {
  assert.equal(decode(v4("06", TCP)), OK);
  assert.equal(formatAddress(packet.s0, packet.s1, packet.s2, packet.s3), "192.168.1.5");
  assert.equal(formatAddress(packet.d0, packet.d1, packet.d2, packet.d3), "198.51.100.7");
  assert.deepEqual([packet.family, packet.flags, packet.seq, packet.ack], [4, 0x18, 1, -0x80000000]);
  assert.equal(decode(v6("11", UDP)), OK);
  assert.equal(formatAddress(packet.s0, packet.s1, packet.s2, packet.s3), "2001:db8::1");
  assert.equal(formatAddress(packet.d0, packet.d1, packet.d2, packet.d3), "2001:db8::2");
  assert.deepEqual([packet.family, packet.flags, packet.seq, packet.ack], [6, 0, 0, 0]);
});

Deno.test("a cut capture tells what was sent, and no byte beyond what was captured", () => {
  const whole = v4("06", TCP.replace("5018", "6018").replace("474554", "01010101" + "aa".repeat(500)));
  for (let captured = 1; captured <= whole.length; captured++) {
    const outcome = decode(whole, captured, whole.length);
    if (captured < 40) {
      assert.equal(outcome, TRUNCATED_HEADER, `${captured}`);
      assert.equal(packet.sport, 0);
    } else {
      assert.equal(outcome, OK);
      assert.equal(packet.length, 500);
      assert.equal(packet.payloadEnd - packet.payload, Math.max(0, captured - 44));
      assert.equal(packet.payloadEnd, 32 + captured);
    }
  }
  // The record's own length may have been cut along with the bytes: the header still knows.
  assert.equal(decode(whole, 60, 60), OK);
  assert.equal(packet.length, 500);
});

Deno.test("what is built decodes to the same, with right checksums", () => {
  const bytes = new Uint8Array(2048);
  const view = new DataView(bytes.buffer);
  const ends = new Ends();
  const pair = fc.constantFrom(["192.0.2.1", "198.51.100.7"], ["2001:db8::1", "2001:db8::ffff"]);
  const port = fc.integer({ min: 0, max: 65535 });
  fc.assert(
    fc.property(
      pair,
      port,
      port,
      fc.uint8Array({ maxLength: 900 }),
      fc.nat(600),
      (names, sport, dport, payload, at) => {
        const [from, to] = names.map((name) => parseAddress(name)!);
        ends.from(...from!, sport).to(...to!, dport);
        const udp = buildUdp(bytes, view, at, ends, payload);
        assert.ok(udp > 0);
        assert.equal(packet.decode(bytes, view, at, at + udp, udp), OK);
        assert.deepEqual([packet.transport, packet.sport, packet.dport, packet.length], [
          17,
          sport,
          dport,
          payload.length,
        ]);
        assert.deepEqual([packet.s0, packet.s1, packet.s2, packet.s3], [...from!]);
        assert.deepEqual([packet.d0, packet.d1, packet.d2, packet.d3], [...to!]);
        assert.deepEqual(bytes.slice(packet.payload, packet.payloadEnd), payload);
        assert.equal(transportChecksum(bytes, at, packet.payload - 8, at + udp, 17), 0);
        if (packet.family === 4) assert.equal(ipv4Checksum(bytes, at), 0);
        const tcp = buildTcp(bytes, view, at, ends, SYN | ACK, -5, 7, payload);
        assert.equal(packet.decode(bytes, view, at, at + tcp, tcp), OK);
        assert.deepEqual([packet.transport, packet.flags, packet.seq, packet.ack], [6, SYN | ACK, -5, 7]);
        assert.deepEqual(bytes.slice(packet.payload, packet.payloadEnd), payload);
        assert.equal(transportChecksum(bytes, at, packet.payload - 20, at + tcp, 6), 0);
      },
    ),
  );
});

Deno.test("checksums match worked examples", () => {
  // The IPv4 header of the worked example that textbooks share: checksum 0xb861.
  assert.equal(ipv4Checksum(hex("4500 0073 0000 4000 4011 0000 c0a8 0001 c0a8 00c7"), 0), 0xb861);
  assert.equal(ipv4Checksum(hex("4500 0073 0000 4000 4011 b861 c0a8 0001 c0a8 00c7"), 0), 0);
});

Deno.test("a builder refuses what does not fit", () => {
  const bytes = new Uint8Array(40);
  const view = new DataView(bytes.buffer);
  const ends = new Ends().from(...parseAddress("192.0.2.1")!, 1).to(...parseAddress("192.0.2.2")!, 2);
  assert.equal(buildUdp(bytes, view, 0, ends, new Uint8Array(13)), 0);
  assert.deepEqual(bytes, new Uint8Array(40));
  assert.equal(buildUdp(bytes, view, 0, ends, new Uint8Array(12)), 40);
  ends.to(...parseAddress("2001:db8::1")!, 2);
  assert.equal(buildUdp(bytes, view, 0, ends, new Uint8Array(1)), 0);
  const large = new Uint8Array(70000);
  ends.to(...parseAddress("192.0.2.2")!, 2);
  assert.equal(buildUdp(large, new DataView(large.buffer), 0, ends, new Uint8Array(65535 - 27)), 0);
});

const samples = [
  v4("11", UDP),
  v4("06", TCP),
  v6("00", "3c00010400000000 2b00010400000000 1100000000000000" + UDP),
  v6("2c", "11000000 00000001" + UDP),
];

Deno.test("no bytes make decoding throw, and all that it tells lies within the capture", () => {
  const flipped = fc.tuple(
    fc.constantFrom(...samples),
    fc.array(fc.tuple(fc.nat(90), fc.nat(255)), { maxLength: 6 }),
    fc.nat(100),
  )
    .map(([bytes, flips, cut]) => {
      const copy = bytes.slice();
      for (const [at, byte] of flips) if (at < copy.length) copy[at] = byte;
      return copy.slice(0, cut);
    });
  fc.assert(
    fc.property(
      fc.oneof(flipped, fc.uint8Array({ maxLength: 120 })),
      fc.integer({ min: -5, max: 70000 }),
      (bytes, wire) => {
        const outcome = decode(bytes, bytes.length, wire);
        const legal: number[] = [OK, NOT_IP, BROKEN, TRUNCATED_HEADER, LATER_FRAGMENT, OTHER_TRANSPORT];
        assert.ok(legal.includes(outcome));
        assert.ok(
          packet.start <= packet.payload && packet.payload <= packet.payloadEnd && packet.payloadEnd <= packet.end,
        );
        assert.ok(packet.length >= (outcome === OK ? packet.payloadEnd - packet.payload : 0));
        if (outcome !== OK) {
          assert.deepEqual([packet.sport, packet.dport, packet.payloadEnd - packet.payload], [
            0,
            0,
            0,
          ]);
        }
      },
    ),
    { numRuns: 20000 },
  );
});

Deno.test("decoding allocates nothing and is quick", () => {
  const buffer = new Uint8Array(4096);
  const view = new DataView(buffer.buffer);
  samples.forEach((bytes, i) => buffer.set(bytes, i * 128));
  const rounds = 1_000_000;
  const run = (): number => {
    let sum = 0;
    for (let i = 0; i < rounds; i++) {
      const k = i & 3;
      sum += packet.decode(buffer, view, k * 128, k * 128 + samples[k]!.length, samples[k]!.length) + packet.length;
    }
    return sum;
  };
  // The yardstick: the bytes of a header added up.
  const add = (): number => {
    let sum = 0;
    for (let i = 0; i < rounds; i++) {
      const k = (i & 3) * 128;
      for (let at = k; at < k + 40; at++) sum = (sum + buffer[at]!) | 0;
    }
    return sum;
  };
  const timed = (work: () => number): number => {
    const started = performance.now();
    work();
    return (performance.now() - started) * 1e6 / rounds;
  };
  run();
  add();
  const yardstick = timed(add);
  const before = Deno.memoryUsage().heapUsed;
  const nanoseconds = timed(run);
  const grown = Deno.memoryUsage().heapUsed - before;
  // deno-lint-ignore no-console -- the figure is what the test is for
  console.info(
    `  decode: ${nanoseconds.toFixed(1)} ns, yardstick ${
      yardstick.toFixed(1)
    } ns, heap grew by ${grown} bytes in ${rounds} packets`,
  );
  assert.ok(grown < rounds, `heap grew by ${grown} bytes`);
  assert.ok(nanoseconds < 25 * yardstick, `${nanoseconds} ns a packet, yardstick ${yardstick} ns`);
});
