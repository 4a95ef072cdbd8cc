/**
 * Conversations of FastTrack, and what comes near them.
 * @module
 */
import { hex, join, latin } from "../../../tests/support/conversation.ts";
import { back, INBOUND, IPV6, out, sample, tcp, udp, WHOLE } from "../../../tests/support/flow.ts";
import { noise } from "../../../tests/support/noise.ts";
import type { Flow, Sample, Samples } from "../../../tests/protocol/sample.ts";

const PING = join(hex("27 00000029 80"), latin("KaZaA\0"));
const NODE_PONG = hex("29 00000029 01 00 0000 01020304");
const SESSION_HELLO = hex("fa00b62b 0102030405060708");
const STRANGE_PING = hex("27 00000029 80 4e6f766f4e6574 00");
const STRANGE_PONG = hex("28 00000029 00 7b 3c13 3c 0f 4e6f766f4e6574 00");

const RECOGNISED: readonly Sample[] = [
  sample(false, "a ping and a supernode's pong", "udp-ping", 3, [
    out(PING),
    back(hex("28 00000029 00 00 00000000"), latin("KaZaA\0")),
  ]),
  sample(false, "a ping, a node's pong and its id again", "udp-ping", 3, [
    out(PING),
    back(NODE_PONG),
    out(hex("2a 01020304")),
  ]),
  sample(false, "pings of two networks", "udp-ping", 3, [out(hex("27 000000a9 80"), latin("Grokster\0")), out(PING)]),
  sample(false, "a ping from outside", "udp-ping", 3, [out(PING)], INBOUND),
  sample(
    true,
    "the free clients' session",
    "tcp-session",
    3,
    [out(SESSION_HELLO), back(hex("0102030405060708 0000002900 4b615a614100"))],
    WHOLE,
  ),
  sample(true, "a transfer by its hash", "http-hash", 3, [
    out(latin("GET /.hash=d67e5427fe7476d124cf656b7f5b20e0ff4ffbff HTTP/1.1\r\nHost: 198.51.100.7\r\n")),
    out(latin("X-Kazaa-Network: KaZaA\r\nX-Kazaa-SupernodeIP: 203.0.113.80:2500\r\n\r\n")),
  ]),
  sample(true, "a push", "give-request", 3, [
    out(latin("GIVE 2845671021\r\n")),
    back(latin("GET /13609/song.mp3 HTTP/1.1\r\n\r\n")),
  ], WHOLE),
];

const NEAR_MISSES: readonly Sample[] = [
  { name: "a ping without its last byte", tcp: false, turns: [out(PING.slice(0, 11))] },
  { name: "a ping with a byte behind it", tcp: false, turns: [out(PING, hex("00"))] },
  { name: "zeros behind a pong's type", tcp: false, turns: [out(hex("28 00000000 00 00000000 00000000"))] },
  { name: "a follow-up of nothing", tcp: false, turns: [out(hex("c0 01"))] },
  {
    name: "a page about Kazaa's headers",
    tcp: true,
    turns: [
      out(latin("GET /X-Kazaa-Username HTTP/1.1\r\nHost: kazaa.example\r\nReferer: X-Kazaa-Network\r\n\r\n")),
    ],
  },
  { name: "GIVE and words", tcp: true, turns: [out(latin("GIVE me a break\r\n"))] },
];

const MORE: readonly Sample[] = [
  sample(false, "a supernode's pong alone", "udp-pong", 3, [back(hex("28 00000029 00 7b 3c13 3c 0f 4b615a6141 00"))]),
  sample(false, "a ping of a network that nobody knows", "udp-ping-unknown", 2, [out(STRANGE_PING)]),
  sample(false, "a pong of a network that nobody knows", "udp-pong-unknown", 2, [back(STRANGE_PONG)]),
  sample(false, "a node's pong alone", "udp-node-pong", 1, [back(NODE_PONG)]),
  sample(false, "a node's pong and its id again", "udp-conversation", 3, [back(NODE_PONG), out(hex("2a 01020304"))]),
  sample(true, "a transfer's answer", "http-header", 3, [
    back(latin("HTTP/1.0 503 Service Unavailable\r\nX-Kazaa-Username: other\r\n\r\n")),
  ]),
  sample(true, "the agent that came with Kazaa", "http-agent", 2, [
    out(latin("GET /x HTTP/1.1\r\nUser-Agent: PeerEnabler/4.0\r\n\r\n")),
  ]),
  sample(true, "a push of few digits, asked for", "give-request", 3, [
    out(latin("GIVE 42\r\n")),
    back(latin("GET /13609/a.mp3 HTTP/1.1\r\nHost: a\r\n\r\n")),
  ], WHOLE),
  sample(true, "the free clients' hello alone", "tcp-hello", 2, [out(SESSION_HELLO)]),
  sample(true, "a push alone", "give", 2, [out(latin("GIVE 2845671021\r\n"))]),
  sample(false, "a message behind a node's pong", "udp-follow-up", 1, [back(NODE_PONG), out(hex("c0 280102"))]),
];

const HASH = "d67e5427fe7476d124cf656b7f5b20e0ff4ffbff";
const KAZAA_HEADERS = "X-Kazaa-Username: somebody\r\nX-Kazaa-Network: KaZaA\r\nX-Kazaa-IP: 192.0.2.1:1214\r\n" +
  "X-Kazaa-SupernodeIP: 203.0.113.80:2500\r\n";
const SERVED = latin(
  `HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-99/4000\r\nServer: KazaaClient Nov  3 2002 20:29:03\r\n` +
    `${KAZAA_HEADERS}X-KazaaTag: 4=song\r\nX-KazaaTag: 3==hash\r\nContent-Length: 100\r\n\r\n`,
);
const BUSY = latin(`HTTP/1.0 503 Service Unavailable\r\nRetry-After: 284\r\n${KAZAA_HEADERS}\r\n`);
const SESSION: readonly Flow[] = [
  // iMesh and Grokster: a supernode's answer, an ordinary node's that tells the asker's address, and what comes of it.
  udp([
    out(hex("27 00000029 80"), latin("fileshare\0")),
    back(hex("28 00000029 00 7b 3c13 3c 0f"), latin("fileshare\0")),
  ], INBOUND),
  udp([
    out(hex("27 00000029 80"), latin("Grokster\0")),
    back(hex("29 00000029 01 01 0000 deadbeef c0000207 04be 0000")),
    out(hex("2a deadbeef")),
    back(hex("c0 28 01020304")),
  ]),
  // Both ends have IPv6 where a tunnel brings them together.
  udp([out(hex("27 000000a9 80"), latin("KaZaA\0"))], IPV6),
  // A network that nobody knows: the layout from one side, and from the other.
  udp([
    out(hex("27 00000029 80"), latin("PrivateNet\0")),
    back(hex("28 00000029 00 7b 3c13 3c 0f"), latin("PrivateNet\0")),
  ]),
  // A whole download in segments of 40 bytes, then the answer alone, then a refusal alone.
  tcp(
    [
      out(
        latin(
          `GET /.hash=${HASH} HTTP/1.1\r\nHost: 198.51.100.7:1214\r\nUserAgent: KazaaClient Nov  3 2002\r\n${KAZAA_HEADERS}\r\n`,
        ),
      ),
      back(SERVED, noise(100, 3)),
    ],
    { segment: 40 },
  ),
  tcp([back(SERVED, noise(100, 3))]),
  tcp([back(BUSY)], INBOUND),
  // Through an HTTP proxy the request names the node.
  tcp([out(latin(`GET http://203.0.113.9:1214/.hash=${HASH} HTTP/1.1\r\n${KAZAA_HEADERS}\r\n`))]),
  // A push: the peer connects, the client asks, the file comes.
  tcp([
    out(latin("GIVE 2845671021\r\n")),
    back(latin("GET /13609/song.mp3 HTTP/1.1\r\nUserAgent: KazaaClient\r\n\r\n")),
    out(SERVED),
  ], INBOUND),
  // mldonkey's session: hello, seed and type, then cipher.
  tcp([
    out(hex("fa00b62b 9d1f3c5e a4b17020")),
    back(hex("313375a014042029 dc1be4773ad2")),
    out(noise(6, 5)),
    back(noise(1600, 7)),
  ]),
];

/** Samples, near misses and a session. */
export const samples: Samples = {
  about: "Pings, pongs, session hello, transfers and pushes (giFT-FastTrack's PROTOCOL).",
  recognised: RECOGNISED,
  nearMisses: NEAR_MISSES,
  more: MORE,
  session: {
    about:
      "Downloads and pushes with their answers, other networks' pings, mldonkey's session (giFT-FastTrack's PROTOCOL).",
    flows: SESSION,
  },
};
