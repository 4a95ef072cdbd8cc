/**
 * What the lengths of packets tell of a stream that cannot be read.
 *
 * A stream cipher leaves every message as long as it was. Ciphers that vouch for what they carry (all that are in use for
 * tunnels and messengers: Shadowsocks, VMess, obfs4, Noise, RLPx, Tox, MTProto, TLS) add 16 bytes or more to every message
 * and a length in front, so that no packet of theirs that begins a message has less than 18. A protocol known for its short
 * messages shows through the first kind, and never through the second.
 * @module
 */
import type { Evidence } from "./classifier.ts";

/** What the lengths of a flow say so far. */
export type Said = 0 | 1 | 2 | 3 | 4;
/** Nothing. */
export const SAYS_NOTHING = 0;
/** The opener's side of a handshake ends as the protocol's does: counts where the client is known to speak it hidden. */
export const SAYS_LITTLE = 1;
/** The same, and it was answered: counts where several hosts show it, each with other lengths. */
export const SAYS_HANDSHAKE = 2;
/** One message that ciphers of the other kind cannot have: counts beside another fact about the client. */
export const SAYS_MESSAGE = 3;
/** Messages enough to act on. */
export const SAYS_PROTOCOL = 4;

/**
 * How one protocol is told by lengths. Notes are the flow's `note0`: 0 at first, or what the handshake left there. A flow may
 * be suspect to two protocols at once, so each keeps to its own bits.
 */
export interface LengthRule {
  /** The note after a packet with `size` bytes of payload; `fit` says how it ends, see {@link blocks}. */
  readonly add: (note: number, size: number, fromOpener: boolean, fit: Fit) => number;
  /** What a note says. */
  readonly says: (note: number) => Said;
  /** What a note may be evidence of that says {@link SAYS_PROTOCOL}. */
  readonly proofs: readonly Evidence[];
  /** Which of them it is. */
  readonly proof: (note: number) => Evidence;
  /** The messages of one length that the protocol moves its files by; null where it has none such. */
  readonly blocks: Blocks | null;
  /** Bits of the note of a flow whose evidence is marked ({@link Evidence.marked}). */
  readonly mark: number;
  /** The note of a flow whose start was not seen, whatever its first packets looked like. */
  readonly running: number;
  /** What ends the flows of a client that fanned out, at least. */
  readonly fanned: Said;
  /** Lengths of first flights no more than this apart are the same. */
  readonly near: number;
  /** Of the hosts of a fan-out so many must have marked conversations; 0: all of them. */
  readonly marked: number;
}

/**
 * Messages of one length: `size` bytes, of which `head` may be a packet by itself. A stream that carries them has packets,
 * short ones as a sender has at the end of what it wrote, that end a multiple of `size` apart.
 *
 * Where the last one ended is kept in the flow's second note, bits 3 to 23, which classifiers with such a rule leave alone
 * once they found the flow suspect.
 */
export interface Blocks {
  /** Bytes of such a message. */
  readonly size: number;
  /** Bytes of its head. */
  readonly head: number;
  /** Packets of this many bytes and more need not end anything. */
  readonly long: number;
}

/**
 * How a short packet of a side that sends long ones ends: for the fourth time not a multiple of blocks behind the last, no
 * matter, so, or so and both are heads.
 */
export type Fit = -1 | 0 | 1 | 2;

// The second note: one more than where the last short packet ended, in blocks of three; 0 where none did yet,
const PLACE_SHIFT = 3;
const PLACE_MASK = 0xffff;
/** the side that sends long packets is known, and it is the opener, */
const KNOWN_SIDE = 1 << 19;
const OPENER_SIDE = 1 << 20;
/** that packet was a head, */
const AT_HEAD = 1 << 21;
/** and since a packet that fitted, packets that did not, at most 3. */
const MISSES_SHIFT = 22;
const MISSES_MASK = 3;
/** The same place is kept by this many blocks: one that is sent again, or whose head stands alone, is not another. */
const ROUND = 3;
/** Bytes of other messages that may stand between two blocks. */
const BETWEEN = 128;

/**
 * The second note after a packet with `size` bytes that ends at sequence number `end`. A sender that is held back ends packets
 * anywhere: once there was a head, no other packet that does not fit takes its place.
 */
export function placeOf(note1: number, blocks: Blocks, size: number, end: number, fromOpener: boolean): number {
  const side = KNOWN_SIDE | (fromOpener ? OPENER_SIDE : 0);
  if ((note1 & KNOWN_SIDE) === 0) return size >= blocks.long ? note1 | side : note1;
  if ((note1 & (KNOWN_SIDE | OPENER_SIDE)) !== side || size >= blocks.long || size === 0) return note1;
  const head = size === blocks.head;
  const place = ((head ? end - size : end) >>> 0) % (blocks.size * ROUND) + 1;
  const misses = (note1 >>> MISSES_SHIFT) & MISSES_MASK;
  const over = overOf((note1 >>> PLACE_SHIFT) & PLACE_MASK, place, blocks);
  if (over >= BETWEEN && !head && (note1 & AT_HEAD) !== 0) return withMisses(note1, misses + 1);
  const moved = (note1 & ~(PLACE_MASK << PLACE_SHIFT)) | (place << PLACE_SHIFT) | (head ? AT_HEAD : 0);
  return over === 0 ? withMisses(moved, 0) : over >= BETWEEN ? withMisses(moved, misses + 1) : moved;
}

/** How a packet with `size` bytes ended by which the second note became `after`. */
export function fitOf(before: number, after: number, blocks: Blocks, size: number): Fit {
  const from = (before >>> PLACE_SHIFT) & PLACE_MASK;
  const to = (after >>> PLACE_SHIFT) & PLACE_MASK;
  if (from !== to && overOf(from, to, blocks) === 0) return size === blocks.head && (before & AT_HEAD) !== 0 ? 2 : 1;
  return ((before >>> MISSES_SHIFT) & MISSES_MASK) > ((after >>> MISSES_SHIFT) & MISSES_MASK) ? -1 : 0;
}

/** Bytes from a whole number of blocks behind one place to another; -1 where they are the same or there is no first. */
function overOf(from: number, to: number, { size }: Blocks): number {
  return from === 0 || from === to ? -1 : (to - from + size * ROUND) % size;
}

function withMisses(note1: number, misses: number): number {
  return (note1 & ~(MISSES_MASK << MISSES_SHIFT)) | ((misses & MISSES_MASK) << MISSES_SHIFT);
}

/** The count of three bits at `shift` of a note. */
export function countAt(note: number, shift: number): number {
  return (note >>> shift) & 7;
}

/** The note with one more at `shift`, at most 7. */
export function counted(note: number, shift: number): number {
  return countAt(note, shift) === 7 ? note : note + (1 << shift);
}
