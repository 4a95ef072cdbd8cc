/**
 * What Soulseek's server and distributed network send: its answer to a login, and messages of a session that runs for days,
 * by which it is recognised when its start was not seen. Source: Nicotine+'s protocol description.
 * @module
 */
import { compare, CUT, literal, OTHER } from "../literal.ts";

/** Not one of these. */
export const NO_MESSAGE = 0;
/** May become one with more bytes. */
const SHORT_MESSAGE = 1;
/** The whole message fits. */
export const WHOLE_MESSAGE = 2;

/** Longest greeting, name or search that is believed, in bytes. */
const LONGEST_TEXT = 2048;
const DIGEST = 32;
const REFUSAL = literal("INVALID");
const CONNECT_TO_PEER = 18;
const DISTRIBUTED_SEARCH = 3;
const EMBEDDED = 93;
/** What stands before every distributed search. */
const SEARCH_MARK = 0x31;

/**
 * The answer to a login: length, code 1, then 1, greeting, address, 32 hex digits and perhaps a byte; or 0 and a reason that
 * begins INVALID.
 */
export function loginAnswer(view: DataView, bytes: Uint8Array, at: number, end: number): 0 | 1 | 2 {
  if (end - at < 13) return SHORT_MESSAGE;
  const length = view.getUint32(at, true);
  const text = view.getUint32(at + 9, true);
  if (view.getUint32(at + 4, true) !== 1 || text > LONGEST_TEXT) return NO_MESSAGE;
  if (bytes[at + 8] === 0) {
    // Newer servers add a second text.
    if (length < text + 9 || length > text + 9 + LONGEST_TEXT) return NO_MESSAGE;
    const outcome = compare(bytes, at + 13, end, REFUSAL);
    return outcome === OTHER ? NO_MESSAGE : outcome === CUT ? SHORT_MESSAGE : WHOLE_MESSAGE;
  }
  const tail = length - text - 9 - 4 - 4 - DIGEST;
  if (bytes[at + 8] !== 1 || tail < 0 || tail > 1) return NO_MESSAGE;
  const digest = at + 13 + text + 4;
  if (end < digest + 4 + DIGEST) return SHORT_MESSAGE;
  if (view.getUint32(digest, true) !== DIGEST) return NO_MESSAGE;
  for (let i = digest + 4; i < digest + 4 + DIGEST; i++) {
    const byte = bytes[i]!;
    if ((byte < 0x30 || byte > 0x39) && (byte < 0x61 || byte > 0x66)) return NO_MESSAGE;
  }
  return WHOLE_MESSAGE;
}

/** A request to connect to a peer, or a distributed search, whole and with lengths that add up, at a segment's start. */
export function isRunning(view: DataView, bytes: Uint8Array, at: number, end: number): boolean {
  if (end - at < 18) return false;
  const length = view.getUint32(at, true);
  if (length > LONGEST_TEXT || at + 4 + length > end) return false;
  if (view.getUint32(at + 4, true) === CONNECT_TO_PEER) return isConnect(view, bytes, at + 8, length - 4);
  if (view.getUint32(at + 4, true) === EMBEDDED) {
    return bytes[at + 8] === DISTRIBUTED_SEARCH && isSearch(view, at + 9, length - 5);
  }
  if (bytes[at + 4] === DISTRIBUTED_SEARCH) return isSearch(view, at + 5, length - 1);
  return bytes[at + 4] === EMBEDDED && bytes[at + 5] === DISTRIBUTED_SEARCH && isSearch(view, at + 6, length - 2);
}

/** Name, type, address, port, token, a flag, and perhaps kind and port of obfuscation: `size` bytes. */
function isConnect(view: DataView, bytes: Uint8Array, at: number, size: number): boolean {
  const name = view.getUint32(at, true);
  if (size !== name + 22 && size !== name + 30) return false;
  const type = at + 4 + name;
  const letter = bytes[type + 4];
  return view.getUint32(type, true) === 1 && (letter === 0x50 || letter === 0x46 || letter === 0x44) &&
    view.getUint32(type + 9, true) <= 0xffff && bytes[type + 17]! <= 1;
}

/** Mark, name, token, words: `size` bytes. */
function isSearch(view: DataView, at: number, size: number): boolean {
  if (size < 18 || view.getUint32(at, true) !== SEARCH_MARK) return false;
  const name = view.getUint32(at + 4, true);
  if (name === 0 || name > size - 16) return false;
  const words = view.getUint32(at + 8 + name + 4, true);
  return words > 0 && size === name + words + 16;
}
