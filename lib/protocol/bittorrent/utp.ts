/**
 * uTP version 1 (BEP 29): BitTorrent's transport over UDP. Its 20-byte header is too plain to convict on one datagram
 * (WireGuard, STUN, QUIC, RTP and DNS come near), so conviction rests on a conversation, or on the handshake inside.
 *
 * Notes of the flow: `note0` is connection id and sequence number of the latest packet; `note1` has the tag, what is known,
 * and the latest sequence number of the other side.
 * @module
 */
import { besideEvidence, type Evidence, evidence, KNOWN_END, type Look, UNDECIDED, UNRELATED } from "../classifier.ts";
import { HASH_END, OPENING_LENGTH, openingMatch, readHash } from "./handshake.ts";

/** A connection was opened and answered. */
const UTP: Evidence = evidence(
  "utp",
  3,
  "SYN (first byte 41, valid extension chain, time difference 0, length that of its header), answered with the same " +
    "connection id at 2 and its sequence number acknowledged at 18 (BEP 29); odds below 2^-90",
);
/** A running connection, picked up in the middle. */
const UTP_STREAM: Evidence = evidence(
  "utp-stream",
  3,
  "four turns of valid headers from both sides, connection ids at 2 one apart throughout, each side acknowledging at 18 " +
    "within 512 of what the other sent at 16, and these numbers moving (BEP 29); odds below 2^-100 on random bytes, and no " +
    "other protocol is known to follow its peer's counter in this place",
);
/** The peer handshake inside a uTP data packet. */
const UTP_HANDSHAKE: Evidence = evidence(
  "utp-handshake",
  3,
  'a valid uTP data header, then 13 "BitTorrent protocol" where the header ends (BEP 29, BEP 3); odds 2^-160',
);

/** A connection of which one side is seen. */
const UTP_ONE_WAY: Evidence = evidence(
  "utp-one-way",
  2,
  "six valid headers in a row from one side: the same connection id at 2, the clock at 4 going on in its lower half too, " +
    "sequence or acknowledged number at 16 and 18 moving up a little each time; or a SYN sent again with its numbers a little later, or " +
    "followed by a packet with the next id and number (BEP 29); odds below 2^-86 on random bytes, one side seen",
);
/** A packet of a connection, no more. */
const UTP_HEADER_ALONE: Evidence = evidence(
  "utp-header",
  1,
  "a datagram that is a uTP header and no more: a SYN with time difference and acknowledged number 0, or a STATE, FIN or RESET; " +
    "version 1, a valid extension chain, connection id, time and sequence number not 0 (BEP 29); odds 2^-56 and 2^-19",
  true,
);
/** Packets of a running connection, the client's own the last of them. */
const UTP_RUNNING: Evidence = evidence(
  "utp-running",
  1,
  "two valid headers, the last the client's own: of one side with the same connection id at 2 and sequence numbers at 16 that " +
    "differ by 512 at most, or of both with ids one apart where one acknowledges at 18 within 512 of, and not exactly, what the " +
    "other sent (BEP 29); odds 2^-45",
  true,
);
/** The same, the last one from outside: anybody can send such a thing. */
const UTP_RUNNING_OUTSIDE: Evidence = besideEvidence(
  "utp-running",
  "the same, the last packet from outside",
  KNOWN_END,
);

/** Length of the header without extensions. */
const UTP_HEADER = 20;
const DATA = 0;
const FIN = 1;
const SYN = 4;

/** Tag in the top byte of `note1`: the notes hold a uTP connection. */
const TAG = 0x75000000;
const TAG_MASK = 0xff000000 | 0;
/** The noted packet is the opener's. */
const OF_OPENER = 0x800000;
/** The noted packet is a SYN. */
const IS_SYN = 0x400000;
/** A sequence number was seen to move. */
const MOVED = 0x200000;
/** Changes of side that agreed, counted in bits 16 to 18. */
const AGREED = 0x10000;
const AGREED_MASK = 0x70000;

/** Only one side was seen so far. Then the low half holds acknowledged number and clock instead, eight bits each. */
const ONE_WAY = 0x100000;
/** Two bits of the clock, units of 512 µs, that a running one hardly ever shows twice in a row: in bits 19 and 21. */
const TICKING = 0x280000;
/** Steps of one side that show a running connection by itself. */
const ENOUGH_ALONE = 5;
/** Packets sent between two that are seen: lost ones, and those the other way round a retransmission. */
const STRIDE = 64;

/** A SYN is sent again after seconds, up to half a minute: in units of 2^16 µs. */
const PATIENCE = 600;

/** How far an acknowledged number may lag behind or lead a sequence number seen: packets are lost, reordered, in flight. */
const DRIFT = 512;
/** Agreements that show a running connection. */
const ENOUGH = 3;

/** STUN's and TURN's magic cookie (RFC 8489), at 4: there `01 01` is a success response. */
const STUN_COOKIE = 0x2112a442;
/** Longest extension chain: two kinds are known besides close reason. */
const MOST_LINKS = 4;

/** Length of DNS's head, and of the type and class behind a name. */
const DNS_HEAD = 12;
const DNS_KIND = 4;

/**
 * True for a DNS question, or an answer without any record, that fills the datagram (RFC 1035): one question, a name whose
 * labels lead to its end. Of uTP's headers one in 2^32 is one by chance.
 */
function isDns(look: Look): boolean {
  const { bytes, view, start, end, length } = look;
  if (view.getInt32(start + 4) !== 0x10000 || view.getInt32(start + 8) !== 0 || end - start !== length) return false;
  let at = start + DNS_HEAD;
  while (at < end && bytes[at] !== 0) at += 1 + bytes[at]!;
  return at + 1 + DNS_KIND === end;
}

/**
 * Length of a valid uTP header at the datagram's start; 0 where it is none. The tests are nDPI's: version 1, type 0-4,
 * chain of extensions ends with 0 inside the datagram, ids and time not 0, and the length that the type demands.
 */
export function utpHeader(look: Look): number {
  const { bytes, view, start, end, length } = look;
  const type = bytes[start]! >> 4;
  if ((bytes[start]! & 15) !== 1 || type > SYN || length < UTP_HEADER || end - start < UTP_HEADER) return 0;
  let extension = bytes[start + 1]!;
  if (extension > 3 || view.getUint16(start + 2) === 0) return 0;
  const time = view.getInt32(start + 4);
  if (time === 0 || time === STUN_COOKIE || isDns(look)) return 0;
  let at = start + UTP_HEADER;
  for (let links = 0; extension !== 0; links++) {
    if (links === MOST_LINKS || at + 2 > end) return 0;
    const next = bytes[at]!;
    const size = bytes[at + 1]!;
    // 1 is the selective acknowledgement, in words; 2 the extension bits; 3 the reason of closing.
    if (next > 3 || size === 0 || (extension === 1 && size % 4 !== 0)) return 0;
    extension = next;
    at += 2 + size;
  }
  const header = at - start;
  if (header > length) return 0;
  const empty = header === length;
  if (type === DATA) return empty || view.getInt32(start + 12) === 0 ? 0 : header;
  if (type === SYN) return empty && view.getInt32(start + 8) === 0 ? header : 0;
  return empty || type === FIN ? header : 0;
}

/** Difference of two 16-bit numbers on their circle, -32768 to 32767. */
function apart(a: number, b: number): number {
  return ((a - b) << 16) >> 16;
}

/** True where nothing was seen of the flow before, and all of it is in view. */
function isAlone(look: Look): boolean {
  return look.nth === 1 && look.otherNth === 0 && look.length === look.end - look.start;
}

/** True where a sequence number follows another, or comes a few packets behind it. */
function isNext(sequence: number, before: number): boolean {
  const steps = apart(sequence, before);
  return steps > 0 && steps <= STRIDE;
}

/** Judges a datagram as part of a uTP connection. */
export function utp(look: Look): Evidence {
  const header = utpHeader(look);
  if (header === 0) return UNRELATED;
  const { bytes, start, end } = look;
  const type = bytes[start]! >> 4;
  if (type === DATA && openingMatch(bytes, start + header, end) === OPENING_LENGTH) {
    if (end - start - header >= HASH_END) readHash(look, start + header);
    return UTP_HANDSHAKE;
  }
  return look.claim() ? converse(look, type) : UNDECIDED;
}

/** Compares a valid packet with the one noted, and notes it. */
function converse(look: Look, type: number): Evidence {
  const { view, start, note0, note1 } = look;
  const id = view.getUint16(start + 2);
  const sequence = view.getUint16(start + 16);
  const acknowledged = view.getUint16(start + 18);
  const side = look.fromOpener ? OF_OPENER : 0;
  const opening = type === SYN ? IS_SYN : 0;
  const clock = view.getInt32(start + 4) >>> 16;
  const notedId = note0 >>> 16;
  const notedSequence = note0 & 0xffff;
  if ((note1 & TAG_MASK) !== TAG) {
    const alone = look.otherNth === 0 && opening === 0;
    const low = alone ? (acknowledged & 0xff) << 8 | seconds(clock) : opening !== 0 ? clock : 0;
    note(look, id, sequence, side | opening | (alone ? ONE_WAY | ticking(look) : 0), low);
    return type !== DATA && sequence !== 0 && (opening === 0 || acknowledged === 0) && isAlone(look)
      ? UTP_HEADER_ALONE
      : UNDECIDED;
  }
  if ((note1 & IS_SYN) !== 0) {
    if ((note1 & OF_OPENER) !== side) {
      if (opening === 0 && id === notedId && acknowledged === notedSequence) return UTP;
    } else if (opening !== 0) {
      const passed = clock - note1 & 0xffff;
      const again = id === notedId && sequence === notedSequence && passed > 0 && passed < PATIENCE;
      if (again && look.otherNth === 0) return UTP_ONE_WAY;
      note(look, id, sequence, side | opening, clock);
    } else if (look.otherNth === 0 && id === (notedId + 1 & 0xffff) && isNext(sequence, notedSequence)) {
      return UTP_ONE_WAY;
    }
    // Whatever else comes before the SYN's answer says nothing, and must not push it out.
    return UNDECIDED;
  }
  if (opening !== 0) {
    note(look, id, sequence, side | opening, clock);
    return UNDECIDED;
  }
  if ((note1 & ONE_WAY) !== 0) {
    if ((note1 & OF_OPENER) === side) return goOn(look, id, sequence, acknowledged, clock, side);
    // The other side speaks after all: what was counted meant something else.
    note(look, notedId, notedSequence, note1 & OF_OPENER, 0);
    return converse(look, type);
  }
  let facts = note1 & (MOVED | AGREED_MASK);
  if ((note1 & OF_OPENER) === side) {
    if (id !== notedId || Math.abs(apart(sequence, notedSequence)) > DRIFT) facts = 0;
    else if (sequence !== notedSequence) facts |= MOVED;
    note(look, id, sequence, side | facts, note1 & 0xffff);
    return (facts & MOVED) !== 0 ? running(look) : UNDECIDED;
  }
  const distance = apart(id, notedId);
  const own = note1 & 0xffff;
  const agreed = facts & AGREED_MASK;
  if (
    (distance !== 1 && distance !== -1) || Math.abs(apart(acknowledged, notedSequence)) > DRIFT ||
    (agreed > 0 && Math.abs(apart(sequence, own)) > DRIFT)
  ) facts = 0;
  else {
    if (agreed > 0 && sequence !== own) facts |= MOVED;
    if (agreed < AGREED_MASK) facts += AGREED;
    if ((facts & AGREED_MASK) >= ENOUGH * AGREED && (facts & MOVED) !== 0) return UTP_STREAM;
  }
  note(look, id, sequence, side | facts, notedSequence);
  const moving = (facts & MOVED) !== 0 || ((facts & AGREED_MASK) !== 0 && acknowledged !== notedSequence);
  return moving ? running(look) : UNDECIDED;
}

function running(look: Look): Evidence {
  return look.fromClient ? UTP_RUNNING : UTP_RUNNING_OUTSIDE;
}

/** About the seconds of a clock in units of 2^16 µs, eight bits of them: pauses of up to two minutes go forwards. */
function seconds(clock: number): number {
  return clock >>> 4 & 0xff;
}

/** See {@link TICKING}. */
function ticking(look: Look): number {
  const units = look.view.getUint16(look.start + 6) >>> 9;
  return (units & 1) << 19 | (units & 2) << 20;
}

/** The next packet of the only side that was seen. */
function goOn(look: Look, id: number, sequence: number, acknowledged: number, clock: number, side: number): Evidence {
  const { note0, note1 } = look;
  const steps = apart(sequence, note0 & 0xffff);
  const acknowledges = (acknowledged - (note1 >>> 8) << 24) >> 24;
  const passed = (seconds(clock) - note1 << 24) >> 24;
  let count = note1 & AGREED_MASK;
  if (id !== note0 >>> 16 || Math.abs(steps) > STRIDE || Math.abs(acknowledges) > STRIDE || passed < 0) count = 0;
  else if (steps < 0) return UNDECIDED; // sent again
  else if ((steps > 0 || acknowledges > 0) && ticking(look) !== (note1 & TICKING)) count += AGREED;
  const enough = count >= ENOUGH_ALONE * AGREED && look.otherNth === 0;
  if (count > AGREED_MASK) count = AGREED_MASK;
  note(look, id, sequence, side | ONE_WAY | ticking(look) | count, (acknowledged & 0xff) << 8 | seconds(clock));
  if (enough) return UTP_ONE_WAY;
  // Of a fast stream only samples are seen.
  return id === note0 >>> 16 && steps !== 0 && Math.abs(steps) <= DRIFT ? running(look) : UNDECIDED;
}

function note(look: Look, id: number, sequence: number, facts: number, otherSequence: number): void {
  look.note0 = (id << 16) | sequence;
  look.note1 = TAG | facts | otherSequence;
}
