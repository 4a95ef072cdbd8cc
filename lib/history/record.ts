/**
 * The records of the history, and their lines: one JSON array each. A line that a power cut tore is no complete array, so
 * it is told from a whole one without a checksum. What is read may have been written by anybody: it is checked.
 * @module
 */

/** Milliseconds of an hour: what is tallied is tallied by the hour (UTC). */
export const HOUR = 3_600_000;
/** Characters of the longest line that is written or read. */
export const LONGEST_LINE = 4096;
/** Characters of the longest text within a tallied record. */
const LONGEST_TEXT = 256;
/** The largest time, the year 9999. */
const LAST_TIME = 253_402_300_799_999;

/** Kinds of what is tallied. */
export type TalliedKind = "detected" | "refused" | "renewed";

/** What was seen of one client, peer, protocol and cause within one hour. Times are milliseconds since 1970. */
export interface Tallied {
  readonly kind: TalliedKind;
  readonly first: number;
  readonly last: number;
  readonly count: number;
  /** Bytes of the packets that were refused, as far as ftwall saw them. */
  readonly bytes: number;
  /** It only would have happened. */
  readonly dryRun: boolean;
  /** Address, a hash of it, or empty where the config keeps no clients. */
  readonly client: string;
  /** Address; "*" stands for the many beyond those that are kept apart. */
  readonly peer: string;
  /** Port of the peer when it was first seen, 0 where it has none. */
  readonly port: number;
  readonly transport: string;
  readonly protocol: string;
  /** Short name of the evidence, or the reason of a refusal. */
  readonly why: string;
  /** Certainty of the evidence; empty for refusals. */
  readonly certainty: string;
  /** What the config said to do; empty for refusals. */
  readonly action: string;
  /** What the evidence rests on; may be empty. */
  readonly because: string;
}

/** Counters of ftwall itself within one hour. */
export interface HourCounters {
  readonly kind: "counters";
  /** Begin of the hour. */
  readonly hour: number;
  readonly packets: number;
  readonly accepted: number;
  readonly refused: number;
  /** Packets that passed or were dropped unseen. */
  readonly missed: number;
  /** Verdicts by power of two of microseconds, as in `VerdictTimes`. */
  readonly times: readonly number[];
  /** Sum of all verdict times, and the longest, microseconds. */
  readonly sum: number;
  readonly max: number;
}

/** Who an address was at a time. */
export interface Named {
  readonly kind: "named";
  readonly time: number;
  readonly client: string;
  readonly mac: string;
  readonly name: string;
  readonly group: string;
}

/** Something that happened once. */
export interface Happened {
  readonly kind: "event";
  readonly time: number;
  readonly dryRun: boolean;
  /** The event as it was told; `event` is its name. */
  readonly event: { readonly event: string; readonly [field: string]: unknown };
}

/** Any record. */
export type HistoryRecord = Tallied | HourCounters | Named | Happened;

/** How each kind of line begins: the text before the first comma. */
const LETTERS = { detected: "d", refused: "r", renewed: "w", counters: "c", named: "n", event: "e" } as const;
const KINDS: ReadonlyMap<unknown, TalliedKind> = new Map<unknown, TalliedKind>([
  ["d", "detected"],
  ["r", "refused"],
  ["w", "renewed"],
]);

/** The line for a record, with its line feed; empty where it would be too long. */
export function writeRecord(record: HistoryRecord): string {
  const line = JSON.stringify(fieldsOf(record)) + "\n";
  return line.length > LONGEST_LINE ? "" : line;
}

function fieldsOf(r: HistoryRecord): unknown[] {
  const letter = LETTERS[r.kind];
  switch (r.kind) {
    case "counters": {
      const times = r.times.flatMap((count, bucket) => count === 0 ? [] : [bucket, count]);
      return [letter, r.hour, r.packets, r.accepted, r.refused, r.missed, times, Math.round(r.sum), r.max];
    }
    case "named":
      return [letter, r.time, short(r.client), short(r.mac), short(r.name), short(r.group)];
    case "event":
      return [letter, r.time, r.dryRun ? 1 : 0, r.event];
    default: {
      const texts = [r.client, r.peer, r.port, r.transport, r.protocol, r.why, r.certainty, r.action, r.because];
      while (texts.at(-1) === "") texts.pop();
      return [letter, r.first, r.last - r.first, r.count, r.bytes, r.dryRun ? 1 : 0, ...texts.map(short)];
    }
  }
}

function short<T extends string | number>(value: T): T | string {
  return typeof value === "string" && value.length > LONGEST_TEXT ? value.slice(0, LONGEST_TEXT) : value;
}

/** Reads a line without its line feed; null where it is no record of a kind that is known. Never throws. */
export function readRecord(line: string): HistoryRecord | null {
  if (line.length > LONGEST_LINE || !line.startsWith("[")) return null;
  try {
    return recordOf(JSON.parse(line));
  } catch {
    return null;
  }
}

/** The record that the array of a line stands for; null where it is none. */
function recordOf(fields: unknown): HistoryRecord | null {
  if (!Array.isArray(fields)) return null;
  const kind = KINDS.get(fields[0]);
  if (kind !== undefined) return tallied(kind, fields);
  switch (fields[0]) {
    case "c":
      return counters(fields);
    case "n":
      return named(fields);
    case "e":
      return happened(fields);
    default:
      return null;
  }
}

// Fields by index: destructuring an array goes through an iterator, and there are tens of thousands of lines.

function tallied(kind: TalliedKind, f: readonly unknown[]): Tallied | null {
  const first = f[1];
  const lasted = f[2];
  const count = f[3];
  const bytes = f[4];
  const port = f[8] ?? 0;
  if (!isTime(first) || !isTime(lasted) || !isCount(count) || !isCount(bytes) || !isCount(port)) return null;
  const client = f[6] ?? "";
  const peer = f[7] ?? "";
  const transport = f[9] ?? "";
  const protocol = f[10] ?? "";
  const why = f[11] ?? "";
  if (!isText(client) || !isText(peer) || !isText(transport) || !isText(protocol) || !isText(why)) return null;
  const certainty = f[12] ?? "";
  const action = f[13] ?? "";
  const because = f[14] ?? "";
  if (!isText(certainty) || !isText(action) || !isText(because)) return null;
  const last = Math.min(first + lasted, LAST_TIME);
  const dryRun = f[5] === 1;
  return {
    kind,
    first,
    last,
    count,
    bytes,
    dryRun,
    client,
    peer,
    port,
    transport,
    protocol,
    why,
    certainty,
    action,
    because,
  };
}

function counters(f: readonly unknown[]): HourCounters | null {
  const [hour, packets, accepted, refused, missed, pairs, sum, max] = f.slice(1);
  if (!isTime(hour) || !isCount(packets) || !isCount(accepted) || !isCount(refused) || !isCount(missed)) return null;
  if (!isCount(sum) || !isCount(max) || !Array.isArray(pairs) || pairs.length > 64) return null;
  const times: number[] = [];
  for (let i = 0; i + 1 < pairs.length; i += 2) {
    const bucket: unknown = pairs[i];
    const count: unknown = pairs[i + 1];
    if (!isCount(bucket) || bucket > 31 || !isCount(count)) return null;
    while (times.length <= bucket) times.push(0);
    times[bucket] = count;
  }
  return { kind: "counters", hour, packets, accepted, refused, missed, times, sum, max };
}

function named(f: readonly unknown[]): Named | null {
  const [time, client, mac, name, group] = f.slice(1);
  if (!isTime(time) || !isText(client) || !isText(mac) || !isText(name) || !isText(group)) return null;
  return { kind: "named", time, client, mac, name, group };
}

function happened(f: readonly unknown[]): Happened | null {
  const time = f[1];
  const event = f[3];
  if (!isTime(time) || typeof event !== "object" || event === null || Array.isArray(event)) return null;
  if (!("event" in event) || !isText(event.event)) return null;
  return { kind: "event", time, dryRun: f[2] === 1, event: event as Happened["event"] };
}

function isTime(value: unknown): value is number {
  return typeof value === "number" && value >= 0 && value <= LAST_TIME;
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && value >= 0 && value <= Number.MAX_SAFE_INTEGER;
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value.length <= LONGEST_TEXT;
}
