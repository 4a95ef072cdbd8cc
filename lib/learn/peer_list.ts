/**
 * The block list: public addresses that are refused for everybody.
 * @module
 */
import { formatAddress, isUnlearnable } from "../net/address.ts";
import type { Policy } from "../policy/policy.ts";
import { DETAIL, HELD, PROTOCOL, type State } from "../state/state.ts";
import type { Clock } from "./clock.ts";
import type { Emit } from "./event.ts";
import type { FlowEnds } from "./flow_ends.ts";

/** Milliseconds for which an address is remembered to serve others after everyday traffic with it was accepted. */
const SERVES_OTHERS = 86_400_000;

/** See the module's text. */
export class PeerList {
  /** The policy in force. */
  policy: Policy;
  readonly #state: State;
  readonly #clock: Clock;
  readonly #emit: Emit;
  readonly #changed: () => void;

  /** Lists in `state`; calls `changed` after every change. */
  constructor(state: State, clock: Clock, emit: Emit, policy: Policy, changed: () => void) {
    this.#state = state;
    this.#clock = clock;
    this.#emit = emit;
    this.policy = policy;
    this.#changed = changed;
  }

  /**
   * A flow of everyday traffic to this peer was accepted: it serves other things than file sharing, and is held back, now
   * or when it is listed later. Otherwise any client could have a web site blocked for all by pinging it.
   */
  servesOthers(ends: FlowEnds): void {
    if (!this.policy.config.dns.holdShared) return;
    const { resolved, peers } = this.#state;
    resolved.insert(ends.p0, ends.p1, ends.p2, ends.p3, 0, this.#clock.now + SERVES_OTHERS);
    if (peers.count === 0) return;
    const row = peers.find(ends.p0, ends.p1, ends.p2, ends.p3, 0);
    if (row >= 0) this.hold(row);
  }

  /** Holds a peer back: from now on only the port at which it was met is refused. */
  hold(row: number): void {
    const { peers } = this.#state;
    const at = row * peers.columns;
    if (peers.values[at + HELD] === 1) return;
    peers.values[at + HELD] = 1;
    this.#changed();
    this.#peerEvent(row, "");
  }

  #peerEvent(row: number, client: string): void {
    const { peers } = this.#state;
    const at = row * peers.columns;
    this.#emit({
      event: "peer-learned",
      protocol: this.policy.protocols[peers.values[at + PROTOCOL]!] ?? "unknown",
      peer: formatAddress(peers.key(row, 0), peers.key(row, 1), peers.key(row, 2), peers.key(row, 3)),
      peer_port: peers.values[at + DETAIL]!,
      ...(client === "" ? {} : { client }),
      until: this.#clock.text(peers.deadline[row]!),
      ...(peers.values[at + HELD] === 1 ? { held: true } : {}),
    });
  }

  /** Puts an address on the block list, or renews it there. */
  block(w0: number, w1: number, w2: number, w3: number, port: number, protocol: number, client: string): void {
    if (isUnlearnable(w0, w1, w2, w3) || this.policy.isHome(w0, w1, w2, w3)) return;
    if (this.policy.isExempt(w0, w1, w2, w3, 0, 0)) return;
    const { peers, resolved } = this.#state;
    const until = this.#clock.now + this.policy.config.peers.lifetime;
    peers.end(w0, w1, w2, w3, 0, this.#clock.now);
    const row = peers.insert(w0, w1, w2, w3, 0, until);
    if (!peers.created) return;
    peers.values[row * peers.columns + PROTOCOL] = protocol;
    peers.values[row * peers.columns + DETAIL] = port;
    // An address that is known to serve other names is held back: a client could ping a web site to have it blocked.
    const shared = this.policy.config.dns.holdShared && resolved.find(w0, w1, w2, w3, 0) >= 0;
    peers.values[row * peers.columns + HELD] = shared ? 1 : 0;
    this.#changed();
    this.#peerEvent(row, client);
  }
}
