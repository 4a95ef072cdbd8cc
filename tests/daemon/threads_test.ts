import assert from "node:assert/strict";
import { capacityOf, sharesOf, shareTables, threadsFor } from "../../lib/daemon/threads.ts";
import { capacityFor } from "../../lib/state/state.ts";

Deno.test("one queue or one core needs one thread; one core is left to the kernel", () => {
  const auto = (queues: number, cores: number) => threadsFor("auto", queues, cores);
  assert.deepEqual([auto(1, 8), auto(4, 1), auto(4, 2), auto(4, 4), auto(2, 8), auto(8, 4)], [1, 1, 1, 3, 2, 3]);
});

Deno.test("the config may set the number of threads, up to one for each queue", () => {
  assert.deepEqual([threadsFor(2, 2, 1), threadsFor(3, 2, 8), threadsFor(1, 8, 8)], [2, 2, 1]);
});

Deno.test("every queue is some thread's, and the main thread has the first", () => {
  assert.deepEqual(sharesOf({ first: 3, last: 3 }, 4), [[3]]);
  assert.deepEqual(sharesOf({ first: 4, last: 8 }, 2), [[4, 6, 8], [5, 7]]);
  assert.deepEqual(sharesOf({ first: 0, last: 2 }, 3), [[0], [1], [2]]);
});

Deno.test("flows and streams are divided by queues, all other tables are shared", () => {
  const memory = 32 << 20;
  const whole = capacityFor(memory);
  assert.deepEqual(capacityOf(memory, 2, 2), whole);
  const [main, other] = [capacityOf(memory, 3, 5), capacityOf(memory, 2, 5)];
  assert.ok(main.flows + other.flows <= whole.flows && main.flows + other.flows > whole.flows - 2);
  assert.ok(main.streams + other.streams <= whole.streams && main.streams > other.streams);
  assert.deepEqual({ ...main, flows: 0, streams: 0 }, { ...whole, flows: 0, streams: 0 });
  const shared = shareTables([[1, 3]], 5, memory, 7);
  assert.deepEqual(shared.capacities, [other]);
});
