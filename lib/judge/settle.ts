/**
 * When a flow was looked at long enough. The fewer of its packets come here, the less ftwall is noticed.
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
} from "../state/flow_table.ts";
import { isEverydayOpening } from "../learn/everyday_openings.ts";
import type { ClassifierSet } from "./classifier_set.ts";
import { TUNNEL, Tunnels } from "./tunnels.ts";

/** Data packets of a flow, both directions, after which it is let go. Most are let go sooner, when no classifier waits. */
const ENOUGH = 64;
/** The same for UDP: twice what the rules bring of a direction. */
const ENOUGH_UDP = 16;
/** The same for a flow whose start was not seen. */
const ENOUGH_MIDSTREAM = 640;
/** Data packets of a TCP flow after which only those are asked that its first bytes speak to. */
const OPENED = 8;

/** Classifiers that the first byte of either direction speaks to, of those directions that sent something. */
export function possibleByFirstBytes(panel: ClassifierSet, words: Int32Array, flow: number): number {
  const counts = words[flow + DATA_PACKETS]!;
  let possible = 0;
  if ((counts & 0xffff) !== 0) possible |= panel.dispatch[words[flow + OPENER_FIRST]! >>> 24]!;
  if ((counts >>> 16) !== 0) possible |= panel.dispatch[words[flow + RESPONDER_FIRST]! >>> 24]!;
  return possible;
}

/**
 * Whether a flow is let go. A TCP flow whose start was seen is not to be watched for what might follow in its middle: soon
 * only those are asked that its first bytes speak to, and nobody once a stream is longer than what is kept of its
 * beginning, which `first` says it is not.
 */
export function maySettle(panel: ClassifierSet, words: Int32Array, flow: number, first: boolean): boolean {
  const flags = words[flow + FLAGS]!;
  const counts = words[flow + DATA_PACKETS]!;
  const sent = (counts & 0xffff) + (counts >>> 16);
  const tcp = (flags & IS_TCP) !== 0;
  const opener = words[flow + OPENER_FIRST]!;
  if (tcp && first && (flags & (MIDSTREAM | RESUMED)) === 0) {
    // Both have spoken: nobody waits for the middle of what began otherwise.
    if ((counts & 0xffff) !== 0 && counts >>> 16 !== 0) {
      words[flow + CANDIDATES]! &= possibleByFirstBytes(panel, words, flow) | TUNNEL;
    } // What everyday traffic is answered, nobody wants to see whom the question itself did not interest.
    else if (isEverydayOpening(opener, 1) && (words[flow + CANDIDATES]! & panel.dispatch[opener >>> 24]!) === 0) {
      words[flow + CANDIDATES] = 0;
    }
  }
  if (tcp && sent >= OPENED && (flags & (MIDSTREAM | RESUMED)) === 0) {
    // A proxy's handshake may come byte by byte, and what it leads to begins behind it.
    const mayLead = (flags & NO_PROXY) === 0 && (counts & 0xffff) !== 0 &&
      Tunnels.mayBegin(opener >>> 24);
    if (!mayLead) words[flow + CANDIDATES]! &= first ? possibleByFirstBytes(panel, words, flow) : 0;
  }
  const enough = !tcp ? ENOUGH_UDP : (flags & MIDSTREAM) !== 0 ? ENOUGH_MIDSTREAM : ENOUGH;
  return words[flow + CANDIDATES] === 0 || sent >= enough;
}
