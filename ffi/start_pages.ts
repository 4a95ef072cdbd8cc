/**
 * Gives memory back to the system: of code that only the start needed, and of what was freed.
 * @module
 */
import type { Libc } from "./libc.ts";

const MADV_DONTNEED = 4;
/** Most bytes of /proc/self/smaps that are looked at: some 6000 mappings. */
const MOST_TEXT = 4 << 20;

/**
 * Bytes by which the memory may grow before V8's heap is collected. What the runtime holds for a stream or a process is freed
 * when V8 collects what stands for it, and V8 knows of a few bytes only: it let 60 MiB gather before.
 */
const GATHERED = 8 << 20;
/** Bytes by which it may grow before anything is given back: what is dropped and needed again takes time. */
const WORTH = 2 << 20;
/** Bytes outside its heap at which V8 begins to collect (kExternalAllocationSoftLimit, 64 MiB), and some more. */
const PRESSURE = 80 << 20;

/** Milliseconds after the start at which is looked what can be given back, a beat before it is, and between later times. */
const SETTLING = 1000;
const TIDYING = 2000;

/**
 * Gives memory back: soon after the start what the start left behind, later what the compiler and saves touched. V8's heap
 * is collected after the start, and when much has gathered.
 */
export class Tidier {
  readonly #libc: Libc;
  #due = Number.NaN;
  /** The fewest resident bytes since V8's heap was collected last; 0 where that is not known yet. */
  #least = 0;
  #collected = false;
  #pages: readonly Pages[] | null = null;

  /** Begins to count at the first {@link beat}. */
  constructor(libc: Libc) {
    this.#libc = libc;
  }

  /** Call about once a second; `now` is monotonic milliseconds. */
  beat(now: number): void {
    if (Number.isNaN(this.#due)) this.#due = now + SETTLING;
    if (now < this.#due) return;
    if (this.#pages === null) {
      const smaps = readMappings();
      this.#pages = startPages(smaps, executableIn(smaps));
      return;
    }
    this.#due = now + TIDYING;
    if (!this.#collected) {
      this.#collected = true;
      this.tidy();
      collect();
      return;
    }
    if (Deno.memoryUsage().rss < this.#least + WORTH) return;
    this.tidy();
    const { rss } = Deno.memoryUsage();
    if (this.#least === 0 || rss < this.#least) this.#least = rss;
    const grown = rss - this.#least;
    if (grown < GATHERED) return;
    if (grown < 2 * GATHERED) collect();
    else collectNow();
    // What is freed by that is given back with the next beats, from which on is counted anew.
    this.#least = 0;
  }

  /** Gives back at once what was touched since the last time; nothing before the start is over. */
  tidy(): void {
    if (this.#pages === null) return;
    const { madvise, malloc_trim } = this.#libc.symbols;
    malloc_trim?.(0n);
    for (const { at, length } of this.#pages) madvise(at, length, MADV_DONTNEED);
  }
}

/**
 * Has V8 collect in steps: it does so when it is told of much memory outside its heap, as of a buffer, whose pages nobody
 * touches. Its longest step takes 2 to 12 ms with 10,000 locks; all at once takes 16 to 25.
 */
function collect(): void {
  try {
    new ArrayBuffer(PRESSURE);
  } catch {
    // A system that gives no room before it is needed.
    collectNow();
  }
}

/** The same at once, where the build exposes that (--expose-gc). */
function collectNow(): void {
  (globalThis as { gc?: () => void }).gc?.();
}

/** A stretch of memory that the kernel can read from its file again. */
export interface Pages {
  /** Where it begins. */
  readonly at: Deno.PointerObject;
  /** Its bytes. */
  readonly length: bigint;
}

/**
 * The file with most code in the text of /proc/self/smaps: the executable, whoever loaded it. The kernel's own answer is
 * the loader where that was started by name, as from the bundle.
 */
export function executableIn(smaps: string): string {
  let most = 0;
  let path = "";
  for (const [, start, end, file] of smaps.matchAll(/^([0-9a-f]+)-([0-9a-f]+) r-xp \S+ \S+ \d+ *(\/.*)$/gm)) {
    const size = Number.parseInt(end!, 16) - Number.parseInt(start!, 16);
    if (size > most) [most, path] = [size, file!];
  }
  return path;
}

/**
 * The executable's own code and constants (read-only, backed by its file) in the text of /proc/self/smaps. Dropped pages
 * are mapped again from the page cache as they are touched: compilers, parsers and the start of the runtime are most of
 * them. A mapping with a page that was ever written, as by the dynamic linker, is left out: that page is not in the file.
 */
export function startPages(smaps: string, executable: string): Pages[] {
  const pages: Pages[] = [];
  let at: Deno.PointerObject | null = null;
  let length = 0n;
  for (const line of smaps.split("\n")) {
    const fields = /^([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \d+ *(.*)$/.exec(line);
    if (fields !== null) {
      const own = fields[4] === executable && /^r-[x-]p$/.test(fields[3]!);
      const start = BigInt(`0x${fields[1]}`);
      at = own ? Deno.UnsafePointer.create(start) : null;
      length = BigInt(`0x${fields[2]}`) - start;
    } else if (at !== null && /^Anonymous: +0 kB$/.test(line)) {
      pages.push({ at, length });
      at = null;
    }
  }
  return pages;
}

function readMappings(): string {
  try {
    return Deno.readTextFileSync("/proc/self/smaps").slice(0, MOST_TEXT);
  } catch {
    return "";
  }
}
