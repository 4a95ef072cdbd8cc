/**
 * A worker that goes on with what was found, where nothing counts what runs: in an isolate of its own, code is compiled
 * without counters, and tens of times faster.
 * @module
 */
import { type Found, Fuzzer, type Parser, type Wanted } from "./fuzzer.ts";

/** What to go on with. */
export interface Work {
  /** The file with the parsers. */
  readonly from: string;
  readonly parser: string;
  readonly corpus: readonly Uint8Array[];
  readonly wanted: Wanted;
}

const ROUNDS = 400;

const scope = globalThis as unknown as {
  onmessage: (event: { readonly data: Work }) => Promise<void>;
  postMessage(found: Found): void;
  gc?: () => void;
};

function heap(): number {
  scope.gc?.();
  scope.gc?.();
  return Deno.memoryUsage().heapUsed;
}

scope.onmessage = async ({ data: { from, parser: name, corpus, wanted } }) => {
  const { PARSERS } = await import(`./${from}`) as { readonly PARSERS: readonly Parser[] };
  const parser = PARSERS.find((one) => one.name === name)!;
  const found = await new Fuzzer({ ...parser, seeds: corpus }, null, wanted).run(heap);
  for (const one of found.costly) one.us = least(parser, one.input);
  found.costly.sort((a, b) => b.us - a.us);
  scope.postMessage(found);
};

/** The least microseconds of many runs: the rest is what else the machine did. */
function least(parser: Parser, bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const input = { bytes, view, start: 0, end: bytes.length };
  let best = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const at = performance.now();
    parser.run(input);
    best = Math.min(best, (performance.now() - at) * 1000);
  }
  return best;
}
