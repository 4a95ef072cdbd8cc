/**
 * Commands of a running Direct Connect session: for streams that were picked up in the middle, or of which one side is seen.
 *
 * NMDC's end with `|`, ADC's with a line feed. One command is text that others could write; two in a row, or one with an
 * identifier that only this network has, are two facts.
 * @module
 */
import { compare, isBase32, isDigit, literal, SAME, seekByte } from "../literal.ts";

const DOLLAR = 0x24;
const PIPE = 0x7c;
const SPACE = 0x20;
const LINE_FEED = 0x0a;
/** Longest command that is looked through for its end. */
const LONGEST = 1024;
/** Length of a session identifier in base32. */
const SESSION = 4;
/** Length of a Tiger hash in base32. */
const HASH = 39;

/** Words of NMDC: what hubs and clients send each other. */
const WORDS: readonly Uint8Array[] = (
  "MyINFO Quit Hello Search SR HubName HubTopic NickList OpList BotList UserIP To: ConnectToMe RevConnectToMe MultiSearch " +
  "Direction ADCGET ADCSND Supports Key Lock MyNick GetNickList Version ValidateNick GetPass MyPass LogedIn GetINFO Get " +
  "FileLength Send MaxedOut Error ZOn BotINFO HubINFO HubIsFull ForceMove UserCommand BadPass ValidateDenide MCTo: NickChange"
).split(" ").map(literal);
/** Commands of ADC, behind the letter that says to whom. */
const ACTIONS: readonly Uint8Array[] = "STA SUP SID INF MSG SCH RES CTM RCM GPA PAS QUI GET GFI SND NAT RNT TCP CMD"
  .split(" ").map(literal);
/** Those that one client sends another by the hub. */
const DIRECT: readonly Uint8Array[] = "STA INF MSG SCH RES CTM RCM NAT RNT".split(" ").map(literal);
const DIRECTION = literal("$Direction ");
const DOWNLOAD = literal("Download ");
const UPLOAD = literal("Upload ");
const GET = literal("$Get ");
const HUB_SEARCH = literal("$Search Hub:");
const FILE_REQUEST: readonly Uint8Array[] = ["CGET file ", "CSND file ", "CGET list ", "CSND list ", "CGET tthl "].map(
  literal,
);
const TREE = literal("TTH/");
const LIST = literal("files.xml");
/** Short searches by hash: for whom answers by UDP, and for whom by the hub. */
const HASH_SEARCH: readonly Uint8Array[] = ["$SA ", "$SP "].map(literal);
const CLIENT_INFO = literal("CINF ID");

/** Length of the word of NMDC at `at`, behind the dollar; 0 where none stands there. */
function wordLength(bytes: Uint8Array, at: number, end: number): number {
  for (let i = 0; i < WORDS.length; i++) {
    const word = WORDS[i]!;
    const after = at + word.length;
    if (after < end && compare(bytes, at, end, word) === SAME && (bytes[after] === SPACE || bytes[after] === PIPE)) {
      return word.length;
    }
  }
  return 0;
}

/** True where two commands of NMDC follow each other. */
export function isCommandPair(bytes: Uint8Array, at: number, end: number): boolean {
  if (bytes[at] !== DOLLAR || wordLength(bytes, at + 1, end) === 0) return false;
  const pipe = seekByte(bytes, at, Math.min(end, at + LONGEST), PIPE);
  return pipe > 0 && pipe + 1 < end && bytes[pipe + 1] === DOLLAR && wordLength(bytes, pipe + 2, end) > 0;
}

/** True for a command of NMDC that its own form proves: a draw for the direction, a search by nick or hash, an old request. */
export function isOwnCommand(bytes: Uint8Array, at: number, end: number): boolean {
  for (let i = 0; i < HASH_SEARCH.length; i++) {
    if (compare(bytes, at, end, HASH_SEARCH[i]!) === SAME) return isCode(bytes, at + HASH_SEARCH[i]!.length, end, HASH);
  }
  if (compare(bytes, at, end, DIRECTION) === SAME) {
    const way = at + DIRECTION.length;
    const down = compare(bytes, way, end, DOWNLOAD) === SAME;
    if (!down && compare(bytes, way, end, UPLOAD) !== SAME) return false;
    return endsInNumber(bytes, way + (down ? DOWNLOAD : UPLOAD).length, end);
  }
  if (compare(bytes, at, end, HUB_SEARCH) === SAME) {
    const space = seekByte(bytes, at + HUB_SEARCH.length, Math.min(end, at + 128), SPACE);
    return space > 0 && space + 4 < end && (bytes[space + 1] === 0x46 || bytes[space + 1] === 0x54) &&
      bytes[space + 2] === 0x3f && (bytes[space + 3] === 0x46 || bytes[space + 3] === 0x54) &&
      bytes[space + 4] === 0x3f;
  }
  if (compare(bytes, at, end, GET) !== SAME) return false;
  const mark = seekByte(bytes, at + GET.length, Math.min(end, at + LONGEST), DOLLAR);
  return mark > 0 && endsInNumber(bytes, mark + 1, end);
}

/** Digits up to a `|`. */
function endsInNumber(bytes: Uint8Array, from: number, end: number): boolean {
  let at = from;
  while (at < end && isDigit(bytes[at]!)) at++;
  return at > from && at < end && bytes[at] === PIPE;
}

/** A command of ADC at `at`: letter, action, space. */
export function isAction(bytes: Uint8Array, at: number, end: number): boolean {
  if (at + 5 > end || bytes[at + 4] !== SPACE || !isAddressee(bytes[at]!)) return false;
  for (let i = 0; i < ACTIONS.length; i++) if (compare(bytes, at + 1, end, ACTIONS[i]!) === SAME) return true;
  return false;
}

/** B to all, C to a client, D and E to one, F to those with a feature, H to the hub, I from the hub. */
function isAddressee(byte: number): boolean {
  return (byte >= 0x42 && byte <= 0x46) || byte === 0x48 || byte === 0x49;
}

/** True where ADC's commands begin: two in a row, one of them with a session identifier, or one with session identifiers, a file's hash or a client's identifier. */
export function isAdcCommand(bytes: Uint8Array, at: number, end: number): boolean {
  for (let i = 0; i < FILE_REQUEST.length; i++) {
    const word = FILE_REQUEST[i]!;
    if (compare(bytes, at, end, word) !== SAME) continue;
    const what = at + word.length;
    if (compare(bytes, what, end, TREE) === SAME) return isCode(bytes, what + TREE.length, end, HASH);
    // A list may be asked for by a folder, too.
    return compare(bytes, what, end, LIST) === SAME || (bytes[at + 5] === 0x6c && what < end && bytes[what] === 0x2f);
  }
  if (compare(bytes, at, end, CLIENT_INFO) === SAME) return isCode(bytes, at + CLIENT_INFO.length, end, HASH);
  if (!isAction(bytes, at, end)) return false;
  const to = bytes[at]!;
  if ((to === 0x44 || to === 0x45) && isCode(bytes, at + 5, end, SESSION) && isCode(bytes, at + 10, end, SESSION)) {
    for (let i = 0; i < DIRECT.length; i++) if (compare(bytes, at + 1, end, DIRECT[i]!) === SAME) return true;
  }
  // Redis has an HGET as well: a session identifier must stand in one of the two.
  const line = seekByte(bytes, at, Math.min(end, at + LONGEST), LINE_FEED);
  return line > 0 && isAction(bytes, line + 1, end) &&
    (isFromSession(bytes, at, end) || isFromSession(bytes, line + 1, end));
}

/** A command that names its sender's session. */
function isFromSession(bytes: Uint8Array, at: number, end: number): boolean {
  const to = bytes[at]!;
  return (to === 0x42 || (to >= 0x44 && to <= 0x46)) && isCode(bytes, at + 5, end, SESSION);
}

/** `length` letters of base32 and white space behind them. */
function isCode(bytes: Uint8Array, at: number, end: number, length: number): boolean {
  const after = at + length;
  if (after >= end || (bytes[after] !== SPACE && bytes[after] !== LINE_FEED)) return false;
  for (let i = at; i < after; i++) if (!isBase32(bytes[i]!)) return false;
  return true;
}
