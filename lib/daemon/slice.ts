/**
 * Long work on the thread that judges packets, in slices of two milliseconds between which packets are judged.
 * @module
 */

import { pause } from "../net/timer.ts";

/** Milliseconds of one slice. */
const LENGTH = 2;

let last: Promise<void> = Promise.resolve();

/**
 * Lets packets be judged. All who wait for it go on one after the other, each after a turn of the event loop of its own:
 * sixteen who ask for `status` take no more of it at once than one does.
 */
export function turn(): Promise<void> {
  return last = last.then(() => pause(0));
}

/** A slice of work: `if (slice.over) await slice.next();`. */
export class Slice {
  #ends = performance.now() + LENGTH;

  /** Whether its time is over. */
  get over(): boolean {
    return performance.now() >= this.#ends;
  }

  /** Lets packets be judged, then begins the next. */
  async next(): Promise<void> {
    await turn();
    this.#ends = performance.now() + LENGTH;
  }
}
