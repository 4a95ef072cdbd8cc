/**
 * Parsers with planted faults, each behind what no blind change finds: they show that the fuzzer would see such a fault.
 * @module
 */
import { dictionary } from "./mutation.ts";
import type { Parser } from "./fuzzer.ts";

const words = dictionary([Deno.readTextFileSync(new URL(import.meta.url))]);
const base = { longest: 256, unit: "inputs", words, seeds: [new Uint8Array(8)] } as const;
const kept: number[][] = [];
let sum = 0;

/** Three bytes, one after the other: 1 in 2^24 by chance. */
function throws(bytes: Uint8Array, start: number): void {
  if (bytes[start] !== 0x66) return;
  if (bytes[start + 1] !== 0x74) return;
  if (bytes[start + 2] !== 0x77) return;
  throw new Error("planted");
}

/** One parser for each kind of fault, and one without. */
export const PARSERS: readonly Parser[] = [
  {
    ...{ ...base, name: "throws" },
    run: ({ bytes, start, end }) => (end - start > 2 && throws(bytes, start), 1),
  },
  {
    ...{ ...base, name: "beyond" },
    outcome: () => sum,
    run: ({ bytes, end }) => (sum = bytes[end]!, 1),
  },
  {
    ...{ ...base, name: "slow", longest: 64 },
    run({ start, end }) {
      for (let at = start; at < end; at++) for (let other = start; other < end; other++) sum ^= at * other;
      return 1;
    },
  },
  {
    ...{ ...base, name: "leaks" },
    run: ({ start, end }) => (kept.push([start, end]), 1),
  },
  {
    ...{ ...base, name: "sound" },
    run({ bytes, start, end }) {
      for (let at = start; at < end; at++) sum ^= bytes[at]!;
      return 1;
    },
  },
];
