/**
 * Says when packets passed or were dropped unseen. Of a full queue that fails open the kernel counts none.
 * @module
 */
import type { QueueStatus } from "../report/status.ts";
import type { ReportEvent } from "../report/report_event.ts";

/** Milliseconds between `queue-overrun` events. */
const STRETCH = 10_000;

/** See the module's text. */
export class Overruns {
  readonly #queues: () => readonly QueueStatus[];
  readonly #emit: (event: ReportEvent) => void;
  #last = -Infinity;
  #lost = 0;

  /** Reads the `queues` once in ten seconds. */
  constructor(queues: () => readonly QueueStatus[], emit: (event: ReportEvent) => void) {
    this.#queues = queues;
    this.#emit = emit;
  }

  /** Call about once a second; `now` is monotonic milliseconds. */
  beat(now: number): void {
    if (now - this.#last < STRETCH) return;
    const queues = this.#queues();
    let lost = 0;
    for (const { queue_dropped, user_dropped, overruns, missed } of queues) {
      lost += queue_dropped + user_dropped + (overruns ?? 0) + (missed ?? 0);
    }
    if (lost === this.#lost) return;
    this.#lost = lost;
    this.#last = now;
    for (const queue of queues) {
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
