/**
 * What earlier facts say about a packet: its public side is a known peer or trained, or its client is locked.
 * @module
 */
import type { AddressTable } from "../state/address_table.ts";
import { PROTOCOL, type State, WITNESS } from "../state/state.ts";
import { DNS, DNS_TLS } from "../wire/dns.ts";
import { HOOK_INPUT, HOOK_OUTPUT, type Packet } from "../wire/packet.ts";
import type { Clock } from "./clock.ts";
import { machineOf } from "./endpoints.ts";
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

  /**
   * Why the flow is to be refused for its public side; empty where it is neither on the block list nor trained. `open` says
   * that nothing was found wrong with it before.
   */
  peerFact(ends: FlowEnds, open: boolean): Because | "" {
    const { peers, trained } = this.#state;
    if (ends.name !== "") {
      const protocol = this.#trainer.protocolOf(ends.name);
      const met = protocol >= 0 && this.#learner.metKnown(ends, protocol, "trained-name") === REFUSE_FLOW;
      return met ? "name-trained" : "";
    }
    const { p0, p1, p2, p3, peerPort } = ends;
    // As the original did, connections to a peer alone: UDP there may be another client's game or tunnel, whose server somebody
    // pinged. A connection that was let through before somebody did goes on.
    if (peers.count !== 0 && ends.tcp !== 0 && ends.clientOpened && !open) {
      const row = peers.find(p0, p1, p2, p3, peerPort);
      if (row >= 0 && this.#meets(ends, peers, row, "known-peer")) return "peer-blocked";
    }
    // A name server can be trained by another one, and is asked by TCP where an answer is long (RFC 7766).
    if (trained.count !== 0 && peerPort !== DNS && peerPort !== DNS_TLS) {
      const row = trained.find(p0, p1, p2, p3, 0);
      const witness = row < 0 ? 0 : trained.values[row * trained.columns + WITNESS]!;
      const concerns = witness === 0 || witness === machineOf(ends, this.#state);
      if (row >= 0 && concerns && this.#meets(ends, trained, row, "trained-name")) return "name-trained";
    }
    return "";
  }

  #meets(ends: FlowEnds, table: AddressTable, row: number, evidence: string): boolean {
    if (table.deadline[row]! <= this.#clock.now) return false;
    return this.#learner.metKnown(ends, table.values[row * table.columns + PROTOCOL]!, evidence) === REFUSE_FLOW;
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
