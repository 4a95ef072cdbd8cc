/**
 * Learns from what was recognised. Only this file changes locks, block list, endpoints and scores, and each change emits
 * one event. It does the same live, in a dry run and in replay.
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
  KNOWN_ENDPOINT,
  type Look,
  type Needs,
  type Protocol,
  STRONG,
  WEAK,
} from "../protocol/classifier.ts";
import {
  type LengthRule,
  type Said,
  SAYS_LITTLE,
  SAYS_MESSAGE,
  SAYS_NOTHING,
  SAYS_PROTOCOL,
} from "../protocol/message_lengths.ts";
import { isIPv4 } from "../net/address.ts";
import { isCommonPort } from "../net/common_ports.ts";
import { ACTION_NAMES } from "../policy/schema.ts";
import { type Action, DROP, LOCK, OFF, type Policy } from "../policy/policy.ts";
import type { State } from "../state/state.ts";
import { type Clock, ticksOf } from "./clock.ts";
import { decoySending } from "./decoy.ts";
import { BY_FAN_OUT, BY_MESSAGES, Endpoints, FAN_OUT, hostOf, OWN_PEER, witnessOf } from "./endpoints.ts";
import { type Emit, firstBytes, type FlowObserver, type FrequentEvent, rounded } from "./event.ts";
import { DECOY_EVENT_KIND, DETECTED_KIND, RateLimits } from "./rate_limits.ts";
import { Everyday } from "./everyday.ts";
import { isInvolved } from "./everyday_openings.ts";
import type { Outbox } from "./outbox.ts";
import { PeerList } from "./peer_list.ts";
import { Prober } from "./prober.ts";
import { Quotas } from "./quotas.ts";
import type { FlowEnds } from "./flow_ends.ts";
import { TimeLocks } from "./time_locks.ts";

/** What follows for the flow in which something was recognised. */
export type Consequence = 0 | 1 | 2 | 3;
/** Nothing: classification goes on. */
export const NOTHING = 0;
/** It is let through. */
export const LET_THROUGH = 1;
/** It is refused. */
export const REFUSE_FLOW = 2;
/** This packet passes, and the flow's next ones are asked about as before. */
export const LET_BY = 3;

/** Distinct peers of encrypted-looking UDP conversations, within the score's window, from which on they count as a hint. */
const HINTING_PEERS = 5;
/** Added to a protocol's number: the keys of the scores of encrypted-looking UDP and TCP flows. */
const ENCRYPTED_UDP = 0x10000;
const ENCRYPTED_TCP = 0x20000;

/** See the module's text. */
export class Learner {
  /** Number of the policy's action table that the schedule has in force. */
  table = 0;
  /** Matches by protocol number. */
  readonly byProtocol: number[] = [];
  /** Is told about single flows (replay). */
  observer: FlowObserver | null = null;
  /** Name of the evidence for which {@link suspected} last answered something. */
  revealedBy = "";
  /** What serves others. */
  readonly everyday: Everyday;
  /** The block list. */
  readonly peers: PeerList;
  /** The time-locks. */
  readonly timeLocks: TimeLocks;
  /** Rate limits of events. */
  readonly rateLimits: RateLimits;
  /** What one machine may cause. */
  readonly quotas: Quotas;
  /** Asks suspected clients. */
  readonly prober: Prober;

  #policy: Policy;
  readonly #state: State;
  readonly #clock: Clock;
  readonly #outbox: Outbox;
  readonly #emit: Emit;
  readonly #endpoints: Endpoints;
  readonly #known: ReadonlyMap<string, Protocol>;

  /** Asked before a frequent event is made; see {@link EngineOptions.admit}. */
  admit: (kind: FrequentEvent) => boolean = () => true;

  /** Learns into `state`; `protocols` have the decoys and probes. */
  constructor(
    policy: Policy,
    protocols: readonly Protocol[],
    state: State,
    clock: Clock,
    outbox: Outbox,
    emit: Emit,
  ) {
    this.#known = new Map(protocols.map((protocol) => [protocol.name, protocol]));
    this.#policy = policy;
    this.#state = state;
    this.#clock = clock;
    this.#outbox = outbox;
    this.#emit = emit;
    this.everyday = new Everyday(state, clock, policy);
    this.peers = new PeerList(state, clock, this.everyday, emit, policy, () => this.epoch++);
    this.timeLocks = new TimeLocks(state, clock, emit, () => this.epoch++);
    this.#endpoints = new Endpoints(state, clock, policy, this.everyday);
    this.rateLimits = new RateLimits(state.rateLimits);
    this.quotas = new Quotas(state);
    this.prober = new Prober({
      state,
      clock,
      outbox,
      quotas: this.quotas,
      emit,
      policy: () => this.policy,
      table: () => this.table,
      protocol: (name) => this.protocol(name),
      proven: (ends, protocol, evidence, bytes) => this.#itself(ends, protocol, evidence, ends.clientPort, 0, bytes),
    });
  }

  /** The policy in force. */
  get policy(): Policy {
    return this.#policy;
  }

  /** Changes with every new lock, peer or trained address; answers from an older epoch are reviewed. */
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
    this.everyday.policy = policy;
    this.peers.policy = policy;
  }

  /** What a protocol says of itself, by its name. */
  protocol(name: string): Protocol | undefined {
    return this.#known.get(name);
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

  /** A classifier matched the flow: scores, learns, reports, and says what follows. */
  matched(ends: FlowEnds, classifier: Classifier, protocol: number, evidence: Evidence, look: Look): Consequence {
    const policy = this.policy;
    const group = this.groupOf(ends);
    const action = policy.action(this.table, group, protocol);
    if (action === OFF) return NOTHING;
    const { hasInfoHash, hashFollows, isUpkeep, infoHash } = look.found;
    const letBy = hashFollows || (isUpkeep && this.#endpoints.usesAllowed(ends, protocol));
    if (policy.allowsAny && (hasInfoHash ? policy.allowsInfoHash(infoHash, 0) : letBy)) {
      if (hasInfoHash && ends.fromClient) this.#endpoints.noteAllowed(ends, protocol);
      // A datagram's flow may show other hashes yet.
      return ends.tcp === 0 ? LET_BY : LET_THROUGH;
    }
    let endpoint = 0;
    if (evidence.encrypted) {
      if (!policy.config.encrypted.detect) return NOTHING;
      const rule = ends.tcp === 0 ? null : classifier.lengths ?? null;
      const said = evidence.marked ? SAYS_MESSAGE : rule !== null && look.owned ? rule.says(look.note0) : SAYS_NOTHING;
      if (rule !== null && evidence.certainty === WEAK && evidence.needs !== KNOWN_ENDPOINT) {
        this.#met(ends, protocol, rule, said >= SAYS_LITTLE, look);
      }
      const revealing = this.#endpoints.evidenceFor(ends, protocol, evidence.needs, rule, said);
      if (revealing !== null) return this.#revealed(ends, protocol, group, action, revealing, look);
      if (evidence.needs !== 0) return NOTHING;
      endpoint = this.#endpoints.of(ends);
      // Hosts without a mark may be what is missing.
      if (
        rule !== null && (evidence.marked || rule.marked !== 0) && this.#mark(ends, protocol, rule, evidence.marked)
      ) {
        return this.#revealed(ends, protocol, group, action, FAN_OUT, look);
      }
    } else if (evidence.certainty === CERTAIN && isInvolved(ends, look)) {
      this.#endpoints.noteClient(ends, protocol, CONFIRMED, hasInfoHash);
    }
    const required = policy.require(this.table, group, protocol);
    let certainty = evidence.certainty;
    let before = 0;
    let after = 0;
    // What is ciphered on both sides is a conversation that both completed.
    const involved = isInvolved(ends, look) || (evidence.encrypted && ends.tcp !== 0);
    if ((certainty < required || certainty === WEAK) && involved) {
      const points = certainty === WEAK ? policy.config.score.weak : policy.config.score.strong;
      const boost = endpoint !== 0 && policy.config.encrypted.advertised && !isCommonPort(ends.peerPort) ? 2 : 1;
      certainty = this.#score(ends, protocol, evidence, points * boost);
      // One such conversation may be a game's; with this many peers it is a network's.
      if (evidence.encrypted && ends.tcp === 0 && this.#state.scores.peers >= HINTING_PEERS) {
        this.#endpoints.noteClient(ends, protocol, ADVERTISED);
      }
      before = this.#state.scores.before;
      after = this.#state.scores.after;
    }
    const acts = certainty >= required && action >= DROP;
    // Beyond what its machine may cause, a packet is refused and that is all.
    if (acts && action === LOCK && isInvolved(ends, look) && !this.#mayLock(ends, protocol, group)) return REFUSE_FLOW;
    this.byProtocol[protocol] = (this.byProtocol[protocol] ?? 0) + 1;
    if (hasInfoHash || !this.#endpoints.usesAllowed(ends, protocol)) {
      this.#learnEndpoints(ends, classifier, protocol, certainty, look);
    }
    this.#detected(ends, protocol, group, evidence, certainty, action, before, after, look);
    // Evidence that is not enough for the policy may be followed by better: go on.
    if (!acts && certainty === WEAK && involved) this.prober.suspect(ends, protocol);
    if (!acts) return certainty >= STRONG && certainty >= required ? LET_THROUGH : NOTHING;
    return this.#act(ends, protocol, group, action, evidence.name, look);
  }

  /**
   * A packet of a flow that is suspect by its shape alone: is one of its ends known, do the lengths of its packets
   * tell? `before` and `note` are its note by the rule before and after this packet.
   */
  suspectAgain(
    ends: FlowEnds,
    protocol: number,
    needs: Needs,
    rule: LengthRule | null,
    before: number,
    note: number,
  ): Consequence {
    let said: Said = SAYS_NOTHING;
    let revealing: Evidence | null = null;
    if (rule !== null) {
      said = rule.says(note);
      if (said > SAYS_LITTLE && note !== before && rule.says(before) < said) {
        if (said === SAYS_PROTOCOL) {
          revealing = rule.proof(note);
          this.#endpoints.noteRevealed(ends, protocol, BY_MESSAGES);
        } else if (this.#mark(ends, protocol, rule)) revealing = FAN_OUT;
      }
    }
    if (revealing === null) revealing = this.#endpoints.evidenceFor(ends, protocol, needs, rule, said);
    if (revealing === null) return NOTHING;
    const group = this.groupOf(ends);
    const action = this.policy.action(this.table, group, protocol);
    if (action === OFF) return NOTHING;
    this.revealedBy = revealing.name;
    return this.#revealed(ends, protocol, group, action, revealing, null);
  }

  /**
   * The client's program named its protocol to the router, `text` is what it said, when it asked for a `port`, until when
   * that counts. The request itself passes.
   */
  namedItself(ends: FlowEnds, protocol: number, port: number, until: number, text: string): void {
    this.#itself(ends, protocol, NAMED, port, until, text);
  }

  /** The program gave its port back, as it does at its end: what it said counts no longer than any other fact. */
  namedNoMore(ends: FlowEnds, protocol: number): void {
    this.#endpoints.soonForget(ends, protocol);
  }

  /**
   * A flow was opened in which no protocol shows. Encryption that looks like the web's hides one too: to where the client
   * itself spoke a protocol for certain, or a message of the protocol told it to go, every flow of it is of that protocol; and so is
   * every flow to its own port of which it told others.
   */
  openedToPeer(ends: FlowEnds, look: Look): Consequence {
    if (!this.policy.config.encrypted.knownPeer) return NOTHING;
    const protocol = this.#endpoints.openedTo(ends);
    if (protocol < 0) return NOTHING;
    const group = this.groupOf(ends);
    const action = this.policy.action(this.table, group, protocol);
    if (action === OFF || this.#endpoints.usesAllowed(ends, protocol)) return NOTHING;
    return this.#revealed(ends, protocol, group, action, OWN_PEER, look);
  }

  /** Takes note of a conversation that looks encrypted, and of the lengths of its first flights. */
  #met(ends: FlowEnds, protocol: number, rule: LengthRule, open: boolean, look: Look): void {
    this.#state.fanOuts.met(
      ends.c0,
      ends.c1,
      ends.c2,
      ends.c3,
      protocol,
      hostOf(ends),
      look.fromOpener ? look.ownLength : look.otherLength,
      look.fromOpener ? look.otherLength : look.ownLength,
      open,
      rule.near,
      this.#clock.tick,
      ticksOf(this.policy.config.score.window),
      this.#clock.now,
    );
  }

  /** A conversation went on as the protocol's do: marks it, and answers whether its client fans out. */
  #mark(ends: FlowEnds, protocol: number, rule: LengthRule, marked: boolean = true): boolean {
    const { score, encrypted: { fanOut, fanOutHosts, fanOutWindow } } = this.policy.config;
    if (!fanOut || !score.act) return false;
    const { fanOuts } = this.#state;
    const { c0, c1, c2, c3 } = ends;
    if (marked) fanOuts.mark(c0, c1, c2, c3, protocol, hostOf(ends));
    fanOuts.count(c0, c1, c2, c3, protocol, rule.near, this.#clock.tick, ticksOf(fanOutWindow), ticksOf(score.window));
    const enough = rule.marked === 0 ? fanOuts.marked >= fanOutHosts : fanOuts.hosts >= fanOutHosts &&
      fanOuts.marked >= rule.marked;
    if (enough) this.#endpoints.noteRevealed(ends, protocol, BY_FAN_OUT);
    return enough;
  }

  /** The flow's peer is on the block list or trained: locks the client where that is due, and says what follows. */
  metKnown(ends: FlowEnds, protocol: number, evidence: string): Consequence {
    const group = this.groupOf(ends);
    const action = protocol < 0 ? DROP : this.policy.action(this.table, group, protocol);
    if (action < DROP) return NOTHING;
    // Only a client that connects is locked, not one that is connected to.
    const connects = ends.clientOpened && ends.fromClient;
    if (action === LOCK && connects && this.#mayLock(ends, protocol, group)) {
      this.#lockFor(ends, protocol, group, evidence, 0);
    }
    return REFUSE_FLOW;
  }

  /** A client asked for a name that hints at a protocol: raises its score. `text` is the name, `name` its hash. */
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
      ticksOf(score.halfLife),
      ticksOf(score.window),
      this.#clock.now,
    );
    this.#emitDetected(ends, protocol, group, NAME_HINT, WEAK, action, scores.before, scores.after, text);
    this.prober.suspectMapped(ends, protocol);
  }

  /** Locks the client of a flow for as long as the policy says for the protocol, or renews its lock. */
  lockFlow(ends: FlowEnds, protocol: number, group: number, evidence: string): void {
    this.#lockFor(ends, protocol, group, evidence, ends.tcp === 0 ? ends.clientPort : 0);
  }

  /** Whether the client may become locked; counted. */
  #mayLock(ends: FlowEnds, protocol: number, group: number): boolean {
    const length = this.policy.lockMs(this.table, group, protocol);
    return length === 0 || this.quotas.mayLock(ends, length, this.#clock.now);
  }

  /**
   * Whether the client is one to be locked: not the router or an operator's machine, and where the config wants it, one whose
   * hardware address the kernel has seen together with its address. Others could be locked by packets in their name.
   */
  #isLockable(ends: FlowEnds): boolean {
    const { spared, bindings } = this.#state;
    const now = this.#clock.now;
    const { c0, c1, c2, c3 } = ends;
    const sparing = spared.count === 0 ? -1 : spared.find(c0, c1, c2, c3, 0);
    if (sparing >= 0 && spared.deadline[sparing]! > now) return false;
    if (!this.policy.config.lock.requireNeighbour) return true;
    const row = bindings.find(c0, c1, c2, c3, 0);
    if (row < 0 || bindings.deadline[row]! <= now) return false;
    const at = row * bindings.columns;
    return bindings.values[at] === ends.macHigh && bindings.values[at + 1] === ends.macLow;
  }

  #lockFor(ends: FlowEnds, protocol: number, group: number, evidence: string, port: number): void {
    const length = this.policy.lockMs(this.table, group, protocol);
    if (length > 0 && this.#isLockable(ends)) {
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
    // A packet from outside says nothing about the client that it is sent to.
    if (action === LOCK && isInvolved(ends, look)) this.lockFlow(ends, protocol, group, evidence);
    return REFUSE_FLOW;
  }

  /** Learns the endpoints that the payload names, and the flow's own where the evidence is certain. */
  #learnEndpoints(ends: FlowEnds, classifier: Classifier, protocol: number, certainty: Certainty, look: Look): void {
    // Whoever sends from outside could name anybody.
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
      // The zero address stands for the sender.
      if ((w0 | w1 | w2 | w3) === 0) {
        w0 = ends.fromClient ? ends.c0 : ends.p0;
        w1 = ends.fromClient ? ends.c1 : ends.p1;
        w2 = ends.fromClient ? ends.c2 : ends.p2;
        w3 = ends.fromClient ? ends.c3 : ends.p3;
      }
      if (classifier.blocksPeers === true && words[at + 5] === CONFIRMED && certainty === CERTAIN) {
        this.#block(ends, w0, w1, w2, w3, words[at + 4]!, protocol, client);
      } else {
        const own = w0 === ends.c0 && w1 === ends.c1 && w2 === ends.c2 && w3 === ends.c3;
        // What kind of port it has itself is for a client to say.
        const told = words[at + 5] === CONFIRMED || (found.invites && certainty >= STRONG && (ends.fromClient || !own));
        this.#endpoints.learn(w0, w1, w2, w3, words[at + 4]!, protocol, words[at + 5]!, told ? witnessOf(ends) : 0);
      }
    }
    if (certainty !== CERTAIN) return;
    if (classifier.blocksPeers === true) {
      this.#block(ends, ends.p0, ends.p1, ends.p2, ends.p3, ends.peerPort, protocol, client);
      return;
    }
    // The port that was connected to is a listening one; UDP programs of these networks send from the one they listen on.
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
    const known = this.#state.peers.find(w0, w1, w2, w3, port) >= 0;
    if (known || this.quotas.mayTeach(ends, this.#clock.now)) this.peers.block(w0, w1, w2, w3, port, protocol, by);
  }

  /** What follows for an encrypted-looking flow that what is known of one of its ends reveals. */
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
    if (action === LOCK && isInvolved(ends, look) && !this.#mayLock(ends, protocol, group)) return REFUSE_FLOW;
    return this.#act(ends, protocol, group, action, evidence.name, look);
  }

  /** What the client said to the router itself, and not in a flow that could be refused: it and its port count as known. */
  #itself(
    ends: FlowEnds,
    protocol: number,
    evidence: Evidence,
    port: number,
    until: number,
    bytes: string,
  ): void {
    const { certainty, because } = evidence;
    const action = this.actionFor(ends, protocol);
    if (action === OFF) return;
    const group = this.groupOf(ends);
    this.#endpoints.noteClient(ends, protocol, CONFIRMED, false, until);
    this.#endpoints.learn(ends.c0, ends.c1, ends.c2, ends.c3, port, protocol, CONFIRMED, witnessOf(ends));
    this.byProtocol[protocol] = (this.byProtocol[protocol] ?? 0) + 1;
    const name = this.policy.protocols[protocol]!;
    const found = { protocol: name, evidence: evidence.name, certainty, because, scoreBefore: 0, scoreAfter: 0 };
    this.observer?.classified(ends.row, found, null);
    this.#emitDetected(ends, protocol, group, evidence, certainty, action, 0, 0, bytes);
    const acts = action === LOCK && certainty >= this.policy.require(this.table, group, protocol);
    if (acts && this.#mayLock(ends, protocol, group)) this.lockFlow(ends, protocol, group, evidence.name);
  }

  /** Adds to the client's score. Answers the certainty of the flow, which the score may have raised. */
  #score(ends: FlowEnds, protocol: number, evidence: Evidence, points: number): Certainty {
    const score = this.policy.config.score;
    const { fanOut, fanOutHosts, fanOutWindow } = this.policy.config.encrypted;
    const scores = this.#state.scores;
    // Encrypted-looking flows to many hosts in little time: a program that looks for peers.
    const fansOut = evidence.encrypted && ends.tcp === 0 && fanOut && evidence.certainty === WEAK;
    scores.fanOutTicks = fansOut ? ticksOf(fanOutWindow) : 0;
    scores.fanOutPeers = fanOutHosts;
    scores.fanOutPoints = score.strong;
    scores.add(
      ends.c0,
      ends.c1,
      ends.c2,
      ends.c3,
      // Encrypted-looking flows have a score of their own: together with hints by name they are two facts, not one.
      evidence.encrypted ? protocol + (ends.tcp === 0 ? ENCRYPTED_UDP : ENCRYPTED_TCP) : protocol,
      hostOf(ends),
      points,
      this.#clock.tick,
      ticksOf(score.halfLife),
      ticksOf(score.window),
      this.#clock.now,
    );
    if (!score.act || scores.after < score.threshold || scores.peers < score.peers) return evidence.certainty;
    // One encrypted-looking flow may be anything; many at once to many hosts are what file sharing looks like. Over TCP that
    // takes more than their number, see #mark().
    if (evidence.encrypted && (ends.tcp !== 0 || !fanOut || !scores.fannedOut)) return evidence.certainty;
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
    // Weak facts are many and say little: one a minute. Of others enough for an administrator to see which peers.
    const burst = certainty === WEAK ? 1 : 20;
    const period = certainty === WEAK ? 60_000 : 10_000;
    const now = this.#clock.now;
    if (!this.rateLimits.allow(ends.c0, ends.c1, ends.c2, ends.c3, kind, now, burst, period)) return;
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

  /** Answers a client's datagram in the peer's name where its protocol has decoys. IPv4 only. */
  maybeDecoy(ends: FlowEnds, look: Look, protocol: number): void {
    const { decoy, decoyRate, blockUdp } = this.policy.config.lock;
    if (!decoy || !blockUdp || ends.tcp !== 0 || !ends.fromClient || !isIPv4(ends.c0, ends.c1, ends.c2)) return;
    const name = this.policy.protocols[protocol]!;
    const payloads = this.#known.get(name)?.decoys?.(look.bytes, look.start, look.end) ?? [];
    if (payloads.length === 0) return;
    if (this.actionFor(ends, protocol) < DROP) return;
    if (!this.#isLockable(ends)) return;
    if (!this.quotas.mayDecoy(ends, decoyRate, this.#clock.now)) return;
    let sent = false;
    for (const payload of payloads) sent = this.#outbox.put(decoySending(ends, payload, name)) || sent;
    if (
      !sent || !this.rateLimits.allow(ends.c0, ends.c1, ends.c2, ends.c3, DECOY_EVENT_KIND, this.#clock.now, 3, 10_000)
    ) {
      return;
    }
    this.#emit({ event: "decoy-sent", client: ends.client, peer: ends.peer, protocol: name });
  }
}

const NAMED = evidence(
  "port-mapping",
  STRONG,
  "UPnP request to the router for a port (SOAPAction AddPortMapping, the client's own address) whose description begins with a " +
    "program's name: what a program says of itself, no odds by bytes; games, calls and consoles name themselves otherwise, and no " +
    "web page can have a browser send this header",
);
const NAME_HINT = evidence("name", WEAK, "DNS question for a name of the config's hints");
