/**
 * WebTorrent's trackers where they are asked in clear: JSON in the first frame of a WebSocket (RFC 6455), which the client
 * masks with a key that stands in front. Nearly all of them are reached by TLS, and show only their names.
 * @module
 */
import { type Evidence, evidence, UNDECIDED, UNRELATED } from "../classifier.ts";
import { literal, seek } from "../literal.ts";

/** An announcement to a WebSocket tracker. */
const WEBSOCKET_TRACKER: Evidence = evidence(
  "websocket-tracker",
  3,
  'the first text frame behind a WebSocket\'s request, unmasked, is JSON with "action":"announce" and "info_hash" ' +
    "(bittorrent-tracker); by names, no other use of this pair is known",
);

const MASKED = 0x80;
/** Longest payload whose length stands in the second byte; 126 announces two bytes of length, 127 eight. */
const SHORT_PAYLOAD = 125;
/** As much of a frame as holds both words: what stands before them are numbers. */
const WINDOW = 512;
const ACTION = literal('"action":"announce"');
const HASH = literal('"info_hash":"');

/** The frame at hand, unmasked: scratch space. */
const clear = new Uint8Array(WINDOW);

/** Judges what stands behind the head of a request for a WebSocket, from `at`. */
export function websocketTracker(bytes: Uint8Array, at: number, end: number): Evidence {
  if (end - at < 2) return UNDECIDED;
  const size = bytes[at + 1]! & 0x7f;
  if ((bytes[at]! & 0x7f) !== 1 || (bytes[at + 1]! & MASKED) === 0 || size > SHORT_PAYLOAD + 1) return UNRELATED;
  const key = at + (size > SHORT_PAYLOAD ? 4 : 2);
  const payload = key + 4;
  if (end <= payload) return UNDECIDED;
  const length = size > SHORT_PAYLOAD ? (bytes[at + 2]! << 8) | bytes[at + 3]! : size;
  const have = Math.min(end - payload, length, WINDOW);
  for (let i = 0; i < have; i++) clear[i] = bytes[payload + i]! ^ bytes[key + (i & 3)]!;
  if (clear[0] !== 0x7b) return UNRELATED; // {
  if (seek(clear, 0, have, ACTION) >= 0 && seek(clear, 0, have, HASH) >= 0) return WEBSOCKET_TRACKER;
  return have < length && have < WINDOW ? UNDECIDED : UNRELATED;
}
