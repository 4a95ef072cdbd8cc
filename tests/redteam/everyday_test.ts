/** Nothing of everyday life is refused or locks anybody: hard look-alikes through the whole engine on the default config. */
import assert from "node:assert/strict";
import { hex, join, latin } from "../support/conversation.ts";
import { STRANGERS } from "../protocol/strangers.ts";
import { EVERYDAY } from "./everyday.ts";
import { Chance, Household } from "./household.ts";

Deno.test("no everyday conversation is refused, of whatever bytes its random parts are", () => {
  for (const everyday of EVERYDAY) {
    for (let seed = 1; seed <= 4; seed++) {
      const home = new Household();
      const turns = everyday.turns(new Chance(seed));
      const client = `10.0.0.5:${home.port()}`;
      const peer = `198.51.100.9:${everyday.port}`;
      if (everyday.tcp) home.tcp(everyday.name, client, peer, turns);
      else home.udp(everyday.name, client, peer, turns);
      // The same when the peer calls, as a game's host or a server at home is called.
      if (everyday.tcp) home.tcp(everyday.name, `198.51.100.8:40000`, `10.0.0.6:${everyday.port}`, turns);
      else home.udp(everyday.name, `198.51.100.8:40000`, `10.0.0.6:${everyday.port}`, turns);
      assert.deepEqual(home.refused, [], `seed ${seed}: ${home.detected}`);
      assert.equal(home.engine.state.locks.count, 0, everyday.name);
      assert.ok(home.detected.every((line) => line.startsWith("weak ")), `${everyday.name}: ${home.detected}`);
    }
  }
});

Deno.test("strangers to every classifier pass the engine too, whoever opens the flow", () => {
  const home = new Household();
  for (const [index, { name, tcp, turns }] of STRANGERS.entries()) {
    if (/^(BitTorrent|uTP)/.test(name)) continue;
    const peer = `198.51.100.${10 + index % 200}:${30_000 + index}`;
    if (tcp) {
      home.tcp(name, `10.0.0.5:${home.port()}`, peer, turns);
      home.tcp(name, peer, `10.0.0.6:${home.port()}`, turns);
    } else {
      home.udp(name, `10.0.0.5:${home.port()}`, peer, turns);
      home.udp(name, peer, `10.0.0.6:${home.port()}`, turns);
    }
  }
  assert.deepEqual(home.refused, [], `${home.detected}`);
  assert.equal(home.engine.state.locks.count, 0);
});

Deno.test("a household's evening and night cross no threshold: games, calls, VPNs, a messenger, a Tor user with three bridges", () => {
  const home = new Household();
  const chance = new Chance(2026);
  const hidden = EVERYDAY.filter(({ name }) => /^(telegrams|Shadowsocks|obfs4)/.test(name));
  const open = EVERYDAY.filter((everyday) => !hidden.includes(everyday));
  for (let minute = 0; minute < 10 * 60; minute++) {
    home.pass(60);
    for (let client = 5; client < 9; client++) {
      for (let i = 0; i < 2; i++) {
        const everyday = open[chance.below(open.length)]!;
        const peer = `198.51.${chance.below(100)}.${chance.between(1, 250)}:${everyday.port}`;
        const from = `10.0.0.${client}:${home.port()}`;
        if (everyday.tcp) home.tcp(everyday.name, from, peer, everyday.turns(chance));
        else home.udp(everyday.name, from, peer, everyday.turns(chance));
      }
    }
    // Each hidden program keeps to its few servers; the messenger comes back every minute.
    for (const [index, everyday] of hidden.entries()) {
      if (index > 0 && minute % 10 !== 0) continue;
      for (let server = 0; server < 3; server++) {
        const peer = `203.0.113.${index * 10 + server + 1}:${everyday.port}`;
        home.tcp(everyday.name, `10.0.0.${5 + index}:${home.port()}`, peer, everyday.turns(chance));
      }
    }
  }
  assert.deepEqual(home.refused, [], `${home.detected}`);
  assert.equal(home.engine.state.locks.count, 0);
});

/** Flights of programs with a cipher of their own, as they frame them: what stands in front of so many random bytes. */
const FRAMED: readonly (readonly [name: string, frame: (body: Uint8Array) => Uint8Array])[] = [
  ["two bytes of length", (body) => join(hex(word(body.length, 2)), body)],
  ["four bytes of length, little end first", (body) => join(hex(word(body.length, 4)).reverse(), body)],
  ["magic, version, length", (body) => join(hex("9f1c 0102 0000"), hex(word(body.length, 2)), body)],
  ["magic and the length of all", (body) => join(hex("c3a5"), hex(word(body.length + 4, 2)), body)],
  ["two frames", (body) => join(hex("0030"), body.slice(0, 48), hex(word(body.length - 48, 2)), body.slice(48))],
  ["WeChat's records", (body) => join(hex("19f104"), hex(word(body.length, 2)), body)],
];
const word = (value: number, bytes: number) => value.toString(16).padStart(bytes * 2, "0");

Deno.test("a program that frames what it ciphers reaches thirty hosts on high ports within a minute", () => {
  for (const [name, frame] of FRAMED) {
    const home = new Household();
    const chance = new Chance(7);
    for (let host = 1; host <= 30; host++) {
      home.tcp(name, `10.0.0.5:${home.port()}`, `198.51.100.${host}:${chance.between(5000, 60_000)}`, [
        [">", frame(chance.bytes(chance.between(100, 500)))],
        ["<", frame(chance.bytes(chance.between(100, 500)))],
        [">", frame(chance.bytes(chance.between(100, 500)))],
        ["<", frame(chance.bytes(chance.between(100, 1000)))],
      ]);
      home.pass(2);
    }
    assert.deepEqual(home.refused, [], `${name}: ${home.detected}`);
    assert.equal(home.engine.state.locks.count, 0);
    // Chance makes a frame of no length once in a thousand.
    assert.ok(home.detected.length <= 1, `${name}: ${home.detected}`);
  }
});

Deno.test("the desk does see file sharing when there is some", () => {
  const home = new Household();
  const shake = join(hex("13"), latin("BitTorrent protocol"), new Uint8Array(8), new Chance(1).bytes(40));
  home.tcp("BitTorrent", "10.0.0.5:40000", "198.51.100.9:50000", [[">", shake]]);
  assert.deepEqual(home.refused, ["BitTorrent"]);
});
