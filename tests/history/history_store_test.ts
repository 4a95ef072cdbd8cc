import assert from "node:assert/strict";
import { HistoryStore, segmentPath } from "../../lib/history/history_store.ts";
import { readHistory } from "../support/read_history.ts";
import type { Addition } from "../../lib/history/tally.ts";
import { HOUR } from "../../lib/history/record.ts";

const DAY = 24 * HOUR;
const NOON = Date.UTC(2026, 0, 5, 12);
const ALL = { since: 0, until: Infinity };
const BOUNDS = { keep: 14 * DAY, size: 8 << 20 };

function refused(time: number, client: string, peer: string, more: Partial<Addition> = {}): Addition {
  return {
    kind: "refused",
    ...{ time, count: 1, bytes: 60, dryRun: false, client, peer, port: 6881, transport: "tcp" },
    ...{ protocol: "bittorrent", why: "recognised", certainty: "", action: "", because: "" },
    ...more,
  };
}

async function inFolder(body: (directory: string) => Promise<void>): Promise<void> {
  const directory = Deno.makeTempDirSync({ prefix: "ftwall-history-" });
  try {
    await body(`${directory}/state.history`);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

const sizes = (directory: string) =>
  [...Deno.readDirSync(directory)].map(({ name }) => Deno.statSync(`${directory}/${name}`).size);
/** Files are of the time of the story. */
function stamp(directory: string, time: number): void {
  for (const { name } of Deno.readDirSync(directory)) Deno.utimeSync(`${directory}/${name}`, time / 1000, time / 1000);
}
const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);

Deno.test("what was written is there after a restart, added up by client, peer and hour", async () => {
  await inFolder(async (directory) => {
    for (const start of [NOON, NOON + 600_000]) {
      const store = new HistoryStore(directory, BOUNDS);
      for (let i = 0; i < 50; i++) {
        store.add(refused(start + i * 1000, "10.0.0.5", "198.51.100.7"));
        await store.beat(start + i * 1000);
      }
      store.write({ kind: "event", time: start, dryRun: false, event: { event: "locked", client: "10.0.0.5" } });
      await store.close(start + 50_000);
      stamp(directory, start);
      assert.equal(store.failure, "");
    }
    const found = readHistory(directory, ALL);
    assert.equal(found.bad, 0);
    assert.equal(found.files, 1);
    assert.deepEqual(found.tallied.map(({ count, bytes, first, last }) => ({ count, bytes, first, last })), [
      { count: 100, bytes: 6000, first: NOON, last: NOON + 649_000 },
    ]);
    assert.deepEqual(found.events.map(({ event }) => event.event), ["locked", "locked"]);
    assert.equal(Deno.statSync(directory).mode! & 0o777, 0o700);
    assert.equal(Deno.statSync(segmentPath(directory, 1)).mode! & 0o777, 0o600);
  });
});

Deno.test("a file is tidied without a change of what it says, also what another run wrote", async () => {
  await inFolder(async (directory) => {
    let expected = 0;
    for (let run = 0; run < 3; run++) {
      const store = new HistoryStore(directory, BOUNDS);
      for (let i = 0; i < 700; i++) {
        const time = NOON + run * 700_000 + i * 1000;
        for (let n = 0; n < 8; n++, expected++) {
          store.add(refused(time, `10.0.0.${n}`, "198.51.100.7", { because: "y".repeat(100) }));
        }
        if (i % 100 === 0) store.write({ kind: "event", time, dryRun: true, event: { event: "released", i } });
        store.count({ packets: i, accepted: i, refused: 0, missed: 0, times: [0, i], sum: i, max: 2 }, time);
        await store.beat(time);
      }
      await store.close(NOON);
      stamp(directory, NOON);
    }
    const found = readHistory(directory, ALL);
    assert.equal(sum(found.tallied.map(({ count }) => count)), expected);
    assert.equal(found.events.length, 21);
    assert.equal(sum(found.counters.map(({ packets }) => packets)), 3 * 699);
    assert.deepEqual([found.bad, found.files], [0, 1]);
    // 16,800 lines of some 220 bytes would be 3.6 MB.
    assert.ok(found.bytes < 2 << 20, `${found.bytes} bytes`);
  });
});

Deno.test("its bounds are kept: bytes always, age to the day", async () => {
  await inFolder(async (directory) => {
    const bounds = { keep: 3 * DAY, size: 256 << 10 };
    const store = new HistoryStore(directory, bounds);
    for (let hour = 0; hour < 24 * 8; hour++) {
      const time = NOON + hour * HOUR;
      for (let n = 0; n < 100; n++) store.add(refused(time, `10.0.${n}.1`, "198.51.100.7"));
      await store.beat(time);
      assert.ok(sum(sizes(directory)) <= bounds.size);
    }
    assert.ok(sum(sizes(directory)) > bounds.size / 2);
    const before = readHistory(directory, ALL);
    assert.ok(before.tallied.length > 0);
    await store.close(NOON + 8 * DAY);
    for (const { name } of Deno.readDirSync(directory)) {
      Deno.utimeSync(`${directory}/${name}`, NOON / 1000, NOON / 1000);
    }
    const next = new HistoryStore(directory, bounds);
    next.add(refused(NOON + 30 * DAY, "10.0.0.9", "198.51.100.7"));
    await next.beat(NOON + 30 * DAY);
    assert.deepEqual(readHistory(directory, ALL).tallied.map(({ client }) => client), ["10.0.0.9"]);
    await next.close(NOON + 30 * DAY);
  });
});

Deno.test("a clock that is set forward and back within an hour makes nothing old; one that stays does", async () => {
  await inFolder(async (directory) => {
    const store = new HistoryStore(directory, { keep: 3 * DAY, size: 256 << 10 });
    const beat = async (client: string, time: number) => {
      store.add(refused(time, client, "198.51.100.7"));
      await store.beat(time);
    };
    const clients = () => readHistory(directory, ALL).tallied.map(({ client }) => client).sort();
    await beat("10.0.0.1", NOON);
    await beat("10.0.0.2", NOON + DAY);
    const far = NOON + 3650 * DAY;
    for (let minute = 0; minute < 30; minute++) await beat("10.0.0.3", far + minute * 60_000);
    await beat("10.0.0.4", NOON + DAY + HOUR);
    assert.deepEqual([...new Set(clients())], ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"]);
    for (let minute = 0; minute < 70; minute++) await beat("10.0.0.5", far + minute * 60_000);
    assert.deepEqual([...new Set(clients())].filter((client) => client < "10.0.0.3"), []);
    await store.close(far + 2 * HOUR);
  });
});

Deno.test("a torn last line costs that line alone", async () => {
  await inFolder(async (directory) => {
    const write = async (client: string) => {
      const store = new HistoryStore(directory, BOUNDS);
      store.add(refused(NOON, client, "198.51.100.7"));
      await store.close(NOON);
      stamp(directory, NOON);
    };
    await write("10.0.0.1");
    await write("10.0.0.2");
    Deno.truncateSync(segmentPath(directory, 1), Deno.statSync(segmentPath(directory, 1)).size - 9);
    Deno.writeFileSync(segmentPath(directory, 1), new Uint8Array(100), { append: true });
    stamp(directory, NOON);
    await write("10.0.0.3");
    const found = readHistory(directory, ALL);
    assert.deepEqual(found.tallied.map(({ client }) => client), ["10.0.0.1", "10.0.0.3"]);
    assert.equal(found.bad, 1);
  });
});

Deno.test("a folder that cannot be written is said, costs a bounded amount, and is tried again", async () => {
  await inFolder(async (directory) => {
    Deno.writeTextFileSync(directory, "in the way");
    const store = new HistoryStore(directory, BOUNDS);
    for (let i = 0; i < 100_000; i++) {
      const time = NOON + i * 36_000;
      store.add(refused(time, `10.1.${i >> 8 & 255}.${i & 255}`, "198.51.100.7"));
      store.write({ kind: "event", time, dryRun: false, event: { event: "locked", client: "10.0.0.1" } });
      if (i < 100) await store.beat(time);
    }
    assert.match(store.failure, /^Cannot write the history ".*": /);
    assert.ok(store.dropped > 100_000, `${store.dropped}`);
    Deno.removeSync(directory);
    for (let i = 0; i < 70; i++) await store.beat(NOON + 100_000 * 36_000);
    assert.equal(store.failure, "");
    assert.ok(readHistory(directory, ALL).tallied.length > 1000);
    await store.close(NOON + 100_000 * 36_000);
  });
});

Deno.test("what is asked for by client, protocol and time is found, and no more", async () => {
  await inFolder(async (directory) => {
    const store = new HistoryStore(directory, BOUNDS);
    for (let hour = 0; hour < 4; hour++) {
      const time = NOON + hour * HOUR;
      store.add(refused(time, "10.0.0.1", "198.51.100.7"));
      store.add(refused(time, "10.0.0.2", "198.51.100.7", { protocol: "gnutella" }));
      store.write({ kind: "event", time, dryRun: false, event: { event: "locked", client: "10.0.0.2" } });
    }
    await store.close(NOON);
    const count = (more: object) => {
      const { tallied, events } = readHistory(directory, { ...ALL, ...more });
      return [tallied.length, events.length];
    };
    assert.deepEqual(count({}), [8, 4]);
    assert.deepEqual(count({ clients: ["10.0.0.1"] }), [4, 0]);
    assert.deepEqual(count({ clients: ["10.0.0.2"], since: NOON + HOUR }), [3, 3]);
    assert.deepEqual(count({ protocol: "gnutella", until: NOON + HOUR }), [1, 0]);
    assert.deepEqual(count({ clients: ["10.0.0.77"] }), [0, 0]);
    assert.equal(readHistory(directory, { ...ALL, clients: ["10.0.0.77"] }).begins, NOON);
  });
  assert.deepEqual(readHistory("/nonexistent", ALL).begins, null);
});

Deno.test("a file that was not written since is passed by, but for when it begins and for names", async () => {
  await inFolder(async (directory) => {
    const client = "10.0.0.1";
    for (const time of [NOON, NOON + 24 * HOUR]) {
      const store = new HistoryStore(directory, BOUNDS);
      if (time === NOON) store.write({ kind: "named", time, client, mac: "", name: "anna-laptop", group: "" });
      store.add(refused(time, client, "198.51.100.7"));
      await store.close(time);
      const [last] = [...Deno.readDirSync(directory)].map(({ name }) => name).sort().slice(-1);
      Deno.utimeSync(`${directory}/${last}`, time / 1000, time / 1000);
    }
    const found = readHistory(directory, { since: NOON + 2 * HOUR, until: Infinity });
    assert.deepEqual(found.tallied.map(({ first }) => first), [NOON + 24 * HOUR]);
    assert.equal(found.names.get(client)?.name, "anna-laptop");
    assert.equal(found.begins, NOON);
    assert.equal(found.files, 2);
    assert.equal(readHistory(directory, { since: NOON, until: Infinity }).tallied.length, 2);
  });
});

Deno.test("killed in the middle of writing it stays readable, and nothing that was written is lost", async () => {
  // FTWALL_KILLS=100 for the long form.
  const kills = Number(Deno.env.get("FTWALL_KILLS") ?? 6);
  await inFolder(async (directory) => {
    let sure = 0;
    let sureEvents = 0;
    let most = 0;
    for (let kill = 0; kill < kills; kill++) {
      const script = new URL("killed_writer.ts", import.meta.url).pathname;
      await using child = new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", "--no-check", "--cached-only", script, directory, String(kill + 1)],
        stdout: "piped",
        stderr: "inherit",
      }).spawn();
      let said = "";
      // A different number of lines each time, so that the kill falls on writing, tidying and the end of a file alike.
      for await (const piece of child.stdout.pipeThrough(new TextDecoderStream())) {
        said += piece;
        if (said.split("\n").length > 20 + (kill * 37) % 90) break;
      }
      child.kill("SIGKILL");
      await child.status;
      const whole = said.slice(0, said.lastIndexOf("\n")).split("\n").at(-1) ?? "0 0";
      const [tallied = 0, events = 0] = whole.split(" ").map(Number);
      sure += tallied;
      sureEvents += events;
      // A beat adds 400 at most; some came after the last line that was read.
      most += tallied + 400 * 400;
      const found = readHistory(directory, ALL);
      const counted = sum(found.tallied.map(({ count }) => count));
      assert.ok(counted >= sure && counted <= most, `kill ${kill}: ${counted} of ${sure}`);
      assert.ok(found.events.length >= sureEvents);
      assert.ok(found.bad <= kill + 1, `${found.bad} lines are torn`);
      // From here on what is there counts.
      sure = counted;
      sureEvents = found.events.length;
    }
  });
});

Deno.test("a flood of events is taken whole, within the bound, and can be asked for", async () => {
  // The probe of docs/history.md, with fewer events: memory and times are for people to read.
  await inFolder(async (directory) => {
    const probe = new URL("million_probe.ts", import.meta.url).pathname;
    const args = ["run", "-A", "--no-check", "--cached-only", probe, directory, "30000"];
    const { success, stdout } = await new Deno.Command(Deno.execPath(), { args, stderr: "inherit" }).output();
    assert.ok(success);
    const told = JSON.parse(new TextDecoder().decode(stdout));
    assert.deepEqual([told.dropped, told.failure], [0, ""]);
    assert.ok(told.most_bytes <= told.bound && told.scanned.lines > 5000 && told.one_client.lines > 20);
  });
});
