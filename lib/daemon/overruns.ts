/**
 * Logs when packets passed or were dropped without being judged. Where a full queue fails open, the kernel counts none of the
 * packets that pass; those show as packets that the socket missed.
 * @module
 */
import type { QueueStatus } from "../report/status.ts";
import type { ReportEvent } from "../report/report_event.ts";

/** Milliseconds between two looks that log something. */
const STRETCH = 10_000;

/** See the module's text. */
export class Overruns {
  readonly #queues: () => readonly QueueStatus[];
  readonly #emit: (event: ReportEvent) => void;
  #last = -Infinity;
  /** By queue number: the packets lost, as last logged. */
  readonly #lost = new Map<number, number>();

  /** Reads `queues` at each beat; after a `queue-overrun` not for ten seconds. */
  constructor(queues: () => readonly QueueStatus[], emit: (event: ReportEvent) => void) {
    this.#queues = queues;
    this.#emit = emit;
  }

  /** Call about once a second; `now` is monotonic milliseconds. */
  beat(now: number): void {
    if (now - this.#last < STRETCH) return;
    const more = (queue: QueueStatus) => lostOf(queue) - (this.#lost.get(queue.number) ?? 0);
    const overran = this.#queues().filter((queue) => more(queue) !== 0);
    if (overran.length === 0) return;
    this.#last = now;
    // The log limits these events: the queue that lost most comes first.
    overran.sort((a, b) => more(b) - more(a));
    for (const queue of overran) {
      this.#lost.set(queue.number, lostOf(queue));
      this.#emit({
        event: "queue-overrun",
        queue: queue.number,
        queue_dropped: queue.queue_dropped,
        user_dropped: queue.user_dropped,
        missed: queue.missed ?? 0,
      });
    }
  }
}

function lostOf({ queue_dropped, user_dropped, overruns, missed }: QueueStatus): number {
  return queue_dropped + user_dropped + (overruns ?? 0) + (missed ?? 0);
}
