/**
 * eMule's obfuscated connections between clients: the opener's key part, magic and padding (12 to 266 bytes), the answer
 * (6 to 260), then both hellos, all of it ciphered with a key made from the called user's hash. Sizes and randomness are all
 * that shows, so it is weak; beside Kad of the same client it is one fact of two.
 *
 * It keeps no notes: those of such a flow may be BitTorrent's, whose obfuscated handshake has sizes like these.
 * @module
 */
import { type Evidence, evidence, type Look, UNDECIDED, UNRELATED, WEAK } from "./classifier.ts";
import { beginsAsText, hasKnownOpening, LEAST_ENCRYPTED, looksEncrypted } from "./encrypted.ts";

/** Four flights fit. */
export const OBFUSCATED_TCP: Evidence = evidence(
  "obfuscated-tcp",
  WEAK,
  "flights of 12-266, 6-260, then 40-400 bytes each way, without structure: obfuscated eMule's greeting and hellos (aMule); " +
    "sizes only",
  true,
);

/** Key part, marker, magic, methods and length (12 bytes), padding of up to 254 (aMule, EncryptedStreamSocket). */
const LEAST_GREETING = 12;
const LONGEST_GREETING = 266;
/** Magic, method, length; padding likewise. */
const LEAST_ANSWER = 6;
const LONGEST_ANSWER = 260;
/** A hello without any tag, and one with many; its answer may come with the next message behind it. */
const LEAST_HELLO = 38;
const LONGEST_HELLO = 400;
/** Web and mail servers, and messengers that hide there, are no users. */
const LEAST_PORT = 1024;

/** Answers for a stream that does not begin as plain eDonkey does. */
export function obfuscatedTcp(look: Look): Evidence {
  const { bytes, start, end, nth, otherNth, fromOpener } = look;
  if (!look.first || look.peerPort < LEAST_PORT || look.clientPort < LEAST_PORT) return UNRELATED;
  const size = end - start;
  if (nth === 1) {
    if (otherNth !== (fromOpener ? 0 : 1)) return UNRELATED;
    const fits = fromOpener
      ? size >= LEAST_GREETING && size <= LONGEST_GREETING
      : size >= LEAST_ANSWER && size <= LONGEST_ANSWER;
    return fits && isHidden(bytes, start, end) ? UNDECIDED : UNRELATED;
  }
  if (nth !== 2) return UNRELATED;
  const from = start + look.ownLength;
  const hello = end - from;
  if (otherNth !== (fromOpener ? 1 : 2) || hello < LEAST_HELLO || hello > LONGEST_HELLO) return UNRELATED;
  if (!isHidden(bytes, from, end)) return UNRELATED;
  return fromOpener ? UNDECIDED : OBFUSCATED_TCP;
}

/** Without structure; of bytes too few to tell, neither text nor with an opening that is known. */
function isHidden(bytes: Uint8Array, from: number, to: number): boolean {
  if (to - from >= LEAST_ENCRYPTED) return looksEncrypted(bytes, from, to);
  return !beginsAsText(bytes, from, to) && !hasKnownOpening(bytes, from, to);
}
