import assert from "node:assert/strict";
import { Watchdog } from "../../lib/daemon/watchdog.ts";

function watched(limit = 2000) {
  const seen = { answered: 0, waiting: 0, puts: [] as number[], moves: 0 };
  const dog = new Watchdog({
    limit,
    deadline: { putOff: (milliseconds) => seen.puts.push(milliseconds) },
    answered: () => seen.answered,
    waiting: () => seen.waiting,
    moving: () => seen.moves++,
  });
  return { dog, seen };
}

/** The same past its first beats, all of them in time; the last was at 0. */
function settled() {
  const { dog, seen } = watched();
  for (let second = -4; second <= 0; second++) dog.beat(second * 1000);
  return { dog, seen };
}

Deno.test("the first beats grant the most: how busy the machine is nobody knows yet", () => {
  const { seen } = settled();
  assert.deepEqual(seen.puts, [10_000, 10_000, 10_000, 10_000, 2000]);
});

Deno.test("the end is put off while packets are answered, or none waits", () => {
  const { dog, seen } = settled();
  seen.puts.length = seen.moves = 0;
  for (let second = 1; second < 3; second++) dog.beat(second * 1000);
  seen.waiting = 5;
  for (let second = 3; second < 6; second++) {
    seen.answered += 10;
    dog.beat(second * 1000);
  }
  assert.deepEqual(seen.puts, [2000, 2000, 2000, 2000, 2000]);
  assert.equal(seen.moves, 5);
});

Deno.test("an event loop that turns while packets wait unanswered does not put the end off", () => {
  const { dog, seen } = settled();
  seen.puts.length = seen.moves = 0;
  dog.beat(1000);
  seen.waiting = 1;
  for (let second = 2; second < 6; second++) dog.beat(second * 1000);
  assert.deepEqual(seen.puts, [2000, 2000], "at the first beat it may have come just now");
  assert.equal(seen.moves, 2);
  seen.answered = 1;
  dog.beat(6000);
  assert.deepEqual(seen.puts, [2000, 2000, 2000]);
});

Deno.test("a packet that comes after a quiet time, just before a beat, costs no end, however late the next beat is then", () => {
  const { dog, seen } = settled();
  seen.puts.length = 0;
  dog.beat(1000);
  seen.waiting = 1;
  dog.beat(2000);
  // The load that it was the first of makes the next beat later than any in the quiet time.
  seen.answered = 5000;
  dog.beat(3060);
  assert.deepEqual(seen.puts, [2000, 2000, 2120]);
});

Deno.test("beats that come late on a busy machine earn more time, within bounds and for a while", () => {
  const { dog, seen } = settled();
  dog.beat(1800);
  assert.equal(seen.puts.at(-1), 3600);
  dog.beat(21_800);
  assert.equal(seen.puts.at(-1), 10_000);
  for (let beat = 1; beat <= 61; beat++) dog.beat(21_800 + beat * 1000);
  assert.equal(seen.puts.at(-1), 2000);
});

Deno.test("a stop gets its time, and without a limit nothing is armed", () => {
  const { dog, seen } = watched();
  dog.grant();
  assert.deepEqual(seen.puts, [60_000]);
  const off = watched(0);
  off.dog.beat(0);
  off.dog.grant();
  assert.deepEqual(off.seen.puts, []);
  assert.equal(off.seen.moves, 1);
});
