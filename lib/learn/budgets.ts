/**
 * Clients that have more packets that would be queued than the rules let through: the rules send up a few of the packets that
 * are above the budget, with a mark of their own.
 * @module
 */
import { formatAddress, formatMac } from "../net/address.ts";
import type { State } from "../state/state.ts";
import { HOOK_INPUT, HOOK_OUTPUT, type Packet } from "../wire/packet.ts";
import type { Clock } from "./clock.ts";
import type { Emit } from "./event.ts";
import type { Learner } from "./learner.ts";
import { OVER_BUDGET_KIND } from "./rate_limits.ts";

const SECOND = 1000;
/** Milliseconds in which one client is told of once. */
const PERIOD = 60_000;

/** Counts the seconds in which clients were above their budgets, and emits `over-budget`: for each client once a minute. */
export class Budgets {
  /** Seconds, of all clients. */
  seconds = 0;
  readonly #state: State;
  readonly #clock: Clock;
  readonly #learner: Learner;
  readonly #emit: Emit;

  /** Counts nothing yet. */
  constructor(state: State, clock: Clock, learner: Learner, emit: Emit) {
    this.#state = state;
    this.#clock = clock;
    this.#learner = learner;
    this.#emit = emit;
  }

  /** A packet was above its client's budget. Some come each second, so this may allocate. */
  above(packet: Packet): void {
    if (packet.family === 0) return;
    const { policy, rateLimits } = this.#learner;
    const { s0, s1, s2, s3, d0, d1, d2, d3, hook } = packet;
    const to = hook === HOOK_OUTPUT ||
      (hook !== HOOK_INPUT && policy.isHome(d0, d1, d2, d3) && !policy.isHome(s0, s1, s2, s3));
    const [c0, c1, c2, c3] = to ? [d0, d1, d2, d3] : [s0, s1, s2, s3];
    const [high, low] = to ? this.#state.macOf(c0, c1, c2, c3) : [packet.macHigh, packet.macLow];
    const known = (high | low) !== 0;
    // Made-up addresses of one machine are one client.
    const [k0, k1, k2, k3] = known ? [0, 0, high, low] : [c0, c1, c2, c3];
    const { now } = this.#clock;
    if (!rateLimits.allow(k0, k1, k2, k3, OVER_BUDGET_KIND, now, 1, SECOND)) return;
    this.seconds++;
    if (!rateLimits.allow(k0, k1, k2, k3, OVER_BUDGET_KIND + 1, now, 1, PERIOD)) return;
    this.#emit({
      event: "over-budget",
      client: formatAddress(c0, c1, c2, c3),
      ...(known ? { mac: formatMac(high, low) } : {}),
      direction: to ? "to" : "from",
      client_rate: policy.config.queue.clientRate,
      seconds: 1 + rateLimits.suppressed,
    });
  }
}
