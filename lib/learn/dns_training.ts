/**
 * Learns ("trains") addresses from DNS answers whose name, or a name in whose CNAME chain, matches a wildcard of the config.
 *
 * Only answers to a question that this client asked this server are believed (same ports, id and name); otherwise anybody
 * could have any address blocked. As a name server can give any address, those that serve others too are never trained, or
 * no longer once that is known; and what a name server says that nobody else has asked counts for the machine that asked it
 * alone: a neighbour's DoH server, which no name leads to, would be refused before it could show what it is.
 * @module
 */
import { type Classifier, type Evidence, type Look, UNDECIDED, UNRELATED } from "../protocol/classifier.ts";
import { formatAddress, isUnlearnable } from "../net/address.ts";
import type { Policy } from "../policy/policy.ts";
import { hashEndpoint } from "../state/hash.ts";
import { NAME, NAMES, PATTERN, PROTOCOL, SEVERAL, type State, WITNESS } from "../state/state.ts";
import { DNS, dnsFrameEnd, DnsMessage, type DnsName, NameSet, TYPE_CNAME } from "../wire/dns.ts";
import type { Clock } from "./clock.ts";
import { machineOf } from "./endpoints.ts";
import type { Emit } from "./event.ts";
import type { Everyday } from "./everyday.ts";
import type { Learner } from "./learner.ts";
import type { FlowEnds } from "./flow_ends.ts";

/** Milliseconds that a question waits for its answer. */
const PATIENCE = 10_000;

/** Columns of a question. */
const ASKED = 0;
const SERVER = 1;

/** See the module's text. */
export class Trainer {
  /** Answers to no waiting question: forged, late, or the question was asked before ftwall started. */
  unasked = 0;
  /** Addresses that were not trained, or no longer, because they serve others too. */
  held = 0;

  readonly #state: State;
  readonly #clock: Clock;
  readonly #learner: Learner;
  readonly #everyday: Everyday;
  readonly #emit: Emit;
  readonly #message = new DnsMessage();
  #policy: Policy | null = null;
  #names: NameSet = NameSet.from([]);
  #popular: NameSet = NameSet.from([]);

  /** Trains into `state`. */
  constructor(state: State, clock: Clock, learner: Learner, emit: Emit) {
    this.#state = state;
    this.#clock = clock;
    this.#learner = learner;
    this.#everyday = learner.everyday;
    this.#everyday.onFound = (w0, w1, w2, w3) => this.#untrain(w0, w1, w2, w3);
    this.#emit = emit;
    this.adopt();
  }

  /** Takes the names of the learner's policy after it changed; with `ownsSharedTables` also renumbers the trained addresses. */
  adopt(ownsSharedTables: boolean = true): void {
    const before = this.#policy;
    this.#policy = this.#learner.policy;
    if (ownsSharedTables && before !== null && before !== this.#policy) this.#renumber(before);
    this.#names = NameSet.from(this.#policy.training.map((name) => name.pattern));
    this.#popular = NameSet.from(this.#policy.popular);
  }

  /** Trained addresses hold their wildcard's number, which changes with the policy, as may its protocol. */
  #renumber(before: Policy): void {
    const { trained } = this.#state;
    const { training } = this.#learner.policy;
    const numbers = before.training.map(({ pattern }) =>
      training.findIndex((name) => name.pattern === pattern && !name.hint)
    );
    trained.each((row) => {
      const at = row * trained.columns;
      const number = numbers[trained.values[at + PATTERN]!] ?? -1;
      if (number < 0) {
        trained.remove(row);
        return;
      }
      trained.values[at + PATTERN] = number;
      trained.values[at + PROTOCOL] = training[number]!.protocol;
    });
  }

  /** The wildcard with a number, as the PATTERN column of trained addresses has it; empty where there is none. */
  pattern(number: number): string {
    return this.#policy?.training[number]?.pattern ?? "";
  }

  /** Protocol with a wildcard that matches the name that a proxy was asked for; -1 where none does. */
  protocolOf(name: string): number {
    const bytes = new TextEncoder().encode(name);
    const training = this.#policy?.training[this.#names.match(bytes, bytes.length)];
    return training === undefined || training.hint ? -1 : training.protocol;
  }

  /** Learns from a payload of a flow; false where it is no DNS message. */
  read(ends: FlowEnds, bytes: Uint8Array, view: DataView, start: number, end: number): boolean {
    const message = this.#message;
    if (!message.read(bytes, view, start, end) || message.questions !== 1 || message.opcode !== 0) return false;
    if (message.response === ends.fromClient) return false;
    if (this.#policy?.config.dns.train !== true) return true;
    const name = hashName(message.question);
    const server = hashEndpoint(ends.p0, ends.p1, ends.p2, ends.p3, ends.peerPort, 0x7f4a7c15);
    const word = (ends.clientPort << 16) | message.id;
    const { questions } = this.#state;
    if (!message.response) {
      const row = questions.insert(ends.c0, ends.c1, ends.c2, ends.c3, word, this.#clock.now + PATIENCE);
      questions.values[row * 2 + ASKED] = name;
      questions.values[row * 2 + SERVER] = server;
      this.#hint(ends, message.question);
      return true;
    }
    const row = questions.find(ends.c0, ends.c1, ends.c2, ends.c3, word);
    if (
      row < 0 || questions.values[row * 2 + ASKED] !== name || questions.values[row * 2 + SERVER] !== server ||
      questions.deadline[row]! <= this.#clock.now
    ) {
      this.unasked++;
      return true;
    }
    questions.remove(row);
    if (message.rcode === 0) this.#answer(ends, bytes, view, start, end);
    return true;
  }

  #hint(ends: FlowEnds, name: DnsName): void {
    const number = this.#names.match(name.bytes, name.length);
    const training = number < 0 ? undefined : this.#policy?.training[number];
    if (training?.hint === true) this.#learner.hint(ends, training.protocol, name.text(), hashName(name));
  }

  #answer(ends: FlowEnds, bytes: Uint8Array, view: DataView, start: number, end: number): void {
    const message = this.#message;
    let number = this.#names.match(message.question.bytes, message.question.length);
    let popular = this.#popular.match(message.question.bytes, message.question.length) >= 0;
    while (message.next() && message.section === 1) {
      if (number < 0) number = this.#names.match(message.owner.bytes, message.owner.length);
      if (!message.readTarget()) continue;
      // Only through a CNAME: the address hints of an HTTPS record are by the owner of the record, not of its target.
      if (number < 0 && message.type === TYPE_CNAME) {
        number = this.#names.match(message.target.bytes, message.target.length);
      }
      if (!popular) popular = this.#popular.match(message.target.bytes, message.target.length) >= 0;
    }
    const training = number < 0 ? undefined : this.#policy?.training[number];
    const trains = training !== undefined && !training.hint;
    const { p0, p1, p2, p3 } = ends;
    if (!trains && !isUnlearnable(p0, p1, p2, p3)) this.#unrelated(ends, p0, p1, p2, p3, false);
    message.read(bytes, view, start, end);
    while (message.next() && message.section === 1) {
      while (message.nextAddress()) {
        const { a0, a1, a2, a3 } = message;
        if (isUnlearnable(a0, a1, a2, a3)) continue;
        if (!trains) this.#unrelated(ends, a0, a1, a2, a3, popular);
        else if (!popular) this.#train(ends, a0, a1, a2, a3, number, training.protocol, message.ttl);
      }
    }
  }

  #train(
    ends: FlowEnds,
    a0: number,
    a1: number,
    a2: number,
    a3: number,
    number: number,
    protocol: number,
    ttl: number,
  ): void {
    const policy = this.#learner.policy;
    if (policy.isHome(a0, a1, a2, a3) || policy.isExempt(a0, a1, a2, a3, 0, 0)) return;
    if (this.#everyday.isKnown(a0, a1, a2, a3, 0)) {
      this.held++;
      return;
    }
    const { floor, ceiling, grace } = policy.config.dns;
    const until = this.#clock.now + Math.min(ceiling, Math.max(ttl * 1000, floor) + grace);
    const { trained } = this.#state;
    trained.end(a0, a1, a2, a3, 0, this.#clock.now);
    const witness = this.#isTrusted(ends) ? 0 : machineOf(ends, this.#state);
    const known = trained.find(a0, a1, a2, a3, 0) * trained.columns;
    // What one machine alone was told changes nothing that others were told of another protocol.
    if (
      known >= 0 && witness !== 0 && trained.values[known + WITNESS] !== witness &&
      trained.values[known + PROTOCOL] !== protocol
    ) return;
    const row = trained.insert(a0, a1, a2, a3, 0, until);
    const at = row * trained.columns;
    // Two machines of which each was told so by whom it asked.
    const agreed = !trained.created && trained.values[at + WITNESS] !== witness;
    trained.values[at + WITNESS] = agreed ? 0 : witness;
    trained.values[at + PROTOCOL] = protocol;
    trained.values[at + PATTERN] = number;
    if (!trained.created) return;
    this.#learner.epoch++;
    this.#emit({
      event: "trained",
      protocol: policy.protocols[protocol]!,
      name: this.#message.question.text(),
      address: formatAddress(a0, a1, a2, a3),
      pattern: this.pattern(number),
      until: this.#clock.text(until),
      client: ends.client,
    });
  }

  /** Whether the name server of a flow is at home, a well-known one, or one that several machines ask. */
  #isTrusted({ p0, p1, p2, p3 }: FlowEnds): boolean {
    const { policy } = this.#learner;
    return policy.isHome(p0, p1, p2, p3) || policy.isSpared(p0, p1, p2, p3) || isUnlearnable(p0, p1, p2, p3) ||
      this.#everyday.isOfMany(p0, p1, p2, p3);
  }

  /** An unrelated name leads to the address, or was answered by it. */
  #unrelated(ends: FlowEnds, a0: number, a1: number, a2: number, a3: number, popular: boolean): void {
    const { values, columns } = this.#state.everyday;
    const name = hashName(this.#message.question);
    const at = this.#everyday.show(ends, a0, a1, a2, a3, 0) * columns;
    if (values[at + NAMES]! >= SEVERAL) return;
    const names = popular ? SEVERAL : values[at + NAMES]! + (values[at + NAME] === name ? 0 : 1);
    values[at + NAME] = name;
    values[at + NAMES] = names;
    if (names === SEVERAL) this.#everyday.found(a0, a1, a2, a3);
  }

  #untrain(w0: number, w1: number, w2: number, w3: number): void {
    const { trained } = this.#state;
    const row = trained.count === 0 ? -1 : trained.find(w0, w1, w2, w3, 0);
    if (row < 0) return;
    const at = row * trained.columns;
    this.#emit({
      event: "untrained",
      protocol: this.#learner.policy.protocols[trained.values[at + PROTOCOL]!]!,
      address: formatAddress(w0, w1, w2, w3),
      pattern: this.pattern(trained.values[at + PATTERN]!),
    });
    trained.remove(row);
    this.held++;
    this.#learner.epoch++;
  }
}

/** FNV-1a over a name in lower case. */
function hashName(name: DnsName): number {
  let hash = 0x811c9dc5 | 0;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.bytes[i]!, 0x01000193);
  return hash;
}

/** A classifier that never matches: it reads DNS over TCP (RFC 7766) as it passes, and hands it to the trainer. */
export function dnsTap(trainer: Trainer, ends: FlowEnds): Classifier {
  return {
    name: "",
    title: "DNS over TCP",
    tcp: true,
    udp: false,
    least: 2,
    first: "any",
    patience: 64,
    classify(look: Look): Evidence {
      if (look.peerPort !== DNS || !look.first || !look.claim()) return UNRELATED;
      let at = look.start + (look.fromOpener ? look.note0 : look.note1);
      for (;;) {
        const next = dnsFrameEnd(look.view, at, look.end);
        if (next < 0 || next > look.end) break;
        if (!trainer.read(ends, look.bytes, look.view, at + 2, next)) return UNRELATED;
        at = next;
      }
      if (look.fromOpener) look.note0 = at - look.start;
      else look.note1 = at - look.start;
      return UNDECIDED;
    },
  };
}
