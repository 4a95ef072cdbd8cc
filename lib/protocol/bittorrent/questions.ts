/**
 * What a BitTorrent program is asked: a ping of its DHT, and whether it takes a uTP connection.
 *
 * libtorrent, qBittorrent and transmission take one also where they insist on encryption and share nothing else: the
 * cipher begins inside.
 * @module
 */
import { CERTAIN, type Evidence, evidence } from "../classifier.ts";
import { exactly } from "../../wire/http.ts";
import type { Question } from "../question.ts";

const DHT_PROBE: Evidence = evidence(
  "dht-probe",
  CERTAIN,
  "our DHT ping, answered by a dictionary with the ping's four random bytes as t (BEP 5); odds below 2^-100",
);
const UTP_PROBE: Evidence = evidence(
  "utp-probe",
  CERTAIN,
  "our uTP SYN, answered by a STATE with its random connection id at 2 and its random sequence number acknowledged at 18 " +
    "(BEP 29); odds 2^-40",
);

const latin = (text: string): Uint8Array => Uint8Array.from(text, (letter) => letter.charCodeAt(0));

/** A ping in the name of a node with an identifier of zeros and the nonce. */
const PING = latin(`d1:ad2:id20:${"\0".repeat(20)}e1:q4:ping1:t4:....1:y1:qe`);
const PING_ID = 12;
const PING_TRANSACTION = PING.length - "....1:y1:qe".length;
const ANSWER = "1:t4:";
const IS_ANSWER = "1:y1:r";
/** Longest answer to a ping: with version, address and padding. */
const LONGEST_ANSWER = 512;

const SYN = 0x41;
const STATE = 0x21;
const RESET = 0x31;
const HEADER = 20;
/** What a SYN says can be received, in bytes. */
const WINDOW = 0x4000;

function header(type: number, id: number, sequence: number, acknowledged: number): Uint8Array {
  const bytes = new Uint8Array(HEADER);
  const view = new DataView(bytes.buffer);
  bytes[0] = type;
  view.setUint16(2, id);
  // A clock that is not 0; nobody compares it with another's.
  view.setUint32(4, 0x01000000 | sequence);
  view.setUint32(12, WINDOW);
  view.setUint16(16, sequence);
  view.setUint16(18, acknowledged);
  return bytes;
}

/** Identifier and sequence number of the SYN: neither is 0, and no identifier beside it wraps around. */
function idOf(nonce: number): number {
  return ((nonce >>> 16) & 0x7fff) + 1;
}
function sequenceOf(nonce: number): number {
  return (nonce & 0x7fff) + 1;
}

const utp: Question = {
  evidence: UTP_PROBE,
  ask: (nonce) => header(SYN, idOf(nonce), sequenceOf(nonce), 0),
  answers: (bytes, start, end, nonce) =>
    end - start >= HEADER && bytes[start] === STATE && word(bytes, start + 2) === idOf(nonce) &&
    word(bytes, start + 18) === sequenceOf(nonce),
  close: (bytes, start, nonce) => header(RESET, idOf(nonce) + 1, sequenceOf(nonce) + 1, word(bytes, start + 16)),
};

const dht: Question = {
  evidence: DHT_PROBE,
  ask(nonce) {
    const bytes = PING.slice();
    const view = new DataView(bytes.buffer);
    view.setInt32(PING_ID, nonce ^ 0x5bd1e995);
    view.setInt32(PING_TRANSACTION, nonce);
    return bytes;
  },
  answers(bytes, start, end, nonce) {
    if (end - start > LONGEST_ANSWER || bytes[start] !== 0x64) return false;
    let echoed = false;
    let answer = false;
    for (let at = start + 1; at + IS_ANSWER.length <= end; at++) {
      if (bytes[at] !== 0x31 || bytes[at + 1] !== 0x3a) continue;
      if (exactly(bytes, at, end, ANSWER) && at + 9 <= end && word(bytes, at + 5) === nonce >>> 16) {
        echoed ||= word(bytes, at + 7) === (nonce & 0xffff);
      }
      answer ||= exactly(bytes, at, end, IS_ANSWER);
    }
    return echoed && answer;
  },
};

function word(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}

/** Both, to one port: programs have one for the DHT and for uTP. */
export const QUESTIONS: readonly Question[] = [utp, dht];
