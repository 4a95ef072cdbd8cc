/**
 * Limits how often something happens: events of one kind about one client, and what one machine at home may have learned.
 * @module
 */
import type { AddressTable } from "../state/address_table.ts";
import type { State } from "../state/state.ts";
import type { FlowEnds } from "./flow_ends.ts";

// Kinds, as the key word of the table has them. Between two of them is room for what is added to the first.
/** `detected` events; eight times the protocol's number and the certainty are added. */
export const DETECTED_KIND = 0x10000;
/** Decoys sent. */
export const DECOY_KIND = 0x30000;
/** `decoy-sent` events. */
export const DECOY_EVENT_KIND = 0x30001;
/** `refused` events; the number of the reason is added. */
export const REFUSED_KIND = 0x40000;
/** `refused` events of running flows that late evidence ended. */
export const ENDED_KIND = 0x48000;
/** Peers learned from one client's traffic. */
const PEERS_KIND = 0x50000;
/** Clients locked behind one hardware address. */
const LOCKS_KIND = 0x50001;

/** Columns: allowed in this period; denied since the last one that was allowed, and the weight of these. */
const ALLOWED = 0;
const SUPPRESSED = 1;
const WEIGHT = 2;
const MOST_WEIGHT = 0x7fffffff;
/** Milliseconds that an entry outlives its period, so that the next event can say how many were suppressed. */
const KEEP = 600_000;

/**
 * Peers that one client's traffic may put on the block list in an hour: a program's own list holds some hundreds. The
 * client could ping every address there is; peers beyond the limit are refused all the same, but not remembered.
 */
const MOST_PEERS = 4096;
const HOUR = 3_600_000;
/**
 * Clients that may be locked behind one hardware address in a minute. It may be a router's, with many clients behind it;
 * but one machine could also send in the name of every client.
 */
const MOST_LOCKS = 256;
const MINUTE = 60_000;

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

/** True where this client's traffic may still put a peer on the block list. */
export function mayTeach(rateLimits: RateLimits, ends: FlowEnds, now: number): boolean {
  return rateLimits.allow(ends.c0, ends.c1, ends.c2, ends.c3, PEERS_KIND, now, MOST_PEERS, HOUR);
}

/** True where a client is locked or may become so; always where its hardware address is not known. */
export function mayBeLocked(rateLimits: RateLimits, state: State, ends: FlowEnds, now: number): boolean {
  const { locks, neighbours } = state;
  if (locks.find(ends.c0, ends.c1, ends.c2, ends.c3, now) >= 0) return true;
  const row = neighbours.find(ends.c0, ends.c1, ends.c2, ends.c3, 0);
  if (row < 0) return true;
  const high = neighbours.values[row * 2]!;
  const low = neighbours.values[row * 2 + 1]!;
  return rateLimits.allow(0, 0, high, low, LOCKS_KIND, now, MOST_LOCKS, MINUTE);
}
