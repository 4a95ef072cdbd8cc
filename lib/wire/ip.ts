/**
 * IPv4 (RFC 791) and IPv6 (RFC 8200) headers, down to the transport.
 *
 * In all functions `end` is one past the last captured byte, and `wireEnd` is where the packet ended on the wire: a field
 * beyond `end` was not captured, a field beyond `wireEnd` never existed.
 * @module
 */
import {
  BROKEN,
  FIRST_FRAGMENT,
  FURTHER_FRAGMENT,
  LATER_FRAGMENT,
  OTHER_TRANSPORT,
  type Outcome,
  TRUNCATED_HEADER,
} from "./outcome.ts";
import type { Packet } from "./packet.ts";
import { decodeTcp, decodeUdp, PROTOCOL_TCP, PROTOCOL_UDP } from "./transport.ts";

/** Bytes of an IPv4 header without options. */
export const IPV4_HEADER = 20;
/** Bytes of the fixed IPv6 header. */
export const IPV6_HEADER = 40;

/** Next-header values that are walked through (IANA protocol numbers). */
const HOP_BY_HOP = 0;
const ROUTING = 43;
const FRAGMENT = 44;
const AUTHENTICATION = 51;
const DESTINATION_OPTIONS = 60;
/** More extension headers than any honest packet has; a longer chain is meant to exhaust a reader or to evade it. */
const MOST_EXTENSIONS = 12;

/** IPv4 (RFC 791). A total length of 0 is a packet that is segmented later (GSO, BIG TCP); the buffer has its length. */
export function decodeIPv4(packet: Packet, start: number, end: number, wireEnd: number): Outcome {
  packet.family = 4;
  if (end - start < IPV4_HEADER) return wireEnd - start < IPV4_HEADER ? BROKEN : TRUNCATED_HEADER;
  const { bytes, view } = packet;
  packet.s2 = 0xffff;
  packet.s3 = view.getInt32(start + 12);
  packet.d2 = 0xffff;
  packet.d3 = view.getInt32(start + 16);
  const header = (bytes[start]! & 15) << 2;
  if (header < IPV4_HEADER) return BROKEN;
  const total = view.getUint16(start + 2);
  if (total !== 0) {
    if (total < header) return BROKEN;
    // Longer than the wire length: the capture cut that length together with the bytes, so believe the header.
    // Shorter: what follows is padding or a trailer of the link, never payload.
    wireEnd = start + total;
    if (wireEnd < end) end = wireEnd;
  } else if (start + header > wireEnd) {
    return BROKEN;
  }
  const protocol = bytes[start + 9]!;
  const fragment = view.getUint16(start + 6);
  if ((fragment & 0x1fff) !== 0) {
    packet.fragment = FURTHER_FRAGMENT;
    packet.transport = protocol;
    return LATER_FRAGMENT;
  }
  if ((fragment & 0x2000) !== 0) packet.fragment = FIRST_FRAGMENT;
  if (start + header > end) return TRUNCATED_HEADER;
  if (protocol === PROTOCOL_TCP) return decodeTcp(packet, start + header, end, wireEnd);
  if (protocol === PROTOCOL_UDP) return decodeUdp(packet, start + header, end, wireEnd, total === 0);
  if (protocol === AUTHENTICATION) return decodeAfter(packet, protocol, start + header, end, wireEnd, total === 0);
  packet.transport = protocol;
  return OTHER_TRANSPORT;
}

/** IPv6 (RFC 8200). A payload length of 0 is a jumbogram (RFC 2675) or a packet that is segmented later. */
export function decodeIPv6(packet: Packet, start: number, end: number, wireEnd: number): Outcome {
  packet.family = 6;
  if (end - start < IPV6_HEADER) return wireEnd - start < IPV6_HEADER ? BROKEN : TRUNCATED_HEADER;
  const { bytes, view } = packet;
  packet.s0 = view.getInt32(start + 8);
  packet.s1 = view.getInt32(start + 12);
  packet.s2 = view.getInt32(start + 16);
  packet.s3 = view.getInt32(start + 20);
  packet.d0 = view.getInt32(start + 24);
  packet.d1 = view.getInt32(start + 28);
  packet.d2 = view.getInt32(start + 32);
  packet.d3 = view.getInt32(start + 36);
  const at = start + IPV6_HEADER;
  const next = bytes[start + 6]!;
  let payload = view.getUint16(start + 4);
  let open = false;
  if (payload === 0) {
    payload = next === HOP_BY_HOP ? jumboLength(packet, at, end) : 0;
    open = true;
  }
  if (payload !== 0) {
    wireEnd = at + payload;
    if (wireEnd < end) end = wireEnd;
  }
  if (next === PROTOCOL_TCP) return decodeTcp(packet, at, end, wireEnd);
  if (next === PROTOCOL_UDP) return decodeUdp(packet, at, end, wireEnd, open);
  return decodeAfter(packet, next, at, end, wireEnd, open);
}

/** The length in a Jumbo Payload option (RFC 2675 section 2) of the hop-by-hop header at `at`; 0 where there is none. */
function jumboLength(packet: Packet, at: number, end: number): number {
  const { bytes, view } = packet;
  if (at + 2 > end) return 0;
  const stop = Math.min(end, at + ((bytes[at + 1]! + 1) << 3));
  let option = at + 2;
  while (option + 2 <= stop) {
    const type = bytes[option]!;
    if (type === 0) { // Pad1 has no length byte
      option++;
      continue;
    }
    if (type === 0xc2) {
      if (bytes[option + 1] !== 4 || option + 6 > stop) return 0;
      const length = view.getInt32(option + 2);
      // Not above 65,535 breaks the RFC; above 2 GiB no interface has ever sent one.
      return length > 0xffff ? length : 0;
    }
    option += 2 + bytes[option + 1]!;
  }
  return 0;
}

/** Walks extension headers from `next` at `at`, then decodes the transport. */
function decodeAfter(packet: Packet, next: number, at: number, end: number, wireEnd: number, open: boolean): Outcome {
  const { bytes, view } = packet;
  const six = packet.family === 6;
  for (let count = 0; count < MOST_EXTENSIONS; count++) {
    let size = 0;
    if (next === PROTOCOL_TCP) return decodeTcp(packet, at, end, wireEnd);
    if (next === PROTOCOL_UDP) return decodeUdp(packet, at, end, wireEnd, open);
    const options = six && (next === HOP_BY_HOP || next === ROUTING || next === DESTINATION_OPTIONS);
    const fragment = six && next === FRAGMENT;
    if (!options && !fragment && next !== AUTHENTICATION) {
      packet.transport = next; // ESP and "no next header" (59) end here too
      return OTHER_TRANSPORT;
    }
    if (at + 8 > wireEnd) return BROKEN; // each of them has eight bytes at least
    if (at + 8 > end) return TRUNCATED_HEADER;
    if (fragment) {
      const word = view.getUint16(at + 2);
      size = 8;
      if (word >>> 3 !== 0) {
        packet.fragment = FURTHER_FRAGMENT;
        packet.transport = bytes[at]!;
        return LATER_FRAGMENT;
      }
      // Offset 0 and no more to come is an atomic fragment: RFC 6946 has it handled as a whole packet.
      if ((word & 1) !== 0) packet.fragment = FIRST_FRAGMENT;
    } else if (options) {
      size = (bytes[at + 1]! + 1) << 3;
    } else {
      size = (bytes[at + 1]! + 2) << 2; // RFC 4302 section 2.2: four-byte units, less two
      if (size < 12) return BROKEN;
    }
    next = bytes[at]!;
    at += size;
    if (at > wireEnd) return BROKEN;
    if (at > end) return TRUNCATED_HEADER;
  }
  return BROKEN;
}
