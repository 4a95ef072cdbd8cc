/**
 * Napster and OpenNAP: logins to a server, and transfers between peers (WinMX's too).
 *
 * A frame to or from a server is length and type as little-endian 16-bit words, then that many bytes of text
 * (drscholl's napster.txt; captures of mldonkey).
 * @module
 */
import {
  CERTAIN,
  type Classifier,
  type Evidence,
  evidence,
  type Look,
  STRONG,
  UNDECIDED,
  UNRELATED,
} from "../classifier.ts";

const LOGIN: Evidence = evidence(
  "login",
  CERTAIN,
  "A frame of type 2 or 6 whose length fits and whose text is: nick, password, port, quoted program, link type (napster.txt; captures of mldonkey); below 2^-60",
);
const LOGIN_ANSWER: Evidence = evidence(
  "login-answer",
  CERTAIN,
  "A frame of type 2 or 6 with printable text from the opener, answered with a frame of type 3 that holds an e-mail address; below 2^-60",
);
const LOGIN_REFUSED: Evidence = evidence(
  "login-refused",
  STRONG,
  "A frame of type 2 or 6 with printable text from the opener, answered with a frame of type 0 (error) or 621 (message of the day) with printable text",
);
const NICK_CHECK: Evidence = evidence(
  "nick-check",
  STRONG,
  "A frame of type 7 with one word of printable text, answered with an empty frame of type 8, 9 or 10 (free, taken, invalid); below " +
    "2^-60, but a short dialogue that others could have",
);
const TRANSFER: Evidence = evidence(
  "transfer",
  CERTAIN,
  "The responder greets with the single byte 31, the opener asks GET or SEND, nick, quoted file name, number without a space behind the word (napster.txt, ipp2p, nDPI; captures of mldonkey); HTTP has a space there and no such greeting",
);

const TRANSFER_REQUEST: Evidence = evidence(
  "transfer-request",
  STRONG,
  "GET or SEND with a nick right behind it, a quoted file name and a number at the opener's start; the greeting was not seen (napster.txt)",
);
const SERVER_FRAMES: Evidence = evidence(
  "server-frames",
  STRONG,
  "The responder's stream begins with three frames of text whose lengths fit, of types that servers send, the first an " +
    "acknowledged login, a message of the day or an error (napster.txt); below 2^-90",
);

const LOGIN_TYPE = 2;
const NEW_USER_TYPE = 6;
const NICK_TYPE = 7;
const ACK_TYPE = 3;
const ERROR_TYPE = 0;
const MESSAGE_TYPE = 621;
const FRAME_HEAD = 4;
/** Longest login text: napster.txt knows none; real ones are below 200 bytes. */
const LOGIN_MOST = 512;
const WORD_MOST = 32;
const FILE_MOST = 512;
/** Frames of the opener that are read: a nick check may come before the login. */
const FRAMES_MOST = 3;
const ONE = 0x31;
const ONE_WORD = 0x31000000;
/** note0: the opener asked for a transfer before the responder's greeting was seen. */
const ASKED = 1;

/** Napster and OpenNAP. */
export const opennap: Classifier = {
  name: "opennap",
  title: "OpenNAP (Napster)",
  // As ftwall 2 did: nothing else stops its TCP, which takes any port.
  action: "lock",
  require: "certain",
  // The providers of server lists. Not napster.com: today that is a streaming service of the same name.
  names: ["*.napigator.com", "*.gotnap.com"],
  tcp: true,
  udp: false,
  least: 1,
  blocksPeers: true,
  first: "any",
  classify(look: Look): Evidence {
    if (!look.tcp || !look.first) return UNRELATED;
    return look.fromOpener ? classifyOpener(look) : classifyResponder(look);
  },
};

function classifyOpener(look: Look): Evidence {
  const { bytes, start, end } = look;
  const first = bytes[start];
  if (first === 0x47 || first === 0x53) {
    const answer = classifyTransfer(look);
    // A frame may begin with these letters too: 71 and 83 bytes of text.
    if (answer !== UNRELATED) return answer;
  }
  let at = start;
  for (let frame = 0; frame < FRAMES_MOST; frame++) {
    if (end - at < FRAME_HEAD) {
      // The last byte of a type word is 0, the one before it one of three: what can be seen of them must fit.
      return end - at === 3 && !isOpenerType(bytes[at + 2]!) ? UNRELATED : UNDECIDED;
    }
    const length = bytes[at]! | bytes[at + 1]! << 8;
    const type = bytes[at + 2]! | bytes[at + 3]! << 8;
    if (!isOpenerType(type)) return frame === 0 ? UNRELATED : UNDECIDED;
    const text = at + FRAME_HEAD;
    const next = text + length;
    if (length === 0 || length > (type === NICK_TYPE ? WORD_MOST : LOGIN_MOST)) return UNRELATED;
    if (!isPrintable(bytes, text, Math.min(next, end))) return UNRELATED;
    if (next > end) return UNDECIDED;
    if (type !== NICK_TYPE) return isLogin(bytes, text, next) ? LOGIN : UNDECIDED;
    if (wordEnd(bytes, text, next) !== next) return UNRELATED;
    at = next;
  }
  return UNDECIDED;
}

function isOpenerType(type: number): boolean {
  return type === LOGIN_TYPE || type === NEW_USER_TYPE || type === NICK_TYPE;
}

/** `nick pass port "program" link`, and for new users more behind it. */
function isLogin(bytes: Uint8Array, from: number, to: number): boolean {
  let at = wordEnd(bytes, from, to);
  if (at === from || at >= to || bytes[at] !== 0x20) return false;
  const password = at + 1;
  at = wordEnd(bytes, password, to);
  if (at === password || at >= to || bytes[at] !== 0x20) return false;
  const port = at + 1;
  at = digitsEnd(bytes, port, to);
  if (at === port || at - port > 5 || at + 1 >= to || bytes[at] !== 0x20 || bytes[at + 1] !== 0x22) return false;
  const program = at + 2;
  at = program;
  while (at < to && bytes[at] !== 0x22) at++;
  if (at === program || at - program > 60 || at + 2 >= to || bytes[at + 1] !== 0x20) return false;
  const link = at + 2;
  at = digitsEnd(bytes, link, to);
  const linkType = at - link;
  if (linkType !== 1 && !(linkType === 2 && bytes[link] === 0x31 && bytes[link + 1] === 0x30)) return false;
  return at === to || bytes[at] === 0x20;
}

/** `GETnick "file" offset` or `SENDnick "file" size`; the word may come in a segment of its own. */
function classifyTransfer(look: Look): Evidence {
  const { bytes, start, end } = look;
  const greeted = look.otherFirst === ONE_WORD && look.otherLength === 1;
  if (!greeted && look.otherNth > 0) return UNRELATED;
  const get = bytes[start] === 0x47;
  const word = get ? GET_WORD : SEND_WORD;
  for (let i = 1; i < word.length; i++) {
    if (start + i === end) return UNDECIDED;
    if (bytes[start + i] !== word[i]) return UNRELATED;
  }
  const nick = start + word.length;
  if (nick === end) return UNDECIDED;
  // HTTP's GET is followed by a space; a path or a URL is no nick either.
  if (bytes[nick] === 0x2f) return UNRELATED;
  let at = wordEnd(bytes, nick, end);
  if (at === end) return UNDECIDED;
  if (at === nick || bytes[at] !== 0x20 || isScheme(bytes, nick, at)) return UNRELATED;
  if (++at === end) return UNDECIDED;
  if (bytes[at] !== 0x22) return UNRELATED;
  const file = ++at;
  while (at < end && bytes[at]! >= 0x20 && bytes[at] !== 0x22) at++;
  if (at - file > FILE_MOST || at < end && (at === file || bytes[at] !== 0x22)) return UNRELATED;
  if (at + 2 >= end) return at + 1 < end && bytes[at + 1] !== 0x20 ? UNRELATED : UNDECIDED;
  if (bytes[at + 1] !== 0x20 || digitsEnd(bytes, at + 2, end) === at + 2) return UNRELATED;
  if (greeted) return TRANSFER;
  // Some clients do not wait for the greeting: with it, should it come, this is certain.
  if (look.claim()) look.note0 = ASKED;
  return TRANSFER_REQUEST;
}

function classifyResponder(look: Look): Evidence {
  const { bytes, start, end } = look;
  if (bytes[start] === ONE && look.ownLength === 1) {
    return look.owned && look.note0 === ASKED ? TRANSFER : UNDECIDED;
  }
  // Answers count behind a frame that fitted the opener's first segment.
  const asked = look.otherFirst >>> 24 | look.otherFirst >>> 8 & 0xff00;
  const askedType = look.otherFirst >>> 8 & 0xff | look.otherFirst << 8 & 0xff00;
  if (look.otherNth === 0) return serverFrames(bytes, start, end);
  const split = look.otherLength < FRAME_HEAD;
  if (!split && !isOpenerType(askedType)) return UNRELATED;
  if (split || asked + FRAME_HEAD > look.otherLength) return UNDECIDED;
  if (end - start < FRAME_HEAD) return UNDECIDED;
  const length = bytes[start]! | bytes[start + 1]! << 8;
  const type = bytes[start + 2]! | bytes[start + 3]! << 8;
  if (askedType === NICK_TYPE) {
    return length === 0 && type >= 8 && type <= 10 ? NICK_CHECK : UNRELATED;
  }
  if (type !== ACK_TYPE && type !== ERROR_TYPE && type !== MESSAGE_TYPE || length === 0 || length > LOGIN_MOST) {
    return UNRELATED;
  }
  const text = start + FRAME_HEAD;
  if (!isPrintable(bytes, text, Math.min(text + length, end))) return UNRELATED;
  if (text + length > end) return UNDECIDED;
  if (type !== ACK_TYPE) return LOGIN_REFUSED;
  for (let at = text + 1; at < text + length - 1; at++) if (bytes[at] === 0x40) return LOGIN_ANSWER;
  return UNRELATED;
}

/** A server of which the client's side is not seen. */
function serverFrames(bytes: Uint8Array, start: number, end: number): Evidence {
  let at = start;
  for (let frame = 0; frame < SERVER_FRAMES_LEAST; frame++) {
    if (end - at < FRAME_HEAD) return UNDECIDED;
    const length = bytes[at]! | bytes[at + 1]! << 8;
    const type = bytes[at + 2]! | bytes[at + 3]! << 8;
    const text = at + FRAME_HEAD;
    const fits = frame === 0
      ? length > 0 && (type === ACK_TYPE || type === MESSAGE_TYPE || type === ERROR_TYPE)
      : length > 0 && SERVER_TYPES.includes(type);
    if (!fits || length > LOGIN_MOST || !isPrintable(bytes, text, Math.min(text + length, end))) return UNRELATED;
    at = text + length;
  }
  return at <= end ? SERVER_FRAMES : UNDECIDED;
}

const SERVER_FRAMES_LEAST = 3;
/** Error, login, motd and what servers send with it: statistics, channels, hot list, admins' texts. */
const SERVER_TYPES: readonly number[] = [0, 3, 201, 202, 209, 210, 214, 403, 404, 405, 618, 621, 627, 628, 748];
const GET_WORD = [0x47, 0x45, 0x54] as const;
const SEND_WORD = [0x53, 0x45, 0x4e, 0x44] as const;

/** One past the word (`!` to `~`) at `at`, or past as much of it as a word may have. */
function wordEnd(bytes: Uint8Array, at: number, to: number): number {
  const stop = Math.min(to, at + WORD_MOST);
  while (at < stop && bytes[at]! > 0x20 && bytes[at]! < 0x7f) at++;
  return at;
}

function digitsEnd(bytes: Uint8Array, at: number, to: number): number {
  while (at < to && bytes[at]! >= 0x30 && bytes[at]! <= 0x39) at++;
  return at;
}

/** Text as old clients wrote it: no control bytes, the high half may be anything. */
function isPrintable(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (bytes[at]! < 0x20 || bytes[at] === 0x7f) return false;
  return true;
}

/** True where `from … to` holds a URL's `://`. */
function isScheme(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at + 2 < to; at++) {
    if (bytes[at] === 0x3a && bytes[at + 1] === 0x2f && bytes[at + 2] === 0x2f) return true;
  }
  return false;
}
