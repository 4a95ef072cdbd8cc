/**
 * What an engine is made of.
 * @module
 */
import type { Classifier } from "../protocol/classifier.ts";
import type { Policy } from "../policy/policy.ts";
import type { State } from "../state/state.ts";
import type { Emit, FrequentEvent } from "../learn/event.ts";
import type { TableLock } from "../state/table_lock.ts";

/** What an engine is made of. */
export interface EngineOptions {
  /** What to do about whom. */
  readonly policy: Policy;
  /** Everything remembered. */
  readonly state: State;
  /** Whom to ask, in this order. */
  readonly classifiers: readonly Classifier[];
  /** Where events go. */
  readonly emit: Emit;
  /** Asked before a frequent event is built: false leaves it out. Whoever answers true is given it next. */
  readonly admit?: (kind: FrequentEvent) => boolean;
  /** Replay of captures from anywhere: the private side, else the opener, is the client. */
  readonly homeAny?: boolean;
  /** Where other threads keep the same tables: when it is this one's turn. */
  readonly tableLock?: TableLock;
  /** False where another engine keeps these tables: lets what is over end, and takes back what a new policy does not want. */
  readonly ownsSharedTables?: boolean;
}
