/**
 * What ftwall itself says in FastTrack's words. A client can be led by answers: it walks its whole peer list by UDP as long
 * as UDP seems to work.
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
} from "./messages.ts";

/**
 * The answer to a ping in the peer's name, null where this is none. A node pong (29), as a client tries TCP only to those
 * that answer with 28; its id is made from the ping's own bytes, so it stays the same for the same question.
 */
export function decoy(bytes: Uint8Array, start: number, end: number): Uint8Array | null {
  if (pingNetwork(bytes, start, end) === NO_NETWORK) return null;
  const payload = new Uint8Array(NODE_PONG_LENGTH);
  let id = 0x811c9dc5 | 0;
  for (let at = start; at < end; at++) id = Math.imul(id ^ bytes[at]!, 0x01000193);
  writeNodePong(payload, 0, encryptionOf(bytes, start), id);
  return payload;
}

/** A ping, for a locked client's port. */
export function probe(): Uint8Array {
  const payload = new Uint8Array(PING_MOST);
  return payload.subarray(0, writePing(payload, 0, LEAST_ENCRYPTION, 0));
}
