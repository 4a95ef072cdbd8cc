/**
 * The time-locks: which clients are refused, until when, and why.
 * @module
 */
import { AddressTable } from "./address_table.ts";
import { OwnTableMemory, type TableMemory } from "./table_memory.ts";

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
  /** How often it was renewed; {@link MOST_RENEWALS} stands for any more. */
  renewals: number;
  /** Who began it. */
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
  /** The end of the lock as the last event gave it. */
  announced: number;
  /** Probes sent since the lock was last renewed. */
  probes: number;
}

/** Renewals at which a lock stops counting: the word that holds them is signed. */
export const MOST_RENEWALS = 0x7fffffff;

const BY: readonly LockedBy[] = ["detector", "operator", "state-file"];
const OPERATOR = 1;

// Columns of the table.
const PROTOCOL = 0;
const RENEWALS = 1;
const WHOSE = 2;
const MAC_HIGH = 3;
const MAC_LOW = 4;
const PORT = 5;
const PROBES = 6;
const COLUMNS = 7;
// Times of a lock.
const SINCE = 0;
const LENGTH = 1;
const PROBE_AT = 2;
const ANNOUNCED = 3;
const TIMES = 4;
/** Words for the length and the text of a protocol's or evidence's name; all of ftwall's names are shorter. */
const NAME = 1 + 32;
/** Words for the length and the text of what an operator said. */
const REASON = 1 + 256;

/** Locks by client address. */
export class Locks {
  /** Keyed by client; the deadline is the lock's end. */
  readonly table: AddressTable;
  // Locks are few and rarely read, so each may have an object. Its values lie in arrays, which threads can share.
  readonly #locks: (LockRow | undefined)[] = [];
  readonly #times: Float64Array;
  readonly #names: Uint16Array;
  readonly #reasons: Uint16Array;
  #onEvict: (row: number) => void = () => {};

  /** Makes room for `capacity` locks. */
  constructor(capacity: number, seed: number, memory: TableMemory = new OwnTableMemory()) {
    this.table = new AddressTable(capacity, COLUMNS, seed, memory);
    this.#times = memory.float64(capacity * TIMES);
    this.#names = memory.uint16(capacity * 2 * NAME);
    this.#reasons = memory.uint16(capacity * REASON);
    // Any machine at home can have made-up clients locked: locks that were renewed, and operators' locks, are evicted last.
    this.table.rank = (row) => {
      const at = row * COLUMNS;
      return this.table.values[at + WHOSE] === OPERATOR ? 2 : this.table.values[at + RENEWALS]! > 0 ? 1 : 0;
    };
    this.table.onEvict = (row) => this.#onEvict(row);
  }

  /** Called with the row of a lock that is evicted because the table is full. */
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

  /** The lock at a row that is in use; what is written to it is stored. */
  at(row: number): Lock {
    if (!this.table.holds(row)) throw new RangeError(`Cannot read lock: row ${row} is free`);
    return this.#locks[row] ??= new LockRow(row, this.table.values, this.#times, this.#names, this.#reasons);
  }

  /** Adds or replaces a client's lock. Names longer than 32 and reasons longer than 256 characters are cut. */
  set(w0: number, w1: number, w2: number, w3: number, until: number, lock: Lock): number {
    const row = this.table.insert(w0, w1, w2, w3, 0, until);
    this.#locks[row] = undefined;
    Object.assign(this.at(row), lock);
    return row;
  }

  /** Ends a lock. */
  remove(row: number): void {
    this.table.remove(row);
  }
}

/** One lock, in the arrays. */
class LockRow implements Lock {
  readonly #row: number;
  readonly #values: Int32Array;
  readonly #times: Float64Array;
  readonly #names: Uint16Array;
  readonly #reasons: Uint16Array;

  constructor(row: number, values: Int32Array, times: Float64Array, names: Uint16Array, reasons: Uint16Array) {
    this.#row = row;
    this.#values = values;
    this.#times = times;
    this.#names = names;
    this.#reasons = reasons;
  }

  get protocol(): number {
    return this.#values[this.#row * COLUMNS + PROTOCOL]!;
  }
  set protocol(value: number) {
    this.#values[this.#row * COLUMNS + PROTOCOL] = value;
  }

  get renewals(): number {
    return this.#values[this.#row * COLUMNS + RENEWALS]!;
  }
  set renewals(value: number) {
    this.#values[this.#row * COLUMNS + RENEWALS] = Math.min(value, MOST_RENEWALS);
  }

  get by(): LockedBy {
    return BY[this.#values[this.#row * COLUMNS + WHOSE]!] ?? "detector";
  }
  set by(value: LockedBy) {
    this.#values[this.#row * COLUMNS + WHOSE] = BY.indexOf(value);
  }

  get macHigh(): number {
    return this.#values[this.#row * COLUMNS + MAC_HIGH]!;
  }
  set macHigh(value: number) {
    this.#values[this.#row * COLUMNS + MAC_HIGH] = value;
  }

  get macLow(): number {
    return this.#values[this.#row * COLUMNS + MAC_LOW]!;
  }
  set macLow(value: number) {
    this.#values[this.#row * COLUMNS + MAC_LOW] = value;
  }

  get port(): number {
    return this.#values[this.#row * COLUMNS + PORT]!;
  }
  set port(value: number) {
    this.#values[this.#row * COLUMNS + PORT] = value;
  }

  get probes(): number {
    return this.#values[this.#row * COLUMNS + PROBES]!;
  }
  set probes(value: number) {
    this.#values[this.#row * COLUMNS + PROBES] = value;
  }

  get since(): number {
    return this.#times[this.#row * TIMES + SINCE]!;
  }
  set since(value: number) {
    this.#times[this.#row * TIMES + SINCE] = value;
  }

  get length(): number {
    return this.#times[this.#row * TIMES + LENGTH]!;
  }
  set length(value: number) {
    this.#times[this.#row * TIMES + LENGTH] = value;
  }

  get probeAt(): number {
    return this.#times[this.#row * TIMES + PROBE_AT]!;
  }
  set probeAt(value: number) {
    this.#times[this.#row * TIMES + PROBE_AT] = value;
  }

  get announced(): number {
    return this.#times[this.#row * TIMES + ANNOUNCED]!;
  }
  set announced(value: number) {
    this.#times[this.#row * TIMES + ANNOUNCED] = value;
  }

  get protocolName(): string {
    return readText(this.#names, this.#row * 2 * NAME);
  }
  set protocolName(value: string) {
    writeText(this.#names, this.#row * 2 * NAME, NAME, value);
  }

  get evidence(): string {
    return readText(this.#names, (this.#row * 2 + 1) * NAME);
  }
  set evidence(value: string) {
    writeText(this.#names, (this.#row * 2 + 1) * NAME, NAME, value);
  }

  get reason(): string {
    return readText(this.#reasons, this.#row * REASON);
  }
  set reason(value: string) {
    writeText(this.#reasons, this.#row * REASON, REASON, value);
  }
}

/** Reads a text, which stands behind its length. */
function readText(units: Uint16Array, at: number): string {
  let text = "";
  for (let i = at + 1; i <= at + units[at]!; i++) text += String.fromCharCode(units[i]!);
  return text;
}

function writeText(units: Uint16Array, at: number, places: number, text: string): void {
  const length = Math.min(text.length, places - 1);
  // Only where it changes: pages that were never written take no memory.
  if (units[at] !== length) units[at] = length;
  for (let i = 0; i < length; i++) units[at + 1 + i] = text.charCodeAt(i);
}
