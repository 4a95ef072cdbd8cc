import assert from "node:assert/strict";
import { Overruns } from "../../lib/daemon/overruns.ts";
import type { ReportEvent } from "../../lib/report/report_event.ts";
import type { QueueStatus } from "../../lib/report/status.ts";

function queue(number: number, user_dropped: number, missed = 0): QueueStatus {
  return {
    number,
    waiting: 0,
    queue_dropped: 0,
    user_dropped,
    fail_open: { requested: true, effective: true },
    gso: true,
    missed,
  };
}

Deno.test("queues that lost more packets are logged, the one that lost most first", () => {
  let queues: QueueStatus[] = [];
  const told: (readonly [number, number])[] = [];
  const overruns = new Overruns(() => queues, (event: ReportEvent) => {
    if (event.event === "queue-overrun") told.push([event.queue, event.user_dropped]);
  });
  const beat = (now: number, lost: readonly number[]) => {
    queues = lost.map((count, number) => queue(number, count));
    overruns.beat(now);
    return told.splice(0);
  };
  assert.deepEqual(beat(1000, [0, 0, 0, 0, 0, 0]), []);
  assert.deepEqual(beat(2000, [0, 0, 0, 0, 0, 7]), [[5, 7]]);
  assert.deepEqual(beat(3000, [0, 0, 0, 0, 0, 8]), [], "not again within ten seconds");
  assert.deepEqual(beat(12_000, [3, 0, 0, 0, 90, 8]), [[4, 90], [0, 3], [5, 8]]);
  assert.deepEqual(beat(22_000, [3, 0, 0, 0, 90, 8]), []);
});

Deno.test("packets that found no room in the socket are logged too", () => {
  const told: ReportEvent[] = [];
  const overruns = new Overruns(() => [queue(0, 0), queue(1, 0, 4)], (event) => told.push(event));
  overruns.beat(0);
  assert.deepEqual(told, [{ event: "queue-overrun", queue: 1, queue_dropped: 0, user_dropped: 0, missed: 4 }]);
});
