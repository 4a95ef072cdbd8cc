/**
 * What serves others than file sharing, and so is never blocked or trained on one client's word: addresses that answer for
 * names of no interest, name servers that were asked for such, addresses and endpoints of everyday traffic. It survives a
 * restart, since a client with a DNS answer from before asks nothing again.
 * @module
 */
import { isCommonPort } from "../net/common_ports.ts";
import type { Policy } from "../policy/policy.ts";
import { MANY_CLIENTS, NAMES, SEVERAL, SHOWN_BY, type State } from "../state/state.ts";
import type { Clock } from "./clock.ts";
import { machineOf } from "./endpoints.ts";
import type { FlowEnds } from "./flow_ends.ts";

/** Milliseconds that it is remembered after it was last seen. */
const LASTS = 86_400_000;

/** See the module's text. */
export class Everyday {
  /** The policy in force. */
  policy: Policy;
  /** Called with an address that turned out to serve others. */
  onFound: (w0: number, w1: number, w2: number, w3: number) => void = () => {};
  readonly #state: State;
  readonly #clock: Clock;

  /** Remembers in `state`. */
  constructor(state: State, clock: Clock, policy: Policy) {
    this.#state = state;
    this.#clock = clock;
    this.policy = policy;
  }

  /** Whether the address (`port` 0) or this port of it serves others. */
  isKnown(w0: number, w1: number, w2: number, w3: number, port: number): boolean {
    if (this.policy.isSpared(w0, w1, w2, w3)) return true;
    if (!this.policy.config.dns.holdShared) return false;
    const { everyday } = this.#state;
    const row = everyday.find(w0, w1, w2, w3, port);
    return row >= 0 && everyday.values[row * everyday.columns + NAMES]! >= SEVERAL &&
      everyday.deadline[row]! > this.#clock.now;
  }

  /** The peer of this flow serves everyday traffic: its address, and this port of it, which a common one need not be told. */
  serves(ends: FlowEnds): void {
    this.#serves(ends, 0);
    if (!isCommonPort(ends.peerPort)) this.#serves(ends, ends.peerPort);
    this.found(ends.p0, ends.p1, ends.p2, ends.p3);
  }

  #serves(ends: FlowEnds, port: number): void {
    const { everyday } = this.#state;
    const row = this.show(ends, ends.p0, ends.p1, ends.p2, ends.p3, port);
    everyday.values[row * everyday.columns + NAMES] = SEVERAL;
  }

  /** Makes an entry or renews it, and notes the machine that showed it. Answers its row. */
  show(ends: FlowEnds, w0: number, w1: number, w2: number, w3: number, port: number): number {
    const { everyday } = this.#state;
    const row = everyday.insert(w0, w1, w2, w3, port, this.#clock.now + LASTS);
    const at = row * everyday.columns + SHOWN_BY;
    const machine = machineOf(ends, this.#state);
    if (everyday.created) everyday.values[at] = machine;
    else if (everyday.values[at] !== machine) everyday.values[at] = MANY_CLIENTS;
    return row;
  }

  /** Whether several machines have been shown this address: as a name server it is not one machine's own. */
  isOfMany(w0: number, w1: number, w2: number, w3: number): boolean {
    const { everyday } = this.#state;
    const row = everyday.find(w0, w1, w2, w3, 0);
    return row >= 0 && everyday.values[row * everyday.columns + SHOWN_BY] === MANY_CLIENTS &&
      everyday.deadline[row]! > this.#clock.now;
  }

  /** Says that an address serves others. */
  found(w0: number, w1: number, w2: number, w3: number): void {
    if (this.policy.config.dns.holdShared) this.onFound(w0, w1, w2, w3);
  }
}
