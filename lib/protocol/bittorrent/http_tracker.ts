/**
 * Trackers over HTTP (BEP 3, compact answers of BEP 23 and BEP 7), scrapes (BEP 48), and web seeds that name an info-hash
 * (BEP 17). A page about BitTorrent does not match: an info-hash must decode to exactly 20 bytes in the request's own query.
 * @module
 */
import {
  Bencode,
  BENCODE_BROKEN,
  BENCODE_EXCESSIVE,
  BENCODE_WHOLE,
  DICTIONARY,
  INTEGER,
  LIST,
  STRING,
} from "../../wire/bencode.ts";
import {
  decodedLength,
  exactly,
  hexValue,
  HttpHead,
  OTHER_LINE,
  percentDecode,
  REQUEST,
  RESPONSE,
  startsWith,
} from "../../wire/http.ts";
import { type Evidence, evidence, type Look, UNDECIDED, UNRELATED } from "../classifier.ts";
import { endpoints, listeningPort } from "./endpoints.ts";
import { websocketTracker } from "./websocket_tracker.ts";

const HASH_ODDS = "info_hash in the query of a GET decodes to exactly 20 bytes";
/** An announcement to a tracker. */
const HTTP_TRACKER: Evidence = evidence(
  "http-tracker",
  3,
  `${HASH_ODDS}, beside peer_id of 20 bytes or a port (BEP 3); by name and length, no other use of this pair is known`,
);
/** The beginning of one. */
const HTTP_TRACKER_CUT: Evidence = evidence(
  "http-tracker-cut",
  2,
  "a capture cut within a GET whose path ends in a part with announce or scrape, info_hash first in its query (BEP 3, 48)",
);
/** A tracker's answer. */
const HTTP_TRACKER_RESPONSE: Evidence = evidence(
  "http-tracker-response",
  3,
  "a bencoded dictionary with an integer interval and peers of a legal length as the body of an HTTP answer (BEP 3, 23)",
);
/** A tracker's answer to a scrape, or its refusal. */
const HTTP_TRACKER_WORD: Evidence = evidence(
  "http-tracker-word",
  3,
  'a bencoded dictionary as the body of an HTTP answer: with "failure reason", or with "files" that holds ' +
    'a dictionary with "complete" under a key of 20 bytes (BEP 3, 48); by name and length',
);
/** A question for a torrent's numbers. */
const HTTP_SCRAPE: Evidence = evidence(
  "http-scrape",
  3,
  `${HASH_ODDS}, in a path whose last part holds "scrape" (BEP 48)`,
);
/** A piece fetched from a web server by info-hash. */
const WEB_SEED: Evidence = evidence(
  "web-seed",
  3,
  `${HASH_ODDS}, beside piece, or in the path /webseed (BEP 17)`,
);
/** A file fetched from other users by BitComet's own hash. */
const LONG_TERM_SEED: Evidence = evidence(
  "long-term-seed",
  2,
  "GET /data?fid= and 40 hex digits, then &size= and a number (BitComet; nDPI); odds 2^-150, but text that another could write",
);
/** A BitTorrent client's name in a request that is none of the above. */
const USER_AGENT: Evidence = evidence(
  "user-agent",
  1,
  "User-Agent begins with a BitTorrent client's name: also update checks and remote control of a client",
);

/** Longest request line worth waiting for: announcements have 200 to 700 bytes. */
const LONGEST_LINE = 3000;
/** Names, in lower case, that clients put first in User-Agent. */
const AGENTS: readonly string[] = [
  "utorrent",
  "bittorrent/",
  "transmission/",
  "qbittorrent",
  "webtorrent/",
  "deluge",
  "libtorrent",
  "rtorrent/",
  "azureus",
  "vuze",
  "biglybt",
  "bitcomet/",
  "btwebclient",
  "ktorrent",
  "bittornado/",
  "tixati",
  "webtorrent/",
];

const head: HttpHead = new HttpHead();
const message: Bencode = new Bencode();

/** True where the bytes are `GET ` or the beginning of it. */
export function mayBeRequest(look: Look): boolean {
  const { bytes, start, end } = look;
  return bytes[start] === 0x47 && (end - start < 2 || bytes[start + 1] === 0x45) &&
    (end - start < 3 || bytes[start + 2] === 0x54) && (end - start < 4 || bytes[start + 3] === 0x20);
}

/** Judges a request; call where {@link mayBeRequest}. Waits for the rest of the first line, within bounds. */
export function httpTracker(look: Look): Evidence {
  const { bytes, start, end } = look;
  if (end - start < 5) return UNDECIDED;
  const kind = head.read(bytes, start, end);
  const whole = head.lineComplete;
  if (kind !== REQUEST && (whole || kind !== OTHER_LINE)) return UNRELATED;
  if (!whole && end - start < LONGEST_LINE && look.length <= end - start) return UNDECIDED;
  if (head.parameter("info_hash") && decodedLength(bytes, head.value, head.valueEnd) === 20) {
    const answer = purpose(look);
    if (answer !== UNRELATED) {
      head.parameter("info_hash");
      percentDecode(bytes, head.value, head.valueEnd, look.found.infoHash);
      look.found.hasInfoHash = true;
      return answer;
    }
  }
  if (isLongTermSeed(bytes)) return LONG_TERM_SEED;
  if (!whole && look.length > end - start && isCutRequest(bytes)) return HTTP_TRACKER_CUT;
  if (whole && head.find("upgrade") && head.valueStarts("websocket") && head.findBody() >= 0) {
    return websocketTracker(bytes, head.body, end);
  }
  if (!whole || !head.find("user-agent")) return head.body < 0 && look.nth < 3 ? UNDECIDED : UNRELATED;
  for (let i = 0; i < AGENTS.length; i++) {
    if (startsWith(bytes, head.value, head.valueEnd, AGENTS[i]!)) return USER_AGENT;
  }
  return UNRELATED;
}

/** A tracker's path and the first words of its query. */
function isCutRequest(bytes: Uint8Array): boolean {
  let at = lastPart(bytes);
  while (at < head.targetEnd && bytes[at] !== 0x3f) {
    if (startsWith(bytes, at, head.targetEnd, "announce") || startsWith(bytes, at, head.targetEnd, "scrape")) break;
    at++;
  }
  while (at < head.targetEnd && bytes[at] !== 0x3f) at++;
  return exactly(bytes, at, head.targetEnd, "?info_hash=");
}

/** `/data?fid=…&size=…`. */
function isLongTermSeed(bytes: Uint8Array): boolean {
  if (!head.targetStarts("/data?fid=") || !head.parameter("fid") || head.valueEnd - head.value !== 40) return false;
  for (let at = head.value; at < head.valueEnd; at++) if (hexValue(bytes[at]!) < 0) return false;
  return head.parameter("size") && head.valueEnd > head.value && bytes[head.value]! >= 0x30 &&
    bytes[head.value]! <= 0x39;
}

/** What a request with an info-hash asks for. */
function purpose(look: Look): Evidence {
  const { bytes } = look;
  const path = lastPart(bytes);
  if (head.parameter("piece") || startsWith(bytes, path, head.targetEnd, "webseed")) return WEB_SEED;
  const byId = head.parameter("peer_id") && decodedLength(bytes, head.value, head.valueEnd) === 20;
  const port = head.parameter("port") ? decimal(bytes, head.value, head.valueEnd) : 0;
  if (byId || port > 0) {
    listeningPort(look, port);
    return HTTP_TRACKER;
  }
  for (let at = path; at < head.targetEnd && bytes[at] !== 0x3f; at++) {
    if (startsWith(bytes, at, head.targetEnd, "scrape")) return HTTP_SCRAPE;
  }
  return UNRELATED;
}

/** Offset of the last part of the target's path. */
function lastPart(bytes: Uint8Array): number {
  let part = head.target;
  for (let at = part; at < head.targetEnd && bytes[at] !== 0x3f; at++) if (bytes[at] === 0x2f) part = at + 1;
  return part;
}

/** Value of the decimal digits in `from … to`; 0 where there is anything else, or more than a port has. */
function decimal(bytes: Uint8Array, from: number, to: number): number {
  let value = 0;
  for (let at = from; at < to; at++) {
    const digit = bytes[at]! - 0x30;
    if (digit < 0 || digit > 9 || at - from > 4) return 0;
    value = value * 10 + digit;
  }
  return value;
}

/** True where the bytes begin an HTTP answer, or may. */
export function mayBeAnswer(look: Look): boolean {
  const { bytes, start, end } = look;
  return bytes[start] === 0x48 && (end - start < 2 || bytes[start + 1] === 0x54) &&
    (end - start < 5 || bytes[start + 4] === 0x2f);
}

/** Judges an HTTP answer by its body; call where {@link mayBeAnswer}. Packed bodies stay unread, of chunked ones the first is. */
export function httpAnswer(look: Look): Evidence {
  const { bytes, start, end } = look;
  if (end - start < 16) return UNDECIDED;
  if (head.read(bytes, start, end) !== RESPONSE) return UNRELATED;
  // A WebSocket begins: the client speaks next.
  if (head.status === 101) return look.otherNth > 0 ? UNDECIDED : UNRELATED;
  if (head.status !== 200) return UNRELATED;
  let body = head.findBody();
  if (body < 0 || body === end) return look.nth < 4 ? UNDECIDED : UNRELATED;
  if (head.find("transfer-encoding") && head.valueStarts("chunked")) body = chunk(bytes, body, end);
  if (body >= end) return look.nth < 4 ? UNDECIDED : UNRELATED;
  if (bytes[body] !== 0x64) return UNRELATED;
  // How long the body is on the wire is not known: what is not there may still come.
  const outcome = message.read(bytes, body, end, 1 << 20);
  if (outcome === BENCODE_BROKEN || message.type !== DICTIONARY) return UNRELATED;
  if (message.typeOf(message.find(-1, "interval")) !== INTEGER) {
    if (isWord(bytes, end, outcome)) return HTTP_TRACKER_WORD;
    return outcome === BENCODE_WHOLE || outcome === BENCODE_EXCESSIVE ? UNRELATED : UNDECIDED;
  }
  const four = compact(look, "peers", 6);
  const six = compact(look, "peers6", 18);
  const listed = message.typeOf(message.find(-1, "peers")) === LIST;
  if (four || six || listed) return HTTP_TRACKER_RESPONSE;
  return outcome === BENCODE_WHOLE ? UNRELATED : UNDECIDED;
}

/** Offset behind the line that says how long the first chunk is (RFC 9112 section 7.1); `body` where there is none. */
function chunk(bytes: Uint8Array, body: number, end: number): number {
  let at = body;
  while (at < end && at - body < 8 && hexValue(bytes[at]!) >= 0) at++;
  if (at === body) return body;
  while (at < end && bytes[at] !== 0x0a) at++;
  return at + 1;
}

/** A refusal in full, or the beginning of a scrape's numbers. */
function isWord(bytes: Uint8Array, end: number, outcome: number): boolean {
  if (outcome === BENCODE_WHOLE && message.stringLength(-1, "failure reason") > 0) return true;
  const files = message.find(-1, "files");
  if (message.typeOf(files) !== DICTIONARY) return false;
  // Keys are sorted: "complete" is a record's first.
  const record = message.at(files) + 24;
  return exactly(bytes, message.at(files), end, "d20:") && exactly(bytes, record, end, "d8:completei");
}

/** Reports the endpoints of the string with this key; false where there is none of a legal length. */
function compact(look: Look, key: string, stride: 6 | 18): boolean {
  const entry = message.find(-1, key);
  const length = message.length(entry);
  if (message.typeOf(entry) !== STRING || length % stride !== 0) return false;
  const at = message.at(entry);
  endpoints(look, at, Math.min(at + length, look.end), stride);
  return true;
}
