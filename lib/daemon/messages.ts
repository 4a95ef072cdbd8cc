/**
 * What the main thread and those beside it post to each other. What is learned goes through shared tables instead; see
 * lib/state/table_lock.ts.
 * @module
 */
import type { EffectiveSettings, QueueSettings } from "../../ffi/netfilter_queue.ts";
import type { FrequentEvent, TrafficEvent } from "../learn/event.ts";
import type { Sending } from "../learn/outbox.ts";
import type { Config } from "../policy/config.ts";
import type { Capacity } from "../state/state.ts";
import type { Figures } from "./figures.ts";

/** A policy, as what it is compiled from. */
export interface PolicyMail {
  /** Number that says when it is in force, see `TableLock.policyVersion`. */
  readonly version: number;
  readonly config: Config;
  /** Prefixes that are home beside those of the config. */
  readonly lan: readonly string[];
}

/** What a thread is made from. */
export interface StartMail {
  readonly kind: "start";
  readonly numbers: readonly number[];
  readonly settings: QueueSettings;
  readonly dryRun: boolean;
  readonly policy: PolicyMail;
  /** Frequent events that the log prints; others are for the history alone. */
  readonly printed: readonly FrequentEvent[];
  /** Sizes of the tables; flows and streams are this thread's own. */
  readonly capacity: Capacity;
  readonly seed: number;
  readonly blocks: readonly SharedArrayBuffer[];
  readonly tableLock: SharedArrayBuffer;
  /** When ticks of the engine's time begin. */
  readonly origin: number;
  /** The machine's monotonic clock minus the main thread's `performance.now()`, milliseconds. */
  readonly epoch: number;
  /** Descriptor that wakes the main thread. */
  readonly bell: number;
  /** Where {@link Told} goes. */
  readonly port: MessagePort;
}

/** To a thread. */
export type ToWorker =
  | StartMail
  /** Judge. */
  | { readonly kind: "go" }
  /** Compile this; it comes into force with its number. */
  | { readonly kind: "policy"; readonly policy: PolicyMail }
  | { readonly kind: "printed"; readonly printed: readonly FrequentEvent[] }
  /** Say what was counted. */
  | { readonly kind: "count" }
  /** Give every packet its verdict and end. */
  | { readonly kind: "stop" };

/** From a thread. */
export type FromWorker =
  /** Started, waits for the start mail. */
  | { readonly kind: "here" }
  /** Its queues are bound. */
  | { readonly kind: "opened"; readonly effective: readonly EffectiveSettings[] }
  | { readonly kind: "compiled"; readonly version: number }
  | { readonly kind: "counted"; readonly figures: Figures }
  /** For the log. */
  | { readonly kind: "fault"; readonly text: string }
  /** It has closed its queues: because it was told to, or because of `error`. */
  | { readonly kind: "ended"; readonly figures: Figures | null; readonly error: WorkerError | null };

/** Why a thread ended. */
export interface WorkerError {
  readonly message: string;
  /** Exit code of the program, where the error was foreseen. */
  readonly exitCode: number | null;
}

/** What happened on a thread in one of its turns. */
export interface Told {
  /** Puts what all threads tell in order. */
  readonly sequence: number;
  readonly events: readonly TrafficEvent[];
  readonly sendings: readonly Sending[];
}
