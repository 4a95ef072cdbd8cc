/**
 * A call that only a program with BitTorrent's obfuscation (MSE) takes as one does. Without the info-hash nobody can finish
 * its handshake, but its first half shows: the called side says nothing before it has the whole of a public key, 96 bytes;
 * then it sends its own key and up to 512 bytes of padding; then it looks for a hash of the shared secret, in silence;
 * and when that comes, before a torrent that it does not have, it ends the connection.
 *
 * Source: the description of Message Stream Encryption in the Vuze wiki. libtorrent, qBittorrent, transmission, aria2 and
 * rtorrent all do so.
 * @module
 */
import { CERTAIN, type Evidence, evidence } from "../classifier.ts";
import { DOUBTFUL, structureOf } from "../encrypted.ts";
import type { Call, Heard, Step } from "../question.ts";

const MSE_PROBE: Evidence = evidence(
  "mse-probe",
  CERTAIN,
  "our call: silence after 95 bytes of a key, 96-608 random bytes back after the 96th, silence after 20 bytes more, the connection " +
    "ended by HASH('req1', S) with the secret that both keys make (MSE); nobody else knows that hash, odds that chance or another " +
    "protocol does all four below 2^-60",
);

/** The prime of the key exchange, 768 bits; the generator is 2. */
const PRIME = BigInt(
  "0xFFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B302B0A6D" +
    "F25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A63A36210000000000090563",
);
const KEY = 96;
const LONGEST_PAD = 512;
/** Milliseconds in which a server that answers fewer bytes would have done so, and within which an answer has to come. */
const SHORT = 300;
const LONG = 3000;

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  for (let left = exponent; left > 0n; left >>= 1n) {
    if ((left & 1n) === 1n) result = result * base % PRIME;
    base = base * base % PRIME;
  }
  return result;
}

function bytesOf(number: bigint): Uint8Array {
  return Uint8Array.fromHex(number.toString(16).padStart(KEY * 2, "0"));
}

function random(count: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(count));
}

async function* talk(): AsyncGenerator<Step, boolean, Heard> {
  const secret = BigInt(`0x${random(20).toHex()}`);
  const key = bytesOf(power(2n, secret));
  const early = yield { send: key.subarray(0, KEY - 1), wait: SHORT, eager: false };
  if (early.ended || early.bytes.length > 0) return false;
  const { bytes, ended } = yield { send: key.subarray(KEY - 1), wait: LONG, eager: true };
  if (ended || bytes.length < KEY || bytes.length > KEY + LONGEST_PAD) return false;
  if (structureOf(bytes, 0, bytes.length) > DOUBTFUL) return false;
  const more = yield { send: random(20), wait: SHORT, eager: false };
  if (more.ended || more.bytes.length > 0) return false;
  const shared = bytesOf(power(BigInt(`0x${bytes.subarray(0, KEY).toHex()}`), secret));
  const named = new Uint8Array([...new TextEncoder().encode("req1"), ...shared]);
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-1", named));
  const last = yield { send: new Uint8Array([...hash, ...random(34)]), wait: LONG, eager: true };
  return last.ended && last.bytes.length === 0;
}

/** See the module's text. */
export const MSE_CALL: Call = { evidence: MSE_PROBE, talk };
