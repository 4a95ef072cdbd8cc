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

/** How often the core is given away from `from` to `to`, with a packet each millisecond, where each time takes so long. */
function given(policy: YieldPolicy, from: number, to: number, away: number): number {
  let times = 0;
  for (let now = from; now < to; now++) {
    if (!policy.shouldYield(now)) continue;
    times++;
    policy.shouldPollAgain(now, now, now + away, 3);
  }
  return times;
}

Deno.test("a program that computes on the core costs four waits, and four more after 1, 2, 4 … 64 seconds", () => {
  const policy = new YieldPolicy();
  assert.equal(given(policy, 0, 10_000, 3), 4 * 4, "at 0, 1, 3 and 7 s");
  assert.equal(given(policy, 10_000, 640_000, 3), 4 * 12, "at 15, 31, 63, 127 s and then each 64 s");
  // It ends, and another one comes later.
  given(policy, 640_000, 720_000, 0.1);
  assert.equal(given(policy, 720_000, 730_000, 3), 4 * 4);
});

Deno.test("what counts is the time that is lost, however many short looks are between, and though what waits fills a burst", () => {
  for (const [shorts, away, packets] of [[19, 3.5, 3], [0, 4, 80]] as const) {
    const policy = new YieldPolicy();
    let now = 0;
    while (policy.shouldYield(now) && now < 1000) {
      for (let i = 0; i < shorts; i++, now += 0.004) policy.shouldPollAgain(now, now, now + 0.004, 0);
      policy.shouldPollAgain(now, now, now += away, packets);
    }
    assert.ok(now < 20, `${now} ms with ${shorts} short looks for each of ${away} ms`);
  }
});

Deno.test("yielding goes on where a flood comes meanwhile, or seldom takes long", () => {
  const policy = new YieldPolicy();
  // A sender of 150,000 a second, who goes on for 3 ms each time: seven bursts follow.
  let now = 0;
  for (let burst = 0; now < 1000; burst++) {
    assert.ok(policy.shouldYield(now));
    policy.shouldPollAgain(now, now, now += burst % 7 === 0 ? 3 : 0.05, 64);
  }
  for (let burst = 0; burst < 1000; burst++) {
    assert.ok(policy.shouldYield(2000 + burst));
    policy.shouldPollAgain(2000 + burst, 2000 + burst, 2000 + burst + (burst % 20 === 0 ? 3 : 0.1), 5);
  }
});
