/**
 * When it pays to let other programs have the core before each look for packets, and to look again before sleeping.
 *
 * Giving way lets those who send and receive on the same core go on first: the next burst is larger, and what receiving,
 * sending verdicts and being woken cost is spread over more packets. Looking again spares a sleep where packets follow each
 * other closely. Two things speak against it, and both are noticed: a program that computes keeps the core for its whole
 * slice of some milliseconds, and where packets come singly looking again finds nothing.
 * @module
 */

/** Milliseconds of looking again before it is time to sleep: about as long as being woken on another core takes. */
const LOOK = 0.03;
/** Looks in vain for one with success up to which looking again pays. */
const WORTH = 8;
/** Bursts for which it rests where it does not. */
const RESTS = 64;
/** Milliseconds away from the core after which somebody else computes there, unless a full burst came of it. */
const LONG = 1;
/** Packets of a full burst. */
const FULL = 64;
/** What a time that was too long weighs against one that was not, and the sum that is too much. */
const WEIGHT = 16;
const TOO_MUCH = 64;
/** Milliseconds for which the core is kept then. */
const KEEPS = 1000;

/** See the module's text. Times are monotonic milliseconds with fractions. */
export class YieldPolicy {
  #keepsUntil = -Infinity;
  #lost = 0;
  /** Above 0 while looking again finds something often enough; below 0 it counts the bursts until the next try. */
  #luck = 0;

  /** Whether to give way now. */
  shouldYield(now: number): boolean {
    return now >= this.#keepsUntil;
  }

  /**
   * To be told of each look: when the first one since the last burst `began`, when the core was given away for this one
   * (`left`), when it was `back`, and how many packets came. Answers whether to give way and look again at once.
   */
  looksAgain(began: number, left: number, back: number, packets: number): boolean {
    if (back - left <= LONG || packets >= FULL) this.#lost = Math.max(0, this.#lost - 1);
    else if ((this.#lost += WEIGHT) >= TOO_MUCH) {
      this.#lost = 0;
      this.#keepsUntil = back + KEEPS;
      return false;
    }
    if (packets > 0) {
      this.#luck = Math.min(this.#luck + WORTH, RESTS);
      return false;
    }
    if (this.#luck < 0) {
      this.#luck++;
      return false;
    }
    if (back - began < LOOK) return true;
    if (--this.#luck < 0) this.#luck = -RESTS;
    return false;
  }
}
