/**
 * A set of hardware addresses, compiled for lookups on the packet path.
 * @module
 */
import type { Mac } from "../net/address.ts";

/** Sorted pairs of words and a binary search; immutable, a lookup allocates nothing. */
export class MacSet {
  readonly #words: Int32Array;

  /** Compiles a list; duplicates are fine. */
  constructor(list: readonly Mac[]) {
    const sorted = [...list].sort((a, b) => a[0] - b[0] || a[1] - b[1]);
    this.#words = Int32Array.from(sorted.flat());
  }

  /** How many addresses were given. */
  get size(): number {
    return this.#words.length >>> 1;
  }

  /** True where the address (first 16 bits, last 32 bits as a signed word) is in the set. */
  has(high: number, low: number): boolean {
    const words = this.#words;
    let from = 0;
    let to = words.length >>> 1;
    while (from < to) {
      const middle = (from + to) >>> 1;
      const ownHigh = words[middle << 1]!;
      const ownLow = words[(middle << 1) + 1]!;
      if (ownHigh === high && ownLow === low) return true;
      if (ownHigh < high || (ownHigh === high && ownLow < low)) from = middle + 1;
      else to = middle;
    }
    return false;
  }
}
