/**
 * Flows that are suspect by their looks alone. They are not handed to the kernel for a while: programs connect to peers they
 * know before they say anything that gives them away, and such a flow is then refused in the middle.
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
} from "../state/flow_table.ts";

/** How long an accepted flow is watched, in ticks of 125 ms: two minutes. */
const WATCH = 960;

/** Watches a flow that the classifier of this number found suspect; what was seen of its start says more than its middle. */
export function suspect(words: Int32Array, flow: number, answer: Evidence, number: number): void {
  const flags = words[flow + FLAGS]!;
  if (answer.needs === KNOWN_ENDPOINT && (flags & (SUSPECT | BY_ENDPOINT)) === SUSPECT) return;
  const by = answer.needs === KNOWN_ENDPOINT ? BY_ENDPOINT : 0;
  words[flow + FLAGS] = (flags & ~SUSPICION_BITS) | SUSPECT | by | (number << SUSPECTED_BY_SHIFT);
}

/** Number of the classifier that found a flow suspect. */
export function suspectedBy(flags: number): number {
  return (flags >>> SUSPECTED_BY_SHIFT) & 255;
}

/** What has to become known of a watched flow. */
export function suspicionNeeds(flags: number): Needs {
  return (flags & BY_ENDPOINT) !== 0 ? KNOWN_ENDPOINT : KNOWN_END;
}

/** Whether a flow was accepted and watched long enough since; `tick` as of the clock. */
export function isSuspicionOver(words: Int32Array, flow: number, tick: number): boolean {
  return (words[flow + FLAGS]! & ACCEPTED) !== 0 && tick - words[flow + NOTE0]! > WATCH;
}
