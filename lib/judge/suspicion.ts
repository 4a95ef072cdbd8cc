/**
 * Flows that are suspect by their shape alone (they look encrypted). They are accepted but not settled for a while: programs
 * connect to peers before they send anything that proves the protocol, and once one of its ends is proven, such a flow is
 * refused in its middle.
 * @module
 */
import { type Evidence, KNOWN_END, KNOWN_ENDPOINT, type Needs } from "../protocol/classifier.ts";
import {
  ACCEPTED,
  BY_ENDPOINT,
  FLAGS,
  NOTE0,
  SUSPECT,
  SUSPECTED_BY_SHIFT,
  SUSPICION_BITS,
  TICK_MS,
} from "../state/flow_table.ts";

/** Ticks that a flow stays suspect after it was accepted: two minutes. */
const LASTS = 120_000 / TICK_MS;

/** Marks a flow as suspect; `number` is that of the classifier. Evidence from its start is not replaced by weaker evidence from its middle. */
export function suspect(words: Int32Array, flow: number, answer: Evidence, number: number): void {
  const flags = words[flow + FLAGS]!;
  if (answer.needs === KNOWN_ENDPOINT && (flags & (SUSPECT | BY_ENDPOINT)) === SUSPECT) return;
  const by = answer.needs === KNOWN_ENDPOINT ? BY_ENDPOINT : 0;
  words[flow + FLAGS] = (flags & ~SUSPICION_BITS) | SUSPECT | by | (number << SUSPECTED_BY_SHIFT);
}

/** Number of the classifier that found a flow suspect, from its flags. */
export function suspectedBy(flags: number): number {
  return (flags >>> SUSPECTED_BY_SHIFT) & 255;
}

/** What must become known about a suspect flow for it to be refused. */
export function suspicionNeeds(flags: number): Needs {
  return (flags & BY_ENDPOINT) !== 0 ? KNOWN_ENDPOINT : KNOWN_END;
}

/** Whether a flow has been suspect long enough since it was accepted; `tick` is the current one. */
export function isSuspicionOver(words: Int32Array, flow: number, tick: number): boolean {
  return (words[flow + FLAGS]! & ACCEPTED) !== 0 && tick - words[flow + NOTE0]! > LASTS;
}
