/** When messages are sent, tried again and given up, on a clock of the test's own. */
import assert from "node:assert/strict";
import type { Message } from "../../lib/notify/message.ts";
import { Notifier } from "../../lib/notify/notifier.ts";
import { Target } from "../../lib/notify/target.ts";
import { Refused } from "../../lib/notify/webhook.ts";
import type { ReportEvent } from "../../lib/report/report_event.ts";
import { LETTERHEAD, locked, targetOf, WALL } from "./target_config.ts";

/** A target with a clock, and what it sent. */
class Scene {
  readonly target: Target;
  readonly messages: Message[] = [];
  readonly notes: string[] = [];
  readonly limits: AbortController[] = [];
  /** Why messages do not arrive; null: they do. */
  failure: Error | null = null;
  /** Messages wait until this is resolved. */
  slow: Promise<void> = Promise.resolve();
  #now = 0;

  constructor(toml = "") {
    this.target = new Target(targetOf(`webhook = "http://h.example/s3cret"\n${toml}`), {
      letterhead: LETTERHEAD,
      note: (level, text) => this.notes.push(`${level}: ${text}`),
      limit: () => {
        const controller = new AbortController();
        this.limits.push(controller);
        return controller.signal;
      },
      deliver: async (_, message, signal) => {
        const ended = new Promise((resolve) => signal.addEventListener("abort", resolve));
        await Promise.race([this.slow, ended]);
        if (signal.aborted) throw new Error("aborted");
        if (this.failure !== null) throw this.failure;
        this.messages.push(message);
      },
    });
  }

  /** Lets so many seconds pass, with a beat in each. */
  async pass(seconds: number): Promise<void> {
    for (let i = 0; i < seconds; i++) {
      this.target.beat(this.#now += 1000, WALL + this.#now);
      await settled();
    }
  }

  /** When the messages were made, in seconds, and how many lines they have. */
  get log(): (readonly [number, number])[] {
    return this.messages.map(({ time, lines }) => [(time - WALL) / 1000, lines.length] as const);
  }
}

/** What only waits for promises has gone on. */
async function settled(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

Deno.test("what comes together is told together, and then at most one message in each interval", async () => {
  const scene = new Scene('interval = "1m"');
  await scene.pass(5);
  assert.deepEqual(scene.log, []);
  for (let i = 0; i < 3; i++) scene.target.add(locked(`10.0.0.${i}`), WALL);
  await scene.pass(10);
  assert.deepEqual(scene.log, [[8, 3]]);
  for (let i = 0; i < 50; i++) {
    scene.target.add(locked(`10.0.0.${i}`), WALL);
    await scene.pass(1);
  }
  await scene.pass(120);
  assert.deepEqual(scene.messages.map(({ time }) => (time - WALL) / 1000), [8, 68]);
  assert.equal(scene.messages.flatMap(({ lines }) => lines).length, 53);
});

Deno.test("a target that is down is tried again ever more seldom, with the same message, and says so once", async () => {
  const scene = new Scene();
  scene.failure = new Error("connection refused");
  scene.target.add(locked(), WALL);
  await scene.pass(4000);
  const { failed, failing_since, failure, waiting } = scene.target.status();
  // After 5, 10, 20 … 320 seconds, then each 600.
  assert.equal(failed, 13);
  assert.deepEqual([failing_since! - WALL, failure, waiting], [3000, "connection refused", true]);
  scene.target.add(locked("10.0.0.6"), WALL);
  scene.failure = null;
  await scene.pass(1300);
  assert.equal(scene.messages.length, 2);
  assert.match(scene.messages[0]!.lines.join(), /10\.0\.0\.5/);
  assert.match(scene.messages[1]!.lines.join(), /10\.0\.0\.6/);
  const { sent, failure: gone, waiting: rest } = scene.target.status();
  assert.deepEqual([sent, gone, rest], [2, undefined, false]);
  assert.deepEqual(scene.notes, [
    'warning: Cannot tell "t" (json at h.example): connection refused. It is tried again',
    'info: Messages to "t" arrive again',
  ]);
});

Deno.test("a server that asks for a pause gets it, and a message that no server takes is given up", async () => {
  const scene = new Scene();
  scene.failure = new Refused(429, "slow down", 120);
  scene.target.add(locked(), WALL);
  await scene.pass(119);
  assert.equal(scene.target.status().failed, 1);
  await scene.pass(10);
  assert.equal(scene.target.status().failed, 2);
  scene.failure = new Refused(400, "no", 0);
  await scene.pass(200);
  const { failed, dropped, waiting } = scene.target.status();
  assert.deepEqual([failed, dropped, waiting], [3, 1, false]);
});

Deno.test("a message that could not be brought for a day is given up; what came since is told", async () => {
  const scene = new Scene();
  scene.failure = new Error("down");
  scene.target.add(locked(), WALL);
  await scene.pass(10);
  for (let i = 0; i < 300; i++) scene.target.add(locked(`10.1.0.${i}`), WALL);
  await scene.pass(88_000);
  scene.failure = null;
  await scene.pass(700);
  assert.deepEqual(scene.messages.map(({ lines }) => lines.length), [101]);
  assert.equal(scene.target.status().dropped, 201);
});

Deno.test("one message is under way at a time, and one that takes too long is ended", async () => {
  const scene = new Scene();
  scene.slow = new Promise(() => {});
  scene.target.add(locked(), WALL);
  await scene.pass(500);
  assert.equal(scene.limits.length, 1);
  scene.limits[0]!.abort();
  await settled();
  assert.equal(scene.target.status().failure, "it took too long");
  await scene.pass(600);
  assert.equal(scene.limits.length, 2);
});

Deno.test("the wait before another try begins when the one before has failed, not when it began", async () => {
  const scene = new Scene('timeout = "5m"');
  scene.slow = new Promise(() => {});
  scene.target.add(locked(), WALL);
  // Longer than each of the first waits.
  for (const wait of [5, 10, 20]) {
    await scene.pass(100);
    const tries = scene.limits.length;
    scene.limits.at(-1)!.abort();
    await settled();
    await scene.pass(wait - 1);
    assert.equal(scene.limits.length, tries);
    await scene.pass(1);
    assert.equal(scene.limits.length, tries + 1);
  }
});

Deno.test("at the end what is still to be told is tried once, even where it failed before", async () => {
  const scene = new Scene('interval = "1h"');
  scene.target.add(locked(), WALL);
  await scene.pass(5);
  scene.target.add(locked("10.0.0.6"), WALL);
  await scene.target.close(5000, WALL, 100);
  assert.equal(scene.messages.length, 2);
  await scene.target.close(5000, WALL, 100);
  assert.equal(scene.messages.length, 2);
  const down = new Scene();
  down.failure = new Error("down");
  down.target.add(locked(), WALL);
  await down.target.close(0, WALL, 100);
  assert.equal(down.target.status().failed, 1);
});

Deno.test("at the end the message under way and the last one have one limit together", async () => {
  const scene = new Scene();
  const arrived = Promise.withResolvers<void>();
  scene.slow = arrived.promise;
  scene.target.add(locked(), WALL);
  await scene.pass(5);
  scene.target.add(locked("10.0.0.6"), WALL);
  const closing = scene.target.close(5000, WALL, 100);
  arrived.resolve();
  await closing;
  assert.equal(scene.messages.length, 2);
  assert.equal(scene.limits.length, 2);
});

Deno.test("each target gets what its `on` names; a reload keeps what it has gathered", async () => {
  const notifier = new Notifier({
    letterhead: LETTERHEAD,
    note: () => {},
    starting: () => {},
    limit: () => new AbortController().signal,
  });
  const rules: ReportEvent = { event: "rules-lost", message: "gone" };
  assert.ok(!notifier.wants(rules));
  const target = (name: string, on: string) => ({ ...targetOf(`command = ["/bin/true"]\non = ${on}`), name });
  await notifier.adopt([target("a", '["rules", "error"]'), target("b", '["lock", "detected"]')]);
  assert.ok(notifier.wants(rules) && notifier.wants(locked()));
  assert.ok(!notifier.wants(locked("10.0.0.5", { by: "state-file" })));
  const note = (level: "error" | "warning"): ReportEvent => ({ event: "note", level, message: "x" });
  assert.deepEqual([notifier.wants(note("error")), notifier.wants(note("warning"))], [true, false]);
  const detected = { ...locked(), event: "detected", certainty: "weak" } as unknown as ReportEvent;
  assert.ok(!notifier.wants(detected) && notifier.wants({ ...detected, certainty: "strong" } as ReportEvent));
  assert.ok(!notifier.wants({ event: "reload-refused", problems: [] }));
  notifier.take(rules, WALL);
  const waiting = () => notifier.status().map(({ name, waiting }) => [name, waiting]);
  assert.deepEqual(waiting(), [["a", true], ["b", false]]);
  await notifier.adopt([target("c", '["rules"]'), target("a", '["rules"]')]);
  assert.deepEqual(waiting(), [["c", false], ["a", true]]);
  assert.deepEqual(await notifier.test("c", WALL), [{ name: "c", failure: "" }]);
  assert.deepEqual(await notifier.test("z", WALL), []);
  await notifier.adopt([]);
  assert.ok(!notifier.wants(rules));
});
