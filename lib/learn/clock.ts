/**
 * The engine's time, which comes from the source of the packets and never from the machine's clock.
 * @module
 */

import { TICK_MS } from "../state/flow_table.ts";

/** Milliseconds before the first packet at which ticks begin. */
const BEFORE = 3_600_000;
/** A multiplication is cheaper than a division, for each packet. */
const TICKS_PER_MS = 1 / TICK_MS;

/** Ticks that a time of so many milliseconds lasts, with fractions. */
export function ticksOf(ms: number): number {
  return ms / TICK_MS;
}

/** Time shared by the parts of the engine. */
export class Clock {
  /** Milliseconds of the source's time: monotonic live, the capture's own in replay. */
  now = 0;
  /** Wall-clock time minus `now`, milliseconds. */
  wallOffset = 0;
  #origin = Number.NaN;

  /** Sets the time of the packet at hand. An earlier time than before is ignored: time never runs backwards. */
  set(now: number): void {
    if (now > this.now) this.now = now;
  }

  /** When ticks begin, in milliseconds of the source's time: an hour before the first packet. */
  get origin(): number {
    if (Number.isNaN(this.#origin)) this.#origin = this.now - BEFORE;
    return this.#origin;
  }

  set origin(at: number) {
    this.#origin = at;
  }

  /** Ticks since {@link origin}. */
  get tick(): number {
    // After eight years it stands still rather than turn negative.
    return Math.min((this.now - this.origin) * TICKS_PER_MS, 0x7fffffff) | 0;
  }

  /** A moment of the engine's time as RFC 3339 text, UTC. */
  text(at: number): string {
    const ms = at + this.wallOffset;
    return ms > -8.64e15 && ms < 8.64e15 ? new Date(ms).toISOString() : "9999-12-31T23:59:59.999Z";
  }
}
