/**
 * Direct Connect: the old text protocol (NMDC) and ADC.
 *
 * Hubs and clients over TLS (adcs, nmdcs) show only their ALPN words, `adc` and `nmdc`, which belong to the reading of TLS;
 * searches over UDP leak beside them.
 * @module
 */
import { ALPN, ALPN_CUT, offersAlpn } from "../../wire/tls_alpn.ts";
import {
  CERTAIN,
  type Classifier,
  CONFIRMED,
  type Evidence,
  evidence,
  type Look,
  STRONG,
  UNDECIDED,
  UNRELATED,
} from "../classifier.ts";
import { isAction, isAdcCommand, isCommandPair, isOwnCommand } from "./commands.ts";
import { classifyDirectConnectUdp } from "./udp.ts";
import { readEndpoint } from "../endpoint_text.ts";
import { compare, CUT, isBase32, isDigit, literal, SAME, seek, seekByte } from "../literal.ts";

const LOCK = evidence("nmdc-lock", CERTAIN, "$Lock … Pk=… | at the start (NMDC; captured); odds 2^-80");
const PEER = evidence("nmdc-peer", CERTAIN, "$MyNick … | and $Lock at the start (NMDC; captured); odds 2^-112");
const CONVERSATION = evidence(
  "nmdc-conversation",
  CERTAIN,
  "$Lock on one side, $Supports, $Key, $ValidateNick or $MyNick on the other (NMDC); odds 2^-70",
);
const COMMAND = evidence(
  "nmdc-command",
  CERTAIN,
  "$MyINFO $ALL, $ADCGET, $ADCSND, $ConnectToMe or $Search with an address, $Search Hub: with its flags, $SA or $SP with a " +
    "hash in base32, $Direction with a number, at a segment's start (NMDC; captured); odds 2^-64",
);
const COMMANDS = evidence(
  "nmdc-commands",
  STRONG,
  "Two commands of NMDC in a row, each $, a known word, a space or |, the first ended by | (NMDC); odds 2^-60, but text",
);
const ADC_HUB = evidence(
  "adc-hub",
  CERTAIN,
  "HSUP AD or ISUP AD and a feature name at the start (ADC 1.0); odds 2^-70",
);
const ADC_PEER = evidence("adc-peer", CERTAIN, "CSUP AD and a feature name at the start (ADC 1.0); odds 2^-70");
const ADC_COMMAND = evidence(
  "adc-command",
  STRONG,
  "BINF or BSCH with a session identifier and a field, two session identifiers, a file's or a client's hash in base32, or two " +
    "commands in a row with a session identifier, at a segment's start (ADC 1.0); odds 2^-60, but text",
);

const DOLLAR = 0x24;
const PIPE = 0x7c;
const SPACE = 0x20;
const LOCK_WORD = literal("$Lock ");
const PUBLIC_KEY = literal(" Pk=");
const MY_NICK = literal("$MyNick ");
const SUPPORTS = literal("$Supports ");
const KEY = literal("$Key ");
const VALIDATE = literal("$ValidateNick ");
const MY_INFO = literal("$MyINFO $ALL ");
const ADC_GET = literal("$ADCGET ");
const ADC_SEND = literal("$ADCSND ");
const CONNECT_TO_ME = literal("$ConnectToMe ");
const INVITATION = literal("CTM ");
const TLS_OFFER = evidence(
  "tls-alpn",
  CERTAIN,
  "A TLS hello that offers adc or nmdc as the application protocol (ADC extensions; ncdc, captured); odds 2^-56 behind a whole hello",
);

/** Application protocols of hubs and clients in TLS. */
const OFFERS: readonly Uint8Array[] = [literal("adc"), literal("nmdc")];
const SEARCH = literal("$Search ");
const HSUP = literal("HSUP AD");
const ISUP = literal("ISUP AD");
const CSUP = literal("CSUP AD");
const BINF = literal("BINF ");
const BSCH = literal("BSCH ");
/** `$Loc`, as {@link Look.otherFirst} has it. */
const OTHER_LOCK = 0x244c6f63;
/** Longest greeting waited for. */
const LONGEST = 1024;

/** Recognises hubs, clients and searches of both protocols. */
export const directconnect: Classifier = {
  name: "directconnect",
  title: "Direct Connect (NMDC and ADC)",
  mappings: ["DC++", "AirDC++", "ApexDC++", "EiskaltDC++", "FlylinkDC++", "StrongDC++"],
  tcp: true,
  udp: true,
  least: 4,
  // 16 is TLS, which may offer either; $ is NMDC; B to F, H and I begin ADC commands over TCP, U those over UDP.
  first: [0x16, 0x24, 0x42, 0x43, 0x44, 0x45, 0x46, 0x48, 0x49, 0x55],
  midstream: true,
  classify(look: Look): Evidence {
    if (!look.tcp) return classifyDirectConnectUdp(look);
    return look.first ? greeting(look) : command(look, look.fresh);
  },
};

function greeting(look: Look): Evidence {
  const bytes = look.bytes;
  const at = look.start;
  const end = look.end;
  switch (bytes[at]) {
    case DOLLAR:
      return nmdc(look, at, end);
    case 0x48:
      return greetingOr(look, supports(look, HSUP, ADC_HUB));
    case 0x49:
      return greetingOr(look, supports(look, ISUP, ADC_HUB));
    case 0x43:
      return greetingOr(look, supports(look, CSUP, ADC_PEER));
    case 0x42:
    case 0x44:
    case 0x45:
    case 0x46:
      // A session that was picked up in the middle; mail's EHLO and the like is none.
      if (end - at > 4 && !isAction(bytes, at, end)) return UNRELATED;
      return look.nth === 1 ? command(look, at) : command(look, look.fresh);
    case 0x16: {
      if (!look.fromOpener) return UNRELATED;
      const offer = offersAlpn(bytes, at, end, OFFERS);
      return offer === ALPN ? TLS_OFFER : offer === ALPN_CUT && look.nth < 4 ? UNDECIDED : UNRELATED;
    }
    default:
      // The other side may still greet; text before a hub's $Lock is chat.
      return look.otherNth === 0 ? UNDECIDED : UNRELATED;
  }
}

/** What a stream's start says; where that is no greeting, it may be the middle of a session. */
function greetingOr(look: Look, answer: Evidence): Evidence {
  return answer === UNRELATED && look.nth === 1 && isAdcCommand(look.bytes, look.start, look.end)
    ? ADC_COMMAND
    : answer;
}

function nmdc(look: Look, at: number, end: number): Evidence {
  const bytes = look.bytes;
  const lock = compare(bytes, at, end, LOCK_WORD);
  if (lock === CUT) return UNDECIDED;
  if (lock === SAME) {
    const pipe = seekByte(bytes, at, end, PIPE);
    const key = seek(bytes, at, pipe < 0 ? end : pipe, PUBLIC_KEY);
    if (pipe < 0) return end - at < LONGEST ? UNDECIDED : UNRELATED;
    if (key > 0) return LOCK;
    if (answersLock(look.otherFirst)) return CONVERSATION;
    return isCommandPair(bytes, at, end) ? COMMANDS : UNDECIDED;
  }
  const nick = compare(bytes, at, end, MY_NICK);
  if (nick === CUT) return UNDECIDED;
  if (nick === SAME) {
    if (look.otherFirst === OTHER_LOCK) return CONVERSATION;
    const pipe = seekByte(bytes, at, end, PIPE);
    if (pipe < 0) return end - at < LONGEST ? UNDECIDED : UNRELATED;
    const next = compare(bytes, pipe + 1, end, LOCK_WORD);
    return next === SAME ? PEER : next === CUT ? UNDECIDED : UNRELATED;
  }
  const word = firstOf(bytes, at, end);
  if (word === CUT) return UNDECIDED;
  if (word === SAME) {
    if (look.otherFirst === OTHER_LOCK) return CONVERSATION;
    return isCommandPair(bytes, at, end) ? COMMANDS : UNDECIDED;
  }
  // Other commands begin with a capital as well: a session that was picked up in the middle.
  if (bytes[at + 1]! < 0x41 || bytes[at + 1]! > 0x5a) return UNRELATED;
  const first = command(look, at);
  return first === UNDECIDED && look.fresh > at ? command(look, look.fresh) : first;
}

/** SAME, CUT or neither for the words with which a client answers `$Lock`. */
function firstOf(bytes: Uint8Array, at: number, end: number): number {
  const supports = compare(bytes, at, end, SUPPORTS);
  const key = compare(bytes, at, end, KEY);
  const validate = compare(bytes, at, end, VALIDATE);
  return Math.max(supports, key, validate);
}

/** `$Sup`, `$Key`, `$Val`, `$MyN`. */
function answersLock(first: number): boolean {
  return first === 0x24537570 || first === 0x244b6579 || first === 0x2456616c || first === 0x244d794e;
}

/** An ADC greeting: the word, then a feature name of a capital and three capitals or digits. */
function supports(look: Look, word: Uint8Array, answer: Evidence): Evidence {
  const bytes = look.bytes;
  const outcome = compare(bytes, look.start, look.end, word);
  if (outcome === CUT) return UNDECIDED;
  if (outcome !== SAME) return UNRELATED;
  const at = look.start + word.length;
  for (let i = at; i < at + 4; i++) {
    if (i >= look.end) return UNDECIDED;
    const byte = bytes[i]!;
    if ((byte < 0x41 || byte > 0x5a) && (i === at || byte < 0x30 || byte > 0x39)) return UNRELATED;
  }
  if (at + 4 >= look.end) return UNDECIDED;
  return bytes[at + 4] === SPACE || bytes[at + 4] === 0x0a ? answer : UNRELATED;
}

/** Commands of a running session, at a segment's start. */
function command(look: Look, at: number): Evidence {
  const bytes = look.bytes;
  const end = look.end;
  if (bytes[at] !== DOLLAR) {
    readInvitation(look, at, end);
    return broadcast(bytes, at, end) || isAdcCommand(bytes, at, end) ? ADC_COMMAND : UNDECIDED;
  }
  const info = compare(bytes, at, end, MY_INFO);
  if (info === SAME) return COMMAND;
  const get = compare(bytes, at, end, ADC_GET);
  const send = compare(bytes, at, end, ADC_SEND);
  if (get === SAME || send === SAME) return COMMAND;
  const connect = compare(bytes, at, end, CONNECT_TO_ME);
  if (connect === SAME) {
    const space = seekByte(bytes, at + CONNECT_TO_ME.length, Math.min(end, at + 128), SPACE);
    if (space <= 0 || readEndpoint(look, space + 1, end, true) <= 0) return UNDECIDED;
    // Its own address, perhaps as the world sees it.
    const { count, words } = look.found;
    if (look.fromClient && count > 0) look.peer(0, 0, 0, 0, words[(count - 1) * 6 + 4]!, CONFIRMED);
    return COMMAND;
  }
  if (compare(bytes, at, end, SEARCH) === SAME && isActiveSearch(look, at + SEARCH.length, end)) return COMMAND;
  if (isOwnCommand(bytes, at, end)) return COMMAND;
  return isCommandPair(bytes, at, end) ? COMMANDS : UNDECIDED;
}

/**
 * `DCTM ABCD EFGH ADCS/0.10 34567 …`: the port at which the client itself waits for the other (ADC 1.0). Of others' invitations
 * the address is not in the message.
 */
function readInvitation(look: Look, at: number, end: number): void {
  const { bytes } = look;
  if (!look.fromClient || compare(bytes, at + 1, end, INVITATION) !== SAME) return;
  let here = seekByte(bytes, at + 15, Math.min(end, at + 40), SPACE) + 1;
  if (here === 0) return;
  let port = 0;
  for (const most = Math.min(end, here + 5); here < most && isDigit(bytes[here]!); here++) {
    port = port * 10 + bytes[here]! - 0x30;
  }
  if (here < end && bytes[here]! <= SPACE && port > 0 && port <= 0xffff) look.peer(0, 0, 0, 0, port, CONFIRMED);
}

/** `198.51.100.7:412 F?`: where answers are to go, whether the size is limited, and more behind a question mark. */
function isActiveSearch(look: Look, at: number, end: number): boolean {
  const bytes = look.bytes;
  const after = readEndpoint(look, at, end, true);
  return after > 0 && after + 4 < end && bytes[after] === SPACE && isFlag(bytes[after + 1]!) &&
    bytes[after + 2] === 0x3f;
}

/** `F` or `T`. */
function isFlag(byte: number): boolean {
  return byte === 0x46 || byte === 0x54;
}

/** `BINF ABCD ID…` and `BSCH ABCD AN…`. */
function broadcast(bytes: Uint8Array, at: number, end: number): boolean {
  if (compare(bytes, at, end, BINF) !== SAME && compare(bytes, at, end, BSCH) !== SAME) return false;
  if (end - at < 13 || bytes[at + 9] !== SPACE || bytes[at + 12]! <= SPACE) return false;
  for (let i = at + 5; i < at + 9; i++) if (!isBase32(bytes[i]!)) return false;
  const first = bytes[at + 10]!;
  const second = bytes[at + 11]!;
  return first >= 0x41 && first <= 0x5a && ((second >= 0x41 && second <= 0x5a) || (second >= 0x30 && second <= 0x39));
}
