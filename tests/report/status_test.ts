import assert from "node:assert/strict";
import { explainText } from "../../lib/report/explain_text.ts";
import { metricsText } from "../../lib/report/metrics.ts";
import { serveMetrics } from "../../lib/report/metrics_server.ts";
import { sentence } from "../../lib/report/event_format.ts";
import { buildStatus, statusPieces } from "../../lib/report/status.ts";
import type { ReportEvent } from "../../lib/report/report_event.ts";
import { statusText, troubles } from "../../lib/report/status_text.ts";
import { VerdictTimes } from "../../lib/report/verdict_times.ts";
import { zoneClock } from "../../lib/policy/week.ts";
import { NOW, source } from "../support/status.ts";

const BERLIN = zoneClock("Europe/Berlin");

Deno.test("the status has exactly the fields of the interface contract", () => {
  const status = buildStatus(source());
  assert.deepEqual(Object.keys(status), [
    "version",
    "pid",
    "uptime_seconds",
    "dry_run",
    "config",
    "queues",
    "locks",
    "allowed",
    "peers",
    "trained",
    "flows",
    "counters",
    "notify",
    "verdict_microseconds",
    "memory",
  ]);
  assert.equal(status.uptime_seconds, 3725);
  assert.deepEqual(status.config, {
    path: "/etc/ftwall/ftwall.toml",
    hash: "0123456789abcdef0123456789abcdef",
    loaded_at: "2026-01-02T02:04:05.000Z",
    last_reload: {
      ok: false,
      at: "2026-01-02T03:03:05.000Z",
      problems: ["ftwall.toml:3: lock.seconds: found -1"],
    },
  });
  assert.deepEqual(status.locks, [{
    client: "10.0.0.5",
    mac: "02:00:00:00:00:05",
    protocol: "fasttrack",
    evidence: "udp-ping",
    since: "2026-01-02T03:03:35.000Z",
    until: "2026-01-02T03:05:35.000Z",
    renewals: 2,
    by: "detector",
  }]);
  assert.deepEqual(Object.keys(status.peers), ["count", "capacity", "sample"]);
  assert.deepEqual(status.trained.names, [{ pattern: "*.winmx.com", addresses: ["203.0.113.9"] }]);
  assert.deepEqual(status.memory, { rss_bytes: 52428800 });
  assert.equal(status.verdict_microseconds.max, 700);
});

Deno.test("samples are bounded however large the tables are", () => {
  let asked = 0;
  const many = function* () {
    for (let i = 0; i < 1e6; i++) {
      asked++;
      yield { peer: `192.0.2.${i % 256}`, peer_port: 1, protocol: "x", until: NOW };
    }
  };
  const status = buildStatus({ ...source(), peers: () => ({ count: 1e6, capacity: 1e6, entries: many() }) });
  assert.equal(status.peers.sample.length, 20);
  assert.ok(asked <= 21);
});

Deno.test("the status in pieces is the same, with no lock, one or more than are shown", () => {
  for (const count of [0, 1, 3, 10_000]) {
    let built = 0;
    const locks = function* () {
      for (const given = [...source().locks()][0]!; built < count; built++) {
        yield { ...given, client: `10.0.${built >> 8}.${built & 255}`, reason: '"locks":[] {}' };
      }
    };
    const daemon = { ...source(), locks };
    const text = [...statusPieces(daemon)].join("");
    assert.ok(built <= 8192);
    built = 0;
    assert.deepEqual(JSON.parse(text), JSON.parse(JSON.stringify(buildStatus(daemon))));
  }
});

Deno.test("the status for people", () => {
  assert.deepEqual(statusText(buildStatus(source()), NOW, BERLIN), [
    "ftwall 3.0.0, pid 4711, up 1h 2m",
    "config   /etc/ftwall/ftwall.toml, hash 0123456789ab, loaded 2026-01-02T03:04:05+01:00",
    "reload   REFUSED, the config before it stays in force, 2026-01-02T04:03:05+01:00",
    "         ftwall.toml:3: lock.seconds: found -1",
    "packets  1 234 567 judged: 1 234 000 accepted, 567 refused; 321 flows left to the kernel, 4 undecodable",
    "verdicts 0.5 µs median, 4 µs at 99 %, 700 µs longest",
    "flows    1 200 of 155 000; memory 50.0 MiB",
    "notify   admin (json at hooks.example.org): 4 sent, 1 DROPPED, FAILS: it answered 503 Service Unavailable",
    "",
    "QUEUE  WAITING  QUEUE FULL  SOCKET FULL  FAIL  GSO",
    "    0        2           0        1 500  open  yes",
    "",
    "LOCKED CLIENT  MAC                PROTOCOL   EVIDENCE    LEFT  RENEWED  BY",
    "10.0.0.5       02:00:00:00:00:05  fasttrack  udp-ping  1m 30s        2  detector",
    "",
    "Block list: 2 of 100 000 peers",
    "  PEER               PROTOCOL    LEFT",
    "  198.51.100.7:1214  fasttrack     1h",
    "  2001:db8::7        bittorrent    1m",
    "Trained addresses: 1",
    "  NAME         ADDRESSES",
    "  *.winmx.com  203.0.113.9",
    "",
    "PROTOCOL   DETECTED",
    "fasttrack         3",
    "",
    "REASON         REFUSED",
    "recognised         500",
    "client-locked       67",
  ]);
});

Deno.test("what needs attention: a refused reload, lost packets, a target that gets no message", () => {
  assert.deepEqual(troubles(buildStatus(source())), [
    "The last reload was refused, the config before it stays in force: ftwall.toml:3: lock.seconds: found -1",
    "1 500 packets found a queue full: they passed unseen, or were dropped",
    'No message arrives at "admin": it answered 503 Service Unavailable',
  ]);
});

Deno.test("clients above their budget need attention, and the log names them in a sentence", () => {
  const counters = { ...source().counters(), over_budget_seconds: 70 };
  assert.equal(
    troubles(buildStatus({ ...source(), counters: () => counters }))[2],
    "Clients had more packets than [queue] client_rate for 70 s: over-budget in the log names them",
  );
  const event = { event: "over-budget", client: "10.0.0.5", direction: "to", client_rate: 300, seconds: 60 } as const;
  assert.equal(
    sentence({ ...event, mac: "02:00:00:00:00:05" }, false, BERLIN),
    "client 10.0.0.5 (02:00:00:00:00:05) was sent more new traffic than its budget of 300 packets a second, for 60s: " +
      "what was above was not judged",
  );
});

Deno.test("in a dry run the status and the explanation say what would be", () => {
  const dry = { ...source(), dryRun: true };
  const counters = { ...source().counters(), accepted: 1_234_567, refused: 0, would_refuse: 567 };
  const text = statusText(buildStatus({ ...dry, counters: () => counters }), NOW);
  assert.equal(text[0], "ftwall 3.0.0, pid 4711, up 1h 2m, DRY RUN: every packet is accepted");
  assert.match(text.join("\n"), /^packets +1 234 567 judged: 1 234 567 accepted, 567 would be refused; /m);
  assert.match(text.join("\n"), /^WOULD BE LOCKED +MAC /m);
  assert.match(text.join("\n"), /^REASON +WOULD REFUSE$/m);
  assert.match(statusText(buildStatus({ ...dry, locks: () => [] }), NOW).join("\n"), /^No client would be locked\.$/m);
  const lock = buildStatus(dry).locks[0]!;
  const explained = (now: typeof lock | null) =>
    explainText(
      {
        client: "10.0.0.5",
        group: "default",
        dry_run: true,
        home: true,
        exempt: false,
        lock: now,
        scores: [],
        history: [{
          time: lock.since,
          event: { event: "locked", client: "10.0.0.5", protocol: "fasttrack", evidence: "udp-ping", by: "detector" },
        }],
      },
      NOW,
      BERLIN,
    );
  assert.equal(explained(null)[1], "It would not be locked now");
  assert.deepEqual(explained(lock).slice(1, 3), [
    "WOULD BE LOCKED (dry run) for fasttrack: udp-ping, by detector",
    "  since 2026-01-02T04:03:35+01:00, until 2026-01-02T04:05:35+01:00 (1m 30s left), renewed 2 times",
  ]);
  assert.equal(
    explained(lock).at(-1),
    "  2026-01-02T04:03:35+01:00 would lock client 10.0.0.5 for fasttrack (udp-ping, by detector) [dry run]",
  );
});

Deno.test("the metrics follow the text exposition format", () => {
  const daemon = source();
  const text = metricsText(buildStatus(daemon), daemon.verdictTimes, 1);
  const families = new Set<string>();
  let typed = "";
  for (const line of text.trimEnd().split("\n")) {
    const head = /^# (HELP|TYPE) (ftwall_[a-z_]+) /.exec(line);
    if (head !== null) {
      if (head[1] === "HELP") {
        assert.ok(!families.has(head[2] ?? ""), `${head[2]} is declared twice`);
        families.add(head[2] ?? "");
      }
      typed = head[2] ?? "";
      continue;
    }
    const sample = /^(ftwall_[a-z_]+)(\{[a-z_]+="[^"\n]*"(,[a-z_]+="[^"\n]*")*\})? (NaN|[0-9.e+-]+)$/.exec(line);
    assert.ok(sample !== null, line);
    assert.ok((sample[1] ?? "").startsWith(typed), line);
  }
  assert.match(text, /^ftwall_packets_total 1234567$/m);
  assert.match(text, /^ftwall_refused_total\{reason="client-locked"\} 67$/m);
  assert.match(text, /^ftwall_events_total\{kind="log_lines_lost"\} 5$/m);
  assert.match(text, /^ftwall_queue_user_dropped_total\{queue="0"\} 1500$/m);
  assert.match(text, /^ftwall_verdict_seconds_bucket\{le="0.000001"\} 98$/m);
  assert.match(text, /^ftwall_verdict_seconds_bucket\{le="\+Inf"\} 100$/m);
  assert.match(text, /^ftwall_verdict_seconds_count 100$/m);
});

Deno.test("a label of the metrics cannot end its line, nor itself, whatever is in it", () => {
  const daemon = source();
  const status = buildStatus(daemon);
  const hostile = 'x"} 1\nftwall_locks 7 \\';
  const text = metricsText({ ...status, version: hostile }, daemon.verdictTimes, 1);
  assert.match(text, /^ftwall_info\{version="x\\"\} 1\\nftwall_locks 7 \\\\",config_hash="[^"]*"\} 1$/m);
  assert.doesNotMatch(text, /^ftwall_locks 7 /m);
});

Deno.test("the metrics server answers GET /metrics and nothing else", async () => {
  await using server = serveMetrics("127.0.0.1:0", () => "ftwall_x 1\n");
  const good = await fetch(`http://${server.address}/metrics`);
  assert.equal(await good.text(), "ftwall_x 1\n");
  assert.equal(good.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  const lost = await fetch(`http://${server.address}/`);
  await lost.body?.cancel();
  assert.equal(lost.status, 404);
  const posted = await fetch(`http://${server.address}/metrics`, { method: "POST", body: "x" });
  await posted.body?.cancel();
  assert.equal(posted.status, 405);
  assert.throws(() => serveMetrics("nowhere", () => ""), /^RangeError: Cannot serve metrics on "nowhere"/);
});

Deno.test("a metrics client that does not read its answers holds up no stop", async () => {
  const server = serveMetrics("127.0.0.1:0", () => "ftwall_x 1\n".repeat(100_000));
  const [hostname, port] = server.address.split(":");
  using connection = await Deno.connect({ hostname: hostname!, port: Number(port) });
  await connection.write(new TextEncoder().encode("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n".repeat(50)));
  await new Promise((resolve) => setTimeout(resolve, 200));
  const began = performance.now();
  await server[Symbol.asyncDispose]();
  // Not the ten seconds that a client has to take its answer.
  assert.ok(performance.now() - began < 9000, `the stop took ${performance.now() - began} ms`);
});

Deno.test("verdict times: quantiles within their bucket, exact sums, odd input harmless", () => {
  const times = new VerdictTimes();
  assert.equal(times.quantile(0.5), 0);
  times.record(-5);
  times.record(NaN);
  times.record(1e12);
  assert.equal(times.count, 3);
  assert.equal(times.max, 1e12);
  const many = new VerdictTimes();
  for (let i = 1; i <= 1000; i++) many.record(i);
  assert.ok(many.quantile(0.5) > 256 && many.quantile(0.5) <= 512);
  assert.ok(many.quantile(0.99) > 512 && many.quantile(0.99) <= 1000);
  assert.equal(many.sum, 500500);
  let last = 0;
  many.cumulative((bound, count) => {
    assert.ok(count >= last);
    assert.equal(count, Math.min(1000, bound));
    last = count;
  });
});

Deno.test("an operator's lock is explained by who locked and why, as it is for no protocol", () => {
  const status = buildStatus(source()).locks[0]!;
  const lock = { ...status, protocol: "operator", evidence: "operator", by: "operator" };
  const second = (reason?: string) =>
    explainText({
      client: "10.0.0.5",
      group: "default",
      home: true,
      exempt: false,
      lock: reason === undefined ? lock : { ...lock, reason },
      scores: [],
      history: [],
    }, NOW)[1];
  assert.deepEqual([second(), second("asked for")], ["LOCKED by operator", "LOCKED by operator: asked for"]);
});

Deno.test("the explanation for people names lock, score and what was reported", () => {
  const text = explainText(
    {
      client: "10.0.0.5",
      group: "default",
      home: true,
      exempt: false,
      lock: buildStatus(source()).locks[0] ?? null,
      scores: [{ protocol: "bittorrent", score: 4, threshold: 10, because: ["3 peers in 60 s"] }],
      history: [{
        time: "2026-01-02T03:03:35.000Z",
        event: {
          event: "detected",
          protocol: "fasttrack",
          client: "10.0.0.5",
          peer: "198.51.100.7",
          peer_port: 1214,
          transport: "udp",
          evidence: "udp-ping",
          certainty: "certain",
          action: "lock",
          because: "network name KaZaA",
          bytes: "2700000003",
        },
      }],
    },
    NOW,
    BERLIN,
  );
  assert.deepEqual(text, [
    "client 10.0.0.5, group default",
    "LOCKED for fasttrack: udp-ping, by detector",
    "  since 2026-01-02T04:03:35+01:00, until 2026-01-02T04:05:35+01:00 (1m 30s left), renewed 2 times",
    "score for bittorrent: 4 of 10",
    "  3 peers in 60 s",
    "",
    "What was reported about it, oldest first:",
    "  2026-01-02T04:03:35+01:00 detected fasttrack: client 10.0.0.5 to 198.51.100.7:1214 udp, udp-ping (certain), action lock",
    "    rests on: network name KaZaA",
    "    bytes: 2700000003",
  ]);
});

/** The same data with every text of it replaced but times, which are ours. */
function replaced<T>(data: T, text: string): T {
  if (typeof data === "string") return (/^\d{4}-/.test(data) ? data : text) as T;
  if (Array.isArray(data)) return data.map((each) => replaced(each as unknown, text)) as T;
  if (typeof data !== "object" || data === null) return data;
  return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, replaced(value as unknown, text)])) as T;
}

Deno.test("no text from outside breaks a line or steers a terminal in an explanation or the status", () => {
  // deno-lint-ignore no-control-regex
  const unsafe = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e]/;
  const status = buildStatus(source());
  for (
    const hostile of ["\n10.0.0.1 LOCKED", "\r\x1b[2J\x1b]0;title\x07", "\x9b31m", "\u202egnp.exe", "\0", "a\u2028b"]
  ) {
    const answer = {
      ...{ client: hostile, client_name: hostile, mac: hostile, group: hostile, home: true, exempt: false },
      lock: replaced(status.locks[0]!, hostile),
      scores: [{ protocol: hostile, score: 4, threshold: 10, because: [hostile] }],
      history: (["detected", "trained"] as const).map((event) => ({
        time: "2026-01-02T03:03:35.000Z",
        event: {
          ...{
            event,
            protocol: hostile,
            client: hostile,
            peer: hostile,
            peer_port: 1,
            transport: "udp",
            name: hostile,
          },
          ...{ evidence: hostile, certainty: "certain", action: "lock", because: hostile, bytes: hostile },
          ...{ address: hostile, pattern: hostile, until: "2026-01-02T03:03:35.000Z" },
        } as ReportEvent,
      })),
    };
    for (const line of explainText(answer, NOW, BERLIN)) assert.doesNotMatch(line, unsafe);
    for (const line of statusText(replaced(status, hostile), NOW, BERLIN)) assert.doesNotMatch(line, unsafe);
  }
});
