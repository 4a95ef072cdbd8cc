/**
 * Flows changed by chance, the same in every run: numbers, lengths, words, turns, directions and segments, one to three
 * changes at a time.
 * @module
 */
import type { Turn } from "../support/conversation.ts";
import { randomWords } from "../support/splits.ts";
import type { Flow } from "./sample.ts";

/** Numbers about which bounds are drawn. */
const NUMBERS = [
  0,
  1,
  2,
  4,
  8,
  16,
  32,
  64,
  128,
  256,
  512,
  1024,
  2048,
  4096,
  0x8000,
  0xffff,
  0x10000,
  0x100000,
  0x7fffffff,
];
const BYTES = [
  0,
  1,
  0x09,
  0x0a,
  0x0d,
  0x20,
  0x22,
  0x2f,
  0x30,
  0x39,
  0x3a,
  0x41,
  0x5a,
  0x61,
  0x7a,
  0x7c,
  0x7f,
  0x80,
  0xff,
];
const PORTS = [22, 53, 80, 443, 1023, 1024, 6881, 7680];
const SNAPS = [12, 20, 30, 42, 54, 100];

/** So many flows, each made of one of these. */
export function* changedFlows(flows: readonly Flow[], count: number, seed: number): Generator<Flow> {
  const source = randomWords(seed);
  const below = (bound: number): number => (source.next().value >>> 0) % bound;
  const one = <T>(list: readonly T[]): T => list[below(list.length)]!;
  for (let made = 0; made < count; made++) {
    let flow: Flow = one(flows);
    for (let changes = 1 + below(3); changes > 0; changes--) flow = changed(flow, flows, below, one);
    yield flow;
  }
}

type Below = (bound: number) => number;
type One = <T>(list: readonly T[]) => T;

function changed(flow: Flow, flows: readonly Flow[], below: Below, one: One): Flow {
  if (flow.turns.length === 0) return flow;
  const index = below(flow.turns.length);
  const [arrow, bytes] = flow.turns[index]!;
  const put = (...turns: Turn[]): Flow => ({
    ...flow,
    turns: [...flow.turns.slice(0, index), ...turns, ...flow.turns.slice(index + 1)],
  });
  const at = below(Math.min(bytes.length, 96) + 1);
  const way = below(32);
  if (way < 20) return put([arrow, changedBytes(bytes, at, way, flows, below, one)]);
  switch (way) {
    case 20:
      return put();
    case 21:
      return put(...new Array<Turn>(2 + below(below(8) === 0 ? 40 : 4)).fill([arrow, bytes]));
    case 22:
      return put([arrow === ">" ? "<" : ">", bytes]);
    case 23:
      return put([arrow, bytes.slice(0, at)], [arrow, bytes.slice(at)]);
    case 24:
      return put(...segments(bytes, 2 + below(12)).map((part): Turn => [arrow, part]));
    case 25:
      return { ...flow, turns: [...flow.turns, one(one(flows).turns) ?? [">", bytes]] };
    case 26:
      return { ...flow, midstream: flow.midstream !== true };
    case 27:
      return { ...flow, port: one(PORTS) };
    case 28:
      return { ...flow, snap: one(SNAPS) };
    case 29:
      return { ...flow, inbound: flow.inbound !== true };
    case 30:
      return { ...flow, turns: flow.turns.slice(0, index + 1) };
    default:
      return { ...flow, turns: flow.turns.toReversed() };
  }
}

function segments(bytes: Uint8Array, count: number): Uint8Array[] {
  const size = Math.max(1, Math.ceil(bytes.length / count));
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.slice(i * size, (i + 1) * size));
}

/** How much longer or shorter: mostly little. */
function stretch(below: Below, one: One): number {
  const way = below(16);
  return way < 12 ? 1 + below(1 << way % 6) : way < 15 ? below(600) : Math.min(one(NUMBERS), 70_000);
}

function changedBytes(
  bytes: Uint8Array,
  at: number,
  way: number,
  flows: readonly Flow[],
  below: Below,
  one: One,
): Uint8Array {
  const copy = bytes.slice();
  const view = new DataView(copy.buffer);
  const number = one(NUMBERS) + below(5) - 2;
  const room = copy.length - at;
  const run = () => new Uint8Array(stretch(below, one)).fill(below(2) === 0 ? bytes[at] ?? 0x41 : one(BYTES));
  switch (way) {
    case 0:
    case 1:
      if (room > 0) copy[at]! ^= 1 << below(8);
      return copy;
    case 2:
    case 3:
      if (room > 0) copy[at] = one(BYTES);
      return copy;
    case 4:
      if (room > 0) copy[at]! += below(7) - 3;
      return copy;
    case 5:
    case 6:
      if (room >= 2) view.setUint16(at, number, way === 5);
      return copy;
    case 7:
    case 8:
      if (room >= 4) view.setUint32(at, number, way === 7);
      return copy;
    case 9:
      if (room > 0) copy[at] = below(256);
      return copy;
    case 10:
    case 11:
      return spliced(bytes, at, 0, run());
    case 12:
    case 13:
    case 14: {
      const put = run();
      return spliced(withLengths(copy, at, put.length, below), at, 0, put);
    }
    case 15:
      return spliced(bytes, at, 1 + below(4), new Uint8Array(0));
    case 16: {
      const left = Math.min(room, stretch(below, one));
      return spliced(withLengths(copy, at, -left, below), at, left, new Uint8Array(0));
    }
    case 17:
      return bytes.slice(0, below(bytes.length + 1));
    case 18: {
      const [, other] = one(one(flows).turns) ?? [">", bytes];
      const from = below(Math.min(other.length, 96) + 1);
      const part = other.slice(from, from + 1 + below(24));
      return spliced(bytes, at, below(2) === 0 ? part.length : 0, part);
    }
    default:
      return spliced(bytes, bytes.length, 0, bytes.subarray(0, below(Math.min(bytes.length, 2000) + 1)));
  }
}

/** Bytes left out and put in at a place. */
function spliced(bytes: Uint8Array, at: number, left: number, put: Uint8Array): Uint8Array {
  const result = new Uint8Array(at + put.length + Math.max(0, bytes.length - at - left));
  result.set(bytes.subarray(0, at));
  result.set(put, at);
  result.set(bytes.subarray(at + left), at + put.length);
  return result;
}

/** Numbers in front that may say how much is behind say it still when it is `more` bytes: most are left as they are. */
function withLengths(bytes: Uint8Array, at: number, more: number, below: Below): Uint8Array {
  const view = new DataView(bytes.buffer);
  for (let offset = 0; offset < Math.min(at, 64); offset++) {
    for (const [width, little] of [[4, true], [4, false], [2, true], [2, false], [1, true]] as const) {
      if (offset + width > at) continue;
      const value = width === 4
        ? view.getUint32(offset, little)
        : width === 2
        ? view.getUint16(offset, little)
        : view.getUint8(offset);
      const rest = bytes.length - offset - width;
      if (value < 4 || value > rest || rest - value > 32 || below(3) === 0) continue;
      const grown = Math.max(0, value + more);
      if (width === 4) view.setUint32(offset, grown, little);
      else if (width === 2) view.setUint16(offset, grown, little);
      else view.setUint8(offset, grown);
      offset += width - 1;
      break;
    }
  }
  return bytes;
}
