/**
 * The block list: public endpoints to which no client may connect. Only the port at which a peer was met is refused: on one
 * client's word nobody may lose what else lives at the address.
 * @module
 */
import { formatAddress, isUnlearnable } from "../net/address.ts";
import { isCommonPort } from "../net/common_ports.ts";
import type { Policy } from "../policy/policy.ts";
import { PROTOCOL, type State } from "../state/state.ts";
import type { Clock } from "./clock.ts";
import type { Emit } from "./event.ts";
import type { Everyday } from "./everyday.ts";

/** See the module's text. */
export class PeerList {
  /** The policy in force. */
  policy: Policy;
  readonly #state: State;
  readonly #clock: Clock;
  readonly #everyday: Everyday;
  readonly #emit: Emit;
  readonly #changed: () => void;

  /** Lists in `state`; calls `changed` after every change. */
  constructor(state: State, clock: Clock, everyday: Everyday, emit: Emit, policy: Policy, changed: () => void) {
    this.#state = state;
    this.#clock = clock;
    this.#everyday = everyday;
    this.#emit = emit;
    this.policy = policy;
    this.#changed = changed;
  }

  /** Puts an endpoint on the block list, or renews it there. None of an everyday service: see common_ports.ts, everyday.ts. */
  block(w0: number, w1: number, w2: number, w3: number, port: number, protocol: number, client: string): void {
    if (port === 0 || isCommonPort(port)) return;
    if (isUnlearnable(w0, w1, w2, w3) || this.policy.isHome(w0, w1, w2, w3)) return;
    if (this.policy.isExempt(w0, w1, w2, w3, 0, 0) || this.#everyday.isKnown(w0, w1, w2, w3, port)) return;
    const { peers } = this.#state;
    const until = this.#clock.now + this.policy.config.peers.lifetime;
    peers.end(w0, w1, w2, w3, port, this.#clock.now);
    const row = peers.insert(w0, w1, w2, w3, port, until);
    if (!peers.created) return;
    peers.values[row * peers.columns + PROTOCOL] = protocol;
    this.#changed();
    this.#emit({
      event: "peer-learned",
      protocol: this.policy.protocols[protocol] ?? "unknown",
      peer: formatAddress(w0, w1, w2, w3),
      peer_port: port,
      client,
      until: this.#clock.text(until),
    });
  }
}
