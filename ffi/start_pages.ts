/**
 * Gives memory back to the system: of code that only the start needed, and of what was freed.
 * @module
 */
import type { Libc } from "./libc.ts";

const MADV_DONTNEED = 4;
/** Most characters of /proc/self/maps that are looked at: some 10,000 mappings, of which a few hundred are there. */
const MOST_TEXT = 1 << 20;

/**
 * Bytes by which the memory may grow before V8's heap is collected. What the runtime holds for a stream or a process is freed
 * when V8 collects what stands for it, and V8 knows of a few bytes only: it let 60 MiB gather before.
 */
const GATHERED = 8 << 20;
/** Bytes by which it may grow before anything is given back: what is dropped and needed again takes time. */
const WORTH = 2 << 20;
/** Bytes outside its heap at which V8 begins to collect (kExternalAllocationSoftLimit, 64 MiB), and some more. */
const PRESSURE = 80 << 20;

/** Milliseconds from the end of the start until memory is given back a second time, and V8's heap collected. */
const SETTLING = 1000;
/** Milliseconds between two times at which memory is given back after that. */
const TIDYING = 2000;

/**
 * Gives memory back: soon after the start what the start left behind, later what the compiler and saves touched. V8's heap
 * is collected after the start, and when much has gathered.
 */
export class Tidier {
  readonly #libc: Libc;
  #due = -Infinity;
  /** The fewest resident bytes since V8's heap was collected last; 0 where that is not known yet. */
  #least = 0;
  #collected = false;
  #pages: readonly Pages[] | null = null;

  /** Does nothing before {@link started}. */
  constructor(libc: Libc) {
    this.#libc = libc;
  }

  /** The start is over, at `now` (monotonic milliseconds): gives back at once what it touched. */
  started(now: number): void {
    this.#pages = startPages(readMappings());
    this.#due = now + SETTLING;
    this.tidy();
  }

  /** Call about once a second; `now` is monotonic milliseconds. */
  beat(now: number): void {
    if (now < this.#due || this.#pages === null) return;
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

/** One line of /proc/self/maps: a stretch of memory, what may be done with it, and which part of which file it is. */
const MAPPING = /^([0-9a-f]+)-([0-9a-f]+) (\S+) ([0-9a-f]+) \S+ \d+ *(.*)$/gm;

/**
 * The executable's own code, and the constants before it in its file, by the text of /proc/self/maps. Dropped pages are mapped
 * again from the page cache as they are touched: compilers, parsers and the start of the runtime are most of them. What comes
 * after the code is left out, as the dynamic linker may have written to it. The executable is the file with most code, whoever
 * loaded it: the kernel's own answer is the loader where that was started by name, as from the bundle.
 */
export function startPages(maps: string): Pages[] {
  const parts = [...maps.matchAll(MAPPING)].filter(([, , , rights, , path]) =>
    /^r-[x-]p$/.test(rights!) && path!.startsWith("/")
  ).map(([, from, to, rights, offset, path]) => {
    const start = BigInt(`0x${from}`);
    return { start, length: BigInt(`0x${to}`) - start, isCode: rights === "r-xp", offset: parseInt(offset!, 16), path };
  });
  const [code] = parts.filter(({ isCode }) => isCode).sort((a, b) => Number(b.length - a.length));
  if (code === undefined) return [];
  return parts.filter(({ path, offset }) => path === code.path && offset <= code.offset).flatMap(
    ({ start, length }) => {
      const at = Deno.UnsafePointer.create(start);
      return at === null ? [] : [{ at, length }];
    },
  );
}

function readMappings(): string {
  try {
    return Deno.readTextFileSync("/proc/self/maps").slice(0, MOST_TEXT);
  } catch {
    return "";
  }
}
