/**
 * What to look at when no packet has come a minute after the start: ftwall that judges nothing looks like a network in which
 * nothing happens.
 * @module
 */
import type { KernelStatus } from "../report/status.ts";

/** Milliseconds after `ready`. */
const PATIENCE = 60_000;

/** Says once, where no packet came, why that may be. */
export class Silence {
  #since = NaN;
  #over = false;

  /** Call about once a second; `packets` is how many came so far. Answers what to say, nothing in most cases. */
  beat(now: number, packets: () => number, kernel: () => KernelStatus, queues: readonly number[]): string | null {
    if (Number.isNaN(this.#since)) this.#since = now;
    if (this.#over || now - this.#since < PATIENCE) return null;
    this.#over = true;
    if (packets() > 0) return null;
    return silenceText(kernel(), queues);
  }
}

/** Why no packet comes, in one sentence. */
export function silenceText({ rules, lan, offload }: KernelStatus, queues: readonly number[]): string {
  const queue = queues.length === 1 ? `queue ${queues[0]}` : `queues ${queues[0]} to ${queues.at(-1)}`;
  const causes: string[] = [];
  if (rules !== null && !rules.present) causes.push("there are no firewall rules of ftwall (ftwall rules --apply)");
  else if (rules !== null && rules.differs.length > 0) {
    causes.push(`the rules are not those of this config: ${rules.differs.join("; ")}`);
  }
  if (lan.missing.length > 0) causes.push(`there is no interface ${lan.missing.join(", ")} ([network] lan)`);
  if (offload.length > 0) {
    causes.push(`${offload.join(", ")} takes packets past ftwall (ftwall doctor says how to mend it)`);
  }
  const look = causes.length > 0
    ? causes.join("; ")
    : "does traffic of clients pass this machine, are [network] lan and home those of your clients? ftwall doctor looks";
  return `No packet has come to ${queue} within a minute: ${look}`;
}
