/**
 * Hyperswarm (Holepunch's Hypercore, Keet, Pear): its DHT's messages and UDX, the transport under its ciphered streams.
 *
 * Used for chat and calls as well as for files. Sources: dht-rpc 6 (lib/io.js), libudx 1 (udx.h), and what hyperswarm 4.17
 * sends. Integers are little-endian.
 *
 * ```text
 *           0    1      2..3  4..9                 10..
 * question  03   flags  id    IPv4, port of the    flags 1: 32 bytes, 2: 32 bytes; command; 8: 32 bytes; 16: value
 * answer    13   flags  id    receiver             1: 32 bytes, 2: 32 bytes; 4: list of nodes; 8: error; 16: value
 * UDX       FF 01, type, offset of the data, 4 stream of the receiver, 8 window, 12 number, 16 acknowledged; 20 bytes
 * ```
 * @module
 */
import { CERTAIN, type Classifier, type Evidence, evidence, type Look, UNDECIDED, UNRELATED } from "../classifier.ts";

const DHT_CONVERSATION = evidence(
  "dht-conversation",
  CERTAIN,
  "A question of Hyperswarm's DHT (03, flags, a known command, the fields that the flags tell and no byte more), answered with " +
    "13 and the same identifier, as exactly (dht-rpc; captured); odds below 2^-50",
);
const UDX = evidence(
  "udx",
  CERTAIN,
  "FF 01 and a known type at the start of datagrams of both sides, with each side's stream identifier at 4, one of them twice " +
    "(libudx 1; captured); odds below 2^-60",
);

const QUESTION = 0x03;
const ANSWER = 0x13;
const KEY = 32;
const HAS_ID = 1;
const HAS_TOKEN = 2;
/** Of a question: the command is one of dht-rpc's own. */
const INTERNAL = 4;
/** Of an answer. */
const HAS_NODES = 4;
/** Of a question; of an answer that it has an error. */
const HAS_TARGET = 8;
const HAS_VALUE = 16;
/** Commands: 0 to 4 of dht-rpc itself, 0 to 10 of HyperDHT. */
const MOST_INTERNAL = 4;
const MOST_COMMAND = 10;

const UDX_HEADER = 20;
/** Types are sums of these: data 1, end 2, gaps 4, message 8, destroy 16, heartbeat 32. */
const UDX_TYPES = 0x40;
/** In a note: a stream identifier is in the other bits. Else it is a question's. */
const STREAM = 0x80000000 | 0;
/** In a note: a question's identifier is in the lower 16 bits, and it came from the opener. */
const ASKED = 0x10000;
const BY_OPENER = 0x20000;

/** Recognises the DHT's conversations and UDX. */
export const hyperswarm: Classifier = {
  name: "hyperswarm",
  title: "Hyperswarm (Hypercore, Keet, Pear)",
  // Used for honest work as well: an administrator who wants it gone says so.
  action: "log",
  require: "certain",
  hints: ["*.hyperdht.org"],
  tcp: false,
  udp: true,
  least: 10,
  first: [QUESTION, ANSWER, 0xff],
  classify(look: Look): Evidence {
    // What is cut off may be what does not fit.
    if (look.tcp || look.length !== look.end - look.start) return UNRELATED;
    const { bytes, start } = look;
    if (bytes[start] === 0xff) return udx(look);
    const answers = bytes[start] === ANSWER;
    if (!answers && bytes[start] !== QUESTION) return UNRELATED;
    if (!(answers ? isAnswer(look) : isQuestion(look)) || !look.claim()) return UNRELATED;
    const id = look.view.getUint16(start + 2);
    const by = look.fromOpener ? BY_OPENER : 0;
    const asked = ASKED | (BY_OPENER - by) | id;
    if (answers) return look.note0 === asked || look.note1 === asked ? DHT_CONVERSATION : UNDECIDED;
    // Two may be asked before the first is answered.
    look.note1 = look.note0;
    look.note0 = ASKED | by | id;
    return UNDECIDED;
  },
};

function udx(look: Look): Evidence {
  const { bytes, view, start, end, fromOpener } = look;
  if (end - start < UDX_HEADER || bytes[start + 1] !== 1) return UNRELATED;
  const type = bytes[start + 2]!;
  const behind = end - start - UDX_HEADER;
  if (type >= UDX_TYPES || bytes[start + 3]! > behind || (type === 0 && behind > 0)) return UNRELATED;
  if (!look.claim()) return UNRELATED;
  const stream = view.getInt32(start + 4, true) | STREAM;
  // What was asked before is no stream.
  if (look.note0 > 0) look.note0 = look.note1 = 0;
  const own = fromOpener ? look.note0 : look.note1;
  const other = fromOpener ? look.note1 : look.note0;
  if (own === stream && other < 0) return UDX;
  if (fromOpener) look.note0 = stream;
  else look.note1 = stream;
  return UNDECIDED;
}

function isQuestion({ bytes, start, end }: Look): boolean {
  const flags = bytes[start + 1]!;
  if (flags >= 2 * HAS_VALUE) return false;
  const at = start + 10 + keys(flags);
  const command = at < end ? bytes[at]! : 0xff;
  if (command > ((flags & INTERNAL) !== 0 ? MOST_INTERNAL : MOST_COMMAND)) return false;
  return endsWithValue(bytes, at + 1 + ((flags & HAS_TARGET) !== 0 ? KEY : 0), end, flags);
}

function isAnswer({ bytes, start, end }: Look): boolean {
  const flags = bytes[start + 1]!;
  if (flags >= 2 * HAS_VALUE) return false;
  let at = start + 10 + keys(flags);
  if ((flags & HAS_NODES) !== 0) at = at < end ? at + 1 + 6 * bytes[at]! : end + 1;
  if ((flags & HAS_TARGET) !== 0) at++;
  return endsWithValue(bytes, at, end, flags);
}

/** Bytes of the sender's identifier and the token. */
function keys(flags: number): number {
  return ((flags & HAS_ID) !== 0 ? KEY : 0) + ((flags & HAS_TOKEN) !== 0 ? KEY : 0);
}

/** Whether the datagram ends at `at`, or with a value there: its length in one byte, or in two behind FD. */
function endsWithValue(bytes: Uint8Array, at: number, end: number, flags: number): boolean {
  if ((flags & HAS_VALUE) === 0 || at >= end) return at === end && (flags & HAS_VALUE) === 0;
  const first = bytes[at]!;
  if (first < 0xfd) return at + 1 + first === end;
  return first === 0xfd && at + 3 <= end && at + 3 + (bytes[at + 1]! | (bytes[at + 2]! << 8)) === end;
}
