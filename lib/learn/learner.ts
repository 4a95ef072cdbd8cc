/**
 * What is remembered of what was seen. The only place that changes locks, block list, endpoints and scores; each change
 * emits one event. It is the same in dry-run, replay and live.
 * @module
 */
import {
  ADVERTISED,
  CERTAIN,
  type Certainty,
  CERTAINTY_NAMES,
  type Classifier,
  CONFIRMED,
  type Evidence,
  evidence,
  type Look,
  type Needs,
  STRONG,
  WEAK,
} from "../protocol/classifier.ts";
import { isIPv4 } from "../net/address.ts";
import { ACTION_NAMES } from "../policy/schema.ts";
import { type Action, DROP, LOCK, OFF, type Policy } from "../policy/policy.ts";
import { hashEndpoint } from "../state/hash.ts";
import type { State } from "../state/state.ts";
import type { Clock } from "./clock.ts";
import { decoyFor, decoySending } from "./decoy.ts";
import { Endpoints, isCommonPort, witnessOf } from "./endpoints.ts";
import { type Emit, firstBytes, type FlowObserver, type FrequentEvent, rounded } from "./event.ts";
import { DECOY_EVENT_KIND, DECOY_KIND, DETECTED_KIND, mayBeLocked, mayTeach, RateLimits } from "./rate_limits.ts";
import { isInvolved } from "./everyday_openings.ts";
import type { Outbox } from "./outbox.ts";
import { PeerList } from "./peer_list.ts";
import type { FlowEnds } from "./flow_ends.ts";
import { TimeLocks } from "./time_locks.ts";

/** What becomes of the flow after something was recognised in it. */
export type Consequence = 0 | 1 | 2;
/** Nothing: go on asking. */
export const NOTHING = 0;
/** Known and let through. */
export const LET_THROUGH = 1;
/** Refused. */
export const REFUSE_FLOW = 2;

/** Distinct peers of encrypted-looking UDP conversations within the score's window that hint at a client. */
const HINTING_PEERS = 5;
/** Added to a protocol's number they are the keys of the scores of what hides, in datagrams and in streams. */
const HIDDEN_UDP = 0x10000;
const HIDDEN_TCP = 0x20000;

/** See the module's text. */
export class Learner {
  /** The schedule table in force. */
  table = 0;
  /** Matches by protocol number. */
  readonly byProtocol: number[] = [];
  /** Watches single flows (replay). */
  observer: FlowObserver | null = null;
  /** The block list. */
  readonly peers: PeerList;
  /** The time-locks. */
  readonly timeLocks: TimeLocks;
  /** Rate limits of events. */
  readonly rateLimits: RateLimits;

  #policy: Policy;
  readonly #state: State;
  readonly #clock: Clock;
  readonly #outbox: Outbox;
  readonly #emit: Emit;
  readonly #endpoints: Endpoints;

  /** Asked before a frequent event is built; see {@link EngineOptions.admit}. */
  admit: (kind: FrequentEvent) => boolean = () => true;

  /** Learns into `state`. */
  constructor(policy: Policy, state: State, clock: Clock, outbox: Outbox, emit: Emit) {
    this.#policy = policy;
    this.#state = state;
    this.#clock = clock;
    this.#outbox = outbox;
    this.#emit = emit;
    this.peers = new PeerList(state, clock, emit, policy, () => this.epoch++);
    this.timeLocks = new TimeLocks(state, clock, emit, () => this.epoch++);
    this.#endpoints = new Endpoints(state.endpoints, clock, policy);
    this.rateLimits = new RateLimits(state.rateLimits);
  }

  /** The policy in force. */
  get policy(): Policy {
    return this.#policy;
  }

  /** Changes with every new lock, peer or trained address: settled answers older than it are looked at again. */
  get epoch(): number {
    return this.#state.changes;
  }

  set epoch(count: number) {
    this.#state.changes = count;
  }

  /** Puts a policy in force. */
  adopt(policy: Policy): void {
    this.#policy = policy;
    this.#endpoints.policy = policy;
    this.peers.policy = policy;
  }

  /** Group of the client of a flow. */
  groupOf(ends: FlowEnds): number {
    const row = this.#state.neighbours.find(ends.c0, ends.c1, ends.c2, ends.c3, 0);
    const at = row * 2;
    const high = row < 0 ? 0 : this.#state.neighbours.values[at]!;
    const low = row < 0 ? 0 : this.#state.neighbours.values[at + 1]!;
    return this.policy.groupOf(ends.c0, ends.c1, ends.c2, ends.c3, high, low);
  }

  /** What the policy says about a protocol for this flow's client. */
  actionFor(ends: FlowEnds, protocol: number): Action {
    return protocol < 0 ? OFF : this.policy.action(this.table, this.groupOf(ends), protocol);
  }

  /** A classifier recognised the flow. */
  matched(ends: FlowEnds, classifier: Classifier, protocol: number, evidence: Evidence, look: Look): Consequence {
    const policy = this.policy;
    const group = this.groupOf(ends);
    const action = policy.action(this.table, group, protocol);
    if (action === OFF) return NOTHING;
    if (look.found.hasInfoHash && policy.allowsInfoHash(look.found.infoHash, 0)) return LET_THROUGH;
    let endpoint = 0;
    if (evidence.encrypted) {
      if (!policy.config.encrypted.detect) return NOTHING;
      const called = this.#endpoints.evidenceFor(ends, protocol, evidence.needs);
      if (called !== null) return this.#revealed(ends, protocol, group, action, called, look);
      if (evidence.needs !== 0) return NOTHING;
      endpoint = this.#endpoints.of(ends);
    } else if (evidence.certainty === CERTAIN && isInvolved(ends, look)) {
      this.#endpoints.noteClient(ends, protocol, CONFIRMED);
    }
    const required = policy.require(this.table, group, protocol);
    let certainty = evidence.certainty;
    let before = 0;
    let after = 0;
    if ((certainty < required || certainty === WEAK) && isInvolved(ends, look)) {
      const points = certainty === WEAK ? policy.config.score.weak : policy.config.score.strong;
      const boost = endpoint !== 0 && policy.config.encrypted.advertised && !isCommonPort(ends.peerPort) ? 2 : 1;
      certainty = this.#score(ends, protocol, evidence, points * boost);
      // One such conversation may be a game's; as many peers as these are a network's.
      if (evidence.encrypted && ends.tcp === 0 && this.#state.scores.peers >= HINTING_PEERS) {
        this.#endpoints.noteClient(ends, protocol, ADVERTISED);
      }
      before = this.#state.scores.before;
      after = this.#state.scores.after;
    }
    const acts = certainty >= required && action >= DROP;
    this.byProtocol[protocol] = (this.byProtocol[protocol] ?? 0) + 1;
    this.#named(ends, classifier, protocol, certainty, look);
    this.#detected(ends, protocol, group, evidence, certainty, action, before, after, look);
    // Evidence below what the policy asks for may be followed by better: a hello by its answer.
    if (!acts) return certainty >= STRONG && certainty >= required ? LET_THROUGH : NOTHING;
    return this.#act(ends, protocol, group, action, evidence.name, look);
  }

  /** A flow that is of this protocol by its looks alone comes by again: is one of its ends known by now? */
  seenAgain(ends: FlowEnds, protocol: number, needs: Needs): Consequence {
    const called = this.#endpoints.evidenceFor(ends, protocol, needs);
    if (called === null) return NOTHING;
    const group = this.groupOf(ends);
    const action = this.policy.action(this.table, group, protocol);
    return action === OFF ? NOTHING : this.#revealed(ends, protocol, group, action, called, null);
  }

  /** The flow's peer is on the block list or trained: what follows for the client. */
  metKnown(ends: FlowEnds, protocol: number, evidence: string): Consequence {
    const group = this.groupOf(ends);
    const action = protocol < 0 ? DROP : this.policy.action(this.table, group, protocol);
    if (action < DROP) return NOTHING;
    // Who is called by a peer has done nothing: only a client that calls is locked. Not by UDP: its pings lock a client of
    // that network anyway, and somebody else may have pinged the game or VPN server that this one uses.
    const calls = ends.clientOpened && ends.fromClient && (ends.tcp !== 0 || evidence !== "known-peer");
    if (action === LOCK && calls) this.#lockFor(ends, protocol, group, evidence, 0);
    return REFUSE_FLOW;
  }

  /** A client asked for a name that speaks of a protocol: raises its score. `name` is a hash of it. */
  hint(ends: FlowEnds, protocol: number, text: string, name: number): void {
    const group = this.groupOf(ends);
    const action = this.policy.action(this.table, group, protocol);
    if (action === OFF) return;
    const score = this.policy.config.score;
    const { scores } = this.#state;
    scores.add(
      ends.c0,
      ends.c1,
      ends.c2,
      ends.c3,
      protocol,
      name | 1,
      score.weak,
      this.#clock.tick,
      score.halfLife / 125,
      score.window / 125,
      this.#clock.now,
    );
    this.#emitDetected(ends, protocol, group, NAME_HINT, WEAK, action, scores.before, scores.after, text);
  }

  /** Locks the client of a flow by its protocol's time-lock. */
  lockFlow(ends: FlowEnds, protocol: number, group: number, evidence: string): void {
    this.#lockFor(ends, protocol, group, evidence, ends.tcp === 0 ? ends.clientPort : 0);
  }

  #lockFor(ends: FlowEnds, protocol: number, group: number, evidence: string, port: number): void {
    const length = this.policy.lockMs(this.table, group, protocol);
    if (length > 0 && mayBeLocked(this.rateLimits, this.#state, ends, this.#clock.now)) {
      this.timeLocks.lock(
        ends.c0,
        ends.c1,
        ends.c2,
        ends.c3,
        protocol,
        this.#policy.protocols[protocol] ?? "operator",
        evidence,
        length,
        port,
        "detector",
        "",
      );
    }
  }

  #act(
    ends: FlowEnds,
    protocol: number,
    group: number,
    action: Action,
    evidence: string,
    look: Look | null,
  ): Consequence {
    // A stranger's packet says nothing about the client it is sent to.
    if (action === LOCK && isInvolved(ends, look)) this.lockFlow(ends, protocol, group, evidence);
    return REFUSE_FLOW;
  }

  /** Endpoints that the payload names, and the flow's own where the evidence is certain. */
  #named(ends: FlowEnds, classifier: Classifier, protocol: number, certainty: Certainty, look: Look): void {
    // A stranger could name anybody.
    if (!isInvolved(ends, look)) return;
    const found = look.found;
    const witness = ends.fromClient ? witnessOf(ends) : 0;
    const client = found.count > 0 || classifier.blocksPeers === true ? ends.client : "";
    for (let i = 0; i < found.count; i++) {
      const at = i * 6;
      const words = found.words;
      let w0 = words[at]!;
      let w1 = words[at + 1]!;
      let w2 = words[at + 2]!;
      let w3 = words[at + 3]!;
      // All zero stands for the sender itself.
      if ((w0 | w1 | w2 | w3) === 0) {
        w0 = ends.fromClient ? ends.c0 : ends.p0;
        w1 = ends.fromClient ? ends.c1 : ends.p1;
        w2 = ends.fromClient ? ends.c2 : ends.p2;
        w3 = ends.fromClient ? ends.c3 : ends.p3;
      }
      if (classifier.blocksPeers === true && words[at + 5] === CONFIRMED && certainty === CERTAIN) {
        this.#block(ends, w0, w1, w2, w3, words[at + 4]!, protocol, client);
      } else this.#endpoints.learn(w0, w1, w2, w3, words[at + 4]!, protocol, words[at + 5]!, witnessOf(ends));
    }
    if (certainty !== CERTAIN) return;
    if (classifier.blocksPeers === true) {
      this.#block(ends, ends.p0, ends.p1, ends.p2, ends.p3, ends.peerPort, protocol, client);
      return;
    }
    // The port that was called is a listening one; UDP programs of these networks send from theirs.
    if (ends.tcp === 0 || ends.clientOpened) {
      this.#endpoints.learn(ends.p0, ends.p1, ends.p2, ends.p3, ends.peerPort, protocol, CONFIRMED, witness);
    }
    if (ends.tcp === 0 || !ends.clientOpened) {
      this.#endpoints.learn(ends.c0, ends.c1, ends.c2, ends.c3, ends.clientPort, protocol, CONFIRMED, witness);
    }
  }

  #block(
    ends: FlowEnds,
    w0: number,
    w1: number,
    w2: number,
    w3: number,
    port: number,
    protocol: number,
    by: string,
  ): void {
    const known = this.#state.peers.find(w0, w1, w2, w3, 0) >= 0;
    if (known || mayTeach(this.rateLimits, ends, this.#clock.now)) this.peers.block(w0, w1, w2, w3, port, protocol, by);
  }

  /** An encrypted-looking flow that one of its ends gives away. */
  #revealed(
    ends: FlowEnds,
    protocol: number,
    group: number,
    action: Action,
    evidence: Evidence,
    look: Look | null,
  ): Consequence {
    const policy = this.policy;
    this.byProtocol[protocol] = (this.byProtocol[protocol] ?? 0) + 1;
    this.#detected(ends, protocol, group, evidence, STRONG, action, 0, 0, look);
    if (action < DROP || policy.require(this.table, group, protocol) > STRONG) return LET_THROUGH;
    return this.#act(ends, protocol, group, action, evidence.name, look);
  }

  /** Adds to the client's score; answers the certainty that the flow has by it. */
  #score(ends: FlowEnds, protocol: number, evidence: Evidence, points: number): Certainty {
    const score = this.policy.config.score;
    const { fanOut, fanOutHosts, fanOutWindow } = this.policy.config.encrypted;
    const scores = this.#state.scores;
    // Such flows to many hosts in little time: one program that looks for peers.
    const fans = evidence.encrypted && fanOut && evidence.certainty === WEAK;
    scores.near = fans ? fanOutWindow / 125 : 0;
    scores.nearPeers = fanOutHosts;
    scores.nearPoints = score.strong;
    const peer = hashEndpoint(ends.p0, ends.p1, ends.p2, ends.p3, 0, 0x5bd1e995) | 1;
    scores.add(
      ends.c0,
      ends.c1,
      ends.c2,
      ends.c3,
      // What hides is counted by itself, apart from names that were asked for: one kind of fact does not stand for two.
      evidence.encrypted ? protocol + (ends.tcp === 0 ? HIDDEN_UDP : HIDDEN_TCP) : protocol,
      peer,
      points,
      this.#clock.tick,
      score.halfLife / 125,
      score.window / 125,
      this.#clock.now,
    );
    if (!score.act || scores.after < score.threshold || scores.peers < score.peers) return evidence.certainty;
    // One hidden flow may be anything that hides; many at once to as many hosts are what file sharing looks like.
    if (evidence.encrypted && (!fanOut || !scores.fanned)) return evidence.certainty;
    return evidence.certainty < STRONG ? STRONG : CERTAIN;
  }

  #detected(
    ends: FlowEnds,
    protocol: number,
    group: number,
    evidence: Evidence,
    certainty: Certainty,
    action: Action,
    before: number,
    after: number,
    look: Look | null,
  ): void {
    const name = this.policy.protocols[protocol]!;
    this.observer?.classified(ends.row, {
      protocol: name,
      evidence: evidence.name,
      certainty,
      because: evidence.because,
      scoreBefore: before,
      scoreAfter: after,
    }, look);
    if (look !== null) this.maybeDecoy(ends, look, protocol);
    this.#emitDetected(ends, protocol, group, evidence, certainty, action, before, after, look ?? "");
  }

  #emitDetected(
    ends: FlowEnds,
    protocol: number,
    group: number,
    evidence: Evidence,
    certainty: Certainty,
    action: Action,
    before: number,
    after: number,
    bytes: Look | string,
  ): void {
    const kind = DETECTED_KIND + protocol * 8 + certainty;
    // Weak facts are many and say little: one a minute. Others: enough for an administrator to see which peers.
    const burst = certainty === WEAK ? 1 : 20;
    const stretch = certainty === WEAK ? 60_000 : 10_000;
    const now = this.#clock.now;
    if (!this.rateLimits.allow(ends.c0, ends.c1, ends.c2, ends.c3, kind, now, burst, stretch)) return;
    if (!this.admit(certainty === WEAK ? "weak" : "detected")) return;
    const suppressed = this.rateLimits.suppressed;
    this.#emit({
      event: "detected",
      protocol: this.policy.protocols[protocol]!,
      client: ends.client,
      peer: ends.peer,
      peer_port: ends.peerPort,
      transport: ends.transport,
      evidence: evidence.name,
      certainty: CERTAINTY_NAMES[certainty] as "weak" | "strong" | "certain",
      action: ACTION_NAMES[action]!,
      ...(group === 0 ? {} : { group: this.policy.groups[group]! }),
      ...(after === 0 ? {} : { score_before: rounded(before), score_after: rounded(after) }),
      because: evidence.because,
      bytes: typeof bytes === "string" ? bytes : firstBytes(bytes),
      ...(suppressed === 0 ? {} : { suppressed }),
    });
  }

  /** Answers a FastTrack ping in the peer's name, so that the client walks on through its list. IPv4 only, as FastTrack is. */
  maybeDecoy(ends: FlowEnds, look: Look, protocol: number): void {
    const { decoy, decoyRate, blockUdp } = this.policy.config.lock;
    if (!decoy || !blockUdp || ends.tcp !== 0 || !ends.fromClient || !isIPv4(ends.c0, ends.c1, ends.c2)) return;
    const name = this.policy.protocols[protocol]!;
    const payload = decoyFor(name, look.bytes, look.start, look.end);
    if (payload === null) return;
    if (this.actionFor(ends, protocol) < DROP) return;
    if (!this.rateLimits.allow(ends.c0, ends.c1, ends.c2, ends.c3, DECOY_KIND, this.#clock.now, decoyRate, 1000)) {
      return;
    }
    const sent = this.#outbox.put(decoySending(ends, payload, name));
    if (
      !sent || !this.rateLimits.allow(ends.c0, ends.c1, ends.c2, ends.c3, DECOY_EVENT_KIND, this.#clock.now, 3, 10_000)
    ) {
      return;
    }
    this.#emit({ event: "decoy-sent", client: ends.client, peer: ends.peer, protocol: name });
  }
}

const NAME_HINT = evidence("name", WEAK, "DNS question for a name of the config's hints");
