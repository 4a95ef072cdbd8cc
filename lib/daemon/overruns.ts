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
  /** Packets lost by queue number, as they were told last. */
  readonly #lost = new Map<number, number>();

  /** Reads the `queues` once in ten seconds. */
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
    // The log takes a few of these at once: the queue that lost most comes first.
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
