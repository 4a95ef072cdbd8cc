/**
 * Endpoints (address and port) of networks that can hide what they say: an encrypted-looking flow to one that took part in
 * a confirmed conversation is theirs. What is only advertised can be poisoned, and raises scores at most. So is such a flow
 * of a client that gave itself away by other flows a short while ago: what it said, and the shape, are two facts.
 * @module
 */
import {
  ADVERTISED,
  CONFIRMED,
  type Evidence,
  evidence,
  KNOWN_ENDPOINT,
  type Needs,
  STRONG,
} from "../protocol/classifier.ts";
import { isUnlearnable } from "../net/address.ts";
import type { Policy } from "../policy/policy.ts";
import type { AddressTable } from "../state/address_table.ts";
import { hashEndpoint } from "../state/hash.ts";
import { KIND, PROTOCOL, WITNESS } from "../state/state.ts";
import type { Clock } from "./clock.ts";
import type { FlowEnds } from "./flow_ends.ts";

/** Evidence of an encrypted-looking flow to an endpoint that took part in a confirmed conversation. */
export const KNOWN_PEER: Evidence = evidence(
  "known-peer",
  STRONG,
  "Encrypted-looking flow, or a lone uTP header, to an endpoint that took part in a confirmed conversation",
  true,
);
/** Evidence of an encrypted-looking flow of a client that other flows gave away with certainty. */
export const KNOWN_CLIENT: Evidence = evidence(
  "known-client",
  STRONG,
  "Encrypted-looking flow, or a lone uTP header, of a client in whose other flows this protocol was certain within the last minutes",
  true,
);

/** Evidence of two encrypted-looking flows of one client and one protocol, of different kinds. */
export const HINTED_CLIENT: Evidence = evidence(
  "hinted-client",
  STRONG,
  "Encrypted-looking TCP flow of a client that had encrypted-looking UDP conversations of this protocol with five peers within the last minutes",
  true,
);

/** Added to a protocol's number it is the key of a client that speaks it: beyond every port. */
const CLIENT = 0x10000;

/** See the module's text. */
export class Endpoints {
  /** The policy in force. */
  policy: Policy;
  readonly #table: AddressTable;
  readonly #clock: Clock;

  /** Remembers in `table`. */
  constructor(table: AddressTable, clock: Clock, policy: Policy) {
    this.#table = table;
    this.#clock = clock;
    this.policy = policy;
  }

  /**
   * Remembers an endpoint: address, port, protocol, ADVERTISED or CONFIRMED. `witness` is the hash of the client whose word
   * alone confirms it ({@link witnessOf}), 0 where the endpoint spoke itself: with one datagram any client could otherwise
   * have a neighbour's tunnel to its server taken for file sharing.
   */
  learn(
    w0: number,
    w1: number,
    w2: number,
    w3: number,
    port: number,
    protocol: number,
    kind: number,
    witness: number,
  ): void {
    // Poisoned lists name web and DNS servers: these ports are never learned.
    if (port === 0 || isCommonPort(port)) return;
    if (kind !== CONFIRMED && isUnlearnable(w0, w1, w2, w3)) return;
    const endpoints = this.#table;
    const { lifetime, advertised } = this.policy.config.peers;
    const known = endpoints.find(w0, w1, w2, w3, port);
    let word = witness;
    if (known >= 0 && endpoints.deadline[known]! > this.#clock.now) {
      const at = known * endpoints.columns;
      if (endpoints.values[at + KIND]! > kind) return;
      if (endpoints.values[at + KIND] === CONFIRMED && endpoints.values[at + WITNESS] === 0) word = 0;
    }
    const until = this.#clock.now + (kind === CONFIRMED ? lifetime : advertised);
    const row = endpoints.insert(w0, w1, w2, w3, port, until);
    endpoints.values[row * endpoints.columns + PROTOCOL] = protocol;
    endpoints.values[row * endpoints.columns + KIND] = kind;
    endpoints.values[row * endpoints.columns + WITNESS] = word;
  }

  /**
   * The client of this flow speaks the protocol: CONFIRMED where that was certain, ADVERTISED where an encrypted-looking UDP
   * flow hints at it. Counts as long as a fact of the scores does.
   */
  noteClient(ends: FlowEnds, protocol: number, kind: number): void {
    const endpoints = this.#table;
    const known = endpoints.find(ends.c0, ends.c1, ends.c2, ends.c3, CLIENT + protocol);
    const better = known >= 0 && endpoints.deadline[known]! > this.#clock.now &&
      endpoints.values[known * endpoints.columns + KIND]! > kind;
    if (better) return;
    const until = this.#clock.now + this.policy.config.score.window;
    const row = endpoints.insert(ends.c0, ends.c1, ends.c2, ends.c3, CLIENT + protocol, until);
    endpoints.values[row * endpoints.columns + KIND] = kind;
  }

  /** What an encrypted-looking flow is by what is known of both its ends, or null; `needs` as of its evidence. */
  evidenceFor(ends: FlowEnds, protocol: number, needs: Needs): Evidence | null {
    const { knownPeer, knownClient } = this.policy.config.encrypted;
    if (knownPeer && this.of(ends) === CONFIRMED) return KNOWN_PEER;
    if (!knownClient || needs === KNOWN_ENDPOINT || isCommonPort(ends.peerPort)) return null;
    const row = this.#table.find(ends.c0, ends.c1, ends.c2, ends.c3, CLIENT + protocol);
    if (row < 0 || this.#table.deadline[row]! <= this.#clock.now) return null;
    if (this.#table.values[row * this.#table.columns + KIND] === CONFIRMED) return KNOWN_CLIENT;
    // Two weak facts are two only where they are of different kinds.
    return ends.tcp === 0 ? null : HINTED_CLIENT;
  }

  /** What is known of the endpoints of an encrypted-looking flow: 0, ADVERTISED or CONFIRMED. */
  of(ends: FlowEnds): number {
    const endpoints = this.#table;
    let best = 0;
    for (let i = 0; i < 2; i++) {
      const row = i === 0
        ? endpoints.find(ends.p0, ends.p1, ends.p2, ends.p3, ends.peerPort)
        : endpoints.find(ends.c0, ends.c1, ends.c2, ends.c3, ends.clientPort);
      if (row < 0 || endpoints.deadline[row]! <= this.#clock.now) continue;
      const at = row * endpoints.columns;
      const word = endpoints.values[at + WITNESS]!;
      const kind = word === 0 || word === witnessOf(ends) ? endpoints.values[at + KIND]! : ADVERTISED;
      best = Math.max(best, kind);
    }
    return best;
  }
}

/** The client of a flow as a witness: never 0. */
export function witnessOf(ends: FlowEnds): number {
  return hashEndpoint(ends.c0, ends.c1, ends.c2, ends.c3, 0, 0x3c6ef372) | 1;
}

/** Ports that poisoned peer lists name to make trouble. */
export function isCommonPort(port: number): boolean {
  return port === 53 || port === 80 || port === 443;
}
