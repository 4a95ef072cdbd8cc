/**
 * Fixed words at fixed places: how classifiers of text protocols compare without making strings.
 * @module
 */

/** The bytes are there. */
export const SAME = 1;
/** The bytes so far agree, but the data ends inside the word: ask again with more. */
export const CUT = 0;
/** Another byte stands there. */
export const OTHER = -1;
/** Outcome of {@link compare}. */
export type Comparison = 1 | 0 | -1;

/** Bytes of a Latin-1 word; only at module level. */
export function literal(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** Compares the bytes from `at` with a word; nothing at or after `end` is read. */
export function compare(bytes: Uint8Array, at: number, end: number, word: Uint8Array): Comparison {
  const length = word.length;
  const have = end - at < length ? end - at : length;
  for (let i = 0; i < have; i++) if (bytes[at + i] !== word[i]) return OTHER;
  return have === length ? SAME : CUT;
}

/** Offset of a word that begins in `at … end` and ends before `end`, or -1. */
export function seek(bytes: Uint8Array, at: number, end: number, word: Uint8Array): number {
  const last = end - word.length;
  const head = word[0]!;
  for (let i = at; i <= last; i++) {
    if (bytes[i] === head && compare(bytes, i, end, word) === SAME) return i;
  }
  return -1;
}

/** Offset of a byte in `at … end`, or -1. */
export function seekByte(bytes: Uint8Array, at: number, end: number, byte: number): number {
  for (let i = at; i < end; i++) if (bytes[i] === byte) return i;
  return -1;
}

/** True where a zlib stream of the usual window begins: 78, and two bytes that 31 divides (RFC 1950). Both must be there. */
export function isZlibHead(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === 0x78 && (0x7800 | bytes[at + 1]!) % 31 === 0;
}

/** True for `0-9a-fA-F`. */
export function isHexDigit(byte: number): boolean {
  return (byte >= 0x30 && byte <= 0x39) || ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66);
}

/** True for a letter or digit of RFC 4648 base32: `A-Z2-7`. */
export function isBase32(byte: number): boolean {
  return (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x32 && byte <= 0x37);
}

/** True for `0-9`. */
export function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}
