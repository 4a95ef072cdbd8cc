/**
 * When it pays to yield the core to other programs before the queue is read, and to poll it again before sleeping.
 *
 * Yielding lets the senders and receivers on the same core run first: the next burst is larger, and the costs of receiving,
 * of sending verdicts and of being woken are spread over more packets. Polling again saves a sleep where packets follow
 * each other closely. Both can be wrong, and both cases are noticed: a program that computes keeps the core for its whole
 * time slice of some milliseconds, and where packets come one by one, polling again finds nothing.
 * @module
 */

/** Milliseconds of polling before it is time to sleep: about as long as being woken on another core takes. */
const POLLING_MS = 0.03;
/** Polls in vain for each one that finds packets, up to which polling pays. */
const VAIN_POLLS = 8;
/** Bursts without polling, where it does not pay. */
const REST_BURSTS = 64;
/** Milliseconds without the core from which on somebody else computes there. */
const LONG_MS = 1;
/** Packets a millisecond from which on it is the senders who do: throughput counts then, and not the wait of a packet. */
const FLOOD = 50;
/** Milliseconds that may be lost that way beyond a share of the time that goes by; at more of them yielding stops. */
const MOST_LOST_MS = 10;
const LOST_SHARE = 0.25;
/** Milliseconds without yielding, then; twice as long each time that the next try fares no better, up to the most. */
const KEEP_MS = 1000;
const MOST_KEEP_MS = 64_000;
/** Milliseconds of yielding after which it has fared better. */
const PROVEN_MS = 10_000;

/** See the module's text. Times are monotonic milliseconds with fractions. */
export class YieldPolicy {
  #keepsUntil = -Infinity;
  #keep = KEEP_MS;
  /** Milliseconds lost, beyond the share of the time until {@link #counted}. */
  #lost = 0;
  #counted = 0;
  /** Packets since the last long time without the core, which ended then. */
  #packets = 0;
  #since = 0;
  /** From 0 upwards: polling pays, and each poll in vain costs one. Below 0: bursts until the next try, negated. */
  #luck = 0;

  /** Whether to yield the core now. */
  shouldYield(now: number): boolean {
    return now >= this.#keepsUntil;
  }

  /**
   * To be called after each poll of the queues: the first one since the last burst began at `began`, the core was yielded
   * for this one at `left` and was `back`, and it found so many `packets`. Answers whether to yield and poll again at once.
   */
  shouldPollAgain(began: number, left: number, back: number, packets: number): boolean {
    this.#lost = Math.max(0, this.#lost - LOST_SHARE * (back - this.#counted));
    this.#counted = back;
    this.#packets += packets;
    if (back - left > LONG_MS) {
      if (this.#packets < FLOOD * (back - this.#since)) this.#lost += back - left;
      this.#packets = 0;
      this.#since = back;
    }
    if (this.#lost > MOST_LOST_MS) {
      this.#lost = 0;
      this.#keep = back - this.#keepsUntil > PROVEN_MS ? KEEP_MS : Math.min(2 * this.#keep, MOST_KEEP_MS);
      this.#keepsUntil = back + this.#keep;
      return false;
    }
    if (packets > 0) {
      this.#luck = Math.min(this.#luck + VAIN_POLLS, REST_BURSTS);
      return false;
    }
    if (this.#luck < 0) {
      this.#luck++;
      return false;
    }
    if (back - began < POLLING_MS) return true;
    if (--this.#luck < 0) this.#luck = -REST_BURSTS;
    return false;
  }
}
