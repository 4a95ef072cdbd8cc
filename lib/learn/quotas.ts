/**
 * What one machine at home may cause: clients locked, peers learned, decoys sent, port mappings noted. A machine is known
 * by its hardware address, as it can send in the name of every client, else by its address.
 *
 * The counts lie in a table of their own, which no flood can push out: where it is full of counts that still hold, all
 * further machines share one.
 * @module
 */
import type { AddressTable } from "../state/address_table.ts";
import type { State } from "../state/state.ts";
import type { FlowEnds } from "./flow_ends.ts";

/** Kinds of quotas, the key word of the table. */
const LOCKS = 1;
const PEERS = 2;
const DECOYS = 3;
const ALL_DECOYS = 4;
const MAPPINGS = 5;
const PROBES = 6;
const ALL_PROBES = 7;
/** How many kinds there are. */
const KINDS = 7;

/**
 * Clients that may be locked behind one hardware address in a minute, or in the length of a lock where that is longer. It may
 * be a router's, with many clients behind it.
 */
const MOST_LOCKS = 256;
const MINUTE = 60_000;
/**
 * Peers that one machine's traffic may put on the block list in an hour: a program's own list holds some hundreds. It could
 * ping every address there is; peers beyond the limit are refused all the same, but not remembered.
 */
const MOST_PEERS = 4096;
const HOUR = 3_600_000;
/** Port mappings of one machine that are noted in an hour. */
const MOST_MAPPINGS = 256;
/** Times that one client is asked in a minute, whatever the port, and all together in a second. */
const MOST_PROBES = 30;
const MOST_PROBES_OF_ALL = 20;
/** Decoys for all machines together in a second. */
const MOST_DECOYS = 1000;
const SECOND = 1000;
/** Rows that are looked at for room where the table is full. */
const LOOKED_AT = 16;

/** See the module's text. */
export class Quotas {
  /** Packets with which a machine went beyond a quota. */
  exceeded = 0;
  readonly #state: State;
  readonly #table: AddressTable;

  /** Counts in `state`. */
  constructor(state: State) {
    this.#state = state;
    this.#table = state.quotas;
  }

  /** Whether the client of this flow may become locked for `length` milliseconds. One that is locked may always be so longer. */
  mayLock(ends: FlowEnds, length: number, now: number): boolean {
    if (this.#state.locks.find(ends.c0, ends.c1, ends.c2, ends.c3, now) >= 0) return true;
    return this.#mayBy(ends, LOCKS, MOST_LOCKS, Math.max(MINUTE, length), now);
  }

  /** Whether this client's traffic may put a further peer on the block list. */
  mayTeach(ends: FlowEnds, now: number): boolean {
    return this.#mayBy(ends, PEERS, MOST_PEERS, HOUR, now);
  }

  /** Whether a further port mapping of this client is noted. */
  mayMap(ends: FlowEnds, now: number): boolean {
    return this.#mayBy(ends, MAPPINGS, MOST_MAPPINGS, HOUR, now);
  }

  /** Whether this client may be asked what speaks at a port of it. */
  mayProbe(c0: number, c1: number, c2: number, c3: number, now: number): boolean {
    return this.#may(c0, c1, c2, c3, PROBES, MOST_PROBES, MINUTE, now) &&
      this.#may(0, 0, 0, 0, ALL_PROBES, MOST_PROBES_OF_ALL, SECOND, now);
  }

  /** Whether this client may get a decoy; `most` of them in a second. */
  mayDecoy(ends: FlowEnds, most: number, now: number): boolean {
    return this.#mayBy(ends, DECOYS, most, SECOND, now) && this.#may(0, 0, 0, 0, ALL_DECOYS, MOST_DECOYS, SECOND, now);
  }

  #mayBy(ends: FlowEnds, kind: number, most: number, period: number, now: number): boolean {
    if ((ends.macHigh | ends.macLow) !== 0) return this.#may(0, 0, ends.macHigh, ends.macLow, kind, most, period, now);
    const { neighbours } = this.#state;
    const row = neighbours.find(ends.c0, ends.c1, ends.c2, ends.c3, 0);
    if (row < 0) return this.#may(ends.c0, ends.c1, ends.c2, ends.c3, kind, most, period, now);
    return this.#may(0, 0, neighbours.values[row * 2]!, neighbours.values[row * 2 + 1]!, kind, most, period, now);
  }

  #may(
    w0: number,
    w1: number,
    w2: number,
    w3: number,
    kind: number,
    most: number,
    period: number,
    now: number,
  ): boolean {
    const table = this.#table;
    let row = table.find(w0, w1, w2, w3, kind);
    if (row < 0) {
      // Room is left for the counts that further machines share.
      if (table.count >= table.capacity - KINDS && table.sweep(now, LOOKED_AT) > 0) {
        if (table.count >= table.capacity - KINDS) {
          w0 =
            w1 =
            w2 =
            w3 =
              0;
        }
      }
      row = table.find(w0, w1, w2, w3, kind);
      if (row < 0) row = table.insert(w0, w1, w2, w3, kind, now + period);
    }
    if (table.deadline[row]! <= now) {
      table.deadline[row] = now + period;
      table.values[row] = 0;
    }
    if (table.values[row]! >= most) {
      this.exceeded++;
      return false;
    }
    table.values[row]!++;
    return true;
  }
}
