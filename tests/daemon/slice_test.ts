import assert from "node:assert/strict";
import { EventLoop } from "../../ffi/event_loop.ts";
import { Slice, turn } from "../../lib/daemon/slice.ts";

Deno.test("of many who work in slices one goes on at a time, and whoever waits for the event loop comes in between", async () => {
  using loop = await EventLoop.open();
  let turns = 0;
  let ended = false;
  const judging = (async () => {
    for (; !ended; turns++) await loop.turn();
  })();
  const steps: number[] = [];
  await Promise.all(Array.from({ length: 16 }, async () => {
    for (let i = 0; i < 3; i++) {
      await turn();
      steps.push(turns);
    }
  }));
  ended = true;
  await judging;
  assert.equal(steps.length, 48);
  assert.equal(new Set(steps).size, 48, "no two steps in one turn");
});

Deno.test("a slice is over after its time, and the next begins anew", async () => {
  const slice = new Slice();
  assert.equal(slice.over, false);
  for (const end = performance.now() + 3; performance.now() < end;);
  assert.equal(slice.over, true);
  await slice.next();
  assert.equal(slice.over, false);
});
