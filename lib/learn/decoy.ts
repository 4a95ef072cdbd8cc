/**
 * Decoys and probes: which protocols have them, and their payloads. Only FastTrack's client can be led by answers: it walks
 * its whole peer list by UDP as long as UDP seems to work.
 * @module
 */
import {
  encryptionOf,
  LEAST_ENCRYPTION,
  NO_NETWORK,
  NODE_PONG_LENGTH,
  PING_MOST,
  pingNetwork,
  writeNodePong,
  writePing,
} from "../protocol/fasttrack/messages.ts";
import type { Sending } from "./outbox.ts";
import type { FlowEnds } from "./flow_ends.ts";

/**
 * The answer to a client's datagram in its peer's name, or null where this datagram gets none. A node pong (0x29), as a
 * client tries TCP only to those that answer with 0x28; its id is made from the ping's own bytes, so it stays the same
 * for the same question.
 */
export function decoyFor(protocol: string, bytes: Uint8Array, start: number, end: number): Uint8Array | null {
  if (protocol !== "fasttrack" || pingNetwork(bytes, start, end) === NO_NETWORK) return null;
  const payload = new Uint8Array(NODE_PONG_LENGTH);
  let id = 0x811c9dc5 | 0;
  for (let at = start; at < end; at++) id = Math.imul(id ^ bytes[at]!, 0x01000193);
  writeNodePong(payload, 0, encryptionOf(bytes, start), id);
  return payload;
}

/** ftwall's own question to a locked client's port, or null where the protocol has none. */
export function probeFor(protocol: string): Uint8Array | null {
  if (protocol !== "fasttrack") return null;
  const payload = new Uint8Array(PING_MOST);
  return payload.subarray(0, writePing(payload, 0, LEAST_ENCRYPTION, 0));
}

/** A decoy for the client of this flow, in its peer's name. */
export function decoySending(ends: FlowEnds, payload: Uint8Array, protocol: string): Sending {
  return {
    kind: "decoy",
    client: [ends.c0, ends.c1, ends.c2, ends.c3],
    clientPort: ends.clientPort,
    peer: [ends.p0, ends.p1, ends.p2, ends.p3],
    peerPort: ends.peerPort,
    payload,
    protocol,
  };
}
