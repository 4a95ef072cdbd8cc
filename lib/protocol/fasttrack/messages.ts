/**
 * FastTrack's UDP messages: bytes to fields, and those that ftwall itself sends (the decoys' node echo and node pong, the probe's ping).
 *
 * Layouts: the PROTOCOL notes of giFT-FastTrack, checked against captures of giFT and mldonkey nodes. Integers are
 * big-endian. None of these functions reads outside `start … end` or throws.
 *
 * ```text
 *        0     1..4                 5       6        7..8   9..12   13..
 * ping   27    least encryption     80      network name, NUL
 * pong   28    least encryption     00      counter  load … (7..10)  11.. network name, NUL
 * node   29    least encryption     01|02   flag     0000   id      flag 1: IPv4, port, two bytes
 * 2A     2A    id
 * ```
 * @module
 */
import { literal } from "../literal.ts";

/** First byte of a ping. */
export const PING = 0x27;
/** First byte of a supernode's pong. */
export const PONG = 0x28;
/** First byte of an ordinary node's pong: the client takes it as "UDP works" and does not go on to TCP. */
export const NODE_PONG = 0x29;
/** First byte of what a client may send after a node pong: that pong's id again. */
export const NODE_ECHO = 0x2a;
/** Bytes of a node pong whose flag is 0: a decoy. */
export const NODE_PONG_LENGTH = 13;
/** Bytes of a node pong whose flag is 1. */
const NODE_PONG_LONG = 21;
/** Bytes of a {@link NODE_ECHO}. */
export const NODE_ECHO_LENGTH = 5;
/** Fewest and most bytes of a ping: a name of 2 to 32 characters. KaZaA's has 12. */
const PING_LEAST = 9;
/** Most bytes of a ping. */
export const PING_MOST = 39;
/** Fewest bytes of a supernode's pong. */
const PONG_LEAST = 14;
/** Most bytes of a supernode's pong. */
const PONG_MOST = 44;
/** What current clients ask for as least encryption (Kazaa, giFT); mldonkey sends A9. */
export const LEAST_ENCRYPTION = 0x29;

/** The networks that spoke FastTrack, as their names stand on the wire; {@link networkOf} answers an index of this. */
export const NETWORKS: readonly string[] = ["KaZaA", "fileshare", "Grokster", "MusicCity"];
/** A well-formed name that is not one of {@link NETWORKS}. */
export const OTHER_NETWORK = NETWORKS.length;
/** No well-formed name. */
export const NO_NETWORK = -1;

const LOWER: readonly Uint8Array[] = NETWORKS.map((name) => literal(name.toLowerCase()));
const NAME_LEAST = 2;
const NAME_MOST = 32;

/** The network named at `from`, where a NUL must end the message at `end - 1`: an index, OTHER_NETWORK or NO_NETWORK. */
function networkOf(bytes: Uint8Array, from: number, end: number): number {
  const length = end - 1 - from;
  if (length < NAME_LEAST || length > NAME_MOST || bytes[end - 1] !== 0) return NO_NETWORK;
  for (let at = from; at < end - 1; at++) {
    if (!isNameByte(bytes[at]!)) return NO_NETWORK;
  }
  for (let index = 0; index < LOWER.length; index++) {
    const name = LOWER[index]!;
    if (name.length === length && sameName(bytes, from, name)) return index;
  }
  return OTHER_NETWORK;
}

/** The network of a ping (0x27), NO_NETWORK where this is none. */
export function pingNetwork(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  if (length < PING_LEAST || length > PING_MOST) return NO_NETWORK;
  if (bytes[start] !== PING || bytes[start + 5] !== 0x80 || !isEncryption(bytes, start)) return NO_NETWORK;
  return networkOf(bytes, start + 6, end);
}

/** The network of a supernode's pong (0x28), NO_NETWORK where this is none. */
export function pongNetwork(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  if (length < PONG_LEAST || length > PONG_MOST) return NO_NETWORK;
  if (bytes[start] !== PONG || bytes[start + 5] !== 0 || !isEncryption(bytes, start)) return NO_NETWORK;
  return networkOf(bytes, start + 11, end);
}

/** True for an ordinary node's pong (0x29), 13 bytes with flag 0 or 21 with flag 1. */
export function isNodePong(bytes: Uint8Array, start: number, end: number): boolean {
  const length = end - start;
  if (length !== NODE_PONG_LENGTH && length !== NODE_PONG_LONG) return false;
  const kind = bytes[start + 5];
  return bytes[start] === NODE_PONG && isEncryption(bytes, start) && (kind === 1 || kind === 2) &&
    bytes[start + 6] === (length === NODE_PONG_LONG ? 1 : 0) && bytes[start + 7] === 0 && bytes[start + 8] === 0;
}

/** The id in a node pong, int32. */
export function nodePongId(bytes: Uint8Array, start: number): number {
  return word(bytes, start + 9);
}

/** The id in a node echo (0x2A), int32; only where its length is {@link NODE_ECHO_LENGTH}. */
export function nodeEchoId(bytes: Uint8Array, start: number): number {
  return word(bytes, start + 1);
}

/** The least encryption that a ping or pong asks for, int32: a decoy repeats it. */
export function encryptionOf(bytes: Uint8Array, start: number): number {
  return word(bytes, start + 1);
}

/** Writes a node echo. */
export function writeNodeEcho(buffer: Uint8Array, offset: number, id: number): void {
  buffer[offset] = NODE_ECHO;
  writeWord(buffer, offset + 1, id);
}

/**
 * Writes an ordinary node's pong with flag 0 and answers its length, 13: a decoy. Kazaa never opens TCP to a node that
 * answered so, but takes it as proof that UDP works and goes on through its list.
 */
export function writeNodePong(buffer: Uint8Array, offset: number, encryption: number, id: number): number {
  buffer[offset] = NODE_PONG;
  writeWord(buffer, offset + 1, encryption);
  buffer[offset + 5] = 1;
  buffer[offset + 6] = 0;
  buffer[offset + 7] = 0;
  buffer[offset + 8] = 0;
  writeWord(buffer, offset + 9, id);
  return NODE_PONG_LENGTH;
}

/** Writes a ping in the name of a network (index into {@link NETWORKS}; others count as the first): the probe. Answers its length. */
export function writePing(buffer: Uint8Array, offset: number, encryption: number, network: number): number {
  const name = NETWORKS[network] ?? NETWORKS[0]!;
  buffer[offset] = PING;
  writeWord(buffer, offset + 1, encryption);
  buffer[offset + 5] = 0x80;
  for (let i = 0; i < name.length; i++) buffer[offset + 6 + i] = name.charCodeAt(i);
  buffer[offset + 6 + name.length] = 0;
  return 7 + name.length;
}

/** Encryption types are sums of nine bits at most (up to 0x1FF). */
function isEncryption(bytes: Uint8Array, start: number): boolean {
  return bytes[start + 1] === 0 && bytes[start + 2] === 0 && bytes[start + 3]! <= 1;
}

function isNameByte(byte: number): boolean {
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x7a || byte >= 0x30 && byte <= 0x39 || byte === 0x2d || byte === 0x5f;
}

function sameName(bytes: Uint8Array, from: number, lower: Uint8Array): boolean {
  for (let i = 0; i < lower.length; i++) {
    if ((bytes[from + i]! | 0x20) !== lower[i]) return false;
  }
  return true;
}

function word(bytes: Uint8Array, at: number): number {
  return bytes[at]! << 24 | bytes[at + 1]! << 16 | bytes[at + 2]! << 8 | bytes[at + 3]!;
}

function writeWord(buffer: Uint8Array, at: number, value: number): void {
  buffer[at] = value >>> 24;
  buffer[at + 1] = value >>> 16;
  buffer[at + 2] = value >>> 8;
  buffer[at + 3] = value;
}
