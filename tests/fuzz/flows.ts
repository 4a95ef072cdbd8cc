/**
 * Whole conversations through the engine, as one input: how they were opened, then segments, each with its side, its place in
 * the stream and its bytes. All classifiers together, and each with its own samples.
 * @module
 */
import { COLLECTION } from "../protocol/collection.ts";
import type { Flow } from "../protocol/sample.ts";
import { STRANGERS } from "../protocol/strangers.ts";
import { Desk, HOME } from "../support/desk.ts";
import { ANSWER_SEEDS } from "./seeds.ts";
import { dictionary } from "./mutation.ts";
import type { Input, Parser } from "./fuzzer.ts";
import type { Classifier } from "../../lib/protocol/classifier.ts";
import { AWAITS, AWAITS_NOT } from "../../lib/judge/engine.ts";
import type { Words } from "../../lib/net/address.ts";
import { CLASSIFIERS } from "../../lib/protocol/mod.ts";
import { buildTcp, buildUdp, Ends } from "../../lib/wire/build.ts";
import { Packet } from "../../lib/wire/packet.ts";
import { ACK, FIN, PROTOCOL_TCP, PSH, RST, SYN } from "../../lib/wire/transport.ts";

const TCP = 1;
const INBOUND = 2;
const MIDSTREAM = 4;
const IPV6 = 8;
/** A segment's first byte: it is the responder's. */
const BACK = 1;
/** Its second byte counts from where the stream is, back or ahead, rather than from there itself. */
const ELSEWHERE = 2;
const RESET = 4;

const CONFIG = `${HOME}[protocols.bittorrent]\nallow_info_hashes = ["0123456789abcdef0123456789abcdef01234567"]\n`;
/** Room for some flows only: eviction is part of what is tried. */
const TIGHT = {
  flows: 512,
  streams: 16,
  peers: 64,
  locks: 32,
  rateLimits: 64,
  questions: 32,
  scores: 64,
  endpoints: 64,
};

/** A flow as an input. */
function written(flow: Flow): Uint8Array {
  const head = (flow.tcp ? TCP : 0) | (flow.inbound ? INBOUND : 0) | (flow.midstream ? MIDSTREAM : 0) |
    (flow.ipv6 ? IPV6 : 0);
  const port = flow.port ?? 50000;
  const parts = [head, port >> 8, port & 255];
  for (const [arrow, bytes] of flow.turns) {
    for (let at = 0; at === 0 || at < bytes.length; at += 1400) {
      const part = bytes.subarray(at, at + 1400);
      parts.push(arrow === ">" ? 0 : BACK, 0, part.length >> 8, part.length & 255, ...part);
    }
  }
  return Uint8Array.from(parts);
}

function talk(
  name: string,
  classifiers: readonly Classifier[],
  flows: readonly Flow[],
  sources: readonly string[],
): Parser {
  const desk = new Desk(classifiers, CONFIG, TIGHT);
  const packet = new Packet();
  const bytes = new Uint8Array(4096);
  const view = new DataView(bytes.buffer);
  const ends = [new Ends(), new Ends()] as const;
  const next = new Int32Array(2);
  let runs = 0;
  const judge = (size: number) => {
    packet.hook = 2;
    desk.now += 3;
    const verdict = desk.engine.judge(packet, packet.decode(bytes, view, 0, size, size), desk.now);
    if (!(verdict >= 0 && verdict <= 3) && verdict !== AWAITS && verdict !== AWAITS_NOT) {
      throw new Error(`Verdict ${verdict}`);
    }
    if (verdict > 3 && packet.transport !== PROTOCOL_TCP) throw new Error("An answer is awaited of what is not TCP");
  };
  const open = (head: number, port: number) => {
    const client = 1 + runs % 60_000;
    const six = (head & IPV6) !== 0;
    const [a, b] = six ? [0xfd000000 | 0, 0x20010db8] : [0, 0];
    const inner: Words = six ? [a, 0, 0, client] : [0, 0, 0xffff, 0x0a000000 | client];
    const outer: Words = six ? [b, 0, 0, client & 1023] : [0, 0, 0xffff, (0xc6330000 | (client & 1023)) | 0];
    const [one, other] = (head & INBOUND) !== 0 ? [outer, inner] as const : [inner, outer] as const;
    ends[0].from(...one, 40_000 + runs % 20_000).to(...other, port);
    ends[1].from(...other, port).to(...one, 40_000 + runs % 20_000);
  };
  const run = (input: Input): number => {
    const { start, end } = input;
    if (end - start < 3) return 1;
    runs++;
    if (runs % 64 === 0) desk.now += runs % 6400 === 0 ? 700_000 : 1100;
    const head = input.bytes[start]!;
    const tcp = (head & TCP) !== 0;
    open(head, Math.max(1, input.view.getUint16(start + 1)));
    next[0] = 1000, next[1] = 0x7ffffff0;
    let count = 0;
    const segment = (side: 0 | 1, flags: number, seq: number, payload: Uint8Array) => {
      judge(
        tcp
          ? buildTcp(bytes, view, 0, ends[side], flags, seq, next[1 - side]!, payload)
          : buildUdp(bytes, view, 0, ends[side], payload),
      );
      count++;
    };
    if (tcp && (head & MIDSTREAM) === 0) {
      segment(0, SYN, next[0]++, EMPTY);
      segment(1, SYN | ACK, next[1]++, EMPTY);
    }
    for (let at = start + 3; at + 4 <= end && count < 64;) {
      const how = input.bytes[at]!;
      const size = Math.min(input.view.getUint16(at + 2), end - at - 4, 1460);
      const side = (how & BACK) as 0 | 1;
      const shift = (how & ELSEWHERE) !== 0 ? (input.bytes[at + 1]! << 24) >> 22 : 0;
      const flags = ACK | PSH | ((how & RESET) !== 0 ? RST : 0);
      segment(side, flags, (next[side]! + shift) | 0, input.bytes.subarray(at + 4, at + 4 + size));
      if (shift === 0) next[side]! += size;
      at += 4 + size;
    }
    if (tcp) segment(0, FIN | ACK, next[0]++, EMPTY);
    if (runs % 16 === 0) {
      desk.engine.tick(desk.now, desk.now);
      desk.engine.outbox.take();
      desk.events.length = 0;
    }
    const { counters, asker } = desk.engine;
    if (asker.failures > 0) {
      asker.failures = 0;
      throw asker.failure;
    }
    if (counters.accepted + counters.refused !== counters.packets) throw new Error("A packet has no verdict");
    return Math.max(1, count);
  };
  const words = dictionary(sources.map((path) => Deno.readTextFileSync(new URL(path, import.meta.url))));
  return { name, longest: 6000, seeds: flows.map(written), words, unit: "packets", run };
}

const EMPTY = new Uint8Array(0);

function sourcesOf(name: string): string[] {
  const folder = new URL(`../../lib/protocol/${name}/`, import.meta.url);
  return [...Deno.readDirSync(folder)].map(({ name: file }) => file)
    .filter((file) => file.endsWith(".ts") && !/test\.ts$|samples/.test(file)).sort()
    .map((file) => `../../lib/protocol/${name}/${file}`);
}

const flowsOf = ({ samples }: (typeof COLLECTION)[number]): Flow[] => [
  ...samples.recognised,
  ...samples.nearMisses,
  ...samples.more ?? [],
  ...samples.names ?? [],
  ...samples.session?.flows ?? [],
];

/** All classifiers, then each by itself. */
export const FLOW_PARSERS: readonly Parser[] = [
  talk(
    "flows",
    CLASSIFIERS,
    [
      ...COLLECTION.flatMap((one) => flowsOf(one).slice(0, 30)),
      ...STRANGERS,
      ...ANSWER_SEEDS.map((answer): Flow => ({ tcp: false, port: 53, turns: [["<", answer]] })),
    ],
    CLASSIFIERS.flatMap(({ name }) => sourcesOf(name)),
  ),
  ...COLLECTION.map((one) =>
    talk(`flows-${one.classifier.name}`, [one.classifier], flowsOf(one), sourcesOf(one.classifier.name))
  ),
];
