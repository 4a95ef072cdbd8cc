/**
 * Soulseek: the login to its server, and the greetings between peers.
 *
 * Everything is little-endian and length-prefixed, as in many protocols: a small length and a small code prove nothing
 * (engines with such rules met game protocols, remote consoles and databases). So every inner length must fit.
 * Source: Nicotine+'s protocol description.
 * @module
 */
import {
  CERTAIN,
  type Classifier,
  type Evidence,
  evidence,
  type Look,
  UNDECIDED,
  UNRELATED,
  WEAK,
} from "../classifier.ts";
import { isRunning, loginAnswer, NO_MESSAGE, WHOLE_MESSAGE } from "./server.ts";
import { isZlibHead } from "../literal.ts";
import { INIT_GREETING, LARGEST_MESSAGE, NO_GREETING, obfuscatedGreeting, PIERCE_GREETING } from "./obfuscated.ts";

const LOGIN = evidence(
  "server-login",
  CERTAIN,
  "Length, code 1, name, password, version below 2000, 32 lower-case hex digits, minor version: lengths chain to the end " +
    "(Nicotine+); odds 2^-200",
);
const LOGIN_ANSWER = evidence(
  "server-answer",
  CERTAIN,
  "Length, code 1, then 1, greeting, address and 32 lower-case hex digits whose lengths chain to the end, or 0 and a reason " +
    "that begins INVALID (Nicotine+); odds below 2^-100",
);
const RUNNING = evidence(
  "server-message",
  CERTAIN,
  "A whole message at a segment's start: code 18 with name, type P, F or D, address and port, or a distributed search " +
    "with 31000000, name and words; lengths add up (Nicotine+); odds below 2^-100",
);
const PEER_INIT = evidence(
  "peer-init",
  CERTAIN,
  "Length = name + 14, code 1, name length fits, type length 1, type P, F or D, token (Nicotine+); odds 2^-90",
);
const PIERCED = evidence(
  "peer-conversation",
  CERTAIN,
  "05000000 00 and a token in 9 bytes, then a peer message of known code whose fields fill it or begin as theirs do (Nicotine+); odds 2^-90",
);
const PIERCE = evidence(
  "pierce-firewall",
  WEAK,
  "05000000 00 and a token, 9 bytes in all (Nicotine+); odds 2^-40, but a shape that other little-endian protocols have",
);
const OBFUSCATED_INIT = evidence(
  "obfuscated-peer-init",
  CERTAIN,
  "Under the key in front: length = name + 14, code 1, name length, type (aioslsk); odds 2^-100",
);
const OBFUSCATED_PIERCE = evidence(
  "obfuscated-pierce",
  CERTAIN,
  "13 bytes, perhaps a message of known code behind; under the key in front: length 5 and code 0 (aioslsk); odds 2^-40",
);

/** Longest message that is waited for: a path or two. */
const LONGEST_MESSAGE = 2048;
/** Longest name and password that are waited for, in bytes. */
const LONGEST = 256;
/** Longest answer of the server to a login: it may greet with a page of text. */
const LONGEST_ANSWER = 4096;
/** In `note0`: the other side sent a pierced firewall, 05000000 00 and a token. */
const OTHER_PIERCE = 0x05000000;

/** Recognises logins, peer greetings plain and obfuscated, and what follows a pierced firewall. */
export const soulseek: Classifier = {
  name: "soulseek",
  title: "Soulseek",
  mappings: ["NicotinePlus", "Nicotine+", "SoulseekQt"],
  tcp: true,
  udp: false,
  least: 8,
  // Lengths come first, and obfuscated messages begin with a random key.
  first: "any",
  // The session with the server lasts for days.
  midstream: true,
  classify(look: Look): Evidence {
    const { view, start: at, end } = look;
    if (!look.first) return isRunning(view, look.bytes, look.fresh, end) ? RUNNING : UNDECIDED;
    const length = view.getUint32(at, true);
    if (end - at >= 9 && look.bytes[at + 4] === 0 && length === 5) return pierced(look, at + 9, end);
    // A peer's answer to a pierced firewall is a message at once.
    if (look.otherLength === 9 && look.owned && look.note0 === OTHER_PIERCE) return peerMessage(look, at, end);
    if (look.bytes[at + 4] === 1 && length < LONGEST_ANSWER) {
      const plain = length < 15 || length > 134 ? UNRELATED : init(look, at, end, length);
      if (plain !== UNRELATED) return plain;
      const login = length < 50 || length > 3 * LONGEST ? UNRELATED : logIn(look, at, end, length);
      if (login !== UNRELATED) return login;
      const answered = loginAnswer(view, look.bytes, at, end);
      if (answered !== NO_MESSAGE) return answered === WHOLE_MESSAGE ? LOGIN_ANSWER : UNDECIDED;
    }
    // A capture may begin in the middle of a session and not tell.
    if (look.nth === 1 && isRunning(view, look.bytes, at, end)) return RUNNING;
    return obfuscated(look, at, end);
  },
};

/** PeerInit: name, type, token; nothing else. */
function init(look: Look, at: number, end: number, length: number): Evidence {
  const { view, bytes } = look;
  if (end - at < 9) return UNDECIDED;
  if (view.getUint32(at + 5, true) !== length - 14) return UNRELATED;
  const type = at + 9 + length - 14;
  if (end < type + 5) return UNDECIDED;
  if (view.getUint32(type, true) !== 1) return UNRELATED;
  const letter = bytes[type + 4];
  return letter === 0x50 || letter === 0x46 || letter === 0x44 ? PEER_INIT : UNRELATED;
}

/** Login: name, password, version, MD5 of both in hex, minor version; the lengths must add up. */
function logIn(look: Look, at: number, end: number, length: number): Evidence {
  const { view, bytes } = look;
  if (end - at < 12) return bytes[at + 5] === 0 && bytes[at + 6] === 0 && bytes[at + 7] === 0 ? UNDECIDED : UNRELATED;
  if (view.getUint32(at + 4, true) !== 1) return UNRELATED;
  const name = view.getUint32(at + 8, true);
  if (name === 0 || name > LONGEST) return UNRELATED;
  const password = at + 12 + name;
  if (end < password + 4) return UNDECIDED;
  const secret = view.getUint32(password, true);
  // 4 code, 4 + name, 4 + password, 4 version, 4 + 32 digest, 4 minor version.
  if (secret > LONGEST || length !== name + secret + 56) return UNRELATED;
  // The lengths agree; a cut capture shows no more.
  if (look.length > end - at) return LOGIN;
  const version = password + 4 + secret;
  if (end < version + 40) return UNDECIDED;
  if (view.getUint32(version, true) >= 2000 || view.getUint32(version + 4, true) !== 32) return UNRELATED;
  for (let i = version + 8; i < version + 40; i++) {
    const byte = bytes[i]!;
    if ((byte < 0x30 || byte > 0x39) && (byte < 0x61 || byte > 0x66)) return UNRELATED;
  }
  return LOGIN;
}

/** After PierceFirewall: nothing yet, or this side's first peer message. */
function pierced(look: Look, at: number, end: number): Evidence {
  if (at !== end) return peerMessage(look, at, end);
  if (look.claim()) look.note0 = OTHER_PIERCE;
  return PIERCE;
}

/** A peer message of known code at `at`, whose length fits what its code allows. */
function peerMessage(look: Look, at: number, end: number): Evidence {
  if (end - at < 8) return UNDECIDED;
  const length = look.view.getUint32(at, true);
  switch (look.view.getUint32(at + 4, true)) {
    case 4: // asks for all shares
    case 15: // asks about the user
    case 52: // upload queue notification
      return length === 4 ? PIERCED : UNRELATED;
    case 36: // asks for a folder
    case 40: // transfer request
    case 41: // transfer answer
    case 43: // queue upload
    case 44: // place in queue
    case 46: // upload failed
    case 50: // upload denied
    case 51: // asks for place in queue
      // Short ones come whole before they count.
      if (length < 8 || length > LONGEST_MESSAGE) return UNRELATED;
      return end - at < 4 + length ? UNDECIDED : isPeerBody(look, at, length) ? PIERCED : UNRELATED;
    case 5: // shares, deflated as the next two
    case 9: // search result
    case 37: // folder
      if (length < 16 || length > LARGEST_MESSAGE) return UNRELATED;
      if (end - at < 10) return UNDECIDED;
      return isZlibHead(look.bytes, at + 8) ? PIERCED : UNRELATED;
    case 16: // user info
      if (length < 22 || length > LARGEST_MESSAGE) return UNRELATED;
      return end - at < 12 ? UNDECIDED : look.view.getUint32(at + 8, true) <= length - 22 ? PIERCED : UNRELATED;
    default:
      return UNRELATED;
  }
}

/** The fields behind a code fill the message of `length` bytes behind `at + 4`, all of them there. */
function isPeerBody(look: Look, at: number, length: number): boolean {
  const { view } = look;
  const size = (from: number) => from <= length ? view.getUint32(at + from, true) : -1;
  switch (view.getUint32(at + 4, true)) {
    case 36: // token, folder
      return size(12) === length - 12;
    case 40: // direction, token, path, eight bytes of size where it is an upload
      return view.getUint32(at + 8, true) <= 1 && (size(16) === length - 16 || size(16) === length - 24);
    case 41: // token, yes or no, size or a reason
      return length >= 9 && view.getUint8(at + 12) <= 1;
    case 44: // path, place
      return size(8) === length - 12;
    case 50: // path, reason
      return size(8) >= 0 && size(8) <= length - 12 && size(12 + size(8)) === length - 12 - size(8);
    default: // path
      return size(8) === length - 8;
  }
}

function obfuscated(look: Look, at: number, end: number): Evidence {
  if (end - at < 13) return UNDECIDED;
  const greeting = obfuscatedGreeting(look.view, at, end);
  if (greeting === INIT_GREETING) return OBFUSCATED_INIT;
  if (greeting === PIERCE_GREETING) return OBFUSCATED_PIERCE;
  return greeting === NO_GREETING ? UNRELATED : UNDECIDED;
}
