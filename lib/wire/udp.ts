/**
 * The UDP header (RFC 768). UDP-Lite (RFC 3828) has another protocol number and is not this.
 * @module
 */
import { BROKEN, OK, type Outcome, TRUNCATED_HEADER } from "./outcome.ts";
import type { Packet } from "./packet.ts";

/** IP protocol number. */
export const PROTOCOL_UDP = 17;
/** Bytes of the header. */
export const UDP_HEADER = 8;

/**
 * Decodes the header at `at`; see lib/wire/ip.ts for `end` and `wireEnd`. `open` says that the IP header left the length
 * open (jumbogram or segmented later), when a length of 0 here means "the rest of the packet" (RFC 2675 section 4).
 */
export function decodeUdp(packet: Packet, at: number, end: number, wireEnd: number, open: boolean): Outcome {
  packet.transport = PROTOCOL_UDP;
  if (wireEnd - at < UDP_HEADER) return BROKEN;
  if (end - at < UDP_HEADER) return TRUNCATED_HEADER;
  const { view } = packet;
  let length = view.getUint16(at + 4);
  if (length === 0 && open) length = wireEnd - at;
  // Receivers drop both kinds. A first fragment holds less than the datagram, of course.
  if (length < UDP_HEADER || (at + length > wireEnd && packet.fragment === 0)) return BROKEN;
  packet.sport = view.getUint16(at);
  packet.dport = view.getUint16(at + 2);
  packet.length = length - UDP_HEADER;
  packet.payload = at + UDP_HEADER;
  packet.payloadEnd = at + length < end ? at + length : end;
  return OK;
}
