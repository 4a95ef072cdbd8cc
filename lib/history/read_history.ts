/**
 * Reading the history: the same files whether ftwall runs or not, each record checked, lines of one key added up.
 * @module
 */
import {
  type Happened,
  type HistoryRecord,
  HOUR,
  type HourCounters,
  LONGEST_LINE,
  type Named,
  readRecord,
  type Tallied,
} from "./record.ts";
import { segmentNumber, segmentPath } from "./history_store.ts";

/** Bytes of one file that are read at most, and files: beyond what a store of the largest size has. */
const LARGEST = 64 << 20;
const MOST_FILES = 4096;
/** Kinds of tallied lines. */
const KINDS = 3;
/** Fields of a tallied line before those that say of what it is the sum: its kind, times, count and bytes. */
const FIGURES = 5;
/** How a line of a name begins, behind the line before it. */
const NAMED = '\n["n",';

/** What is asked for. Times are milliseconds since 1970. */
export interface HistoryQuery {
  readonly since: number;
  readonly until: number;
  /** Clients as they are stored; absent: all. */
  readonly clients?: readonly string[];
  /** Name of a protocol; absent: all. */
  readonly protocol?: string;
}

/** What a reading came across. */
export interface Scan {
  /** Time of the first record there is, also one that was not asked for; null where there is none. */
  readonly begins: number | null;
  /** Files and bytes that were read, and lines that are no records. */
  readonly files: number;
  readonly bytes: number;
  readonly bad: number;
}

/** Takes a record, and the line that it stood in. */
type Visit = (record: HistoryRecord, line: string) => void;

/**
 * Calls `visit` with every record that was asked for, as it stands in the files: those of one client, peer and hour still
 * are to be added up. Of names all are told. Throws where the folder is there but cannot be read; where it is not, nothing
 * is found.
 */
export function scanHistory(directory: string, query: HistoryQuery, visit: Visit): Scan {
  const reader = new Reader(query, visit);
  for (const _ of reader.files(directory));
  return reader.scan();
}

/**
 * Reads what happened of what was asked for, added up and in order of time. No more is held at once than one file and the
 * hour that may go on in the next one; so where a clock was set back, what it told then comes later. Throws as
 * {@link scanHistory}.
 */
export function* readLog(directory: string, query: HistoryQuery): Generator<Tallied | Happened, void> {
  const hours = new Map<number, Map<string, Sum>>();
  let events: Happened[] = [];
  let latest = 0;
  const reader = new Reader(query, (record, line) => {
    if (record.kind === "event") events.push(record);
    else if (record.kind !== "counters" && record.kind !== "named") addTo(hours, record, line);
    else return;
    latest = Math.max(latest, record.kind === "event" ? record.time : record.last);
  });
  const upTo = (end: number): (Tallied | Happened)[] => {
    const told: (Tallied | Happened)[] = events.filter(({ time }) => time < end);
    events = events.filter(({ time }) => time >= end);
    for (const [hour, sums] of hours) {
      if (Math.floor(hour / KINDS) * HOUR >= end) continue;
      for (const sum of sums.values()) told.push(sum);
      hours.delete(hour);
    }
    return told.sort((a, b) => timeOf(a) - timeOf(b));
  };
  for (const _ of reader.files(directory)) yield* upTo(Math.floor(latest / HOUR) * HOUR);
  yield* upTo(Infinity);
}

function timeOf(one: Tallied | Happened): number {
  return one.kind === "event" ? one.time : one.first;
}

/** A record whose figures grow. */
type Sum = { -readonly [K in keyof Tallied]: Tallied[K] };

/** Adds up what says the same of one hour: lines of one kind that are alike behind their figures. */
function addTo(hours: Map<number, Map<string, Sum>>, one: Tallied, line: string): void {
  // Each kind and hour has a map of its own, so that the key is a piece of the line and nothing new.
  const hour = Math.floor(one.first / HOUR) * KINDS + (one.kind === "detected" ? 0 : one.kind === "refused" ? 1 : 2);
  let sums = hours.get(hour);
  if (sums === undefined) hours.set(hour, sums = new Map());
  let said = 0;
  for (let field = 0; field < FIGURES; field++) said = line.indexOf(",", said) + 1;
  const key = line.slice(said);
  const sum = sums.get(key);
  if (sum === undefined) {
    sums.set(key, one);
    return;
  }
  sum.first = Math.min(sum.first, one.first);
  sum.last = Math.max(sum.last, one.last);
  sum.count += one.count;
  sum.bytes += one.bytes;
}

/** Who clients were called, at any time. Throws as {@link scanHistory}. */
export function* readNamed(directory: string): Generator<Named, void> {
  for (const number of filesIn(directory)) {
    for (const line of namedLines(contentOf(segmentPath(directory, number))?.text ?? "")) {
      const record = readRecord(line);
      if (record?.kind === "named") yield record;
    }
  }
}

/** The lines of a file that may be those of names. */
function* namedLines(content: string): Generator<string, void> {
  const text = `\n${content}`;
  for (let at = text.indexOf(NAMED); at >= 0; at = text.indexOf(NAMED, at + 1)) {
    const end = text.indexOf("\n", at + 1);
    yield text.slice(at + 1, end < 0 ? text.length : end);
  }
}

function filesIn(directory: string): number[] {
  try {
    const numbers = [...Deno.readDirSync(directory)].flatMap(({ name }) => segmentNumber(name) ?? []);
    return numbers.sort((a, b) => a - b).slice(-MOST_FILES);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/**
 * A whole file, and when it was last written (milliseconds since 1970); null where it went away meanwhile, as old ones do, or
 * is none of ours.
 */
function contentOf(path: string): { readonly text: string; readonly written: number } | null {
  try {
    const { size, isFile, mtime } = Deno.lstatSync(path);
    if (!isFile || size > LARGEST) return null;
    return { text: Deno.readTextFileSync(path), written: mtime?.getTime() ?? Infinity };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

class Reader {
  readonly #query: HistoryQuery;
  /** What a line about one of the clients has in it. */
  readonly #marks: readonly string[] | null;
  readonly #visit: Visit;
  #begins = Infinity;
  #files = 0;
  #bytes = 0;
  #bad = 0;

  constructor(query: HistoryQuery, visit: Visit) {
    this.#query = query;
    this.#visit = visit;
    this.#marks = query.clients?.map((client) => JSON.stringify(client)) ?? null;
  }

  /** Reads one file after the other. */
  *files(directory: string): Generator<void, void> {
    for (const number of filesIn(directory)) {
      const file = contentOf(segmentPath(directory, number));
      if (file === null) continue;
      this.#files++;
      this.#bytes += file.text.length;
      // Nothing of it is asked for where nothing was written to it since; who clients were may stand there all the same.
      if (file.written + HOUR < this.#query.since) this.#skim(file.text);
      else this.#take(file.text);
      yield;
    }
  }

  #take(text: string): void {
    for (let at = 0; at < text.length;) {
      const end = text.indexOf("\n", at);
      // Without a line feed it is not yet written to its end, or torn.
      const line = text.slice(at, end < 0 ? text.length : end);
      at = end < 0 ? text.length : end + 1;
      if (line !== "") this.#line(line);
    }
  }

  /** Takes of a file only when it begins, where that is not known yet, and names. */
  #skim(text: string): void {
    for (let at = 0; at < text.length && this.#begins === Infinity;) {
      const end = text.indexOf("\n", at);
      this.#line(text.slice(at, end < 0 ? text.length : end));
      at = end < 0 ? text.length : end + 1;
    }
    for (const line of namedLines(text)) this.#line(line);
  }

  #line(line: string): void {
    const marks = this.#marks;
    if (this.#begins !== Infinity && marks !== null && !marks.some((mark) => line.includes(mark))) return;
    const record = line.length > LONGEST_LINE ? null : readRecord(line);
    if (record === null) {
      this.#bad++;
      return;
    }
    const { since, until } = this.#query;
    switch (record.kind) {
      case "counters":
        this.#begins = Math.min(this.#begins, record.hour);
        if (marks === null && record.hour + HOUR > since && record.hour < until) this.#visit(record, line);
        return;
      case "named":
        if (this.#wants(record.client)) this.#visit(record, line);
        return;
      case "event":
        this.#begins = Math.min(this.#begins, record.time);
        if (record.time >= since && record.time < until && this.#wantsEvent(record)) this.#visit(record, line);
        return;
      default:
        this.#begins = Math.min(this.#begins, record.first);
        if (record.last < since || record.first >= until || !this.#wants(record.client)) return;
        if (this.#query.protocol === undefined || record.protocol === this.#query.protocol) this.#visit(record, line);
    }
  }

  #wants(client: unknown): boolean {
    const { clients } = this.#query;
    return clients === undefined || clients.some((wanted) => wanted === client);
  }

  #wantsEvent({ event }: Happened): boolean {
    const { protocol, clients } = this.#query;
    if (protocol !== undefined && event["protocol"] !== protocol) return false;
    return clients === undefined || this.#wants(event["client"]);
  }

  scan(): Scan {
    const begins = this.#begins === Infinity ? null : this.#begins;
    return { begins, files: this.#files, bytes: this.#bytes, bad: this.#bad };
  }
}

/** Counters of two parts of one time together, under the hour of the first. */
export function addCounters(a: HourCounters, b: HourCounters): HourCounters {
  const length = Math.max(a.times.length, b.times.length);
  return {
    ...a,
    packets: a.packets + b.packets,
    accepted: a.accepted + b.accepted,
    refused: a.refused + b.refused,
    missed: a.missed + b.missed,
    times: Array.from({ length }, (_, i) => (a.times[i] ?? 0) + (b.times[i] ?? 0)),
    sum: a.sum + b.sum,
    max: Math.max(a.max, b.max),
  };
}
