/**
 * Gnutella 1 and 2 over TCP: the handshake, and transfers in HTTP's clothes.
 *
 * A path like `/uri-res/` or `/get/` alone is everybody's (RFC 2169 resolvers use the first): a header that only servents
 * send must stand with it, at the beginning of a line of the head.
 * @module
 */
import { HttpHead, NO_LINE, REQUEST, RESPONSE } from "../../wire/http.ts";
import { CERTAIN, type Evidence, evidence, type Look, STRONG, UNDECIDED, UNRELATED } from "../classifier.ts";
import { readEndpoints } from "../endpoint_text.ts";
import { tlsHello } from "./tls_hello.ts";
import { compare, CUT, isDigit, isHexDigit, literal, SAME, seek } from "../literal.ts";

const CONNECT = evidence(
  "tcp-connect",
  CERTAIN,
  "GNUTELLA CONNECT/0. at the start (gtk-gnutella; 54 captured flows); odds 2^-152",
);
const ANSWER = evidence(
  "tcp-answer",
  CERTAIN,
  "GNUTELLA/0. or GNUTELLA OK at the start (gtk-gnutella; captured); odds 2^-88",
);
const GIVE = evidence(
  "tcp-give",
  CERTAIN,
  "GIV, digits, colon, 32 hex digits, slash (Gnutella 0.6); odds above 2^-120",
);
const GUID_PUSH = evidence("tcp-push", CERTAIN, "PUSH guid: and 32 hex digits at the start (Gnutella2); odds 2^-150");
const TRANSFER = evidence(
  "tcp-transfer",
  CERTAIN,
  "A request for /uri-res/N2R?urn:, /get/ or /gnutella/ together with a header of a servent, its value too, or its user agent (gtk-gnutella; 3 captured)",
);
const SERVED = evidence(
  "tcp-served",
  CERTAIN,
  "An HTTP head with a header line X-Gnutella-…, a Content-Type or Accept with application/x-gnutella, or of an answer " +
    "Server with a servent's name and a header that only servents send (gtk-gnutella)",
);
const CACHE = evidence(
  "gwebcache",
  STRONG,
  "An HTTP request with client=, four capitals, and net=gnutella or net=gnutella2, or version= and hostfile=1, urlfile=1 or " +
    "statfile=1 (GWebCache 1 and 2)",
);

const CHAT = evidence(
  "tcp-chat",
  CERTAIN,
  "CHAT CONNECT/0. at the start: servents' chat (LimeWire, gtk-gnutella); odds 2^-120",
);

const CHAT_CONNECT = literal("CHAT CONNECT/0.");
const GNUTELLA_CONNECT = literal("GNUTELLA CONNECT/0.");
const GNUTELLA_ANSWER = literal("GNUTELLA/0.");
const GNUTELLA_OK = literal("GNUTELLA OK");
const MEDIA_TYPE = literal("application/x-gnutella");
const GIV = literal("GIV ");
const PUSH_GUID = literal("PUSH guid:");
/** Heads longer than this are not waited for. */
const LONGEST_HEAD = 4096;

/** How user agents of servents begin, in lower case. */
const SERVENTS: readonly string[] = [
  "gtk-gnutella",
  "shareaza",
  "limewire",
  "frostwire",
  "wireshare",
  "bearshare",
  "foxy ",
  "phex",
  "gnucleus",
  "gnutella",
  "morpheus",
  "cabos",
  "acquisition",
  "gnucdna",
  "peagle",
  "luckywire",
  "symella",
  "mldonkey",
  "mutella",
  "gnotella",
  "xolox",
  "trustyfiles",
  "deepnet",
  "kiwialpha",
  "swapper",
];

const head = new HttpHead();

/** Answers for one direction of a TCP flow. */
export function classifyGnutellaTcp(look: Look): Evidence {
  const bytes = look.bytes;
  const at = look.start;
  const end = look.end;
  if (!look.first) return UNRELATED;
  switch (bytes[at]) {
    case 0x47: // G
      return beginsWithG(look, at, end);
    case 0x50: { // P
      const push = compare(bytes, at, end, PUSH_GUID);
      if (push === CUT) return UNDECIDED;
      if (push === SAME) return hexAnswer(look, at + PUSH_GUID.length, 0, GUID_PUSH);
      return http(look, at, end);
    }
    case 0x43: { // C
      const chat = compare(bytes, at, end, CHAT_CONNECT);
      return chat === SAME ? CHAT : chat === CUT ? UNDECIDED : UNRELATED;
    }
    case 0x16: // a TLS handshake
      return tlsHello(look);
    case 0x48: // H: HEAD, HTTP
      return http(look, at, end);
    default:
      return UNRELATED;
  }
}

function beginsWithG(look: Look, at: number, end: number): Evidence {
  const bytes = look.bytes;
  const connect = compare(bytes, at, end, GNUTELLA_CONNECT);
  const answer = compare(bytes, at, end, GNUTELLA_ANSWER);
  if (connect === SAME || answer === SAME) {
    if (head.read(bytes, at, end) !== NO_LINE) tryNext(look);
    return connect === SAME ? CONNECT : ANSWER;
  }
  const ok = compare(bytes, at, end, GNUTELLA_OK);
  if (ok === SAME) return ANSWER;
  if (connect === CUT || answer === CUT || ok === CUT) return UNDECIDED;
  const give = compare(bytes, at, end, GIV);
  if (give === CUT) return UNDECIDED;
  if (give !== SAME) return http(look, at, end);
  let here = at + GIV.length;
  while (here < end && here < at + 16 && bytes[here]! >= 0x30 && bytes[here]! <= 0x39) here++;
  if (here === end) return UNDECIDED;
  return here > at + GIV.length && bytes[here] === 0x3a ? hexAnswer(look, here + 1, 0x2f, GIVE) : UNRELATED;
}

/** The answer where 32 hex digits stand at `at`, and then `after` unless that is 0. */
function hexAnswer(look: Look, at: number, after: number, answer: Evidence): Evidence {
  const bytes = look.bytes;
  for (let i = at; i < at + 32; i++) {
    if (i >= look.end) return UNDECIDED;
    if (!isHexDigit(bytes[i]!)) return UNRELATED;
  }
  if (after === 0) return answer;
  if (at + 32 >= look.end) return UNDECIDED;
  return bytes[at + 32] === after ? answer : UNRELATED;
}

/** Reports the nodes of X-Try, X-Try-Ultrapeers and X-Try-Hubs. */
function tryNext(look: Look): void {
  while (head.next()) if (head.nameStarts("x-try")) readEndpoints(look, head.value, head.valueEnd);
}

function http(look: Look, at: number, end: number): Evidence {
  const kind = head.read(look.bytes, at, end);
  if (!head.lineComplete) return kind === NO_LINE && end - at > 32 || end - at > LONGEST_HEAD ? UNRELATED : UNDECIDED;
  if (kind !== REQUEST && kind !== RESPONSE) return UNRELATED;
  const shaped = kind === REQUEST && isTarget();
  const cache = kind === REQUEST && isCache(look.bytes);
  let servent = false;
  let own = false;
  while (head.next()) {
    if (head.nameStarts("x-gnutella-")) return SERVED;
    if ((head.nameIs("content-type") || head.nameIs("accept")) && names(look.bytes)) return SERVED;
    if (head.nameIs("user-agent") || head.nameIs("server")) servent ||= isServent();
    else own ||= isOwnHeader(look.bytes);
    if (shaped && (servent || own)) return TRANSFER;
    if (servent && own && kind === RESPONSE) return SERVED;
  }
  if (cache) return CACHE;
  if (head.body >= 0 || end - at > LONGEST_HEAD) return UNRELATED;
  return UNDECIDED;
}

function isTarget(): boolean {
  return head.targetStarts("/uri-res/N2R?urn:") || head.targetStarts("/uri-res/N2X?urn:") ||
    head.targetStarts("/get/") ||
    head.targetStarts("/gnutella/");
}

/** True where the value at hand holds a media type of Gnutella's. */
function names(bytes: Uint8Array): boolean {
  return seek(bytes, head.value, head.valueEnd, MEDIA_TYPE) >= 0;
}

/** Headers that servents send, with values as theirs; X-Queue is proxies' as well, so only with a servent's path. */
function isOwnHeader(bytes: Uint8Array): boolean {
  if (head.nameIs("x-alt") || head.nameIs("x-nalt") || head.nameIs("x-thex-uri")) return true;
  if (head.nameIs("x-content-urn") || head.nameIs("x-try-ultrapeers")) return true;
  // Words that others use too: their values tell.
  if (head.nameIs("x-queue")) return head.valueStarts("0.1") || head.valueStarts("position=");
  if (head.nameIs("x-features")) return isFeatureList(bytes);
  return (head.nameIs("listen-ip") || head.nameIs("x-node")) && isAddressAndPort(bytes);
}

/** `fwalt/0.1, browse/1.0`: a slash and a digit behind a word. */
function isFeatureList(bytes: Uint8Array): boolean {
  for (let at = head.value + 1; at + 1 < head.valueEnd; at++) {
    if (bytes[at] === 0x2f) return isDigit(bytes[at + 1]!);
  }
  return false;
}

/** `192.0.2.7:6346`, or an address in brackets. */
function isAddressAndPort(bytes: Uint8Array): boolean {
  if (bytes[head.value] === 0x5b) return true;
  let colon = false;
  for (let at = head.value; at < head.valueEnd; at++) {
    const byte = bytes[at]!;
    if (byte === 0x3a) colon = true;
    else if (byte !== 0x2e && !isDigit(byte)) return false;
  }
  return colon;
}

function isServent(): boolean {
  for (let i = 0; i < SERVENTS.length; i++) if (head.valueStarts(SERVENTS[i]!)) return true;
  return false;
}

/** What the first version of the protocol asks for, with the value 1. */
function asksForList(): boolean {
  return (head.parameter("hostfile") || head.parameter("urlfile") || head.parameter("statfile")) &&
    head.valueEnd - head.value === 1 && head.valueStarts("1");
}

function isCache(bytes: Uint8Array): boolean {
  if (head.parameter("net")) {
    if (!head.valueStarts("gnutella")) return false;
    const rest = head.valueEnd - head.value - 8;
    if (rest !== 0 && !(rest === 1 && bytes[head.value + 8] === 0x32)) return false;
  } else if (!asksForList() || !head.parameter("version")) return false;
  if (!head.parameter("client") || head.valueEnd - head.value < 4) return false;
  for (let i = head.value; i < head.value + 4; i++) if (bytes[i]! < 0x41 || bytes[i]! > 0x5a) return false;
  return true;
}
