/**
 * Obfuscated Kad: only its lengths and its randomness show.
 *
 * Sixteen bytes of keys are put before a Kad packet, and all but a marker and two key bytes are encrypted (aMule). The key
 * comes from the receiver's identifier, which is not seen. What remains is arithmetic: a lookup has 35 + 16 bytes, its answer
 * 35 + 25 a contact. Lengths alone are weak, whatever the randomness: many peers in little time must add up.
 * @module
 */
import { type Evidence, evidence, type Look, UNDECIDED, UNRELATED, WEAK } from "../classifier.ts";

const OBFUSCATED_KAD = evidence(
  "obfuscated-kad",
  WEAK,
  "51 random bytes answered by 35 + 25n random bytes, n up to 11, in a flow that began with lengths of obfuscated Kad (aMule); " +
    "lengths only",
  true,
);

/** Length of an obfuscated lookup. */
const LOOKUP = 51;
/** In the note of a side: it sent one. */
const ASKED = 1;
/** Bytes that are tested for randomness. */
const SAMPLE = 51;

/** Answers for one datagram that is no plain eDonkey. */
export function obfuscatedKad(look: Look): Evidence {
  const size = look.length;
  if (look.end - look.start !== size || !isLength(size) || !isMarker(look.bytes[look.start]!) || !isRandom(look)) {
    return look.nth === 1 && look.otherNth === 0 ? UNRELATED : look.nth > 4 ? UNRELATED : UNDECIDED;
  }
  if (size === LOOKUP) {
    if (look.claim()) {
      if (look.fromOpener) look.note0 = ASKED;
      else look.note1 = ASKED;
    }
    return UNDECIDED;
  }
  const asked = look.owned ? (look.fromOpener ? look.note1 : look.note0) === ASKED : look.otherLength === LOOKUP;
  return asked && size <= 310 && (size - 35) % 25 === 0 ? OBFUSCATED_KAD : UNDECIDED;
}

/** Lengths of Kad's messages with 16 bytes of keys: ping, pong, publication's answer, hellos, lookup, contacts, bootstrap. */
function isLength(size: number): boolean {
  if (size === 18 || size === 20 || size === 36 || size === 539) return true;
  if (size >= 38 && size <= LOOKUP) return true;
  return size >= 35 && size <= 310 && (size - 35) % 25 === 0;
}

/**
 * Bit 0 of the first byte is clear in Kad's packets (set in those between clients). A call's RTP begins with 80 or 90 and is
 * as random after its header: two bytes of 128 are given up for it.
 */
function isMarker(byte: number): boolean {
  return (byte & 1) === 0 && (byte & 0xef) !== 0x80;
}

/** Few of the first bytes repeat: among 51 random ones 4.7 on average, more than 11 once in 300. */
function isRandom(look: Look): boolean {
  const bytes = look.bytes;
  const at = look.start;
  const count = Math.min(SAMPLE, look.end - at);
  const most = 3 + Math.trunc(count * count / 325);
  let repeats = 0;
  for (let i = 1; i < count; i++) {
    const byte = bytes[at + i];
    let j = 0;
    while (j < i && bytes[at + j] !== byte) j++;
    if (j < i && ++repeats > most) return false;
  }
  return true;
}
