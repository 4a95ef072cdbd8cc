/**
 * eDonkey and eMule over TCP: exact frames.
 *
 * A frame is a protocol byte (E3 eDonkey, C5 eMule, D4 packed), a u32le length of what follows, and an opcode. Sources: the
 * protocol headers of aMule; two captures of real clients.
 * @module
 */
import { CERTAIN, type Evidence, evidence, type Look, STRONG, UNDECIDED, UNRELATED } from "../classifier.ts";
import { obfuscatedTcp } from "./obfuscated_tcp.ts";
import { BROKEN_TAGS, walkTags } from "./tags.ts";
import { isZlibHead } from "../literal.ts";

const HELLO = evidence(
  "tcp-hello",
  CERTAIN,
  "E3, length, 01 10, then a user hash with 0E at byte 5 and 6F at byte 14, or a tag list that fills the frame (aMule); odds 2^-56",
);
const HELLO_ANSWER = evidence(
  "tcp-hello-answer",
  CERTAIN,
  "E3, length, 4C, then a user hash with 0E and 6F, or a tag list that fills the frame (aMule); odds 2^-48",
);
const SERVER_LOGIN = evidence(
  "tcp-server-login",
  CERTAIN,
  "E3, length, 01, then a user hash with 0E and 6F, or a tag list that fills the frame (aMule); odds 2^-48",
);
const EMULE_INFO = evidence(
  "tcp-emule-info",
  CERTAIN,
  "C5, length, 01 or 02, version, 01, then a tag list that fills the frame (aMule); odds 2^-64",
);
const FRAMES = evidence(
  "tcp-frames",
  CERTAIN,
  "Both directions begin with a frame of E3, C5 or D4 whose length fits its segment, with known opcodes (aMule); odds 2^-58",
);
const FRAME_CHAIN = evidence(
  "tcp-frame-chain",
  STRONG,
  "Two or more chained frames with known opcodes one way, a frame's protocol byte the other way; odds 2^-60, one way seen",
);
const ONE_SIDE = evidence(
  "tcp-frames-one-side",
  STRONG,
  "Two or more frames of E3, C5 or D4 with known opcodes that fill one side's segments to the byte (aMule); odds 2^-60, " +
    "nothing of the other side seen",
);
const SERVER_MESSAGE = evidence(
  "tcp-server-message",
  STRONG,
  "E3, length, 38, a u16le that is the length less 3, then as much text: how servers greet (aMule); odds 2^-48",
);
const PART = evidence(
  "tcp-part",
  CERTAIN,
  "A frame of a running transfer: its length equals 25 or 41 plus the byte range it names, or three or six ordered offsets, " +
    "or a compressed block of a size above the piece's that begins with zlib's head (aMule); odds 2^-56 and below",
);
const SOURCES = evidence(
  "tcp-found-sources",
  CERTAIN,
  "E3, length, 42, a hash and a count with length = 18 + 6 times count (aMule); odds 2^-48",
);

const EDONKEY = 0xe3;
const EMULE = 0xc5;
const PACKED = 0xd4;
/** Longer frames are not sent: parts go in blocks of 10,240 bytes, server lists stay below this as well. */
const LONGEST = 0x40000;
/** Blocks are sent in pieces of this size at most. */
const LONGEST_PIECE = 10_240;

/** Bit 0: an opcode after E3; bit 1: after C5. */
const OPCODES = opcodes(
  // server and client opcodes of eDonkey
  "01 05 14 15 16 18 19 1a 1c 1d 21 23 32 33 34 35 36 38 40 41 42 43 44 46 47 48 49 4a 4b 4c 4d 4e 4f 50 51 52 54 55 56 57 58 59 5b 5c 5d 5e",
  // the extension: info, parts, queue, comments, sources, identification, preview, multipacket, callbacks, 64-bit parts, hash sets
  "01 02 40 60 61 81 82 83 84 85 86 87 90 91 92 93 94 95 96 97 98 99 9a 9b 9c 9d 9e 9f a1 a2 a3 a4 a5 a6 a7 a8 a9 aa ab b0 b1 b2",
);

function opcodes(edonkey: string, emule: string): Uint8Array {
  const table = new Uint8Array(256);
  for (const code of edonkey.split(" ")) table[parseInt(code, 16)]! |= 1;
  for (const code of emule.split(" ")) table[parseInt(code, 16)]! |= 2;
  return table;
}

function isProtocol(byte: number): boolean {
  return byte === EDONKEY || byte === EMULE || byte === PACKED;
}

/** Answers for one direction of a TCP flow. */
export function classifyEdonkeyTcp(look: Look): Evidence {
  const bytes = look.bytes;
  if (look.end - look.start < 6) return UNDECIDED;
  if (!look.first) return isProtocol(bytes[look.fresh]!) ? running(look, look.fresh) : UNDECIDED;
  const at = look.start;
  const end = look.end;
  const length = look.view.getUint32(at + 1, true);
  // An answer in cipher begins with any byte, a client's key part with none of these.
  if (!isProtocol(bytes[at]!) || length < 1 || length > LONGEST) return obfuscatedTcp(look);
  if (!isFrame(bytes, at, end)) return UNRELATED;
  const special = greeting(look, at, end, length);
  if (special !== UNRELATED) return special;
  const moving = running(look, at);
  if (moving !== UNDECIDED) return moving;
  return chain(look, at, end);
}

/** Protocol byte and opcode at `at` belong together; the bytes up to `at + 6` must be there. */
function isFrame(bytes: Uint8Array, at: number, end: number): boolean {
  const opcode = OPCODES[bytes[at + 5]!]!;
  switch (bytes[at]) {
    case EDONKEY:
      return (opcode & 1) !== 0;
    case EMULE:
      return (opcode & 2) !== 0;
    default:
      // A packed body is a zlib stream: its first byte is always 78 here.
      return opcode !== 0 && (at + 6 >= end || bytes[at + 6] === 0x78);
  }
}

/** The frames that open a session; UNRELATED here means: not one of these. */
function greeting(look: Look, at: number, end: number, length: number): Evidence {
  const bytes = look.bytes;
  const opcode = bytes[at + 5]!;
  const frameEnd = at + 5 + length;
  if (bytes[at] === EDONKEY && (opcode === 0x01 || opcode === 0x4c)) {
    if (length < 27 || length > 4096) return UNRELATED;
    if (end - at < 7) return UNDECIDED;
    const toClient = opcode === 0x01 && bytes[at + 6] === 0x10;
    const hash = toClient ? at + 7 : at + 6;
    const answer = opcode === 0x4c ? HELLO_ANSWER : toClient ? HELLO : SERVER_LOGIN;
    if (end >= hash + 16 && bytes[hash + 5] === 0x0e && bytes[hash + 14] === 0x6f) return answer;
    // Other clients put no mark into their hash: then the whole frame must be there and its tags must fill it.
    if (end < frameEnd) return UNDECIDED;
    const count = look.view.getUint32(hash + 22, true);
    if (count === 0 || count > 64) return UNRELATED;
    const tail = walkTags(bytes, hash + 26, frameEnd, count);
    if (tail === BROKEN_TAGS) return UNRELATED;
    // Greetings between clients end with the server's address and port; Overnet has no servers.
    return tail === frameEnd || (answer !== SERVER_LOGIN && tail === frameEnd - 6) ? answer : UNRELATED;
  }
  if (bytes[at] === EMULE && (opcode === 0x01 || opcode === 0x02)) {
    if (length < 8 || length > 4096) return UNRELATED;
    if (end < frameEnd) return UNDECIDED;
    const count = look.view.getUint32(at + 8, true);
    if (bytes[at + 7] !== 1 || count === 0 || count > 64) return UNRELATED;
    return walkTags(bytes, at + 12, frameEnd, count) === frameEnd ? EMULE_INFO : UNRELATED;
  }
  if (bytes[at] === EDONKEY && opcode === 0x38 && end >= frameEnd && length > 6) {
    return look.view.getUint16(at + 6, true) === length - 3 && isText(bytes, at + 8, frameEnd)
      ? SERVER_MESSAGE
      : UNRELATED;
  }
  return UNRELATED;
}

/** Lines as servers write them: no control bytes but tab and line ends; the high half may be anything. */
function isText(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at++) {
    const byte = bytes[at]!;
    if (byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d) return false;
  }
  return true;
}

/** Frames of a transfer that prove themselves by their own arithmetic: at a stream's start or at any segment's. */
function running(look: Look, at: number): Evidence {
  const bytes = look.bytes;
  const view = look.view;
  const end = look.end;
  if (end - at < 30) return UNDECIDED;
  const length = view.getUint32(at + 1, true);
  if (length > LONGEST) return UNDECIDED;
  const body = at + 22; // after the frame's head and the file's hash
  const opcode = bytes[at + 5];
  if (bytes[at] === EDONKEY && opcode === 0x46) {
    // Sending part: hash, from, to, then to - from bytes.
    const size = (view.getUint32(body + 4, true) - view.getUint32(body, true)) | 0;
    return size > 0 && length === size + 25 ? PART : UNDECIDED;
  }
  if (bytes[at] === EDONKEY && opcode === 0x47 && length === 41 && end - at >= 46) {
    // Request parts: hash, three beginnings, three ends.
    for (let i = 0; i < 12; i += 4) {
      if (view.getUint32(body + i, true) > view.getUint32(body + 12 + i, true)) return UNDECIDED;
    }
    return PART;
  }
  if (bytes[at] === EMULE && opcode === 0xa3 && length === 65 && end - at >= 70) {
    // The same in 64 bits; files end below 2^40.
    for (let i = 0; i < 48; i += 8) if (view.getUint32(body + i + 4, true) > 0xff) return UNDECIDED;
    return PART;
  }
  if (bytes[at] === EMULE && opcode === 0xa2 && end - at >= 38) {
    const size = (view.getUint32(body + 8, true) - view.getUint32(body, true)) | 0;
    const high = view.getUint32(body + 12, true);
    return size > 0 && high < 0x100 && length === size + 33 ? PART : UNDECIDED;
  }
  // Compressed part: hash, from (in 64 bits for A1), size of the whole block, and as the block's first piece a zlib head.
  if (bytes[at] === EMULE && (opcode === 0x40 || opcode === 0xa1)) {
    const sized = opcode === 0x40 ? body + 4 : body + 8;
    if (end - sized < 6) return UNDECIDED;
    const block = view.getUint32(sized, true);
    const piece = at + 5 + length - sized - 4;
    return isZlibHead(bytes, sized + 4) && piece > 0 && piece <= LONGEST_PIECE && block >= piece && block <= LONGEST
      ? PART
      : UNDECIDED;
  }
  if (bytes[at] === EDONKEY && opcode === 0x42 && length === 18 + 6 * bytes[body]! && length > 18) {
    const last = Math.min(end, at + 5 + length);
    for (let i = body + 1; i + 6 <= last; i += 6) {
      look.peer(0, 0, 0xffff, view.getInt32(i), view.getUint16(i + 4, true));
    }
    look.found.invites = true;
    return SOURCES;
  }
  return UNDECIDED;
}

/** Frames on both sides, or several on one. */
function chain(look: Look, at: number, end: number): Evidence {
  let here = at;
  let frames = 0;
  while (end - here >= 6) {
    const length = look.view.getUint32(here + 1, true);
    if (!isProtocol(look.bytes[here]!) || length < 1 || length > LONGEST || !isFrame(look.bytes, here, end)) {
      return UNRELATED;
    }
    if (here + 5 + length > end) break;
    here += 5 + length;
    frames++;
  }
  if (frames === 0) return UNDECIDED;
  if (look.otherNth === 0) return frames >= 2 && here === end ? ONE_SIDE : UNDECIDED;
  // Only four bytes of the other side are kept: protocol byte and the low 24 bits of its length.
  const other = look.otherFirst;
  if (!isProtocol(other >>> 24)) return UNRELATED;
  const length = (other >>> 16 & 0xff) | (other & 0xff00) | (other & 0xff) << 16;
  if (here === end && length > 0 && look.otherLength === length + 5) return FRAMES;
  return frames >= 2 && length > 0 && length <= LONGEST ? FRAME_CHAIN : UNDECIDED;
}
