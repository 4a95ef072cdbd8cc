/**
 * eDonkey by the lengths of its messages, which RC4 leaves as they are: acceptance of an upload and its like have 6 bytes,
 * the state of an identification 11. Nothing that vouches for its messages has so short ones.
 * @module
 */
import { type Evidence, markedEvidence, STRONG } from "../classifier.ts";
import {
  countAt,
  counted,
  type LengthRule,
  type Said,
  SAYS_MESSAGE,
  SAYS_NOTHING,
  SAYS_PROTOCOL,
} from "../message_lengths.ts";

/** Messages through an obfuscated connection. */
const OBFUSCATED_MESSAGES: Evidence = markedEvidence(
  "obfuscated-messages",
  STRONG,
  "the sizes of obfuscated eMule's greeting and hellos, then four packets of 6 or 11 bytes and hardly any other below 18, sent " +
    "by a side without long ones: its messages under RC4; a cipher with a tag of 16 bytes has none of them",
);

const LONG = 1100;
const LONGEST_SHORT = 17;

// The note, above BitTorrent's bits: messages, other short packets, sides that sent a long one.
const MESSAGES_SHIFT = 23;
const OTHERS_SHIFT = 26;
/** The greeting had a mark. */
const MARKED = 1 << 29;
const OPENER_LONG = 1 << 30;
const RESPONDER_LONG = 1 << 31;

function add(note: number, size: number, fromOpener: boolean): number {
  if (size <= 0) return note;
  const long = fromOpener ? OPENER_LONG : RESPONDER_LONG;
  if (size >= LONG) return note | long;
  if (size > LONGEST_SHORT || (note & long) !== 0) return note;
  return counted(note, size === 6 || size === 11 ? MESSAGES_SHIFT : OTHERS_SHIFT);
}

function says(note: number): Said {
  const messages = countAt(note, MESSAGES_SHIFT);
  const many = countAt(note, OTHERS_SHIFT) <= messages >> 1;
  if (many && messages >= 4) return SAYS_PROTOCOL;
  return (note & MARKED) !== 0 || (many && messages > 0) ? SAYS_MESSAGE : SAYS_NOTHING;
}

/** How obfuscated eDonkey is told by lengths. */
export const OBFUSCATED_LENGTHS: LengthRule = {
  add,
  says,
  proofs: [OBFUSCATED_MESSAGES],
  proof: () => OBFUSCATED_MESSAGES,
  blocks: null,
  mark: MARKED,
  running: 0,
  // Greetings with long padding have no mark.
  fanned: SAYS_NOTHING,
  near: 4,
  marked: 2,
};
