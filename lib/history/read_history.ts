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

/** What was found, in order of time. */
export interface History extends Scan {
  readonly tallied: readonly Tallied[];
  readonly counters: readonly HourCounters[];
  readonly events: readonly Happened[];
  /** Who the clients were last. */
  readonly names: ReadonlyMap<string, Named>;
}

/**
 * Calls `visit` with every record that was asked for, as it stands in the files: those of one client, peer and hour still
 * are to be added up. Of names all are told. Throws where the folder is there but cannot be read; where it is not, nothing
 * is found.
 */
export function scanHistory(directory: string, query: HistoryQuery, visit: (record: HistoryRecord) => void): Scan {
  const reader = new Reader(query, visit);
  for (const number of filesIn(directory)) {
    const text = textOf(segmentPath(directory, number));
    if (text !== null) reader.take(text);
  }
  return reader.scan();
}

/** Reads what was asked for, added up and in order. Throws as {@link scanHistory}. */
export function readHistory(directory: string, query: HistoryQuery): History {
  const sums = new Map<string, Sum>();
  const counters = new Map<number, HourCounters>();
  const events: Happened[] = [];
  const names = new Map<string, Named>();
  const scan = scanHistory(directory, query, (record) => {
    switch (record.kind) {
      case "counters": {
        const before = counters.get(record.hour);
        counters.set(record.hour, before === undefined ? record : addCounters(before, record));
        return;
      }
      case "named":
        names.set(record.client, record);
        return;
      case "event":
        events.push(record);
        return;
      default:
        addTo(sums, record);
    }
  });
  return {
    ...scan,
    tallied: [...sums.values()].sort((a, b) => a.first - b.first),
    counters: [...counters.values()].sort((a, b) => a.hour - b.hour),
    events: events.sort((a, b) => a.time - b.time),
    names,
  };
}

/** A record whose figures grow. */
type Sum = { -readonly [K in keyof Tallied]: Tallied[K] };

function addTo(sums: Map<string, Sum>, one: Tallied): void {
  const hour = Math.floor(one.first / HOUR);
  const key = `${one.client}\t${one.peer}\t${hour}\t${one.why}\t${one.protocol}\t${one.kind}${one.action}${one.dryRun}`;
  const sum = sums.get(key);
  if (sum === undefined) {
    sums.set(key, { ...one });
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
    const text = `\n${textOf(segmentPath(directory, number)) ?? ""}`;
    for (let at = text.indexOf(NAMED); at >= 0; at = text.indexOf(NAMED, at + 1)) {
      const end = text.indexOf("\n", at + 1);
      const record = readRecord(text.slice(at + 1, end < 0 ? text.length : end));
      if (record?.kind === "named") yield record;
    }
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

/** A whole file; null where it went away meanwhile, as old ones do, or is none of ours. */
function textOf(path: string): string | null {
  try {
    const { size, isFile } = Deno.lstatSync(path);
    return isFile && size <= LARGEST ? Deno.readTextFileSync(path) : null;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

class Reader {
  readonly #query: HistoryQuery;
  /** What a line about one of the clients has in it. */
  readonly #marks: readonly string[] | null;
  readonly #visit: (record: HistoryRecord) => void;
  #begins = Infinity;
  #files = 0;
  #bytes = 0;
  #bad = 0;

  constructor(query: HistoryQuery, visit: (record: HistoryRecord) => void) {
    this.#query = query;
    this.#visit = visit;
    this.#marks = query.clients?.map((client) => JSON.stringify(client)) ?? null;
  }

  take(text: string): void {
    this.#files++;
    this.#bytes += text.length;
    for (let at = 0; at < text.length;) {
      const end = text.indexOf("\n", at);
      // Without a line feed it is not yet written to its end, or torn.
      const line = text.slice(at, end < 0 ? text.length : end);
      at = end < 0 ? text.length : end + 1;
      if (line !== "") this.#line(line);
    }
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
        if (marks === null && record.hour + HOUR > since && record.hour < until) this.#visit(record);
        return;
      case "named":
        if (this.#wants(record.client)) this.#visit(record);
        return;
      case "event":
        this.#begins = Math.min(this.#begins, record.time);
        if (record.time >= since && record.time < until && this.#wantsEvent(record)) this.#visit(record);
        return;
      default:
        this.#begins = Math.min(this.#begins, record.first);
        if (record.last < since || record.first >= until || !this.#wants(record.client)) return;
        if (this.#query.protocol === undefined || record.protocol === this.#query.protocol) this.#visit(record);
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
