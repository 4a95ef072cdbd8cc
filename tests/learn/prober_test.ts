/** Whom ftwall asks, when, how often, and what an answer does. */
import assert from "node:assert/strict";
import type { Sending } from "../../lib/learn/outbox.ts";
import { parseAddress } from "../../lib/net/address.ts";
import { CLASSIFIERS } from "../../lib/protocol/mod.ts";
import { hex, join } from "../support/conversation.ts";
import { Desk } from "../support/desk.ts";
import { EngineGroup } from "../support/engine_group.ts";
import { decode, readEnd, udpPacket } from "../support/packets.ts";
import { policyOf } from "../support/story.ts";
import { Packet } from "../../lib/wire/packet.ts";

const INPUT = 1;
const HOME = '[network]\nhome = ["10.0.0.0/8"]\n';
/** Where ftwall's questions come from. */
const ROUTER = readEnd("10.0.0.1:40000");
/** A uTP SYN, and no more: weak. */
const SYN = hex("4100 1234 11111111 00000000 00100000 0001 0000");

class Scene {
  readonly desk: Desk;
  constructor(config = "") {
    this.desk = new Desk(CLASSIFIERS, HOME + config);
  }

  /** A datagram of a client, or to it. */
  see(from: string, to: string, payload: Uint8Array = SYN): number {
    return this.desk.judge(udpPacket(readEnd(from), readEnd(to), payload));
  }

  answer(from: string, payload: Uint8Array): number {
    return this.desk.judge(udpPacket(readEnd(from), ROUTER, payload), INPUT);
  }

  wait(seconds: number): void {
    for (let i = 0; i < seconds; i++) this.desk.engine.tick(this.desk.now += 1000, 1_800_000_000_000);
  }

  get sent(): Sending[] {
    return this.desk.engine.outbox.take();
  }

  /** Names of the evidence that was proven, with its certainty. */
  get proven(): string[] {
    return this.desk.events.flatMap((event) =>
      event.event === "detected" && event.evidence.endsWith("-probe") ? [`${event.evidence} ${event.certainty}`] : []
    );
  }

  get asked(): number {
    return this.desk.events.filter(({ event }) => event === "probe-sent").length;
  }
}

/** A uTP STATE that answers this SYN. */
function state(syn: Uint8Array): Uint8Array {
  return join(hex("2100"), syn.slice(2, 4), hex("249b519b 000000cb 00100000 1750"), syn.slice(16, 18));
}

Deno.test("a suspected client's port is asked, and an answer proves its protocol; the conversation is ended", () => {
  const scene = new Scene();
  scene.see("10.0.0.5:6881", "198.51.100.7:7000");
  const [syn, ping, ...more] = scene.sent;
  assert.deepEqual([syn!.kind, syn!.clientPort, ping!.clientPort, more.length], ["probe", 6881, 6881, 0]);
  const wrong = state(syn!.payload);
  wrong[19]! ^= 1;
  scene.answer("10.0.0.5:6881", wrong);
  scene.answer("10.0.0.5:6882", state(syn!.payload));
  scene.answer("10.0.0.6:6881", state(syn!.payload));
  assert.deepEqual(scene.proven, []);
  scene.answer("10.0.0.5:6881", state(syn!.payload));
  assert.deepEqual(scene.proven, ["utp-probe certain"]);
  const [reset] = scene.sent;
  assert.equal(reset!.payload[0], 0x31);
  assert.equal(reset!.payload.length, 20);
  scene.answer("10.0.0.5:6881", state(syn!.payload));
  assert.equal(scene.proven.length, 1, "once");
  scene.wait(60);
  assert.deepEqual(scene.sent, [], "who has answered is not asked again");
});

Deno.test("an answer that comes late counts for a minute or two, and then no more", () => {
  for (const [seconds, expected] of [[50, 1], [200, 0]] as const) {
    const scene = new Scene();
    scene.see("10.0.0.5:6881", "198.51.100.7:7000");
    const [syn] = scene.sent;
    scene.wait(seconds);
    scene.answer("10.0.0.5:6881", state(syn!.payload));
    assert.equal(scene.proven.length, expected);
  }
});

Deno.test("a port is asked three times, and again after five minutes where it is still suspected", () => {
  const scene = new Scene();
  scene.see("10.0.0.5:6881", "198.51.100.7:7000");
  scene.wait(100);
  assert.equal(scene.asked, 3);
  for (let i = 0; i < 50; i++) scene.see("10.0.0.5:6881", `198.51.100.${i}:7001`);
  scene.wait(100);
  assert.equal(scene.asked, 3);
  scene.wait(120);
  scene.see("10.0.0.5:6881", "198.51.100.99:7001");
  scene.wait(100);
  assert.equal(scene.asked, 6);
});

Deno.test("Kad is asked by a ping, whose answer names the port that asked", () => {
  const scene = new Scene();
  scene.see("10.0.0.5:4672", "198.51.100.7:4672", join(hex("e4 21 02"), new Uint8Array(32).map((_, at) => at * 7 + 1)));
  const [ping, ...more] = scene.sent;
  assert.deepEqual([ping!.payload.toHex(), more.length], ["e460", 0]);
  scene.answer("10.0.0.5:4672", hex("e461 419c"));
  assert.deepEqual(scene.proven, []);
  scene.answer("10.0.0.5:4672", hex("e461 409c"));
  assert.deepEqual(scene.proven, ["kad-probe certain"]);
});

Deno.test("a port that the router maps is asked once for every protocol when something passes there that nobody can place", () => {
  const scene = new Scene();
  const map = (opcode: string) =>
    scene.desk.judge(
      udpPacket(readEnd("10.0.0.5:4000"), readEnd("10.0.0.1:5351"), hex(`00 ${opcode} 0000 1388 1388 00000e10`)),
      INPUT,
    );
  const talk = (client: string, first: Uint8Array) => {
    for (let i = 0; i < 20; i++) scene.see("198.51.100.7:7000", client, first);
  };
  talk("10.0.0.5:5000", hex("7f 01 02 03"));
  assert.deepEqual(scene.sent, [], "no mapping");
  map("01");
  assert.deepEqual(scene.sent, [], "a mapping alone");
  talk("10.0.0.5:5001", hex("7f 01 02 03"));
  assert.deepEqual(scene.sent, [], "another port");
  scene.see("198.51.100.8:7000", "10.0.0.5:5000", hex("0001 0000 2112a442 000102030405060708090a0b"));
  assert.deepEqual(scene.sent, [], "a browser's");
  for (let i = 0; i < 20; i++) scene.see("198.51.100.9:7000", "10.0.0.5:5000", hex("7f 01 02 03"));
  assert.deepEqual(scene.sent.map(({ protocol }) => protocol).sort(), [
    "bittorrent",
    "bittorrent",
    "edonkey",
    "gnutella",
  ]);
  scene.wait(60);
  assert.deepEqual(scene.sent, [], "once");
});

Deno.test("nobody is asked because of strangers, nor where the config says no", () => {
  const cases: readonly (readonly [label: string, config: string, from: string, to: string])[] = [
    ["a stranger's packet", "", "198.51.100.7:7000", "10.0.0.5:6881"],
    ["not home", "", "198.51.100.7:7000", "203.0.113.9:6881"],
    ["off", "[probe]\nask = false\n", "10.0.0.5:6881", "198.51.100.7:7000"],
    ["off for the protocol", "[protocols.bittorrent]\nprobe = false\n", "10.0.0.5:6881", "198.51.100.7:7000"],
    ["protocol not looked for", '[protocols.bittorrent]\naction = "off"\n', "10.0.0.5:6881", "198.51.100.7:7000"],
    ["an everyday port", "", "10.0.0.5:443", "198.51.100.7:7000"],
  ];
  for (const [label, config, from, to] of cases) {
    const scene = new Scene(config);
    scene.see(from, to);
    scene.wait(30);
    assert.deepEqual(scene.sent, [], label);
    assert.equal(scene.asked, 0, label);
  }
});

Deno.test("neither exempt clients, nor allowed ones, nor the router, an operator's machine or a broadcast address are asked", () => {
  const client = parseAddress("10.0.0.5")!;
  const exempt = new Desk(CLASSIFIERS, '[network]\nhome = ["10.0.0.0/8"]\nexempt = ["10.0.0.5"]\n');
  exempt.judge(udpPacket(readEnd("10.0.0.5:6881"), readEnd("198.51.100.7:7000"), SYN));
  assert.deepEqual(exempt.engine.outbox.take(), []);
  for (const who of ["spared", "allowances"] as const) {
    const scene = new Scene();
    // Suspected before it was known to be one of these.
    scene.see("10.0.0.5:6881", "198.51.100.7:7000");
    assert.equal(scene.sent.length, 2);
    scene.desk.engine.state[who].insert(...client, 0, Infinity);
    scene.wait(30);
    assert.deepEqual(scene.sent, [], who);
  }
});

Deno.test("questions have a bound for each client and for all together, and only go to who was suspected", () => {
  const scene = new Scene();
  for (let port = 10_000; port < 12_000; port++) scene.see(`10.0.0.5:${port}`, "198.51.100.7:7000");
  assert.ok(scene.asked <= 30, `${scene.asked} of one client in a moment`);
  for (let host = 10; host < 250; host++) scene.see(`10.0.1.${host}:6881`, "198.51.100.7:7000");
  assert.ok(scene.asked <= 60, `${scene.asked} in a second`);
  const asked = scene.asked;
  for (const { client, clientPort, payload } of scene.sent) {
    assert.ok(scene.desk.engine.policy.isHome(...client) && clientPort !== 7000);
    assert.ok(payload.length <= 64);
  }
  for (let i = 0; i < 60; i++) {
    scene.wait(1);
    for (let port = 12_000; port < 12_100; port++) scene.see(`10.0.0.5:${port + i * 100}`, "198.51.100.7:7000");
  }
  const ofOne = scene.desk.events.filter((event) => event.event === "probe-sent" && event.client === "10.0.0.5").length;
  assert.ok(ofOne <= 60, `${ofOne} of one client in a minute`);
  assert.ok(scene.asked > asked);
  assert.ok(scene.desk.engine.state.probes.count <= 1024);
});

Deno.test("an answer counts on whichever thread it comes to, once", () => {
  const group = new EngineGroup(policyOf(HOME), 3);
  const packet = new Packet();
  const judge = (at: number, hook: number, bytes: Uint8Array) => {
    packet.hook = hook;
    const engine = group.engines[at]!;
    engine.hold(() => engine.judge(packet, decode(packet, bytes), 1_000_000));
  };
  for (const engine of group.engines) engine.tick(1_000_000, 1_800_000_000_000);
  judge(1, 2, udpPacket(readEnd("10.0.0.5:6881"), readEnd("198.51.100.7:7000"), SYN));
  const [syn] = group.engines[1]!.outbox.take();
  for (const at of [2, 0]) judge(at, INPUT, udpPacket(readEnd("10.0.0.5:6881"), ROUTER, state(syn!.payload)));
  const proven = group.events.filter((event) => event.event === "detected" && event.evidence === "utp-probe");
  assert.equal(proven.length, 1);
});
