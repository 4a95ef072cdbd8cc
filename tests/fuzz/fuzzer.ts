/**
 * Coverage-guided fuzzing: what makes code run that never ran before is kept, and changed further.
 *
 * Inputs are run in batches with one look at the coverage for each. Where a batch brought something new it is halved until
 * the inputs that did so are found; an input is known by its number, so none has to be kept for that. A run depends on
 * nothing but its seed, unless it is also to look for slow inputs.
 * @module
 */
import type { BlockCoverage } from "./block_coverage.ts";
import { Mutation } from "./mutation.ts";

/** Bytes of the input with others around it, as in a source's buffer. */
export interface Input {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly start: number;
  readonly end: number;
}

/** What is tried. */
export interface Parser {
  readonly name: string;
  /** Longest input in bytes. */
  readonly longest: number;
  readonly seeds: readonly Uint8Array[];
  readonly words: readonly Uint8Array[];
  /** Steps for each byte that it may take, see {@link Found.steps}; 200 where absent: some ten walks over the input. */
  readonly steps?: number;
  /** What a run counts: packets, or inputs. */
  readonly unit: string;
  /** Units in one run, at least 1. May throw nothing. */
  readonly run: (input: Input) => number;
  /** What came of the last run, as a number: it may not depend on the bytes around the input. */
  readonly outcome?: () => number;
}

/** An input that did harm. */
export interface Fault {
  readonly error: string;
  readonly input: Uint8Array;
}

/** An input and what it takes. */
export interface Costly {
  readonly input: Uint8Array;
  /** Microseconds for all of it: so none of its packets takes longer. */
  us: number;
}

/** What was found. */
export interface Found {
  readonly parser: string;
  readonly unit: string;
  units: number;
  inputs: number;
  corpus: number;
  covered: number;
  seconds: number;
  /** Most steps (see {@link BlockCoverage.steps}) for each byte of an input; each unit counts as 64 bytes more. */
  steps: number;
  /** Bytes that the heap gained over the second half, without the corpus. */
  gained: number;
  readonly faults: Fault[];
  readonly costly: Costly[];
}

/** When to stop, and what to look for. */
export interface Wanted {
  readonly seed: number;
  readonly units: number;
  readonly milliseconds: number;
  /** Look for inputs that take long, by the clock; else a run depends on nothing but its seed. */
  readonly timed: boolean;
}

const GUARD = 64;
const MOST_KEPT = 4000;
const LEAST_BATCH = 64;
const MOST_BATCH = 1024;
const MOST_COSTLY = 6;
const MOST_FAULTS = 10;
/** The bytes around the input are others in one run of so many. */
const AROUND_EVERY = 16;

/** See the module's text. */
export class Fuzzer {
  readonly found: Found;
  readonly corpus: Uint8Array[];
  readonly #parser: Parser;
  readonly #coverage: BlockCoverage | null;
  readonly #wanted: Wanted;
  readonly #mutation: Mutation;
  readonly #buffer: Uint8Array;
  readonly #view: DataView;
  /** Which input of the batch is the longest: superlinear time shows there. */
  #longestAt = 0;

  /** Without `coverage` it only changes the seeds. */
  constructor(parser: Parser, coverage: BlockCoverage | null, wanted: Wanted) {
    this.#parser = parser;
    this.#coverage = coverage;
    this.#wanted = wanted;
    this.#mutation = new Mutation(parser.longest, parser.words);
    this.#buffer = new Uint8Array(parser.longest + 2 * GUARD);
    this.#view = new DataView(this.#buffer.buffer);
    this.corpus = parser.seeds.map((seed) => seed.slice(0, parser.longest));
    this.found = {
      ...{ parser: parser.name, unit: parser.unit, units: 0, inputs: 0, corpus: 0, covered: 0, seconds: 0, steps: 0 },
      ...{ gained: 0, faults: [], costly: [] },
    };
  }

  /** Fuzzes until there were enough. */
  async run(heap: () => number): Promise<Found> {
    const { found, corpus } = this;
    const { units, milliseconds } = this.#wanted;
    const began = performance.now();
    const coverage = this.#coverage;
    const before = coverage?.covered ?? 0;
    for (const seed of corpus) this.#one(seed, seed.length, 0);
    await coverage?.look();
    let size = LEAST_BATCH;
    let half = -1;
    let elapsed = 0;
    while (found.units < units && elapsed < milliseconds && found.faults.length < MOST_FAULTS) {
      const from = found.inputs;
      const known = corpus.length;
      this.#batch(from, size, true);
      found.inputs += size;
      if (coverage !== null && await coverage.look(false) > 0) {
        await this.#divide(coverage, from, size);
        // What is new leads on only from the next batch.
        size = Math.max(LEAST_BATCH, size >> 2);
      }
      if (coverage !== null) await this.#countSteps(coverage, from + this.#longestAt);
      if (corpus.length === known && size < MOST_BATCH) size *= 2;
      elapsed = performance.now() - began;
      if (half < 0 && (found.units * 2 > units || elapsed * 2 > milliseconds)) half = heap() - this.#kept();
    }
    if (half >= 0) found.gained = heap() - this.#kept() - half;
    found.corpus = corpus.length;
    found.covered = (coverage?.covered ?? 0) - before;
    found.seconds = (performance.now() - began) / 1000;
    return found;
  }

  #kept(): number {
    return this.corpus.reduce((sum, { length }) => sum + length + 200, 0);
  }

  /** Runs the inputs of these numbers; the first time around they count. */
  #batch(from: number, size: number, first: boolean): void {
    const mutation = this.#mutation;
    const { found, corpus } = this;
    const { seed, timed } = this.#wanted;
    let longest = 0;
    let at = performance.now();
    for (let number = from; number < from + size; number++) {
      mutation.make(seed, number, corpus);
      if (number === from || mutation.length > longest) {
        longest = mutation.length;
        this.#longestAt = number - from;
      }
      const units = this.#one(mutation.bytes, mutation.length, number);
      if (!first) continue;
      found.units += units;
      if (!timed) continue;
      const now = performance.now();
      if (now - at > 0.02 && this.#isCostly((now - at) * 1000)) {
        this.#weigh(mutation.bytes.slice(0, mutation.length));
      }
      at = performance.now();
    }
  }

  #isCostly(us: number): boolean {
    const { costly } = this.found;
    return costly.length < MOST_COSTLY || us > costly.at(-1)!.us * 1.1;
  }

  /** One slow run proves nothing on a busy machine; the least of several does. */
  #weigh(input: Uint8Array): void {
    let least = Infinity;
    for (let round = 0; round < 7 && this.#isCostly(least); round++) {
      const at = performance.now();
      this.#one(input, input.length, 0);
      least = Math.min(least, (performance.now() - at) * 1000);
    }
    if (!this.#isCostly(least)) return;
    const { costly } = this.found;
    costly.push({ input, us: least });
    costly.sort((a, b) => b.us - a.us);
    costly.length = Math.min(costly.length, MOST_COSTLY);
    // Among all others: what was kept last is changed most often, and the slowest would take most of the time.
    if (this.corpus.length < MOST_KEPT) this.corpus.unshift(input);
  }

  /** Keeps those of these inputs that bring something new. */
  async #divide(coverage: BlockCoverage, from: number, size: number): Promise<void> {
    if (this.corpus.length >= MOST_KEPT) {
      await coverage.look();
      return;
    }
    // What a number stands for depends on the corpus: it grows when all are found.
    const fresh: Uint8Array[] = [];
    const search = async (from: number, size: number): Promise<void> => {
      this.#batch(from, size, false);
      if (await coverage.look(size === 1) === 0) return;
      if (size === 1) {
        this.#mutation.make(this.#wanted.seed, from, this.corpus);
        fresh.push(this.#mutation.bytes.slice(0, this.#mutation.length));
        return;
      }
      await search(from, size >> 1);
      await search(from + (size >> 1), size - (size >> 1));
    };
    await search(from, size);
    this.corpus.push(...fresh);
    // It hung on what came before, and will not come again by itself: it counts as seen.
    if (fresh.length === 0) {
      this.#batch(from, size, false);
      await coverage.look();
    }
  }

  /** How many steps the input of this number takes for each of its bytes; one that takes more than all before is kept. */
  async #countSteps(coverage: BlockCoverage, number: number): Promise<void> {
    const mutation = this.#mutation;
    mutation.make(this.#wanted.seed, number, this.corpus);
    const units = this.#one(mutation.bytes, mutation.length, number);
    await coverage.look();
    const steps = coverage.steps / (units * 64 + mutation.length);
    if (steps <= this.found.steps) return;
    this.found.steps = steps;
    if (this.corpus.length < MOST_KEPT) this.corpus.push(mutation.bytes.slice(0, mutation.length));
  }

  #one(bytes: Uint8Array, length: number, number: number): number {
    const buffer = this.#buffer;
    const input = { bytes: buffer, view: this.#view, start: GUARD, end: GUARD + length };
    buffer.set(length === bytes.length ? bytes : bytes.subarray(0, length), GUARD);
    try {
      const units = this.#parser.run(input);
      const { outcome } = this.#parser;
      if (outcome !== undefined && number % AROUND_EVERY === 0) {
        // What it remembers of the input before is no longer there.
        this.#parser.run(input);
        const before = outcome();
        for (let at = 0; at < GUARD; at++) {
          buffer[at]! ^= 0xff;
          buffer[GUARD + length + at]! ^= 0xff;
        }
        this.#parser.run(input);
        if (outcome() !== before) throw new Error(`It depends on bytes outside: ${before}, then ${outcome()}`);
      }
      return units;
    } catch (error) {
      if (this.found.faults.length < MOST_FAULTS) {
        const text = error instanceof Error ? error.stack ?? error.message : String(error);
        this.found.faults.push({ error: text, input: bytes.slice(0, length) });
      }
      return 1;
    }
  }
}
