/**
 * Where the two streams of a TCP flow start. Of TCP without payload the rules queue only the SYN, so the responder's
 * SYN-ACK is not seen: its start is inferred from later packets.
 * @module
 */
import {
  DATA_PACKETS,
  FIRST_LENGTHS,
  FLAGS,
  INFERRED,
  MIDSTREAM,
  NOTE0,
  NOTE1,
  OPENER_BASE,
  OPENER_BASED,
  OPENER_FIRST,
  OWNER,
  PROXIED,
  REPORTED,
  RESPONDER_BASE,
  RESPONDER_BASED,
  RESPONDER_FIRST,
  RESUMED,
  SLOTS,
} from "../state/flow_table.ts";
import { STREAM_BYTES } from "../state/streams.ts";
import type { Packet } from "../wire/packet.ts";
import { ACK } from "../wire/transport.ts";

/** What is known from the packets so far; not what the flow is. */
const FROM_PACKETS = [
  REPORTED,
  DATA_PACKETS,
  OPENER_FIRST,
  RESPONDER_FIRST,
  FIRST_LENGTHS,
  NOTE0,
  NOTE1,
  OWNER,
] as const;

/** Forgets what was seen of a flow that is to be looked at anew. */
export function forgetStart(words: Int32Array, flow: number): void {
  for (const word of FROM_PACKETS) words[flow + word] = 0;
}

/** Notes where a stream starts, from its SYN. Data in a SYN (RFC 7413) begins one after the SYN's own number. */
export function noteStart(words: Int32Array, flow: number, packet: Packet, fromOpener: boolean): void {
  words[flow + (fromOpener ? OPENER_BASE : RESPONDER_BASE)] = (packet.seq + 1) | 0;
  words[flow + FLAGS]! |= fromOpener ? OPENER_BASED : RESPONDER_BASED;
}

/**
 * Infers the responder's start from a data packet, where the SYN was seen but not the SYN-ACK; `flags` are those of the
 * flow before this packet. An opener that sends first acknowledges the responder's start. A responder that sends first is
 * taken to start with its first segment; where one comes later that belongs before it, the start moves back. Answers by
 * how many bytes it moved, else 0.
 */
export function inferStart(
  words: Int32Array,
  flow: number,
  packet: Packet,
  seq: number,
  fromOpener: boolean,
  flags: number,
): number {
  if ((flags & (MIDSTREAM | RESUMED | PROXIED)) !== 0 || (flags & (RESPONDER_BASED | INFERRED)) === RESPONDER_BASED) {
    return 0;
  }
  const base = flow + RESPONDER_BASE;
  if (fromOpener) {
    // As long as the responder is silent the latest counts: an earlier one may have been made up.
    const silent = words[flow + DATA_PACKETS]! >>> 16 === 0 && words[flow + SLOTS]! >>> 16 === 0;
    if (((flags & RESPONDER_BASED) === 0 || silent) && (packet.flags & ACK) !== 0) {
      words[base] = packet.ack;
      words[flow + FLAGS]! |= RESPONDER_BASED | INFERRED;
    }
    return 0;
  }
  words[flow + FLAGS]! |= INFERRED;
  const offset = (seq - words[base]!) | 0;
  const counts = words[flow + DATA_PACKETS]!;
  if (counts >>> 16 === 0) {
    // The number that the opener acknowledged is far from what the responder sends: do not believe it.
    if (offset <= -STREAM_BYTES || offset >= STREAM_BYTES) words[base] = seq;
    return 0;
  }
  if (offset >= 0 || offset <= -STREAM_BYTES || (counts & 0xffff) !== 0) return 0;
  words[base] = seq;
  return -offset;
}
