/**
 * What the receiver of a TCP segment takes. Tools against filters put segments before the real ones that the receiver drops
 * and a filter believes; such a segment is not shown to the classifiers, and the stream goes on as if it had not come. What
 * nobody can know on the way, such as whether a TTL suffices, is not asked here: see {@link Asker} for both readings.
 * @module
 */
import {
  BEGUN,
  DATA_PACKETS,
  FLAGS,
  INFERRED,
  MIDSTREAM,
  OPENER_ACKED,
  OPENER_BASE,
  OPENER_BASED,
  OPENER_VERIFIED,
  PROXIED,
  RESPONDER_ACKED,
  RESPONDER_BASE,
  RESPONDER_BASED,
  RESPONDER_VERIFIED,
  RESUMED,
  SUSPECT,
} from "../state/flow_table.ts";
import { transportChecksum, unfinishedChecksum } from "../wire/checksum.ts";
import { IPV6_HEADER } from "../wire/ip.ts";
import { CHECKSUM_GOOD, CHECKSUM_UNVERIFIED, type Packet } from "../wire/packet.ts";
import { ACK, isSigned, PROTOCOL_TCP, SYN, TCP_HEADER } from "../wire/transport.ts";

/** How far an acknowledgement may lie from what was sent (RFC 5961 section 5.2: the largest window without scaling). */
const WINDOW = 0xffff;
/** Bytes from the IP header on of the largest packet whose checksum is believed in a capture: merged ones are larger. */
const LARGEST_UNMERGED = 1500;
/** Where the checksum stands in a TCP header. */
const CHECKSUM_AT = 16;

/** Whether the receiver of a TCP packet takes its payload. Also notes what the direction's packets have right. */
export function isTaken(packet: Packet, words: Int32Array, flow: number, fromOpener: boolean): boolean {
  if (packet.checksum !== CHECKSUM_GOOD && !isWhole(packet, words, flow, fromOpener)) return false;
  if ((packet.flags & ACK) === 0) {
    // RFC 9293 section 3.10.7.4: once a connection is there, every segment acknowledges.
    return packet.length === 0 || (packet.flags & SYN) !== 0;
  }
  if (!acknowledges(packet, words, flow, fromOpener) && packet.length !== 0) return false;
  // Linux drops a signed segment of a connection for which no key is set; what is signed on purpose is no file sharing.
  return packet.length === 0 || packet.bytes[packet.segment + 12]! >>> 4 === TCP_HEADER >>> 2 || !isSigned(packet);
}

/**
 * Whether the acknowledgement is one that the receiver's stack lets pass (RFC 5961 section 5.2). Known only where the other
 * side's own SYN was seen, and believed where another packet of the direction was right; how much it may acknowledge is
 * known until the other side has sent something.
 */
function acknowledges(packet: Packet, words: Int32Array, flow: number, fromOpener: boolean): boolean {
  const flags = words[flow + FLAGS]!;
  const based = fromOpener ? RESPONDER_BASED : OPENER_BASED;
  if ((flags & (MIDSTREAM | RESUMED | PROXIED)) !== 0 || (flags & (fromOpener ? based | INFERRED : based)) !== based) {
    return true;
  }
  if (!fromOpener && (flags & (BEGUN | SUSPECT)) === BEGUN) return true;
  const beyond = (packet.ack - words[flow + (fromOpener ? RESPONDER_BASE : OPENER_BASE)]!) | 0;
  const counts = words[flow + DATA_PACKETS]!;
  const silent = (fromOpener ? counts >>> 16 : counts & 0xffff) === 0;
  const acked = fromOpener ? OPENER_ACKED : RESPONDER_ACKED;
  if (beyond < -WINDOW || (silent && beyond > WINDOW)) return (flags & acked) === 0;
  words[flow + FLAGS] = flags | acked;
  return true;
}

/**
 * Whether the checksum lets the packet pass. Where nobody knows who makes the checksums (a capture), a wrong one counts
 * only in a direction in which others were right, and not where it is the kernel's or where packets were merged.
 */
function isWhole(packet: Packet, words: Int32Array, flow: number, fromOpener: boolean): boolean {
  const { bytes, view, start, segment, payloadEnd } = packet;
  const known = packet.checksum === CHECKSUM_UNVERIFIED;
  if (payloadEnd - packet.payload !== packet.length) return true;
  // Behind a routing header the pseudo-header has another address.
  if (packet.family === 6 && segment !== start + IPV6_HEADER) return true;
  if (!known && payloadEnd - start > LARGEST_UNMERGED) return true;
  const right = transportChecksum(bytes, start, segment, payloadEnd, PROTOCOL_TCP) === 0;
  if (known) return right;
  const verified = fromOpener ? OPENER_VERIFIED : RESPONDER_VERIFIED;
  if (right) words[flow + FLAGS]! |= verified;
  else if ((words[flow + FLAGS]! & verified) !== 0) {
    return view.getUint16(segment + CHECKSUM_AT) ===
      unfinishedChecksum(bytes, start, payloadEnd - segment, PROTOCOL_TCP);
  }
  return true;
}
