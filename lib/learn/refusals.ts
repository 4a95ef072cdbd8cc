/**
 * Counts refusals by reason and reports them: for each client and reason one line in a stretch of time.
 * @module
 */
import type { Clock } from "./clock.ts";
import type { Counters } from "./counters.ts";
import type { Emit } from "./event.ts";
import type { Learner } from "./learner.ts";
import type { Because } from "./observer.ts";
import type { FlowEnds } from "./flow_ends.ts";

/** Why a packet was refused. */
export type Reason = Because | "recognised";

/** Each has a rate limit of its own. */
const REASONS: readonly Reason[] = ["recognised", "client-locked", "peer-blocked", "name-trained"];
/** Kinds of rateLimits of refusals begin here. */
const KIND = 0x40000;

/** See the module's text. */
export class Refusals {
  readonly #counters: Counters;
  readonly #learner: Learner;
  readonly #clock: Clock;
  readonly #emit: Emit;

  /** Counts into `counters`, within the rate limits of `learner`. */
  constructor(counters: Counters, learner: Learner, clock: Clock, emit: Emit) {
    this.#counters = counters;
    this.#learner = learner;
    this.#clock = clock;
    this.#emit = emit;
  }

  /** A packet of this flow was refused; `protocol` is named where this packet showed it. */
  note(ends: FlowEnds, reason: Reason, protocol: string): void {
    this.#counters.reason(reason);
    const { rateLimits, policy } = this.#learner;
    const kind = KIND + REASONS.indexOf(reason);
    const stretch = policy.config.log.refused;
    if (!rateLimits.allow(ends.c0, ends.c1, ends.c2, ends.c3, kind, this.#clock.now, 1, stretch)) return;
    if (!this.#learner.admit("refused")) return;
    this.#emit({
      event: "refused",
      client: ends.client,
      peer: ends.peer,
      peer_port: ends.peerPort,
      transport: ends.transport,
      reason,
      ...(protocol === "" ? {} : { protocol }),
      suppressed: rateLimits.suppressed,
    });
  }
}
