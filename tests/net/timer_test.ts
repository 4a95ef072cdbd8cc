import assert from "node:assert/strict";
import { after, pause, within } from "../../lib/net/timer.ts";

Deno.test("timers come in the order of their times, whatever the order in which they began", async () => {
  const came: number[] = [];
  const began = performance.now();
  await Promise.all([60, 10, 30, 0, 31].map((time) => pause(time).then(() => came.push(time))));
  assert.deepEqual(came, [0, 10, 30, 31, 60]);
  assert.ok(performance.now() - began >= 59);
});

Deno.test("one that was ended does not come, and others do", async () => {
  const came: string[] = [];
  const first = after(20, () => came.push("first"));
  after(40, () => came.push("second"));
  first.end();
  first.end();
  await pause(60);
  assert.deepEqual(came, ["second"]);
});

Deno.test("one that begins while another comes is not lost", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  after(5, () => after(0, () => after(5, resolve)));
  await promise;
});

Deno.test("a timer that begins after all were ended comes, also where an alarm went off meanwhile that nobody heard", async () => {
  after(5, () => assert.fail("it was ended")).end();
  await pause(15);
  const { promise, resolve } = Promise.withResolvers<void>();
  after(10, () => assert.fail("it was ended")).end();
  for (const end = performance.now() + 20; performance.now() < end;);
  after(30, resolve);
  await promise;
});

Deno.test("within() tells whether it was in time, and is rejected where the work is", async () => {
  assert.equal(await within(pause(5), 1000), true);
  assert.equal(await within(new Promise(() => {}), 5), false);
  await assert.rejects(within(Promise.reject(new Error("x")), 1000), /x/);
});

Deno.test("a hundred thousand timers that were ended leave next to nothing behind", async () => {
  const before = Deno.memoryUsage().heapUsed;
  for (let i = 0; i < 100_000; i++) {
    after(10_000, () => {}).end();
    if (i % 1000 === 0) await pause(0);
  }
  assert.ok(Deno.memoryUsage().heapUsed - before < 16 << 20);
});

Deno.test("a process ends with its last timer, and does not wait for those that were ended", async () => {
  const timer = new URL("../../lib/net/timer.ts", import.meta.url).href;
  const script =
    `import { after, pause } from "${timer}"; after(600_000, () => {}).end(); await pause(5); console.log("end");`;
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-check", "--quiet", script],
    stderr: "inherit",
  }).output();
  assert.deepEqual([code, new TextDecoder().decode(stdout)], [0, "end\n"]);
});
