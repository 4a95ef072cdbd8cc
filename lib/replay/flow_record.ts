/**
 * What `ftwall replay` remembers about each flow: a compact record, as captures can hold millions of flows.
 * @module
 */
import { CERTAINTY_NAMES, type Look } from "../protocol/classifier.ts";
import type { Because, Classification, FlowObserver } from "../learn/event.ts";
import { formatAddress } from "../net/address.ts";
import { hashEndpoint } from "../state/hash.ts";
import type { Packet } from "../wire/packet.ts";
import { PROTOCOL_TCP } from "../wire/transport.ts";

/** Endpoints of a flow; `client` is the side that sent its first packet. */
export interface FlowAddresses {
  /** TCP or UDP. */
  readonly transport: "tcp" | "udp";
  /** Address of the side that sent the first packet. */
  readonly client: string;
  /** Its port. */
  readonly client_port: number;
  /** Address of the other side. */
  readonly peer: string;
  /** Its port. */
  readonly peer_port: number;
}

/** Why a flow was classified as it was; with `--explain` only. */
export interface FlowReason {
  /** What the evidence rests on, in words. */
  readonly because: string;
  /** Which side sent the bytes. */
  readonly from?: "client" | "peer";
  /** The first bytes of that side's stream or datagram, in hex, beginning at its offset 0. */
  readonly bytes?: string;
  /** Score of the client before; absent where nothing was scored. */
  readonly score_before?: number;
  /** Score of the client after. */
  readonly score_after?: number;
}

/** One line of `ftwall replay --json`. */
export interface FlowLine {
  /** Whose flow it is. */
  readonly flow: FlowAddresses;
  /** What was recognised; null where nothing was. */
  readonly protocol: string | null;
  /** Name of the evidence. */
  readonly evidence?: string;
  /** How sure it is: certain, strong or weak. */
  readonly certainty?: string;
  /** 1-based index within the flow of the packet that decided. */
  readonly packet?: number;
  /** Packets of the flow. */
  readonly packets: number;
  /** Of these, accepted. */
  readonly accepted: number;
  /** Of these, refused. */
  readonly refused: number;
  /** The earlier fact for which it was refused, where nothing was recognised. */
  readonly refused_because?: Because;
  /** What it rests on, where that was asked for. */
  readonly explain?: FlowReason;
}

/** Words of a record: two addresses, ports, packets, refused, deciding packet, names, flags. */
const STRIDE = 14;
const PORTS = 8;
const PACKETS = 9;
const REFUSED = 10;
const DECIDED = 11;
const NAMES = 12;
const FLAGS = 13;
/** Records in one chunk; chunks are never copied, so memory grows evenly. */
const CHUNK_BITS = 13;
const CHUNK = 1 << CHUNK_BITS;
/** Flags: bit 0 TCP, bits 1–2 certainty, bits 3–4 earlier fact. */
const TCP_FLOW = 1;
const CERTAINTY_SHIFT = 1;
const FACT_SHIFT = 3;
const FACTS: readonly (Because | null)[] = [null, "client-locked", "peer-blocked", "name-trained"];
/** Flows recorded at most, 64 bytes each. */
const CAPACITY = 4_000_000;
/** Flows explained at most, and bytes shown of each. */
const EXPLAINED = 100_000;
const SHOWN = 48;

/**
 * Records the flows of a capture. A flow that the engine forgot and met again stays one record. For each packet `classified`
 * and `because` are called before `judged`. No string is made before {@link lines} is called.
 */
export class FlowRecorder implements FlowObserver {
  readonly #chunks: Int32Array[] = [];
  #index: Int32Array = new Int32Array(1 << 12);
  #count = 0;
  // Secret, so that nobody can make a capture whose flows all collide in the index.
  readonly #seed: number = crypto.getRandomValues(new Int32Array(1))[0] ?? 0;
  /** Record number plus one by row of the engine's flow table. */
  #rows: Int32Array = new Int32Array(1 << 10);
  readonly #names: string[] = [];
  readonly #numbers = new Map<string, number>();
  readonly #reasons: Map<number, FlowReason> | null;
  readonly #capacity: number;
  /** Packets judged that belong to a flow. */
  packets = 0;
  /** Flows beyond the capacity: judged, but not listed. */
  unrecorded = 0;

  /** `explain` keeps reasons too. */
  constructor(explain: boolean = false, capacity: number = CAPACITY) {
    this.#reasons = explain ? new Map() : null;
    this.#capacity = capacity;
  }

  /** Flows recorded. */
  get flows(): number {
    return this.#count;
  }

  /** A packet opened a flow. */
  opened(row: number, packet: Packet): void {
    if (row >= this.#rows.length) this.#rows = grown(this.#rows, row + 1);
    this.#rows[row] = this.#find(packet) + 1;
  }

  /** The flow was classified; of several classifications the surest counts, of equal ones the first. */
  classified(row: number, found: Classification, look: Look | null): void {
    const number = (this.#rows[row] ?? 0) - 1;
    if (number < 0) return;
    const record = this.#chunk(number);
    const at = (number & (CHUNK - 1)) * STRIDE;
    const flags = record[at + FLAGS] ?? 0;
    const certainty = (flags >> CERTAINTY_SHIFT) & 3;
    if (record[at + DECIDED] !== 0 && found.certainty <= certainty) return;
    record[at + FLAGS] = (flags & ~(3 << CERTAINTY_SHIFT)) | (found.certainty << CERTAINTY_SHIFT);
    record[at + DECIDED] = (record[at + PACKETS] ?? 0) + 1;
    record[at + NAMES] = (this.#name(found.protocol) << 16) | this.#name(found.evidence);
    if (this.#reasons !== null && (this.#reasons.size < EXPLAINED || this.#reasons.has(number))) {
      this.#reasons.set(number, reason(found, look));
    }
  }

  /** A packet of the flow was refused because of an earlier fact; the first counts. */
  because(row: number, fact: Because): void {
    const number = (this.#rows[row] ?? 0) - 1;
    if (number < 0) return;
    const record = this.#chunk(number);
    const at = (number & (CHUNK - 1)) * STRIDE + FLAGS;
    const flags = record[at] ?? 0;
    if (flags >> FACT_SHIFT === 0) record[at] = flags | (FACTS.indexOf(fact) << FACT_SHIFT);
  }

  /** A packet of the flow was judged. */
  judged(row: number, refused: boolean): void {
    if (row < 0) return;
    this.packets++;
    const number = (this.#rows[row] ?? 0) - 1;
    if (number < 0) return;
    const record = this.#chunk(number);
    const at = (number & (CHUNK - 1)) * STRIDE;
    record[at + PACKETS] = (record[at + PACKETS] ?? 0) + 1;
    if (refused) record[at + REFUSED] = (record[at + REFUSED] ?? 0) + 1;
  }

  /** Forgets which row of the engine's table has which record: a new engine takes over. */
  forgetRows(): void {
    this.#rows.fill(0);
  }

  /** The flows in order of their first packet. */
  *lines(): Generator<FlowLine, void, undefined> {
    for (let number = 0; number < this.#count; number++) yield this.#line(number);
  }

  #line(number: number): FlowLine {
    const r = this.#chunk(number);
    const at = (number & (CHUNK - 1)) * STRIDE;
    const word = (i: number) => r[at + i] ?? 0;
    const flags = word(FLAGS);
    const packets = word(PACKETS) >>> 0;
    const refused = word(REFUSED) >>> 0;
    const flow: FlowAddresses = {
      transport: (flags & TCP_FLOW) !== 0 ? "tcp" : "udp",
      client: formatAddress(word(0), word(1), word(2), word(3)),
      client_port: word(PORTS) >>> 16,
      peer: formatAddress(word(4), word(5), word(6), word(7)),
      peer_port: word(PORTS) & 0xffff,
    };
    const counts = { packets, accepted: packets - refused, refused };
    if (word(DECIDED) === 0) {
      const fact = FACTS[(flags >> FACT_SHIFT) & 3] ?? null;
      return fact === null ? { flow, protocol: null, ...counts } : {
        flow,
        protocol: null,
        ...counts,
        refused_because: fact,
      };
    }
    const explain = this.#reasons?.get(number);
    return {
      flow,
      protocol: this.#names[word(NAMES) >>> 16] ?? "",
      evidence: this.#names[word(NAMES) & 0xffff] ?? "",
      certainty: CERTAINTY_NAMES[(flags >> CERTAINTY_SHIFT) & 3] ?? "none",
      packet: word(DECIDED) >>> 0,
      ...counts,
      ...(explain === undefined ? {} : { explain }),
    };
  }

  /** Number of the record of the packet's flow, in either direction. Makes one where there is none; -1 without room. */
  #find(p: Packet): number {
    const mask = this.#index.length - 1;
    const tcp = p.transport === PROTOCOL_TCP ? TCP_FLOW : 0;
    const seed = this.#seed;
    const own = (p.sport << 16) | p.dport;
    const other = (p.dport << 16) | p.sport;
    let slot =
      (hashEndpoint(p.s0, p.s1, p.s2, p.s3, p.sport, seed) ^ hashEndpoint(p.d0, p.d1, p.d2, p.d3, p.dport, seed)) &
      mask;
    for (;;) {
      const number = (this.#index[slot] ?? 0) - 1;
      if (number < 0) break;
      const r = this.#chunk(number);
      const at = (number & (CHUNK - 1)) * STRIDE;
      if (((r[at + FLAGS] ?? 0) & TCP_FLOW) === tcp) {
        const ports = r[at + PORTS];
        if (
          ports === own && r[at] === p.s0 && r[at + 1] === p.s1 && r[at + 2] === p.s2 && r[at + 3] === p.s3 &&
          r[at + 4] === p.d0 && r[at + 5] === p.d1 && r[at + 6] === p.d2 && r[at + 7] === p.d3
        ) return number;
        if (
          ports === other && r[at] === p.d0 && r[at + 1] === p.d1 && r[at + 2] === p.d2 && r[at + 3] === p.d3 &&
          r[at + 4] === p.s0 && r[at + 5] === p.s1 && r[at + 6] === p.s2 && r[at + 7] === p.s3
        ) return number;
      }
      slot = (slot + 1) & mask;
    }
    if (this.#count >= this.#capacity) {
      this.unrecorded++;
      return -1;
    }
    const number = this.#count++;
    if ((number & (CHUNK - 1)) === 0) this.#chunks.push(new Int32Array(CHUNK * STRIDE));
    const r = this.#chunk(number);
    const at = (number & (CHUNK - 1)) * STRIDE;
    r[at] = p.s0;
    r[at + 1] = p.s1;
    r[at + 2] = p.s2;
    r[at + 3] = p.s3;
    r[at + 4] = p.d0;
    r[at + 5] = p.d1;
    r[at + 6] = p.d2;
    r[at + 7] = p.d3;
    r[at + PORTS] = own;
    r[at + FLAGS] = tcp;
    this.#index[slot] = number + 1;
    if (this.#count * 2 > this.#index.length) this.#rehash();
    return number;
  }

  #rehash(): void {
    const index = new Int32Array(this.#index.length * 2);
    const mask = index.length - 1;
    const seed = this.#seed;
    for (let number = 0; number < this.#count; number++) {
      const r = this.#chunk(number);
      const at = (number & (CHUNK - 1)) * STRIDE;
      const word = (i: number) => r[at + i] ?? 0;
      const ports = word(PORTS);
      let slot = (hashEndpoint(word(0), word(1), word(2), word(3), ports >>> 16, seed) ^
        hashEndpoint(word(4), word(5), word(6), word(7), ports & 0xffff, seed)) & mask;
      while (index[slot] !== 0) slot = (slot + 1) & mask;
      index[slot] = number + 1;
    }
    this.#index = index;
  }

  #chunk(number: number): Int32Array {
    const chunk = this.#chunks[number >> CHUNK_BITS];
    if (chunk === undefined) throw new RangeError(`No record ${number} of ${this.#count}`);
    return chunk;
  }

  #name(text: string): number {
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    const number = this.#names.length;
    this.#names.push(text);
    this.#numbers.set(text, number);
    return number;
  }
}

function grown(from: Int32Array, least: number): Int32Array {
  let size = from.length * 2;
  while (size < least) size *= 2;
  const to = new Int32Array(size);
  to.set(from);
  return to;
}

function reason(found: Classification, look: Look | null): FlowReason {
  const score = found.scoreBefore === found.scoreAfter
    ? {}
    : { score_before: found.scoreBefore, score_after: found.scoreAfter };
  if (look === null) return { because: found.because, ...score };
  const bytes = look.bytes.subarray(look.start, Math.min(look.end, look.start + SHOWN));
  return { because: found.because, from: look.fromOpener ? "client" : "peer", bytes: bytes.toHex(), ...score };
}
