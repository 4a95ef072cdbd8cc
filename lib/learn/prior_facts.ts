/**
 * What earlier facts say about a packet: its public side is a known peer or trained, or its client is locked.
 * @module
 */
import type { AddressTable } from "../state/address_table.ts";
import { DETAIL, HELD, PROTOCOL, type State } from "../state/state.ts";
import { HOOK_INPUT, HOOK_OUTPUT, type Packet } from "../wire/packet.ts";
import type { Clock } from "./clock.ts";
import { isCommonPort } from "./endpoints.ts";
import { type Learner, REFUSE_FLOW } from "./learner.ts";
import type { Because } from "./event.ts";
import type { FlowEnds } from "./flow_ends.ts";
import type { Trainer } from "./dns_training.ts";

/** See the module's text. */
export class PriorFacts {
  readonly #state: State;
  readonly #clock: Clock;
  readonly #learner: Learner;
  readonly #trainer: Trainer;

  /** Reads these tables; that a client meets what is on them is learned. */
  constructor(state: State, clock: Clock, learner: Learner, trainer: Trainer) {
    this.#state = state;
    this.#clock = clock;
    this.#learner = learner;
    this.#trainer = trainer;
  }

  /** Why the flow is to be refused for its public side; empty where it is neither on the block list nor trained. */
  peerFact(ends: FlowEnds): Because | "" {
    const { peers, trained } = this.#state;
    if (ends.name !== "") {
      const protocol = this.#trainer.protocolOf(ends.name);
      const met = protocol >= 0 && this.#learner.metKnown(ends, protocol, "trained-name") === REFUSE_FLOW;
      return met ? "name-trained" : "";
    }
    if (peers.count !== 0 && this.#meets(ends, peers, "known-peer")) return "peer-blocked";
    if (trained.count !== 0 && this.#meets(ends, trained, "trained-name")) return "name-trained";
    return "";
  }

  #meets(ends: FlowEnds, table: AddressTable, evidence: string): boolean {
    const row = table.find(ends.p0, ends.p1, ends.p2, ends.p3, 0);
    if (row < 0 || table.deadline[row]! <= this.#clock.now) return false;
    const at = row * table.columns;
    // Held back: of a peer only the port at which it was met is refused, and not if that is a web or name server's port (one
    // ping to port 443 of a web site would have it refused for all, and its visitors locked); of a trained address nothing.
    if (
      table.values[at + HELD] === 1 &&
      (table !== this.#state.peers || table.values[at + DETAIL] !== ends.peerPort || isCommonPort(ends.peerPort))
    ) return false;
    return this.#learner.metKnown(ends, table.values[at + PROTOCOL]!, evidence) === REFUSE_FLOW;
  }

  /** Whether a packet that belongs to no flow goes between a locked client and the public side. */
  concernsLocked(packet: Packet): boolean {
    if (packet.family === 0 || this.#state.locks.count === 0) return false;
    if (packet.hook === HOOK_INPUT || packet.hook === HOOK_OUTPUT) return false;
    const { s0, s1, s2, s3, d0, d1, d2, d3 } = packet;
    const { locks } = this.#state;
    const now = this.#clock.now;
    const sent = locks.find(s0, s1, s2, s3, now) >= 0 && !this.#learner.policy.isHome(d0, d1, d2, d3);
    const received = locks.find(d0, d1, d2, d3, now) >= 0 && !this.#learner.policy.isHome(s0, s1, s2, s3);
    return sent || received;
  }
}
