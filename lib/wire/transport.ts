/**
 * The headers of TCP (RFC 9293 section 3.1) and UDP (RFC 768). UDP-Lite (RFC 3828) has another protocol number and is not
 * read.
 * @module
 */
import { BROKEN, OK, type Outcome, TRUNCATED_HEADER, WHOLE } from "./outcome.ts";
import type { Packet } from "./packet.ts";

/** IP protocol number of TCP. */
export const PROTOCOL_TCP = 6;
/** Bytes of a TCP header without options. */
export const TCP_HEADER = 20;
/** IP protocol number of UDP. */
export const PROTOCOL_UDP = 17;
/** Bytes of a UDP header. */
export const UDP_HEADER = 8;

/** No more data from the sender. */
export const FIN = 0x01;
/** Opens a connection. */
export const SYN = 0x02;
/** Resets the connection. */
export const RST = 0x04;
/** Push. */
export const PSH = 0x08;
/** The acknowledgement number is valid. */
export const ACK = 0x10;

/** Kind of the TCP options with a signature: MD5 (RFC 2385) and the Authentication Option (RFC 5925). */
const MD5 = 19;
const AUTHENTICATION_OPTION = 29;

/** Whether the decoded TCP packet has a signature among its options, as far as they were captured. */
export function isSigned(packet: Packet): boolean {
  const { bytes, segment } = packet;
  const end = Math.min(segment + ((bytes[segment + 12]! >>> 4) << 2), packet.end);
  let at = segment + TCP_HEADER;
  while (at + 1 < end) {
    const kind = bytes[at]!;
    if (kind === 0) return false;
    if (kind === 1) at++;
    else if (kind === MD5 || kind === AUTHENTICATION_OPTION) return true;
    else if (bytes[at + 1]! < 2) return false;
    else at += bytes[at + 1]!;
  }
  return false;
}

/** Decodes the TCP header at `at`; see lib/wire/ip.ts for `end` and `wireEnd`. */
export function decodeTcp(packet: Packet, at: number, end: number, wireEnd: number): Outcome {
  packet.transport = PROTOCOL_TCP;
  // A first fragment too short for the ports is an old way to evade filters (RFC 1858); no honest sender makes one.
  if (wireEnd - at < TCP_HEADER) return BROKEN;
  if (end - at < TCP_HEADER) return TRUNCATED_HEADER;
  const { bytes, view } = packet;
  const header = (bytes[at + 12]! >>> 4) << 2;
  if (header < TCP_HEADER || at + header > wireEnd) return BROKEN;
  packet.segment = at;
  packet.sport = view.getUint16(at);
  packet.dport = view.getUint16(at + 2);
  packet.seq = view.getInt32(at + 4);
  packet.ack = view.getInt32(at + 8);
  packet.flags = bytes[at + 13]!;
  packet.length = wireEnd - at - header;
  // A capture may end within the options: then there is no payload to see, but all else is known.
  packet.payload = at + header < end ? at + header : end;
  packet.payloadEnd = end;
  return OK;
}

/**
 * Decodes the UDP header at `at`; see lib/wire/ip.ts for `end` and `wireEnd`. `open` says that the IP header left the length
 * open (jumbogram or segmented later), when a length of 0 here means "the rest of the packet" (RFC 2675 section 4).
 */
export function decodeUdp(packet: Packet, at: number, end: number, wireEnd: number, open: boolean): Outcome {
  packet.transport = PROTOCOL_UDP;
  if (wireEnd - at < UDP_HEADER) return BROKEN;
  if (end - at < UDP_HEADER) return TRUNCATED_HEADER;
  const { view } = packet;
  let length = view.getUint16(at + 4);
  if (length === 0 && open) length = wireEnd - at;
  // Receivers drop both. Only a first fragment may hold less than the whole datagram.
  if (length < UDP_HEADER || (at + length > wireEnd && packet.fragment === WHOLE)) return BROKEN;
  packet.segment = at;
  packet.sport = view.getUint16(at);
  packet.dport = view.getUint16(at + 2);
  packet.length = length - UDP_HEADER;
  packet.payload = at + UDP_HEADER;
  packet.payloadEnd = at + length < end ? at + length : end;
  return OK;
}
