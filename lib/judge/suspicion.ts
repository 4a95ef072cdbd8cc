/**
 * Flows that are suspect by their shape alone (they look encrypted). They are accepted but never settled: programs connect to
 * peers before they send anything that proves the protocol, and whenever something does, such a flow is refused in its middle.
 * What the lengths of its packets say is kept in a note.
 *
 * Two classifiers at most can have a flow under suspicion: the flags have room for two of the first fifteen.
 * @module
 */
import { type Evidence, KNOWN_END, KNOWN_ENDPOINT, type Needs } from "../protocol/classifier.ts";
import { type Fit, fitOf, type LengthRule, placeOf } from "../protocol/message_lengths.ts";
import type { Packet } from "../wire/packet.ts";
import {
  BY_ENDPOINT,
  FLAGS,
  IS_TCP,
  MIDSTREAM,
  NOTE0,
  NOTE1,
  OWNER,
  SUSPECT,
  SUSPECTED_BY_SHIFT,
  SUSPICION_BITS,
} from "../state/flow_table.ts";

/** Classifiers that a flow can be suspect to. */
export const SUSPECTED_BY = 2;
const NUMBER_BITS = 4;
const NUMBER_MASK = (1 << NUMBER_BITS) - 1;

/** Marks a flow as suspect; `number` is that of the classifier, `rule` how it tells by lengths. */
export function suspect(
  words: Int32Array,
  flow: number,
  answer: Evidence,
  number: number,
  rule: LengthRule | null,
): void {
  const flags = words[flow + FLAGS]!;
  const byEndpoint = answer.needs === KNOWN_ENDPOINT;
  if ((flags & SUSPECT) === 0) {
    if ((flags & IS_TCP) !== 0) {
      // The note is what the classifier left there, if the notes are its own.
      if (words[flow + OWNER] !== number + 1) words[flow + NOTE0] = words[flow + NOTE1] = 0;
      words[flow + OWNER] = number + 1;
      // Of a handshake nobody saw the start: its flights may be anything.
      if ((flags & MIDSTREAM) !== 0) words[flow + NOTE0] = 0;
    }
    words[flow + FLAGS] = (flags & ~SUSPICION_BITS) | SUSPECT | (byEndpoint ? BY_ENDPOINT : 0) |
      ((number + 1) << SUSPECTED_BY_SHIFT);
  } else {
    if (!byEndpoint) words[flow + FLAGS]! &= ~BY_ENDPOINT;
    const second = SUSPECTED_BY_SHIFT + NUMBER_BITS;
    if (suspectedBy(flags, 0) !== number && suspectedBy(flags, 1) < 0) {
      words[flow + FLAGS]! |= (number + 1) << second;
    }
  }
  if (rule === null || (flags & IS_TCP) === 0) return;
  if ((flags & MIDSTREAM) !== 0) words[flow + NOTE0]! |= rule.running;
  if (answer.marked) words[flow + NOTE0]! |= rule.mark;
}

/** Adds a packet to what the lengths of a suspect flow say by one rule. Answers the note, which is also kept. */
export function addLength(
  words: Int32Array,
  flow: number,
  rule: LengthRule,
  packet: Packet,
  fromOpener: boolean,
): number {
  const { blocks } = rule;
  let fit: Fit = 0;
  if (blocks !== null) {
    const before = words[flow + NOTE1]!;
    const end = (packet.seq + packet.length) | 0;
    const after = placeOf(before, blocks, packet.length, end, fromOpener);
    fit = fitOf(before, after, blocks, packet.length);
    words[flow + NOTE1] = after;
  }
  const note = rule.add(words[flow + NOTE0]!, packet.length, fromOpener, fit);
  words[flow + NOTE0] = note;
  return note;
}

/** Number of the first (0) or second (1) classifier that found a flow suspect, -1 where there is none. */
export function suspectedBy(flags: number, place: number): number {
  return ((flags >>> (SUSPECTED_BY_SHIFT + place * NUMBER_BITS)) & NUMBER_MASK) - 1;
}

/** What has to become known of a suspect flow. */
export function suspicionNeeds(flags: number): Needs {
  return (flags & BY_ENDPOINT) !== 0 ? KNOWN_ENDPOINT : KNOWN_END;
}
