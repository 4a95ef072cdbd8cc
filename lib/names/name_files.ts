/**
 * The files that names are read from. They belong to other programs and are written while we read: each is read in pieces,
 * between which packets are judged, no further than a bound, and only where it is a plain file.
 * @module
 */
import { errorText } from "../net/error_text.ts";
import { LeaseReader, type NamedHost } from "./lease_reader.ts";
import { Names } from "./names.ts";

/** Bytes of the end of a file that are read: servers append to their leases. */
const LARGEST = 1 << 20;
/** Leases that are held at most. */
const MOST_LEASES = 8192;
/** Bytes that are read at once. */
const PIECE = 32 * 1024;
const LINE_FEED = Uint8Array.of(0x0a);

/** What reading came to. */
export interface ReadNames {
  readonly names: Names;
  /** MACs by the addresses that DHCP gave them. */
  readonly leases: ReadonlyMap<string, string>;
  /** Lines that were passed by. */
  readonly bad: number;
  /** What could not be read, for people. */
  readonly problems: readonly string[];
}

/** Stands for the content of all files, as far as their time and size tell: equal where nothing changed. */
export function fingerprint(paths: readonly string[]): string {
  return paths.map((path) => {
    try {
      const { mtime, size } = Deno.statSync(path);
      return `${mtime?.getTime() ?? 0}:${size}`;
    } catch {
      return "";
    }
  }).join(" ");
}

/** Reads the files in pieces. Never throws. */
export async function readNames(paths: readonly string[], now: number): Promise<ReadNames> {
  const gathered = new Gathering(now);
  for (const path of paths) {
    const steps = gathered.read(path);
    for (let step = steps.next(); step.done !== true;) {
      const { file, piece } = step.value;
      step = steps.next(await file.read(piece).catch(() => null));
    }
  }
  return gathered.done();
}

/** The same in one go, for a command. */
export function readNamesNow(paths: readonly string[], now: number): ReadNames {
  const gathered = new Gathering(now);
  for (const path of paths) {
    const steps = gathered.read(path);
    for (let step = steps.next(); step.done !== true;) step = steps.next(readPiece(step.value));
  }
  return gathered.done();
}

function readPiece({ file, piece }: Step): number | null {
  try {
    return file.readSync(piece);
  } catch {
    return null;
  }
}

/** What is to be read next. */
interface Step {
  readonly file: Deno.FsFile;
  readonly piece: Uint8Array<ArrayBuffer>;
}

class Gathering {
  readonly #names = new Names();
  readonly #leases = new Map<string, string>();
  readonly #now: number;
  readonly #problems: string[] = [];
  #bad = 0;
  // Within one file the last word on an address counts, of two files the first one.
  readonly #own = new Map<string, NamedHost>();
  readonly #ownLeases = new Map<string, string>();
  #reader: LeaseReader;

  constructor(now: number) {
    this.#now = now;
    this.#reader = this.#begin();
  }

  #begin(): LeaseReader {
    const own = this.#own;
    const leases = this.#ownLeases;
    own.clear();
    leases.clear();
    return new LeaseReader(
      this.#now,
      (host) => void own.set(host.address === "" ? host.mac : host.address, host),
      (address) => {
        own.delete(address);
        leases.delete(address);
      },
      (address, mac) => {
        if (leases.size < MOST_LEASES) leases.set(address, mac);
      },
    );
  }

  #take(lines: Lines): void {
    for (const line of lines.whole()) this.#reader.line(line);
  }

  #end(): void {
    this.#bad += this.#reader.bad;
    for (const host of this.#own.values()) if (!this.#names.add(host)) this.#bad++;
    for (const [address, mac] of this.#ownLeases) {
      if (this.#leases.size < MOST_LEASES && !this.#leases.has(address)) this.#leases.set(address, mac);
    }
    this.#reader = this.#begin();
  }

  /** Reads a file: says what is to be read, and is told how many bytes came. */
  *read(path: string): Generator<Step, void, number | null> {
    try {
      const { isFile, size } = Deno.statSync(path);
      if (!isFile) throw new Error("it is no regular file");
      using file = Deno.openSync(path);
      const lines = new Lines();
      const piece = new Uint8Array(PIECE);
      if (size > LARGEST) {
        // The first line may be a heading; then on to the end, from the next line on.
        const count = yield { file, piece };
        lines.push(piece.subarray(0, count ?? 0));
        lines.skip();
        file.seekSync(size - LARGEST, Deno.SeekMode.Start);
      }
      for (let left = LARGEST; left > 0;) {
        const count = yield { file, piece: piece.subarray(0, Math.min(PIECE, left)) };
        if (count === null) break;
        lines.push(piece.subarray(0, count));
        left -= count;
        this.#take(lines);
      }
      lines.push(LINE_FEED);
      this.#take(lines);
      this.#end();
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return;
      this.#problems.push(
        `Cannot read names from "${path}": ${errorText(error)}`,
      );
    }
  }

  done(): ReadNames {
    return { names: this.#names, leases: this.#leases, bad: this.#bad, problems: this.#problems };
  }
}

/** Bytes in, whole lines out. */
class Lines {
  readonly #decoder = new TextDecoder();
  #rest = "";
  #lines: string[] = [];
  #skipping = false;

  push(bytes: Uint8Array): void {
    const lines = (this.#rest + this.#decoder.decode(bytes, { stream: true })).split("\n");
    // A line without an end is no reason to hold a whole file.
    this.#rest = lines.pop()!.slice(0, PIECE);
    if (this.#skipping && lines.length > 0) {
      lines.shift();
      this.#skipping = false;
    }
    this.#lines.push(...lines);
  }

  /** Keeps only the first line of what came; what comes next begins within a line. */
  skip(): void {
    this.#lines.length = Math.min(1, this.#lines.length);
    this.#rest = "";
    this.#skipping = true;
  }

  whole(): string[] {
    const lines = this.#lines;
    this.#lines = [];
    return lines;
  }
}
