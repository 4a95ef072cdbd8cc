/**
 * The header net: FastTrack's transfers are HTTP in clear, on any port and in either direction. Only a real header block
 * counts (a start line, then header lines up to the blank one): a page, mail or program about Kazaa is nobody's transfer.
 * @module
 */
import { HOST_ADDRESS, HostText } from "../../wire/host_text.ts";
import { exactly, hexValue, HttpHead, type LineKind, NO_LINE, REQUEST, RESPONSE, startsWith } from "../../wire/http.ts";
import {
  ADVERTISED,
  CERTAIN,
  CONFIRMED,
  type Evidence,
  evidence,
  type Look,
  STRONG,
  UNDECIDED,
  UNRELATED,
} from "../classifier.ts";

const HTTP_HASH: Evidence = evidence(
  "http-hash",
  CERTAIN,
  'Request line "GET /.hash=" and 40 hex digits (giFT-FastTrack PROTOCOL, ipp2p, l7-filter; captures of mldonkey); no other program writes it',
);
const HTTP_HEADER: Evidence = evidence(
  "http-header",
  CERTAIN,
  'A header named X-Kazaa-… or X-KazaaTag, or a KazaaClient as "UserAgent" or "Server", at a line\'s start inside an HTTP header block (giFT-FastTrack PROTOCOL; captures of mldonkey)',
);
const HTTP_AGENT: Evidence = evidence(
  "http-agent",
  STRONG,
  'Header "User-Agent: PeerEnabler/": the download agent that came with Kazaa (ipp2p)',
);
const GIVE: Evidence = evidence(
  "give",
  STRONG,
  'The opener sends "GIVE ", 8 to 10 digits, CRLF and nothing else (giFT-FastTrack PROTOCOL, l7-filter, nDPI); a line of a text game could read so',
);
const GIVE_REQUEST: Evidence = evidence(
  "give-request",
  CERTAIN,
  'After "GIVE" from the opener the other side asks "GET /<number>/…": the turned-round roles of a FastTrack push',
);

/** Bytes of a head after which a match is answered without waiting for its end. */
const HEAD_MOST = 2048;
/** Data packets after which it is. */
const PACKETS_MOST = 4;
/** Bytes after which a stream that still has no first line is given up. */
const WORD_MOST = 24;

const GIVE_WORD = 0x47495645;
const DIGEST_DIGITS = 40;

const head = new HttpHead();
const host = new HostText();

/** Classifies one direction's stream from its start. */
export function classifyHttp(look: Look): Evidence {
  const { bytes, start, end } = look;
  if (!look.first) return UNRELATED;
  if (exactly(bytes, start, end, "GIVE ")) return classifyGive(look);
  const kind = head.read(bytes, start, end);
  if (kind === NO_LINE) return end - start < WORD_MOST && isOpening(bytes[start]!) ? UNDECIDED : UNRELATED;
  if (!head.lineComplete) return end - start > HEAD_MOST ? UNRELATED : UNDECIDED;
  let match = kind === RESPONSE ? UNDECIDED : requestLine(look, kind);
  if (match === UNRELATED) return UNRELATED;
  while (head.next()) {
    const found = header();
    if (found.certainty > match.certainty) match = found;
  }
  if (match !== UNDECIDED) {
    // Refusing the head's last packet is soon enough to stop a transfer, and by then all its headers have been read.
    if (head.body < 0 && end - start < HEAD_MOST && look.nth < PACKETS_MOST) return UNDECIDED;
    reportPeers(look);
    return match;
  }
  if (head.body < 0) return UNDECIDED;
  // A plain answer ends it, but 1xx has another one behind it. A plain request may still have an answer that tells: of a
  // client's own program, asked from outside. A client that asks for a file of the network shows that in its request.
  if (kind === RESPONSE) return head.status >= 200 ? UNRELATED : UNDECIDED;
  return look.fromOpener && look.fromClient && !isNumberedPath(bytes, head.target, head.targetEnd)
    ? UNRELATED
    : UNDECIDED;
}

/** A push: the side that has the file connects, says so, and is then asked for it. */
function classifyGive(look: Look): Evidence {
  const { bytes, start, end } = look;
  let at = start + 5;
  const first = at;
  while (at < end && isDigit(bytes[at]!)) at++;
  const digits = at - first;
  // A push id is a 32-bit number: at most ten digits.
  if (digits > 10 || at < end && digits === 0) return UNRELATED;
  if (at === end) return UNDECIDED;
  if (bytes[at] !== 0x0d) return UNRELATED;
  if (at + 1 === end) return UNDECIDED;
  if (bytes[at + 1] !== 0x0a) return UNRELATED;
  if (at + 2 < end || !look.fromOpener || look.otherNth > 0) return UNRELATED;
  return digits >= 8 ? GIVE : UNDECIDED;
}

/** UNRELATED where this is no request, UNDECIDED where it tells nothing. */
function requestLine(look: Look, kind: LineKind): Evidence {
  const { bytes } = look;
  let path = head.target;
  const end = head.targetEnd;
  if (startsWith(bytes, path, end, "http://")) {
    path += 7;
    while (path < end && bytes[path] !== 0x2f) path++;
  }
  if (isHashPath(bytes, path, end) && head.methodIs("GET")) return HTTP_HASH;
  if (kind !== REQUEST) return UNRELATED;
  return !look.fromOpener && look.otherFirst === GIVE_WORD && isNumberedPath(bytes, path, end)
    ? GIVE_REQUEST
    : UNDECIDED;
}

function isHashPath(bytes: Uint8Array, path: number, end: number): boolean {
  if (!exactly(bytes, path, end, "/.hash=") || end - path !== 7 + DIGEST_DIGITS) return false;
  for (let at = path + 7; at < end; at++) if (hexValue(bytes[at]!) < 0) return false;
  return true;
}

/** The older request form: `/13609/name.ext`. */
function isNumberedPath(bytes: Uint8Array, path: number, end: number): boolean {
  let at = path + 1;
  while (at < end && isDigit(bytes[at]!)) at++;
  return bytes[path] === 0x2f && at > path + 1 && at + 1 < end && bytes[at] === 0x2f;
}

/** What the header at hand tells. */
function header(): Evidence {
  if (head.nameStarts("x-kazaa")) {
    const more = head.nameEnd - head.name - 7;
    return head.nameIs("x-kazaatag") || head.nameStarts("x-kazaa-") && more > 1 ? HTTP_HEADER : UNDECIDED;
  }
  const agent = head.nameIs("user-agent");
  if (agent || head.nameIs("useragent") || head.nameIs("server")) {
    if (head.valueStarts("kazaaclient")) return HTTP_HEADER;
    if (agent && head.valueStarts("peerenabler/")) return HTTP_AGENT;
  }
  return UNDECIDED;
}

/** Names the endpoints of a matched head: the node asked through an HTTP proxy, and those in its headers. */
function reportPeers(look: Look): void {
  const { bytes } = look;
  if (head.kind === REQUEST && startsWith(bytes, head.target, head.targetEnd, "http://")) {
    const authority = head.target + 7;
    let slash = authority;
    while (slash < head.targetEnd && bytes[slash] !== 0x2f) slash++;
    report(look, authority, slash);
  }
  head.rewind();
  while (head.next()) {
    // The client's own X-Kazaa-IP is the client, or the router as the public side sees it: never a peer.
    if (head.nameIs("x-kazaa-supernodeip") || !look.fromClient && head.nameIs("x-kazaa-ip")) {
      report(look, head.value, head.valueEnd);
    }
  }
}

function report(look: Look, from: number, to: number): void {
  if (host.read(look.bytes, from, to) !== HOST_ADDRESS || host.port === 0) return;
  // Anybody can write a header. Ports of well-known services are believed only as a hint, lest a page block a web site.
  look.peer(host.w0, host.w1, host.w2, host.w3, host.port, host.port < 1024 ? ADVERTISED : CONFIRMED);
}

/** First letter of GET, GIVE, HEAD, POST, HTTP. */
function isOpening(byte: number): boolean {
  return byte === 0x47 || byte === 0x48 || byte === 0x50;
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}
