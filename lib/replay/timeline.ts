/**
 * A capture's times as one time that runs on: captures hold packets of broken clocks, clocks that were set, and whole files
 * in the wrong order. One packet from the year 2106 must neither end every lock nor stop time for all that follow it.
 * @module
 */

/** A leap further ahead than this many milliseconds is believed when the next packet says so too: 6 hours. */
const LEAP = 6 * 3_600_000;
/** What lies behind by no more than this is disorder among packets, not another time: a minute. */
const DISORDER = 60_000;
/** So many packets in a row must agree that it is earlier now: captures merged from two clocks change between them. */
const AGREEING = 32;
/** A believed leap counts for no more than this: whatever is remembered has ended by then but for locks of operators. */
const LONGEST = 2 * 24 * 3_600_000;

/** See the module's text. All times are milliseconds. */
export class Timeline {
  /** The time that runs on. */
  now: number;
  /** The capture's time that it stands for. */
  wall: number;
  #begun: boolean;
  #ahead = Number.NaN;
  #behind = 0;

  /** Goes on from where an earlier capture ended; 0 where there was none. */
  constructor(now: number, wall: number) {
    this.now = now;
    this.wall = wall;
    this.#begun = now > 0;
  }

  /** A packet was captured at `time`: sets {@link now} and {@link wall}. */
  take(time: number): void {
    if (!this.#begun) {
      this.#begun = true;
      this.now = this.wall = time;
      return;
    }
    const passed = time - this.wall;
    if (passed > LEAP) {
      const agrees = Math.abs(time - this.#ahead) <= LEAP;
      this.#ahead = time;
      if (agrees) this.#goOn(time, Math.min(passed, LONGEST));
      return;
    }
    this.#ahead = Number.NaN;
    if (passed >= 0) this.#goOn(time, passed);
    else if (passed >= -DISORDER) this.#behind = 0;
    else if (++this.#behind >= AGREEING) this.#goOn(time, 0);
  }

  #goOn(time: number, passed: number): void {
    this.wall = time;
    this.now += passed;
    this.#behind = 0;
  }
}
