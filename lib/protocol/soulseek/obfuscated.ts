/**
 * Soulseek's obfuscated peer messages (type 1, "rotated"): proof from the bytes alone.
 *
 * Four bytes of key K (little-endian), then the message in groups of four bytes, each xored with K rotated left by 1, 2, 3 …
 * bits (aioslsk, `obfuscation.py`; checked with two vectors). The length of the message must come out, and its first fields.
 * @module
 */

/** Not an obfuscated greeting. */
export const NO_GREETING = 0;
/** May become one with more bytes. */
const SHORT_GREETING = 1;
/** PierceFirewall: five bytes, code 0, behind it nothing or the head of a peer message. */
export const PIERCE_GREETING = 2;
/** PeerInit: user name, type P, F or D, token: all lengths fit. */
export const INIT_GREETING = 3;

/** Largest peer message that is believed, in bytes: lists of shares have megabytes. */
export const LARGEST_MESSAGE = 0x1000000;

/** What a stream of `end - at` bytes, at least 13, begins with. */
export function obfuscatedGreeting(view: DataView, at: number, end: number): 0 | 1 | 2 | 3 {
  const key = view.getInt32(at, true);
  const set = bits(key);
  // Keys of few or nearly all bits do not hide anything: plain little-endian counters would pass for them.
  if (set < 5 || set > 27) return NO_GREETING;
  const length = view.getInt32(at + 4, true) ^ rotate(key, 1);
  // PierceFirewall has 5 bytes; PeerInit 14 and a name of up to 30 letters, up to four bytes each.
  if (length !== 5 && (length < 15 || length > 134)) return NO_GREETING;
  const code = byteAt(view, at, 4, key);
  if (length === 5) {
    if (code !== 0) return NO_GREETING;
    return end - at === 13 ? PIERCE_GREETING : firstMessage(view, at + 13, end);
  }
  if (code !== 1) return NO_GREETING;
  // Plain bytes of the message: length4, code1, name length4, name, type length4, type1, token4.
  const have = end - at - 4;
  if (have < 9) return SHORT_GREETING;
  if (wordAt(view, at, 5, key) !== length - 14) return NO_GREETING;
  const type = 9 + length - 14;
  if (have < type + 5) return have < 4 + length ? SHORT_GREETING : NO_GREETING;
  if (wordAt(view, at, type, key) !== 1) return NO_GREETING;
  const letter = byteAt(view, at, type + 4, key);
  return letter === 0x50 || letter === 0x46 || letter === 0x44 ? INIT_GREETING : NO_GREETING;
}

/** What follows a pierced firewall at once: a message with a key of its own, by its length and code. */
function firstMessage(view: DataView, at: number, end: number): 0 | 1 | 2 {
  if (end - at < 12) return SHORT_GREETING;
  const key = view.getInt32(at, true);
  const length = wordAt(view, at, 0, key);
  const code = wordAt(view, at, 4, key);
  return length >= 4 && length <= LARGEST_MESSAGE && code >= 4 && code <= 52 ? PIERCE_GREETING : NO_GREETING;
}

/** The plain byte at `offset` of the message. */
function byteAt(view: DataView, at: number, offset: number, key: number): number {
  const mask = rotate(key, (offset >>> 2) + 1);
  return view.getUint8(at + 4 + offset) ^ (mask >>> ((offset & 3) << 3) & 0xff);
}

/** The plain little-endian word at `offset` of the message. */
function wordAt(view: DataView, at: number, offset: number, key: number): number {
  return byteAt(view, at, offset, key) | byteAt(view, at, offset + 1, key) << 8 |
    byteAt(view, at, offset + 2, key) << 16 |
    byteAt(view, at, offset + 3, key) << 24;
}

function rotate(word: number, by: number): number {
  const turn = by & 31;
  return turn === 0 ? word : word << turn | word >>> (32 - turn);
}

function bits(word: number): number {
  let left = word - (word >>> 1 & 0x55555555);
  left = (left & 0x33333333) + (left >>> 2 & 0x33333333);
  return Math.imul((left + (left >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
