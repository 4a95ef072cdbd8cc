/** Programs whose own words come near to a pattern: found by working backwards from the patterns to who might fit them. */
import assert from "node:assert/strict";
import { hex, join, latin, type Turn } from "../support/conversation.ts";
import { dnsQuestion } from "../support/dns_message.ts";
import { readEnd, udpPacket } from "../support/packets.ts";
import { Chance, Household } from "./household.ts";
import { LOOK_ALIKES } from "./lookalikes.ts";

for (const { name, tcp, turns } of LOOK_ALIKES) {
  Deno.test(`not refused, and nobody is locked or blocked: ${name}`, () => {
    const home = new Household();
    for (let server = 1; server <= 5; server++) {
      home[tcp ? "tcp" : "udp"](name, `10.0.0.5:${home.port()}`, `198.51.100.${server}:30000`, turns);
      home.pass(2);
    }
    assert.deepEqual(home.refused, [], `${home.detected}`);
    assert.equal(home.engine.state.locks.count + home.engine.state.peers.count, 0);
  });
}

Deno.test("a question whether a name is free, put to one server, locks nobody and blocks no address", () => {
  const home = new Household();
  home.tcp("game", `10.0.0.5:40000`, "198.51.100.9:30000", [
    [">", join(hex("05000700"), latin("alice"))],
    ["<", hex("00000800 04001400 01020304")],
  ]);
  assert.deepEqual(home.refused, [], `${home.detected}`);
  assert.equal(home.engine.state.locks.count + home.engine.state.peers.count, 0);
});

/** Handshakes of nodes that are no file sharing, with all of a node's peers at once: port, then the flights' lengths. */
const NODES: readonly (readonly [name: string, port: number, heads: readonly string[], lengths: readonly number[]])[] =
  [
    ["Lightning (BOLT 8)", 9735, ["00", "00", "00", "", ""], [50, 50, 66, 120, 110]],
    ["Secure Scuttlebutt", 8008, ["", "", "", "", ""], [64, 64, 112, 80, 120]],
    ["Handshake", 44_806, ["", "", "", "", ""], [80, 80, 65, 150, 110]],
  ];

for (const [name, port, heads, lengths] of NODES) {
  Deno.test(`a node that calls twelve others within a minute is left alone: ${name}`, () => {
    const home = new Household();
    const chance = new Chance(port);
    for (let peer = 1; peer <= 12; peer++) {
      const turns = lengths.map((length, at): Turn => {
        const head = hex(heads[at]!);
        return [at % 2 === 0 ? ">" : "<", join(head, chance.bytes(length - head.length))];
      });
      home.tcp(name, `10.0.0.5:${home.port()}`, `198.51.100.${peer}:${port}`, turns);
      home.pass(4);
    }
    assert.deepEqual(home.refused, [], `${home.detected}`);
  });
}

const TRACKERS = ["tracker.opentrackr.org", "open.stealth.si", "exodus.desync.com", "tracker.torrent.eu.org"]
  .concat(["explodie.org", "tracker.tiny-vps.com", "tracker.dler.org"]);

/** Three flights of random bytes, as a tunnel with a cipher of its own has. */
function hidden(chance: Chance): Turn[] {
  return [[">", chance.bytes(300)], ["<", chance.bytes(400)], [">", chance.bytes(250)]];
}

Deno.test("names of trackers that a page asks for do not cost its reader the one tunnel", () => {
  const home = new Household();
  for (const [at, name] of TRACKERS.entries()) {
    home.now += 500;
    home.see("question", udpPacket(readEnd("10.0.0.5:53000"), readEnd("198.51.100.53:53"), dnsQuestion(at, name)));
  }
  home.pass(10);
  home.tcp("tunnel", "10.0.0.5:40000", "198.51.100.1:8388", hidden(new Chance(23)));
  assert.deepEqual(home.refused, [], `${home.detected}`);
});

Deno.test("a messenger's flights to port 443 are the same through a SOCKS proxy: nothing", () => {
  for (const proxied of [false, true]) {
    const home = new Household();
    const chance = new Chance(29);
    for (let host = 1; host <= 12; host++) {
      const socks: Turn[] = [
        [">", hex("050100")],
        ["<", hex("0500")],
        [">", join(hex("05010001"), Uint8Array.of(203, 0, 113, host), hex("01bb"))],
        ["<", hex("05000001000000000000")],
      ];
      const peer = proxied ? "198.51.100.7:1080" : `203.0.113.${host}:443`;
      home.tcp("messenger", `10.0.0.5:${home.port()}`, peer, [...(proxied ? socks : []), ...hidden(chance)]);
      home.pass(3);
    }
    assert.deepEqual([home.refused, home.detected], [[], []]);
  }
});
