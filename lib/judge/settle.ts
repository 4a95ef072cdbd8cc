/**
 * When a flow may be settled: accepted for good and left to the kernel. The sooner, the less delay and load ftwall adds.
 * @module
 */
import {
  CANDIDATES,
  DATA_PACKETS,
  FLAGS,
  IS_TCP,
  MIDSTREAM,
  NO_PROXY,
  OPENER_FIRST,
  RESPONDER_FIRST,
  RESUMED,
  SUSPECT,
} from "../state/flow_table.ts";
import { isEverydayOpening } from "../learn/everyday_openings.ts";
import type { ClassifierSet } from "./classifier_set.ts";
import { TUNNEL, Tunnels } from "./tunnels.ts";

/** Data packets of a TCP flow, both directions, after which it is settled. Most are sooner, as no candidate is left. */
const MOST_TCP = 64;
/** The same for UDP: twice the number of packets of a direction that the rules queue. */
const MOST_UDP = 16;
/** The same for a TCP flow whose start was not seen, and for a UDP flow under suspicion, which is not settled anyway. */
const MOST_MIDSTREAM = 640;
/** Data packets of a TCP flow after which only classifiers remain that its first bytes can belong to. */
const STARTED = 8;

/** The set of classifiers that the first byte of either direction can belong to; a direction that sent nothing adds none. */
export function possibleByFirstBytes(set: ClassifierSet, words: Int32Array, flow: number): number {
  const counts = words[flow + DATA_PACKETS]!;
  let possible = 0;
  if ((counts & 0xffff) !== 0) possible |= set.dispatch[words[flow + OPENER_FIRST]! >>> 24]!;
  if ((counts >>> 16) !== 0) possible |= set.dispatch[words[flow + RESPONDER_FIRST]! >>> 24]!;
  return possible;
}

/** Whether a TCP flow whose start was seen began in an everyday way, in which no candidate can have a part. */
export function isOpenedForOthers(set: ClassifierSet, words: Int32Array, flow: number): boolean {
  const opener = words[flow + OPENER_FIRST]!;
  return isEverydayOpening(opener, 1) && (words[flow + FLAGS]! & (MIDSTREAM | RESUMED)) === 0 &&
    (words[flow + CANDIDATES]! & set.dispatch[opener >>> 24]!) === 0;
}

/**
 * Whether both sides of a UDP flow began as QUIC of one version does (RFC 8999 section 5.1): long headers, of which the opener's
 * is an everyday opening. Of random datagrams 3 in 2^52 flows begin so. What else is said is ciphered by then, and its bytes
 * may look like anything.
 */
function isQuic(opener: number, responder: number): boolean {
  return opener >>> 30 === 3 && responder >>> 30 === 3 && ((opener ^ responder) & 0xffffff) === 0 &&
    isEverydayOpening(opener, 0);
}

/**
 * Whether a flow may be settled; narrows its candidates on the way. Of a TCP flow whose start was seen, the middle is not
 * waited for: soon only those classifiers remain that its first bytes can belong to, and none once the stream is longer
 * than what is kept of it (`first` is then false).
 */
export function maySettle(set: ClassifierSet, words: Int32Array, flow: number, first: boolean): boolean {
  const flags = words[flow + FLAGS]!;
  const counts = words[flow + DATA_PACKETS]!;
  const sent = (counts & 0xffff) + (counts >>> 16);
  const tcp = (flags & IS_TCP) !== 0;
  const opener = words[flow + OPENER_FIRST]!;
  if (tcp && first && (flags & (MIDSTREAM | RESUMED)) === 0) {
    // Both sides have sent: who cannot place the first bytes need not wait for later ones.
    // An everyday opening alone ends nothing: its receiver may never have got it, and answer what came instead.
    if ((counts & 0xffff) !== 0 && counts >>> 16 !== 0) {
      words[flow + CANDIDATES]! &= possibleByFirstBytes(set, words, flow) | TUNNEL;
    }
  }
  if (tcp && sent >= STARTED && (flags & (MIDSTREAM | RESUMED)) === 0) {
    // A proxy's handshake may come byte by byte, and the stream that matters begins behind it.
    const mayBeProxied = (flags & NO_PROXY) === 0 && (counts & 0xffff) !== 0 &&
      Tunnels.mayBegin(opener >>> 24);
    if (!mayBeProxied) words[flow + CANDIDATES]! &= first ? possibleByFirstBytes(set, words, flow) : 0;
  }
  if (!tcp && isQuic(opener, words[flow + RESPONDER_FIRST]!)) return true;
  const lasting = (flags & (tcp ? MIDSTREAM : SUSPECT)) !== 0;
  const most = lasting ? MOST_MIDSTREAM : tcp ? MOST_TCP : MOST_UDP;
  return words[flow + CANDIDATES] === 0 || sent >= most;
}
