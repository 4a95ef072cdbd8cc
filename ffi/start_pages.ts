/**
 * Gives back the memory of code that only the start needed.
 * @module
 */
import type { Libc } from "./libc.ts";

const MADV_DONTNEED = 4;
/** Most lines of /proc/self/maps that are looked at. */
const MOST_LINES = 4096;

/**
 * Collects what the start left on the heap, where the build lets a program ask for that (V8's --expose-gc: 10 ms, once),
 * then does what {@link releaseStartPages} does.
 */
export function releaseStartMemory(libc: Libc): number {
  (globalThis as { gc?: () => void }).gc?.();
  return releaseStartPages(libc);
}

/**
 * Drops the pages of this executable's own code (read-only, never written, backed by its file) from the process: what
 * still runs is mapped again from the page cache as it is touched. Compilers, parsers and the start of the runtime are
 * most of them. Answers the bytes of the mappings; 0 where /proc does not say, or the kernel does not want to.
 */
export function releaseStartPages(libc: Libc): number {
  let maps: string;
  try {
    maps = Deno.readTextFileSync("/proc/self/maps");
  } catch {
    return 0;
  }
  let released = 0;
  for (const line of maps.split("\n", MOST_LINES)) {
    const fields = /^([0-9a-f]+)-([0-9a-f]+) r-xp \S+ \S+ [1-9]\d* +(\/.*)$/.exec(line);
    if (fields === null || fields[3] !== Deno.execPath()) continue;
    const start = BigInt(`0x${fields[1]}`);
    const length = BigInt(`0x${fields[2]}`) - start;
    if (libc.symbols.madvise(Deno.UnsafePointer.create(start), length, MADV_DONTNEED) === 0) released += Number(length);
  }
  return released;
}
