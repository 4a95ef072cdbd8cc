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
const UDP_TRACKER: Evidence = evidence(
  "udp-tracker",
  3,
  "connect: 00000417 27101980 and action 0 at 0-11 (BEP 15), odds 2^-96; " +
    "announce: action 1 at 8, event 0-3 at 80, and an ASCII peer id of the -XXnnnn- form at 36 (odds 2^-78), or three byte " +
    "counts below 2^48 at 56 to 79, numbers wanted and a port (odds 2^-120)",
);
/** An answer to a request that this flow was seen to send. */
const UDP_TRACKER_RESPONSE: Evidence = evidence(
  "udp-tracker-response",
  3,
  "action 0-3 and the transaction id of the request in the other direction, exact lengths (BEP 15); odds 2^-62; a scrape's " +
    "answer has as many records as its request has info-hashes",
);

/** Tag in the high half of `note1`: the notes hold a tracker transaction. */
const TRACKER_NOTE = 0x55540000;
const TAG_MASK = 0xffff0000 | 0;

const CONNECT = 0;
const ANNOUNCE = 1;
const SCRAPE = 2;
const ERROR = 3;
/** In `note1`: a scrape whose connect was not seen, with the number of its info-hashes: nothing until it is answered. */
const BARE_SCRAPE = 4;
const HASHES_SHIFT = 9;
/** A scrape has at most this many info-hashes (BEP 15). */
const MOST_HASHES = 74;
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

/**
 * The fixed part of an announcement whose peer id has no known form: downloaded, left and uploaded are counts of bytes,
 * as many peers as fit are wanted, and a port is named. The info-hash in front of them is no run of zeros.
 */
function isCounted(view: DataView, start: number): boolean {
  for (let at = start + 56; at < start + 80; at += 8) if (view.getUint16(at) !== 0) return false;
  const wanted = view.getInt32(start + 92);
  return wanted >= -1 && wanted <= 1000 && view.getUint16(start + PORT_AT) !== 0 && view.getInt32(start) !== 0 &&
    view.getInt32(start + HASH_AT) !== 0 && view.getInt32(start + HASH_AT + 8) !== 0 &&
    view.getInt32(start + HASH_AT + 4) !== view.getInt32(start + HASH_AT + 12);
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
    look.found.hashFollows = true;
    return UDP_TRACKER;
  }
  const followsConnect = noted(look) && (look.note1 & 0xff) !== BARE_SCRAPE &&
    look.fromOpener === ((look.note1 & 0x100) !== 0);
  if (action === SCRAPE) {
    const hashes = (look.length - 16) / 20;
    if (hashes < 1 || hashes > MOST_HASHES || hashes !== Math.trunc(hashes)) return UNRELATED;
    if (!followsConnect) {
      remember(look, view.getInt32(start + 12), BARE_SCRAPE | hashes << HASHES_SHIFT);
      return UNDECIDED;
    }
    remember(look, view.getInt32(start + 12), SCRAPE);
    if (size >= HASH_AT + 20) look.found.hash(bytes, start + HASH_AT);
    return UDP_TRACKER;
  }
  if (look.length < ANNOUNCE_LENGTH) return UNRELATED;
  // A cut capture may end before the event; then the peer id must tell.
  const dashed = size >= PEER_ID_AT + 8 && isDashedPeerId(bytes, start + PEER_ID_AT);
  if (size < EVENT_AT + 4) {
    if (!dashed) return UNRELATED;
  } else {
    const event = view.getInt32(start + EVENT_AT);
    if (event < 0 || event > 3) return UNRELATED;
    if (!followsConnect && !dashed && (size < ANNOUNCE_LENGTH || !isCounted(view, start))) return UNRELATED;
  }
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
  if (asked === BARE_SCRAPE) {
    const hashes = look.note1 >>> HASHES_SHIFT & 0x7f;
    return action === SCRAPE && look.length === 8 + 12 * hashes ? UDP_TRACKER_RESPONSE : UNRELATED;
  }
  if (action === ERROR) return UDP_TRACKER_RESPONSE;
  if (action !== asked) return UNRELATED;
  if (action === CONNECT) {
    look.found.hashFollows = true;
    return look.length >= 16 ? UDP_TRACKER_RESPONSE : UNRELATED;
  }
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
