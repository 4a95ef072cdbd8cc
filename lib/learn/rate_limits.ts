/**
 * Limits how often something happens: events of one kind about one client.
 * @module
 */
import type { AddressTable } from "../state/address_table.ts";

// Kinds, as the key word of the table has them. Between two of them is room for what is added to the first.
/** `detected` events; eight times the protocol's number and the certainty are added. */
export const DETECTED_KIND = 0x10000;
/** `decoy-sent` events. */
export const DECOY_EVENT_KIND = 0x30000;
/** `port-mapped` events. */
export const MAPPED_KIND = 0x38000;
/** Seconds in which a client was above its budget, and, one further, the events that tell of it; by the MAC, where there is one. */
export const OVER_BUDGET_KIND = 0x3c000;
/** `refused` events; the number of the reason is added. */
export const REFUSED_KIND = 0x40000;
/** `refused` events of running flows that late evidence ended. */
export const ENDED_KIND = 0x48000;

/** Columns: allowed in this period; denied since the last one that was allowed, and the weight of these. */
const ALLOWED = 0;
const SUPPRESSED = 1;
const WEIGHT = 2;
const MOST_WEIGHT = 0x7fffffff;
/** Milliseconds that an entry outlives its period, so that the next event can say how many were suppressed. */
const KEEP = 600_000;

/** Counts by client and kind. */
export class RateLimits {
  /** After {@link allow} said yes: how many of this kind and client were denied since it last did. */
  suppressed = 0;
  /** Then also: the weights of these and of the one that is allowed together. */
  weight = 0;
  /** All that were denied. */
  total = 0;
  readonly #table: AddressTable;

  /** Keeps its counts in `table`, which has three columns. */
  constructor(table: AddressTable) {
    this.#table = table;
  }

  /** True for the first `burst` of a kind about this client in each `period` (milliseconds). What is denied adds to `weight`. */
  allow(
    w0: number,
    w1: number,
    w2: number,
    w3: number,
    kind: number,
    now: number,
    burst: number,
    period: number,
    weight: number = 0,
  ): boolean {
    const table = this.#table;
    let row = table.find(w0, w1, w2, w3, kind);
    if (row < 0) row = table.insert(w0, w1, w2, w3, kind, now + period + KEEP);
    const at = row * table.columns;
    if (table.deadline[row]! - KEEP <= now) {
      table.deadline[row] = now + period + KEEP;
      table.values[at + ALLOWED] = 0;
    }
    if (table.values[at + ALLOWED]! >= burst) {
      table.values[at + SUPPRESSED]!++;
      table.values[at + WEIGHT] = Math.min(MOST_WEIGHT, table.values[at + WEIGHT]! + weight);
      this.total++;
      return false;
    }
    table.values[at + ALLOWED]!++;
    this.suppressed = table.values[at + SUPPRESSED]!;
    this.weight = table.values[at + WEIGHT]! + weight;
    table.values[at + SUPPRESSED] = 0;
    table.values[at + WEIGHT] = 0;
    return true;
  }
}
