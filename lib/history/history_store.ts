/**
 * The history on disk: a folder of files of lines, written in batches about once a second and never by the thread that
 * judges packets (file operations run on threads of the runtime). A file is only ever appended to, or replaced as a whole,
 * so that whatever happens all of it but the last line can be read.
 *
 * A directory that cannot be written costs the history, never a packet: what finds no room is dropped and counted.
 * @module
 */
import { errorText } from "../net/error_text.ts";
import { openOwn } from "../report/own_file.ts";
import { writeAll } from "../report/write_all.ts";
import { type Happened, HOUR, LONGEST_LINE, type Named, writeRecord } from "./record.ts";
import { type Addition, MOST, type Standing, Tally } from "./tally.ts";

/** Milliseconds after which what was written is brought to the disk itself; often enough wears out flash. */
const SYNC = 30_000;
/** Milliseconds between two looks for what is too old. */
const SELDOM = 60_000;
/** Such times for which nothing is old by a clock that was set: it may be set back. */
const DISTRUST = 60;
/** Beats that pass after a failure before the next try. */
const PAUSE = 60;
/** Characters of lines that wait to be written. */
const WAITING = 64 * 1024;
/** Bytes that are read or written at once while a file is tidied. */
const PIECE = 32 * 1024;
/** Bytes by which a file may grow beyond twice its tidy size before it is tidied. */
const UNTIDY = 256 * 1024;
/** Parts that the bound is divided into: a file is no larger than one of them, and one is room for a file being tidied. */
const PARTS = 8;

/** What a store keeps. */
export interface Bounds {
  /** Milliseconds that records are kept. */
  readonly keep: number;
  /** Bytes of all files together. */
  readonly size: number;
}

/** A file of the store. */
interface Segment {
  readonly number: number;
  bytes: number;
  /** When it was last written, milliseconds since 1970. */
  last: number;
}

/** The file that is being written. */
interface Current extends Segment {
  file: Deno.FsFile;
  /** Bytes that another run of ftwall wrote. */
  readonly foreign: number;
  /** Bytes after it was last tidied. */
  tidy: number;
  /** The last line may be torn. */
  torn: boolean;
}

/** Where the history of the state file at `state` lies. */
export function historyDirectory(state: string): string {
  return `${state}.history`;
}

/** Path of a file of the store. */
export function segmentPath(directory: string, number: number): string {
  return `${directory}/${String(number).padStart(6, "0")}.log`;
}

/** Number of the file of that name, null where it is none of ours. */
export function segmentNumber(name: string): number | null {
  const match = /^(\d{6,12})\.log$/.exec(name);
  return match === null ? null : Number(match[1]);
}

/** See the module's text. */
export class HistoryStore {
  /** What keeps it from being written; empty where nothing does. */
  failure = "";
  /** Records that found no room, or that could not be written. */
  dropped = 0;
  readonly #directory: string;
  #bounds: Bounds;
  readonly #tally = new Tally();
  #lines: string[] = [];
  #waiting = 0;
  #old: Segment[] | null = null;
  #current: Current | null = null;
  #work: Promise<void> | null = null;
  #lastSync = 0;
  #unsynced = false;
  #lastPrune = -Infinity;
  #distrust = 0;
  #pause = 0;

  /** Keeps its files in `directory`, which is made when there is something to write. */
  constructor(directory: string, bounds: Bounds) {
    this.#directory = directory;
    this.#bounds = bounds;
  }

  /** Changes what is kept, as after a reload. */
  set bounds(bounds: Bounds) {
    this.#bounds = bounds;
    this.#lastPrune = -Infinity;
  }

  /** Bytes of all files. */
  get bytes(): number {
    return (this.#old ?? []).reduce((sum, segment) => sum + segment.bytes, 0) + (this.#current?.bytes ?? 0);
  }

  /** Adds what an event says to the entry of its client, peer and hour. */
  add(one: Addition): void {
    if (!this.#tally.add(one)) this.dropped++;
  }

  /** Takes the counters as they stand. */
  count(standing: Standing, time: number): void {
    this.#tally.count(standing, time);
  }

  /** Takes a record that stands by itself. */
  write(record: Happened | Named): void {
    const line = writeRecord(record);
    if (line === "" || this.#waiting + line.length > WAITING) {
      this.dropped++;
      return;
    }
    this.#lines.push(line);
    this.#waiting += line.length;
  }

  /**
   * Call about once a second with the wall clock: writes what came, unless the last write is not done yet. Resolves when it
   * is written, or cannot be. Never throws.
   */
  async beat(now: number): Promise<void> {
    if (this.#work !== null || this.#pause-- > 0) return;
    this.#pause = 0;
    const due = this.#unsynced && Math.abs(now - this.#lastSync) >= SYNC;
    const old = Math.abs(now - this.#lastPrune) >= SELDOM && this.#current !== null;
    if (!this.#tally.waiting && this.#lines.length === 0 && !due && !old) return;
    await (this.#work = this.#turn(now).finally(() => this.#work = null));
  }

  /** Writes the rest. Never throws. */
  async close(now: number): Promise<void> {
    await this.#work;
    for (let turns = 0; turns < 16 && (this.#tally.waiting || this.#lines.length > 0); turns++) {
      await this.#turn(now);
      if (this.failure !== "") break;
    }
    if (this.#current === null) return;
    try {
      if (this.#current.bytes > this.#current.tidy) await this.#tidy(this.#current);
    } catch {
      // Said by the next start, if it lasts.
    }
    this.#current.file.close();
    this.#current = null;
  }

  async #turn(now: number): Promise<void> {
    let lines = 0;
    try {
      const current = await this.#open(now);
      const text = this.#lines.join("") + this.#tally.drain();
      lines = this.#lines.length;
      this.#lines = [];
      this.#waiting = 0;
      if (text !== "") {
        await this.#append(current, text);
        current.last = now;
        this.#unsynced = true;
        lines = 0;
      }
      if (this.#unsynced && Math.abs(now - this.#lastSync) >= SYNC) {
        this.#lastSync = now;
        await current.file.syncData();
        this.#unsynced = false;
      }
      if (current.bytes > 2 * current.tidy + UNTIDY) await this.#tidy(current);
      await this.#prune(now);
      this.failure = "";
    } catch (error) {
      this.dropped += lines;
      this.failure = `Cannot write the history "${this.#directory}": ${errorText(error)}`;
      this.#pause = PAUSE;
      const current = this.#current;
      // What was drained is still in the tally: tidying writes all of it.
      if (current !== null) {
        current.torn = true;
        current.tidy = -UNTIDY;
      }
    }
  }

  /** The file to write to: the one that is open, unless its day or its room is at an end. */
  async #open(now: number): Promise<Current> {
    const current = this.#current;
    if (current !== null) {
      if (this.#hasRoom(current, now, this.#bounds.size / PARTS)) return current;
      await this.#tidy(current);
      // Tidied, it may do for longer; but not for so little that it is tidied over and over.
      if (this.#hasRoom(current, now, this.#bounds.size / PARTS / 2)) return current;
      await current.file.syncData();
      current.file.close();
      this.#current = null;
      this.#old?.push(current);
      this.#tally.clear();
      return this.#begin(current.number + 1, 0, now);
    }
    await Deno.mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const found: Segment[] = [];
    for await (const { name } of Deno.readDir(this.#directory)) {
      if (/^\d+\.log\.new$/.test(name)) await Deno.remove(`${this.#directory}/${name}`);
      const number = segmentNumber(name);
      if (number === null) continue;
      const { size, mtime, isFile } = await Deno.lstat(`${this.#directory}/${name}`);
      if (isFile) found.push({ number, bytes: size, last: mtime?.getTime() ?? 0 });
    }
    found.sort((a, b) => a.number - b.number);
    const last = found.at(-1);
    const goesOn = last !== undefined && sameDay(last.last, now) && last.bytes < this.#bounds.size / PARTS / 2;
    if (goesOn) found.pop();
    this.#old = found;
    return this.#begin(goesOn ? last.number : (last?.number ?? 0) + 1, goesOn ? last.bytes : 0, now);
  }

  #hasRoom(current: Current, now: number, most: number): boolean {
    return sameDay(current.last, now) && current.bytes < most && this.#tally.size < MOST;
  }

  #begin(number: number, bytes: number, now: number): Current {
    const path = segmentPath(this.#directory, number);
    const file = openOwn(path, { append: true });
    this.#lastSync = now;
    return this.#current = { number, bytes, last: now, file, foreign: bytes, tidy: bytes, torn: bytes > 0 };
  }

  async #append(current: Current, text: string): Promise<void> {
    const bytes = new TextEncoder().encode(current.torn ? `\n${text}` : text);
    current.torn = true;
    await writeAll(current.file, bytes);
    current.bytes += bytes.length;
    current.torn = false;
  }

  /** Puts a file in the place of this one in which lines that add up are added up. */
  async #tidy(current: Current): Promise<void> {
    const path = segmentPath(this.#directory, current.number);
    // What lies there is of a save that was cut off, or prepared by somebody: it is not written through.
    await Deno.remove(`${path}.new`).catch(() => {});
    const tidy = await Deno.open(`${path}.new`, { write: true, createNew: true, mode: 0o600 });
    let taken = false;
    try {
      let bytes = await copyRest(path, tidy, current);
      let text = "";
      for (const line of this.#tally.fold()) {
        text += line;
        if (text.length < PIECE) continue;
        bytes += await writeText(tidy, text);
        text = "";
      }
      bytes += await writeText(tidy, text);
      await tidy.sync();
      await Deno.rename(`${path}.new`, path);
      taken = true;
      current.file.close();
      current.file = tidy;
      current.bytes = current.tidy = bytes;
      current.torn = false;
    } finally {
      if (!taken) tidy.close();
    }
  }

  /** Removes what is too old or too much, oldest first. */
  async #prune(now: number): Promise<void> {
    const old = this.#old;
    if (old === null) return;
    const most = this.#bounds.size - this.#bounds.size / PARTS;
    const since = Math.abs(now - this.#lastPrune);
    if (since >= SELDOM) {
      this.#lastPrune = now;
      this.#distrust = since >= 2 * SELDOM && Number.isFinite(since) ? DISTRUST : Math.max(0, this.#distrust - 1);
    }
    const seldom = since >= SELDOM && this.#distrust === 0;
    for (;;) {
      const first = old[0];
      if (first === undefined) return;
      const isOld = seldom && first.last < now - this.#bounds.keep;
      if (!isOld && this.bytes <= most) return;
      await Deno.remove(segmentPath(this.#directory, first.number)).catch((error: unknown) => {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      });
      old.shift();
    }
  }
}

/**
 * Copies to `target` what a tidy file still has of the old one: all that another run of ftwall wrote, and lines that do not
 * add up. Answers how many bytes.
 */
async function copyRest(path: string, target: Deno.FsFile, { foreign, bytes }: Current): Promise<number> {
  const source = await Deno.open(path);
  using _ = source;
  const piece = new Uint8Array(PIECE + LONGEST_LINE);
  let copied = 0;
  let held = 0;
  let at = 0;
  while (at < bytes) {
    const count = await source.read(piece.subarray(held, Math.min(piece.length, held + bytes - at)));
    if (count === null) break;
    const end = held + count;
    let from = 0;
    let kept = 0;
    for (;;) {
      const stop = piece.subarray(0, end).indexOf(0x0a, from);
      // A line without an end that fills all there is room for is none of ours.
      const whole = stop >= 0 || (from === 0 && end === piece.length);
      if (!whole) break;
      const next = stop < 0 ? end : stop + 1;
      const begin = at - held + from;
      if (begin < foreign || !addedUp(piece, from)) {
        piece.copyWithin(kept, from, next);
        kept += next - from;
      }
      from = next;
      if (stop < 0) break;
    }
    await writeAll(target, piece.subarray(0, kept));
    copied += kept;
    at += count;
    // The copies lie before what is left.
    piece.copyWithin(0, from, end);
    held = end - from;
  }
  return copied;
}

/** As `addsUp`, of bytes: `["d"`, `["r"`, `["w"`, `["c"`; empty lines too. */
function addedUp(bytes: Uint8Array, at: number): boolean {
  if (bytes[at] === 0x0a) return true;
  const letter = bytes[at + 2];
  return bytes[at] === 0x5b && bytes[at + 1] === 0x22 && bytes[at + 3] === 0x22 &&
    (letter === 0x64 || letter === 0x72 || letter === 0x77 || letter === 0x63);
}

async function writeText(file: Deno.FsFile, text: string): Promise<number> {
  const bytes = new TextEncoder().encode(text);
  await writeAll(file, bytes);
  return bytes.length;
}

function sameDay(a: number, b: number): boolean {
  return Math.floor(a / (24 * HOUR)) === Math.floor(b / (24 * HOUR));
}
