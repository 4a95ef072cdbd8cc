/**
 * Gnutella conversations: headers in the form that captured servents send, bodies made from the specification.
 * @module
 */
import { hex, join, latin } from "../../../tests/support/conversation.ts";
import { noise } from "../../../tests/support/noise.ts";
import { sample } from "../../../tests/support/flow.ts";
import type { Sample, Samples } from "../../../tests/protocol/sample.ts";

const GUID = hex("ffc8310292bdd77cff8037a751d76d03"); // captured form: FF at 8, 03 at 15

/** A message of the first protocol over UDP. */
export function message(
  code: number,
  life: number,
  hops: number,
  payload: Uint8Array,
  guid: Uint8Array = GUID,
): Uint8Array {
  const head = new Uint8Array(7);
  head.set([code, life, hops]);
  new DataView(head.buffer).setUint32(3, payload.length, true);
  return join(guid, head, payload);
}

const CONNECT = latin(
  "GNUTELLA CONNECT/0.6\r\nNode: 203.0.113.53:28681\r\nRemote-IP: 198.51.100.21\r\nUser-Agent: gtk-gnutella/1.2.2\r\n" +
    "X-Try-Ultrapeers: 192.0.2.7:6346, 192.0.2.8:6347\r\n\r\n",
);

/** A ClientHello in one record, of these suites and extensions (type and value). */
export function helloOf(suites: string, ...extensions: readonly (readonly [number, string])[]): Uint8Array {
  const list = hex(suites);
  const tail = join(...extensions.map(([type, value]) => {
    const bytes = hex(value);
    return join(Uint8Array.of(type >> 8, type & 255, bytes.length >> 8, bytes.length & 255), bytes);
  }));
  const two = (length: number) => Uint8Array.of(length >> 8, length & 255);
  const body = join(
    hex("0303"),
    noise(32, 1),
    hex("20"),
    noise(32, 2),
    two(list.length),
    list,
    hex("0100"),
    two(tail.length),
    tail,
  );
  return join(hex("160301"), two(body.length + 4), hex("0100"), two(body.length), body);
}

/** What other captures hold: one side only, the middle, older versions, short messages. */
const VARIANTS: readonly Sample[] = [
  sample(true, "an answer of Shareaza alone", "tcp-served", 3, [[
    "<",
    latin("HTTP/1.1 206 Partial Content\r\nServer: Shareaza 2.7.9.0\r\nX-Content-URN: urn:sha1:ABC\r\n\r\n"),
  ]]),
  sample(true, "an answer that queues", "tcp-served", 3, [[
    "<",
    latin("HTTP/1.1 503 Busy Queued\r\nX-Queue: position=3,length=5,pollMin=45\r\nServer: LimeWire/4.18.8\r\n\r\n"),
  ]]),
  sample(true, "browsing a host", "tcp-served", 3, [[
    ">",
    latin("GET / HTTP/1.1\r\nHost: 192.0.2.7:6346\r\nAccept: text/html, application/x-gnutella-packets\r\n\r\n"),
  ]]),
  sample(true, "a cache of the first version", "gwebcache", 2, [[
    ">",
    latin("GET /gcache.php?hostfile=1&client=LIME&version=4.9 HTTP/1.0\r\n\r\n"),
  ]]),
  sample(true, "servents' chat", "tcp-chat", 3, [[">", latin("CHAT CONNECT/0.1\r\nUser-Agent: LimeWire/4.0\r\n\r\n")]]),
  sample(true, "a hello without certificates", "tls-hello", 2, [[
    ">",
    helloOf("1302 1303 1301 c02c c030 0035 c019 c018 00a7 003a 00a6 0034", [10, "0004 0017 001d"], [51, "0002 0000"]),
  ]]),
];
const NEAR_VARIANTS: readonly Sample[] = [
  {
    name: "a queue at another server",
    tcp: true,
    turns: [["<", latin("HTTP/1.1 503 Busy\r\nServer: nginx\r\nX-Queue: position=3\r\n\r\n")]],
  },
  {
    name: "a servent's page without its headers",
    tcp: true,
    turns: [["<", latin("HTTP/1.1 200 OK\r\nServer: Shareaza 2.7\r\n\r\n")]],
  },
  {
    name: "a host file of another program",
    tcp: true,
    turns: [[">", latin("GET /list?hostfile=1&client=web1&version=2 HTTP/1.1\r\n\r\n")]],
  },
  {
    name: "a host file of no version",
    tcp: true,
    turns: [[">", latin("GET /list?hostfile=1&client=LIME HTTP/1.1\r\n\r\n")]],
  },
];

const RECOGNISED: readonly Sample[] = [
  { name: "a connect", tcp: true, turns: [[">", CONNECT]], evidence: "tcp-connect", certainty: 3 },
  {
    name: "an answer alone",
    tcp: true,
    turns: [["<", latin("GNUTELLA/0.6 503 No QRP\r\nUser-Agent: Foxy 1.9.8.0\r\n\r\n")]],
    evidence: "tcp-answer",
    certainty: 3,
  },
  {
    name: "an old connect",
    tcp: true,
    turns: [[">", latin("GNUTELLA CONNECT/0.4\n\n")], ["<", latin("GNUTELLA OK\n\n")]],
    evidence: "tcp-connect",
    certainty: 3,
  },
  { name: "an old answer", tcp: true, turns: [["<", latin("GNUTELLA OK\n\n")]], evidence: "tcp-answer", certainty: 3 },
  {
    name: "a give",
    tcp: true,
    turns: [[">", latin("GIV 12:0123456789ABCDEF0123456789ABCDEF/song.mp3\n\n")]],
    evidence: "tcp-give",
    certainty: 3,
  },
  {
    name: "a push of Gnutella2",
    tcp: true,
    turns: [[">", latin("PUSH guid:0123456789abcdef0123456789abcdef\r\n\r\n")]],
    evidence: "tcp-push",
    certainty: 3,
  },
  {
    name: "a transfer by urn (captured form)",
    tcp: true,
    turns: [[
      ">",
      latin(
        "GET /uri-res/N2R?urn:sha1:LXIP2A72T5H3BU3GRUMZFYNU3OYDK6FI HTTP/1.1\r\nUser-Agent: gtk-gnutella/1.2.2\r\nHost: 192.0.2.7:46906\r\n\r\n",
      ),
    ]],
    evidence: "tcp-transfer",
    certainty: 3,
  },
  {
    name: "a transfer by number",
    tcp: true,
    turns: [[">", latin("GET /get/12/song.mp3 HTTP/1.1\r\nHost: 192.0.2.7:6346\r\nX-Queue: 0.1\r\n\r\n")]],
    evidence: "tcp-transfer",
    certainty: 3,
  },
  {
    name: "a hash tree request (captured form)",
    tcp: true,
    turns: [[
      ">",
      latin(
        "GET /gnutella/thex/v1?urn:tree:tiger/:3WMUS&depth=9&ed2k=0 HTTP/1.1\r\nUser-Agent: gtk-gnutella/1.2.2\r\n\r\n",
      ),
    ]],
    evidence: "tcp-transfer",
    certainty: 3,
  },
  {
    name: "what an uploader answers",
    tcp: true,
    turns: [[
      "<",
      latin("HTTP/1.1 206 OK\r\nServer: Shareaza 2.7.10.2\r\nX-Gnutella-Content-URN: urn:sha1:LXIP\r\n\r\n"),
    ]],
    evidence: "tcp-served",
    certainty: 3,
  },
  {
    name: "a browse of a host",
    tcp: true,
    turns: [[">", latin("GET / HTTP/1.1\r\nHost: 192.0.2.7\r\nAccept: application/x-gnutella-packets\r\n\r\n")]],
    evidence: "tcp-served",
    certainty: 3,
  },
  {
    name: "a GWebCache request",
    tcp: true,
    turns: [[
      ">",
      latin("GET /gwc.php?client=RAZA&version=2.7&get=1&net=gnutella2 HTTP/1.1\r\nHost: cache.example.org\r\n\r\n"),
    ]],
    evidence: "gwebcache",
    certainty: 2,
  },
  {
    name: "a ping (captured form)",
    tcp: false,
    turns: [[">", message(0, 1, 0, hex("c3 83 534350 41 01"))]],
    evidence: "udp-message",
    certainty: 3,
  },
  {
    name: "a bare ping",
    tcp: false,
    turns: [[">", message(0, 1, 0, new Uint8Array(0))]],
    evidence: "udp-message",
    certainty: 3,
  },
  {
    name: "a pong",
    tcp: false,
    turns: [["<", message(1, 1, 0, hex("ca18 c0000207 00000000 00000000"))]],
    evidence: "udp-message",
    certainty: 3,
  },
  {
    name: "a query",
    tcp: false,
    turns: [[">", message(0x80, 1, 0, join(hex("8000"), latin("song\0")), noise(16, 5))]],
    evidence: "udp-message",
    certainty: 3,
  },
  {
    name: "a vendor message",
    tcp: false,
    turns: [[">", message(0x31, 1, 0, join(latin("GTKG"), hex("0700 0100")), noise(16, 5))]],
    evidence: "udp-message",
    certainty: 3,
  },
  {
    name: "a vendor message of one that can inflate (gtk-gnutella)",
    tcp: false,
    turns: [[">", message(0x31, 0x09, 0, join(latin("LIME"), hex("0b00 0200 05")), noise(16, 5))]],
    evidence: "udp-message",
    certainty: 3,
  },
  {
    name: "a deflated hit (gtk-gnutella)",
    tcp: false,
    turns: [["<", message(0x81, 0x81, 0, join(hex("789c"), noise(60, 7)), noise(16, 5))]],
    evidence: "udp-message",
    certainty: 3,
  },
  {
    name: "a connection over UDP between LimeWire's heirs: its first message has hardly an identifier",
    tcp: false,
    turns: [
      [">", hex("05030000 05000000 00000000 00000000 41 01 00 00000000")],
      [">", message(0x41, 1, 0, noise(40, 9), noise(16, 11))],
    ],
    evidence: "udp-message",
    certainty: 3,
  },
  {
    name: "a push over UDP",
    tcp: false,
    turns: [[">", message(0x40, 1, 0, noise(26, 7), noise(16, 5))]],
    evidence: "udp-message",
    certainty: 3,
  },
  {
    name: "a DHT message (captured form)",
    tcp: false,
    turns: [[">", message(0x44, 1, 3, join(hex("05"), latin("GTKG"), noise(40, 3)), noise(16, 9))]],
    evidence: "udp-dht",
    certainty: 3,
  },
  {
    name: "a DHT message of an unknown vendor",
    tcp: false,
    turns: [[">", message(0x44, 1, 3, join(hex("05"), latin("ABCD"), noise(40, 3)), noise(16, 9))]],
    evidence: "udp-dht-unknown-vendor",
    certainty: 2,
  },
  {
    name: "Gnutella2 over UDP (captured form)",
    tcp: false,
    turns: [[">", hex("474e4410 3e8f 01 01 540b 514b52 48 06 554450 cb007107 ca18")]],
    evidence: "udp-reliable",
    certainty: 3,
  },
  {
    name: "its acknowledgement",
    tcp: false,
    turns: [[">", hex("474e4400 3e8f 01 00")]],
    evidence: "udp-reliable",
    certainty: 3,
  },
  {
    name: "Gnutella over the reliability layer",
    tcp: false,
    turns: [[">", join(hex("475441 03 0102 02 03"), noise(300, 3))]],
    evidence: "udp-reliable",
    certainty: 3,
  },
  ...VARIANTS,
];

const NEAR_MISSES: readonly Sample[] = [
  { name: "a connect of another word", tcp: true, turns: [[">", latin("GNUTELLA CONNEXT/0.6\r\n\r\n")]] },
  { name: "a give without a hash", tcp: true, turns: [[">", latin("GIV 12:not-hex/song.mp3\n\n")]] },
  {
    name: "a git request",
    tcp: true,
    turns: [[">", latin("GET /get/1 HTTP/1.1\r\nHost: example.org\r\nUser-Agent: git/2.39\r\n\r\n")]],
  },
  {
    name: "a urn request of a browser",
    tcp: true,
    turns: [[
      ">",
      latin(
        "GET /uri-res/N2R?urn:sha1:LXIP HTTP/1.1\r\nHost: example.org\r\nUser-Agent: Mozilla/5.0\r\nCookie: X-Queue: 1\r\n\r\n",
      ),
    ]],
  },
  {
    name: "a header's name within a value and a body",
    tcp: true,
    turns: [[
      ">",
      latin("POST /x HTTP/1.1\r\nHost: example.org\r\nNote: X-Gnutella-Content-URN: a\r\n\r\nX-Gnutella-A: b\r\n"),
    ]],
  },
  {
    name: "the servent's own site",
    tcp: true,
    turns: [[">", latin("GET /version.txt HTTP/1.1\r\nHost: www.example.org\r\nUser-Agent: Shareaza 2.7\r\n\r\n")]],
  },
  {
    name: "a web form with net and client",
    tcp: true,
    turns: [[">", latin("GET /?client=safari&net=gnutella HTTP/1.1\r\nHost: example.org\r\n\r\n")]],
  },
  {
    name: "a message one byte too long",
    tcp: false,
    turns: [[">", join(message(0, 1, 0, new Uint8Array(0)), hex("00"))]],
  },
  { name: "a message with TTL 0", tcp: false, turns: [[">", message(0, 0, 0, new Uint8Array(0))]] },
  { name: "a message of unknown function", tcp: false, turns: [[">", message(0x55, 1, 0, noise(20, 3))]] },
  {
    name: "a message whose identifier is empty",
    tcp: false,
    turns: [[">", message(0, 1, 0, new Uint8Array(0), new Uint8Array(16))]],
  },
  { name: "a ping whose body is no GGEP", tcp: false, turns: [[">", message(0, 1, 0, noise(9, 4))]] },
  { name: "GND with part above count", tcp: false, turns: [[">", hex("474e4410 3e8f 03 02 540b")]] },
  { name: "GND with reserved flags", tcp: false, turns: [[">", hex("474e440c 3e8f 01 01 540b")]] },
  { name: "an acknowledgement with a tail", tcp: false, turns: [[">", hex("474e4400 3e8f 01 00 00")]] },
  ...NEAR_VARIANTS,
];

/** Samples, near misses. */
export const samples: Samples = {
  about: "Headers as captured servents send them, bodies from the specification.",
  recognised: RECOGNISED,
  nearMisses: NEAR_MISSES,
};
