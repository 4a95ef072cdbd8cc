/**
 * Protection of the log against floods: a token bucket for each kind of event, and the count of what was not printed.
 * @module
 */
import { EVENT_NAMES, type EventName, type Rate, treatmentOf } from "./report_event.ts";

/** Weak detections are apart, so that a flood of guesses cannot hide a certain one. */
export type GateKind = EventName | "weak";

const WEAK: Rate = { perSecond: 2, burst: 20 };

/** Kinds that have a bucket of their own; numbers index typed arrays. */
export const GATED: readonly GateKind[] = [
  "weak",
  ...EVENT_NAMES.filter((name) => treatmentOf(name).rate !== undefined),
];

function rateOf(kind: GateKind): Rate {
  return kind === "weak" ? WEAK : treatmentOf(kind).rate ?? WEAK;
}

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
      const rate = rateOf(kind);
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
