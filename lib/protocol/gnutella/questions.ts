/**
 * What a servent is asked: a ping over UDP, which goes no further (TTL 1).
 * @module
 */
import { CERTAIN, evidence } from "../classifier.ts";
import type { Question } from "../question.ts";

const PING_PROBE = evidence(
  "ping-probe",
  CERTAIN,
  "our ping, answered by a pong (function 01 at 16) with its identifier at 0, 32 bits of which are random, and a length at 19 that " +
    "fits (Gnutella 0.6); odds 2^-60",
);

const HEADER = 23;
const PONG = 0x01;
const FUNCTION = 16;
const LIFE = 17;
const LENGTH = 19;
/** Address, port and what is shared. */
const LEAST_PONG = 14;

/** Identifiers have FF at 8 and 00 at 15, and are random else. */
function identifier(nonce: number): Uint8Array {
  const bytes = new Uint8Array(HEADER);
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < FUNCTION; at += 4) view.setInt32(at, Math.imul(nonce, 0x9e3779b1 + at) ^ nonce);
  bytes[8] = 0xff;
  bytes[15] = 0;
  return bytes;
}

/** One question. */
export const QUESTIONS: readonly Question[] = [{
  evidence: PING_PROBE,
  ask(nonce) {
    const bytes = identifier(nonce);
    bytes[LIFE] = 1;
    return bytes;
  },
  answers(bytes, start, end, nonce) {
    const size = end - start;
    if (size < HEADER + LEAST_PONG || bytes[start + FUNCTION] !== PONG) return false;
    const payload = size - HEADER;
    if (bytes[start + LENGTH] !== (payload & 0xff) || bytes[start + LENGTH + 1] !== payload >>> 8) return false;
    const expected = identifier(nonce);
    for (let at = 0; at < FUNCTION; at++) if (bytes[start + at] !== expected[at]) return false;
    return true;
  },
}];
