/**
 * The server name in a TLS ClientHello (RFC 8446 section 4.1.2, RFC 6066 section 3), read in place. A hello may be spread
 * over several segments (the caller shows the stream so far) and over several records (RFC 8446 section 5.1).
 * @module
 */
import { type DnsName, LONGEST_NAME } from "./dns_name.ts";

/** No ClientHello, or one without a server name. */
export const NO_SERVER_NAME = 0;
/** The name was read. */
export const SERVER_NAME = 1;
/** A ClientHello as far as it goes: show more of the stream. */
export const SERVER_NAME_CUT = 2;
/** Any of the above. */
export type ServerNameOutcome = 0 | 1 | 2;

const HANDSHAKE_RECORD = 22;
const CLIENT_HELLO = 1;
const SERVER_NAME_EXTENSION = 0;
const HOST_NAME = 0;
/** Longest record (RFC 8446 section 5.1). */
const LONGEST_RECORD = 16384;
/** Bytes of a hello in several records that are put together: in most, the name comes before the large key shares. */
const ASSEMBLED = 4096;

/** Where hellos in several records are put together: one buffer, as only one hello is read at a time. */
const assembled: Uint8Array = new Uint8Array(ASSEMBLED);

/** Reads the server name of the ClientHello at `start` into `name`, in lower case. */
export function readServerName(bytes: Uint8Array, start: number, end: number, name: DnsName): ServerNameOutcome {
  name.length = 0;
  if (start < end && bytes[start] !== HANDSHAKE_RECORD) return NO_SERVER_NAME;
  if (start + 1 < end && bytes[start + 1] !== 3) return NO_SERVER_NAME;
  if (end - start < 6) return SERVER_NAME_CUT;
  if (bytes[start + 5] !== CLIENT_HELLO) return NO_SERVER_NAME;
  if (end - start < 9) return SERVER_NAME_CUT;
  const record = (bytes[start + 3]! << 8) | bytes[start + 4]!;
  const hello = (bytes[start + 6]! << 16) | (bytes[start + 7]! << 8) | bytes[start + 8]!;
  if (record < 4 || record > LONGEST_RECORD || hello < 40) return NO_SERVER_NAME;
  if (hello + 4 <= record) return readHello(bytes, start + 9, end, start + 9 + hello, name);
  let filled = 0;
  let at = start;
  while (at + 5 <= end && filled < ASSEMBLED) {
    if (bytes[at] !== HANDSHAKE_RECORD) return NO_SERVER_NAME;
    const size = (bytes[at + 3]! << 8) | bytes[at + 4]!;
    if (size === 0 || size > LONGEST_RECORD) return NO_SERVER_NAME;
    at += 5;
    for (const stop = Math.min(at + size, end); at < stop && filled < ASSEMBLED; at++) assembled[filled++] = bytes[at]!;
    if (at === end) break;
  }
  return readHello(assembled, 4, filled, 4 + hello, name);
}

/** Reads the hello's body at `at`; `stop` is where it ends when complete. */
function readHello(bytes: Uint8Array, at: number, end: number, stop: number, name: DnsName): ServerNameOutcome {
  at += 34; // version and random
  if (at >= end) return SERVER_NAME_CUT;
  at += 1 + bytes[at]!; // session id
  if (at + 2 > end) return at + 2 > stop ? NO_SERVER_NAME : SERVER_NAME_CUT;
  at += 2 + ((bytes[at]! << 8) | bytes[at + 1]!); // cipher suites
  if (at >= end) return at >= stop ? NO_SERVER_NAME : SERVER_NAME_CUT;
  at += 1 + bytes[at]!; // compression
  if (at + 2 > end) return at + 2 > stop ? NO_SERVER_NAME : SERVER_NAME_CUT;
  at += 2; // length of all extensions: the hello ends with them
  while (at + 4 <= stop) {
    if (at + 4 > end) return SERVER_NAME_CUT;
    const type = (bytes[at]! << 8) | bytes[at + 1]!;
    const size = (bytes[at + 2]! << 8) | bytes[at + 3]!;
    at += 4;
    if (at + size > stop) return NO_SERVER_NAME;
    if (type === SERVER_NAME_EXTENSION) {
      return at + size > end ? SERVER_NAME_CUT : readHost(bytes, at, at + size, name);
    }
    at += size;
  }
  return NO_SERVER_NAME;
}

/** Reads the first entry of the list in `at … end`, which must be a host name; a dot at its end is left out. */
function readHost(bytes: Uint8Array, at: number, end: number, name: DnsName): ServerNameOutcome {
  if (at + 5 > end || bytes[at + 2] !== HOST_NAME) return NO_SERVER_NAME;
  let length = (bytes[at + 3]! << 8) | bytes[at + 4]!;
  at += 5;
  if (at + length > end) return NO_SERVER_NAME;
  if (length > 0 && bytes[at + length - 1] === 0x2e) length--;
  if (length === 0 || length > LONGEST_NAME) return NO_SERVER_NAME;
  for (let i = 0; i < length; i++) {
    const byte = bytes[at + i]!;
    name.bytes[i] = byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
  }
  name.length = length;
  return SERVER_NAME;
}
