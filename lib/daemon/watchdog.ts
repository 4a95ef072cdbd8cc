/**
 * Ends a daemon whose verdicts stand still, so that the kernel's bypass opens and the service manager starts it again.
 *
 * The kernel itself does it, by a deadline that each beat puts off: a process that is stopped, spins or waits for ever can
 * do nothing any more, and a second process to watch it would cost a router as much memory again. A beat puts the deadline
 * off if packets were answered since the last one, or none waits, or none waited then: that the event loop turns proves
 * nothing, but a packet may have come just now.
 * @module
 */

/** A deadline at which the process ends; `ffi/deadline.ts` has it. */
export interface EndOfProcess {
  /** Puts it so many milliseconds off; 0 lifts it. */
  putOff(milliseconds: number): void;
}

/** What the watchdog works with. */
export interface WatchdogParts {
  /** Milliseconds for which verdicts may stand still; 0 where there is no watchdog. */
  readonly limit: number;
  /** Null where the machine has none. */
  readonly deadline: EndOfProcess | null;
  /** Packets answered so far. */
  readonly answered: () => number;
  /** Packets that wait in the kernel for an answer. Asked only where none was answered. */
  readonly waiting: () => number;
  /** Told of each beat that found verdicts moving. */
  readonly moving: (now: number) => void;
}

/** Milliseconds between beats where all is well. */
const BEAT = 1000;
/** Beats for which a late one is remembered. */
const REMEMBERED = 60;
/** Times the limit that a busy machine may be granted. */
const MOST = 5;
/** First beats, which are granted that much: how late beats come on this machine is not known yet. */
const FIRST = 5;
/** Milliseconds for what is known to take long and to answer no packet: a stop. */
const PATIENCE = 60_000;

/** See the module's text. */
export class Watchdog {
  readonly #parts: WatchdogParts;
  #answered = -1;
  /** At the last beat packets waited, and none had been answered. */
  #still = false;
  #last = NaN;
  #late: number;
  #lateFor = FIRST;

  /** Not in force before the first {@link beat}. */
  constructor(parts: WatchdogParts) {
    this.#parts = parts;
    this.#late = MOST * parts.limit;
  }

  /** Call about once a second, between bursts of packets; `now` is monotonic milliseconds. */
  beat(now: number): void {
    const { limit, deadline, answered, waiting, moving } = this.#parts;
    const count = answered();
    const still = count === this.#answered && waiting() > 0;
    const stood = still && this.#still;
    this.#still = still;
    this.#note(now);
    if (stood) return;
    this.#answered = count;
    moving(now);
    // Where others have the core, beats come late though verdicts move: to end it then would only make that worse.
    if (limit > 0) deadline?.putOff(Math.min(MOST * limit, limit + 2 * this.#late));
  }

  /** Grants a stop its time. */
  grant(): void {
    if (this.#parts.limit > 0) this.#parts.deadline?.putOff(PATIENCE);
  }

  #note(now: number): void {
    const late = Number.isNaN(this.#last) ? 0 : Math.max(0, now - this.#last - BEAT);
    this.#last = now;
    if (late >= this.#late || --this.#lateFor <= 0) {
      this.#late = late;
      this.#lateFor = REMEMBERED;
    }
  }
}
