import assert from "node:assert/strict";
import { logText } from "../../lib/history/log_text.ts";
import type { Happened, Tallied } from "../../lib/history/record.ts";
import { HistoryStore } from "../../lib/history/history_store.ts";
import { escaped, reportPage } from "../../lib/history/report_page.ts";
import { reportText } from "../../lib/history/report_text.ts";
import { wordingOf } from "../../lib/history/report_words.ts";
import { summarize, type Summary } from "../../lib/history/summary.ts";
import type { Addition } from "../../lib/history/tally.ts";
import { machineName, writeWeek } from "../support/made_up_week.ts";

const END = Date.UTC(2026, 0, 12, 7);
const WEEK = 7 * 86_400_000;
// An hour east of UTC, whatever this machine's zone is.
const EAST = 60;
const local = (time: number) => {
  const text = new Date(time + EAST * 60_000).toISOString();
  return { day: text.slice(0, 10), hour: Number(text.slice(11, 13)) };
};
const wording = (summary: Summary) => wordingOf(summary.until, () => EAST);

function sumUp(directory: string, more: Partial<Parameters<typeof summarize>[0]> = {}): Summary {
  return summarize({ directory, since: END - WEEK, until: END, host: "router", nameOf: () => "", local, ...more });
}

async function inFolder(body: (directory: string) => Promise<void> | void): Promise<void> {
  const directory = Deno.makeTempDirSync({ prefix: "ftwall-report-" });
  try {
    await body(`${directory}/state.history`);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

function addition(more: Partial<Addition>): Addition {
  return {
    kind: "refused",
    ...{ time: END - 3_600_000, count: 1, bytes: 60, dryRun: false, client: "192.168.1.5", peer: "198.51.100.7" },
    ...{ port: 6881, transport: "tcp", protocol: "bittorrent", why: "recognised" },
    ...{ certainty: "", action: "", because: "" },
    ...more,
  };
}

async function reportOf(records: readonly Addition[], events: readonly object[] = []): Promise<Summary> {
  let summary: Summary | undefined;
  await inFolder(async (directory) => {
    const store = new HistoryStore(directory, { keep: WEEK, size: 1 << 20 });
    for (const record of records) store.add(record);
    for (const event of events) {
      store.write({ kind: "event", time: END - 1000, dryRun: false, event: { event: "note", ...event } });
    }
    await store.close(END);
    summary = sumUp(directory);
  });
  return summary!;
}

Deno.test("a week is summed up: who, what, when, what it cost and what changed", async () => {
  await inFolder(async (directory) => {
    await writeWeek(directory, END, 96);
    const summary = sumUp(directory);
    assert.equal(summary.dry_run, "some");
    assert.deepEqual(summary.protocols.map(({ protocol }) => protocol), [
      ...["bittorrent", "edonkey", "fasttrack", "gnutella", "soulseek", "xunlei"],
    ]);
    const [first] = summary.clients;
    assert.equal(first!.name, machineName(Number(first!.client.split(".")[3])));
    assert.ok(first!.refused.packets > 0 && first!.would_refuse.packets > 0 && first!.peers.length === 5);
    const all = (pick: (one: Summary["clients"][number]) => number) =>
      summary.clients.reduce((n, one) => n + pick(one), 0);
    assert.equal(all(({ detected }) => detected), summary.totals.detected);
    assert.equal(all(({ refused }) => refused.packets), summary.totals.refused.packets);
    assert.equal(all(({ would_lock }) => would_lock), summary.totals.would_lock);
    // Eight local days, of which the first begins and the last ends at 8 o'clock.
    const { days } = summary.heat;
    assert.deepEqual(days.map(({ hours }) => hours.filter((count) => count !== null).length), [
      16,
      24,
      24,
      24,
      24,
      24,
      24,
      8,
    ]);
    const inHeat = days.flatMap(({ hours }) => hours).reduce((a: number, b) => a + (b ?? 0), 0);
    assert.equal(inHeat, summary.totals.refused.packets + summary.totals.would_refuse.packets);
    // What is refused is no mere mention.
    assert.ok(summary.mentions.length > 10);
    assert.ok(summary.mentions.every(({ certainty }) => certainty === "weak"));
    assert.equal(summary.cost.missed, 412);
    assert.equal(summary.cost.hours.length, 168);
    assert.deepEqual(summary.config.map(({ event }) => event), [
      ...["started", "reloaded", "reload refused", "started", "operator"],
    ]);
    assert.deepEqual(summary.trouble.map(({ event }) => event), ["queue-overrun", "warning"]);
    const half = sumUp(directory, { since: END - WEEK / 2 });
    assert.ok(half.totals.detected > 0 && half.totals.detected < summary.totals.detected);
    assert.equal(half.dry_run, "some");
    assert.equal(sumUp(directory, { since: END - 86_400_000 }).dry_run, "none");
  });
});

Deno.test("the text fits in 60 to 100 columns, whatever is in it", async () => {
  await inFolder(async (directory) => {
    await writeWeek(directory, END, 200);
    const summary = sumUp(directory);
    for (let width = 60; width <= 100; width++) {
      const lines = reportText(summary, wording(summary), width);
      assert.deepEqual(lines.filter((line) => line.length > width), [], `${width} columns`);
    }
    assert.ok(reportText(summary, wording(summary), 9).every((line) => line.length <= 60));
    assert.ok(reportText(summary, wording(summary), 999).every((line) => line.length <= 100));
  });
});

Deno.test("in a dry run the words are those of what would have been", async () => {
  const dry = await reportOf([addition({ dryRun: true, count: 7 })]);
  const text = reportText(dry, wording(dry), 80).join("\n");
  assert.match(text, /nothing was refused/);
  assert.match(text, /7 packets \(60 B\) would have been\s+refused/);
  assert.match(text, /WOULD REFUSE/);
  assert.match(text, /^WHEN: packets that would have been refused, by hour/m);
  assert.doesNotMatch(text, /\bREFUSED\b|\brefused:|LOCKS/);
  assert.match(reportPage(dry, wording(dry)), /class="dry">dry run<.*packets that would have been refused/s);
  const done = await reportOf([addition({ count: 7 })]);
  assert.doesNotMatch(reportText(done, wording(done), 80).join("\n"), /would|dry/i);
  assert.doesNotMatch(reportPage(done, wording(done)), /would|dry run/i);
});

Deno.test("lines of the log have the reader's time, and say what happened without its field's name", () => {
  const tallied: Tallied = {
    ...addition({ kind: "detected", count: 3, certainty: "certain", action: "lock", dryRun: true }),
    first: END,
    last: END + 120_000,
  };
  const event = { event: "locked", client: "192.168.1.20", until: new Date(END + 3_600_000).toISOString() };
  const lost = { event: "rules-lost", message: "The rules were changed.", backend: "nft" };
  const events: Happened[] = [
    { kind: "event", time: END + 1, dryRun: true, event },
    { kind: "event", time: END + 2, dryRun: false, event: lost },
  ];
  const records = [tallied, ...events];
  const [first = "", ...rest] = logText(records, wordingOf("2026-01-12T07:00:00Z", () => EAST), () => "");
  assert.match(first, /^Mon 12 Jan 08:00 {2}detected .* 3 times: client .*, last Mon 12 Jan 08:02 \[dry run\]$/);
  assert.deepEqual(rest, [
    "Mon 12 Jan 08:00  would have locked client 192.168.1.20: until Mon 12 Jan 09:00 [dry run]",
    "Mon 12 Jan 08:00  rules-lost: The rules were changed., backend nft",
  ]);
});

Deno.test("an address that a self-test made up is called so, and is none of the clients that shared", async () => {
  const found = addition({ kind: "detected", certainty: "certain", client: "10.91.186.21" });
  const audit = { event: "audit", action: "unlock", client: found.client, reason: "selftest", outcome: "done" };
  const { totals, clients } = await reportOf([found], [audit]);
  assert.equal(totals.clients, 0);
  assert.deepEqual(clients.map(({ client, name }) => [client, name]), [["10.91.186.21", "selftest"]]);
});

Deno.test("nothing that a client or peer said becomes part of the page or steers the terminal", async () => {
  const hostile = "\"><script>alert(1)</script><img src=x onerror=alert(1)>\x1b[2J\u202e&`'";
  const records = [
    addition({ client: hostile, peer: hostile, protocol: hostile, why: hostile }),
    addition({ kind: "detected", client: hostile, protocol: "x", why: hostile, certainty: "weak", because: hostile }),
  ];
  const summary = await reportOf(records, [
    { level: "warning", message: hostile },
    { event: hostile, [hostile]: hostile },
    { event: "audit", action: "lock", client: hostile, reason: hostile, outcome: "done" },
  ]);
  const page = reportPage({ ...summary, host: hostile }, wording(summary));
  const tags = new Set([...page.matchAll(/<\/?([a-zA-Z]\w*)/g)].map((match) => match[1]));
  for (const tag of ["script", "img", "iframe", "link", "a"]) assert.ok(!tags.has(tag), tag);
  assert.doesNotMatch(page, /<[^>]*\son\w+=/);
  for (const text of [page, reportText(summary, wording(summary), 80).join("\n"), escaped(hostile)]) {
    // deno-lint-ignore no-control-regex
    assert.doesNotMatch(text.replaceAll("\n", ""), /[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/);
  }
});

Deno.test("the page is whole by itself: no network, no script, a policy that forbids both", async () => {
  const summary = await reportOf([addition({})]);
  const page = reportPage(summary, wording(summary));
  assert.doesNotMatch(page, /https?:|src=|href=|url\(|@import/);
  assert.match(page, /Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"/);
  assert.match(page, /prefers-color-scheme: dark/);
  assert.match(page, /@media print/);
  assert.match(page, /<svg/);
});

Deno.test("without a history, and with nothing in it, the report says so", async () => {
  const none = sumUp("/nonexistent");
  assert.match(reportText(none, wording(none), 80).join("\n"), /There is no history yet/);
  assert.match(reportPage(none, wording(none)), /There is no history yet/);
  const quiet = await reportOf([], [{ level: "warning", message: "Something" }]);
  assert.match(reportText(quiet, wording(quiet), 80).join("\n"), /Nothing was recognised/);
  assert.match(reportText(quiet, wording(quiet), 80).join("\n"), /warning: Something/);
});
