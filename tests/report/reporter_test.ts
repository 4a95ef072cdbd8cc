import assert from "node:assert/strict";
import type { DetectedEvent } from "../../lib/learn/event.ts";
import { FloodGate, GATED } from "../../lib/report/flood_gate.ts";
import { History } from "../../lib/report/history.ts";
import { LineWriter } from "../../lib/report/log_output.ts";
import { Reporter } from "../../lib/report/reporter.ts";
import type { LogLevel } from "../../lib/report/severity.ts";

function weak(client: string, certainty: DetectedEvent["certainty"] = "weak"): DetectedEvent {
  return {
    event: "detected",
    protocol: "bittorrent",
    client,
    peer: "192.0.2.1",
    peer_port: 6881,
    transport: "udp",
    evidence: "guess",
    certainty,
    action: "log",
  };
}

async function run(level: LogLevel, body: (reporter: Reporter, clock: { now: number }) => void) {
  let text = "";
  const writer = new LineWriter({
    write(bytes) {
      text += new TextDecoder().decode(bytes);
      return Promise.resolve(bytes.length);
    },
  });
  const clock = { now: Date.UTC(2026, 0, 1) };
  const reporter = new Reporter({ format: "json", level, colour: false, dryRun: true, clock: () => clock.now, writer });
  body(reporter, clock);
  await reporter.close(1000);
  return text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
}

Deno.test("events come out as lines in the order they were given", async () => {
  const lines = await run("info", (reporter) => {
    reporter.emit(weak("10.0.0.1", "certain"));
    reporter.note("warning", "Something {odd} happened");
    reporter.note("debug", "hidden");
  });
  assert.deepEqual(lines.map((line) => line.event), ["detected", "note"]);
  assert.equal(lines[0].dry_run, true);
  assert.equal(lines[0].time, "2026-01-01T00:00:00.000Z");
  assert.equal(lines[1].message, "Something {odd} happened");
});

Deno.test("the level keeps events out of the log, not the history; audit is always there", async () => {
  const lines = await run("off", (reporter) => {
    reporter.emit(weak("10.0.0.1", "certain"));
    reporter.emit({ event: "audit", action: "lock", who: { uid: 0, pid: 7 }, client: "10.0.0.1", outcome: "done" });
    assert.deepEqual(reporter.history.of("10.0.0.1").map((entry) => entry.event.event), ["detected", "audit"]);
  });
  assert.deepEqual(lines.map((line) => line.event), ["audit"]);
  assert.deepEqual(lines[0].who, { uid: 0, pid: 7 });
});

Deno.test("a flood of weak guesses is cut and counted, and hides no certain detection", async () => {
  const lines = await run("info", (reporter, clock) => {
    for (let i = 0; i < 500; i++) reporter.emit(weak("10.0.0.1"));
    reporter.emit(weak("10.0.0.2", "certain"));
    clock.now += 60_000;
    reporter.emit(weak("10.0.0.3"));
    assert.equal(reporter.suppressed, 480);
  });
  assert.equal(lines.filter((line) => line.client === "10.0.0.1").length, 20);
  assert.equal(lines.filter((line) => line.client === "10.0.0.2").length, 1);
  assert.equal(lines.at(-1).client, "10.0.0.3");
  assert.equal(lines.at(-1).suppressed, 480);
});

Deno.test("admit takes the token of the event that follows, and minds the level", async () => {
  const lines = await run("info", (reporter) => {
    let asked = 0;
    for (let i = 0; i < 100; i++) {
      if (!reporter.admit("weak")) continue;
      asked++;
      reporter.emit(weak("10.0.0.1"));
    }
    assert.equal(asked, 20);
  });
  assert.equal(lines.length, 20);
  await run("error", (reporter) => assert.equal(reporter.admit("refused"), false));
});

Deno.test("ready and audit find room where other lines have filled the buffer", async () => {
  const lines = await run("info", (reporter) => {
    for (let i = 0; i < 200; i++) {
      reporter.emit({
        event: "locked",
        client: `10.0.0.${i}`,
        protocol: "operator",
        evidence: "operator",
        by: "state-file",
        until: "2026-01-01T00:00:00.000Z",
        reason: "ü".repeat(500),
      });
    }
    assert.notEqual(reporter.unwritten, 0);
    reporter.emit({ event: "audit", action: "lock", who: { uid: 0 }, client: "10.0.0.1", outcome: "done" });
    reporter.emit({ event: "ready", queues: [0], config: null, effective: [] });
  });
  assert.deepEqual(lines.slice(-2).map((line) => line.event), ["audit", "ready"]);
});

Deno.test("change takes effect with the next event", async () => {
  const lines = await run("error", (reporter) => {
    reporter.note("info", "before");
    reporter.change("json", "debug", false);
    reporter.note("debug", "after");
  });
  assert.deepEqual(lines.map((line) => line.message), ["after"]);
});

Deno.test("a flood gate fills up with time to its burst, also if the clock steps back", () => {
  const gate = new FloodGate();
  const i = FloodGate.number("refused");
  assert.ok(i >= 0 && i < GATED.length);
  const drain = (now: number) => {
    let count = 0;
    while (gate.admit(i, now)) count++;
    return count;
  };
  assert.equal(drain(1000), 50);
  assert.equal(drain(2000), 5);
  assert.equal(drain(1500), 0);
  assert.equal(drain(1e9), 50);
  assert.equal(gate.taken(i), 4);
  assert.equal(gate.taken(i), 0);
});

Deno.test("the history keeps the last events of a client and forgets the oldest", () => {
  const history = new History(4);
  for (let i = 0; i < 6; i++) history.add(weak(`10.0.0.${i % 2}`), i * 1000);
  assert.deepEqual(history.of("10.0.0.1").map((entry) => entry.time), [
    "1970-01-01T00:00:03.000Z",
    "1970-01-01T00:00:05.000Z",
  ]);
  assert.equal(history.of("10.0.0.1", null, 1).length, 1);
  assert.deepEqual(history.of("10.9.9.9"), []);
});
