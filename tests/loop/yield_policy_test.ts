import assert from "node:assert/strict";
import { YieldPolicy } from "../../lib/loop/yield_policy.ts";

/** Looks after a burst until the policy says that is enough; each takes `away` milliseconds, the last one finds `packets`. */
function looks(
  policy: YieldPolicy,
  began: number,
  away: number,
  found: { at: number; packets: number } | null,
): number {
  let left = began;
  for (let count = 1;; count++, left += away) {
    const packets = found !== null && count === found.at ? found.packets : 0;
    if (!policy.shouldPollAgain(began, left, left + away, packets)) return count;
  }
}

Deno.test("it polls for 30 µs, and no longer once something came", () => {
  const policy = new YieldPolicy();
  assert.equal(looks(policy, 0, 0.004, { at: 3, packets: 1 }), 3);
  assert.equal(looks(policy, 1, 0.004, null), 8);
  assert.ok(policy.shouldYield(2));
});

Deno.test("polling goes on while one poll in nine finds packets; otherwise it rests", () => {
  const policy = new YieldPolicy();
  let most = 0;
  for (let burst = 0; burst < 900; burst++) {
    const found = burst % 9 === 0 ? { at: 2, packets: 1 } : null;
    if (looks(policy, burst, 0.01, found) === 1) most++;
  }
  assert.equal(most, 0, "bursts after which it looked once only");
  const bored = new YieldPolicy();
  let several = 0;
  for (let burst = 0; burst < 1000; burst++) if (looks(bored, burst, 0.01, null) > 1) several++;
  assert.ok(several >= 10 && several <= 20, `${several} of 1000 bursts with nothing to find`);
  // The next try that finds something brings it back.
  for (let burst = 0; burst < 100; burst++) looks(bored, burst, 0.01, { at: 1, packets: 1 });
  assert.ok(looks(bored, 2000, 0.01, null) > 1);
});

Deno.test("a program that computes on the core costs a few waits a second, not all packets", () => {
  const policy = new YieldPolicy();
  let now = 0;
  let given = 0;
  for (; now < 10_000; now++) {
    if (!policy.shouldYield(now)) continue;
    given++;
    policy.shouldPollAgain(now, now, now + 3, 3);
  }
  assert.ok(given >= 30 && given <= 45, `${given} times in ten seconds`);
});

Deno.test("yielding goes on where it brings full bursts, or seldom takes long", () => {
  const policy = new YieldPolicy();
  for (let burst = 0; burst < 1000; burst++) {
    assert.ok(policy.shouldYield(burst));
    policy.shouldPollAgain(burst, burst, burst + 3, 64);
  }
  for (let burst = 0; burst < 1000; burst++) {
    assert.ok(policy.shouldYield(2000 + burst));
    policy.shouldPollAgain(2000 + burst, 2000 + burst, 2000 + burst + (burst % 20 === 0 ? 3 : 0.1), 5);
  }
});
