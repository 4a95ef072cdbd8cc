import assert from "node:assert/strict";
import { hashedNames, hashedNamesOf } from "../../lib/history/hashed.ts";
import { type HistoryRecord, HOUR } from "../../lib/history/record.ts";
import { type Privacy, Recorder } from "../../lib/history/recorder.ts";
import type { Addition } from "../../lib/history/tally.ts";
import type { ReportEvent } from "../../lib/report/report_event.ts";

const TIME = Date.UTC(2026, 0, 5, 12);
const DETECTED: ReportEvent = {
  event: "detected",
  ...{ protocol: "bittorrent", client: "10.0.0.5", peer: "198.51.100.7", peer_port: 6881, transport: "tcp" },
  ...{ evidence: "tcp-handshake", certainty: "certain", action: "drop", mac: "02:00:00:00:00:05", suppressed: 4 },
} as const;
const LOCKED: ReportEvent = {
  event: "locked",
  ...{ client: "10.0.0.5", protocol: "fasttrack", evidence: "udp-ping", by: "operator", reason: "Anna asked" },
} as const;
const REFUSED: ReportEvent = {
  event: "refused",
  ...{ client: "10.0.0.5", peer: "198.51.100.8", peer_port: 80, transport: "tcp", reason: "client-locked" },
  suppressed: 9,
} as const;

function record(events: readonly ReportEvent[], privacy: Privacy = "plain", dryRun = false) {
  const added: Addition[] = [];
  const written: HistoryRecord[] = [];
  const recorder = new Recorder({
    store: {
      add: (one) => void added.push(one),
      write: (one) => void written.push(one),
      count: () => {},
    },
    dryRun,
    privacyOf: () => privacy,
    hash: (client) => `client-of-${client.length}`,
    identityOf: () => ({ mac: "02:00:00:00:00:05", name: "anna-laptop", group: "staff" }),
  });
  events.forEach((event, i) => recorder.take(event, TIME + i));
  return { added, written, all: JSON.stringify([added, written]) };
}

Deno.test("events are counted with those that were not printed, and who the client was is said once", () => {
  const { added, written } = record([DETECTED, DETECTED, LOCKED, REFUSED], "plain", true);
  assert.deepEqual(added.map(({ kind, count, protocol, dryRun }) => [kind, count, protocol, dryRun]), [
    ["detected", 5, "bittorrent", true],
    ["detected", 5, "bittorrent", true],
    // What a locked client is refused is for what it is locked for.
    ["refused", 10, "fasttrack", true],
  ]);
  assert.deepEqual(written.map((one) => one.kind === "event" ? one.event.event : one.kind), ["named", "locked"]);
});

Deno.test("hashed clients leave no address, MAC, name or reason; counted ones not even a hash", () => {
  for (const privacy of ["hashed", "none"] as const) {
    const { all, added } = record([DETECTED, LOCKED, REFUSED], privacy);
    for (const trace of ["10.0.0.5", "02:00:00:00:00:05", "anna-laptop", "Anna"]) {
      assert.ok(!all.includes(trace), trace);
    }
    assert.equal(all.includes("client-of-8"), privacy === "hashed");
    assert.equal(added.length, 2);
  }
});

Deno.test("the same warning is kept once an hour, and sentences are cut", () => {
  const note: ReportEvent = { event: "note", level: "warning", message: "x".repeat(5000) };
  assert.equal(record([note, note, { ...note, level: "info" }]).written.length, 1);
  const changes = Array.from({ length: 500 }, (_, i) => `key${i}: ${"y".repeat(1000)}`);
  const { all } = record([{ event: "reloaded", hash: "ab", changes }]);
  assert.ok(all.length < 4000 && all.includes("and 492 more"));
});

Deno.test("who a client is is said anew each day", () => {
  const written: HistoryRecord[] = [];
  const recorder = new Recorder({
    store: { add: () => {}, write: (one) => void written.push(one), count: () => {} },
    dryRun: false,
    privacyOf: () => "plain",
    hash: String,
    identityOf: () => ({ mac: "", name: "", group: "default" }),
  });
  for (let hour = 0; hour < 48; hour++) recorder.take(DETECTED, TIME + hour * HOUR);
  assert.equal(written.length, 3);
});

Deno.test("a hashed client has the same name after a restart, and another on another machine", () => {
  const directory = Deno.makeTempDirSync({ prefix: "ftwall-history-" });
  try {
    assert.deepEqual(hashedNamesOf(`${directory}/a`, ["10.0.0.5"]), []);
    const name = hashedNames(`${directory}/a`)("10.0.0.5");
    assert.match(name, /^client-[0-9a-f]{10}$/);
    assert.deepEqual(hashedNamesOf(`${directory}/a`, ["10.0.0.5"]), [name]);
    assert.notEqual(hashedNames(`${directory}/b`)("10.0.0.5"), name);
    assert.equal(Deno.statSync(`${directory}/a/secret`).mode! & 0o777, 0o600);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});
