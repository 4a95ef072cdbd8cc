/**
 * The plain peer handshake (BEP 3): `13 "BitTorrent protocol"`, 8 reserved bytes, 20 of info-hash, 20 of peer id.
 * @module
 */
import { type Evidence, evidence, type Look, UNDECIDED, UNRELATED } from "../classifier.ts";
import { literal } from "../literal.ts";

/** The 20 bytes that open every plain handshake. */
const OPENING: Uint8Array = literal("\x13BitTorrent protocol");
/** Length of {@link OPENING}. */
export const OPENING_LENGTH = 20;
/** Where the info-hash begins, counted from the handshake's first byte. */
const HASH_AT = 28;
/** Where it ends. */
export const HASH_END = 48;

/** The handshake was seen. */
export const TCP_HANDSHAKE: Evidence = evidence(
  "tcp-handshake",
  3,
  'the stream begins with 13 "BitTorrent protocol" (BEP 3), all 20 bytes compared; odds 2^-160',
);

/** How many of the opening's 20 bytes stand at `at`; less than the bytes there are means that they differ. */
export function openingMatch(bytes: Uint8Array, at: number, end: number): number {
  let matched = 0;
  while (matched < OPENING_LENGTH && at + matched < end && bytes[at + matched] === OPENING[matched]) matched++;
  return matched;
}

/**
 * Judges a stream's start. libp2p begins with the same byte (`13 "/multistream/1.0.0\n"`), so a match needs all 20.
 *
 * The admin's allow-list goes by info-hash, so with 20 to 47 bytes the answer waits for the rest. Nothing can leak: a peer
 * answers only after it has read the hash, and payload comes after both handshakes. The wait ends with the third packet,
 * with any data from the other side, or where the capture is cut.
 */
export function handshake(look: Look): Evidence {
  const { bytes, start, end } = look;
  const matched = openingMatch(bytes, start, end);
  if (matched < OPENING_LENGTH) return matched === end - start ? UNDECIDED : UNRELATED;
  if (end - start >= HASH_END) {
    look.found.hash(bytes, start + HASH_AT);
    return TCP_HANDSHAKE;
  }
  return look.nth < 3 && look.otherNth === 0 && look.length <= end - start ? UNDECIDED : TCP_HANDSHAKE;
}

/** Looks for the opening in `from … end`; the offset of its first byte, or -1. */
export function findOpening(bytes: Uint8Array, from: number, end: number): number {
  for (let at = from; at + OPENING_LENGTH <= end; at++) {
    if (bytes[at] === 0x13 && bytes[at + 1] === 0x42 && openingMatch(bytes, at, end) === OPENING_LENGTH) return at;
  }
  return -1;
}

/** Copies the info-hash of a handshake that begins at `at`, where all of it is in view. */
export function readHash(look: Look, at: number): void {
  if (at + HASH_END <= look.end) look.found.hash(look.bytes, at + HASH_AT);
}
