/**
 * Endpoints (address and port) of networks that can encrypt what they send. An encrypted-looking flow to an endpoint that
 * took part in a confirmed conversation belongs to the network; so does one of a client in whose other flows the protocol
 * was certain a short while ago. An endpoint that is only advertised may be made up, and only raises scores.
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
import { type LengthRule, type Said, SAYS_LITTLE, SAYS_MESSAGE } from "../protocol/message_lengths.ts";
import { isUnlearnable } from "../net/address.ts";
import { isCommonPort } from "../net/common_ports.ts";
import type { Policy } from "../policy/policy.ts";
import type { AddressTable } from "../state/address_table.ts";
import { hashEndpoint } from "../state/hash.ts";
import type { FanOuts } from "../state/fan_outs.ts";
import { KIND, PROTOCOL, type State, WITNESS } from "../state/state.ts";
import { type Clock, ticksOf } from "./clock.ts";
import type { Everyday } from "./everyday.ts";
import type { FlowEnds } from "./flow_ends.ts";

/** Evidence of an encrypted-looking flow to an endpoint that took part in a confirmed conversation. */
const KNOWN_PEER: Evidence = evidence(
  "known-peer",
  STRONG,
  "Encrypted-looking flow, or one whose looks say little, to an endpoint that took part in a confirmed conversation",
  true,
);
/** The same of a flow of any kind, TLS and HTTP too. */
export const OWN_PEER: Evidence = evidence(
  "known-peer",
  STRONG,
  "Flow to the address and port to which this client itself sent what was certain, or that a message named to it, or " +
    "to its own port of that kind, whatever the flow speaks",
);

/** Evidence of an encrypted-looking flow of a client in whose other flows the protocol was certain. */
const KNOWN_CLIENT: Evidence = evidence(
  "known-client",
  STRONG,
  "Encrypted-looking flow, or one whose looks say little, of a client in whose other flows this protocol was certain within the last " +
    "minutes, or shown by its messages; over TCP with the lengths of a handshake or message that other ciphers do not have, or to a peer that was named",
  true,
);

/** Evidence of encrypted-looking flows of both kinds, TCP and UDP, of one client and one protocol. */
const HINTED_CLIENT: Evidence = evidence(
  "hinted-client",
  STRONG,
  "Encrypted-looking TCP flow, with the lengths of a handshake or message that other ciphers do not have, of a client that had " +
    "encrypted-looking UDP conversations of this protocol with five peers within the last minutes",
  true,
);

/** Evidence of a flow of a client that had as many of its kind in little time as make a fan-out. */
export const FAN_OUT: Evidence = evidence(
  "fan-out",
  STRONG,
  "Encrypted-looking TCP flow of a client that had such flows with several hosts (encrypted.fan_out_hosts) within a minute, " +
    "each with first flights of other lengths, and with the lengths that the protocol's handshake ends in",
  true,
);

/** Added to a protocol's number: the key word of a client that uses it, above every port. */
const CLIENT_KEY = 0x10000;
/** The same for a client whose encrypted flows gave it away. */
const REVEALED_KEY = 0x20000;
/** The same for a client that showed an allowed info-hash. */
const ALLOWED_KEY = 0x30000;
/** Milliseconds that an allowed use counts: trackers are asked every half hour. */
const ALLOWED_LASTS = 3_600_000;
/** In the column {@link WITNESS} of a client that is known: by an info-hash of its own, which the config does not allow. */
const BY_HASH = 1;

/** What revealed a client, in the column {@link KIND}: the messages of one flow, or a fan-out. */
export type Revealed = 1 | 2;
/** Messages of one flow. */
export const BY_MESSAGES = 1;
/** Several flows at once. */
export const BY_FAN_OUT = 2;

/** See the module's text. */
export class Endpoints {
  /** The policy in force. */
  policy: Policy;
  readonly #table: AddressTable;
  readonly #fanOuts: FanOuts;
  readonly #clock: Clock;
  readonly #everyday: Everyday;

  /** Remembers in `state`. */
  constructor(state: State, clock: Clock, policy: Policy, everyday: Everyday) {
    this.#everyday = everyday;
    this.#table = state.endpoints;
    this.#fanOuts = state.fanOuts;
    this.#clock = clock;
    this.policy = policy;
  }

  /**
   * Remembers an endpoint as ADVERTISED or CONFIRMED. `witness` is the hash of the client by whose packets alone it is
   * confirmed, or to whom alone a message named it ({@link witnessOf}); 0 where the endpoint itself sent some. What a client
   * confirms counts for its own flows only: otherwise one datagram to a VPN server could have a neighbour's tunnel taken for
   * file sharing.
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
    // Made-up lists name the servers of others: their ports are never learned.
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
   * Remembers that the client of this flow uses the protocol: CONFIRMED where that was certain, ADVERTISED where
   * encrypted-looking UDP flows hint at it. It counts as long as a fact does in the scores, and at `least` until then.
   */
  noteClient(ends: FlowEnds, protocol: number, kind: number, byHash: boolean = false, least: number = 0): void {
    const endpoints = this.#table;
    if (!byHash && this.usesAllowed(ends, protocol)) return;
    const known = endpoints.find(ends.c0, ends.c1, ends.c2, ends.c3, CLIENT_KEY + protocol);
    const better = known >= 0 && endpoints.deadline[known]! > this.#clock.now &&
      endpoints.values[known * endpoints.columns + KIND]! > kind;
    if (better) return;
    const before = known >= 0 && endpoints.values[known * endpoints.columns + KIND] === kind
      ? endpoints.deadline[known]!
      : 0;
    const until = Math.max(before, least, this.#clock.now + this.policy.config.score.window);
    const row = endpoints.insert(ends.c0, ends.c1, ends.c2, ends.c3, CLIENT_KEY + protocol, until);
    endpoints.values[row * endpoints.columns + KIND] = kind;
    if (byHash) endpoints.values[row * endpoints.columns + WITNESS] = BY_HASH;
  }

  /** That the client uses the protocol counts no longer than a fact of now. */
  soonForget(ends: FlowEnds, protocol: number): void {
    const { deadline } = this.#table;
    const row = this.#table.find(ends.c0, ends.c1, ends.c2, ends.c3, CLIENT_KEY + protocol);
    if (row >= 0) deadline[row] = Math.min(deadline[row]!, this.#clock.now + this.policy.config.score.window);
  }

  /** The client of this flow showed an allowed info-hash: what shows none may be of that use, and no longer makes it known. */
  noteAllowed(ends: FlowEnds, protocol: number): void {
    const endpoints = this.#table;
    const { c0, c1, c2, c3 } = ends;
    endpoints.insert(c0, c1, c2, c3, ALLOWED_KEY + protocol, this.#clock.now + ALLOWED_LASTS);
    const row = endpoints.find(c0, c1, c2, c3, CLIENT_KEY + protocol);
    if (row >= 0 && endpoints.values[row * endpoints.columns + WITNESS] !== BY_HASH) {
      endpoints.deadline[row] = this.#clock.now;
    }
  }

  /** Whether the client of this flow showed an allowed info-hash within the last hour. */
  usesAllowed(ends: FlowEnds, protocol: number): boolean {
    if (!this.policy.allowsAny) return false;
    const row = this.#table.find(ends.c0, ends.c1, ends.c2, ends.c3, ALLOWED_KEY + protocol);
    return row >= 0 && this.#table.deadline[row]! > this.#clock.now;
  }

  /** Encrypted flows gave the client of this one away. Counts as long as a fact of the scores does. */
  noteRevealed(ends: FlowEnds, protocol: number, by: Revealed): void {
    const endpoints = this.#table;
    const until = this.#clock.now + this.policy.config.score.window;
    const row = endpoints.insert(ends.c0, ends.c1, ends.c2, ends.c3, REVEALED_KEY + protocol, until);
    const at = row * endpoints.columns + KIND;
    endpoints.values[at] = Math.max(by, endpoints.values[at]!);
  }

  /**
   * Evidence that an encrypted-looking flow has by what is known of its ends, or null. `needs` is that of its own evidence.
   * Of a TCP flow also what the lengths of its packets `said` by its `rule`: what a client says elsewhere does not make a tunnel of its own
   * a peer's.
   */
  evidenceFor(
    ends: FlowEnds,
    protocol: number,
    needs: Needs,
    rule: LengthRule | null,
    said: Said,
  ): Evidence | null {
    const { knownPeer, knownClient } = this.policy.config.encrypted;
    const known = this.of(ends);
    if (knownPeer && known === CONFIRMED) return KNOWN_PEER;
    if (isCommonPort(ends.peerPort)) return null;
    if (rule !== null && needs !== KNOWN_ENDPOINT && said >= rule.fanned) {
      const by = this.#revealedBy(ends, protocol);
      if (by === BY_FAN_OUT) return FAN_OUT;
      if (by === BY_MESSAGES && knownClient && said >= SAYS_LITTLE) return KNOWN_CLIENT;
    }
    const speaks = said >= SAYS_MESSAGE;
    if (!knownClient || (needs === KNOWN_ENDPOINT && !speaks)) return null;
    if (rule !== null && said < SAYS_LITTLE && known !== ADVERTISED) return null;
    // What ran before ftwall did, and messages in it: the client's other flows have proven the same.
    if (rule !== null && speaks && this.#revealedBy(ends, protocol) !== 0) return KNOWN_CLIENT;
    const row = this.#table.find(ends.c0, ends.c1, ends.c2, ends.c3, CLIENT_KEY + protocol);
    if (row < 0 || this.#table.deadline[row]! <= this.#clock.now) return null;
    // A length that a tunnel has by chance stands among others.
    if (rule !== null && !speaks && known !== ADVERTISED && !this.#agrees(ends, protocol, rule)) return null;
    if (this.#table.values[row * this.#table.columns + KIND] === CONFIRMED) return KNOWN_CLIENT;
    // The hint came from UDP: only a flow of the other kind is a second fact.
    return ends.tcp === 0 ? null : HINTED_CLIENT;
  }

  #revealedBy(ends: FlowEnds, protocol: number): number {
    const { columns, deadline, values } = this.#table;
    const row = this.#table.find(ends.c0, ends.c1, ends.c2, ends.c3, REVEALED_KEY + protocol);
    return row < 0 || deadline[row]! <= this.#clock.now ? 0 : values[row * columns + KIND]!;
  }

  #agrees(ends: FlowEnds, protocol: number, rule: LengthRule): boolean {
    const { c0, c1, c2, c3 } = ends;
    const memory = ticksOf(this.policy.config.score.window);
    return this.#fanOuts.agrees(c0, c1, c2, c3, protocol, hostOf(ends), rule.near, this.#clock.tick, memory);
  }

  /**
   * Number of the protocol to which the endpoint that this flow was opened to belongs, as far as its own client told: spoken
   * with it there for certain, or named in a message of or to it, and nothing else is known to be there. Else -1.
   */
  openedTo(ends: FlowEnds): number {
    const { columns, deadline, values } = this.#table;
    const row = ends.clientOpened
      ? this.#table.find(ends.p0, ends.p1, ends.p2, ends.p3, ends.peerPort)
      : this.#table.find(ends.c0, ends.c1, ends.c2, ends.c3, ends.clientPort);
    if (row < 0 || deadline[row]! <= this.#clock.now) return -1;
    const at = row * columns;
    if (values[at + WITNESS] !== witnessOf(ends)) return -1;
    return values[at + KIND] === CONFIRMED || !this.#servesOthers(ends) ? values[at + PROTOCOL]! : -1;
  }

  /** Whether the peer of a flow is known for everyday traffic: a message may name anybody. */
  #servesOthers(ends: FlowEnds): boolean {
    const { p0, p1, p2, p3 } = ends;
    return ends.clientOpened && (this.#everyday.isKnown(p0, p1, p2, p3, 0) ||
      this.#everyday.isKnown(p0, p1, p2, p3, ends.peerPort));
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

/** The peer of a flow, for counting: never 0. */
export function hostOf(ends: FlowEnds): number {
  return hashEndpoint(ends.p0, ends.p1, ends.p2, ends.p3, 0, 0x5bd1e995) | 1;
}

/**
 * The machine of a flow's client as a witness: a hash of its MAC, where that is known, as it can send in the name of every
 * client; else of its address. Never 0.
 */
export function machineOf(ends: FlowEnds, { neighbours }: State): number {
  const row = neighbours.find(ends.c0, ends.c1, ends.c2, ends.c3, 0);
  if (row < 0) return witnessOf(ends);
  return hashEndpoint(0, 0, neighbours.values[row * 2]!, neighbours.values[row * 2 + 1]!, 0, 0x3c6ef372) | 1;
}

/** The client of a flow as a witness: a hash, never 0. */
export function witnessOf(ends: FlowEnds): number {
  return hashEndpoint(ends.c0, ends.c1, ends.c2, ends.c3, 0, 0x3c6ef372) | 1;
}
