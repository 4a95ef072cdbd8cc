/**
 * eMule's obfuscated connections between clients: the opener's key part, magic and padding (12 to 266 bytes), the answer
 * (6 to 260), then both hellos, all of it ciphered with a key made from the called user's hash. Sizes and randomness are all
 * that shows, so it is weak; beside Kad of the same client it is one fact of two.
 *
 * To a server the key comes by Diffie-Hellman (aMule, EncryptedStreamSocket): a byte, 96 bytes of key, the length of the
 * padding in clear and the padding (98 to 113 bytes), answered by 96 bytes of key and 7 to 22 ciphered ones, then magic, method,
 * padding (6 to 21) and the login. The length in clear has odds of 2^-8, the three sizes 2^-16 among sizes of all kinds: two
 * facts. To a program whose sizes always are these only the first applies: the one that is known of is left out by its port.
 *
 * One flight of each side may be doubtful, as one random flight in 100 of such sizes is by chance: between clients the flow
 * then counts only beside something else that speaks for eDonkey.
 *
 * It keeps one note, `note0`, and only where nobody else does: those of such a flow may be BitTorrent's, whose obfuscated
 * handshake has sizes like these.
 * @module
 */
import {
  besideEvidence,
  type Evidence,
  evidence,
  KNOWN_END,
  type Look,
  markedEvidence,
  STRONG,
  UNDECIDED,
  UNRELATED,
  WEAK,
} from "../classifier.ts";
import { beginsAsText, DOUBTFUL, hasKnownOpening, HIDDEN, LEAST_ENCRYPTED, PLAIN, structureOf } from "../encrypted.ts";

/** Four flights fit. */
const OBFUSCATED_TCP: Evidence = evidence(
  "obfuscated-tcp",
  WEAK,
  "flights of 12-266, 6-260, then 40-400 bytes each way, without structure: obfuscated eMule's greeting and hellos (aMule); " +
    "sizes only",
  true,
);

/** The same with a greeting or an answer that is too short for anything else. */
const OBFUSCATED_TCP_SHORT: Evidence = markedEvidence(
  "obfuscated-tcp",
  WEAK,
  "flights of 12-266, 6-260, then 40-400 bytes each way, without structure, the first below 48 or the second below 42: " +
    "obfuscated eMule's greeting and hellos; keys, salts and tags of other ciphers take more, half of eMule's greetings do not",
);

/** The same with a flight that has a trace of structure. */
const OBFUSCATED_TCP_DOUBTFUL: Evidence = besideEvidence(
  "obfuscated-tcp",
  "the sizes of obfuscated eMule's greeting and hellos, and a flight that has a trace of structure, as one random flight in " +
    "100 has by chance",
  KNOWN_END,
);

/** A login behind an exchange of keys. */
const OBFUSCATED_SERVER: Evidence = evidence(
  "obfuscated-server",
  STRONG,
  "random flights of 98 + n, n up to 15 in clear at 97, then 103-118 back, then 60-180: an obfuscated login to a server (aMule); " +
    "odds 2^-24, 2^-8 where the sizes are no chance",
  true,
);

/** Key part, marker, magic, methods and length (12 bytes), padding of up to 254 (aMule, EncryptedStreamSocket). */
const LEAST_GREETING = 12;
const LONGEST_GREETING = 266;
/** Magic, method, length; padding likewise. */
const LEAST_ANSWER = 6;
const LONGEST_ANSWER = 260;
/** Shorter than any key with a tag, and than any salt with a tagged length and message. */
const SHORT_GREETING = 48;
const SHORT_ANSWER = 42;
/** A hello without any tag, and one with many; its answer may come with the next message behind it. */
const LEAST_HELLO = 38;
const LONGEST_HELLO = 400;
/** Web and mail servers, and messengers that hide there, are no users. */
const LEAST_PORT = 1024;

/** Lengths of both first flights of handshakes without padding: Lightning (BOLT 8), Secure Scuttlebutt, Handshake. */
const UNPADDED: readonly number[] = [50, 64, 80];

/** Answers for a stream that does not begin as plain eDonkey does. */
export function obfuscatedTcp(look: Look): Evidence {
  const { bytes, start, end, nth, otherNth, fromOpener } = look;
  if (!look.first || look.peerPort < LEAST_PORT || look.clientPort < LEAST_PORT) return UNRELATED;
  const size = look.length;
  if (nth === 1) {
    if (otherNth !== (fromOpener ? 0 : 1)) return UNRELATED;
    const fits = fromOpener
      ? size >= LEAST_GREETING && size <= LONGEST_GREETING
      : size >= LEAST_ANSWER && size <= LONGEST_ANSWER;
    return fits && structureOfFlight(bytes, start, end) !== PLAIN ? UNDECIDED : UNRELATED;
  }
  if (nth !== 2 || (look.ownLength === look.otherLength && UNPADDED.includes(look.ownLength))) return UNRELATED;
  const from = start + look.ownLength;
  const hello = look.length - look.ownLength;
  if (otherNth !== (fromOpener ? 1 : 2) || hello < LEAST_HELLO || hello > LONGEST_HELLO) return UNRELATED;
  const doubts = structureOfFlight(bytes, start, from) + structureOfFlight(bytes, from, end);
  if (doubts > DOUBTFUL) return UNRELATED;
  if (!fromOpener) {
    const hidden = doubts === HIDDEN && !isNotedDoubtful(look);
    // From here on the note is one of lengths.
    if (look.owned) look.note0 = 0;
    if (!hidden) return OBFUSCATED_TCP_DOUBTFUL;
    return look.otherLength < SHORT_GREETING || look.ownLength < SHORT_ANSWER ? OBFUSCATED_TCP_SHORT : OBFUSCATED_TCP;
  }
  if (isServerLogin(look, hello)) return OBFUSCATED_SERVER;
  return doubts === HIDDEN || noteDoubt(look) ? UNDECIDED : OBFUSCATED_TCP_DOUBTFUL;
}

/** In `note0`: a flight of the opener was doubtful. */
const NOTED_DOUBT = 0x65640001;

function noteDoubt(look: Look): boolean {
  if (!look.claim()) return false;
  look.note0 = NOTED_DOUBT;
  return true;
}

function isNotedDoubtful(look: Look): boolean {
  return look.owned && look.note0 === NOTED_DOUBT;
}

/** Marker, the client's half of the key, length of what follows. */
const KEY_END = 98;
const LONGEST_PADDING = 15;
/** The server's half, magic, two methods, length; padding likewise. */
const LEAST_SERVER_ANSWER = 103;
/** Six bytes, then a login with hash, identifier, port and four tags, one of them the user's name; padding likewise. */
const LEAST_LOGIN = 60;
const LONGEST_LOGIN = 180;
/** Telegram's cipher begins with 105 bytes (64 of key, then 41), here, at 80 and at 443: one in 256 of them has the 7 at 97. */
const MESSENGER_PORT = 5222;

function isServerLogin(look: Look, login: number): boolean {
  const port = look.fromClient ? look.peerPort : look.clientPort;
  return port !== MESSENGER_PORT && isServerGreeting(look, look.ownLength) &&
    isPadded(look.otherLength, LEAST_SERVER_ANSWER) && login >= LEAST_LOGIN && login <= LONGEST_LOGIN;
}

/** The opener's first flight, of this length, tells the length of its padding in clear. */
function isServerGreeting(look: Look, length: number): boolean {
  return isPadded(length, KEY_END) && look.bytes[look.start + KEY_END - 1] === length - KEY_END;
}

/** `least` bytes and padding. */
function isPadded(length: number, least: number): boolean {
  return length >= least && length <= least + LONGEST_PADDING;
}

/** As {@link structureOf}; bytes too few to tell are hidden, but for text and openings that are known. */
function structureOfFlight(bytes: Uint8Array, from: number, to: number): number {
  if (to - from >= LEAST_ENCRYPTED) return structureOf(bytes, from, to);
  return beginsAsText(bytes, from, to) || hasKnownOpening(bytes, from, to) ? PLAIN : HIDDEN;
}
