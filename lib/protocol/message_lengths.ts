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
  /** The note after a packet with `size` bytes of payload. */
  readonly add: (note: number, size: number, fromOpener: boolean) => number;
  /** What a note says. */
  readonly says: (note: number) => Said;
  /** Evidence of {@link SAYS_PROTOCOL}. */
  readonly proof: Evidence;
  /** Bits of the note of a flow whose evidence is marked ({@link Evidence.marked}). */
  readonly mark: number;
  /** What ends the flows of a client that fanned out, at least. */
  readonly fanned: Said;
  /** Lengths of first flights no more than this apart are the same. */
  readonly near: number;
  /** Of the hosts of a fan-out so many must have marked conversations; 0: all of them. */
  readonly marked: number;
}

/** The count of three bits at `shift` of a note. */
export function countAt(note: number, shift: number): number {
  return (note >>> shift) & 7;
}

/** The note with one more at `shift`, at most 7. */
export function counted(note: number, shift: number): number {
  return countAt(note, shift) === 7 ? note : note + (1 << shift);
}
