/**
 * The order of questions: a packet goes in, a verdict comes out, and what the packet shows is learned.
 * @module
 */
import { type Classifier, type Evidence, UNDECIDED, UNRELATED, WEAK } from "../protocol/classifier.ts";
import type { LengthRule } from "../protocol/message_lengths.ts";
import { LOCK, type Policy } from "../policy/policy.ts";
import {
  ACCEPTED,
  ALLOWED,
  AWAITING,
  CANDIDATES,
  CLOSING,
  DOUBTED,
  EPOCH,
  EXEMPT,
  FLAGS,
  FLOW_WORDS,
  LOCAL,
  NOTE0,
  OPENER_FIRST,
  PASS,
  REFUSED,
  RESUMED,
  SEEN,
  SUSPECT,
  SUSPICION_BITS,
} from "../state/flow_table.ts";
import type { State } from "../state/state.ts";
import { OK, type Outcome } from "../wire/outcome.ts";
import { CHECKSUM_UNKNOWN, type Packet } from "../wire/packet.ts";
import { ACK, FIN, PROTOCOL_TCP, RST, SYN } from "../wire/transport.ts";
import { Asker } from "./asker.ts";
import { isTaken } from "./receiver.ts";
import { MAPPING_PORT } from "../wire/port_mapping.ts";
import { noteStart } from "./stream_start.ts";
import { Budgets } from "../learn/budgets.ts";
import { PriorFacts } from "../learn/prior_facts.ts";
import { Clock } from "../learn/clock.ts";
import { Counters, RefusalLog } from "../learn/counters.ts";
import { isOpenedForOthers, maySettle } from "./settle.ts";
import { forgetExempted, Keeper } from "../learn/keeper.ts";
import { Learner, LET_BY, LET_THROUGH, NOTHING, REFUSE_FLOW } from "../learn/learner.ts";
import type { Because, Emit, FlowObserver, FrequentEvent } from "../learn/event.ts";
import { isReused, openFlow } from "./new_flow.ts";
import { DNS } from "../wire/dns.ts";
import { isEverydayOpening } from "../learn/everyday_openings.ts";
import { Outbox } from "../learn/outbox.ts";
import { FlowEnds, isStranger } from "../learn/flow_ends.ts";
import { dnsTap, Trainer } from "../learn/dns_training.ts";
import { mappingTap, PortMappings } from "../learn/port_mappings.ts";
import type { TableLock } from "../state/table_lock.ts";
import { addLength, suspect, SUSPECTED_BY, suspectedBy, suspicionNeeds } from "./suspicion.ts";

/** The packet is accepted. */
export const ACCEPT = 0;
/** The packet is refused. */
export const REFUSE = 1;
/** Added to either: the verdict holds for the rest of the flow, and the kernel may apply it. */
export const SETTLED = 2;
/** Added to {@link ACCEPT}: an ordinary answer settles the flow, and the kernel may tell whether it is one. */
export const AWAITS = 4;
/** Added to {@link ACCEPT}: that holds no longer. */
export const AWAITS_NOT = 8;
/** {@link ACCEPT} or {@link REFUSE}, perhaps with {@link SETTLED}; {@link ACCEPT} with one of the last two. */
export type Verdict = 0 | 1 | 2 | 3 | 4 | 8;

/** What an engine needs. */
export interface EngineOptions {
  /** What to do about whom. */
  readonly policy: Policy;
  /** Everything remembered. */
  readonly state: State;
  /** Asked in this order. */
  readonly classifiers: readonly Classifier[];
  /** Where events go. */
  readonly emit: Emit;
  /** Asked before a frequent event is made: false leaves it out; after true, `emit` gets it next. */
  readonly admit?: (kind: FrequentEvent) => boolean;
  /** For captures from anywhere: the private side of a flow is its client, else the opener is. */
  readonly homeAny?: boolean;
  /**
   * Where threads share the tables: their lock.
   * @ignore
   */
  readonly tableLock?: TableLock;
  /**
   * False where another thread's engine ends what is over in these tables, and what a new policy exempts. Default true.
   * @ignore
   */
  readonly ownsSharedTables?: boolean;
}

/** Set in a flow's epoch, so that its next packet is reviewed. Epochs of learning use the 15 bits below. */
const STALE = 0x8000;

/** See the module's text. */
export class Engine {
  /** All tables. */
  readonly state: State;
  /** The engine's time. */
  readonly clock: Clock = new Clock();
  /** Decoys and probes to be sent. */
  readonly outbox: Outbox = new Outbox();
  /** What was counted. */
  readonly counters: Counters = new Counters();

  // Parts that the daemon needs, and users of the library do not.
  /**
   * Changes locks, block list, endpoints and scores.
   * @ignore
   */
  readonly learner: Learner;
  /**
   * Asks the classifiers.
   * @ignore
   */
  readonly asker: Asker;
  /**
   * Learns addresses from DNS.
   * @ignore
   */
  readonly trainer: Trainer;
  /**
   * Lock of the tables; null where this engine has them to itself.
   * @ignore
   */
  readonly tableLock: TableLock | null;

  /**
   * Counts clients that are above their budgets.
   * @ignore
   */
  readonly budgets: Budgets;

  readonly #keeper: Keeper;
  readonly #priorFacts: PriorFacts;
  readonly #mappings: PortMappings;
  readonly #classifiers: readonly Classifier[];
  readonly #ownsSharedTables: boolean;
  readonly #homeAny: boolean;
  readonly #refusals: RefusalLog;
  readonly #ends = new FlowEnds();
  #policy: Policy;
  /** How each classifier tells by lengths, null where it does not. */
  readonly #lengths: readonly (LengthRule | null)[];
  /** The policy's number of each classifier's protocol; -1 where it has none. */
  #protocols: Int32Array;
  /** 1 to 0x7fff; a flow that was not reviewed yet has 0. */
  #policyEpoch = 1;
  #observer: FlowObserver | null = null;

  /** Makes an engine; the state may outlive it. */
  constructor(options: EngineOptions) {
    this.state = options.state;
    this.#policy = options.policy;
    this.#homeAny = options.homeAny ?? false;
    this.tableLock = options.tableLock ?? null;
    this.#ownsSharedTables = options.ownsSharedTables ?? true;
    const { policy, classifiers, emit } = options;
    this.learner = new Learner(policy, classifiers, this.state, this.clock, this.outbox, emit);
    if (options.admit !== undefined) this.learner.admit = options.admit;
    this.trainer = new Trainer(this.state, this.clock, this.learner, options.emit);
    this.#keeper = new Keeper(this.state, this.clock, this.learner, this.outbox, options.emit);
    this.budgets = new Budgets(this.state, this.clock, this.learner, options.emit);
    this.#refusals = new RefusalLog(this.counters, this.learner, this.clock, options.emit);
    this.#priorFacts = new PriorFacts(this.state, this.clock, this.learner, this.trainer);
    this.#mappings = new PortMappings(this.state, this.clock, this.learner, options.emit, classifiers);
    this.#classifiers = [
      ...options.classifiers,
      dnsTap(this.trainer, this.#ends),
      mappingTap(this.#mappings, this.#ends),
    ];
    this.#lengths = this.#classifiers.map(({ lengths }) => lengths ?? null);
    this.asker = new Asker(this.#classifiers, this.state.flows, this.state.streams);
    this.#protocols = this.#numbers(options.policy);
  }

  /** The policy in force. */
  get policy(): Policy {
    return this.#policy;
  }

  /** Is told about single flows (replay). */
  set observer(observer: FlowObserver | null) {
    this.#observer = observer;
    this.learner.observer = observer;
  }

  /**
   * Puts a policy in force, between bursts. Locks and peers stay unless it exempts them, trained addresses stay if it still
   * has their wildcard; decisions about flows are reviewed.
   */
  adopt(policy: Policy): void {
    const before = this.#policy;
    this.#policy = policy;
    this.learner.adopt(policy);
    this.learner.table = policy.tableAt(this.clock.now + this.clock.wallOffset);
    this.trainer.adopt(this.#ownsSharedTables);
    this.#protocols = this.#numbers(policy);
    this.#policyEpoch = this.#policyEpoch % 0x7fff + 1;
    if (this.#ownsSharedTables) forgetExempted(this.state, before, policy, this.learner.timeLocks);
  }

  /** Calls `act` while holding the lock of the tables, where there is one. */
  hold<T>(act: () => T): T {
    return this.tableLock === null ? act() : this.tableLock.hold(act);
  }

  /** Lets time pass. `now` is the source's time, `wall` milliseconds since 1970, for schedules and times in events. */
  tick(now: number, wall: number): void {
    this.clock.set(now);
    this.clock.wallOffset = wall - now;
    const table = this.#policy.tableAt(wall);
    if (table !== this.learner.table) {
      this.learner.table = table;
      this.#policyEpoch = this.#policyEpoch % 0x7fff + 1;
    }
    this.#keeper.tick(this.#ownsSharedTables);
  }

  /** Judges one packet, which came at `now` (milliseconds of the source's time). `outcome` is that of decoding it. */
  judge(packet: Packet, outcome: Outcome, now: number): Verdict {
    this.clock.set(now);
    return this.answer(packet, outcome);
  }

  /** The same at the clock's time. For bursts: a time with a fraction as an argument costs an allocation for each packet. */
  answer(packet: Packet, outcome: Outcome): Verdict {
    const counters = this.counters;
    counters.packets++;
    if (outcome !== OK) {
      counters.decode[outcome]!++;
      const verdict = this.#undecoded(packet);
      if (verdict === REFUSE) counters.refused++;
      else counters.accepted++;
      return verdict;
    }
    const { flows } = this.state;
    const tcp = packet.transport === PROTOCOL_TCP ? 1 : 0;
    const { s0, s1, s2, s3, d0, d1, d2, d3, sport, dport } = packet;
    let row = flows.find(tcp, s0, s1, s2, s3, d0, d1, d2, d3, sport, dport);
    let fromOpener = flows.fromOpener;
    if (
      row >= 0 && tcp !== 0 &&
      (packet.begun || ((packet.flags & (SYN | ACK | RST)) === SYN && isReused(flows, row, packet, fromOpener)))
    ) {
      flows.remove(row);
      row = -1;
      flows.find(tcp, s0, s1, s2, s3, d0, d1, d2, d3, sport, dport);
    }
    if (row < 0) {
      // The rules let by the SYNs of clients alone.
      fromOpener = !packet.begun || this.#policy.isHome(s0, s1, s2, s3);
      row = fromOpener
        ? flows.open(tcp, s0, s1, s2, s3, d0, d1, d2, d3, sport, dport)
        : flows.open(tcp, d0, d1, d2, d3, s0, s1, s2, s3, dport, sport);
      openFlow(this.state, this.#policy, row, packet, fromOpener, this.#homeAny, this.clock.now);
      this.asker.begin(row, packet, tcp);
      if (this.#observer !== null) this.#observer.opened(row, packet);
    }
    const words = flows.words;
    const flow = row * FLOW_WORDS;
    words[flow + SEEN] = this.clock.tick;
    if (tcp !== 0 && (packet.flags & (FIN | RST)) !== 0) words[flow + FLAGS]! |= CLOSING;
    const epoch = ((this.#policyEpoch << 16) | (this.learner.epoch & 0x7fff)) | 0;
    let verdict: Verdict;
    const flags = words[flow + FLAGS]!;
    if (
      words[flow + EPOCH] === epoch && (flags & (ACCEPTED | PASS)) !== 0 && (flags & (LOCAL | EXEMPT | SUSPECT)) === 0
    ) {
      verdict = (ACCEPT | SETTLED) as Verdict;
    } else {
      const ends = this.#ends;
      ends.read(flows, row, fromOpener, this.asker.tunnels.of(row));
      ends.macHigh = ends.fromClient ? packet.macHigh : 0;
      ends.macLow = ends.fromClient ? packet.macLow : 0;
      this.#refusals.bytes = packet.length;
      verdict = this.#question(packet, row, flow, fromOpener, tcp, epoch);
    }
    const refused = (verdict & REFUSE) !== 0;
    if (refused) counters.refused++;
    else counters.accepted++;
    if (this.#observer !== null) this.#observer.judged(row, refused);
    return verdict;
  }

  #question(packet: Packet, row: number, flow: number, fromOpener: boolean, tcp: number, epoch: number): Verdict {
    const words = this.state.flows.words;
    const ends = this.#ends;
    let flags = words[flow + FLAGS]!;
    if (words[flow + EPOCH] !== epoch) flags = this.#review(row, flow, flags, epoch);
    if ((flags & PASS) !== 0) return (ACCEPT | SETTLED) as Verdict;
    // A client that an operator allowed for a time is not settled: its packets must come here when the time is over.
    if ((flags & EXEMPT) !== 0) return this.state.allowances.count === 0 ? (ACCEPT | SETTLED) as Verdict : ACCEPT;
    if ((flags & LOCAL) !== 0) return this.#local(packet, row, fromOpener);
    if ((flags & REFUSED) !== 0) {
      this.#refusals.note(ends, "recognised", "");
      if (words[flow + CANDIDATES] === 0) return (REFUSE | SETTLED) as Verdict;
      this.#renew(packet, row, flow, fromOpener);
      return REFUSE;
    }
    if ((flags & SUSPECT) !== 0 && this.#reviewSuspect(packet, row, flow, fromOpener, tcp) === REFUSE_FLOW) {
      return (REFUSE | SETTLED) as Verdict;
    }
    if (tcp === 0 && ends.peerPort === DNS && packet.length > 0) {
      if (this.trainer.read(ends, packet.bytes, packet.view, packet.payload, packet.payloadEnd)) {
        return this.#lockedOr(row);
      }
    }
    // In a capture that does not say whose side is home.
    if (tcp === 0 && ends.peerPort === MAPPING_PORT && packet.length > 0) this.#mappings.readDatagram(ends, packet);
    // Payload comes before the block list: what a flow to a known peer shows says more than where it goes.
    if ((flags & ACCEPTED) === 0) {
      const consequence = this.#askAbout(packet, row, flow, fromOpener, tcp);
      if (consequence === REFUSE_FLOW) {
        return (words[flow + CANDIDATES] === 0 ? REFUSE | SETTLED : REFUSE) as Verdict;
      }
    }
    const known = this.#priorFacts.peerFact(this.#ends, (words[flow + FLAGS]! & (ACCEPTED | SUSPECT)) === ACCEPTED);
    const verdict = known !== "" && !this.#letsThrough(tcp) ? this.#because(row, known) : this.#lockedOr(row);
    if (verdict === REFUSE) {
      // Holds as long as the lock or the entry does: such a refusal is never settled.
      words[flow + EPOCH]! |= STALE;
      return REFUSE;
    }
    flags = words[flow + FLAGS]!;
    if ((flags & (ACCEPTED | SUSPECT)) === ACCEPTED) return (ACCEPT | SETTLED) as Verdict;
    if ((flags & AWAITING) === 0) return ACCEPT;
    return (flags & (SUSPECT | DOUBTED)) === 0 ? AWAITS : AWAITS_NOT;
  }

  /** Asks the classifiers, and acts on what they answer. */
  #askAbout(packet: Packet, row: number, flow: number, fromOpener: boolean, tcp: number): number {
    const words = this.state.flows.words;
    if (tcp !== 0) {
      if ((packet.length !== 0 || packet.checksum === CHECKSUM_UNKNOWN) && !isTaken(packet, words, flow, fromOpener)) {
        return NOTHING;
      }
      if ((packet.flags & SYN) !== 0) noteStart(words, flow, packet, fromOpener);
    }
    if (packet.length === 0) return NOTHING;
    let answer = this.asker.ask(row, packet, fromOpener);
    if (this.asker.targeted) {
      this.#ends.read(this.state.flows, row, fromOpener, this.asker.tunnels.of(row));
    }
    while (answer !== UNDECIDED && answer !== UNRELATED) {
      const consequence = this.#matched(row, flow, answer, tcp);
      if (consequence !== NOTHING) return consequence;
      answer = this.asker.askNext(row, tcp);
    }
    if ((words[flow + FLAGS]! & ALLOWED) !== 0) return NOTHING;
    const { look } = this.asker;
    if (tcp !== 0 && look.nth === 1 && look.fromOpener && isEverydayOpening(look.ownFirst, 1)) {
      const consequence = this.learner.openedToPeer(this.#ends, look);
      if (consequence === REFUSE_FLOW) {
        words[flow + FLAGS]! |= REFUSED;
        this.asker.dismiss(row);
        this.#refusals.note(this.#ends, "recognised", "");
        return REFUSE_FLOW;
      }
    }
    if (maySettle(this.asker.tcp, words, flow, this.asker.look.first)) {
      words[flow + FLAGS]! |= ACCEPTED;
      this.asker.dismiss(row);
      if (!isEverydayOpening(words[flow + OPENER_FIRST]!, tcp)) this.learner.prober.passed(this.#ends);
      else if (tcp !== 0) this.learner.everyday.serves(this.#ends);
    } else if (tcp !== 0 && fromOpener && isOpenedForOthers(this.asker.tcp, words, flow)) {
      this.learner.everyday.serves(this.#ends);
      words[flow + FLAGS]! |= AWAITING;
    }
    return NOTHING;
  }

  /** A flow that is suspect by its shape alone: is one of its ends known by now, do the lengths of its packets tell? */
  #reviewSuspect(packet: Packet, row: number, flow: number, fromOpener: boolean, tcp: number): number {
    const words = this.state.flows.words;
    const flags = words[flow + FLAGS]!;
    const needs = suspicionNeeds(flags);
    for (let place = 0; place < SUSPECTED_BY; place++) {
      const number = suspectedBy(flags, place);
      const protocol = number < 0 ? -1 : this.#protocols[number]!;
      if (protocol < 0) continue;
      const rule = tcp !== 0 ? this.#lengths[number]! : null;
      const before = words[flow + NOTE0]!;
      const note = rule === null ? before : addLength(words, flow, rule, packet, fromOpener);
      const consequence = this.learner.suspectAgain(this.#ends, protocol, needs, rule, before, note);
      if (consequence === REFUSE_FLOW && !this.#letsThrough(tcp)) {
        words[flow + FLAGS] = (words[flow + FLAGS]! | REFUSED) & ~(SUSPECT | ACCEPTED);
        this.asker.dismiss(row);
        this.#refusals.ended(this.#ends, this.#policy.protocols[protocol] ?? "", this.learner.revealedBy);
        return REFUSE_FLOW;
      }
      if (consequence !== NOTHING) {
        words[flow + FLAGS]! &= ~(SUSPECT | SUSPICION_BITS);
        return NOTHING;
      }
    }
    return NOTHING;
  }

  #matched(row: number, flow: number, answer: Evidence, tcp: number): number {
    const words = this.state.flows.words;
    const classifier = this.#classifiers[this.asker.matched]!;
    const protocol = this.#protocols[this.asker.matched]!;
    const { look } = this.asker;
    const { hasInfoHash } = look.found;
    if ((words[flow + FLAGS]! & ALLOWED) !== 0 && !hasInfoHash) return NOTHING;
    const consequence = protocol < 0 ? NOTHING : this.learner.matched(this.#ends, classifier, protocol, answer, look);
    if (consequence === LET_BY) {
      if (hasInfoHash) words[flow + FLAGS]! |= ALLOWED;
      return NOTHING;
    }
    if (consequence === NOTHING) {
      if (protocol < 0) this.asker.dismissMatched(row, tcp);
      else this.asker.markReported(row, answer);
      if (protocol >= 0 && answer.encrypted && this.#policy.config.encrypted.detect) {
        suspect(words, flow, answer, this.asker.matched, this.#lengths[this.asker.matched]!);
      }
      return NOTHING;
    }
    // Anybody can send a datagram in a server's name before the client sends to it: refuse it alone, and judge what follows.
    const alone = tcp === 0 && consequence === REFUSE_FLOW && !this.#letsThrough(tcp) && isStranger(this.#ends);
    const locking = tcp === 0 && consequence === REFUSE_FLOW && this.learner.actionFor(this.#ends, protocol) === LOCK;
    if (locking && !alone) this.asker.keepMatched(row, tcp);
    else if (!alone) this.asker.dismiss(row);
    if (consequence === LET_THROUGH || this.#letsThrough(tcp)) {
      if (!locking) words[flow + FLAGS]! |= ACCEPTED;
      return LET_THROUGH;
    }
    if (!alone) words[flow + FLAGS]! |= REFUSED;
    this.#refusals.note(this.#ends, "recognised", this.#policy.protocols[protocol] ?? "");
    return REFUSE_FLOW;
  }

  /** Whether the config lets UDP through, which is then only learned from (lock.blockUdp is false). */
  #letsThrough(tcp: number): boolean {
    return tcp === 0 && !this.#policy.config.lock.blockUdp;
  }

  /**
   * A refused UDP flow of a protocol that locks: a program that keeps pinging the same peers is still running, so the lock
   * is renewed and its pings get decoys.
   */
  #renew(packet: Packet, row: number, flow: number, fromOpener: boolean): void {
    const { words } = this.state.flows;
    if (packet.length === 0 || !this.#ends.fromClient) return;
    const kept = words[flow + CANDIDATES]!;
    const answer = this.asker.ask(row, packet, fromOpener);
    words[flow + CANDIDATES] = kept;
    if (answer === UNDECIDED || answer === UNRELATED) return;
    const classifier = this.#classifiers[this.asker.matched]!;
    this.learner.matched(this.#ends, classifier, this.#protocols[this.asker.matched]!, answer, this.asker.look);
  }

  /** Traffic with the router itself is never refused: DNS, the page that says why something was refused, answers to probes. */
  #local(packet: Packet, row: number, fromOpener: boolean): Verdict {
    const ends = this.#ends;
    if (packet.length === 0) return ACCEPT;
    if (ends.tcp !== 0) {
      // What classifiers say of a connection to the router itself is of no account: DNS and port mappings are listened to.
      let answer = this.asker.ask(row, packet, fromOpener);
      while (answer.certainty !== 0) answer = this.asker.askNext(row, ends.tcp);
      return ACCEPT;
    }
    if (ends.peerPort === DNS) {
      this.trainer.read(ends, packet.bytes, packet.view, packet.payload, packet.payloadEnd);
      return ACCEPT;
    }
    if (!ends.fromClient) return ACCEPT;
    if (ends.peerPort === MAPPING_PORT) {
      this.#mappings.readDatagram(ends, packet);
      return ACCEPT;
    }
    if (this.learner.prober.answered(ends, packet)) return ACCEPT;
    const answer = this.asker.ask(row, packet, fromOpener);
    if (answer === UNDECIDED || answer === UNRELATED) return ACCEPT;
    const protocol = this.#protocols[this.asker.matched]!;
    if (protocol < 0) return ACCEPT;
    const { locks } = this.state;
    const lock = locks.find(ends.c0, ends.c1, ends.c2, ends.c3, this.clock.now);
    if (lock >= 0 && locks.at(lock).protocol === protocol && this.learner.actionFor(ends, protocol) === LOCK) {
      // The program answers our probe, so it still runs: to renew a lock, weak evidence is enough.
      this.learner.lockFlow(ends, protocol, this.learner.groupOf(ends), answer.name);
    } else if (answer.certainty > WEAK) {
      this.learner.matched(ends, this.#classifiers[this.asker.matched]!, protocol, answer, this.asker.look);
    }
    return ACCEPT;
  }

  #lockedOr(row: number): Verdict {
    const ends = this.#ends;
    const locks = this.state.locks;
    if (
      locks.count === 0 || this.#letsThrough(ends.tcp) ||
      locks.find(ends.c0, ends.c1, ends.c2, ends.c3, this.clock.now) < 0
    ) return ACCEPT;
    return this.#because(row, "client-locked");
  }

  #because(row: number, reason: Because): Verdict {
    if (this.#observer !== null) this.#observer.because(row, reason);
    this.#refusals.note(this.#ends, reason, "");
    return REFUSE;
  }

  /** The epoch changed since this flow was last judged: is its client exempt now, does a new policy decide otherwise? */
  #review(row: number, flow: number, flags: number, epoch: number): number {
    const words = this.state.flows.words;
    const ends = this.#ends;
    const { neighbours, allowances } = this.state;
    const neighbour = neighbours.find(ends.c0, ends.c1, ends.c2, ends.c3, 0);
    const high = neighbour < 0 ? 0 : neighbours.values[neighbour * 2]!;
    const low = neighbour < 0 ? 0 : neighbours.values[neighbour * 2 + 1]!;
    if (
      this.#policy.isExempt(ends.c0, ends.c1, ends.c2, ends.c3, high, low) ||
      (allowances.count > 0 && allowances.find(ends.c0, ends.c1, ends.c2, ends.c3, 0) >= 0)
    ) flags |= EXEMPT;
    else flags &= ~EXEMPT;
    const policyChanged = (words[flow + EPOCH]! >>> 16) !== this.#policyEpoch && words[flow + EPOCH] !== 0;
    if (policyChanged && (flags & (ACCEPTED | REFUSED | AWAITING)) !== 0) {
      // The next packets are looked at as the middle of a stream: what was recognised before shows again.
      flags = (flags & ~(ACCEPTED | REFUSED | AWAITING)) | RESUMED;
      this.asker.restart(row, ends.tcp);
    }
    words[flow + FLAGS] = flags;
    words[flow + EPOCH] = epoch;
    return flags;
  }

  /** Neither TCP nor UDP, or not decodable: refused only between a locked client and the public side. */
  #undecoded(packet: Packet): Verdict {
    if (!this.#priorFacts.concernsLocked(packet)) return ACCEPT;
    this.counters.reason("client-locked");
    return REFUSE;
  }

  #numbers(policy: Policy): Int32Array {
    return Int32Array.from(this.#classifiers, (classifier) => policy.protocolNumber(classifier.name));
  }
}
