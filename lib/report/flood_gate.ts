/**
 * Protection of the log against floods: a token bucket for each kind of event, and the count of what was not printed.
 * @module
 */
import type { EventName } from "./report_event.ts";

/** Kinds that have a bucket of their own; numbers index typed arrays. */
export const GATED: readonly GateKind[] = [
  "detected",
  "weak",
  "refused",
  "peer-learned",
  "trained",
  "locked",
  "renewed",
  "released",
  "decoy-sent",
  "probe-sent",
  "queue-overrun",
  "note",
];

/** Weak detections are apart, so that a flood of guesses cannot hide a certain one. */
export type GateKind = EventName | "weak";

/** Events a second in the long run, and how many at once. */
interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

const RATES: Readonly<Partial<Record<GateKind, Rate>>> = {
  detected: { perSecond: 20, burst: 200 },
  weak: { perSecond: 2, burst: 20 },
  refused: { perSecond: 5, burst: 50 },
  "queue-overrun": { perSecond: 0.2, burst: 3 },
  note: { perSecond: 5, burst: 50 },
};

const USUAL: Rate = { perSecond: 20, burst: 200 };

/** Token buckets, one for each gated kind. Asking allocates nothing. */
export class FloodGate {
  readonly #tokens: Float64Array;
  readonly #last: Float64Array;
  readonly #perMillisecond: Float64Array;
  readonly #burst: Float64Array;
  readonly #held: Float64Array;
  /** Events not printed since the start, over all kinds. */
  suppressed = 0;

  /** All buckets start full. */
  constructor() {
    const count = GATED.length;
    this.#tokens = new Float64Array(count);
    this.#last = new Float64Array(count).fill(-1);
    this.#perMillisecond = new Float64Array(count);
    this.#burst = new Float64Array(count);
    this.#held = new Float64Array(count);
    GATED.forEach((kind, i) => {
      const rate = RATES[kind] ?? USUAL;
      this.#perMillisecond[i] = rate.perSecond / 1000;
      this.#burst[i] = rate.burst;
      this.#tokens[i] = rate.burst;
    });
  }

  /** Number of a kind, -1 for kinds that are always printed. */
  static number(kind: GateKind): number {
    return GATED.indexOf(kind);
  }

  /** Takes a token of kind number `i` at `now` (milliseconds, any origin); false and counted where there is none. */
  admit(i: number, now: number): boolean {
    const last = this.#last[i] ?? now;
    const burst = this.#burst[i] ?? 0;
    let tokens = this.#tokens[i] ?? 0;
    // A clock that steps back gives nothing and takes nothing.
    if (last >= 0 && now > last) tokens = Math.min(burst, tokens + (now - last) * (this.#perMillisecond[i] ?? 0));
    this.#last[i] = now;
    if (tokens < 1) {
      this.#tokens[i] = tokens;
      this.#held[i] = (this.#held[i] ?? 0) + 1;
      this.suppressed++;
      return false;
    }
    this.#tokens[i] = tokens - 1;
    return true;
  }

  /** How many of kind number `i` were held back since the last call, and forgets them. */
  taken(i: number): number {
    const held = this.#held[i] ?? 0;
    this.#held[i] = 0;
    return held;
  }
}
