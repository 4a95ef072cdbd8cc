/**
 * eDonkey, eMule and Kad over UDP: a request and the answer that fits it.
 *
 * Single packets are only hints, whatever their opcode: QUIC handshakes and games hit every plain shape rule. Sources: the
 * protocol headers of aMule; a capture of two Kad nodes.
 * @module
 */
import { CERTAIN, type Evidence, evidence, type Look, STRONG, UNDECIDED, UNRELATED, WEAK } from "../classifier.ts";
import { obfuscatedKad } from "./obfuscated_udp.ts";
import { walkTags } from "./tags.ts";

const KAD_CONVERSATION = evidence(
  "kad-conversation",
  CERTAIN,
  "A Kad or Overnet request of exact length and its answer: opcode pair, length = fixed part + 25 (23) a contact, echoed target " +
    "(aMule, mldonkey); odds 2^-42 and below",
);
const UDP_CONVERSATION = evidence(
  "udp-conversation",
  CERTAIN,
  "An eDonkey request and its answer with the same challenge or file hash in it (aMule); odds 2^-64",
);
const UDP_REASK = evidence(
  "udp-reask",
  STRONG,
  "C5 90 with a file hash, answered by C5 91 of 4 to 64 bytes or C5 92 or 93 of 2 (aMule); odds 2^-32, but nothing echoed",
);
const UDP_SOURCES = evidence(
  "udp-sources",
  STRONG,
  "E3 9A or 94 with file hashes, answered by E3 9B whose length is 19 + 6 times the count in it (aMule); odds 2^-48, another hash",
);
const UDP_DESCRIPTION = evidence(
  "udp-description",
  STRONG,
  "E3 A2 and nothing else, answered by E3 A3 with two texts whose lengths fill it (aMule); odds 2^-60, but nothing echoed",
);
const KAD_CHECK = evidence(
  "kad-check",
  CERTAIN,
  "E4 60 in 2 bytes answered by E4 61 in 4, or E4 50 in 4 or E4 53 in 21 answered by E4 58 in 6 (aMule); odds 2^-32 among " +
    "datagrams of these lengths",
);
const KAD_REQUEST = evidence(
  "kad-request",
  WEAK,
  "One Kad packet whose opcode, length and inner counts agree (aMule); odds 2^-24, but met by chance in QUIC and games",
);
const EDONKEY = 0xe3;
const KAD = 0xe4;
const KAD_PACKED = 0xe5;
const EMULE = 0xc5;

/** Kinds of requests, as kept in the note of the side that asked: kind in the top four bits, 28 bits of what is echoed. */
const NONE = 0;
const KAD_LOOKUP = 1;
const KAD_HELLO = 2;
const KAD_BOOTSTRAP = 3;
const KAD_SEARCH = 4;
const KAD_PUBLISH = 5;
const KAD_PUBLISH_PACKED = 6;
const KAD_PING = 7;
const SERVER_STATUS = 8;
const GET_SOURCES = 9;
const SERVER_DESCRIPTION = 10;
const REASK = 11;
const SEARCH = 12;
const KAD_FIREWALL = 13;
const KAD1_HELLO = 14;
const KAD1_BOOTSTRAP = 15;
/** A node as Kad 1 writes it: id, address, two ports, type. */
const KAD1_NODE = 25;
/** A node as Overnet writes it: id, address, port, kind. */
const OVERNET_NODE = 23;
/** Head of an answer with contacts, all that must be in view of it. */
const LEAST_HEAD = 35;

/** Answers for one datagram. */
export function classifyEdonkeyUdp(look: Look): Evidence {
  const bytes = look.bytes;
  const at = look.start;
  const size = look.length;
  switch (bytes[at]) {
    case EDONKEY:
    case KAD:
    case KAD_PACKED:
    case EMULE:
      break;
    default:
      return size >= 6 ? obfuscatedKad(look) : look.nth > 4 ? UNRELATED : UNDECIDED;
  }
  // A cut capture shows whether lengths agree only where the head says how many contacts follow.
  const headed = bytes[at] === KAD || bytes[at] === KAD_PACKED;
  if (look.end - at < size && (!headed || look.end - at < LEAST_HEAD)) return UNDECIDED;
  const protocol = bytes[at]!;
  const opcode = bytes[at + 1]!;
  const answer = answered(look, protocol, opcode, at, size);
  if (answer !== UNDECIDED) return answer;
  const kind = asked(look, protocol, opcode, at, size);
  if (kind !== NONE) {
    if (look.claim()) {
      const note = (kind << 28) | (size >= 6 ? look.view.getInt32(at + 2) & 0x0fffffff : 0);
      if (look.fromOpener) look.note0 = note;
      else look.note1 = note;
    }
    return protocol === KAD && (kind === KAD_LOOKUP || kind === KAD_HELLO) ? KAD_REQUEST : UNDECIDED;
  }
  if (isLoneAnswer(look, protocol, opcode, at, size)) return KAD_REQUEST;
  return isShort(protocol, opcode, size) ? UNDECIDED : obfuscatedKad(look);
}

/** Known messages too short to say anything: they do not exclude the flow, nor count. */
function isShort(protocol: number, opcode: number, size: number): boolean {
  if (protocol === KAD) {
    switch (opcode) {
      case 0x50:
      case 0x51:
      case 0x52:
      case 0x53:
      case 0x58:
      case 0x59:
      case 0x5a:
      case 0x60:
      case 0x61:
      case 0x62:
      case 0x22:
      case 0x4b:
      case 0x4c:
        return size <= 40;
    }
    return false;
  }
  return protocol === EMULE && opcode >= 0x90 && opcode <= 0x95;
}

/** What kind of request this is, by opcode and exact form. */
function asked(look: Look, protocol: number, opcode: number, at: number, size: number): number {
  const bytes = look.bytes;
  if (protocol === KAD) {
    switch (opcode) {
      case 0x20:
      case 0x21: {
        // How many contacts are wanted: 2 to store, 4 to look up values, 11 to look up nodes.
        const wanted = bytes[at + 2]!;
        return size === 35 && (wanted === 2 || wanted === 4 || wanted === 11) ? KAD_LOOKUP : NONE;
      }
      case 0x11:
        return isHello(look, at, size) ? KAD_HELLO : NONE;
      case 0x01:
        return size === 2 ? KAD_BOOTSTRAP : NONE;
      case 0x60:
        return size === 2 ? KAD_PING : NONE;
      case 0x50:
        return size === 4 ? KAD_FIREWALL : NONE;
      case 0x53:
        return size === 21 ? KAD_FIREWALL : NONE;
      case 0x00:
        return isNode(look, at, size) ? KAD1_BOOTSTRAP : NONE;
      case 0x10:
        return isNode(look, at, size) ? KAD1_HELLO : NONE;
      case 0x33:
        return size >= 20 ? KAD_SEARCH : NONE;
      case 0x34:
        return size === 28 ? KAD_SEARCH : NONE;
      case 0x35:
        return size === 26 ? KAD_SEARCH : NONE;
      case 0x43:
      case 0x44:
      case 0x45:
        return size >= 36 ? KAD_PUBLISH : NONE;
    }
    return NONE;
  }
  if (protocol === KAD_PACKED) {
    return opcode >= 0x43 && opcode <= 0x45 && size > 40 && bytes[at + 2] === 0x78 ? KAD_PUBLISH_PACKED : NONE;
  }
  if (protocol === EDONKEY) {
    switch (opcode) {
      // Overnet: the same questions in eDonkey's clothes.
      case 0x0a:
        return isOvernetNode(look, at, size) ? KAD_BOOTSTRAP : NONE;
      case 0x0c:
        return isOvernetNode(look, at, size) ? KAD_HELLO : NONE;
      case 0x0e:
        return size === 19 && bytes[at + 2]! <= 32 ? KAD_LOOKUP : NONE;
      case 0x96:
        return size === 6 ? SERVER_STATUS : NONE;
      case 0xa2:
        return size === 6 || size === 2 ? SERVER_DESCRIPTION : NONE;
      case 0x9a:
        return size >= 18 && (size - 2) % 16 === 0 ? GET_SOURCES : NONE;
      case 0x94:
        return size >= 22 ? GET_SOURCES : NONE;
      case 0x90:
        // One tag in the short form: a byte that says what the asker reads, large files and the like. Then the search.
        return size >= 13 && look.view.getUint32(at + 2, true) === 1 && bytes[at + 6] === 0x89 && bytes[at + 7] === 0x0e
          ? SEARCH
          : NONE;
      case 0x98:
      case 0x92:
        return size >= 6 && bytes[at + 2]! <= 3 ? SEARCH : NONE;
    }
    return NONE;
  }
  return opcode === 0x90 && size >= 18 ? REASK : NONE;
}

/** The answer to what the other side asked, or UNDECIDED. */
function answered(look: Look, protocol: number, opcode: number, at: number, size: number): Evidence {
  if (look.otherNth === 0) return UNDECIDED;
  let kind = NONE;
  let echo = -1;
  const note = look.owned ? (look.fromOpener ? look.note1 : look.note0) : 0;
  if (note !== 0) {
    kind = note >>> 28;
    echo = note & 0x0fffffff;
  } else {
    kind = firstAsked(look.otherFirst, look.otherLength);
  }
  if (kind === NONE) return UNDECIDED;
  if (protocol === KAD_PACKED) {
    if (size < 32 || look.bytes[at + 2] !== 0x78) return UNDECIDED;
    return (kind === KAD_LOOKUP && opcode === 0x29) || (kind === KAD_SEARCH && opcode === 0x3b && echo >= 0) ||
        (kind === KAD_BOOTSTRAP && opcode === 0x09)
      ? KAD_CONVERSATION
      : UNDECIDED;
  }
  if (protocol === KAD) {
    switch (kind) {
      case KAD_LOOKUP:
        if ((opcode !== 0x29 && opcode !== 0x28) || !isContacts(look, at, size)) return UNDECIDED;
        contacts(look, at + 19, at + size);
        return KAD_CONVERSATION;
      case KAD_HELLO:
        return opcode === 0x19 && isHello(look, at, size) ? KAD_CONVERSATION : UNDECIDED;
      case KAD_BOOTSTRAP:
        if (opcode !== 0x09 || !isBootstrap(look, at, size)) return UNDECIDED;
        contacts(look, at + 23, at + size);
        return KAD_CONVERSATION;
      case KAD_SEARCH:
        return opcode === 0x3b && size >= 36 && echoes(look, at + 18, echo) ? KAD_CONVERSATION : UNDECIDED;
      case KAD_PUBLISH:
        return opcode === 0x4b && (size === 19 || size === 20) && echoes(look, at + 2, echo)
          ? KAD_CONVERSATION
          : UNDECIDED;
      case KAD_PING:
        return opcode === 0x61 && size === 4 ? KAD_CHECK : UNDECIDED;
      case KAD_FIREWALL:
        return opcode === 0x58 && size === 6 ? KAD_CHECK : UNDECIDED;
      case KAD1_HELLO:
        return opcode === 0x18 && isNode(look, at, size) ? KAD_CONVERSATION : UNDECIDED;
      case KAD1_BOOTSTRAP:
        if (opcode !== 0x08 || size < 4 || size !== 4 + KAD1_NODE * look.view.getUint16(at + 2, true)) return UNDECIDED;
        contacts(look, at + 4, at + size);
        return KAD_CONVERSATION;
      case KAD_PUBLISH_PACKED:
        return opcode === 0x4b && (size === 19 || size === 20) ? KAD_CONVERSATION : UNDECIDED;
    }
    return UNDECIDED;
  }
  if (protocol === EDONKEY) {
    switch (kind) {
      case KAD_LOOKUP:
        return opcode === 0x0f && size >= 19 && size === 19 + OVERNET_NODE * look.bytes[at + 18]!
          ? KAD_CONVERSATION
          : UNDECIDED;
      case KAD_HELLO:
        return opcode === 0x0d && size === 2 ? KAD_CONVERSATION : UNDECIDED;
      case KAD_BOOTSTRAP:
        return opcode === 0x0b && size > 4 && size === 4 + OVERNET_NODE * look.view.getUint16(at + 2, true)
          ? KAD_CONVERSATION
          : UNDECIDED;
      case SERVER_STATUS:
        return opcode === 0x97 && size >= 14 && (size - 2) % 2 === 0 && echoes(look, at + 2, echo)
          ? UDP_CONVERSATION
          : UNDECIDED;
      case SERVER_DESCRIPTION:
        if (opcode !== 0xa3 || size < 6) return UNDECIDED;
        if (echo !== 0 && echoes(look, at + 2, echo)) return size >= 10 ? UDP_CONVERSATION : UNDECIDED;
        return echo === 0 && isDescription(look, at, size) ? UDP_DESCRIPTION : UNDECIDED;
      case GET_SOURCES:
        if (opcode !== 0x9b || size < 25) return UNDECIDED;
        if (echoes(look, at + 2, echo)) {
          sources(look, at, size);
          return UDP_CONVERSATION;
        }
        return size === 19 + 6 * look.bytes[at + 18]! ? UDP_SOURCES : UNDECIDED;
      case SEARCH:
        return opcode === 0x99 && isResult(look, at, size) ? UDP_CONVERSATION : UNDECIDED;
    }
    return UNDECIDED;
  }
  if (kind !== REASK) return UNDECIDED;
  // 91 is the place in the queue, before it what the other has of the file: a number of parts and a bit for each; 92 and 93
  // are "not found" and "queue full".
  if (opcode === 0x91) {
    const parts = size >= 6 ? look.view.getUint16(at + 2, true) : 0;
    return size === 4 || (size >= 6 && size === 6 + ((parts + 7) >> 3)) ? UDP_REASK : UNDECIDED;
  }
  return (opcode === 0x92 || opcode === 0x93) && size === 2 ? UDP_REASK : UNDECIDED;
}

/** The 28 bits kept of a request stand here. */
function echoes(look: Look, at: number, echo: number): boolean {
  return at + 4 <= look.end && (look.view.getInt32(at) & 0x0fffffff) === echo;
}

/** The request that the other side's first datagram was, where another classifier holds the notes. */
function firstAsked(first: number, length: number): number {
  const head = first >>> 16;
  const wanted = first >>> 8 & 0xff;
  if (head === 0xe421 && length === 35 && (wanted === 2 || wanted === 4 || wanted === 11)) return KAD_LOOKUP;
  if (head === 0xe411 && length >= 22 && length <= 128) return KAD_HELLO;
  if (head === 0xe401 && length === 2) return KAD_BOOTSTRAP;
  if (head === 0xe460 && length === 2) return KAD_PING;
  return NONE;
}

/** A message of Kad 1 that is the sender's node: both ports, and a type of 0 to 4. */
function isNode(look: Look, at: number, size: number): boolean {
  return size === 2 + KAD1_NODE && look.bytes[at + 26]! <= 4 && look.view.getUint16(at + 22) !== 0 &&
    look.view.getUint16(at + 24) !== 0;
}

/** The sender's node and nothing more, as Overnet's questions have it. */
function isOvernetNode(look: Look, at: number, size: number): boolean {
  return size === 2 + OVERNET_NODE && look.bytes[at + 24]! <= 4 && look.view.getUint16(at + 22) !== 0;
}

/** A server's name and description, each behind its u16 length, to the end. */
function isDescription(look: Look, at: number, size: number): boolean {
  const name = look.view.getUint16(at + 2, true);
  return name + 6 <= size && look.view.getUint16(at + 4 + name, true) === size - 6 - name;
}

/** Hello: id, TCP port, version, tag count, tags to the end. */
function isHello(look: Look, at: number, size: number): boolean {
  if (size < 22 || look.end - at < size) return false;
  const bytes = look.bytes;
  const version = bytes[at + 20]!;
  const tags = bytes[at + 21]!;
  // Versions run from 1 to 10 (0.50a); room for some more.
  if (version === 0 || version > 15 || tags > 8 || (bytes[at + 18] === 0 && bytes[at + 19] === 0)) return false;
  return walkTags(bytes, at + 22, at + size, tags) === at + size;
}

function isContacts(look: Look, at: number, size: number): boolean {
  return size >= 19 && look.bytes[at + 18]! <= 32 && size === 19 + 25 * look.bytes[at + 18]!;
}

function isBootstrap(look: Look, at: number, size: number): boolean {
  return size >= 23 && size === 23 + 25 * look.view.getUint16(at + 21, true);
}

function isResult(look: Look, at: number, size: number): boolean {
  if (size < 28) return false;
  const tags = look.view.getUint32(at + 24, true);
  return tags > 0 && tags <= 64 && walkTags(look.bytes, at + 28, at + size, tags) > 0;
}

/** An answer whose question was not seen. */
function isLoneAnswer(look: Look, protocol: number, opcode: number, at: number, size: number): boolean {
  if (protocol !== KAD) return false;
  if (opcode === 0x29) return isContacts(look, at, size);
  if (opcode === 0x09) return isBootstrap(look, at, size);
  return opcode === 0x19 && isHello(look, at, size);
}

/** Kad contacts: id, address (low byte first), UDP port, TCP port, version. */
function contacts(look: Look, from: number, to: number): void {
  const end = Math.min(to, look.end);
  for (let at = from; at + 25 <= end; at += 25) {
    const address = look.view.getInt32(at + 16, true);
    look.peer(0, 0, 0xffff, address, look.view.getUint16(at + 20, true));
    look.peer(0, 0, 0xffff, address, look.view.getUint16(at + 22, true));
  }
}

/** Found sources: hash, count, then address and port of each; low identifiers (below 2^24) are no addresses. */
function sources(look: Look, at: number, size: number): void {
  const count = look.bytes[at + 18]!;
  const last = Math.min(at + size, at + 19 + 6 * count);
  for (let here = at + 19; here + 6 <= last; here += 6) {
    if (look.bytes[here + 3] === 0) continue;
    look.peer(0, 0, 0xffff, look.view.getInt32(here), look.view.getUint16(here + 4, true));
  }
}
