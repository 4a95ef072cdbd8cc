/**
 * What a new policy makes obsolete of what is remembered.
 * @module
 */
import type { Policy } from "../policy/policy.ts";
import type { State } from "../state/state.ts";
import type { TimeLocks } from "./time_locks.ts";

/** Ends locks of clients that the policy exempts, and forgets peers and trained addresses that it exempts or has at home. */
export function forgetExempted(state: State, policy: Policy, timeLocks: TimeLocks): void {
  const { locks, peers, trained } = state;
  locks.table.each((row) => {
    const lock = locks.at(row);
    const key = (word: number) => locks.table.key(row, word);
    if (policy.isExempt(key(0), key(1), key(2), key(3), lock.macHigh, lock.macLow)) timeLocks.release(row);
    else if (lock.protocol >= 0) lock.protocol = policy.protocolNumber(lock.protocolName);
  });
  for (const table of [peers, trained]) {
    table.each((row) => {
      const key = (word: number) => table.key(row, word);
      const home = policy.isHome(key(0), key(1), key(2), key(3));
      if (home || policy.isExempt(key(0), key(1), key(2), key(3), 0, 0)) table.remove(row);
    });
  }
}
