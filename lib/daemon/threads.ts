/**
 * How packets are spread over threads: the queues that each holds, and what all of them share.
 * @module
 */
import type { EffectiveSettings, QueueSettings } from "../../ffi/netfilter_queue.ts";
import type { FrequentEvent } from "../learn/event.ts";
import { TABLE_LOCK_BYTES, TableLock } from "../state/table_lock.ts";
import type { Config, QueueNumbers } from "../policy/config.ts";
import type { Reporter } from "../report/reporter.ts";
import { SharedTableMemory } from "../state/table_memory.ts";
import { type Capacity, capacityFor } from "../state/state.ts";

/** The least flows that a thread has room for. */
const LEAST_FLOWS = 1024;
/** The least streams that a thread has room for. */
const LEAST_STREAMS = 64;

/** What all threads share. */
export interface Shared {
  /** Queue numbers of each worker. */
  readonly shares: readonly (readonly number[])[];
  /** Sizes of the tables of each worker. */
  readonly capacities: readonly Capacity[];
  /** Makes the order of the tables unpredictable. */
  readonly seed: number;
  /** The memory of the tables. */
  readonly ground: SharedTableMemory;
  /** What {@link tableLock} is made of. */
  readonly memory: SharedArrayBuffer;
  /** The main thread's end of it. */
  readonly tableLock: TableLock;
}

/** Makes it for the workers of `shares`; there are `queues` altogether, and `bytes` of tables. */
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
 * How many threads judge the packets of so many queues, the main one included. One core is left to the kernel, which works on
 * each packet before it is queued: on two cores, two threads judge fewer packets than one.
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

/** Sizes of the tables for a thread with `own` of `all` queues: flows and streams are divided, the other tables are shared. */
export function capacityOf(memory: number, own: number, all: number): Capacity {
  const whole = capacityFor(memory);
  const part = (size: number, least: number) => own === all ? size : Math.max(least, Math.floor(size * own / all));
  return { ...whole, flows: part(whole.flows, LEAST_FLOWS), streams: part(whole.streams, LEAST_STREAMS) };
}

/** The settings that the config asks for, for each queue. */
export function queueSettings({ queue }: Config): QueueSettings {
  return {
    copyRange: queue.copy,
    length: queue.length,
    receiveBuffer: queue.buffer,
    failOpen: queue.fail === "open",
    gso: queue.gso,
  };
}

/** The frequent events that the log prints; the others only go into the history. */
export function printedBy(reporter: Reporter): FrequentEvent[] {
  const frequent: readonly FrequentEvent[] = ["detected", "weak", "refused"];
  return frequent.filter((kind) => reporter.prints(kind === "weak" ? "detected" : kind));
}

/** What the kernel granted to a queue, as fields of the log. */
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
