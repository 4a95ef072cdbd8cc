/**
 * How the daemon's work is spread over threads: which queues each holds, and what all of them share.
 * @module
 */
import type { EffectiveSettings, QueueSettings } from "../../ffi/netfilter_queue.ts";
import type { FrequentEvent } from "../learn/event.ts";
import { TABLE_LOCK_BYTES, TableLock } from "../state/table_lock.ts";
import type { Config, QueueNumbers } from "../policy/config.ts";
import type { Reporter } from "../report/reporter.ts";
import { SharedTableMemory } from "../state/table_memory.ts";
import { type Capacity, capacityFor } from "../state/state.ts";

/** Fewest flows, and streams, of a thread. */
const LEAST_FLOWS = 1024;
const LEAST_STREAMS = 64;

/** What threads meet by. */
export interface Shared {
  /** Queues of each thread but the main one. */
  readonly shares: readonly (readonly number[])[];
  /** Sizes of the tables of each. */
  readonly capacities: readonly Capacity[];
  /** What the order of the tables is made unpredictable with. */
  readonly seed: number;
  /** Where the tables lie. */
  readonly ground: SharedTableMemory;
  /** What {@link tableLock} is made of. */
  readonly memory: SharedArrayBuffer;
  /** The main thread's hold of the turn. */
  readonly tableLock: TableLock;
}

/** Makes what threads meet by: the main one and those of `shares`, for `queues` altogether and tables of so many bytes. */
export function shareTables(
  shares: readonly (readonly number[])[],
  queues: number,
  bytes: number,
  seed: number,
): Shared {
  const memory = new SharedArrayBuffer(TABLE_LOCK_BYTES);
  const capacities = shares.map(({ length }) => capacityOf(bytes, length, queues));
  return { shares, capacities, seed, ground: new SharedTableMemory(), memory, tableLock: new TableLock(memory) };
}

/**
 * How many threads judge packets of so many queues, the main one included. One core is left to what the kernel does before a
 * packet is queued: where there is none, two threads do less than one.
 */
export function threadsFor(wanted: "auto" | number, queues: number, cores: number): number {
  return Math.max(1, Math.min(queues, wanted === "auto" ? cores - 1 : wanted));
}

/** Queues of each thread, the main one's first. */
export function sharesOf({ first, last }: QueueNumbers, wanted: "auto" | number): number[][] {
  const numbers = Array.from({ length: last - first + 1 }, (_, i) => first + i);
  const threads = threadsFor(wanted, numbers.length, navigator.hardwareConcurrency);
  return Array.from({ length: threads }, (_, thread) => numbers.filter((_, i) => i % threads === thread));
}

/** Sizes of the tables for a thread that holds `own` of `all` queues: flows are divided, the rest is there once. */
export function capacityOf(memory: number, own: number, all: number): Capacity {
  const whole = capacityFor(memory);
  const part = (size: number, least: number) => own === all ? size : Math.max(least, Math.floor(size * own / all));
  return { ...whole, flows: part(whole.flows, LEAST_FLOWS), streams: part(whole.streams, LEAST_STREAMS) };
}

/** The config's wishes for each queue. */
export function queueSettings({ queue }: Config): QueueSettings {
  return {
    copyRange: queue.copy,
    length: queue.length,
    receiveBuffer: queue.buffer,
    failOpen: queue.fail === "open",
    gso: queue.gso,
  };
}

/** Frequent events that the log prints; others are for the history alone. */
export function printedBy(reporter: Reporter): FrequentEvent[] {
  const frequent: readonly FrequentEvent[] = ["detected", "weak", "refused"];
  return frequent.filter((kind) => reporter.prints(kind === "weak" ? "detected" : kind));
}

/** What the kernel granted to a queue, as the log has it. */
export function effectiveFields(effective: EffectiveSettings): Record<string, unknown> {
  return {
    queue: effective.queue,
    fail_open: effective.failOpen,
    gso: effective.gso,
    copy_range: effective.copyRange,
    length: effective.length,
    receive_buffer: effective.receiveBuffer,
  };
}
