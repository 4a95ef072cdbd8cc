/**
 * What the engine spends on a packet of each kind of flood, and on those of a neighbour who reads web pages meanwhile: steps
 * by V8's block counters, in which no clock is. Prints them as JSON, by kind.
 * @module
 */
import { BlockCoverage } from "./block_coverage.ts";

const root = new URL("../../lib/", import.meta.url).href;
await using coverage = await BlockCoverage.start((url) => url.startsWith(root));
const { Household } = await import("../redteam/household.ts");
const { udpPacket, tcpPacket, readEnd, Connection } = await import("../support/packets.ts");
const { hex, join, latin } = await import("../support/conversation.ts");
const { dnsAnswer } = await import("../support/dns_message.ts");
const { Chance } = await import("./mutation.ts");
const { ACK, PSH, SYN } = await import("../../lib/wire/transport.ts");

/** Packets before those that are counted, so that the tables are full; and those. */
const BEFORE = 8000;
const COUNTED = 4000;

const chance = new Chance();
chance.seed(1, 2);
const server = readEnd("198.51.100.7:6881");
const client = () => ({
  words: [0, 0, 0xffff, (0x0a020000 + chance.below(20_000)) | 0] as const,
  port: 1024 + chance.below(60_000),
});
const bytes = (length: number) => Uint8Array.from({ length }, () => chance.next());
const ping = join(hex("27 00000029 80"), latin("KaZaA\0"));
const dht = latin("d1:ad2:id20:aaaaaaaaaaaaaaaaaaaae1:q4:ping1:t2:aa1:y1:qe");
const fragment = () => {
  const packet = udpPacket(client(), server, bytes(64));
  packet[6] = 0x20;
  return packet;
};

const FLOODS: Readonly<Record<string, () => Uint8Array>> = {
  ping: () => udpPacket(client(), readEnd("198.51.100.7:1214"), ping),
  announce: () => udpPacket(client(), server, join(hex("00000417 27101980 00000000"), bytes(4))),
  dht: () => udpPacket(client(), server, dht),
  syn: () => tcpPacket(client(), server, SYN, chance.next() | 0),
  dns: () =>
    udpPacket(
      readEnd("198.51.100.53:53"),
      client(),
      dnsAnswer(chance.below(65_536), "www.winmx.com", [
        { type: "A", value: "203.0.113.9", ttl: 60 },
      ]),
    ),
  fragment,
  flow: () => udpPacket(client(), server, bytes(64)),
  begun: () => tcpPacket(client(), server, ACK | PSH, chance.next() | 0, bytes(600)),
};

/** A page by HTTP, as the engine sees it: handshake, request, answer. */
function page(): Uint8Array[] {
  const line = new Connection(client(), readEnd("203.0.113.80:80"));
  const request = latin(
    "GET /index.html HTTP/1.1\r\nHost: www.example.org\r\nUser-Agent: Mozilla/5.0\r\nAccept: */*\r\n\r\n",
  );
  const answer = latin(
    `HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 900\r\n\r\n${"<p>text</p>".repeat(60)}`,
  );
  return [
    ...[line.segment(0, SYN), line.segment(1, SYN | ACK), line.segment(0, ACK)],
    ...[line.segment(0, ACK | PSH, request), line.segment(1, ACK | PSH, answer)],
  ];
}

async function cost(next: () => Uint8Array): Promise<number> {
  const home = new Household(undefined, { flows: 2048, locks: 256, rateLimits: 512, questions: 256, peers: 512 });
  for (let count = 0; count < BEFORE + COUNTED; count++) {
    if (count === BEFORE) await coverage.look();
    home.judgeWith(next(), 2, 0x0200, 66);
    if (count % 50 === 0) home.now += 1;
    if (count % 500 === 0) home.engine.outbox.take();
    home.events.length = 0;
  }
  await coverage.look();
  return coverage.steps / COUNTED;
}

const steps: Record<string, number> = {};
for (const [kind, next] of Object.entries(FLOODS)) steps[kind] = await cost(next);
let waiting: Uint8Array[] = [];
steps["page"] = await cost(() => {
  if (waiting.length === 0) waiting = page();
  return waiting.shift()!;
});
// What building the packets costs is in lib, too, and the same for all.
Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify(steps)));
