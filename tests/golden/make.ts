/**
 * Makes the golden captures from specifications: a protocol's samples, each a flow of its own, and beside them its near
 * misses. `FTWALL_UPDATE=1 deno test -A tests/golden` writes captures, provenance and expectations anew.
 *
 * To add a protocol: put its samples into {@link GOLDENS}.
 * @module
 */
import { PcapWriter } from "../../lib/replay/pcap.ts";
import { LINK_RAW } from "../../lib/replay/link.ts";
import { ACK, FIN, PSH, SYN } from "../../lib/wire/transport.ts";
import { BITTORRENT, NOT_BITTORRENT } from "../../lib/protocol/bittorrent/samples.ts";
import { DIRECTCONNECT, NOT_DIRECTCONNECT } from "../../lib/protocol/directconnect/samples.ts";
import { EDONKEY, NOT_EDONKEY } from "../../lib/protocol/edonkey/samples.ts";
import { GNUTELLA, NOT_GNUTELLA } from "../../lib/protocol/gnutella/samples.ts";
import * as rare from "../protocol/rare.ts";
import { NOT_SOULSEEK, SOULSEEK } from "../../lib/protocol/soulseek/samples.ts";
import type { Sample } from "../protocol/table.ts";
import { hex, join, latin, type Turn } from "../support/conversation.ts";
import { dnsAnswer, dnsQuestion } from "../support/dns_message.ts";
import { Connection, readEnd, udpPacket } from "../support/packets.ts";
import { SESSIONS } from "./sessions.ts";

/** One capture. */
export interface Golden {
  /** Folder's name. */
  readonly name: string;
  /** What it shows and where its bytes come from. */
  readonly about: string;
  readonly flows: readonly Conversation[];
}

/** One flow: the opener is a client unless `inbound`. */
export interface Conversation {
  readonly tcp: boolean;
  readonly turns: readonly Turn[];
  /** Picked up in the middle: no SYN. */
  readonly midstream?: boolean;
  readonly inbound?: boolean;
  readonly port?: number;
  /** Between addresses of IPv6. */
  readonly ipv6?: boolean;
  /** Longest payload of one TCP segment in bytes; default {@link SEGMENT}. */
  readonly segment?: number;
}

const PING = join(hex("27 00000029 80"), latin("KaZaA\0"));
const NODE_PONG = hex("29 00000029 01 00 0000 01020304");
const udp = (...turns: Turn[]): Conversation => ({ tcp: false, turns });
const tcp = (...turns: Turn[]): Conversation => ({ tcp: true, turns });
const out = (bytes: Uint8Array): Turn => [">", bytes];
const back = (bytes: Uint8Array): Turn => ["<", bytes];
const KEY = hex("5b63c6f7589fe7699d596ea952de9cf2");
const ANSWER = hex("b31895824836519e30bb565bb4998415");

const FASTTRACK: readonly Conversation[] = [
  udp(out(PING), back(join(hex("28 00000029 00 00 00000000"), latin("KaZaA\0")))),
  udp(out(PING), back(NODE_PONG), out(hex("2a 01020304"))),
  udp(out(join(hex("27 000000a9 80"), latin("Grokster\0"))), out(PING)),
  { ...udp(out(PING)), inbound: true },
  tcp(out(hex("fa00b62b 0102030405060708")), back(hex("0102030405060708 0000002900 4b615a614100"))),
  tcp(
    out(latin("GET /.hash=d67e5427fe7476d124cf656b7f5b20e0ff4ffbff HTTP/1.1\r\nHost: 198.51.100.7\r\n")),
    out(latin("X-Kazaa-Network: KaZaA\r\nX-Kazaa-SupernodeIP: 203.0.113.80:2500\r\n\r\n")),
  ),
  tcp(out(latin("GIVE 2845671021\r\n")), back(latin("GET /13609/song.mp3 HTTP/1.1\r\n\r\n"))),
];
const NOT_FASTTRACK: readonly Conversation[] = [
  udp(out(PING.slice(0, 11))),
  udp(out(join(PING, hex("00")))),
  udp(out(hex("28 00000000 00 00000000 00000000"))),
  udp(out(hex("c0 01"))),
  tcp(out(latin("GET /X-Kazaa-Username HTTP/1.1\r\nHost: kazaa.example\r\nReferer: X-Kazaa-Network\r\n\r\n"))),
  tcp(out(latin("GIVE me a break\r\n"))),
];
const WINMX: readonly Conversation[] = [
  tcp(back(latin("1")), out(KEY), back(ANSWER)),
  tcp(out(KEY)),
  tcp(back(join(latin("8"), hex("6b592200a946584cf6ab9cb5f29a6b11")))),
  tcp(back(latin("1")), out(latin("CLIE"))),
  {
    ...udp(
      out(dnsQuestion(7, "c3310.z1301.winmx.com")),
      back(dnsAnswer(7, "c3310.z1301.winmx.com", [{ type: "A", value: "203.0.113.77", ttl: 60 }])),
    ),
    port: 53,
  },
];
const NOT_WINMX: readonly Conversation[] = [
  tcp(back(latin("1")), out(join(KEY.slice(0, 15), hex("f3")))),
  tcp(out(join(KEY, hex("00")))),
  tcp(back(latin("1")), out(latin("CLIENT hello\r\n"))),
  tcp(back(latin("8")), out(latin("hello"))),
];
const LOGIN = hex("1d000200666f6f2062616470617373203636393920226e61702076302e38222033");
const OPENNAP: readonly Conversation[] = [
  tcp(out(LOGIN), back(join(hex("0e00 0300"), latin("foo@bar.exampl")))),
  tcp(back(latin("1")), out(latin('GETnick "C:\\music\\song.mp3" 1234'))),
];
const NOT_OPENNAP: readonly Conversation[] = [
  tcp(out(join(LOGIN.slice(0, 4), latin("just thirty bytes of plain te")))),
  tcp(out(latin("GET / HTTP/1.0\r\n\r\n")), back(latin("HTTP/1.0 200 OK\r\n\r\n"))),
  tcp(back(latin("1")), out(latin("GET /index.html HTTP/1.1\r\n\r\n"))),
];

/** The two captures of a protocol. */
function pair(name: string, about: string, yes: readonly Conversation[], no: readonly Conversation[]): Golden[] {
  return [
    { name, about, flows: yes },
    { name: `${name}_near_misses`, about: `Near misses of it: almost, but not quite.\n\n${about}`, flows: no },
  ];
}

const table = "Sources stand beside the samples in tests/classify/samples and the patterns in lib/protocol.";
const shown = (samples: readonly Sample[]): readonly Conversation[] => samples;

/** All captures that are made. */
export const GOLDENS: readonly Golden[] = [
  ...pair(
    "fasttrack",
    "Pings, pongs, session hello, transfers and pushes (giFT-FastTrack's PROTOCOL).",
    FASTTRACK,
    NOT_FASTTRACK,
  ),
  ...pair(
    "winmx",
    "WPNP key blocks, peer caches, WinMX 2, a bootstrap name (wpnp-crypto, mldonkey).",
    WINMX,
    NOT_WINMX,
  ),
  ...pair("opennap", "Login and transfer (drscholl's napster.txt).", OPENNAP, NOT_OPENNAP),
  ...pair("bittorrent", table, shown(BITTORRENT), shown(NOT_BITTORRENT)),
  ...pair("edonkey", table, shown(EDONKEY), shown(NOT_EDONKEY)),
  ...pair("gnutella", table, shown(GNUTELLA), shown(NOT_GNUTELLA)),
  ...pair("directconnect", table, shown(DIRECTCONNECT), shown(NOT_DIRECTCONNECT)),
  ...pair("soulseek", table, shown(SOULSEEK), shown(NOT_SOULSEEK)),
  ...pair("ares", table, shown(rare.ARES), shown(rare.NOT_ARES)),
  ...pair("openft", table, shown(rare.OPENFT), shown(rare.NOT_OPENFT)),
  ...pair("manolito", table, shown(rare.MANOLITO), shown(rare.NOT_MANOLITO)),
  ...pair("applejuice", table, shown(rare.APPLEJUICE), shown(rare.NOT_APPLEJUICE)),
  ...pair("winny", table, shown(rare.WINNY), shown(rare.NOT_WINNY)),
  ...pair("xunlei", table, shown(rare.XUNLEI), shown(rare.NOT_XUNLEI)),
  ...pair("resilio", table, shown(rare.RESILIO), shown(rare.NOT_RESILIO)),
  ...pair("libp2p", table, shown(rare.LIBP2P), shown(rare.NOT_LIBP2P)),
  ...SESSIONS,
];

/** 2026-05-04 10:00:00 UTC. */
const START = 1_777_888_800_000;
/** Longest payload of one segment. */
const SEGMENT = 1400;

/** The packets of a golden capture: each flow between a client and a peer of its own, 10 ms a packet, one flow a second. */
export function packetsOf(golden: Golden): { readonly bytes: Uint8Array; readonly milliseconds: number }[] {
  return golden.flows.flatMap((flow, number) => {
    const low = 1 + (number & 127);
    const six = flow.ipv6 === true;
    const client = readEnd(`${six ? `[fd00::${number >> 7}:${low}]` : `10.0.${number >> 7}.${low}`}:${40000 + number}`);
    const address = six ? `[2001:db8::${number >> 7}:${low}]` : `198.51.${100 + (number >> 7)}.${low}`;
    const peer = readEnd(`${address}:${flow.port ?? 50000 + number}`);
    return conversation(flow, flow.inbound === true ? [peer, client] : [client, peer]).map((bytes, index) => ({
      bytes,
      milliseconds: START + number * 1000 + index * 10,
    }));
  });
}

type End = ReturnType<typeof readEnd>;

function conversation(flow: Conversation, [opener, responder]: readonly [End, End]): Uint8Array[] {
  if (!flow.tcp) {
    return flow.turns.map(([arrow, bytes]) =>
      arrow === ">" ? udpPacket(opener, responder, bytes) : udpPacket(responder, opener, bytes)
    );
  }
  const line = new Connection(opener, responder);
  const packets: Uint8Array[] = [];
  if (flow.midstream !== true) {
    packets.push(line.segment(0, SYN), line.segment(1, SYN | ACK), line.segment(0, ACK));
  }
  for (const [arrow, bytes] of flow.turns) {
    const size = flow.segment ?? SEGMENT;
    for (let at = 0; at < bytes.length; at += size) {
      packets.push(line.segment(arrow === ">" ? 0 : 1, ACK | PSH, bytes.slice(at, at + size)));
    }
  }
  if (flow.midstream !== true) packets.push(line.segment(0, FIN | ACK), line.segment(1, FIN | ACK));
  return packets;
}

/** A golden capture as a pcap file of raw IP packets. */
export function captureOf(golden: Golden): Uint8Array {
  const parts: Uint8Array[] = [];
  const writer = new PcapWriter((bytes) => void parts.push(bytes.slice()), LINK_RAW);
  for (const { bytes, milliseconds } of packetsOf(golden)) writer.write(bytes, 0, bytes.length, milliseconds);
  return join(...parts);
}

/** What its PROVENANCE.md says. */
export function provenanceOf(golden: Golden): string {
  return `# ${golden.name}\n\nMade by \`tests/golden/make.ts\` from specifications; no traffic of anybody is in it.\n\n${golden.about}\n`;
}
