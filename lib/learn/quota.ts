/**
 * How much one machine at home may have remembered in a stretch of time: it can send pings to every address there is, and in
 * the name of every client. What is beyond its share is refused all the same, only not remembered.
 * @module
 */
import type { State } from "../state/state.ts";
import type { RateLimits } from "./rate_limits.ts";
import type { FlowEnds } from "./flow_ends.ts";

/** Kinds of rateLimits that these counts are kept as. */
const PEERS = 0x50000;
const LOCKS = 0x50001;
/** Peers that one client's traffic puts on the block list in an hour; a client's own list holds some hundreds. */
const MOST_PEERS = 4096;
const HOUR = 3_600_000;
/** Clients that become locked behind one hardware address in a minute; it may be a router's, with many behind it. */
const MOST_LOCKS = 256;
const MINUTE = 60_000;

/** True where this client may still teach a peer. */
export function mayTeach(rateLimits: RateLimits, ends: FlowEnds, now: number): boolean {
  return rateLimits.allow(ends.c0, ends.c1, ends.c2, ends.c3, PEERS, now, MOST_PEERS, HOUR);
}

/** True where a client is locked or may become so; always where its hardware address is not known. */
export function mayBeLocked(rateLimits: RateLimits, state: State, ends: FlowEnds, now: number): boolean {
  const { locks, neighbours } = state;
  if (locks.find(ends.c0, ends.c1, ends.c2, ends.c3, now) >= 0) return true;
  const row = neighbours.find(ends.c0, ends.c1, ends.c2, ends.c3, 0);
  if (row < 0) return true;
  const high = neighbours.values[row * 2]!;
  const low = neighbours.values[row * 2 + 1]!;
  return rateLimits.allow(0, 0, high, low, LOCKS, now, MOST_LOCKS, MINUTE);
}
