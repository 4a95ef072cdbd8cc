/**
 * How long packets wait for their verdict inside ftwall: a histogram that costs a few nanoseconds to feed.
 * @module
 */

/** Buckets: up to 1 µs, 2 µs, 4 µs … 2^30 µs, beyond. */
const BUCKETS = 32;

/** What a histogram holds, as data. */
export interface VerdictTally {
  /** Verdicts in each bucket. */
  readonly counts: readonly number[];
  /** Sum of all times in microseconds. */
  readonly sum: number;
  /** The longest time in microseconds. */
  readonly max: number;
}

/** Counts by power of two of microseconds. Feeding it allocates nothing. */
export class VerdictTimes {
  // Floats, for they count to 2^53: at 300,000 packets a second a 32-bit counter would wrap after four hours.
  readonly #counts: Float64Array = new Float64Array(BUCKETS);
  #sum = 0;
  #total = 0;
  #max = 0;

  /** Counts `packets` verdicts that took `microseconds` each. Negative and NaN times count as 0. */
  record(microseconds: number, packets: number = 1): void {
    const us = microseconds > 0 ? microseconds : 0;
    const whole = us > 0x3fffffff ? 0x3fffffff : Math.ceil(us) | 0;
    // ceil(log2): 0 and 1 fall in bucket 0, 2 in 1, 3 and 4 in 2 …
    const bucket = us > 0x40000000 ? BUCKETS - 1 : whole <= 1 ? 0 : 32 - Math.clz32(whole - 1);
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + packets;
    this.#sum += us * packets;
    this.#total += packets;
    if (us > this.#max) this.#max = us;
  }

  /** What is held, as data: for another thread. */
  tally(): VerdictTally {
    return { counts: [...this.#counts], sum: this.#sum, max: this.#max };
  }

  /** Adds what another one held. */
  add(other: VerdictTally): void {
    other.counts.forEach((count, i) => {
      this.#counts[i] = (this.#counts[i] ?? 0) + count;
      this.#total += count;
    });
    this.#sum += other.sum;
    this.#max = Math.max(this.#max, other.max);
  }

  /** Verdicts counted. */
  get count(): number {
    return this.#total;
  }

  /** Sum of all times in microseconds. */
  get sum(): number {
    return this.#sum;
  }

  /** The longest time in microseconds. */
  get max(): number {
    return round(this.#max);
  }

  /** Time below which the share `q` (0…1) of verdicts took, interpolated within its bucket; 0 where nothing was counted. */
  quantile(q: number): number {
    if (this.#total === 0) return 0;
    const rank = q * this.#total;
    let below = 0;
    for (let i = 0; i < BUCKETS; i++) {
      const count = this.#counts[i] ?? 0;
      if (count > 0 && below + count >= rank) {
        const low = i === 0 ? 0 : 2 ** (i - 1);
        const high = Math.min(2 ** i, Math.max(this.#max, low));
        return round(low + (high - low) * Math.max(0, (rank - below) / count));
      }
      below += count;
    }
    return round(this.#max);
  }

  /** Calls `each` with every bucket's upper bound in microseconds (the last is Infinity) and the count up to it. */
  cumulative(each: (bound: number, count: number) => void): void {
    let sum = 0;
    for (let i = 0; i < BUCKETS; i++) {
      sum += this.#counts[i] ?? 0;
      each(i === BUCKETS - 1 ? Infinity : 2 ** i, sum);
    }
  }
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
