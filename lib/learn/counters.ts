/**
 * What the engine counts: packets, outcomes of decoding, and refusals, of which it also reports some.
 * @module
 */
import { OUTCOME_NAMES } from "../wire/outcome.ts";
import type { Clock } from "./clock.ts";
import type { Because, Emit } from "./event.ts";
import type { FlowEnds } from "./flow_ends.ts";
import type { Learner } from "./learner.ts";
import { ENDED_KIND, REFUSED_KIND } from "./rate_limits.ts";

/** Plain numbers; a copy of them is what status and metrics show. */
export class Counters {
  /** Packets judged. */
  packets = 0;
  /** Of these, accepted. */
  accepted = 0;
  /** Of these, refused; in a dry run, those that would have been. */
  refused = 0;
  /** Packets by outcome of decoding, indexed by outcome. */
  readonly decode: number[] = OUTCOME_NAMES.map(() => 0);
  /** Refused packets by reason. */
  readonly byReason: Record<string, number> = {
    "recognised": 0,
    "client-locked": 0,
    "peer-blocked": 0,
    "name-trained": 0,
  };

  /** Counts a refusal. */
  reason(name: string): void {
    this.byReason[name] = (this.byReason[name] ?? 0) + 1;
  }
}

/** Why a packet was refused. */
export type Reason = Because | "recognised";

/** Every reason has a rate limit of its own: its place here is added to the kind of the limit. */
const REASONS: readonly Reason[] = ["recognised", "client-locked", "peer-blocked", "name-trained"];

/** Running flows of a client whose end is told in each period, milliseconds. */
const ENDED_MOST = 20;
const ENDED_PERIOD = 10_000;

/** Counts refusals by reason, and emits `refused` events: at most one per client and reason in each `log.refused`. */
export class RefusalLog {
  /** Payload bytes of the packet at hand. */
  bytes = 0;
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

  /** A running flow ended, by evidence that came late. Each client has some such events in every ten seconds. */
  ended(ends: FlowEnds, protocol: string, evidence: string): void {
    this.#counters.reason("recognised");
    const { rateLimits } = this.#learner;
    const { c0, c1, c2, c3 } = ends;
    if (!rateLimits.allow(c0, c1, c2, c3, ENDED_KIND, this.#clock.now, ENDED_MOST, ENDED_PERIOD)) return;
    this.#tell(ends, "recognised", protocol, { evidence, suppressed: rateLimits.suppressed });
  }

  /** A packet of this flow was refused. `protocol` is empty unless this packet showed it. */
  note(ends: FlowEnds, reason: Reason, protocol: string): void {
    this.#counters.reason(reason);
    const { rateLimits, policy } = this.#learner;
    const kind = REFUSED_KIND + REASONS.indexOf(reason);
    const period = policy.config.log.refused;
    if (!rateLimits.allow(ends.c0, ends.c1, ends.c2, ends.c3, kind, this.#clock.now, 1, period, this.bytes)) return;
    this.#tell(ends, reason, protocol, { suppressed: rateLimits.suppressed, bytes: rateLimits.weight });
  }

  #tell(
    ends: FlowEnds,
    reason: Reason,
    protocol: string,
    rest: { readonly suppressed: number; readonly evidence?: string; readonly bytes?: number },
  ): void {
    if (!this.#learner.admit("refused")) return;
    this.#emit({
      event: "refused",
      client: ends.client,
      peer: ends.peer,
      peer_port: ends.peerPort,
      transport: ends.transport,
      reason,
      ...(protocol === "" ? {} : { protocol }),
      ...rest,
    });
  }
}
