/**
 * Asks the home side: a port that a suspected client uses is put its protocol's questions, and an answer in the protocol's
 * structure proves the protocol. Silence proves nothing.
 *
 * Questions go from the router's own address to clients at home, and only there; what comes in answer is seen where all
 * packets to the router are. In a peer's name they would meet the connection that the client has with that peer.
 * @module
 */
import { formatAddress, type Mac, type Words } from "../net/address.ts";
import { isCommonPort } from "../net/common_ports.ts";
import { OFF, type Policy } from "../policy/policy.ts";
import type { Evidence, Protocol } from "../protocol/classifier.ts";
import type { Question } from "../protocol/question.ts";
import { hashEndpoint } from "../state/hash.ts";
import { CLIENT_PORTS, OF_TCP, type State } from "../state/state.ts";
import type { Packet } from "../wire/packet.ts";
import type { Clock } from "./clock.ts";
import { type Emit, hexOf } from "./event.ts";
import { FlowEnds } from "./flow_ends.ts";
import type { Outbox, Sending } from "./outbox.ts";
import type { Quotas } from "./quotas.ts";

/** Columns: how often it was asked; when it is to be asked next, in ticks. */
const TRIES = 0;
const DUE = 1;
/** Times that a port is asked, as packets get lost; in this column also: it has answered. */
const MOST_TRIES = 3;
const ANSWERED = 0x7fffffff;
/** Ticks (eighths of a second) between two tries: two seconds, then four; a call takes longer. */
const AGAIN = 16;
const CALL_AGAIN = 80;
/** Where the protocol's number begins in the key word; port and transport stand below. */
const PROTOCOL_SHIFT = 17;
/** Ticks for which a nonce is the same, as a shift: 64 seconds. The last one's answers count too. */
const NONCE_SHIFT = 9;

/** What the prober asks of others. */
export interface ProberParts {
  readonly state: State;
  readonly clock: Clock;
  readonly outbox: Outbox;
  readonly quotas: Quotas;
  readonly emit: Emit;
  /** The policy in force, and the number of its action table. */
  readonly policy: () => Policy;
  readonly table: () => number;
  /** What a protocol says of itself, by its name. */
  readonly protocol: (name: string) => Protocol | undefined;
  /** Called with what is proven. */
  readonly proven: (ends: FlowEnds, protocol: number, evidence: Evidence, bytes: string) => void;
}

/** See the module's text. */
export class Prober {
  readonly #parts: ProberParts;

  /** Remembers in the state who was asked. */
  constructor(parts: ProberParts) {
    this.#parts = parts;
  }

  /**
   * Something weak spoke for this protocol in a flow: asks the client's port of that flow, where others can reach it, and
   * those that the router maps to the client.
   */
  suspect(ends: FlowEnds, protocol: number): void {
    if (!this.#parts.policy().config.probe.ask) return;
    if (ends.tcp === 0) this.#ask(ends, protocol, ends.clientPort, 0);
    else if (!ends.clientOpened) this.#ask(ends, protocol, ends.clientPort | OF_TCP, 0);
    this.suspectMapped(ends, protocol);
  }

  /** The same for the ports that the router maps to the client alone. */
  suspectMapped(ends: FlowEnds, protocol: number): void {
    const { mappings } = this.#parts.state;
    if (mappings.count === 0) return;
    const row = mappings.find(ends.c0, ends.c1, ends.c2, ends.c3, 0);
    if (row < 0) return;
    for (let i = 1; i <= CLIENT_PORTS; i++) {
      const word = mappings.values[row * mappings.columns + i]!;
      if (word !== 0 && this.#isMapped(ends, word)) this.#ask(ends, protocol, word, 0);
    }
  }

  /** A flow in which nothing was recognised passed: to a port that the router maps to the client, it is worth one question. */
  passed(ends: FlowEnds): void {
    if (this.#parts.state.mappings.count === 0 || (ends.tcp !== 0 && ends.clientOpened)) return;
    const word = ends.clientPort | (ends.tcp !== 0 ? OF_TCP : 0);
    if (!this.#isMapped(ends, word)) return;
    const { protocols } = this.#parts.policy();
    for (let protocol = 0; protocol < protocols.length; protocol++) this.#ask(ends, protocol, word, MOST_TRIES - 1);
  }

  /** A datagram to the router: is it the answer to a question? */
  answered(ends: FlowEnds, { bytes, payload, payloadEnd }: Packet): boolean {
    const { state, clock, policy } = this.#parts;
    const { probes } = state;
    if (probes.count === 0) return false;
    const { protocols } = policy();
    for (let protocol = 0; protocol < protocols.length; protocol++) {
      const row = probes.find(ends.c0, ends.c1, ends.c2, ends.c3, wordOf(ends.clientPort, protocol));
      if (row < 0 || probes.deadline[row]! <= clock.now) continue;
      const questions = this.#questions(protocol);
      for (let number = 0; number < questions.length; number++) {
        const question = questions[number]!;
        for (let age = 0; age < 2; age++) {
          const nonce = this.#nonce(row, number, age);
          if (!question.answers(bytes, payload, payloadEnd, nonce, ends.peerPort)) continue;
          const first = this.#proven(ends, protocol, row, question.evidence, hexOf(bytes, payload, payloadEnd));
          if (first && question.close !== undefined) this.#put(row, question.close(bytes, payload, nonce), "probe");
          return true;
        }
      }
    }
    return false;
  }

  /** A call, from the router's `own` address and port, proved its protocol. */
  callAnswered({ client, clientPort, protocol: name }: Sending, own: Words, port: number): void {
    const { state, policy, protocol } = this.#parts;
    const number = policy().protocolNumber(name);
    const call = protocol(name)?.call;
    const ends = new FlowEnds();
    ends.tcp = 1;
    ends.clientPort = clientPort;
    ends.peerPort = port;
    [ends.c0, ends.c1, ends.c2, ends.c3] = client;
    [ends.p0, ends.p1, ends.p2, ends.p3] = own;
    const row = state.probes.find(ends.c0, ends.c1, ends.c2, ends.c3, wordOf(ends.clientPort | OF_TCP, number));
    if (row >= 0 && call !== undefined) this.#proven(ends, number, row, call.evidence, "");
  }

  /** Asks again where no answer came. To be called about once a second. */
  tick(): void {
    const { state: { probes }, clock } = this.#parts;
    if (probes.count === 0) return;
    const { tick, now } = clock;
    probes.each((row) => {
      const at = row * probes.columns;
      if (probes.deadline[row]! <= now || probes.values[at + TRIES]! >= MOST_TRIES) return;
      if (probes.values[at + DUE]! <= tick) this.#send(row);
    });
  }

  /** Says what was proven; false where it is known already. */
  #proven(ends: FlowEnds, protocol: number, row: number, evidence: Evidence, bytes: string): boolean {
    const { state: { probes }, proven } = this.#parts;
    const at = row * probes.columns;
    if (probes.values[at + TRIES] === ANSWERED) return false;
    probes.values[at + TRIES] = ANSWERED;
    proven(ends, protocol, evidence, bytes);
    return true;
  }

  /** Whether the router maps this port (with its transport) to the client of the flow. */
  #isMapped(ends: FlowEnds, word: number): boolean {
    const { state: { mappings }, clock } = this.#parts;
    const row = mappings.find(ends.c0, ends.c1, ends.c2, ends.c3, word);
    return row >= 0 && mappings.deadline[row]! > clock.now;
  }

  /** Begins to ask a port, unless that was done a short while ago. */
  #ask(ends: FlowEnds, protocol: number, word: number, tries: number): void {
    const { state: { probes }, clock, policy } = this.#parts;
    const { config } = policy();
    if (!config.probe.ask || config.protocols[protocol]?.probe !== true || isCommonPort(word & 0xffff)) return;
    const tcp = (word & OF_TCP) !== 0;
    if (tcp ? this.#protocol(protocol)?.call === undefined : this.#questions(protocol).length === 0) return;
    const key = wordOf(word, protocol);
    const known = probes.find(ends.c0, ends.c1, ends.c2, ends.c3, key);
    if (known >= 0 && probes.deadline[known]! > clock.now) return;
    // What an answer proves counts for twice this time: who is still suspected is asked before it ends.
    const row = probes.insert(ends.c0, ends.c1, ends.c2, ends.c3, key, clock.now + config.score.window / 2);
    probes.values[row * probes.columns + TRIES] = tries;
    this.#send(row);
  }

  #send(row: number): void {
    const { state, clock, policy, table, quotas, emit } = this.#parts;
    const { probes } = state;
    const at = row * probes.columns;
    const word = probes.key(row, 4);
    const protocol = word >>> PROTOCOL_SHIFT;
    const tcp = (word & OF_TCP) !== 0;
    const tries = ++probes.values[at + TRIES]!;
    probes.values[at + DUE] = clock.tick + (tcp ? CALL_AGAIN : AGAIN * tries);
    const client = [probes.key(row, 0), probes.key(row, 1), probes.key(row, 2), probes.key(row, 3)] as const;
    const mac = state.macOf(...client);
    if (!this.#mayAsk(client, mac)) return;
    const group = policy().groupOf(...client, ...mac);
    if (policy().action(table(), group, protocol) === OFF || !quotas.mayProbe(...client, clock.now)) return;
    const sent = tcp ? this.#put(row, NOTHING, "call") : this.#putAll(row, this.#questions(protocol));
    if (!sent) return;
    const address = formatAddress(...client);
    emit({
      event: "probe-sent",
      client: address,
      peer: address,
      protocol: policy().protocols[protocol]!,
      port: word & 0xffff,
      transport: tcp ? "tcp" : "udp",
    });
  }

  /** Whether a client may be asked: one at home, not exempt, and neither the router, an operator's machine nor a broadcast address. */
  #mayAsk(client: Words, mac: Mac): boolean {
    const { state: { spared, allowances }, clock, policy } = this.#parts;
    if (!policy().isHome(...client) || policy().isExempt(...client, ...mac)) return false;
    if (allowances.count > 0 && allowances.find(...client, 0) >= 0) return false;
    const row = spared.find(...client, 0);
    return row < 0 || spared.deadline[row]! <= clock.now;
  }

  #putAll(row: number, questions: readonly Question[]): boolean {
    let sent = false;
    questions.forEach((question, number) => {
      if (this.#put(row, question.ask(this.#nonce(row, number, 0)), "probe")) sent = true;
    });
    return sent;
  }

  #put(row: number, payload: Uint8Array, kind: "probe" | "call"): boolean {
    const { state: { probes }, outbox, policy } = this.#parts;
    const word = probes.key(row, 4);
    const client = [probes.key(row, 0), probes.key(row, 1), probes.key(row, 2), probes.key(row, 3)] as const;
    const clientPort = word & 0xffff;
    const protocol = policy().protocols[word >>> PROTOCOL_SHIFT]!;
    return outbox.put({ kind, client, clientPort, peer: client, peerPort: clientPort, payload, protocol });
  }

  /** What the answer to a question must echo; `age` 1 is the one of before. */
  #nonce(row: number, number: number, age: number): number {
    const { state: { probes, secret }, clock } = this.#parts;
    const k = (word: number) => probes.key(row, word);
    const seed = secret ^ Math.imul(number + 1, 0x9e3779b1) ^ ((clock.tick >>> NONCE_SHIFT) - age);
    return hashEndpoint(k(0), k(1), k(2), k(3), k(4), seed) | 0;
  }

  #protocol(number: number): Protocol | undefined {
    return this.#parts.protocol(this.#parts.policy().protocols[number] ?? "");
  }

  #questions(protocol: number): readonly Question[] {
    return this.#protocol(protocol)?.questions ?? NO_QUESTIONS;
  }
}

const NOTHING = new Uint8Array(0);
const NO_QUESTIONS: readonly Question[] = [];

function wordOf(port: number, protocol: number): number {
  return port | (protocol << PROTOCOL_SHIFT);
}
