/**
 * The place of a thread that judges packets: ahead of other programs while one of them computes on its core, and among them
 * otherwise. Who is ahead cannot let the senders and receivers on its core go first (yield_policy.ts): the kernel gives the
 * core straight back.
 * @module
 */
import { type Libc, PRIO_PROCESS } from "../../ffi/libc.ts";

/** `nice` of `priority = "high"`. */
export const AHEAD = -10;

/** Puts the calling thread, which is ahead, back among the others or ahead again, where it may. */
export function stepper(libc: Libc, allowed: boolean): (ahead: boolean) => void {
  return allowed ? (ahead) => void libc.symbols.setpriority(PRIO_PROCESS, 0, ahead ? AHEAD : 0) : () => {};
}
