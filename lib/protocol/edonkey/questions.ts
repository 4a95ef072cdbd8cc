/**
 * What eMule and aMule are asked: a ping of Kad. They answer it in clear also where they insist on obfuscation.
 * @module
 */
import { CERTAIN, evidence } from "../classifier.ts";
import type { Question } from "../question.ts";

const KAD_PROBE = evidence(
  "kad-probe",
  CERTAIN,
  "our Kad ping (E4 60), answered by E4 61 and the port that asked, u16le, in 4 bytes (aMule); odds 2^-32 for the one datagram " +
    "that may come in answer",
);

const KAD = 0xe4;
const PING = 0x60;
const PONG = 0x61;

/** One question. */
export const QUESTIONS: readonly Question[] = [{
  evidence: KAD_PROBE,
  ask: () => Uint8Array.of(KAD, PING),
  answers: (bytes, start, end, _nonce, port) =>
    end - start === 4 && bytes[start] === KAD && bytes[start + 1] === PONG &&
    (bytes[start + 2]! | (bytes[start + 3]! << 8)) === port,
}];
