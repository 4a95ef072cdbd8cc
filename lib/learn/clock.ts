/**
 * The engine's time: what the source says, never what the machine's clock says.
 * @module
 */

/** Time shared by the parts of the engine. */
export class Clock {
  /** Milliseconds of the source's time: monotonic live, the capture's own in replay. */
  now = 0;
  /** Wall-clock time minus `now`, milliseconds. */
  wallOffset = 0;
  #origin = Number.NaN;

  /** Sets the time of the packet at hand. Time never runs backwards: captures with jumps are played at their latest time. */
  set(now: number): void {
    if (now > this.now) this.now = now;
  }

  /** When ticks begin, milliseconds of the source's time: an hour before the first packet. */
  get origin(): number {
    if (Number.isNaN(this.#origin)) this.#origin = this.now - 3_600_000;
    return this.#origin;
  }

  set origin(at: number) {
    this.#origin = at;
  }

  /** Eighths of a second since {@link origin}, as a small integer (8 years). */
  get tick(): number {
    // Stands still at its end, rather than run into the negative.
    return Math.min((this.now - this.origin) * 0.008, 0x7fffffff) | 0;
  }

  /** RFC 3339 text, UTC, of a moment of the engine's time. */
  text(at: number): string {
    const ms = at + this.wallOffset;
    return ms > -8.64e15 && ms < 8.64e15 ? new Date(ms).toISOString() : "9999-12-31T23:59:59.999Z";
  }
}
