/**
 * Puts a week of events into a history and asks it: prints what it takes, as JSON. Arguments: a folder, how many events
 * (1,000,000). The memory before is that of a process
 * that logged such events.
 */
import { cpuUsage } from "node:process";
import { Libc } from "../../ffi/libc.ts";
import { Recorder } from "../../lib/history/recorder.ts";
import { HistoryStore } from "../../lib/history/history_store.ts";
import { logText } from "../../lib/history/log_text.ts";
import { readLog, scanHistory } from "../../lib/history/read_history.ts";
import { wordingOf } from "../../lib/history/report_words.ts";
import type { ReportEvent } from "../../lib/report/report_event.ts";

const [directory = "", many = "1000000"] = Deno.args;
const EVENTS = Number(many);
const WEEK = 7 * 86_400_000;
const START = Date.now() - WEEK;
const SIZE = 8 << 20;

let random = 12345;
const next = (below: number) => (random = (random * 48271) % 2147483647) % below;

/** One of 200 clients, of which a few are most of it, with one of many peers. */
function event(i: number): ReportEvent {
  const client = `192.168.1.${1 + Math.floor(200 * (next(1000) / 1000) ** 3)}`;
  const peer = `198.${51 + next(3)}.${next(256)}.${next(256)}`;
  if (i % 50 === 0) {
    return { event: "locked", client, protocol: "fasttrack", evidence: "udp-ping", by: "detector", until: "2026" };
  }
  const side = { client, peer, peer_port: 1024 + next(60000), transport: "tcp" } as const;
  const protocol = ["bittorrent", "edonkey", "gnutella"][next(3)]!;
  return i % 3 === 0
    ? { event: "detected", protocol, ...side, evidence: "tcp-handshake", certainty: "certain", action: "drop" }
    : { event: "refused", protocol, ...side, reason: "recognised", suppressed: next(40) };
}

const status = (pattern: RegExp, file = "status") =>
  Number(pattern.exec(Deno.readTextFileSync(`/proc/self/${file}`))?.[1] ?? 0);
const rss = () => status(/^VmRSS:\s+(\d+)/m);
const libc = Libc.open();
/** What the daemon does now and then, too (ffi/start_pages.ts). */
const collect = () => {
  (globalThis as { gc?: () => void }).gc?.();
  libc.symbols.malloc_trim?.(0n);
};

// The baseline is a process that tells such events to a log, as the daemon does in any case.
const log = await Deno.open("/dev/null", { write: true });
let lines = "";
for (let i = 0; i < EVENTS / 2; i++) {
  lines += JSON.stringify(event(i)) + "\n";
  if (i % 200 !== 0) continue;
  await log.write(new TextEncoder().encode(lines));
  lines = "";
}
log.close();
collect();
const before = { rss: rss(), written: status(/^wchar: (\d+)/m, "io"), disk: status(/^write_bytes: (\d+)/m, "io") };
const store = new HistoryStore(directory, { keep: 14 * 86_400_000, size: SIZE });
const recorder = new Recorder({
  store,
  dryRun: false,
  privacyOf: () => "plain",
  hash: String,
  identityOf: () => ({ mac: "", name: "", group: "default" }),
});
let most = 0;
let longest = 0;
let peak = 0;
const began = performance.now();
for (let i = 0; i < EVENTS; i++) {
  const time = START + i * (WEEK / EVENTS);
  recorder.take(event(i), time);
  if (i % 200 !== 0) continue;
  const now = performance.now();
  const written = store.beat(time);
  longest = Math.max(longest, performance.now() - now);
  await written;
  most = Math.max(most, store.bytes);
  if (i % 20_000 === 0) peak = Math.max(peak, rss());
}
await store.close(START + WEEK);
const took = performance.now() - began;
collect();
await new Promise((resolve) => setTimeout(resolve, 200));
const after = { rss: rss(), written: status(/^wchar: (\d+)/m, "io"), disk: status(/^write_bytes: (\d+)/m, "io") };
/** What something takes: by the clock, and of the processor, which other programs do not change. */
const timed = (count: () => number) => {
  const used = cpuUsage();
  const start = performance.now();
  const lines = count();
  const { user, system } = cpuUsage(used);
  return {
    lines,
    milliseconds: Math.round(performance.now() - start),
    processor_ms: Math.round((user + system) / 1000),
  };
};
/** As `ftwall log` tells it. */
const asked = (query: object) =>
  timed(() => {
    const records = readLog(directory, { since: 0, until: Infinity, ...query });
    let lines = 0;
    for (const _ of logText(records, wordingOf("", () => 0), () => "")) lines++;
    return lines;
  });
const scanned = () =>
  timed(() => {
    let records = 0;
    scanHistory(directory, { since: 0, until: Infinity }, () => void records++);
    return records;
  });
const told = {
  events: EVENTS,
  microseconds_each: Math.round(took * 100000 / EVENTS) / 100,
  longest_on_the_loop_ms: Math.round(longest * 10) / 10,
  rss_kib: { before: before.rss, grown: after.rss - before.rss, grown_at_peak: peak - before.rss },
  written_bytes: { to_files: after.written - before.written, to_disk: after.disk - before.disk },
  most_bytes: most,
  bound: SIZE,
  dropped: store.dropped,
  failure: store.failure,
  scanned: scanned(),
  one_client: asked({ clients: ["192.168.1.9"] }),
  whole: asked({}),
};
Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify(told) + "\n"));
