/**
 * A call with eMule's hello, which eMule and aMule answer in clear unless they require obfuscation: with their own hello, and
 * what extensions they have.
 * @module
 */
import { CERTAIN, evidence, Look } from "../classifier.ts";
import type { Call, Heard, Step } from "../question.ts";
import { classifyEdonkeyTcp } from "./tcp.ts";

const HELLO_PROBE = evidence(
  "hello-probe",
  CERTAIN,
  "our hello (E3, length, 01 10), answered by a hello (E3, length, 4C) or extensions (C5, length, 01) whose tag list fills the frame " +
    "(aMule); odds 2^-48",
);

/** Opcode, length of the hash, hash, address, port, no tags, no server; in front protocol and length. */
const HELLO_LENGTH = 1 + 1 + 16 + 4 + 2 + 4 + 4 + 2;
const BODY = 5;
const LONG = 3000;

function hello(): Uint8Array {
  const bytes = new Uint8Array(BODY + HELLO_LENGTH);
  bytes.set([0xe3, HELLO_LENGTH, 0, 0, 0, 0x01, 0x10]);
  crypto.getRandomValues(bytes.subarray(7, 23));
  // A user hash has these marks of eMule.
  bytes[7 + 5] = 0x0e;
  bytes[7 + 14] = 0x6f;
  return bytes;
}

async function* talk(): AsyncGenerator<Step, boolean, Heard> {
  const { bytes } = yield { send: hello(), wait: LONG, eager: true };
  const look = new Look();
  look.bytes = bytes;
  look.view = new DataView(bytes.buffer, bytes.byteOffset);
  look.end = look.length = bytes.length;
  look.tcp = look.first = look.fromClient = true;
  return classifyEdonkeyTcp(look).certainty === CERTAIN;
}

/** See the module's text. */
export const HELLO_CALL: Call = { evidence: HELLO_PROBE, talk };
