/**
 * Shows packets to the classifiers: fills in the look, keeps the first bytes of a stream where one packet is not enough,
 * and stops asking as early as possible.
 * @module
 */
import { CERTAIN, type Classifier, type Evidence, Look, UNDECIDED, UNRELATED } from "../protocol/classifier.ts";
import {
  BEGUN,
  CANDIDATES,
  DATA_PACKETS,
  DOUBTED,
  FIRST_LENGTHS,
  FLAGS,
  FLOW_WORDS,
  type FlowTable,
  MIDSTREAM,
  NO_PROXY,
  NOTE0,
  NOTE1,
  OPENER_BASE,
  OPENER_BASED,
  OPENER_FIRST,
  OPENER_IS_CLIENT,
  OWNER,
  PORTS,
  PROXIED,
  REPORTED,
  RESPONDER_BASE,
  RESPONDER_BASED,
  RESPONDER_FIRST,
  RESUMED,
  SLOTS,
  SUSPECT,
} from "../state/flow_table.ts";
import { STREAM_BYTES, type Streams } from "../state/streams.ts";
import type { Packet } from "../wire/packet.ts";
import { PROTOCOL_TCP, SYN } from "../wire/transport.ts";
import { forgetStart, inferStart } from "./stream_start.ts";
import { possibleByFirstBytes } from "./settle.ts";
import { ClassifierSet, PATIENCE } from "./classifier_set.ts";
import { KNOWN, SAME, TUNNEL, Tunnels } from "./tunnels.ts";

/** The first two bytes of a TLS hello, the client's and the server's (RFC 8446 section 5.1). */
const TLS_HANDSHAKE = 0x1603;

/** See the module's text. */
export class Asker {
  /** What the classifiers look at; also holds what they found. */
  readonly look: Look = new Look();
  /** Number, in the engine's list, of the classifier that matched last. */
  matched: number = -1;
  /** Flows through proxies. */
  readonly tunnels: Tunnels;
  /** In the last {@link ask} the target of a flow through a proxy became known. */
  targeted = false;
  /** Exceptions thrown by classifiers; a classifier that throws is not asked about that flow again. */
  failures = 0;
  /** The last such exception, for the log. */
  failure: unknown = null;

  /** The classifiers for TCP. */
  readonly tcp: ClassifierSet;
  readonly #udp: ClassifierSet;
  readonly #flows: FlowTable;
  readonly #streams: Streams;

  // Sets of classifiers, one bit each as in the flow's CANDIDATES.
  /** Those that were not yet shown the packet at hand. */
  #rest = 0;
  /** Those that wait for more of the stream at hand; complete after a round. */
  #waiting = 0;
  /** Those that stay candidates although they answer UNRELATED, as the start of the flow was not seen. */
  #lasting = 0;

  /** Asks these classifiers, in this order. */
  constructor(classifiers: readonly Classifier[], flows: FlowTable, streams: Streams) {
    this.tcp = new ClassifierSet(classifiers, true);
    this.#udp = new ClassifierSet(classifiers, false);
    this.#flows = flows;
    this.#streams = streams;
    this.tunnels = new Tunnels(flows, streams);
    streams.onEvict = (row, side) => this.#slotEvicted(row, side);
    flows.onEnd = (row) => {
      this.release(row);
      this.tunnels.forget(row);
    };
  }

  /** Sets the candidates of a flow that was just opened. */
  begin(row: number, packet: Packet, tcp: number): void {
    const words = this.#flows.words;
    const flow = row * FLOW_WORDS;
    const midstream = tcp !== 0 && (packet.flags & SYN) === 0 && !packet.begun;
    if (midstream) words[flow + FLAGS]! |= MIDSTREAM;
    words[flow + CANDIDATES] = tcp === 0 ? this.#udp.all : midstream ? this.tcp.all : this.tcp.all | TUNNEL;
  }

  /** Sets the candidates of a flow whose answer was taken back: what comes is looked at as the middle of a stream. */
  restart(row: number, tcp: number): void {
    const words = this.#flows.words;
    const flow = row * FLOW_WORDS;
    this.release(row);
    words[flow + CANDIDATES] = tcp !== 0 ? this.tcp.midstream : this.#udp.all;
    forgetStart(words, flow);
  }

  /** Releases the stream slots of a flow. */
  release(row: number): void {
    const at = row * FLOW_WORDS + SLOTS;
    const slots = this.#flows.words[at]!;
    if (slots === 0) return;
    if ((slots & 0xffff) !== 0) this.#streams.release((slots & 0xffff) - 1);
    if ((slots >>> 16) !== 0) this.#streams.release((slots >>> 16) - 1);
    this.#flows.words[at] = 0;
  }

  /** Stops asking about a flow altogether. */
  dismiss(row: number): void {
    this.#flows.words[row * FLOW_WORDS + CANDIDATES] = 0;
    this.release(row);
  }

  /** From now on asks only the classifier that matched last. */
  keepMatched(row: number, tcp: number): void {
    this.dismiss(row);
    this.#flows.words[row * FLOW_WORDS + CANDIDATES] = (tcp !== 0 ? this.tcp : this.#udp).bit(this.matched);
  }

  /** No longer asks the classifier that matched last about this flow. */
  dismissMatched(row: number, tcp: number): void {
    this.#flows.words[row * FLOW_WORDS + CANDIDATES]! &= ~(tcp !== 0 ? this.tcp : this.#udp).bit(this.matched);
  }

  /** Marks evidence as reported: it counts once for this flow, later answers with it are ignored. */
  markReported(row: number, answer: Evidence): void {
    const at = row * FLOW_WORDS + REPORTED;
    this.#flows.words[at] = (this.#flows.words[at]! << 16) | answer.number;
  }

  /** Shows a packet with payload to the candidates. Answers the evidence of the first match, else UNDECIDED or UNRELATED. */
  ask(row: number, packet: Packet, fromOpener: boolean): Evidence {
    const words = this.#flows.words;
    const flow = row * FLOW_WORDS;
    const look = this.look;
    this.targeted = false;
    const counts = words[flow + DATA_PACKETS]!;
    const ports = words[flow + PORTS]!;
    const flags = words[flow + FLAGS]!;
    const openerIsClient = (flags & OPENER_IS_CLIENT) !== 0;
    look.fromOpener = fromOpener;
    look.fromClient = fromOpener === openerIsClient;
    look.clientPort = openerIsClient ? ports >>> 16 : ports & 0xffff;
    look.peerPort = this.tunnels.portOf(row, openerIsClient ? ports & 0xffff : ports >>> 16);
    const own = fromOpener ? counts & 0xffff : counts >>> 16;
    const other = fromOpener ? counts >>> 16 : counts & 0xffff;
    look.otherNth = other;
    return packet.transport === PROTOCOL_TCP
      ? this.#askTcp(row, flow, packet, fromOpener, own, flags)
      : this.#askUdp(row, flow, packet, fromOpener, own);
  }

  #askUdp(row: number, flow: number, packet: Packet, fromOpener: boolean, own: number): Evidence {
    const look = this.look;
    this.#count(flow, packet.bytes, packet.payload, packet.payloadEnd, fromOpener, own, packet.length);
    look.bytes = packet.bytes;
    look.view = packet.view;
    look.start = packet.payload;
    look.fresh = packet.payload;
    look.end = packet.payloadEnd;
    look.length = packet.length;
    look.tcp = false;
    look.first = true;
    if (look.end <= look.start) return UNDECIDED;
    return this.#round(row, flow, this.#udp, this.#udp.dispatch[packet.bytes[packet.payload]!]!, 0);
  }

  #askTcp(row: number, flow: number, packet: Packet, fromOpener: boolean, own: number, flags: number): Evidence {
    const words = this.#flows.words;
    const look = this.look;
    const baseAt = flow + (fromOpener ? OPENER_BASE : RESPONDER_BASE);
    const based = fromOpener ? OPENER_BASED : RESPONDER_BASED;
    let from = packet.payload;
    const to = packet.payloadEnd;
    const seq = (packet.flags & SYN) !== 0 ? (packet.seq + 1) | 0 : packet.seq;
    if ((flags & based) === 0) {
      words[baseAt] = seq;
      words[flow + FLAGS]! |= based;
    }
    const late = inferStart(words, flow, packet, seq, fromOpener, flags);
    if (late > 0) own = this.#moveStartBack(flow, late);
    let offset = (seq - words[baseAt]!) | 0;
    if (
      (flags & (MIDSTREAM | RESUMED)) === 0 &&
      (own === 0
        ? offset + packet.length <= 0 || offset >= STREAM_BYTES
        : offset <= 0 || (own === 1 && fromOpener && this.#strays(flow, flags, offset)))
    ) {
      this.#doubt(flow);
      const answer = this.#isRepeated(flow, packet, offset, fromOpener)
        ? UNDECIDED
        : this.#readAlone(row, flow, packet, this.tcp.all);
      if (answer !== UNDECIDED) return answer;
    }
    if (own === 0 && offset === 0 && look.otherNth !== 0 && !this.#isTlsThroughout(flow, packet, fromOpener)) {
      const answer = this.#readAlone(row, flow, packet, this.tcp.all & ~words[flow + CANDIDATES]!);
      if (answer !== UNDECIDED) return answer;
    }
    // Retransmitted, or before the start: was already seen.
    if (offset + packet.length <= 0) return UNDECIDED;
    let length = packet.length;
    if (offset < 0) {
      // The receiver cuts off what lies before the start (RFC 9293 section 3.10.7.4); so do we.
      from = Math.min(from - offset, to);
      length += offset;
      offset = 0;
    }
    const side = fromOpener ? 0 : 16;
    const slot = ((words[flow + SLOTS]! >>> side) & 0xffff) - 1;
    let conflict = false;
    look.tcp = true;
    look.view = packet.view;
    if ((flags & RESUMED) !== 0) {
      this.#count(flow, packet.bytes, from, to, fromOpener, own, length);
      this.#lookAt(packet, from, to, false);
    } else if (slot >= 0) {
      const streams = this.#streams;
      const before = streams.filled[slot]!;
      if (offset < STREAM_BYTES) {
        if (!streams.put(slot, offset, packet.bytes, from, to)) return UNDECIDED;
        conflict = streams.conflict;
        if (conflict) this.#doubt(flow);
        this.#count(flow, packet.bytes, from, to, fromOpener, own, length);
        look.bytes = streams.bytes;
        look.view = streams.view;
        look.start = slot * STREAM_BYTES;
        look.fresh = look.start + before;
        look.end = look.start + streams.filled[slot]!;
        look.first = true;
      } else {
        this.#count(flow, packet.bytes, from, to, fromOpener, own, length);
        this.#lookAt(packet, from, to, false);
      }
    } else if (own === 0 && offset > 0 && offset < STREAM_BYTES) {
      // The first segment has not arrived yet: keep this one until it has.
      this.#streams.put(this.#takeSlot(row, flow, side), offset, packet.bytes, from, to);
      return UNDECIDED;
    } else {
      this.#count(flow, packet.bytes, from, to, fromOpener, own, length);
      this.#lookAt(packet, from, to, offset === 0 && own === 0);
    }
    return this.#askStream(row, flow, packet, from, offset, slot, conflict);
  }

  /** Asks about the stream, or the part of it, that the look was set to, whose newest bytes are the packet's from `from` on. */
  #askStream(
    row: number,
    flow: number,
    packet: Packet,
    from: number,
    offset: number,
    slot: number,
    conflict: boolean,
  ): Evidence {
    const { words } = this.#flows;
    const { look, tcp: set } = this;
    const to = packet.payloadEnd;
    const side = look.fromOpener ? 0 : 16;
    const cut = packet.length - (to - packet.payload);
    look.length = look.end - look.start + cut;
    if (look.end <= look.start) return UNDECIDED;
    let possible = look.first ? 0 : set.midstream;
    const counts = words[flow + DATA_PACKETS]!;
    if (look.first) {
      possible |= possibleByFirstBytes(set, words, flow);
      if ((counts & 0xffff) !== 0 && (counts >>> 16) !== 0) {
        words[flow + CANDIDATES]! &= possible | set.midstream | TUNNEL;
      }
    }
    if ((counts & 0xffff) !== 0 && !Tunnels.mayBegin(words[flow + OPENER_FIRST]! >>> 24)) {
      words[flow + CANDIDATES]! &= ~TUNNEL;
    }
    const tunnel = (words[flow + CANDIDATES]! & TUNNEL) !== 0 && look.first && (counts & 0xffff) !== 0;
    // The middle of one side's stream proves nothing either as long as the other side may answer.
    const unsure = (words[flow + FLAGS]! & MIDSTREAM) !== 0 || (!look.first && look.otherNth === 0);
    const lasting = unsure ? set.midstream : 0;
    const answer = conflict
      ? this.#readBothWays(row, flow, packet, from, offset, slot, possible)
      : this.#round(row, flow, set, possible, lasting);
    // Weak or strong evidence does not end classification; keep this segment, to be shown together with the next.
    const wanted = answer.certainty === 0 ? tunnel || this.#waiting !== 0 : answer.certainty !== CERTAIN;
    if (wanted && slot < 0 && look.first && to - from < STREAM_BYTES) {
      this.#streams.put(this.#takeSlot(row, flow, side), offset, packet.bytes, from, to);
    }
    if (cut > 0) this.#bridge(flow, side, cut);
    return tunnel && answer.certainty === 0 ? this.#askThroughProxy(row, flow, answer) : answer;
  }

  /** Whether the opener's second segment, at `offset`, does not follow its first, and nobody saw where its stream starts. */
  #strays(flow: number, flags: number, offset: number): boolean {
    return (flags & (BEGUN | PROXIED | SUSPECT)) === BEGUN &&
      offset !== (this.#flows.words[flow + FIRST_LENGTHS]! & 0xffff);
  }

  /** What the receiver took of the stream is not sure. */
  #doubt(flow: number): void {
    const words = this.#flows.words;
    if ((words[flow + FLAGS]! & SUSPECT) === 0) words[flow + FLAGS]! |= DOUBTED;
  }

  /** Whether the second side answers a TLS hello by TLS, as nearly all do: who took the hello spoke nothing else. */
  #isTlsThroughout(flow: number, packet: Packet, fromOpener: boolean): boolean {
    const other = this.#flows.words[flow + (fromOpener ? RESPONDER_FIRST : OPENER_FIRST)]!;
    return other >>> 16 === TLS_HANDSHAKE && packet.bytes[packet.payload] === TLS_HANDSHAKE >>> 8 &&
      packet.length > 1 && packet.bytes[packet.payload + 1] === (TLS_HANDSHAKE & 255);
  }

  /** Whether a segment at the start of a stream is, as far as is known, the one that came before. */
  #isRepeated(flow: number, packet: Packet, offset: number, fromOpener: boolean): boolean {
    if (offset !== 0) return false;
    const words = this.#flows.words;
    const { bytes, payload, payloadEnd } = packet;
    const slot = ((words[flow + SLOTS]! >>> (fromOpener ? 0 : 16)) & 0xffff) - 1;
    if (slot >= 0) return this.#streams.beginsWith(slot, bytes, payload, payloadEnd);
    const lengths = words[flow + FIRST_LENGTHS]!;
    return packet.length === (fromOpener ? lengths & 0xffff : lengths >>> 16) &&
      firstWord(bytes, payload, payloadEnd) === words[flow + (fromOpener ? OPENER_FIRST : RESPONDER_FIRST)];
  }

  /**
   * A segment for which the stream has no place: before its start, from its start once more, or far ahead. What was taken
   * for the start may have been a segment that the receiver never got. So this one is also read as a start; only certain
   * evidence counts, and nothing is remembered of the rest. Likewise the second side's first segment is shown to those
   * whom the first side's words did not suit. Asks the set `asked`.
   */
  #readAlone(row: number, flow: number, packet: Packet, asked: number): Evidence {
    const { payload, payloadEnd, bytes } = packet;
    if (payload >= payloadEnd) return UNDECIDED;
    const words = this.#flows.words;
    const { tcp, look } = this;
    const candidates = words[flow + CANDIDATES]!;
    const owner = words[flow + OWNER]!;
    const note0 = words[flow + NOTE0]!;
    const note1 = words[flow + NOTE1]!;
    words[flow + CANDIDATES] = asked;
    words[flow + OWNER] = 0;
    look.tcp = true;
    look.view = packet.view;
    this.#lookAt(packet, payload, payloadEnd, true);
    look.length = packet.length;
    look.nth = 1;
    look.ownFirst = firstWord(bytes, payload, payloadEnd);
    look.otherFirst = words[flow + (look.fromOpener ? RESPONDER_FIRST : OPENER_FIRST)]!;
    const lengths = words[flow + FIRST_LENGTHS]!;
    look.ownLength = packet.length;
    look.otherLength = look.fromOpener ? lengths >>> 16 : lengths & 0xffff;
    // None is dropped: the stream's slots must stay.
    let answer = this.#round(row, flow, tcp, tcp.dispatch[bytes[payload]!]!, tcp.all);
    while (answer.certainty !== 0 && answer.certainty !== CERTAIN) answer = this.#askRest(row, flow, tcp);
    words[flow + CANDIDATES] = candidates;
    words[flow + OWNER] = owner;
    words[flow + NOTE0] = note0;
    words[flow + NOTE1] = note1;
    return answer.certainty === CERTAIN ? answer : UNDECIDED;
  }

  /**
   * The segment at `offset` of a slot's stream closes a gap, and differs from what came early behind it. Systems differ in
   * which of the two they take: the stream is read with the earlier bytes, then with the later ones, which stay.
   */
  #readBothWays(
    row: number,
    flow: number,
    packet: Packet,
    from: number,
    offset: number,
    slot: number,
    possible: number,
  ): Evidence {
    const words = this.#flows.words;
    const candidates = words[flow + CANDIDATES]!;
    const owner = words[flow + OWNER]!;
    const note0 = words[flow + NOTE0]!;
    const note1 = words[flow + NOTE1]!;
    const earlier = this.#round(row, flow, this.tcp, possible, 0);
    if (earlier.certainty === CERTAIN) return earlier;
    this.#streams.overwrite(slot, offset, packet.bytes, from, packet.payloadEnd);
    words[flow + CANDIDATES] = candidates;
    words[flow + OWNER] = owner;
    words[flow + NOTE0] = note0;
    words[flow + NOTE1] = note1;
    return this.#round(row, flow, this.tcp, possible, 0);
  }

  /** A capture keeps only the front of long packets: what was cut off must not end the stream. */
  #bridge(flow: number, side: number, missing: number): void {
    const slot = ((this.#flows.words[flow + SLOTS]! >>> side) & 0xffff) - 1;
    if (slot >= 0) this.#streams.bridge(slot, missing);
  }

  /**
   * The stream of a responder that spoke first begins `count` bytes before what was taken for its start: begins anew, with
   * what is kept moved back. Answers how many packets of it count so far: none.
   */
  #moveStartBack(flow: number, count: number): number {
    const words = this.#flows.words;
    words[flow + CANDIDATES] = this.tcp.all | TUNNEL;
    forgetStart(words, flow);
    const slot = (words[flow + SLOTS]! >>> 16) - 1;
    if (slot >= 0) this.#streams.moveStartBack(slot, count);
    return 0;
  }

  /** A flow that may go through a proxy. Behind the handshake all classifiers are asked anew, as about a direct flow. */
  #askThroughProxy(row: number, flow: number, answer: Evidence): Evidence {
    const step = this.tunnels.step(row);
    if ((this.#flows.words[flow + FLAGS]! & NO_PROXY) !== 0) this.#flows.words[flow + CANDIDATES]! &= ~TUNNEL;
    if (step === SAME) return answer;
    this.targeted = true;
    if (step === KNOWN) return UNDECIDED;
    const words = this.#flows.words;
    words[flow + CANDIDATES] = this.tcp.all;
    forgetStart(words, flow);
    this.look.peerPort = this.tunnels.portOf(row, this.look.peerPort);
    const opener = this.#askInner(row, flow, true);
    return opener === UNDECIDED ? this.#askInner(row, flow, false) : opener;
  }

  /** Shows what one side has already sent behind the handshake. */
  #askInner(row: number, flow: number, fromOpener: boolean): Evidence {
    const words = this.#flows.words;
    const slot = ((words[flow + SLOTS]! >>> (fromOpener ? 0 : 16)) & 0xffff) - 1;
    const filled = slot < 0 ? 0 : this.#streams.filled[slot]!;
    if (filled === 0) return UNDECIDED;
    const look = this.look;
    look.fromOpener = fromOpener;
    look.fromClient = fromOpener === ((words[flow + FLAGS]! & OPENER_IS_CLIENT) !== 0);
    look.bytes = this.#streams.bytes;
    look.view = this.#streams.view;
    look.start = look.fresh = slot * STREAM_BYTES;
    look.end = look.start + filled;
    look.length = filled;
    look.first = true;
    look.otherNth = 0;
    this.#count(flow, look.bytes, look.start, look.end, fromOpener, 0, filled);
    return this.#round(row, flow, this.tcp, this.tcp.dispatch[look.bytes[look.start]!]!, 0);
  }

  #lookAt(packet: Packet, from: number, to: number, first: boolean): void {
    const look = this.look;
    look.bytes = packet.bytes;
    look.start = from;
    look.fresh = from;
    look.end = to;
    look.first = first;
  }

  /** Counts a data packet, and keeps the first bytes and the length of the first one. */
  #count(
    flow: number,
    bytes: Uint8Array,
    from: number,
    to: number,
    fromOpener: boolean,
    own: number,
    length: number,
  ): void {
    const words = this.#flows.words;
    const look = this.look;
    const firstAt = flow + (fromOpener ? OPENER_FIRST : RESPONDER_FIRST);
    if (own === 0) {
      words[firstAt] = firstWord(bytes, from, to);
      const bounded = length > 0xffff ? 0xffff : length;
      words[flow + FIRST_LENGTHS]! |= fromOpener ? bounded : bounded << 16;
    }
    if (own < 0xffff) words[flow + DATA_PACKETS]! += fromOpener ? 1 : 0x10000;
    const lengths = words[flow + FIRST_LENGTHS]!;
    look.nth = own + 1;
    look.ownFirst = words[firstAt]!;
    look.otherFirst = words[flow + (fromOpener ? RESPONDER_FIRST : OPENER_FIRST)]!;
    look.ownLength = fromOpener ? lengths & 0xffff : lengths >>> 16;
    look.otherLength = fromOpener ? lengths >>> 16 : lengths & 0xffff;
  }

  /**
   * Asks those of `possible` that are still candidates. Those of `lasting` stay candidates until their patience ends,
   * whatever they answer: where the start of a flow was not seen, one packet from its middle proves nothing.
   */
  #round(row: number, flow: number, set: ClassifierSet, possible: number, lasting: number): Evidence {
    const words = this.#flows.words;
    this.#rest = words[flow + CANDIDATES]! & possible;
    this.#lasting = lasting;
    this.#waiting = 0;
    if (this.#rest === 0) return words[flow + CANDIDATES] === 0 ? UNRELATED : UNDECIDED;
    return this.#askRest(row, flow, set);
  }

  /** After a match without consequence: shows the same packet to the candidates after the one that matched. */
  askNext(row: number, tcp: number): Evidence {
    return this.#askRest(row, row * FLOW_WORDS, tcp !== 0 ? this.tcp : this.#udp);
  }

  #askRest(row: number, flow: number, set: ClassifierSet): Evidence {
    const words = this.#flows.words;
    const look = this.look;
    const held = look.end - look.start;
    const owner = words[flow + OWNER]!;
    look.owner = owner;
    look.note0 = words[flow + NOTE0]!;
    look.note1 = words[flow + NOTE1]!;
    const reported = words[flow + REPORTED]!;
    // In the middle of a transfer only the requests tell the protocol, and they are few: a direction that carries data
    // while the other says little uses its patience up 64 times more slowly.
    const spent = this.#lasting === 0 ? look.nth : Math.min(look.nth, look.otherNth + (look.nth >> 6));
    let answer = UNDECIDED;
    while (this.#rest !== 0) {
      const place = 31 - Math.clz32(this.#rest & -this.#rest);
      const bit = 1 << place;
      this.#rest &= ~bit;
      if (held < set.least[place]!) {
        this.#waiting |= bit;
        if (!look.tcp && look.nth > PATIENCE) words[flow + CANDIDATES]! &= ~bit;
        continue;
      }
      look.asked = set.numbers[place]! + 1;
      look.found.clear();
      answer = this.#classify(set.asks[place]!);
      if (answer.certainty !== 0 && (answer.number === (reported & 0xffff) || answer.number === reported >>> 16)) {
        answer = UNDECIDED;
      }
      if (answer === UNDECIDED) this.#waiting |= bit;
      if (answer === UNRELATED && (this.#lasting & bit) !== 0) answer = UNDECIDED;
      if (answer === UNRELATED || (answer === UNDECIDED && spent >= set.patience[place]!)) {
        words[flow + CANDIDATES]! &= ~bit;
        answer = UNDECIDED;
      } else if (answer !== UNDECIDED) {
        this.matched = set.numbers[place]!;
        break;
      }
    }
    words[flow + OWNER] = look.owner;
    words[flow + NOTE0] = look.note0;
    words[flow + NOTE1] = look.note1;
    if (answer !== UNDECIDED) return answer;
    if (words[flow + CANDIDATES] !== 0) return UNDECIDED;
    this.release(row);
    return UNRELATED;
  }

  /** Asks one classifier. One that throws, against its contract, is counted and answers UNRELATED. */
  #classify(classify: Classifier["classify"]): Evidence {
    try {
      return classify(this.look);
    } catch (error) {
      this.failures++;
      this.failure = error;
      return UNRELATED;
    }
  }

  #takeSlot(row: number, flow: number, side: number): number {
    const slot = this.#streams.take(row, side === 0 ? 0 : 1);
    this.#flows.words[flow + SLOTS]! |= (slot + 1) << side;
    return slot;
  }

  /** The pool took a slot away: only classifiers that can tell a stream from its middle remain candidates. */
  #slotEvicted(row: number, side: number): void {
    const flow = row * FLOW_WORDS;
    const words = this.#flows.words;
    words[flow + SLOTS]! &= side === 0 ? ~0xffff : 0xffff;
    words[flow + CANDIDATES]! &= this.tcp.midstream;
  }
}

/** The first four bytes of `bytes[from … to)`, big-endian, zero padded. */
function firstWord(bytes: Uint8Array, from: number, to: number): number {
  let first = 0;
  for (let i = 0; i < 4; i++) first = (first << 8) | (from + i < to ? bytes[from + i]! : 0);
  return first;
}
