/**
 * The place of a thread that judges packets: ahead of other programs while one of them computes on its core, and among them
 * otherwise. Who is ahead cannot let the senders and receivers on its core go first (yield_policy.ts): the kernel gives the
 * core straight back.
 * @module
 */
import { type Libc, PRIO_PROCESS } from "../../ffi/libc.ts";
import { OwnProcess } from "../../ffi/own_process.ts";
import type { Config } from "../policy/config.ts";

/** `nice` of `priority = "high"`. */
export const AHEAD = -10;

/**
 * Whether the threads of this process may change their place, now and later. To be asked before the rights are given up that
 * this takes. Where it may not, all stay where they are put at the start.
 */
export function mayStep(config: Config): boolean {
  if (config.queue.priority !== "high") return false;
  const own = new OwnProcess();
  using _ = own;
  return own.allowNice(AHEAD);
}

/** Puts the calling thread ahead or back, where it may. */
export function stepper(libc: Libc, allowed: boolean): (ahead: boolean) => void {
  return allowed ? (ahead) => void libc.symbols.setpriority(PRIO_PROCESS, 0, ahead ? AHEAD : 0) : () => {};
}
