/** What one hostile client, or anybody outside, can have done to others: as little as may be. */
import assert from "node:assert/strict";
import { REFUSE } from "../../lib/judge/engine.ts";
import { parseAddress } from "../../lib/net/address.ts";
import { SYN } from "../../lib/wire/transport.ts";
import { hex, join, latin, type Turn } from "../support/conversation.ts";
import { dnsAnswer, dnsName, dnsQuestion } from "../support/dns_message.ts";
import { Connection, readEnd, tcpPacket, udpPacket } from "../support/packets.ts";
import { Chance, Household } from "./household.ts";

const PING = join(hex("27 00000029 80"), latin("KaZaA\0"));
const PONG = join(hex("28 00000029 00 0000000000"), latin("KaZaA\0"));
const KRPC = latin("d1:ad2:id20:aaaaaaaaaaaaaaaaaaaae1:q4:ping1:t2:aa1:y1:qe");

function isLocked(home: Household, client: string): boolean {
  return home.engine.state.locks.find(...parseAddress(client)!, home.now) >= 0;
}

Deno.test("a client that pings port 443 of a web site does not have it refused to others", () => {
  const home = new Household();
  const web: Turn[] = [[">", latin("GET / HTTP/1.1\r\nHost: example.org\r\n\r\n")], [
    "<",
    latin("HTTP/1.1 200 OK\r\n\r\n"),
  ]];
  home.tcp("surfing", "10.0.0.6:40000", "198.51.100.80:80", web);
  for (const port of [80, 443, 53]) {
    home.udp("ping", "10.0.0.66:1214", `198.51.100.80:${port}`, [[">", PING]]);
    home.tcp(`port ${port}`, `10.0.0.6:${40_001 + port}`, `198.51.100.80:${port}`, web);
  }
  assert.deepEqual(home.refused, ["ping", "ping", "ping"]);
  assert.ok(isLocked(home, "10.0.0.66") && !isLocked(home, "10.0.0.6"));
});

Deno.test("a ping to one port of an address costs nobody what lives at its other ports", () => {
  const home = new Household();
  home.udp("ping", "10.0.0.66:1214", "198.51.100.80:1214", [[">", PING]]);
  home.refused.length = 0;
  const hello = join(hex("160301 0050 010000"), new Chance(2).bytes(76));
  for (const port of [22, 80, 443, 993, 5228, 8443]) {
    home.tcp(`port ${port}`, `10.0.0.6:${home.port()}`, `198.51.100.80:${port}`, [[">", hello], ["<", hello]]);
  }
  home.udp("VPN", "10.0.0.6:51820", "198.51.100.80:1214", [[">", new Chance(3).bytes(60)]]);
  // A neighbour's resolver falls back to TCP, and what the ping was meant for is refused.
  home.tcp("port 53", "10.0.0.6:40001", "198.51.100.80:53", [[">", join(hex("001d"), dnsQuestion(7, "example.org"))]]);
  assert.deepEqual(home.refused, []);
  assert.ok(!isLocked(home, "10.0.0.6"));
  home.tcp("met", "10.0.0.7:40000", "198.51.100.80:1214", []);
  assert.ok(isLocked(home, "10.0.0.7"));
});

Deno.test("a name server that names others trains nothing of them, whether known before or learned after", () => {
  const web: Turn[] = [[">", latin("GET / HTTP/1.1\r\nHost: example.org\r\n\r\n")]];
  const name = "www.winmx.com";
  const ask = (home: Household, client: string, server: string, asked: string, address: string) => {
    const [from, to] = [readEnd(`${client}:${home.port()}`), readEnd(`${server}:53`)];
    home.see("question", udpPacket(from, to, dnsQuestion(7, asked)));
    home.see("answer", udpPacket(to, from, dnsAnswer(7, asked, [{ type: "A", value: address, ttl: 60 }])));
  };
  // Before: a public resolver, a web site that somebody visited, a name server that somebody asked.
  const before = new Household();
  before.tcp("visit", "10.0.0.6:40000", "203.0.113.80:443", web);
  ask(before, "10.0.0.6", "203.0.113.53", "example.org", "203.0.113.98");
  ask(before, "10.0.0.6", "203.0.113.53", "example.net", "203.0.113.99");
  for (const address of ["8.8.8.8", "203.0.113.80", "203.0.113.53"]) {
    ask(before, "10.0.0.66", "198.51.100.66", name, address);
  }
  assert.equal(before.engine.state.trained.count, 0);
  // After: it answers a neighbour's questions, or two other names lead there. By TCP it is asked in any case.
  const after = new Household();
  ask(after, "10.0.0.66", "198.51.100.66", name, "203.0.113.53");
  ask(after, "10.0.0.66", "198.51.100.66", name, "203.0.113.81");
  assert.equal(after.engine.state.trained.count, 2);
  after.tcp("by TCP", "10.0.0.6:40000", "203.0.113.53:53", [[">", join(hex("001d"), dnsQuestion(7, "example.org"))]]);
  ask(after, "10.0.0.6", "203.0.113.53", "shop.example.org", "203.0.113.81");
  ask(after, "10.0.0.6", "203.0.113.53", "blog.example.net", "203.0.113.81");
  assert.equal(after.engine.state.trained.count, 0);
  after.tcp("visit", "10.0.0.6:40001", "203.0.113.81:443", web);
  assert.deepEqual(after.refused, []);
});

Deno.test("what a name server says that no other machine asks counts for the asking machine alone", () => {
  const home = new Household();
  const name = "www.winmx.com";
  /** Asks a name server, from a hardware address and in a client's name, and has it answer. */
  const ask = (mac: number, client: string, server: string, asked: string, address: string) => {
    const [from, to] = [readEnd(`${client}:${home.port()}`), readEnd(`${server}:53`)];
    home.judgeWith(udpPacket(from, to, dnsQuestion(7, asked)), 2, 0x0200, mac);
    home.judgeWith(udpPacket(to, from, dnsAnswer(7, asked, [{ type: "A", value: address, ttl: 60 }])), 2, 0x0200, 1);
  };
  /** Opens a connection; answers whether it is refused. */
  const refuses = (mac: number, client: string, address: string): boolean => {
    const syn = tcpPacket(readEnd(`${client}:${home.port()}`), readEnd(`${address}:443`), SYN, 1);
    return (home.judgeWith(syn, 2, 0x0200, mac) & REFUSE) !== 0;
  };
  // Machine 66 asks a name server of its own, also in the names of others: a DoH server that nobody visited is named.
  const doh = "203.0.113.250";
  for (const client of ["10.0.0.66", "10.0.0.6", "10.0.0.7"]) {
    ask(66, client, "198.51.100.66", "a.example.org", "203.0.113.4");
    ask(66, client, "198.51.100.66", name, doh);
  }
  assert.equal(home.engine.state.trained.count, 1);
  assert.deepEqual([refuses(6, "10.0.0.6", doh), refuses(7, "10.0.0.7", doh)], [false, false]);
  assert.ok(refuses(66, "10.0.0.66", doh));
  // A name server that several machines ask is believed for all, as one of those at home and the well-known ones are.
  for (const mac of [6, 7]) ask(mac, `10.0.0.${mac}`, "198.51.100.53", "b.example.org", "203.0.113.5");
  for (const [server, address] of [["198.51.100.53", "203.0.113.20"], ["9.9.9.9", "203.0.113.21"]] as const) {
    ask(66, "10.0.0.66", server, name, address);
    assert.ok(refuses(8, "10.0.0.8", address), server);
  }
});

Deno.test("a game server that somebody pinged is not refused to those that play there", () => {
  const home = new Household();
  home.udp("ping", "10.0.0.66:1214", "198.51.100.70:27015", [[">", PING]]);
  home.udp("game", "10.0.0.6:27005", "198.51.100.70:27015", [[">", new Chance(1).bytes(60)]]);
  assert.deepEqual(home.refused, ["ping"]);
  assert.ok(!isLocked(home, "10.0.0.6"));
});

Deno.test("a page cannot lock its reader, nor name peers: its server's answer alone is not the reader's doing", () => {
  const answers: readonly string[] = [
    "HTTP/1.1 200 OK\r\nX-Kazaa-Username: me\r\nX-Kazaa-SupernodeIP: 203.0.113.5:4443\r\nX-Kazaa-IP: 203.0.113.6:51820\r\n\r\n",
    "\x13BitTorrent protocol\0\0\0\0\0\0\0\0aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
  ];
  for (const answer of answers) {
    const home = new Household();
    home.tcp("page", "10.0.0.6:40000", "198.51.100.66:8080", [
      [">", latin("GET /image.png HTTP/1.1\r\nHost: evil.example.org\r\n\r\n")],
      ["<", latin(answer)],
    ]);
    assert.ok(!isLocked(home, "10.0.0.6"));
    assert.equal(home.engine.state.peers.count, 0);
    // Its messenger, that hides what it says, goes on too.
    home.refused.length = 0;
    const chance = new Chance(3);
    home.tcp("messenger", "10.0.0.6:40001", "198.51.100.9:5222", [
      [">", chance.bytes(300)],
      ["<", chance.bytes(250)],
      [">", chance.bytes(130)],
      ["<", chance.bytes(900)],
    ]);
    assert.deepEqual(home.refused, []);
  }
});

Deno.test("a STUN server's answer in FastTrack's words does not lock the caller", () => {
  const home = new Household();
  home.udp("stun", "10.0.0.6:40000", "198.51.100.66:3478", [
    [">", join(hex("0001 0000 2112a442"), new Chance(1).bytes(12))],
    ["<", PONG],
    ["<", PING],
  ]);
  assert.ok(!isLocked(home, "10.0.0.6"));
  assert.equal(home.engine.state.peers.count, 0);
});

Deno.test("whoever has an HTTPS record lead to a trained name cannot have an address of his choice trained", () => {
  const home = new Household();
  const name = "evil.example.org";
  home.see("question", udpPacket(readEnd("10.0.0.6:40000"), readEnd("198.51.100.53:53"), dnsQuestion(7, name)));
  const data = join(hex("0001"), dnsName("c3310.z1301.winmx.com"), hex("0004 0004 cb007109"));
  const record = join(dnsName(name), hex("0041 0001 0000003c"), Uint8Array.of(0, data.length), data);
  const answer = join(hex("0007 8180 0001 0001 0000 0000"), dnsName(name), hex("0001 0001"), record);
  home.see("answer", udpPacket(readEnd("198.51.100.53:53"), readEnd("10.0.0.6:40000"), answer));
  assert.equal(home.engine.state.trained.count, 0);
});

Deno.test("one client's word about an endpoint does not have another's hidden flow there refused", () => {
  const home = new Household();
  home.udp("ping", "10.0.0.66:6881", "198.51.100.88:8388", [[">", KRPC]]);
  home.refused.length = 0;
  const chance = new Chance(5);
  const hidden: Turn[] = [[">", chance.bytes(300)], ["<", chance.bytes(250)], [">", chance.bytes(130)]];
  home.tcp("tunnel", "10.0.0.6:40000", "198.51.100.88:8388", hidden);
  assert.deepEqual(home.refused, []);
  home.tcp("own", "10.0.0.66:40000", "198.51.100.88:8388", hidden);
  assert.deepEqual(home.refused, ["own"]);
});

Deno.test("a datagram in a server's name that comes before the client's first does not cost the client its flow", () => {
  for (const payload of [PING, KRPC]) {
    const home = new Household();
    home.udp("forged", "[2001:db8:1::9]:51820", "10.0.0.6:51820", [[">", payload]]);
    home.udp("forged", "198.51.100.9:51820", "10.0.0.6:51820", [[">", payload]]);
    assert.ok(home.refused.length >= 1);
    home.refused.length = 0;
    const chance = new Chance(7);
    home.udp("WireGuard", "10.0.0.6:51820", "198.51.100.9:51820", [
      [">", join(hex("01000000"), chance.bytes(144))],
      ["<", join(hex("02000000"), chance.bytes(88))],
      [">", join(hex("04000000"), chance.bytes(124))],
    ]);
    assert.deepEqual(home.refused, []);
    // Who answers in kind is known for it all the same.
    home.udp("called", "198.51.100.9:51820", "10.0.0.7:51820", [[">", payload]]);
    home.udp("answered", "10.0.0.7:51820", "198.51.100.9:51820", [[">", payload]]);
    assert.deepEqual(home.refused, ["called", "answered"]);
  }
});

Deno.test("pings from made-up clients do not push out an operator's lock, nor one that was renewed", () => {
  const home = new Household(undefined, { locks: 64 });
  const { timeLocks } = home.engine.learner;
  timeLocks.lock(...parseAddress("10.0.0.2")!, -1, "operator", "operator", 60_000, 0, "operator", "loud");
  home.udp("ping", "10.0.0.3:1214", "198.51.100.7:1214", [[">", PING]]);
  home.pass(70);
  home.udp("ping", "10.0.0.3:1214", "198.51.100.8:1214", [[">", PING]]);
  timeLocks.lock(...parseAddress("10.0.0.2")!, -1, "operator", "operator", 60_000, 0, "operator", "loud");
  for (let i = 0; i < 5000; i++) {
    home.see("flood", udpPacket(readEnd(`10.1.${i >> 8}.${i & 255}:1214`), readEnd("198.51.100.9:1214"), PING));
  }
  assert.equal(home.engine.state.locks.count, 64);
  assert.ok(isLocked(home, "10.0.0.2") && isLocked(home, "10.0.0.3"));
});

Deno.test("packets from outside to the router itself do not push out what is known of the clients' hardware", () => {
  const home = new Household(undefined, { locks: 64 });
  const { neighbours } = home.engine.state;
  neighbours.insert(...parseAddress("10.0.0.2")!, 0, home.now + 1000);
  for (let i = 0; i < 2000; i++) {
    const packet = udpPacket(readEnd(`198.18.${i >> 8}.${i & 255}:1214`), readEnd("203.0.113.1:1214"), PING);
    home.judgeWith(packet, 1, 0x0200, i + 1);
  }
  assert.ok(neighbours.find(...parseAddress("10.0.0.2")!, 0) >= 0);
  assert.equal(neighbours.count, 1);
});

Deno.test("no probe leaves for an address that is not at home, whatever the state says", () => {
  const home = new Household();
  const now = home.now;
  home.engine.state.locks.set(...parseAddress("198.51.100.99")!, now + 120_000, {
    protocol: home.engine.policy.protocolNumber("fasttrack"),
    protocolName: "fasttrack",
    evidence: "udp-ping",
    since: now,
    length: 120_000,
    renewals: 0,
    by: "detector",
    reason: "",
    macHigh: 0,
    macLow: 0,
    port: 53,
    probeAt: now,
    probes: 0,
    announced: now + 120_000,
  });
  home.now += 1000;
  home.engine.tick(home.now, home.now);
  assert.deepEqual(home.engine.outbox.take(), []);
});

Deno.test("floods from outside cannot grow anything nor make more than a bounded number of notes", () => {
  const home = new Household();
  const before = home.events.length;
  for (let i = 0; i < 20_000; i++) {
    const from = `198.${i >> 16 & 255}.${i >> 8 & 255}.${i & 255}:6881`;
    home.see("flood", udpPacket(readEnd(from), readEnd("10.0.0.6:6881"), KRPC));
  }
  assert.ok(home.events.length - before < 50, `${home.events.length - before} events`);
  const { locks, peers, scores, endpoints } = home.engine.state;
  assert.deepEqual([locks.count, peers.count, scores.table.count, endpoints.count], [0, 0, 0, 0]);
});

Deno.test("decoys and probes are only ever meant for home, and are no larger than twice what caused them", () => {
  const home = new Household();
  const chance = new Chance(11);
  let sent = 0;
  for (let i = 0; i < 3000; i++) {
    const inside = `10.0.${chance.below(4)}.${chance.between(1, 250)}:${chance.between(1, 65_000)}`;
    const outside = `${chance.between(1, 223)}.${chance.below(256)}.7.9:${chance.between(1, 65_000)}`;
    const [from, to] = chance.below(2) === 0 ? [inside, outside] : [outside, inside];
    home.see("ping", udpPacket(readEnd(from), readEnd(to), PING), 1 + chance.below(3));
    home.now += 20;
    if (i % 50 === 0) home.engine.tick(home.now, home.now);
    const sendings = home.engine.outbox.take();
    for (const { client } of sendings) {
      sent++;
      assert.ok(home.engine.policy.isHome(...client));
    }
    // With the headers of IPv4 and UDP.
    for (const kind of ["decoy", "probe"]) {
      const payloads = sendings.filter((sending) => sending.kind === kind).map(({ payload }) => 28 + payload.length);
      if (kind === "decoy") assert.ok(payloads.reduce((sum, bytes) => sum + bytes, 0) <= 2 * (28 + PING.length));
      else for (const bytes of payloads) assert.ok(bytes <= 2 * (28 + PING.length));
    }
  }
  assert.ok(sent > 0);
});

Deno.test("a SYN that others send in a client's name locks nobody else, and refuses nothing of what it has", () => {
  const home = new Household();
  const connection = new Connection(readEnd("10.0.0.6:40000"), readEnd("198.51.100.80:80"));
  home.see("syn", connection.segment(0, SYN));
  home.see("forged", tcpPacket(readEnd("198.51.100.80:80"), readEnd("10.0.0.6:40000"), SYN, 99));
  assert.equal(home.judge(connection.segment(1, SYN | 16)) & REFUSE, 0);
  assert.equal(home.judge(connection.segment(0, 24, latin("GET / HTTP/1.1\r\nHost: a\r\n\r\n"))) & REFUSE, 0);
});

Deno.test("one machine that pings everybody, in everybody's name, fills neither the block list nor the locks", () => {
  const home = new Household(undefined, { peers: 20_000, locks: 2000, rateLimits: 4096 });
  for (let i = 0; i < 10_000; i++) {
    const peer = readEnd(`198.${18 + (i >> 16)}.${i >> 8 & 255}.${i & 255}:1214`);
    home.judgeWith(udpPacket(readEnd("10.0.0.66:1214"), peer, PING), 2, 0x0200, 66);
    const client = readEnd(`10.${1 + (i >> 16)}.${i >> 8 & 255}.${i & 255}:1214`);
    home.judgeWith(udpPacket(client, readEnd("198.51.100.7:1214"), PING), 2, 0x0200, 66);
  }
  const { peers, locks } = home.engine.state;
  assert.ok(peers.count <= 4097, `${peers.count} peers`);
  assert.ok(locks.count <= 256, `${locks.count} locks`);
  assert.ok(isLocked(home, "10.0.0.66"));
  // Another machine still gets what it deserves.
  home.judgeWith(udpPacket(readEnd("10.0.0.7:1214"), readEnd("203.0.113.7:1214"), PING), 2, 0x0200, 7);
  assert.ok(isLocked(home, "10.0.0.7"));
});

Deno.test("a flood in the name of made-up clients costs others neither their locks nor the quota its hold", () => {
  const home = new Household(undefined, { rateLimits: 256, locks: 1024 });
  const ping = (client: string, mac: number, peer = "198.51.100.7:1214") =>
    home.judgeWith(udpPacket(readEnd(`${client}:1214`), readEnd(peer), PING), 2, 0x0200, mac);
  ping("10.0.0.7", 7);
  // More clients than any table of counts has rows, in two minutes, by one machine and then by as many as there are clients.
  for (const machines of [1, 20_000]) {
    const { locks } = home.engine.state;
    for (let minute = 0; minute < 2; minute++) {
      const before = locks.count;
      home.events.length = 0;
      for (let i = 0; i < 20_000; i++) {
        ping(`10.${1 + machines % 7}.${i >> 8}.${i & 255}`, 1000 + i % machines, `198.51.100.7:${2000 + i % 7}`);
        home.engine.outbox.take();
      }
      const locked = locks.count - before;
      // Some hundred machines have counts of their own, all others share one.
      assert.ok(locked <= (machines === 1 ? 256 : 1024), `${locked} locks`);
      // Only what is locked has events beside refusals, which are told as often as the receiver admits.
      const events = home.events.filter(({ event }) => event !== "refused").length;
      assert.ok(events <= 4 * locks.count, `${events} events`);
      assert.ok(isLocked(home, "10.0.0.7"));
      ping("10.0.0.7", 7);
      home.now += 61_000;
      ping("10.0.0.7", 7);
    }
  }
});

Deno.test("decoys have a bound for each machine and for all together, whoever they are meant for", () => {
  const home = new Household();
  let sent = 0;
  for (let i = 0; i < 30_000; i++) {
    const client = readEnd(`10.${1 + (i >> 16)}.${i >> 8 & 255}.${i & 255}:1214`);
    home.judgeWith(udpPacket(client, readEnd("198.51.100.7:1214"), PING), 2, 0x0200, i < 15_000 ? 66 : i);
    // Two datagrams answer one ping.
    sent += home.engine.outbox.take().length / 2;
    if (i === 14_999) assert.ok(sent <= 100, `${sent} decoys for one machine`);
  }
  assert.ok(sent <= 1000, `${sent} decoys for all`);
});

Deno.test("peers and hubs that are named in messages cost nobody an innocent's services", () => {
  const home = new Household();
  const hello = join(hex("160301 0050 010000"), new Chance(2).bytes(76));
  const web: Turn[] = [[">", hello], ["<", hello]];
  // The school's own server, which somebody has visited at its port.
  home.tcp("visit", "10.0.0.7:40000", "203.0.113.10:8443", web);
  const innocent = ["8.8.8.8:53", "8.8.8.8:443", "8.8.8.8:1214", "203.0.113.10:8443", "203.0.113.10:443"];
  for (const end of innocent) {
    const head = `GET /.hash=${"a1".repeat(20)} HTTP/1.1\r\nX-Kazaa-IP: ${end}\r\nX-Kazaa-SupernodeIP: ${end}\r\n\r\n`;
    home.tcp("hostile", `10.0.0.66:${home.port()}`, "198.51.100.66:8000", [[">", latin(head)]]);
    home.tcp("hostile", `10.0.0.67:${home.port()}`, "198.51.100.66:411", [
      ["<", latin("$Lock EXTENDEDPROTOCOLABCABCABCABCABCABC Pk=DCPLUSPLUS0.777|")],
      [">", latin(`$Key aaaa|$ConnectToMe one ${end}|`)],
      ["<", latin(`$ConnectToMe one ${end}|`)],
    ]);
  }
  assert.ok(home.refused.length > 0);
  home.refused.length = 0;
  for (const end of innocent) home.tcp(end, `10.0.0.6:${home.port()}`, end, web);
  const chance = new Chance(9);
  home.tcp("tunnel", `10.0.0.6:${home.port()}`, "203.0.113.10:8443", [
    [">", chance.bytes(300)],
    ["<", chance.bytes(250)],
    [">", chance.bytes(130)],
  ]);
  assert.deepEqual(home.refused, []);
  assert.ok(!isLocked(home, "10.0.0.6"));
});

Deno.test("answers that nobody asked for, or that are of another server, train nothing, however many", () => {
  const home = new Household();
  const name = "www.winmx.com";
  const client = readEnd("10.0.0.6:40000");
  const answer = (id: number) => dnsAnswer(id, name, [{ type: "A", value: "203.0.113.9", ttl: 60 }]);
  for (let id = 0; id < 20_000; id++) home.see("unasked", udpPacket(readEnd("198.51.100.53:53"), client, answer(id)));
  home.see("question", udpPacket(client, readEnd("198.51.100.53:53"), dnsQuestion(7, name)));
  for (const server of ["198.51.100.66:53", "198.51.100.53:5353"]) {
    for (let id = 0; id < 100; id++) home.see("forged", udpPacket(readEnd(server), client, answer(id)));
  }
  const { trained, everyday } = home.engine.state;
  assert.deepEqual([trained.count, everyday.count], [0, 0]);
  home.see("answer", udpPacket(readEnd("198.51.100.53:53"), client, answer(7)));
  assert.equal(trained.count, 1);
});
