/**
 * The time-locks: which clients are refused, until when, and why.
 * @module
 */
import { AddressTable } from "./address_table.ts";

/** Who began a lock. */
export type LockedBy = "detector" | "operator" | "state-file";

/** What is known of one lock. Times are milliseconds of the engine's time. */
export interface Lock {
  /** Number of the protocol, -1 for an operator's lock. */
  protocol: number;
  /** Name of the protocol, or "operator". */
  protocolName: string;
  /** Short name of the evidence that began it. */
  evidence: string;
  /** When it began, engine time. */
  since: number;
  /** Length of the time-lock in milliseconds. */
  length: number;
  /** How often it was renewed. */
  renewals: number;
  /** Whose doing it was. */
  by: LockedBy;
  /** What the operator said; empty where none. */
  reason: string;
  /** High 16 bits of the MAC; both 0 where it is not known. */
  macHigh: number;
  /** Low 32 bits of the MAC. */
  macLow: number;
  /** UDP port at which the client's program listens; 0 where unknown. */
  port: number;
  /** When the next probe is due. */
  probeAt: number;
  /** The end that was announced last, in an event. */
  announced: number;
  /** Probes sent since the lock was last renewed. */
  probes: number;
}

/** Locks by client address. Locks are few and rarely written, so each has an object; the question "locked?" meets none. */
export class Locks {
  /** Keyed by client; the deadline is the lock's end. */
  readonly table: AddressTable;
  readonly #locks: (Lock | undefined)[] = [];
  #onEvict: (row: number) => void = () => {};

  /** Makes room for `capacity` locks. */
  constructor(capacity: number, seed: number) {
    this.table = new AddressTable(capacity, 0, seed);
    // Anybody at home can send pings in many names: locks of clients that went on talking, and operators' locks, go last.
    this.table.rank = (row) => {
      const lock = this.#locks[row];
      return lock === undefined ? 0 : lock.by === "operator" ? 2 : lock.renewals > 0 ? 1 : 0;
    };
    this.table.onEvict = (row) => {
      this.#onEvict(row);
      this.#locks[row] = undefined;
    };
  }

  /** Asks to be told of a lock that is given up because the table is full. */
  set onEvict(tell: (row: number) => void) {
    this.#onEvict = tell;
  }

  /** Locks in force. */
  get count(): number {
    return this.table.count;
  }

  /** Row of the client's lock that is in force at `now`, or -1. */
  find(w0: number, w1: number, w2: number, w3: number, now: number): number {
    if (this.table.count === 0) return -1;
    const row = this.table.find(w0, w1, w2, w3, 0);
    return row >= 0 && this.table.deadline[row]! > now ? row : -1;
  }

  /** What is known of the lock at a row that is in use. */
  at(row: number): Lock {
    const lock = this.#locks[row];
    if (lock === undefined) throw new RangeError(`Cannot read lock: row ${row} is free`);
    return lock;
  }

  /** Adds or replaces a client's lock. */
  set(w0: number, w1: number, w2: number, w3: number, until: number, lock: Lock): number {
    const row = this.table.insert(w0, w1, w2, w3, 0, until);
    this.#locks[row] = lock;
    return row;
  }

  /** Ends a lock. */
  remove(row: number): void {
    this.table.remove(row);
    this.#locks[row] = undefined;
  }
}
