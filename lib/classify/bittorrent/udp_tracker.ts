/**
 * UDP trackers (BEP 15, options of BEP 41): connect, announce, scrape, and their answers.
 *
 * Notes of the flow: `note0` is the transaction id of the last request, `note1` the tag {@link TRACKER_NOTE} with the
 * request's action below it.
 * @module
 */
import { type Evidence, evidence, type Look, UNDECIDED, UNRELATED } from "../classifier.ts";
import { endpoints, listeningPort } from "./endpoints.ts";

/** A request to a tracker. */
export const UDP_TRACKER: Evidence = evidence(
  "udp-tracker",
  3,
  "connect: 00000417 27101980 and action 0 at 0-11 (BEP 15), odds 2^-96; " +
    "announce: action 1 at 8, event 0-3 at 80, an ASCII peer id of the -XXnnnn- form at 36, odds 2^-78",
);
/** An answer to a request that this flow was seen to send. */
export const UDP_TRACKER_RESPONSE: Evidence = evidence(
  "udp-tracker-response",
  3,
  "action 0-3 and the transaction id of the request in the other direction, exact lengths (BEP 15); odds 2^-62",
);

/** Tag in the high half of `note1`: the notes hold a tracker transaction. */
export const TRACKER_NOTE = 0x55540000;
const TAG_MASK = 0xffff0000 | 0;

const CONNECT = 0;
const ANNOUNCE = 1;
const SCRAPE = 2;
const ERROR = 3;
const ANNOUNCE_LENGTH = 98;
const HASH_AT = 16;
const PEER_ID_AT = 36;
const EVENT_AT = 80;
const PORT_AT = 96;

/** True where the notes hold a tracker transaction. */
function noted(look: Look): boolean {
  return look.owned && (look.note1 & TAG_MASK) === TRACKER_NOTE;
}

/** Remembers the transaction, so that the answer can be told. */
function remember(look: Look, transaction: number, action: number): void {
  if (!look.claim()) return;
  look.note0 = transaction;
  look.note1 = TRACKER_NOTE | (look.fromOpener ? 0x100 : 0) | action;
}

/** Peer ids of nearly all clients begin `-XXnnnn-`: two letters, four printable characters between dashes (BEP 20). */
function isDashedPeerId(bytes: Uint8Array, at: number): boolean {
  if (bytes[at] !== 0x2d || bytes[at + 7] !== 0x2d) return false;
  for (let i = 1; i < 7; i++) if (bytes[at + i]! < 0x21 || bytes[at + i]! > 0x7e) return false;
  return true;
}

/** A tracker request: connect by its constant, announce by its structure, scrape only after a connect was seen. */
export function trackerRequest(look: Look): Evidence {
  const { bytes, view, start, end } = look;
  const size = end - start;
  if (size < 16) return UNRELATED;
  const action = view.getInt32(start + 8);
  if (action < CONNECT || action > SCRAPE) return UNRELATED;
  if (action === CONNECT) {
    // BEP 15 asks readers for "at least 16 bytes", so a longer one is legal.
    if (view.getInt32(start) !== 0x417 || view.getInt32(start + 4) !== 0x27101980) return UNRELATED;
    remember(look, view.getInt32(start + 12), CONNECT);
    return UDP_TRACKER;
  }
  const followsConnect = noted(look) && look.fromOpener === ((look.note1 & 0x100) !== 0);
  if (action === SCRAPE) {
    if (!followsConnect || (look.length - 16) % 20 !== 0 || look.length < 36) return UNRELATED;
    remember(look, view.getInt32(start + 12), SCRAPE);
    if (size >= HASH_AT + 20) look.found.hash(bytes, start + HASH_AT);
    return UDP_TRACKER;
  }
  if (look.length < ANNOUNCE_LENGTH || size < EVENT_AT + 4) return UNRELATED;
  const event = view.getInt32(start + EVENT_AT);
  if (event < 0 || event > 3) return UNRELATED;
  if (!followsConnect && !isDashedPeerId(bytes, start + PEER_ID_AT)) return UNRELATED;
  remember(look, view.getInt32(start + 12), ANNOUNCE);
  look.found.hash(bytes, start + HASH_AT);
  if (size >= ANNOUNCE_LENGTH) {
    const port = view.getUint16(start + PORT_AT);
    listeningPort(look, port);
  }
  return UDP_TRACKER;
}

/**
 * A tracker's answer, told by the transaction id that the other direction sent. The peers of an announce answer are
 * six bytes each over IPv4 and eighteen over IPv6; where the length fits both, six is what nearly all trackers send.
 */
export function trackerResponse(look: Look): Evidence {
  const { view, start, end } = look;
  const size = end - start;
  if (size < 8 || !noted(look) || look.fromOpener === ((look.note1 & 0x100) !== 0)) return UNRELATED;
  const action = view.getInt32(start);
  if (view.getInt32(start + 4) !== look.note0) return UNRELATED;
  const asked = look.note1 & 0xff;
  if (action === ERROR) return UDP_TRACKER_RESPONSE;
  if (action !== asked) return UNRELATED;
  if (action === CONNECT) return look.length >= 16 ? UDP_TRACKER_RESPONSE : UNRELATED;
  if (action === SCRAPE) return look.length >= 8 && (look.length - 8) % 12 === 0 ? UDP_TRACKER_RESPONSE : UNRELATED;
  if (look.length < 20) return UNRELATED;
  const list = look.length - 20;
  if (list % 6 === 0) endpoints(look, start + 20, end, 6);
  else if (list % 18 === 0) endpoints(look, start + 20, end, 18);
  else return UNRELATED;
  return UDP_TRACKER_RESPONSE;
}

/** True where this direction waits for a tracker's answer: keeps the flow under watch. */
export function awaitsTracker(look: Look): Evidence {
  return noted(look) ? UNDECIDED : UNRELATED;
}
