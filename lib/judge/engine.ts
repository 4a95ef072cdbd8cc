/**
 * The order of questions: one packet in, one verdict out, and what was learned on the way.
 * @module
 */
import { type Classifier, type Evidence, UNDECIDED, UNRELATED, WEAK } from "../protocol/classifier.ts";
import { LOCK, type Policy } from "../policy/policy.ts";
import {
  ACCEPTED,
  CANDIDATES,
  CLOSING,
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
} from "../state/flow_table.ts";
import type { State } from "../state/state.ts";
import { OK, type Outcome, type Packet } from "../wire/packet.ts";
import { ACK, FIN, PROTOCOL_TCP, RST, SYN } from "../wire/transport.ts";
import { Asker } from "./asker.ts";
import { noteStart } from "./stream_start.ts";
import { PriorFacts } from "../learn/prior_facts.ts";
import { Clock } from "../learn/clock.ts";
import { Counters, RefusalLog } from "../learn/counters.ts";
import { maySettle } from "./settle.ts";
import { forgetExempted, Keeper } from "../learn/keeper.ts";
import { Learner, LET_THROUGH, NOTHING, REFUSE_FLOW } from "../learn/learner.ts";
import type { Because, Emit, FlowObserver, FrequentEvent } from "../learn/event.ts";
import { isReused, openFlow } from "./new_flow.ts";
import { DNS } from "../wire/dns.ts";
import { isEverydayOpening } from "../learn/everyday_openings.ts";
import { Outbox } from "../learn/outbox.ts";
import { FlowEnds, isStranger } from "../learn/flow_ends.ts";
import { dnsTap, Trainer } from "../learn/dns_training.ts";
import type { TableLock } from "../state/table_lock.ts";
import { isSuspicionOver, suspect, suspectedBy, suspicionNeeds } from "./suspicion.ts";

/** The packet goes on. */
export const ACCEPT = 0;
/** The packet is refused. */
export const REFUSE = 1;
/** Added to either: the same holds for the rest of the flow, the kernel may answer for it. */
export const SETTLED = 2;
/** {@link ACCEPT} or {@link REFUSE}, perhaps with {@link SETTLED}. */
export type Verdict = 0 | 1 | 2 | 3;

/** What an engine is made of. */
export interface EngineOptions {
  /** What to do about whom. */
  readonly policy: Policy;
  /** Everything remembered. */
  readonly state: State;
  /** Whom to ask, in this order. */
  readonly classifiers: readonly Classifier[];
  /** Where events go. */
  readonly emit: Emit;
  /** Asked before a frequent event is built: false leaves it out. Whoever answers true is given it next. */
  readonly admit?: (kind: FrequentEvent) => boolean;
  /** Replay of captures from anywhere: the private side, else the opener, is the client. */
  readonly homeAny?: boolean;
  /** Where other threads keep the same tables: when it is this one's turn. */
  readonly tableLock?: TableLock;
  /** False where another engine keeps these tables: lets what is over end, and takes back what a new policy does not want. */
  readonly ownsSharedTables?: boolean;
}

/** Set in a flow's epoch: ask again for the next packet. Epochs of learning use the 15 bits below. */
const STALE = 0x8000;

/** See the module's text. */
export class Engine {
  /** Everything remembered. */
  readonly state: State;
  /** The engine's time. */
  readonly clock: Clock = new Clock();
  /** What is to be sent. */
  readonly outbox: Outbox = new Outbox();
  /** What was counted. */
  readonly counters: Counters = new Counters();
  /** What learns. */
  readonly learner: Learner;
  /** What asks the classifiers. */
  readonly asker: Asker;
  /** What learns from DNS. */
  readonly trainer: Trainer;
  /** What happens because time passes. */
  readonly keeper: Keeper;
  /** What is refused because of earlier facts. */
  readonly priorFacts: PriorFacts;

  readonly #classifiers: readonly Classifier[];
  /** Turns with other threads; null where this engine has its tables to itself. */
  readonly tableLock: TableLock | null;
  readonly #ownsSharedTables: boolean;
  readonly #homeAny: boolean;
  readonly #refusals: RefusalLog;
  readonly #ends = new FlowEnds();
  #policy: Policy;
  /** Protocol number of the policy for each classifier. */
  #protocols: Int32Array;
  /** 1 to 0x7fff: a flow that nobody reviewed yet has 0. */
  #policyEpoch = 1;
  #observer: FlowObserver | null = null;

  /** Makes an engine; the state may outlive it. */
  constructor(options: EngineOptions) {
    this.state = options.state;
    this.#policy = options.policy;
    this.#homeAny = options.homeAny ?? false;
    this.tableLock = options.tableLock ?? null;
    this.#ownsSharedTables = options.ownsSharedTables ?? true;
    this.learner = new Learner(options.policy, this.state, this.clock, this.outbox, options.emit);
    if (options.admit !== undefined) this.learner.admit = options.admit;
    this.trainer = new Trainer(this.state, this.clock, this.learner, options.emit);
    this.keeper = new Keeper(this.state, this.clock, this.learner, this.outbox, options.emit);
    this.#refusals = new RefusalLog(this.counters, this.learner, this.clock, options.emit);
    this.priorFacts = new PriorFacts(this.state, this.clock, this.learner, this.trainer);
    this.#classifiers = [...options.classifiers, dnsTap(this.trainer, this.#ends)];
    this.asker = new Asker(this.#classifiers, this.state.flows, this.state.streams);
    this.#protocols = this.#numbers(options.policy);
  }

  /** The policy in force. */
  get policy(): Policy {
    return this.#policy;
  }

  /** Watches single flows (replay). */
  set observer(observer: FlowObserver | null) {
    this.#observer = observer;
    this.learner.observer = observer;
  }

  /**
   * Puts a policy in force, between bursts. Locks and peers stay but for those that it exempts, trained addresses where it
   * still has their wildcard; decisions are looked at again.
   */
  adopt(policy: Policy): void {
    this.#policy = policy;
    this.learner.adopt(policy);
    this.learner.table = policy.tableAt(this.clock.now + this.clock.wallOffset);
    this.trainer.adopt(this.#ownsSharedTables);
    this.#protocols = this.#numbers(policy);
    this.#policyEpoch = this.#policyEpoch % 0x7fff + 1;
    if (this.#ownsSharedTables) forgetExempted(this.state, policy, this.learner.timeLocks);
  }

  /** Does something with the tables from outside a burst. */
  hold<T>(act: () => T): T {
    return this.tableLock === null ? act() : this.tableLock.hold(act);
  }

  /** Lets time pass: `wall` is milliseconds since 1970, for schedules and for times in events. */
  tick(now: number, wall: number): void {
    this.clock.set(now);
    this.clock.wallOffset = wall - now;
    const table = this.#policy.tableAt(wall);
    if (table !== this.learner.table) {
      this.learner.table = table;
      this.#policyEpoch = this.#policyEpoch % 0x7fff + 1;
    }
    this.keeper.tick(this.#ownsSharedTables);
  }

  /** Answers for one packet, which came at `now` (milliseconds of the source's time). `outcome` is what decoding said. */
  judge(packet: Packet, outcome: Outcome, now: number): Verdict {
    this.clock.set(now);
    return this.answer(packet, outcome);
  }

  /** The same at the time that the clock has: for bursts, as a fraction handed on with each packet costs an allocation. */
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
      row >= 0 && tcp !== 0 && (packet.flags & (SYN | ACK | RST)) === SYN && isReused(flows, row, packet, fromOpener)
    ) {
      flows.remove(row);
      row = -1;
      flows.find(tcp, s0, s1, s2, s3, d0, d1, d2, d3, sport, dport);
    }
    if (row < 0) {
      row = flows.open(tcp, s0, s1, s2, s3, d0, d1, d2, d3, sport, dport);
      fromOpener = true;
      openFlow(this.state, this.#policy, row, packet, this.#homeAny, this.clock.now);
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
      this.#ends.read(flows, row, fromOpener, this.asker.tunnels.of(row));
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
    // What an operator allowed for a time must come here again when the time is over.
    if ((flags & EXEMPT) !== 0) return this.state.allowances.count === 0 ? (ACCEPT | SETTLED) as Verdict : ACCEPT;
    if ((flags & LOCAL) !== 0) return this.#local(packet, row, fromOpener);
    if ((flags & REFUSED) !== 0) {
      this.#refusals.note(ends, "recognised", "");
      if (words[flow + CANDIDATES] === 0) return (REFUSE | SETTLED) as Verdict;
      this.#renew(packet, row, flow, fromOpener);
      return REFUSE;
    }
    if ((flags & SUSPECT) !== 0 && this.#watch(row, flow, tcp) === REFUSE_FLOW) return (REFUSE | SETTLED) as Verdict;
    if (tcp === 0 && ends.peerPort === DNS && packet.length > 0) {
      if (this.trainer.read(ends, packet.bytes, packet.view, packet.payload, packet.payloadEnd)) {
        return this.#lockedOr(row);
      }
    }
    // Payload is looked at before the block list is: what a flow to a known peer shows is worth more than that it goes there.
    if ((flags & ACCEPTED) === 0) {
      const consequence = this.#askAbout(packet, row, flow, fromOpener, tcp);
      if (consequence === REFUSE_FLOW) {
        return (words[flow + CANDIDATES] === 0 ? REFUSE | SETTLED : REFUSE) as Verdict;
      }
    }
    const known = this.priorFacts.known(this.#ends);
    const verdict = known !== "" && !this.#spares(tcp) ? this.#because(row, known) : this.#lockedOr(row);
    if (verdict === REFUSE) {
      // Holds as long as the lock or the entry: such an answer is never taken for settled.
      words[flow + EPOCH]! |= STALE;
      return REFUSE;
    }
    return (words[flow + FLAGS]! & (ACCEPTED | SUSPECT)) === ACCEPTED ? (ACCEPT | SETTLED) as Verdict : ACCEPT;
  }

  /** Asks the classifiers and does what follows from their answer. */
  #askAbout(packet: Packet, row: number, flow: number, fromOpener: boolean, tcp: number): number {
    const words = this.state.flows.words;
    if (tcp !== 0 && (packet.flags & SYN) !== 0) noteStart(words, flow, packet, fromOpener);
    if (packet.length === 0) return NOTHING;
    let answer = this.asker.ask(row, packet, fromOpener);
    if (this.asker.targeted) {
      this.#ends.read(this.state.flows, row, fromOpener, this.asker.tunnels.of(row));
    }
    while (answer !== UNDECIDED && answer !== UNRELATED) {
      const consequence = this.#matched(row, flow, answer, tcp);
      if (consequence !== NOTHING) return consequence;
      answer = this.asker.more(row, tcp);
    }
    if (maySettle(this.asker.tcp, words, flow, this.asker.look.first)) {
      words[flow + FLAGS]! |= ACCEPTED;
      words[flow + NOTE0] = this.clock.tick;
      this.asker.dismiss(row);
      if (tcp !== 0 && isEverydayOpening(words[flow + OPENER_FIRST]!, tcp)) this.learner.peers.ordinary(this.#ends);
    }
    return NOTHING;
  }

  /** A flow that was suspect by its looks alone: is one of its ends known by now? */
  #watch(row: number, flow: number, tcp: number): number {
    const words = this.state.flows.words;
    const flags = words[flow + FLAGS]!;
    const protocol = this.#protocols[suspectedBy(flags)]!;
    const consequence = protocol < 0 ? NOTHING : this.learner.seenAgain(this.#ends, protocol, suspicionNeeds(flags));
    if (consequence === REFUSE_FLOW && !this.#spares(tcp)) {
      words[flow + FLAGS] = (words[flow + FLAGS]! | REFUSED) & ~SUSPECT;
      this.asker.dismiss(row);
      this.#refusals.note(this.#ends, "recognised", this.#policy.protocols[protocol] ?? "");
      return REFUSE_FLOW;
    }
    if (consequence !== NOTHING || isSuspicionOver(words, flow, this.clock.tick)) words[flow + FLAGS]! &= ~SUSPECT;
    return NOTHING;
  }

  #matched(row: number, flow: number, answer: Evidence, tcp: number): number {
    const words = this.state.flows.words;
    const classifier = this.#classifiers[this.asker.matched]!;
    const protocol = this.#protocols[this.asker.matched]!;
    const { look } = this.asker;
    const consequence = protocol < 0 ? NOTHING : this.learner.matched(this.#ends, classifier, protocol, answer, look);
    if (consequence === NOTHING) {
      if (protocol < 0) this.asker.dismissMatched(row, tcp);
      else this.asker.markReported(row, answer);
      if (protocol >= 0 && answer.encrypted && this.#policy.config.encrypted.detect) {
        suspect(words, flow, answer, this.asker.matched);
      }
      return NOTHING;
    }
    // Anybody can send a datagram in a server's name before the client speaks to it: it goes, what follows is looked at.
    const passing = tcp === 0 && consequence === REFUSE_FLOW && !this.#spares(tcp) && isStranger(this.#ends);
    const lasting = tcp === 0 && consequence === REFUSE_FLOW && this.learner.actionFor(this.#ends, protocol) === LOCK;
    if (lasting && !passing) this.asker.keepMatched(row, tcp);
    else if (!passing) this.asker.dismiss(row);
    if (consequence === LET_THROUGH || this.#spares(tcp)) {
      if (!lasting) words[flow + FLAGS]! |= ACCEPTED;
      return LET_THROUGH;
    }
    if (!passing) words[flow + FLAGS]! |= REFUSED;
    this.#refusals.note(this.#ends, "recognised", this.#policy.protocols[protocol] ?? "");
    return REFUSE_FLOW;
  }

  /** UDP is only learned from where the config says so. */
  #spares(tcp: number): boolean {
    return tcp === 0 && !this.#policy.config.lock.blockUdp;
  }

  /**
   * A refused UDP flow of a locking protocol: a client that goes on pinging the same peers is still running, so its lock is
   * renewed and its pings are answered.
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

  /** Traffic with the router itself is never refused: name service, the page that says why, and the answers to probes. */
  #local(packet: Packet, row: number, fromOpener: boolean): Verdict {
    const ends = this.#ends;
    if (packet.length === 0) return ACCEPT;
    if (ends.peerPort === DNS) {
      if (ends.tcp !== 0) this.asker.ask(row, packet, fromOpener);
      else this.trainer.read(ends, packet.bytes, packet.view, packet.payload, packet.payloadEnd);
      return ACCEPT;
    }
    if (ends.tcp !== 0 || !ends.fromClient) return ACCEPT;
    const answer = this.asker.ask(row, packet, fromOpener);
    if (answer === UNDECIDED || answer === UNRELATED) return ACCEPT;
    const protocol = this.#protocols[this.asker.matched]!;
    if (protocol < 0) return ACCEPT;
    const { locks } = this.state;
    const lock = locks.find(ends.c0, ends.c1, ends.c2, ends.c3, this.clock.now);
    if (lock >= 0 && locks.at(lock).protocol === protocol && this.learner.actionFor(ends, protocol) === LOCK) {
      // The program answers our probe, so it still runs: weak evidence is enough to renew what strong evidence began.
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
      locks.count === 0 || this.#spares(ends.tcp) || locks.find(ends.c0, ends.c1, ends.c2, ends.c3, this.clock.now) < 0
    ) return ACCEPT;
    return this.#because(row, "client-locked");
  }

  #because(row: number, reason: Because): Verdict {
    if (this.#observer !== null) this.#observer.because(row, reason);
    this.#refusals.note(this.#ends, reason, "");
    return REFUSE;
  }

  /** Things changed since this flow was answered for: is its client exempt now, does the new policy decide otherwise? */
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
    if (policyChanged && (flags & (ACCEPTED | REFUSED)) !== 0) {
      // What was recognised before shows again in the packets to come; a flow without a start to look at is picked up in the middle.
      flags = (flags & ~(ACCEPTED | REFUSED)) | RESUMED;
      this.asker.again(row, ends.tcp);
    }
    words[flow + FLAGS] = flags;
    words[flow + EPOCH] = epoch;
    return flags;
  }

  /** Neither TCP nor UDP, or not decodable: only a locked client's packets to the public side are refused. */
  #undecoded(packet: Packet): Verdict {
    if (!this.priorFacts.concernsLocked(packet)) return ACCEPT;
    this.counters.reason("client-locked");
    return REFUSE;
  }

  #numbers(policy: Policy): Int32Array {
    return Int32Array.from(this.#classifiers, (classifier) => policy.protocolNumber(classifier.name));
  }
}
