/**
 * What ftwall itself says in FastTrack's words. A client can be led by answers: it walks its whole peer list by UDP as long
 * as UDP seems to work.
 * @module
 */
import {
  encryptionOf,
  LEAST_ENCRYPTION,
  NO_NETWORK,
  NODE_ECHO_LENGTH,
  NODE_PONG_LENGTH,
  PING_MOST,
  pingNetwork,
  writeNodeEcho,
  writeNodePong,
  writePing,
} from "./messages.ts";

/**
 * The answers to a ping in the peer's name, none where this is no ping: a node echo (2A), then a node pong (29). Their id is
 * made from the ping's own bytes, so it stays the same for the same question.
 *
 * giFT (fst_udp_discover.c 1.25) reads one answer to each ping. A pong of either type puts the node at the front of its list,
 * from where it is asked again and again; any other type says "up, but no place for you", and puts it at the back. mldonkey
 * (fasttrackHandler.ml) does the same whatever comes. Kazaa tries TCP only to those that answer with 28, and takes 29 for
 * proof that UDP works.
 */
export function decoys(bytes: Uint8Array, start: number, end: number): readonly Uint8Array[] {
  if (pingNetwork(bytes, start, end) === NO_NETWORK) return [];
  let id = 0x811c9dc5 | 0;
  for (let at = start; at < end; at++) id = Math.imul(id ^ bytes[at]!, 0x01000193);
  const echo = new Uint8Array(NODE_ECHO_LENGTH);
  writeNodeEcho(echo, 0, id);
  const pong = new Uint8Array(NODE_PONG_LENGTH);
  writeNodePong(pong, 0, encryptionOf(bytes, start), id);
  return [echo, pong];
}

/** A ping, for a locked client's port. */
export function probe(): Uint8Array {
  const payload = new Uint8Array(PING_MOST);
  return payload.subarray(0, writePing(payload, 0, LEAST_ENCRYPTION, 0));
}
