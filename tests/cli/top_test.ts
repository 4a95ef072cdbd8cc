import assert from "node:assert/strict";
import fc from "fast-check";
import { KeyReader } from "../../lib/cli/top_keys.ts";
import { Painter } from "../../lib/cli/top_painter.ts";
import { TopView } from "../../lib/cli/top_view.ts";
import type { ClientRow } from "../../lib/report/control_protocol.ts";
import { NOW, statusOf } from "../support/status.ts";

const RATES = { packets: 12345, refused: 6, offloaded: 7 };
const LATELY = new Date(NOW - 5000).toISOString();

function row(client: string, more: Partial<ClientRow> = {}): ClientRow {
  return {
    client,
    state: "seen",
    protocol: "bittorrent",
    evidence: "tcp-handshake",
    detected: 1,
    refused: 0,
    score: 0,
    last: LATELY,
    ...more,
  };
}

const ROWS: readonly ClientRow[] = [
  row("10.0.0.7", { client_name: "kitchen", detected: 20_000, score: 2.5 }),
  row("10.0.0.5", {
    state: "locked",
    protocol: "fasttrack",
    evidence: "udp-ping",
    refused: 42,
    until: new Date(NOW + 90_000).toISOString(),
    mac: "02:00:00:00:00:05",
  }),
  row("2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff", {
    state: "allowed",
    until: new Date(NOW + 7_200_000).toISOString(),
    last: new Date(NOW - 3_000_000).toISOString(),
  }),
];

function view(clients: readonly ClientRow[] = ROWS, dry_run = false): TopView {
  return new TopView({ status: { ...statusOf(), dry_run }, clients, rates: RATES });
}

/** The lines of the screen. */
function text(top: TopView, columns = 80, rows = 24): string[] {
  return top.screen(columns, rows, NOW).map(({ text }) => text.trimEnd());
}

Deno.test("top shows each client in 80 columns: state, time left, protocol, evidence, counts", () => {
  const lines = text(view());
  assert.equal(lines.length, 24);
  const helped = view();
  helped.key("?");
  assert.ok([...lines, ...text(helped)].every((line) => line.length < 80));
  assert.equal(lines[0], "ftwall 3.0.0, up 1h 2m; LOOK (1 of 3): The last reload was refused, the config+");
  assert.deepEqual(
    lines.slice(1, 8),
    [
      "12 345 packets/s, 6 refused/s, 7 flows/s left to the kernel",
      "verdicts 0.5 us median, 4 us at 99 %; 2 waiting, 1 500 lost; 50.0 MiB",
      "1 locked, 1 allowed, 1 seen; by state",
      "CLIENT             STATE      LEFT PROTOCOL      EVIDENCE        SEEN REFU LAST",
      "10.0.0.5           locked      90s fasttrack     udp-ping           1   42   5s",
      "2001:db8:aaaa:bbb+ allowed      2h bittorrent    tcp-handshake      1    0  50m",
      "kitchen                            bittorrent    tcp-handshake    20k    0   5s",
    ],
  );
});

Deno.test("a wide screen has names, MACs, scores and whole addresses", () => {
  const lines = text(view(), 200, 60);
  assert.equal(lines.length, 60);
  assert.match(lines[4]!, /^CLIENT +NAME +MAC +STATE +LEFT PROTOCOL +EVIDENCE +SCORE SEEN REFU LAST$/);
  assert.match(lines[5]!, /^10\.0\.0\.5 +02:00:00:00:00:05 +locked +90s fasttrack/);
  assert.match(lines[6]!, /^2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff /);
  assert.match(lines[7]!, /^10\.0\.0\.7 +kitchen .* 2\.5 +20k/);
});

Deno.test("in a dry run top says would", () => {
  const dry = view(ROWS, true);
  const lines = text(dry);
  assert.match(lines[0]!, /DRY RUN: nothing is refused/);
  assert.match(lines[1]!, /6 would be refused\/s/);
  assert.match(lines[3]!, /^1 would be locked, /);
  assert.match(lines[4]!, / WOULD LAST$/);
  assert.match(lines[5]!, /^10\.0\.0\.5 +would lock /);
  dry.key("l");
  assert.equal(text(dry)[23], "Lock 10.0.0.5 for 10 minutes (dry run: it only would be)? y or n:");
});

Deno.test("lock, unlock and allow ask first; only y does it", () => {
  const top = view();
  for (const [key, change] of [["l", "lock"], ["u", "unlock"], ["a", "allow"]] as const) {
    assert.equal(top.key(key), null);
    assert.match(text(top)[23]!, new RegExp(`^${change} 10\\.0\\.0\\.5.*\\? y or n:$`, "i"));
    assert.equal(top.key("n"), null);
    assert.equal(text(top)[23], "Nothing was done");
    top.key(key);
    assert.deepEqual(top.key("y"), { do: change, client: "10.0.0.5" });
  }
  assert.equal(view([]).key("l"), null);
  assert.deepEqual(top.key("enter"), { do: "explain", client: "10.0.0.5" });
});

Deno.test("the chosen client stays chosen when the list is sorted anew or others come", () => {
  const top = view();
  const chosen = () =>
    top.screen(80, 24, NOW).slice(5).find(({ reverse }) => reverse === true)?.text.trim().split(" ")[0];
  assert.equal(chosen(), "10.0.0.5");
  top.key("end");
  assert.equal(chosen(), "kitchen");
  for (let i = 0; i < 9; i++) {
    top.key("s");
    assert.equal(chosen(), "kitchen");
  }
  top.update({ status: statusOf(), clients: [row("10.0.0.1", { state: "locked" }), ...ROWS], rates: RATES });
  assert.equal(chosen(), "kitchen");
  top.update({ status: statusOf(), clients: ROWS.slice(1), rates: RATES });
  assert.equal(chosen(), "10.0.0.5", "it is gone");
});

Deno.test("a daemon that is away is told of until it answers again", () => {
  const top = view();
  top.trouble("Cannot reach the daemon");
  top.key("down");
  assert.equal(text(top)[23], "Cannot reach the daemon");
  top.update({ status: statusOf(), clients: ROWS, rates: RATES });
  assert.match(text(top)[23]!, /^q quit/);
});

Deno.test("the list is sorted by each column, either way", () => {
  const top = view();
  const order = () => text(top).slice(5, 8).map((line) => line.slice(0, 4).trim());
  const found: Record<string, string> = {};
  for (let i = 0; i < 7; i++) {
    found[/by ([a-z ]+)/.exec(text(top)[3]!)![1]!] = order().join();
    top.key("s");
  }
  assert.deepEqual(found, {
    "state": "10.0,2001,kitc",
    "last seen": "10.0,kitc,2001",
    "detected": "kitc,10.0,2001",
    "refused": "10.0,kitc,2001",
    "score": "kitc,10.0,2001",
    "client": "10.0,2001,kitc",
    "protocol": "kitc,2001,10.0",
  });
  top.key("r");
  assert.equal(order().join(), "kitc,2001,10.0");
});

Deno.test("a filter is typed, mended and taken away", () => {
  const top = view();
  for (const key of ["/", "k", "i", "x", "delete", "t"]) top.key(key);
  assert.equal(text(top)[23], "Only clients with: kit");
  top.key("enter");
  assert.match(text(top)[3]!, /; only "kit"$/);
  assert.deepEqual(text(top).slice(5).filter((line) => /^(10\.|2001|kitchen)/.test(line)).length, 1);
  // Letters of the filter are no commands.
  for (const key of ["/", "q", "l"]) assert.equal(top.key(key), null);
  top.key("enter");
  assert.match(text(top)[5]!, /^No client has that/);
  top.key("escape");
  assert.match(text(top)[5]!, /^10\.0\.0\.5/);
});

Deno.test("more clients than lines scroll, by line and by page", () => {
  const many = Array.from({ length: 500 }, (_, i) => row(`10.0.${i >> 8}.${i & 255}`, { detected: 500 - i }));
  const top = view(many);
  for (let i = 0; i < 2; i++) top.key("s");
  assert.match(text(top)[5]!, /^10\.0\.0\.0 /);
  assert.match(text(top)[3]!, /; by detected; 1 to 18 of 500$/);
  for (let i = 0; i < 20; i++) top.key("down");
  assert.match(text(top)[22]!, /^10\.0\.0\.20 /);
  assert.match(text(top)[3]!, /; 4 to 21 of 500$/);
  text(top);
  top.key("page-down");
  assert.match(text(top)[22]!, /^10\.0\.0\.38 /);
  top.key("end");
  assert.match(text(top)[22]!, /^10\.0\.1\.243 /);
  top.key("home");
  assert.match(text(top)[5]!, /^10\.0\.0\.0 /);
});

Deno.test("an explanation is shown as a text that scrolls; another key leads back", () => {
  const top = view();
  top.show("client 10.0.0.5", Array.from({ length: 100 }, (_, i) => `line ${i}`));
  assert.deepEqual(text(top).slice(4, 6), ["client 10.0.0.5 (1 to 18 of 100)", "line 0"]);
  assert.match(text(top)[23]!, /any other key: back$/);
  text(top);
  for (const key of ["page-down", "down", "end", "down"]) top.key(key);
  assert.equal(text(top)[22], "line 99");
  top.key("escape");
  assert.match(text(top)[5]!, /^10\.0\.0\.5/);
  const long = `  would lock client ${"10.0.0.5 and ".repeat(12)}no more`;
  top.show("client 10.0.0.5", [long, "x".repeat(200)]);
  const lines = text(top).slice(5, 12);
  assert.equal(lines.slice(0, 3).map((line) => line.trim()).join(" "), long.trim());
  assert.deepEqual(lines.slice(0, 3).map((line) => line.search(/\S/)), [2, 6, 6]);
  assert.equal(lines.slice(3, 6).map((line) => line.trim()).join(""), "x".repeat(200));
});

Deno.test("whatever keys come, the screen has its size and no control signs", () => {
  const keys = [
    "up",
    "down",
    "page-down",
    "end",
    "home",
    "s",
    "r",
    "/",
    "escape",
    "enter",
    "l",
    "n",
    "?",
    "delete",
    "é",
  ];
  fc.assert(fc.property(
    fc.array(fc.constantFrom(...keys)),
    fc.integer({ min: 20, max: 250 }),
    fc.integer({ min: 8, max: 80 }),
    fc.string({ unit: "binary", maxLength: 30 }),
    (pressed, columns, rows, name) => {
      const top = view([row("10.0.0.9", { client_name: name, protocol: name, evidence: name }), ...ROWS]);
      for (const key of pressed) {
        top.key(key);
        const screen = top.screen(columns, rows, NOW);
        assert.equal(screen.length, rows);
        // deno-lint-ignore no-control-regex
        for (const { text } of screen) assert.doesNotMatch(text, /[\u0000-\u001f\u007f-\u009f]/);
      }
    },
  ));
});

Deno.test("keys are read from the bytes of a VT100, xterm or Linux, however they are cut", () => {
  const bytes = new TextEncoder().encode("j\x1b[A\x1bOB\x1b[5~\x1b[6~\x1b[1~\x1b[F\r\x7fé\x1b[15~\x1b[1;5Cq\x03");
  const wanted = ["j", "up", "down", "page-up", "page-down", "home", "end", "enter", "delete", "é", "q", "quit"];
  assert.deepEqual(new KeyReader().take(bytes), wanted);
  const slow = new KeyReader();
  assert.deepEqual([...bytes].flatMap((byte) => slow.take(Uint8Array.of(byte))), wanted);
  const lone = new KeyReader();
  assert.deepEqual(lone.take(Uint8Array.of(0x1b)), []);
  assert.equal(lone.waits, true);
  assert.deepEqual([lone.lone(), lone.waits], [["escape"], false]);
  fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 40 })), (pieces) => {
    const reader = new KeyReader();
    for (const piece of pieces) for (const key of reader.take(piece)) assert.ok(key.length > 0);
  }));
});

Deno.test("only lines that changed are written, with sequences of a VT100 alone", () => {
  let out = "";
  const painter = new Painter((text) => out += text, false);
  const paint = (...lines: string[]) => {
    out = "";
    painter.paint(lines.map((text) => ({ text, reverse: text === "b" })), 10, 3);
    return out;
  };
  assert.equal(
    paint("a", "b", "é"),
    "\x1b[0m\x1b[H\x1b[2J\x1b[1;1Ha\x1b[K\x1b[2;1H\x1b[7mb        \x1b[0m\x1b[K\x1b[3;1H?\x1b[K\x1b[3;2H",
  );
  assert.equal(paint("a", "b", "é"), "");
  assert.equal(paint("a", "c", "é"), "\x1b[2;1Hc\x1b[K\x1b[3;2H");
  assert.equal(paint("a"), "\x1b[2;1H\x1b[K\x1b[3;1H\x1b[K\x1b[3;1H");
  assert.ok(!paint("0123456789abc").includes("9"), "the last column stays free");
  painter.forget();
  assert.ok(paint("a").startsWith("\x1b[0m\x1b[H\x1b[2J"));
});
