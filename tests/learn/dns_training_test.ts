import assert from "node:assert/strict";
import fc from "fast-check";
import { parseAddress } from "../../lib/net/address.ts";
import { hex, join, latin } from "../support/conversation.ts";
import { Desk, HOME } from "../support/desk.ts";
import { dnsAnswer, dnsName, dnsQuestion, overTcp } from "../support/dns_message.ts";
import { Connection, type End, readEnd, udpPacket } from "../support/packets.ts";
import { PROTOCOL, WITNESS } from "../../lib/state/state.ts";
import { ACK, PSH, SYN } from "../../lib/wire/transport.ts";

const C = readEnd("10.0.0.5:53000");
const S = readEnd("9.9.9.9:53");
const NAME = "c3310.winmx.com";
const A = [{ type: "A", value: "203.0.113.9", ttl: 60 }] as const;

function desk(): Desk {
  return new Desk([], HOME, { questions: 16 });
}

function asked(table: Desk, message: Uint8Array, from: End = C): void {
  table.judge(udpPacket(from, S, message));
}

function answered(table: Desk, message: Uint8Array, to: End = C, from: End = S): void {
  table.judge(udpPacket(from, to, message));
}

function isTrained(table: Desk, address = "203.0.113.9"): boolean {
  return table.engine.state.trained.find(...parseAddress(address)!, 0) >= 0;
}

Deno.test("an answer counts once, within ten seconds, with its question's id, name and port", () => {
  const cases: readonly [string, boolean, (table: Desk) => void][] = [
    ["as asked", true, (table) => answered(table, dnsAnswer(7, NAME, A))],
    ["another id", false, (table) => answered(table, dnsAnswer(8, NAME, A))],
    ["another name", false, (table) => answered(table, dnsAnswer(7, "www.winmx.com", A))],
    ["another port of the client", false, (table) => answered(table, dnsAnswer(7, NAME, A), readEnd("10.0.0.5:53001"))],
    ["another client", false, (table) => answered(table, dnsAnswer(7, NAME, A), readEnd("10.0.0.6:53000"))],
    ["another server", false, (table) => answered(table, dnsAnswer(7, NAME, A), C, readEnd("9.9.9.8:53"))],
    ["an error", false, (table) => answered(table, dnsAnswer(7, NAME, A, 3))],
    ["a question from the server", false, (table) => answered(table, dnsQuestion(7, NAME))],
    ["letters of another case", true, (table) => answered(table, dnsAnswer(7, NAME.toUpperCase(), A))],
    ["too late", false, (table) => {
      table.now += 10_001;
      answered(table, dnsAnswer(7, NAME, A));
    }],
  ];
  for (const [what, expected, answer] of cases) {
    const table = desk();
    asked(table, dnsQuestion(7, NAME));
    answer(table);
    assert.equal(isTrained(table), expected, what);
  }
  const table = desk();
  asked(table, dnsQuestion(7, NAME));
  answered(table, dnsAnswer(7, NAME, [{ type: "A", value: "203.0.113.10", ttl: 60 }]));
  answered(table, dnsAnswer(7, NAME, A));
  assert.equal(isTrained(table), false, "a second answer to one question");
});

Deno.test("what a name server says that nobody else asks changes no other machine's addresses of another protocol", () => {
  const own = readEnd("203.0.113.53:53");
  const told = (table: Desk, client: string, server: End, name: string): void => {
    const end = readEnd(`${client}:53000`);
    table.judge(udpPacket(end, server, dnsQuestion(7, name)));
    table.judge(udpPacket(server, end, dnsAnswer(7, name, A)));
  };
  const columns = (table: Desk): [protocol: string, everybody: boolean] => {
    const { trained } = table.engine.state;
    const at = trained.find(...parseAddress("203.0.113.9")!, 0) * trained.columns;
    const protocol = table.engine.policy.protocols[trained.values[at + PROTOCOL]!]!;
    return [protocol, trained.values[at + WITNESS] === 0];
  };
  const other = "www.napigator.com";
  const trusted = desk();
  told(trusted, "10.0.0.5", S, NAME);
  told(trusted, "10.0.0.6", own, other);
  assert.deepEqual(columns(trusted), ["winmx", true]);
  const alone = desk();
  told(alone, "10.0.0.5", own, NAME);
  told(alone, "10.0.0.6", readEnd("203.0.113.54:53"), other);
  assert.deepEqual(columns(alone), ["winmx", false]);
  told(alone, "10.0.0.6", readEnd("203.0.113.54:53"), NAME);
  assert.deepEqual(columns(alone), ["winmx", true]);
  told(alone, "10.0.0.6", S, other);
  assert.deepEqual(columns(alone), ["opennap", true]);
});

Deno.test("a client's answer to a stranger's question trains nothing", () => {
  const table = desk();
  table.judge(udpPacket(S, readEnd("10.0.0.5:53"), dnsQuestion(7, NAME)));
  table.judge(udpPacket(readEnd("10.0.0.5:53"), S, dnsAnswer(7, NAME, A)));
  assert.equal(table.engine.state.trained.count, 0);
});

Deno.test("addresses that an HTTPS record hints at are trained too (RFC 9460)", () => {
  const table = desk();
  asked(table, dnsQuestion(7, NAME));
  const hints = join(
    hex("0001 00"),
    hex("0001 0003 026832"),
    hex("0004 0004 cb007109"),
    hex("0006 0010 20010db8000300000000000000000009"),
  );
  const length = Uint8Array.of(0, hints.length);
  const record = join(dnsName(NAME), hex("0041 0001 0000003c"), length, hints);
  answered(table, join(hex("0007 8180 0001 0001 0000 0000"), dnsName(NAME), hex("0041 0001"), record));
  assert.equal(isTrained(table), true);
  assert.equal(isTrained(table, "2001:db8:3::9"), true);
});

Deno.test("records beside the answers are not believed", () => {
  const table = desk();
  asked(table, dnsQuestion(7, NAME));
  const record = join(dnsName(NAME), hex("0001 0001 0000003c 0004 cb007109"));
  answered(table, join(hex("0007 8180 0001 0000 0000 0001"), dnsName(NAME), hex("0001 0001"), record));
  assert.equal(isTrained(table), false);
});

Deno.test("a trained address outlives its TTL within bounds, and each answer prolongs it", () => {
  for (const [ttl, seconds] of [[0, 900], [600, 900], [3600, 3900], [0x7fffffff, 86_400]] as const) {
    const table = desk();
    asked(table, dnsQuestion(7, NAME));
    answered(table, dnsAnswer(7, NAME, [{ type: "A", value: "203.0.113.9", ttl }]));
    const { trained } = table.engine.state;
    const row = trained.find(...parseAddress("203.0.113.9")!, 0);
    assert.equal(trained.deadline[row]! - table.now, seconds * 1000, `TTL ${ttl}`);
  }
});

Deno.test("DNS over TCP is read however it was cut, several messages in a segment too", () => {
  const question = join(overTcp(dnsQuestion(7, NAME)), overTcp(dnsQuestion(8, "www.example.org")));
  const answer = join(
    overTcp(dnsAnswer(8, "www.example.org", [{ type: "A", value: "203.0.113.200", ttl: 60 }])),
    overTcp(dnsAnswer(7, NAME, A)),
  );
  for (let cut = 1; cut < Math.max(question.length, answer.length); cut++) {
    const table = desk();
    const line = new Connection(C, S);
    table.judge(line.segment(0, SYN));
    table.judge(line.segment(1, SYN | ACK));
    for (const [side, bytes] of [[0, question], [1, answer]] as const) {
      for (const part of [bytes.slice(0, cut), bytes.slice(cut)]) {
        if (part.length > 0) table.judge(line.segment(side, ACK | PSH, part));
      }
    }
    assert.equal(isTrained(table), true, `cut at ${cut}`);
  }
});

Deno.test("a flood of questions costs the memory of old ones only", () => {
  const table = desk();
  for (let id = 0; id < 1000; id++) asked(table, dnsQuestion(id, NAME));
  assert.ok(table.engine.state.questions.count <= 16);
  answered(table, dnsAnswer(999, NAME, A));
  assert.equal(isTrained(table), true);
});

Deno.test("at port 53 what is not DNS is classified like anything else; any bytes are safe", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), fc.uint8Array({ maxLength: 200 }), (first, second) => {
    const table = desk();
    asked(table, dnsQuestion(7, NAME));
    for (const bytes of [first, second, join(hex("0007 8180 0001 0005 0000 0000"), dnsName(NAME), second)]) {
      asked(table, bytes);
      answered(table, bytes);
    }
    const { counters } = table.engine;
    assert.equal(counters.accepted + counters.refused, 7);
  }));
  const table = desk();
  asked(table, latin("this is no DNS"));
  assert.equal(table.engine.trainer.unasked, 0);
});
