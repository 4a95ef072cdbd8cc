/**
 * The shape of BitTorrent's obfuscated handshake (MSE/PE): two flights of 96 to 608 bytes that look like nothing, then one
 * of 56 to 636. Nothing in it can be verified without the key that both sides compute, so the shape alone is weak. Where
 * the peers settle on plain text after it, their handshake shows and is certain.
 *
 * One random flight in 200 has by chance what looks like structure, and a client that tries many peers would get its file
 * through that. One doubtful flight of the three is therefore let pass where something else speaks for BitTorrent.
 *
 * Notes of the flow: `note0` is the lengths of the first two flights, and behind the third what message_lengths.ts keeps
 * there; `note1` the tag, how far it went, and how much structure they had.
 * @module
 */
import {
  besideEvidence,
  type Evidence,
  evidence,
  KNOWN_END,
  KNOWN_ENDPOINT,
  type Look,
  UNDECIDED,
  UNRELATED,
} from "../classifier.ts";
import { DOUBTFUL, HIDDEN, structureOf } from "../encrypted.ts";
import { findOpening, readHash } from "./handshake.ts";
import { DELIVERY_OPTIMIZATION } from "./peer_wire.ts";
import { NOTE_OF_RUNNING, noteOfThird } from "./message_lengths.ts";

/** Three flights fit. */
const MSE: Evidence = evidence(
  "mse",
  1,
  "first flights of both sides 96-608 bytes, then 56-636 from the opener, each without structure (ones per byte, printable " +
    "share and runs, different values): the sizes of MSE; every protocol that is ciphered throughout may look so",
  true,
);
/** The same with one flight that has a trace of structure. */
const MSE_DOUBTFUL: Evidence = besideEvidence(
  "mse",
  "the sizes of MSE, and of three flights one that has a trace of structure, as one random flight in 200 has by chance",
  KNOWN_END,
);
/** The middle of a stream that is nothing but random. */
const MSE_STREAM: Evidence = besideEvidence(
  "mse-stream",
  "256 or more random bytes in one packet of a stream whose start was not seen, both ports 1024 or above: many things look so",
  KNOWN_ENDPOINT,
);
/** The obfuscated handshake settled on plain text. */
const MSE_PLAIN: Evidence = evidence(
  "mse-handshake",
  3,
  'two flights of MSE shape, then 13 "BitTorrent protocol" in the stream (crypto_select 1); odds 2^-150',
);

/** A public key of 768 bits. */
const KEY = 96;
/** Key and longest pad. */
const LONGEST_FLIGHT = KEY + 512;
/** Two hashes and the ciphered constant, choice and lengths. */
const LEAST_THIRD = 56;
/** The same with the longest pad and a peer handshake as first payload. */
const LONGEST_THIRD = LEAST_THIRD + 512 + 68;

/** Fewest bytes of one packet in the middle of a stream that are asked for randomness, and packets of a side that are asked. */
const LEAST_MIDDLE = 256;
const MIDDLE_PACKETS = 16;

/** Messengers hide in well-known ports with ciphers of their own (Telegram at 443); peers are reached at high ones. */
const LEAST_PORT = 1024;

const TAG = 0x4d000000;
/** In `note1` of a flow whose start was not seen. */
const RUNNING_TAG = 0x4e000000;
const TAG_MASK = 0xff000000 | 0;
const FIRST = 1;
const SECOND = 2;
const REPORTED = 3;
/** Above the state in `note1`: the structure of the flights so far, added up. */
const STRUCTURE_SHIFT = 2;

/**
 * Judges the start of a stream as an obfuscated handshake. Where it is none, it is as if nothing had been noted: the first
 * packets that are seen of a running stream may have the sizes of flights.
 */
export function mse(look: Look): Evidence {
  const answer = flights(look);
  if (answer === UNRELATED && look.owned && (look.note1 & TAG_MASK) === TAG) look.note0 = look.note1 = 0;
  return answer;
}

function flights(look: Look): Evidence {
  const { bytes, start, end, fromOpener } = look;
  const size = look.length;
  const note = look.owned && (look.note1 & TAG_MASK) === TAG ? look.note1 : 0;
  const state = note & 3;
  const before = (note & ~TAG_MASK) >>> STRUCTURE_SHIFT;
  if (state === 0) {
    // The opener speaks first, and alone.
    if (!fromOpener || look.otherNth !== 0 || size > LONGEST_FLIGHT || responderPort(look) < LEAST_PORT) {
      return UNRELATED;
    }
    const structure = structureOf(bytes, start, end);
    if (structure > DOUBTFUL) return UNRELATED;
    // Clients write key and pad at once; should a middlebox have split them, the first part is nearly always the larger.
    return size < KEY || take(look, size << 16, FIRST, structure) ? UNDECIDED : UNRELATED;
  }
  if (state === FIRST) {
    if (size > LONGEST_FLIGHT) return UNRELATED;
    if (fromOpener) return look.otherNth === 0 && take(look, size << 16, FIRST, before) ? UNDECIDED : UNRELATED;
    const structure = before + structureOf(bytes, start, end);
    if (structure > DOUBTFUL) return UNRELATED;
    return size < KEY || take(look, look.note0 | size, SECOND, structure) ? UNDECIDED : UNRELATED;
  }
  const opening = findOpening(bytes, Math.max(start, look.fresh - 19), end);
  if (opening >= 0) {
    readHash(look, opening);
    return MSE_PLAIN;
  }
  if (state !== SECOND) return UNDECIDED;
  if (!fromOpener) return size <= LONGEST_FLIGHT ? UNDECIDED : UNRELATED;
  const first = look.note0 >>> 16;
  const third = size - first;
  if (third < LEAST_THIRD) return UNDECIDED;
  if (third > LONGEST_THIRD) return UNRELATED;
  const structure = before + structureOf(bytes, start + first, end);
  if (structure > DOUBTFUL) return UNRELATED;
  const second = look.note0 & 0xffff;
  // Flights in blocks of 16 bytes are a messenger's (MTProto), which has 124 among them.
  const blocks = (((first ^ second) | (first ^ third)) & 15) === 0;
  take(look, blocks ? 0 : noteOfThird(third), REPORTED, structure);
  return structure === HIDDEN ? MSE : MSE_DOUBTFUL;
}

/** Answers for a packet of a stream whose start was not seen. */
export function mseStream(look: Look): Evidence {
  const { bytes, fresh, end } = look;
  if (look.nth > MIDDLE_PACKETS || end - fresh < LEAST_MIDDLE) return UNDECIDED;
  if (look.clientPort < LEAST_PORT || look.peerPort < LEAST_PORT) return UNDECIDED;
  if (look.clientPort === DELIVERY_OPTIMIZATION || look.peerPort === DELIVERY_OPTIMIZATION) return UNDECIDED;
  // Of a handshake that was seen nothing is told by what follows but by lengths.
  if (look.owned && (look.note1 & TAG_MASK) === TAG) return UNDECIDED;
  if (structureOf(bytes, fresh, end) !== HIDDEN) return UNDECIDED;
  if (look.claim() && look.note1 === 0) {
    look.note0 = NOTE_OF_RUNNING;
    look.note1 = RUNNING_TAG;
  }
  return MSE_STREAM;
}

function responderPort(look: Look): number {
  return look.fromClient === look.fromOpener ? look.peerPort : look.clientPort;
}

function take(look: Look, lengths: number, state: number, structure: number): boolean {
  if (!look.claim()) return false;
  look.note0 = lengths;
  look.note1 = TAG | (structure << STRUCTURE_SHIFT) | state;
  return true;
}
