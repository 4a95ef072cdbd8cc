/**
 * Results of decoding a packet: the outcome, and whether it is a fragment.
 * @module
 */

/** TCP or UDP, ports and payload bounds are set. */
export const OK = 0;
/** Neither IPv4 nor IPv6. */
export const NOT_IP = 1;
/** The headers contradict themselves or each other. */
export const BROKEN = 2;
/** The capture ends inside the headers. Addresses are set where they were captured. */
export const TRUNCATED_HEADER = 3;
/** A fragment that is not the first: addresses and transport are set, ports are 0. */
export const LATER_FRAGMENT = 4;
/** Neither TCP nor UDP: addresses and transport are set. */
export const OTHER_TRANSPORT = 5;

/** Any of the above. */
export type Outcome = 0 | 1 | 2 | 3 | 4 | 5;

/** True where the packet cannot be decoded. Fragments, and what is neither TCP nor UDP, can be; they only belong to no flow. */
export function isDecodeError(outcome: number): boolean {
  return outcome === NOT_IP || outcome === BROKEN || outcome === TRUNCATED_HEADER;
}

/** Their names, for counters and `explain`, indexed by {@link Outcome}. */
export const OUTCOME_NAMES: readonly string[] = [
  "ok",
  "not-ip",
  "broken",
  "truncated-header",
  "later-fragment",
  "other-transport",
];

/** `Packet.fragment` of a packet that is whole; an IPv6 atomic fragment (RFC 6946) is one. */
export const WHOLE = 0;
/** `Packet.fragment` of a first fragment: it has the ports. */
export const FIRST_FRAGMENT = 1;
/** `Packet.fragment` of any later one. */
export const FURTHER_FRAGMENT = 2;
