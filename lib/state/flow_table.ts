/**
 * The flows: TCP and UDP, both families, both directions one flow. The hot structure of the engine.
 *
 * 24 int32 words a flow (96 bytes) and 8 bytes of index; no object, no string. When the table is full, the least recently
 * seen of eight flows is evicted and counted: a flood of new flows displaces old ones, but never takes more memory.
 * @module
 */
import { hashEndpoint, powerOfTwo } from "./hash.ts";

/** Milliseconds of a tick, the unit of {@link SEEN}: coarse, so that eight years of ticks fit a word. */
export const TICK_MS = 125;

/** Words a flow. */
export const FLOW_WORDS = 24;

// Words 0 to 7 are the addresses, the opener's first. What every packet of a decided flow needs follows at once, so that
// it lies in as few cache lines as possible.
/** Word of a flow: ports, the opener's in the high half. */
export const PORTS = 8;
/** Word of a flow: see the flag constants. */
export const FLAGS = 9;
/** Word of a flow: when last seen, in ticks of the engine's time. */
export const SEEN = 10;
/** Word of a flow: the epoch (of policy and of what was learned) in which its answer was last worked out. */
export const EPOCH = 11;
/** Word of a flow: bit set of classifiers still possible. */
export const CANDIDATES = 12;
/** Word of a flow: numbers of the last two facts that were reported, the latest in the low half; 0 is none. */
export const REPORTED = 13;
/** Word of a flow: data packets, the opener's in the low half, each at most 65,535. */
export const DATA_PACKETS = 14;
/** Word of a flow: first four payload bytes of the opener. */
export const OPENER_FIRST = 15;
/** Word of a flow: first four payload bytes of the responder. */
export const RESPONDER_FIRST = 16;
/** Word of a flow: length of the first payloads, the opener's in the low half. */
export const FIRST_LENGTHS = 17;
/** Word of a flow: TCP sequence number at which the opener's stream begins. */
export const OPENER_BASE = 18;
/** Word of a flow: TCP sequence number at which the responder's stream begins. */
export const RESPONDER_BASE = 19;
/** Word of a flow: first note of the classifier that owns the notes; of a suspect flow, what the lengths of its packets say. */
export const NOTE0 = 20;
/** Word of a flow: second note. */
export const NOTE1 = 21;
/** Word of a flow: number of the classifier that owns the notes. */
export const OWNER = 22;
/** Word of a flow: stream slots plus one, the opener's in the low half. */
export const SLOTS = 23;

/** Flag: TCP (else UDP). */
export const IS_TCP = 1;
/** Flag: the opener is the client. */
export const OPENER_IS_CLIENT = 2;
/** Flag: not ftwall's concern (both sides at home, or neither): accept. */
export const PASS = 4;
/** Flag: one side is the router itself (hooks INPUT and OUTPUT). */
export const LOCAL = 8;
/** Flag: decided: accept. */
export const ACCEPTED = 16;
/** Flag: decided: refuse. */
export const REFUSED = 32;
/** Flag: the opener's stream start is known. */
export const OPENER_BASED = 64;
/** Flag: the responder's stream start is known. */
export const RESPONDER_BASED = 128;
/** Flag: began before ftwall saw it: its first packet was not a SYN. */
export const MIDSTREAM = 256;
/** Flag: a FIN or RST was seen. */
export const CLOSING = 512;
/** Flag: a proxy handshake was unwrapped. */
export const PROXIED = 1024;
/** Flag: no longer looked at for a proxy handshake: there is none, or it is over. */
export const NO_PROXY = 2048;
/** Flag: the client is exempt. */
export const EXEMPT = 4096;
/** Flag: suspect by its shape alone: asked about again, in case one of its ends becomes known or its lengths tell. */
export const SUSPECT = 8192;
/** Flag: its answer was taken back after a reload: what comes is looked at as the middle of a stream. */
export const RESUMED = 16384;
/** Flag: the responder's stream start was inferred, as its SYN-ACK was not seen. */
export const INFERRED = 32768;
/** Flag: {@link SUSPECT}, and only a known endpoint may prove it; a known client does not. */
export const BY_ENDPOINT = 1 << 24;

/** Flag: the checksum of one of the opener's packets was right, see lib/judge/receiver.ts. */
export const OPENER_VERIFIED = 1 << 25;
/** Flag: the same of the responder's. */
export const RESPONDER_VERIFIED = 1 << 26;
/** Flag: one of the opener's packets acknowledged what the responder had sent. */
export const OPENER_ACKED = 1 << 27;
/** Flag: the same of the responder's. */
export const RESPONDER_ACKED = 1 << 28;

/** Flag: a UDP flow in which an allowed info-hash was shown; what shows no other one passes. */
export const ALLOWED = 1 << 29;

/** Flag: a TCP flow whose opener began in an everyday way that nobody can place: an ordinary answer settles it. */
export const AWAITING = 1 << 31;
/** Flag of a flow that is not {@link SUSPECT}: a segment came for which its stream had no place, so no answer settles it. */
export const DOUBTED: number = BY_ENDPOINT;

/** Lowest of the eight flag bits that hold the numbers plus one of two classifiers, four bits each, that marked a flow {@link SUSPECT}. */
export const SUSPECTED_BY_SHIFT = 16;
/** Those eight bits, and {@link BY_ENDPOINT}. */
export const SUSPICION_BITS = 0xff << SUSPECTED_BY_SHIFT | BY_ENDPOINT;
/**
 * Flag of a TCP flow that is not {@link SUSPECT}: the rules let the opener's SYN by, so where its stream starts is inferred from
 * the first segment that came.
 */
export const BEGUN: number = 1 << SUSPECTED_BY_SHIFT;

/** See the module's text. */
export class FlowTable {
  /** Most flows. */
  readonly capacity: number;
  /** All words; a flow's begin at `row * FLOW_WORDS`. */
  readonly words: Int32Array;
  /** Flows held. */
  count = 0;
  /** Flows evicted because the table was full. */
  evicted = 0;
  /** True where the last {@link find} matched with the packet going from the opener to the responder. */
  fromOpener = false;
  /** Row at which the next {@link find} looks first, as {@link warm} found it; -1 for none. It may be any other flow's by then. */
  hint = -1;

  readonly #index: Int32Array;
  readonly #mask: number;
  readonly #rowMask: number;
  readonly #tagMask: number;
  readonly #seed: number;
  readonly #free: Int32Array;
  #freeCount = 0;
  #fresh = 0;
  #hand = 0;
  #sweepHand = 0;
  #hash = 0;
  #onEnd: ((row: number) => void) | null = null;

  /** Makes an empty table; at most 2^24 flows. */
  constructor(capacity: number, seed: number) {
    if (!(capacity >= 8 && capacity <= 1 << 24)) throw new RangeError(`Cannot make a flow table: capacity ${capacity}`);
    this.capacity = capacity;
    this.words = new Int32Array(capacity * FLOW_WORDS);
    const size = powerOfTwo(capacity * 2);
    this.#index = new Int32Array(size);
    this.#mask = size - 1;
    this.#rowMask = powerOfTwo(capacity + 1) - 1;
    this.#tagMask = ~this.#rowMask;
    this.#seed = seed | 0;
    this.#free = new Int32Array(capacity);
  }

  /** Called with the row of every flow that ends, before its words are reused. */
  set onEnd(tell: (row: number) => void) {
    this.#onEnd = tell;
  }

  /** One past the highest row ever used; rows below it may be free. */
  get reach(): number {
    return this.#fresh;
  }

  /** Hash of a flow, the same in both directions. */
  hash(
    tcp: number,
    s0: number,
    s1: number,
    s2: number,
    s3: number,
    d0: number,
    d1: number,
    d2: number,
    d3: number,
    sport: number,
    dport: number,
  ): number {
    const seed = this.#seed;
    // A sum, so that both directions have the same hash.
    const sum = (hashEndpoint(s0, s1, s2, s3, sport, seed) + hashEndpoint(d0, d1, d2, d3, dport, seed) + tcp) | 0;
    return Math.imul(sum ^ (sum >>> 16), 0x45d9f3b5);
  }

  /**
   * Reads the rows of the first `count` flows of `hashes` into the cache, for the {@link find} of each that follows. A
   * single search waits for memory three times, one after the other; the reads of many flows overlap. The result means
   * nothing, but the caller has to keep it, or the compiler would leave the reads out. Leaves in `hashes` the row of each,
   * a {@link hint}, or -1.
   */
  warm(hashes: Int32Array, count: number): number {
    const index = this.#index;
    const words = this.words;
    const mask = this.#mask;
    let seen = 0;
    for (let i = 0; i < count; i++) {
      const hash = hashes[i]!;
      seen |= index[(hash ^ (hash >>> 15)) & mask]!;
    }
    for (let i = 0; i < count; i++) {
      const hash = hashes[i]!;
      const tag = hash & this.#tagMask;
      let at = (hash ^ (hash >>> 15)) & mask;
      let entry = index[at]!;
      while (entry !== 0 && (entry & this.#tagMask) !== tag) {
        at = (at + 1) & mask;
        entry = index[at]!;
      }
      hashes[i] = (entry & this.#rowMask) - 1;
    }
    for (let i = 0; i < count; i++) {
      const flow = hashes[i]! * FLOW_WORDS;
      if (flow >= 0) seen |= words[flow]! | words[flow + EPOCH]!;
    }
    return seen;
  }

  /**
   * Row of the flow, in whichever direction, or -1. Sets {@link fromOpener}. `ports` is source port × 65536 + destination
   * port as an int32.
   */
  find(
    tcp: number,
    s0: number,
    s1: number,
    s2: number,
    s3: number,
    d0: number,
    d1: number,
    d2: number,
    d3: number,
    sport: number,
    dport: number,
  ): number {
    const index = this.#index;
    const words = this.words;
    const mask = this.#mask;
    const there = (sport << 16) | dport;
    const back = (dport << 16) | sport;
    const used = USED | tcp;
    let row = this.hint;
    this.hint = -1;
    let at = -1;
    let tag = 0;
    for (;;) {
      if (row >= 0) {
        const flow = row * FLOW_WORDS;
        const ports = words[flow + PORTS]!;
        if ((words[flow + FLAGS]! & (USED | IS_TCP)) === used) {
          if (
            ports === there && words[flow + 3] === s3 && words[flow + 7] === d3 && words[flow + 2] === s2 &&
            words[flow + 6] === d2 && words[flow + 1] === s1 && words[flow + 5] === d1 && words[flow] === s0 &&
            words[flow + 4] === d0
          ) {
            this.fromOpener = true;
            return row;
          }
          if (
            ports === back && words[flow + 3] === d3 && words[flow + 7] === s3 && words[flow + 2] === d2 &&
            words[flow + 6] === s2 && words[flow + 1] === d1 && words[flow + 5] === s1 && words[flow] === d0 &&
            words[flow + 4] === s0
          ) {
            this.fromOpener = false;
            return row;
          }
        }
      }
      if (at < 0) {
        const hash = this.hash(tcp, s0, s1, s2, s3, d0, d1, d2, d3, sport, dport);
        this.#hash = hash;
        tag = hash & this.#tagMask;
        at = (hash ^ (hash >>> 15)) & mask;
      } else {
        at = (at + 1) & mask;
      }
      let entry = index[at]!;
      while (entry !== 0 && (entry & this.#tagMask) !== tag) {
        at = (at + 1) & mask;
        entry = index[at]!;
      }
      if (entry === 0) return -1;
      row = (entry & this.#rowMask) - 1;
    }
  }

  /** Opens the flow that the last {@link find} did not find. The packet's source becomes its opener; all words after the key are zero. */
  open(
    tcp: number,
    s0: number,
    s1: number,
    s2: number,
    s3: number,
    d0: number,
    d1: number,
    d2: number,
    d3: number,
    sport: number,
    dport: number,
  ): number {
    const hash = this.#hash;
    if (this.count === this.capacity) this.#makeRoom();
    const row = this.#freeCount > 0 ? this.#free[--this.#freeCount]! : this.#fresh++;
    const flow = row * FLOW_WORDS;
    const words = this.words;
    words[flow] = s0;
    words[flow + 1] = s1;
    words[flow + 2] = s2;
    words[flow + 3] = s3;
    words[flow + 4] = d0;
    words[flow + 5] = d1;
    words[flow + 6] = d2;
    words[flow + 7] = d3;
    words[flow + PORTS] = (sport << 16) | dport;
    for (let i = FLAGS; i < FLOW_WORDS; i++) words[flow + i] = 0;
    words[flow + FLAGS] = tcp | USED;
    let at = (hash ^ (hash >>> 15)) & this.#mask;
    while (this.#index[at] !== 0) at = (at + 1) & this.#mask;
    this.#index[at] = (hash & this.#tagMask) | (row + 1);
    this.count++;
    this.fromOpener = true;
    return row;
  }

  /** True where the row holds a flow. */
  holds(row: number): boolean {
    return row < this.#fresh && (this.words[row * FLOW_WORDS + FLAGS]! & USED) !== 0;
  }

  /** Removes a flow. */
  remove(row: number): void {
    const flow = row * FLOW_WORDS;
    if ((this.words[flow + FLAGS]! & USED) === 0) return;
    this.#onEnd?.(row);
    let at = this.#homeOf(row);
    while ((this.#index[at]! & this.#rowMask) !== row + 1) at = (at + 1) & this.#mask;
    this.#unlink(at);
    this.words[flow + FLAGS] = 0;
    this.#free[this.#freeCount++] = row;
    this.count--;
  }

  /** Ends flows unseen since tick `before`, and closing ones unseen since tick `closedBefore`; looks at `budget` rows at most. */
  sweep(before: number, closedBefore: number, budget: number): void {
    const rows = Math.min(budget, this.#fresh);
    for (let i = 0; i < rows; i++) {
      if (this.#sweepHand >= this.#fresh) this.#sweepHand = 0;
      const row = this.#sweepHand++;
      const flow = row * FLOW_WORDS;
      const flags = this.words[flow + FLAGS]!;
      if ((flags & USED) === 0) continue;
      const limit = (flags & CLOSING) !== 0 ? closedBefore : before;
      if (this.words[flow + SEEN]! < limit) this.remove(row);
    }
  }

  #makeRoom(): void {
    let oldest = -1;
    for (let i = 0; i < 8; i++) {
      if (this.#hand >= this.#fresh) this.#hand = 0;
      const row = this.#hand++;
      if (oldest < 0 || this.words[row * FLOW_WORDS + SEEN]! < this.words[oldest * FLOW_WORDS + SEEN]!) oldest = row;
    }
    this.evicted++;
    this.remove(oldest);
  }

  #homeOf(row: number): number {
    const flow = row * FLOW_WORDS;
    const words = this.words;
    const ports = words[flow + PORTS]!;
    const seed = this.#seed;
    const sum = (hashEndpoint(words[flow]!, words[flow + 1]!, words[flow + 2]!, words[flow + 3]!, ports >>> 16, seed) +
      hashEndpoint(words[flow + 4]!, words[flow + 5]!, words[flow + 6]!, words[flow + 7]!, ports & 0xffff, seed) +
      (words[flow + FLAGS]! & IS_TCP)) | 0;
    const hash = Math.imul(sum ^ (sum >>> 16), 0x45d9f3b5);
    return (hash ^ (hash >>> 15)) & this.#mask;
  }

  // Moves later entries of the probe sequence back over the gap, so that no tombstones gather.
  #unlink(gap: number): void {
    const index = this.#index;
    const mask = this.#mask;
    let at = gap;
    for (;;) {
      at = (at + 1) & mask;
      const entry = index[at]!;
      if (entry === 0) break;
      const home = this.#homeOf((entry & this.#rowMask) - 1);
      if (((at - home) & mask) < ((at - gap) & mask)) continue;
      index[gap] = entry;
      gap = at;
    }
    index[gap] = 0;
  }
}

/** Flag: the row is in use. */
const USED = 1 << 30;
