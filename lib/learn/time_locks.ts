/**
 * Time-locks: a client is refused while its program runs, and some minutes longer.
 * @module
 */
import { formatAddress, formatMac } from "../net/address.ts";
import type { LockedBy } from "../state/locks.ts";
import type { State } from "../state/state.ts";
import type { Clock } from "./clock.ts";
import type { By, Emit, LockEvent } from "./event.ts";

/** See the module's text. */
export class TimeLocks {
  readonly #state: State;
  readonly #clock: Clock;
  readonly #emit: Emit;
  readonly #changed: () => void;

  /** Locks in `state`; calls `changed` after every lock and release. */
  constructor(state: State, clock: Clock, emit: Emit, changed: () => void) {
    this.#state = state;
    this.#clock = clock;
    this.#emit = emit;
    this.#changed = changed;
    state.locks.onEvict = (row) => this.#released(row);
  }

  /** Lets `read` fill the table of locks. Locks that find no room cause no event, as none said that they began. */
  fill<T>(read: () => T): T {
    const { locks } = this.#state;
    locks.onEvict = () => {};
    try {
      return read();
    } finally {
      locks.onEvict = (row) => this.#released(row);
    }
  }

  /** Begins or renews a client's time-lock of `length` milliseconds. `name` is the protocol's. */
  lock(
    c0: number,
    c1: number,
    c2: number,
    c3: number,
    protocol: number,
    name: string,
    evidence: string,
    length: number,
    port: number,
    by: LockedBy,
    reason: string,
  ): void {
    const { locks } = this.#state;
    const now = this.#clock.now;
    const known = locks.find(c0, c1, c2, c3, now);
    if (known >= 0) {
      const lock = locks.at(known);
      const left = locks.table.deadline[known]! - now;
      if (port !== 0 && protocol === lock.protocol) lock.port = port;
      if (length <= left && by !== "operator") return;
      locks.table.deadline[known] = now + length;
      lock.probes = 0;
      lock.probeAt = now + length / 2;
      lock.length = length;
      // One event for each half of the lock's length: a program that keeps sending renews its lock with every packet.
      if (lock.announced - now > length / 2 && by === "detector") return;
      lock.announced = now + length;
      lock.renewals++;
      if (by === "operator") {
        lock.by = by;
        lock.reason = reason;
      }
      this.#lockEvent("renewed", known);
      return;
    }
    const expired = locks.table.find(c0, c1, c2, c3, 0);
    if (expired >= 0) this.release(expired);
    const [macHigh, macLow] = this.#state.macOf(c0, c1, c2, c3);
    const row = locks.set(c0, c1, c2, c3, now + length, {
      protocol,
      protocolName: name,
      evidence,
      since: now,
      length,
      renewals: 0,
      by,
      reason,
      macHigh,
      macLow,
      port,
      probeAt: now + length / 2,
      probes: 0,
      announced: now + length,
    });
    this.#changed();
    this.#lockEvent("locked", row);
  }

  /** Ends the lock at a row; `by` says who did, by default whoever began it. */
  release(row: number, by?: By): void {
    this.#released(row, by);
    this.#state.locks.remove(row);
    this.#changed();
  }

  /** Events for the locks that a state file restored: for all in force, as there are no others yet. */
  restored(): LockEvent[] {
    return this.inForce().map((lock) => ({ ...lock, by: "state-file" }));
  }

  /** Events for all locks in force, for a reader that knows only events; nothing is emitted. */
  inForce(): LockEvent[] {
    const { table } = this.#state.locks;
    const rows: number[] = [];
    table.each((row) => {
      if (table.deadline[row]! > this.#clock.now) rows.push(row);
    });
    return rows.map((row) => this.#event("locked", row));
  }

  #lockEvent(event: "locked" | "renewed", row: number): void {
    this.#emit(this.#event(event, row));
  }

  #event(event: "locked" | "renewed", row: number): LockEvent {
    const { table } = this.#state.locks;
    const lock = this.#state.locks.at(row);
    return {
      event,
      client: formatAddress(table.key(row, 0), table.key(row, 1), table.key(row, 2), table.key(row, 3)),
      protocol: lock.protocolName,
      evidence: lock.evidence,
      until: this.#clock.text(table.deadline[row]!),
      by: lock.by,
      ...(lock.reason === "" ? {} : { reason: lock.reason }),
      ...((lock.macHigh | lock.macLow) === 0 ? {} : { mac: formatMac(lock.macHigh, lock.macLow) }),
    };
  }

  #released(row: number, by?: By): void {
    const { table } = this.#state.locks;
    const lock = this.#state.locks.at(row);
    this.#emit({
      event: "released",
      client: formatAddress(table.key(row, 0), table.key(row, 1), table.key(row, 2), table.key(row, 3)),
      protocol: lock.protocolName,
      evidence: lock.evidence,
      held_seconds: Math.round((this.#clock.now - lock.since) / 1000),
      by: by ?? lock.by,
    });
  }
}
