/**
 * The messages between the main thread and the workers. What is learned is not posted: it lies in the tables that all threads
 * share, see lib/state/table_lock.ts.
 * @module
 */
import type { EffectiveSettings, QueueSettings } from "../../ffi/netfilter_queue.ts";
import type { FrequentEvent, TrafficEvent } from "../learn/event.ts";
import type { Sending } from "../learn/outbox.ts";
import type { Config } from "../policy/config.ts";
import type { Capacity } from "../state/state.ts";
import type { Figures } from "./figures.ts";

/** What a policy is compiled from. */
export interface PolicyMessage {
  /** Number that says when it is in force, see `TableLock.policyVersion`. */
  readonly version: number;
  readonly config: Config;
  /** Prefixes that are home besides those of the config. */
  readonly lan: readonly string[];
}

/** The first message to a worker: what it works with. */
export interface StartMessage {
  readonly kind: "start";
  readonly numbers: readonly number[];
  readonly settings: QueueSettings;
  /** Sockets that have queues already, by number. */
  readonly taken: ReadonlyMap<number, number>;
  readonly dryRun: boolean;
  readonly policy: PolicyMessage;
  /** The frequent events that the log prints; the others only go into the history. */
  readonly printed: readonly FrequentEvent[];
  /** Sizes of the tables; those of flows and streams are the worker's own. */
  readonly capacity: Capacity;
  readonly seed: number;
  readonly blocks: readonly SharedArrayBuffer[];
  readonly tableLock: SharedArrayBuffer;
  /** The time that ticks of the engine's clock count from. */
  readonly origin: number;
  /** The machine's monotonic clock minus the main thread's `performance.now()`, milliseconds. */
  readonly epoch: number;
  /** Descriptor that wakes the main thread. */
  readonly bell: number;
  /** Milliseconds for which the verdicts of this thread may stand still; 0 = no watchdog. */
  readonly watchdog: number;
  /** Whether this thread may change its priority. */
  readonly steps: boolean;
  /** Where {@link WorkerNews} goes. */
  readonly port: MessagePort;
}

/** To a worker. */
export type ToWorker =
  | StartMessage
  /** Begin to judge packets. */
  | { readonly kind: "go" }
  /** Compile this; it comes into force when the shared version becomes its own. */
  | { readonly kind: "policy"; readonly policy: PolicyMessage }
  | { readonly kind: "printed"; readonly printed: readonly FrequentEvent[] }
  /** Answer with the counters. */
  | { readonly kind: "count" }
  /** Give every packet its verdict, then end; `leave` what waits in the queues to another process. */
  | { readonly kind: "stop"; readonly leave: boolean };

/** From a worker. */
export type FromWorker =
  /** It runs and waits for the start message. */
  | { readonly kind: "here" }
  /** Its queues are bound. */
  | {
    readonly kind: "opened";
    readonly effective: readonly EffectiveSettings[];
    /** Their sockets, by queue number. */
    readonly sockets: ReadonlyMap<number, number>;
  }
  | { readonly kind: "compiled"; readonly version: number }
  | { readonly kind: "counted"; readonly figures: Figures }
  /** For the log. */
  | { readonly kind: "fault"; readonly text: string }
  /** It has closed its queues: on request, or because of `error`. */
  | { readonly kind: "ended"; readonly figures: Figures | null; readonly error: WorkerError | null };

/** Why a worker ended. */
export interface WorkerError {
  readonly message: string;
  /** Exit code of the program, where the error has one. */
  readonly exitCode: number | null;
}

/** What happened on a worker since it last held the tables. */
export interface WorkerNews {
  /** Rises from message to message over all workers: gives their order. */
  readonly sequence: number;
  readonly events: readonly TrafficEvent[];
  readonly sendings: readonly Sending[];
}
