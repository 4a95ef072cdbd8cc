/**
 * Where the streams of a TCP flow start. The rules keep TCP without payload from us but for the SYN: the responder's start
 * is then worked out from what comes later.
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
} from "../state/flow_table.ts";
import { STREAM_BYTES } from "../state/streams.ts";
import type { Packet } from "../wire/packet.ts";
import { ACK } from "../wire/transport.ts";

const BEGINNINGS = [REPORTED, DATA_PACKETS, OPENER_FIRST, RESPONDER_FIRST, FIRST_LENGTHS, NOTE0, NOTE1, OWNER] as const;

/** What is forgotten of a flow that is looked at again. */
export function forgetStart(words: Int32Array, flow: number): void {
  for (const word of BEGINNINGS) words[flow + word] = 0;
}

/** Notes where a stream starts, from its SYN. A SYN may carry data (RFC 7413): it counts after the SYN's own number. */
export function noteStart(words: Int32Array, flow: number, packet: Packet, fromOpener: boolean): void {
  words[flow + (fromOpener ? OPENER_BASE : RESPONDER_BASE)] = (packet.seq + 1) | 0;
  words[flow + FLAGS]! |= fromOpener ? OPENER_BASED : RESPONDER_BASED;
}

/**
 * Takes note of a data packet; `flags` are its flow's before it. Where a SYN was seen but not its answer, an opener that
 * speaks first acknowledges the number at which the responder starts. A responder that speaks first starts with its first
 * segment, as far as is known: where another comes that belongs before it, the answer is the bytes between them, else 0.
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
    if ((flags & RESPONDER_BASED) === 0 && (packet.flags & ACK) !== 0) {
      words[base] = packet.ack;
      words[flow + FLAGS]! |= RESPONDER_BASED | INFERRED;
    }
    return 0;
  }
  words[flow + FLAGS]! |= INFERRED;
  const offset = (seq - words[base]!) | 0;
  const counts = words[flow + DATA_PACKETS]!;
  if (counts >>> 16 === 0) {
    // What was acknowledged belongs to no stream that comes: not to be believed.
    if (offset <= -STREAM_BYTES || offset >= STREAM_BYTES) words[base] = seq;
    return 0;
  }
  if (offset >= 0 || offset <= -STREAM_BYTES || (counts & 0xffff) !== 0) return 0;
  words[base] = seq;
  return -offset;
}
