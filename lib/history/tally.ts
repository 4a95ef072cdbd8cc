/**
 * What many events come to within an hour: one entry for each client, peer, protocol and cause, so that a flood of refusals
 * is a few lines. Bounded: beyond so many, entries are kept without the peer, then without the client.
 * @module
 */
import { HOUR, type HourCounters, type Tallied, writeRecord } from "./record.ts";

/** Peers of one client, protocol and kind that are kept apart in an hour. */
const PEERS = 4;
/** Entries of an hour, beyond which peers are no longer kept apart … */
const NAMED = 1024;
/** … and beyond which clients are not either. A file is to be ended when it has so many. */
export const MOST = 1536;

/** Entries that one call of {@link Tally.drain} writes. */
const BATCH = 256;

/** Stands for those that are not kept apart. */
export const MANY = "*";

/** What is added to an entry. */
export type Addition = Omit<Tallied, "first" | "last"> & { readonly time: number };

/** Counters since the start of ftwall, as they stand. */
export type Standing = Omit<HourCounters, "kind" | "hour">;

interface Entry {
  readonly said: Addition;
  readonly first: number;
  last: number;
  count: number;
  bytes: number;
  /** What of it is in lines already, and the first that is not. */
  writtenCount: number;
  writtenBytes: number;
  unwrittenSince: number;
}

interface CounterEntry {
  readonly hour: number;
  now: Standing;
  written: Standing;
}

const NOTHING: Standing = { packets: 0, accepted: 0, refused: 0, missed: 0, times: [], sum: 0, max: 0 };

/** See the module's text. */
export class Tally {
  #entries = new Map<string, Entry>();
  #counters = new Map<number, CounterEntry>();
  readonly #changed = new Set<Entry>();
  readonly #changedCounters = new Set<CounterEntry>();
  #hour = -1;
  #kept = 0;
  readonly #peers = new Map<string, number>();
  #standing: Standing = NOTHING;

  /** Adds what an event says; false where there is no room, as nothing could be written for long. */
  add(one: Addition): boolean {
    const hour = Math.floor(one.time / HOUR);
    if (hour !== this.#hour) {
      this.#hour = hour;
      this.#kept = 0;
      this.#peers.clear();
    }
    let said = one;
    let key = keyOf(said, hour);
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      said = this.#narrowed(one);
      if (said !== one) {
        key = keyOf(said, hour);
        entry = this.#entries.get(key);
      }
    }
    if (entry === undefined) {
      if (this.#entries.size >= 2 * MOST) return false;
      entry = {
        said,
        ...{ first: one.time, last: one.time, count: 0, bytes: 0, writtenCount: 0, writtenBytes: 0 },
        ...{ unwrittenSince: one.time },
      };
      this.#entries.set(key, entry);
      this.#kept++;
    }
    if (!this.#changed.has(entry)) {
      entry.unwrittenSince = one.time;
      this.#changed.add(entry);
    }
    entry.count += one.count;
    entry.bytes += one.bytes;
    if (one.time > entry.last) entry.last = one.time;
    return true;
  }

  /** What is kept of `one`, for which there is no entry yet. */
  #narrowed(one: Addition): Addition {
    if (this.#kept >= MOST) return { ...one, client: MANY, peer: MANY, port: 0, because: "" };
    if (this.#kept >= NAMED) return { ...one, peer: MANY, port: 0, because: "" };
    const group = `${one.kind}\t${one.client}\t${one.protocol}`;
    const peers = this.#peers.get(group) ?? 0;
    if (peers >= PEERS) return { ...one, peer: MANY, port: 0 };
    this.#peers.set(group, peers + 1);
    return one;
  }

  /** Takes the counters as they stand at `time`; what they grew by belongs to the hour of `time`. */
  count(standing: Standing, time: number): void {
    const before = this.#standing;
    this.#standing = standing;
    const grown = grownBy(standing, before);
    if (grown.packets === 0 && grown.missed === 0) return;
    const hour = Math.floor(time / HOUR);
    let entry = this.#counters.get(hour);
    if (entry === undefined) {
      this.#counters.set(hour, entry = { hour, now: NOTHING, written: NOTHING });
    }
    entry.now = more(entry.now, grown);
    this.#changedCounters.add(entry);
  }

  /** Lines for what came since the last call, of at most {@link BATCH} entries; together with earlier ones they add up. */
  drain(): string {
    let text = "";
    let left = BATCH;
    for (const entry of this.#changed) {
      if (left-- === 0) return text;
      text += lineOf(entry, entry.unwrittenSince, entry.count - entry.writtenCount, entry.bytes - entry.writtenBytes);
      entry.writtenCount = entry.count;
      entry.writtenBytes = entry.bytes;
      this.#changed.delete(entry);
    }
    for (const entry of this.#changedCounters) {
      text += counterLine(entry.hour, less(entry.now, entry.written));
      entry.written = entry.now;
    }
    this.#changedCounters.clear();
    return text;
  }

  /** Lines that say all that was drained, in as few as can be. Nothing may be drained meanwhile. */
  *fold(): Generator<string, void> {
    for (const entry of this.#entries.values()) {
      if (entry.writtenCount > 0) yield lineOf(entry, entry.first, entry.writtenCount, entry.writtenBytes);
    }
    for (const entry of this.#counters.values()) {
      if (entry.written !== NOTHING) yield counterLine(entry.hour, entry.written);
    }
  }

  /** Whether there is something to drain. */
  get waiting(): boolean {
    return this.#changed.size > 0 || this.#changedCounters.size > 0;
  }

  /** Entries that are held. */
  get size(): number {
    return this.#entries.size;
  }

  /** Forgets the entries that are drained, as another file begins. */
  clear(): void {
    for (const [key, entry] of this.#entries) if (!this.#changed.has(entry)) this.#entries.delete(key);
    for (const [hour, entry] of this.#counters) if (!this.#changedCounters.has(entry)) this.#counters.delete(hour);
    // What stays is in the old file up to here.
    for (const entry of this.#entries.values()) {
      entry.count -= entry.writtenCount;
      entry.bytes -= entry.writtenBytes;
      entry.writtenCount = entry.writtenBytes = 0;
    }
    for (const entry of this.#counters.values()) {
      entry.now = less(entry.now, entry.written);
      entry.written = NOTHING;
    }
  }
}

function keyOf(one: Addition, hour: number): string {
  return `${one.kind}\t${hour}\t${one.client}\t${one.peer}\t${one.protocol}\t${one.why}\t${one.action}\t${one.dryRun}`;
}

function lineOf(entry: Entry, first: number, count: number, bytes: number): string {
  const { time: _, ...said } = entry.said;
  return writeRecord({ ...said, first, last: entry.last, count, bytes });
}

function counterLine(hour: number, standing: Standing): string {
  return writeRecord({ kind: "counters", hour: hour * HOUR, ...standing });
}

function more(a: Standing, b: Standing): Standing {
  return {
    packets: a.packets + b.packets,
    accepted: a.accepted + b.accepted,
    refused: a.refused + b.refused,
    missed: a.missed + b.missed,
    times: Array.from(
      { length: Math.max(a.times.length, b.times.length) },
      (_, i) => (a.times[i] ?? 0) + (b.times[i] ?? 0),
    ),
    sum: a.sum + b.sum,
    max: Math.max(a.max, b.max),
  };
}

/** What was counted between two looks; its longest time is no longer than its highest bucket and the longest ever. */
function grownBy(after: Standing, before: Standing): Standing {
  const grown = less(after, before);
  const highest = grown.times.findLastIndex((count) => count > 0);
  const max = after.max > before.max ? after.max : highest < 0 ? 0 : Math.min(after.max, 2 ** highest);
  return { ...grown, max };
}

/** What `a` is above `b`; never below 0. The longest time is that of `a`. */
function less(a: Standing, b: Standing): Standing {
  const above = (x: number, y: number) => Math.max(0, x - y);
  return {
    packets: above(a.packets, b.packets),
    accepted: above(a.accepted, b.accepted),
    refused: above(a.refused, b.refused),
    missed: above(a.missed, b.missed),
    times: a.times.map((count, i) => above(count, b.times[i] ?? 0)),
    sum: above(a.sum, b.sum),
    max: a.max,
  };
}
