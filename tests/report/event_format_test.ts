import assert from "node:assert/strict";
import fc from "fast-check";
import { endpoint, eventFormat, formatJson, formatSyslog, formatText } from "../../lib/report/event_format.ts";
import type { ReportEvent } from "../../lib/report/report_event.ts";
import { zoneClock } from "../../lib/policy/week.ts";
import { duration, jsonLine, localText, localTime, plain, rfc3339 } from "../../lib/report/plain.ts";

const AT = Date.UTC(2026, 0, 2, 3, 4, 5, 678);

const DETECTED: ReportEvent = {
  event: "detected",
  protocol: "fasttrack",
  client: "10.0.0.5",
  peer: "2001:db8::1",
  peer_port: 1214,
  transport: "udp",
  evidence: "udp-ping",
  certainty: "certain",
  action: "lock",
};

Deno.test("formatJson puts time, event and dry_run first and keeps the event's own fields", () => {
  assert.equal(
    formatJson(DETECTED, AT, true),
    '{"time":"2026-01-02T03:04:05.678Z","event":"detected","dry_run":true,"protocol":"fasttrack","client":"10.0.0.5",' +
      '"peer":"2001:db8::1","peer_port":1214,"transport":"udp","evidence":"udp-ping","certainty":"certain","action":"lock"}',
  );
});

Deno.test("formatJson says dry_run on traffic only", () => {
  const note = JSON.parse(formatJson({ event: "note", level: "info", message: "x" }, AT, true));
  assert.deepEqual(note, { time: "2026-01-02T03:04:05.678Z", event: "note", level: "info", message: "x" });
  const refused = JSON.parse(formatJson(
    {
      event: "refused",
      client: "10.0.0.5",
      peer: "192.0.2.1",
      peer_port: 80,
      transport: "tcp",
      reason: "client-locked",
      suppressed: 3,
    },
    AT,
    false,
  ));
  assert.equal(refused.dry_run, false);
  assert.equal(refused.suppressed, 3);
});

Deno.test("text and syslog say the same, syslog with the priority of RFC 5424 and no time", () => {
  assert.equal(
    formatText(DETECTED, AT, false, zoneClock("America/St_Johns")),
    "2026-01-01T23:34:05-03:30 detected fasttrack: client 10.0.0.5 to [2001:db8::1]:1214 udp, udp-ping (certain), action lock",
  );
  assert.equal(
    formatSyslog(DETECTED, AT, true),
    "<6>detected fasttrack: client 10.0.0.5 to [2001:db8::1]:1214 udp, udp-ping (certain), would lock [dry run]",
  );
  assert.match(formatSyslog({ event: "reload-refused", problems: ["bad"] }, AT, false), /^<3>/);
  assert.match(
    formatSyslog({ event: "queue-overrun", queue: 0, queue_dropped: 1, user_dropped: 2, missed: 2 }, AT, false),
    /^<4>/,
  );
});

Deno.test("sentences are in local time, those of a dry run say what would have been done", () => {
  const locked: ReportEvent = {
    event: "locked",
    client: "10.0.0.5",
    protocol: "fasttrack",
    evidence: "udp-ping",
    until: "2026-07-02T03:06:05.678Z",
    by: "detector",
  };
  const said = (event: ReportEvent) => formatSyslog(event, AT, true, zoneClock("Europe/Berlin")).slice(3);
  const end = "for fasttrack (udp-ping, by detector) until 2026-07-02T05:06:05+02:00";
  assert.equal(said(locked), `would lock client 10.0.0.5 ${end} [dry run]`);
  assert.equal(formatSyslog(locked, AT, false, (ms) => ms).slice(3, 26), "locked client 10.0.0.5 ");
  assert.match(said({ ...locked, event: "renewed" }), /^would renew the lock of client/);
  assert.match(said({ ...locked, event: "released" }), /^would release client/);
  assert.match(
    said({ event: "probe-sent", protocol: "x", client: "10.0.0.5", peer: "192.0.2.1" }),
    /^would send a x probe/,
  );
  assert.match(said({ ...DETECTED, action: "log" }), /, action log \[dry run\]$/);
});

Deno.test("colours are only in the coloured text format", () => {
  // deno-lint-ignore no-control-regex
  const escape = /\u001b\[/;
  assert.match(eventFormat("text", true)(DETECTED, AT, false), escape);
  assert.doesNotMatch(eventFormat("text", false)(DETECTED, AT, false), escape);
  assert.doesNotMatch(eventFormat("json", true)(DETECTED, AT, false), escape);
});

Deno.test("no text from outside breaks a line or steers a terminal, in any format", () => {
  // deno-lint-ignore no-control-regex
  const unsafe = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e]/;
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.constantFrom("\n", "\x1b[2J", "\x9b", "\u202e", ""), (a, b) => {
      const event: ReportEvent = {
        event: "trained",
        protocol: "winmx",
        name: a + b,
        address: "192.0.2.1",
        pattern: "*.x" + b,
        until: "",
      };
      for (const format of ["text", "json", "syslog"] as const) {
        assert.doesNotMatch(eventFormat(format, false)(event, AT, false), unsafe);
      }
      assert.equal(JSON.parse(formatJson(event, AT, false)).name, JSON.parse(JSON.stringify(a + b)));
    }),
  );
});

Deno.test("helpers of text: endpoint, duration, rfc3339, plain", () => {
  assert.equal(endpoint("192.0.2.1", 80), "192.0.2.1:80");
  assert.equal(endpoint("2001:db8::1", 80), "[2001:db8::1]:80");
  assert.equal(endpoint("192.0.2.1", 0), "192.0.2.1");
  assert.deepEqual([0, 59, 60, 125, 3600, 11400, 86400, 93600].map(duration), [
    "0s",
    "59s",
    "1m",
    "2m 5s",
    "1h",
    "3h 10m",
    "1d",
    "1d 2h",
  ]);
  assert.equal(rfc3339(NaN), "1970-01-01T00:00:00.000Z");
  assert.equal(rfc3339(1e300), "9999-12-31T23:59:59.999Z");
  assert.equal(localTime(NaN, (ms) => ms), "1970-01-01T00:00:00+00:00");
  assert.equal(localText("never", (ms) => ms), "never");
  assert.equal(plain("a\x1bb"), "a\\u{1b}b");
  assert.equal(jsonLine({ a: "\x7f" }), '{"a":"\\u007f"}');
});
