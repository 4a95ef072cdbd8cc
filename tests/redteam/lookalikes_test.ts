/** Programs whose own words come near to a pattern: found by working backwards from the patterns to who might fit them. */
import assert from "node:assert/strict";
import { hex, join, latin, type Turn } from "../support/conversation.ts";
import { dnsQuestion } from "../support/dns_message.ts";
import { readEnd, udpPacket } from "../support/packets.ts";
import { Chance, Household } from "./household.ts";

/** A 32-bit number, little end first. */
function u32le(number: number): Uint8Array {
  return Uint8Array.of(number, number >>> 8, number >>> 16, number >>> 24);
}

/** Text behind its length. */
function counted(text: string): Uint8Array {
  return join(u32le(text.length), latin(text));
}

const UUID = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";
const get = (path: string, headers: string) =>
  latin(`GET ${path} HTTP/1.1\r\nHost: api.example.org\r\n${headers}\r\n\r\n`);

/** One conversation each: what it is, and its turns. */
const STREAMS: readonly (readonly [name: string, ...turns: Turn[]])[] = [
  ["counted texts: a greeting of five letters, a UUID", [">", counted("HELLO")], [
    "<",
    join(u32le(40), counted(UUID)),
  ]],
  ["counted texts: a greeting of five letters, forty hex digits", [">", counted("LOGIN")], [
    "<",
    join(u32le(44), counted("0123456789abcdef0123456789abcdef01234567")),
  ]],
  ["a call with operation 0 of version 2, and its answer", [">", hex("05000000 00000000 02")], [
    "<",
    join(u32le(24), u32le(5), new Uint8Array(20)),
  ]],
  ["a service's feature bits", [">", get("/get/config?v=1", "x-features: 27")]],
  ["a service's node name", [">", get("/get/items", "X-Node: web-01")]],
  ["a queue's name", [">", get("/get/items", "X-Queue: orders")]],
  ["a key of a store that is asked in lines", [">", latin("GET hash:1234\r\n")], ["<", latin("$-1\r\n")]],
  ["a digest as such a key", [">", latin("GET sha1:0123456789abcdef0123456789abcdef01234567\r\n")]],
  ["a server that greets, and empty frames", ["<", join(u32le(5), latin("hello"), new Uint8Array(8))], [
    ">",
    latin("hi"),
  ]],
  ["a controller's commands", [">", latin("DCMD STOP AXIS\n")]],
  ["an instrument's question", [">", latin("DGET TEMP HIGH\n")]],
  ["a file by its path", [">", latin("CGET file /etc/motd\n")]],
  ["an answer of four words", [">", latin("BINF MAIN OK\n")]],
];

const DATAGRAMS: readonly (readonly [name: string, ...turns: Turn[]])[] = [
  ["a UUID, a type, a version and no more", [
    ">",
    join(hex("3f2504e04f8941d39a0c0305e82c3301 00 01 00"), u32le(0)),
  ]],
  ["telemetry: a device, milliseconds in 64 bits, a length, a counter", ...telemetry(0x0199, 0)],
  ["telemetry: a device, seconds, nanoseconds, a counter", ...telemetry(0, 1)],
];

function telemetry(high: number, step: number): Turn[] {
  return Array.from({ length: 16 }, (_, i): Turn => {
    const bytes = join(hex("01000007"), new Uint8Array(16), new Chance(i + 1).bytes(64));
    const view = new DataView(bytes.buffer);
    view.setUint32(4, high === 0 ? 1_764_150_000 + i * step : high);
    view.setUint32(8, 0xbf31c2d0 + i * 1000);
    view.setUint32(12, 64);
    view.setUint32(16, 1 + i);
    return [">", bytes];
  });
}

for (const [kind, list] of [["tcp", STREAMS], ["udp", DATAGRAMS]] as const) {
  for (const [name, ...turns] of list) {
    Deno.test(`not refused, and nobody is locked or blocked: ${name}`, () => {
      const home = new Household();
      for (let server = 1; server <= 5; server++) {
        home[kind](name, `10.0.0.5:${home.port()}`, `198.51.100.${server}:30000`, turns);
        home.pass(2);
      }
      assert.deepEqual(home.refused, [], `${home.detected}`);
      assert.equal(home.engine.state.locks.count + home.engine.state.peers.count, 0);
    });
  }
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
