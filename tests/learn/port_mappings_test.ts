import assert from "node:assert/strict";
import { ACCEPT } from "../../lib/judge/engine.ts";
import { hex, join } from "../support/conversation.ts";
import { Desk, witness } from "../support/desk.ts";
import { udpPacket } from "../support/packets.ts";
import { parseAddress } from "../../lib/net/address.ts";
import { UNRELATED } from "../../lib/protocol/classifier.ts";

const INPUT = 1;
const ROUTER = { words: parseAddress("10.0.0.1")!, port: 5351 };

function ask(desk: Desk, client: string, port: number, seconds = 3600): number {
  const from = { words: parseAddress(client)!, port: 1024 + (port >> 3) };
  const map = join(
    hex("00 01 0000"),
    Uint8Array.of(port >> 8, port & 255, 0, 0),
    hex(seconds.toString(16).padStart(8, "0")),
  );
  return desk.judge(udpPacket(from, ROUTER, map), INPUT);
}

Deno.test("one machine's port mappings, however many, fill neither the table nor the log, and all pass", () => {
  const desk = new Desk([witness(() => UNRELATED)]);
  const { mappings } = desk.engine.state;
  ask(desk, "10.0.0.6", 5000);
  for (let port = 1; port <= 20_000; port++) assert.equal(ask(desk, "10.0.0.5", port), ACCEPT);
  const word = 5000;
  assert.ok(mappings.find(...parseAddress("10.0.0.6")!, word) >= 0);
  assert.ok(mappings.count <= 300, `${mappings.count} mappings`);
  assert.ok(desk.events.length <= 30, `${desk.events.length} events`);
});

Deno.test("a mapping ends with its time, or when its program gives the port back", () => {
  const desk = new Desk([witness(() => UNRELATED)]);
  const { mappings } = desk.engine.state;
  const isMapped = (port: number) => {
    const row = mappings.find(...parseAddress("10.0.0.5")!, port);
    return row >= 0 && mappings.deadline[row]! > desk.now;
  };
  for (const [port, seconds] of [[5000, 3600], [5001, 3600], [5002, 86_400]] as const) {
    ask(desk, "10.0.0.5", port, seconds);
  }
  ask(desk, "10.0.0.5", 5000, 0);
  assert.deepEqual([5000, 5001, 5002].map(isMapped), [false, true, true]);
  desk.now += 3_600_000;
  assert.deepEqual([5001, 5002].map(isMapped), [false, true]);
  desk.now += 3_600_000;
  assert.equal(isMapped(5002), false, "two hours at most");
  // All entries go in the end.
  for (let i = 0; i < 70; i++) desk.engine.tick(desk.now += 1000, desk.now);
  assert.equal(mappings.count, 0);
});

Deno.test("what strangers send to the router's port, or clients to one outside, maps nothing", () => {
  const desk = new Desk([witness(() => UNRELATED)]);
  const map = hex("00 01 0000 1388 1388 00000e10");
  const from = (text: string, port: number) => ({ words: parseAddress(text)!, port });
  desk.judge(udpPacket(from("203.0.113.9", 4000), ROUTER, map), INPUT);
  desk.judge(udpPacket(from("10.0.0.5", 4000), from("203.0.113.9", 5351), map));
  desk.judge(udpPacket(from("203.0.113.9", 5351), from("10.0.0.5", 4000), map));
  assert.equal(desk.engine.state.mappings.count, 0);
});
