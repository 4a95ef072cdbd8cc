/**
 * Gnutella over UDP: messages of the first protocol, the Mojito DHT, and the reliability layer that carries the second.
 * @module
 */
import { CERTAIN, type Evidence, evidence, type Look, STRONG, UNDECIDED, UNRELATED } from "../classifier.ts";
import { isZlibHead, seekByte } from "../literal.ts";

const MESSAGE = evidence(
  "udp-message",
  CERTAIN,
  "23-byte header: random identifier, known function at 16, hops at 17 (but for bits 3 and 7: can inflate, is deflated) and 18 " +
    "within 7, u32le at 19 = length - 23 (gtk-gnutella; 700 captured datagrams); odds 2^-42",
);
const DHT = evidence(
  "udp-dht",
  CERTAIN,
  "Function 44 at 16, u32le at 19 = length - 23, a servent's name at 24 (gtk-gnutella, captured); odds 2^-70",
);
const DHT_UNKNOWN = evidence(
  "udp-dht-unknown-vendor",
  STRONG,
  "Function 44 at 16, u32le at 19 = length - 23, four capitals at 24; odds 2^-50, vendor not known",
);
const RELIABLE = evidence(
  "udp-reliable",
  CERTAIN,
  "GND or GTA, flags without bits 2 and 3, part within count, count within 31 (gtk-gnutella; 529 captured datagrams); odds 2^-31",
);

const HEADER = 23;
const PING = 0x00;
const PONG = 0x01;
const VENDOR = 0x31;
const STANDARD = 0x32;
const PUSH = 0x40;
const RUDP = 0x41;
const MOJITO = 0x44;
const QUERY = 0x80;
const HIT = 0x81;
/** Bits of the hops left (gtk-gnutella): the sender can inflate, and the payload is deflated. */
const CAN_INFLATE = 0x08;
const DEFLATED = 0x80;
/** First byte of a GGEP block. */
const GGEP = 0xc3;

/** Answers for one datagram. */
export function classifyGnutellaUdp(look: Look): Evidence {
  const bytes = look.bytes;
  const at = look.start;
  const size = look.length;
  if (bytes[at] === 0x47 && bytes[at + 2] !== 0 && isReliable(bytes, at, size)) return RELIABLE;
  if (look.end - at < HEADER || size > 0xffff) return UNRELATED;
  const payload = size - HEADER;
  if (bytes[at + 19] !== (payload & 0xff) || bytes[at + 20] !== payload >>> 8) return UNRELATED;
  if (bytes[at + 21] !== 0 || bytes[at + 22] !== 0) return UNRELATED;
  const code = bytes[at + 16]!;
  if (code === MOJITO) return dht(look, at);
  const marks = bytes[at + 17]! & (CAN_INFLATE | DEFLATED);
  const life = bytes[at + 17]! ^ marks;
  const hops = bytes[at + 18]!;
  if (life === 0 || life > 7 || hops > 7) return UNRELATED;
  const deflated = (marks & DEFLATED) !== 0;
  if (!(deflated ? isDeflated(look, code, at + HEADER) : isPayload(look, code, at + HEADER, payload))) return UNRELATED;
  // LimeWire's connections over UDP begin with a message whose identifier is nearly all zeros.
  if (!isIdentifier(bytes, at)) {
    return code === RUDP && life === 1 && hops === 0 && payload === 0 ? UNDECIDED : UNRELATED;
  }
  if (code === PONG && !deflated) {
    look.peer(0, 0, 0xffff, look.view.getInt32(at + HEADER + 2), look.view.getUint16(at + HEADER, true));
  }
  return MESSAGE;
}

/** Tag, flags, sequence, part, count. An acknowledgement has count 0 and nothing behind it. */
function isReliable(bytes: Uint8Array, at: number, size: number): boolean {
  const second = bytes[at + 1];
  const third = bytes[at + 2];
  if (!(second === 0x4e && third === 0x44) && !(second === 0x54 && third === 0x41)) return false;
  if ((bytes[at + 3]! & 0x0c) !== 0) return false;
  const part = bytes[at + 6]!;
  const count = bytes[at + 7]!;
  if (count === 0) return part > 0 && part < 32 && size === 8;
  // Text that begins with these letters has letters here: above 31.
  return part > 0 && part <= count && count < 32 && size > 8;
}

function dht(look: Look, at: number): Evidence {
  if (look.end - at < 28) return UNRELATED;
  switch (look.view.getUint32(at + 24)) {
    case 0x47544b47: // GTKG
    case 0x4c494d45: // LIME
    case 0x46524f53: // FROS
    case 0x57495245: // WIRE
      return DHT;
  }
  for (let i = at + 24; i < at + 28; i++) {
    const byte = look.bytes[i]!;
    if (byte < 0x41 || byte > 0x5a) return UNRELATED;
  }
  return isIdentifier(look.bytes, at) ? DHT_UNKNOWN : UNRELATED;
}

/** What follows the header fits its function. */
function isPayload(look: Look, code: number, at: number, size: number): boolean {
  const bytes = look.bytes;
  const have = look.end - at;
  switch (code) {
    case PING:
      // Identifiers of this century have FF at 8 (543 of 543 captured pings).
      if (size === 0) return bytes[at - HEADER + 8] === 0xff;
      return have > 1 && (bytes[at] === GGEP || (bytes[at] === 0 && bytes[at + 1] === GGEP));
    case PONG:
      if (have < 14 || (bytes[at] === 0 && bytes[at + 1] === 0)) return false;
      return size === 14 || (have > 14 && bytes[at + 14] === GGEP);
    case VENDOR:
    case STANDARD:
      if (have < 8) return false;
      for (let i = at; i < at + 4; i++) if (bytes[i] !== 0 && (bytes[i]! < 0x30 || bytes[i]! > 0x5a)) return false;
      return bytes[at + 5] === 0 && bytes[at + 7] === 0;
    case PUSH:
      return size >= 26;
    case RUDP:
      return true;
    case QUERY:
      return have >= 3 && seekByte(bytes, at + 2, look.end, 0) > 0;
    case HIT:
      return size >= 27 && have > 0 && bytes[at] !== 0;
    default:
      return false;
  }
}

/** A zlib stream in an answer: only answers are deflated. */
function isDeflated(look: Look, code: number, at: number): boolean {
  return (code === PONG || code === VENDOR || code === STANDARD || code === HIT) && look.end - at > 2 &&
    isZlibHead(look.bytes, at);
}

/** Identifiers are random but for some marked bytes: at least seven different ones among sixteen. */
function isIdentifier(bytes: Uint8Array, at: number): boolean {
  let different = 0;
  for (let i = at; i < at + 16; i++) {
    let j = at;
    while (j < i && bytes[j] !== bytes[i]) j++;
    if (j === i) different++;
  }
  return different >= 7;
}
