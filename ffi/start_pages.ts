/**
 * Gives back the memory of code that only the start needed.
 * @module
 */
import type { Libc } from "./libc.ts";

const MADV_DONTNEED = 4;
/** Most lines of /proc/self/smaps that are looked at. */
const MOST_LINES = 65_536;

/** Milliseconds after the start at which its memory is given back, and between later times. */
const SETTLING = 2000;
const TIDYING = 60_000;

/**
 * Gives memory back: soon after the start what that left behind, later what compiler and saves touched. V8 collects only
 * where the build lets a program ask for it (--expose-gc): 10 ms, once.
 */
export class Tidier {
  readonly #libc: Libc;
  #due = Number.NaN;
  #first = true;

  /** Begins to count at the first {@link beat}. */
  constructor(libc: Libc) {
    this.#libc = libc;
  }

  /** Call about once a second; `now` is monotonic milliseconds. */
  beat(now: number): void {
    if (Number.isNaN(this.#due)) this.#due = now + SETTLING;
    if (now < this.#due) return;
    this.#due = now + TIDYING;
    if (this.#first) (globalThis as { gc?: () => void }).gc?.();
    this.#first = false;
    releaseStartPages(this.#libc);
  }
}

/**
 * Drops the pages of this executable's own code and constants (read-only, never written, backed by its file) from the
 * process: what still runs is mapped again from the page cache as it is touched. Compilers, parsers and the start of the
 * runtime are most of them. Answers the bytes of the mappings; 0 where /proc does not say, or the kernel does not want to.
 */
export function releaseStartPages(libc: Libc): number {
  let maps: string;
  try {
    maps = Deno.readTextFileSync("/proc/self/smaps");
  } catch {
    return 0;
  }
  let released = 0;
  let start = 0n;
  let length = 0n;
  for (const line of maps.split("\n", MOST_LINES)) {
    const fields = /^([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \d+ +(\/.*)$/.exec(line);
    if (fields !== null || /^[0-9a-f]+-[0-9a-f]+ /.test(line)) {
      const own = fields !== null && fields[4] === Deno.execPath() && /^r-[x-]p$/.test(fields[3]!);
      start = own ? BigInt(`0x${fields[1]}`) : 0n;
      length = own ? BigInt(`0x${fields[2]}`) - start : 0n;
      continue;
    }
    // A page that was ever written, as by the dynamic linker, is not in the file: then the mapping is left alone.
    if (start === 0n || !/^Anonymous: +0 kB$/.test(line)) continue;
    if (libc.symbols.madvise(Deno.UnsafePointer.create(start), length, MADV_DONTNEED) === 0) released += Number(length);
    start = 0n;
  }
  return released;
}
