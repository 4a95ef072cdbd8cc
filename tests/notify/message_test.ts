import assert from "node:assert/strict";
import { Digest, MOST_ROWS } from "../../lib/notify/digest.ts";
import { mailText } from "../../lib/notify/mail.ts";
import { fitting, messageOf, testMessage } from "../../lib/notify/message.ts";
import { requestOf } from "../../lib/notify/webhook.ts";
import { gathered, HOSTILE, LETTERHEAD, locked, targetOf, WALL } from "./target_config.ts";

const RULES = { event: "rules-lost", message: "The firewall rules are gone" } as const;

Deno.test("many events become one message: alike ones are one line with a count", () => {
  const digest = new Digest();
  digest.add(locked("10.0.0.5", { client_name: "anna" }), WALL);
  for (let i = 0; i < 3; i++) digest.add(locked("10.0.0.6"), WALL + i * 60_000);
  digest.add(RULES, WALL + 500);
  const { subject, lines, urgent, json } = messageOf(digest.take(), WALL, LETTERHEAD);
  assert.equal(subject, "ftwall on gate: locked 4, rules-lost");
  assert.deepEqual(lines, [
    "2026-01-02T03:04:05+00:00 locked client 10.0.0.5 (anna) for winmx (hello, by detector)",
    "2026-01-02T03:06:05+00:00 locked client 10.0.0.6 for winmx (hello, by detector) (3 times since 2026-01-02T03:04:05+00:00)",
    "2026-01-02T03:04:05+00:00 The firewall rules are gone",
  ]);
  assert.equal(urgent, true);
  const { id, events, ...rest } = JSON.parse(json);
  assert.match(id, /^[0-9a-f-]{36}$/);
  assert.deepEqual(rest, {
    time: "2026-01-02T03:04:05.000Z",
    host: "gate",
    subject,
    dry_run: false,
    urgent,
    lines,
    more: 0,
  });
  assert.deepEqual(events[1], {
    time: "2026-01-02T03:06:05.000Z",
    event: "locked",
    dry_run: false,
    client: "10.0.0.6",
    protocol: "winmx",
    evidence: "hello",
    by: "detector",
    count: 3,
    first_time: "2026-01-02T03:04:05.000Z",
  });
  assert.ok(digest.empty);
});

Deno.test("a digest has a bound, and tells how many events are beyond it", () => {
  const digest = new Digest();
  let kept = 0;
  for (let i = 0; i < MOST_ROWS + 50; i++) kept += Number(digest.add(locked(`10.0.1.${i}`), WALL));
  assert.equal(kept, MOST_ROWS);
  assert.ok(digest.add(locked("10.0.1.0"), WALL), "one that is alike needs no room");
  const { lines } = messageOf(digest.take(), WALL, LETTERHEAD);
  assert.equal(lines.length, MOST_ROWS + 1);
  assert.equal(lines.at(-1), "and 50 more");
});

Deno.test("in a dry run messages say would, and a test message says that it is one", () => {
  const digest = new Digest();
  digest.add(locked(), WALL);
  const head = { ...LETTERHEAD, dryRun: true };
  const { subject, lines } = messageOf(digest.take(), WALL, head);
  assert.equal(subject, "ftwall on gate: locked [dry run]");
  assert.match(lines[0]!, /would lock client 10\.0\.0\.5 .*\[dry run\]$/);
  assert.equal(testMessage(WALL, head).subject, "ftwall on gate: test");
});

Deno.test("the first bytes of a client's traffic are in no message", () => {
  const event = {
    event: "detected",
    protocol: "winmx",
    client: "10.0.0.5",
    peer: "192.0.2.1",
    peer_port: 1,
    transport: "tcp",
    evidence: "hello",
    certainty: "certain",
    action: "log",
    bytes: "c0ffee",
  } as const;
  const message = gathered(event);
  assert.doesNotMatch(message.json + message.lines.join(), /c0ffee/);
});

Deno.test("what is too long for a service is cut between lines, and said", () => {
  const lines = Array.from({ length: 100 }, (_, i) => `${i} ${"ü".repeat(50)}`);
  const kept = fitting(lines, 1800);
  assert.equal(kept.at(-1), "and 83 more lines");
  assert.ok(new TextEncoder().encode(kept.join("\n")).length <= 1800);
  assert.deepEqual(fitting(["a"], 1800), ["a"]);
});

const hostile = gathered(locked("10.0.0.5", { client_name: HOSTILE, reason: HOSTILE }), { ...RULES, message: HOSTILE });

Deno.test("each form is what its service documents, and hostile text stays text in it", () => {
  const matrix =
    'form = "matrix"\nwebhook = "https://m.example/_matrix/client/v3/rooms/!r:m.example/send/m.room.message"';
  const forms = {
    json: requestOf(targetOf('webhook = "https://h.example/x"'), hostile),
    slack: requestOf(targetOf('form = "slack"\nwebhook = "https://h.example/x"'), hostile),
    ntfy: requestOf(targetOf('form = "ntfy"\nwebhook = "https://ntfy.example/alerts"'), hostile),
    matrix: requestOf(targetOf(matrix), hostile),
  };
  // deno-lint-ignore no-control-regex
  for (const { body } of Object.values(forms)) assert.doesNotMatch(body, /[\x00-\x1f\u202e]/);
  assert.equal(forms.json.body, hostile.json);
  const { text } = JSON.parse(forms.slack.body) as { text: string };
  assert.match(text, /^ftwall on gate: locked, rules-lost\n```\n[^`]*\n```$/);
  assert.doesNotMatch(text, /<|@everyone/);
  const ntfy = JSON.parse(forms.ntfy.body);
  assert.deepEqual(
    [forms.ntfy.url, ntfy.topic, ntfy.title, ntfy.priority],
    ["https://ntfy.example/", "alerts", "ftwall on gate: locked, rules-lost", 4],
  );
  assert.deepEqual([forms.matrix.method, forms.matrix.url.split("/").at(-1)], ["PUT", hostile.id]);
  const html: string = JSON.parse(forms.matrix.body).formatted_body;
  assert.match(html, /^<strong>[^<]*<\/strong><pre>[^<]*<\/pre>$/);
});

Deno.test("what stands behind the question mark of an address stays there", () => {
  const ntfy = requestOf(targetOf('form = "ntfy"\nwebhook = "https://n.example/a/alerts?auth=b/c"'), hostile);
  assert.deepEqual([ntfy.url, JSON.parse(ntfy.body).topic], ["https://n.example/a/?auth=b/c", "alerts"]);
  const room = "https://m.example/_matrix/client/v3/rooms/!r:m.example/send/m.room.message";
  const matrix = requestOf(targetOf(`form = "matrix"\nwebhook = "${room}?user_id=@f:m.example"`), hostile);
  assert.equal(matrix.url, `${room}/${hostile.id}?user_id=@f:m.example`);
});

Deno.test("a mail has the headers that it should have, and no others, whatever is in it", () => {
  const long = Array.from({ length: 14 }, (_, i) => `"${`${i}`.padStart(2, "0")}${"a".repeat(62)}@${"b".repeat(182)}"`);
  const target = targetOf(`mail = ["admin@example.org", "root", ${long.join(", ")}]`);
  for (const message of [hostile, { ...hostile, host: HOSTILE, subject: HOSTILE }]) {
    const mail = mailText(target, message, "\r\n");
    const [head, ...body] = mail.split("\r\n\r\n");
    const names = head!.replaceAll("\r\n ", " ").split("\r\n").map((line) => line.split(": ")[0]);
    assert.deepEqual(names, [
      "From",
      "To",
      "Subject",
      "Date",
      "Message-ID",
      "Auto-Submitted",
      "Importance",
      "MIME-Version",
      "Content-Type",
      "Content-Transfer-Encoding",
    ]);
    assert.match(mail, /^[\x20-\x7e\r\n]*$/);
    assert.ok(mail.split("\r\n").every((line) => line.length <= 998));
    assert.doesNotMatch(body.join(), /^\./m);
    const text = new TextDecoder().decode(
      Uint8Array.from(atob(body.join("").replaceAll("\r\n", "")), (c) => c.charCodeAt(0)),
    );
    assert.match(text, /Bcc: evil@example\.org/);
  }
  const plain = mailText(target, gathered(locked()), "\n");
  assert.match(plain, /^To: admin@example\.org,\n root,\n /m);
  assert.match(plain, /^Date: Fri, 02 Jan 2026 03:04:05 \+0000$/m);
  assert.match(plain, /^Content-Transfer-Encoding: 7bit\n\n2026-01-02T03:04:05\+00:00 locked client/m);
});
