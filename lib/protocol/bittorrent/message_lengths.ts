/**
 * BitTorrent by the lengths of its messages (BEP 3), which RC4 leaves as they are: interested and its like have 5 bytes, have
 * 9, a piece's head 13, a request 17. All obfuscated clients show the handshake of 68 bytes in one of two ways: alone behind
 * the third flight (libtorrent, WebTorrent, aria2), or inside it, which then has 124 (Transmission, rTorrent).
 *
 * Measured with libtorrent 2.0.8, Transmission 3.00, rTorrent 0.9.8, aria2 1.36 and WebTorrent: of 185 obfuscated handshakes
 * that were completed each ended in one of these two ways. Of 216 flows through shadowsocks-libev 3.3.5, v2ray 4.34
 * (VMess) and obfs4proxy 0.0.14 none did, and no packet was below 18 bytes.
 */
import { type Evidence, evidence, STRONG } from "../classifier.ts";
import {
  countAt,
  counted,
  type Fit,
  type LengthRule,
  type Said,
  SAYS_HANDSHAKE,
  SAYS_LITTLE,
  SAYS_MESSAGE,
  SAYS_NOTHING,
  SAYS_PROTOCOL,
} from "../message_lengths.ts";

/** Messages through an obfuscated connection. */
const MSE_MESSAGES: Evidence = evidence(
  "mse-messages",
  STRONG,
  "the sizes of MSE, then packets of 5, 9, 13 or 17 bytes, three with the handshake's 68 or 124 bytes, else five of two kinds " +
    "(six where the start was not seen), most of those below 18 bytes, from a side that sends no long ones: BitTorrent's " +
    "messages under RC4; a cipher with a tag of 16 bytes has none of them, of flows of random short packets one in 1,000 fits",
  true,
);

/** Blocks of a file through such a connection. */
const MSE_BLOCKS: Evidence = evidence(
  "mse-blocks",
  STRONG,
  "the sizes of MSE or a random stream, then packets below 1100 bytes of the side that sends long ones, three of which end a " +
    "multiple of 16397 bytes behind the one before (one of 13 bytes behind another counts twice), four others take one of them back: BitTorrent's pieces, 16384 bytes behind " +
    "13; by chance one packet in 2^38 is such a third, and no other program is known to write so",
  true,
);

/** Packets of this length and more may be parts of a long message: behind them a short one may be its end. */
const LONG = 1100;
/** What no cipher with a tag and a length sends alone. */
const LONGEST_SHORT = 17;
/** An empty message; also what acknowledges a message of a messenger's (MTProto): says nothing. */
const KEEP_ALIVE = 4;
const HAVE = 9;
const REQUEST = 17;
const HANDSHAKE = 68;
/** Hashes, cipher choice and lengths, and the handshake behind them. */
const THIRD_WITH_HANDSHAKE = 124;
/** Least answer to the third flight. */
const LEAST_ANSWER = 14;

// The note, of which eDonkey's lengths have the bits from 23 on: messages, at most 7,
const MESSAGES_SHIFT = 0;
/** kinds of messages, a bit for each of {@link kindOf}, */
const KINDS_SHIFT = 3;
/** other short packets, at most 7, */
const OTHERS_SHIFT = 7;
/** sides that sent a long packet, */
const OPENER_LONG = 1 << 10;
const RESPONDER_LONG = 1 << 11;
/** the opener sent something behind the third flight, */
const SENT = 1 << 12;
/** the responder answered the third flight, */
const ANSWERED = 1 << 13;
/** the opener's handshake stood alone, */
const ALONE = 1 << 14;
/** the third flight is as long as one with the handshake inside, */
const INSIDE = 1 << 15;
/** where the start was not seen, in place of these four: kinds of requests in one packet, a bit for each of six, */
const BATCHES_SHIFT = 12;
const BATCH_KINDS = 6;
/** packets that ended whole blocks behind the last, less a fourth of those that did not, at most 3, */
const BLOCKS_SHIFT = 18;
/** a packet of 1 to 3 bytes, which no message has, */
const FOREIGN = 1 << 20;
/** the start was not seen, */
const RUNNING = 1 << 21;
/** something that is not requests came where they are. */
const STRANGE = 1 << 22;

const BLOCKS_ENOUGH = 3;
/** Fewer of them, which count as messages do. */
const BLOCKS_SOME = 2;
/** Kinds of requests in one packet, without a strange one, that count as messages do. */
const BATCHES_ENOUGH = 4;

/** The note of a flow behind its third flight of this length. */
export function noteOfThird(length: number): number {
  return length === THIRD_WITH_HANDSHAKE ? INSIDE : 0;
}

/** The note of a flow whose start was not seen. */
export const NOTE_OF_RUNNING: number = RUNNING;

function add(note: number, size: number, fromOpener: boolean, fit: Fit): number {
  if (size <= 0) return note;
  note = addBlock(note, fit);
  if ((note & RUNNING) === 0) {
    const answer = !fromOpener && (note & ANSWERED) === 0;
    note = addHandshake(note, size, fromOpener);
    if (answer && size < LONG) return note;
  }
  const long = fromOpener ? OPENER_LONG : RESPONDER_LONG;
  if (size >= LONG) return note | long;
  if ((note & long) !== 0) return note;
  const served = (note & (OPENER_LONG | RESPONDER_LONG)) !== 0;
  if (size > LONGEST_SHORT) return served && (note & RUNNING) !== 0 ? addBatch(note, size) : note;
  const kind = kindOf(size);
  if (kind >= 0) return counted(note | (1 << (KINDS_SHIFT + kind)), MESSAGES_SHIFT);
  if (size < KEEP_ALIVE) return note | FOREIGN;
  return size === KEEP_ALIVE ? note : counted(note, OTHERS_SHIFT);
}

/** A packet of the side that sends no long ones to the other: several requests, and news of up to two pieces. */
function addBatch(note: number, size: number): number {
  for (let pieces = 0; pieces <= 2; pieces++) {
    const requests = size - pieces * HAVE;
    if (requests > 0 && requests % REQUEST === 0) return note | (1 << (BATCHES_SHIFT + size % BATCH_KINDS));
  }
  return size % HAVE === 0 ? note : note | STRANGE;
}

function addBlock(note: number, fit: Fit): number {
  const count = (note >>> BLOCKS_SHIFT) & 3;
  if (fit > 0) return note + (Math.min(fit, BLOCKS_ENOUGH - count) << BLOCKS_SHIFT);
  return fit === 0 || count === 0 ? note : note - (1 << BLOCKS_SHIFT);
}

/** A packet right behind the third flight. */
function addHandshake(note: number, size: number, fromOpener: boolean): number {
  if (!fromOpener) return size < LEAST_ANSWER ? note : note | ANSWERED;
  if ((note & SENT) !== 0) return note;
  return note | SENT | (size === HANDSHAKE ? ALONE : 0);
}

/** Which of the messages has this length, -1 where none does. */
function kindOf(size: number): number {
  switch (size) {
    case 5:
      return 0;
    case 9:
      return 1;
    case 13:
      return 2;
    case 17:
      return 3;
    default:
      return -1;
  }
}

function says(note: number): Said {
  const blocks = (note >>> BLOCKS_SHIFT) & 3;
  if (blocks === BLOCKS_ENOUGH) return SAYS_PROTOCOL;
  const said = saysBySize(note);
  return blocks < BLOCKS_SOME || said > SAYS_MESSAGE ? said : SAYS_MESSAGE;
}

function saysBySize(note: number): Said {
  const count = countAt(note, MESSAGES_SHIFT);
  const kinds = (note >>> KINDS_SHIFT) & 15;
  const messages = (note & FOREIGN) !== 0 || countAt(note, OTHERS_SHIFT) * 2 > count ? 0 : count;
  const several = (kinds & (kinds - 1)) !== 0;
  if ((note & RUNNING) !== 0) {
    if (messages >= 6 && several) return SAYS_PROTOCOL;
    return messages >= 2 || saysByBatches(note) ? SAYS_MESSAGE : SAYS_NOTHING;
  }
  const end = (note & (ALONE | INSIDE)) !== 0;
  const handshake = end && (note & ANSWERED) !== 0;
  if (messages >= (handshake ? 3 : 5) && (handshake || several)) return SAYS_PROTOCOL;
  if (messages >= 1) return SAYS_MESSAGE;
  return handshake ? SAYS_HANDSHAKE : end ? SAYS_LITTLE : SAYS_NOTHING;
}

function saysByBatches(note: number): boolean {
  if ((note & STRANGE) !== 0) return false;
  let count = 0;
  for (let kind = 0; kind < BATCH_KINDS; kind++) count += (note >>> (BATCHES_SHIFT + kind)) & 1;
  return count >= BATCHES_ENOUGH;
}

/** How BitTorrent under MSE is told by lengths. */
export const MSE_LENGTHS: LengthRule = {
  add,
  says,
  proofs: [MSE_MESSAGES, MSE_BLOCKS],
  proof: (note) => saysBySize(note) === SAYS_PROTOCOL ? MSE_MESSAGES : MSE_BLOCKS,
  blocks: { size: 16397, head: 13, long: LONG },
  mark: 0,
  running: RUNNING,
  fanned: SAYS_LITTLE,
  near: 16,
  marked: 0,
};
