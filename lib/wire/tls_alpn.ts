/**
 * The application protocols that a TLS ClientHello offers (RFC 7301 section 3.1), read in place. Hellos in one record only,
 * as programs send them that offer no more than a key or two.
 * @module
 */

/** No ClientHello, or one that offers none of these protocols. */
export const NO_ALPN = 0;
/** One of them is offered. */
export const ALPN = 1;
/** A ClientHello as far as it goes: show more of the stream. */
export const ALPN_CUT = 2;
/** Any of the above. */
export type AlpnOutcome = 0 | 1 | 2;

const ALPN_EXTENSION = 16;
/** Longest record (RFC 8446 section 5.1). */
const LONGEST_RECORD = 16384;

/** Says whether the ClientHello at `start` offers one of these names (bytes without their length). */
export function offersAlpn(
  bytes: Uint8Array,
  start: number,
  end: number,
  names: readonly Uint8Array[],
): AlpnOutcome {
  if (end - start < 9) return ALPN_CUT;
  if (bytes[start] !== 22 || bytes[start + 1] !== 3 || bytes[start + 5] !== 1) return NO_ALPN;
  const record = (bytes[start + 3]! << 8) | bytes[start + 4]!;
  const hello = (bytes[start + 6]! << 16) | (bytes[start + 7]! << 8) | bytes[start + 8]!;
  if (record > LONGEST_RECORD || hello < 40 || hello + 4 > record) return NO_ALPN;
  const stop = start + 9 + hello;
  if (end < stop) return ALPN_CUT;
  let at = start + 9 + 34; // version and random
  at += 1 + bytes[at]!; // session id
  if (at + 2 > stop) return NO_ALPN;
  at += 2 + ((bytes[at]! << 8) | bytes[at + 1]!); // cipher suites
  if (at >= stop) return NO_ALPN;
  at += 1 + bytes[at]! + 2; // compression, and the length of all extensions: the hello ends with them
  while (at + 4 <= stop) {
    const type = (bytes[at]! << 8) | bytes[at + 1]!;
    const size = (bytes[at + 2]! << 8) | bytes[at + 3]!;
    at += 4;
    if (at + size > stop) return NO_ALPN;
    if (type === ALPN_EXTENSION) return isNamed(bytes, at + 2, at + size, names) ? ALPN : NO_ALPN;
    at += size;
  }
  return NO_ALPN;
}

/** One of the names in the list at `at … end`, each with its length in front, is one of `names`. */
function isNamed(bytes: Uint8Array, at: number, end: number, names: readonly Uint8Array[]): boolean {
  while (at < end) {
    const size = bytes[at]!;
    if (size === 0 || at + 1 + size > end) return false;
    for (const name of names) {
      let same = name.length === size ? 0 : -1;
      while (same >= 0 && same < size && name[same] === bytes[at + 1 + same]) same++;
      if (same === size) return true;
    }
    at += 1 + size;
  }
  return false;
}
