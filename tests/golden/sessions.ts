/**
 * Second captures of the smaller networks: whole sessions with their answers, the other side opening, IPv6, streams cut
 * into small segments, the middle alone, one side alone. Made from the same specifications as the samples; the stand-in
 * clients of tests/support send the same bytes.
 * @module
 */
import { hex, join, latin, type Turn } from "../support/conversation.ts";
import { noise } from "../protocol/strangers.ts";
import { rc4 } from "../protocol/rare.ts";
import { keyBlock } from "../support/wpnp.ts";
import type { Conversation, Golden } from "./make.ts";

type Rest = Partial<Conversation>;
const udp = (turns: readonly Turn[], rest: Rest = {}): Conversation => ({ tcp: false, turns, ...rest });
const tcp = (turns: readonly Turn[], rest: Rest = {}): Conversation => ({ tcp: true, turns, ...rest });
const out = (...parts: Uint8Array[]): Turn => [">", join(...parts)];
const back = (...parts: Uint8Array[]): Turn => ["<", join(...parts)];
const IPV6: Rest = { ipv6: true };
const INBOUND: Rest = { inbound: true };

const HASH = "d67e5427fe7476d124cf656b7f5b20e0ff4ffbff";
const KAZAA_HEADERS = "X-Kazaa-Username: somebody\r\nX-Kazaa-Network: KaZaA\r\nX-Kazaa-IP: 192.0.2.1:1214\r\n" +
  "X-Kazaa-SupernodeIP: 203.0.113.80:2500\r\n";
const SERVED = latin(
  `HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-99/4000\r\nServer: KazaaClient Nov  3 2002 20:29:03\r\n` +
    `${KAZAA_HEADERS}X-KazaaTag: 4=song\r\nX-KazaaTag: 3==hash\r\nContent-Length: 100\r\n\r\n`,
);
const BUSY = latin(`HTTP/1.0 503 Service Unavailable\r\nRetry-After: 284\r\n${KAZAA_HEADERS}\r\n`);

const FASTTRACK: readonly Conversation[] = [
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

/** WinMX's chain: greeting, key blocks of both sides with their roles, then cipher. */
function winmx(client: number, server: number, rest: Rest = {}): Conversation {
  return tcp([
    back(latin("1")),
    out(keyBlock(client, noise(16, client))),
    back(keyBlock(server, noise(16, server))),
    out(noise(41, 3)),
    back(noise(77, 5)),
  ], rest);
}
const CACHE = join(latin("8"), keyBlock(0x54, noise(16, 9)), noise(132, 11));

const WINMX: readonly Conversation[] = [
  winmx(0x50, 0x51),
  winmx(0x52, 0x53, IPV6),
  winmx(0x57, 0x58, INBOUND),
  winmx(0x52, 0x53, { segment: 5 }),
  // The whole answer of a peer cache: 149 bytes, then the end.
  tcp([back(CACHE)]),
  tcp([back(CACHE)], { segment: 7 }),
  // One side alone, either.
  tcp([out(keyBlock(0x52, noise(16, 13))), out(noise(41, 3))]),
  tcp([back(latin("1")), back(keyBlock(0x51, noise(16, 15)))]),
  // A download between users, in WinMX's way: the words in segments of their own.
  tcp([
    back(latin("1")),
    out(latin("GET")),
    out(latin('user123_01234 "C:\\music\\song.mp3" 0')),
    back(latin("123456"), noise(300, 3)),
  ]),
];

function frame(type: number, text: string): Uint8Array {
  return join(Uint8Array.of(text.length & 255, text.length >> 8, type & 255, type >> 8), latin(text));
}
const WELCOME = join(
  frame(3, "nobody@example.org"),
  frame(621, "VERSION opennap 0.44"),
  frame(621, "SERVER nap.example.org"),
  frame(214, "120 34000 150"),
);

const OPENNAP: readonly Conversation[] = [
  // A new user: is the nick free, the login, the welcome, a search and its results, a download request.
  tcp([
    out(frame(7, "somebody")),
    back(frame(8, "")),
    out(frame(6, 'somebody secret 6699 "mldonkey v3.1" 4 nobody@example.org')),
    back(WELCOME),
    out(frame(200, 'FILENAME CONTAINS "linux" MAX_RESULTS 100')),
    back(frame(201, '"a.mp3" 0123456789abcdef0123456789abcdef 1000 128 44100 60 other 3405803785 4'), frame(202, "")),
    out(frame(203, 'other "a.mp3"')),
    back(frame(204, 'other 3405803785 6699 "a.mp3" 0123456789abcdef0123456789abcdef 4')),
  ]),
  tcp([out(frame(2, 'somebody secret 6699 "nap v0.8" 3')), back(WELCOME)], { segment: 9 }),
  tcp([out(frame(2, 'somebody secret 6699 "lopster 1.2" 10')), back(frame(0, "Invalid Password!"))], IPV6),
  // A login in an odd form, by what the server says to it.
  tcp([out(frame(2, "some body and no program")), back(WELCOME)]),
  // The server alone.
  tcp([back(WELCOME)]),
  // Downloads both ways, and one that is refused; a client that does not wait for the greeting.
  tcp([
    back(latin("1")),
    out(latin("GET")),
    out(latin('somebody "Z:\\nap\\a.mp3" 0')),
    back(latin("1000"), noise(400, 3)),
  ]),
  tcp(
    [back(latin("1")), out(latin("SEND")), out(latin('somebody "a.mp3" 1000')), back(latin("0")), out(noise(400, 5))],
    INBOUND,
  ),
  tcp([out(latin('GETsomebody "a.mp3" 0')), back(latin("1")), back(latin("FILE NOT SHARED"))]),
  tcp([out(latin('GETsomebody "a.mp3" 0'))], IPV6),
];

const ARES_ANSWER = join(hex("87003c"), noise(135, 3));

const ARES: readonly Conversation[] = [
  // Logins of three versions with the supernode's answer and what follows, which is cipher.
  tcp([out(hex("03005a060605")), back(ARES_ANSWER), out(hex("a000"), noise(158, 5)), back(hex("0c00"), noise(10, 7))]),
  tcp([out(hex("03005a040305")), back(hex("87003b"), noise(135, 5))], IPV6),
  tcp([out(hex("03005a170105")), back(ARES_ANSWER)], { segment: 100 }),
  // Between supernodes, and one that calls this home's supernode.
  tcp([out(hex("03005d070805")), back(ARES_ANSWER)]),
  tcp([out(hex("03005a060605")), back(ARES_ANSWER)], INBOUND),
  // Clients: greeting, then the request with its headers, then the file.
  tcp([out(hex("c00037"), noise(192, 9)), back(hex("06001e000300000000")), out(noise(60, 3))]),
  tcp([
    out(
      latin(
        "GET sha1:2jmj7l5rSw0yVb/vlWAYkK/YBwk= HTTP/1.1\r\nRange: bytes=0-65535\r\nUser-Agent: Ares 1.9.9.3042\r\nX-My-Nick: somebody\r\n\r\n",
      ),
    ),
    back(latin("HTTP/1.1 206 OK\r\nServer: Ares 1.9.9.3042\r\nContent-Length: 100\r\n\r\n"), noise(100, 5)),
  ], { segment: 30 }),
  tcp([out(latin("PUSH SHA1:2jmj7l5rSw0yVb/vlWAYkK/YBwk=1234\n\n"))], INBOUND),
  tcp([out(latin("GET hash:2jmj7l5rSw0yVb/vlWAYkK/YBwk= HTTP/1.1\r\n\r\n"))], IPV6),
];

const OPENFT: readonly Conversation[] = [
  // Version, node information, capabilities: a session's first words.
  tcp([
    out(hex("0000 0000")),
    back(hex("0006 0001 0000 0002 0001")),
    out(hex("0000 0002")),
    back(hex("000e 0003 0004 04bf 04c0 c0000207 00000001")),
  ]),
  tcp([out(hex("0000 0000")), back(hex("0006 0001 0000 0002 0001"))], IPV6),
  tcp([out(hex("0000 0000")), back(hex("0006 0001 0000 0000 0009"))], INBOUND),
  // A download with its answer in small segments; the answer alone; a push.
  tcp([
    out(latin("GET /shared/a.mp3 HTTP/1.1\r\nX-OpenftAlias: somebody\r\nRange: bytes=0-\r\n\r\n")),
    back(latin("HTTP/1.1 206 Partial Content\r\nX-OpenftAlias: other\r\nContent-Length: 4\r\n\r\ndata")),
  ], { segment: 16 }),
  tcp([back(latin("HTTP/1.1 200 OK\r\nContent-Length: 4\r\nX-OpenftAlias: other\r\n\r\ndata"))]),
  tcp([out(latin("HEAD /shared/a.mp3 HTTP/1.1\r\nx-openftnodeinfo: 1 1215 1216\r\n\r\n"))], IPV6),
];

const MANOLITO: readonly Conversation[] = [
  // The whole dialogue: size, name, digest, go.
  tcp([
    out(latin("SIZ 4012345\n")),
    back(latin("STR 0\n")),
    out(latin("MD5 0123456789abcdef0123456789abcdef\n")),
    back(latin("GO!!")),
    out(noise(500, 3)),
  ]),
  tcp([back(latin("SIZ 99")), out(latin("STR 0"))], INBOUND),
  tcp([out(latin("SIZ 4012345")), back(latin("STR 65536"))], IPV6),
  tcp([out(latin("SIZ 4012345")), back(latin("STR 65536"))], { segment: 4 }),
  udp([out(hex("3d4bd9"), noise(13, 3), hex("edbb 0102")), back(hex("3d4bd9"), noise(13, 5), hex("edbb 0304"))]),
  udp([out(hex("3e4a"), noise(18, 3), hex("092f20 0102"))], { ipv6: true, inbound: true }),
];

const APPLEJUICE: readonly Conversation[] = [
  // Both sides greet, then binary frames.
  tcp([
    out(latin("ajprot\r\n"), hex("00000010"), noise(16, 3)),
    back(latin("ajprot\r\n"), hex("00000020"), noise(32, 5)),
  ]),
  tcp([out(latin("ajprot\r\n"))], { segment: 1 }),
  tcp([back(latin("ajprot\r\n"), noise(20, 7))]),
  tcp([out(latin("ajprot\r\n"), noise(40, 9))], { ipv6: true, inbound: true }),
];

/** Winny's greeting under this key: two dummies, the key, the first block and more of the stream. */
function winny(key: string, rest: string): Uint8Array {
  return join(hex("c41d"), hex(key), rc4(hex(key), hex(`01000000 61 ${rest}`)));
}
const WINNY: readonly Conversation[] = [
  // Both sides greet under keys of their own; versions and speeds follow.
  tcp([
    out(winny("1a2b3c4d", "15000000 00 78000000 57696e6e79")),
    back(winny("9e8d7c6b", "05000000 01 00003f43")),
    out(noise(80, 3)),
    back(noise(120, 5)),
  ]),
  tcp([out(winny("00000001", "15000000"))], { segment: 3 }),
  tcp([back(winny("f0e1d2c3", ""))], IPV6),
  tcp([out(winny("55aa55aa", "05000000 01"))], INBOUND),
];

const XUNLEI: readonly Conversation[] = [
  // Versions 3C and 36, from either side, over IPv6.
  udp([
    out(hex("3c000000 05 00000000 0a0b0c0d 0000")),
    back(hex("3c000000 06 00000000 0a0b0c0d")),
    out(hex("3c000000 07 00000000")),
  ]),
  udp([out(hex("36000000 11 00000000")), back(hex("36000000 12 00000000 aabb"))], INBOUND),
  udp([out(hex("31000000 02 00000000 01")), back(hex("31000000 03 00000000 02"))], IPV6),
];

const bsync = (fields: string, ...rest: Uint8Array[]) => join(latin(`BSYNC\0d${fields}`), ...rest, latin("e"));
const RESILIO: readonly Conversation[] = [
  // To a tracker: who has this share; its answer with two peers; a ping without an address; over TCP in small segments.
  udp([
    out(
      bsync(
        "2:la6:",
        hex("0a000005 d431"),
        latin("1:m9:get_peers4:peer20:"),
        noise(20, 3),
        latin("5:share20:"),
        noise(20, 5),
      ),
    ),
    back(
      bsync(
        "2:ea6:",
        hex("c0000207 d431"),
        latin("1:m5:peers5:peersld1:a6:"),
        hex("c6336407 1ae1"),
        latin("ee5:share20:"),
        noise(20, 5),
      ),
    ),
  ]),
  udp([out(bsync("1:m4:ping4:peer20:", noise(20, 7)))], IPV6),
  tcp([out(bsync("1:m9:get_peers4:peer20:", noise(20, 9)))], { segment: 4 }),
  tcp([back(bsync("1:m5:peers4:peer20:", noise(20, 11)))], INBOUND),
];

const line = (text: string) => latin(`${String.fromCharCode(text.length + 1)}${text}\n`);
const LIBP2P: readonly Conversation[] = [
  // Both sides name the negotiation, then the security: Noise, TLS, plain text; the last is refused.
  tcp([
    out(line("/multistream/1.0.0"), line("/noise")),
    back(line("/multistream/1.0.0"), line("/noise")),
    out(hex("0020"), noise(32, 3)),
    back(hex("00e0"), noise(224, 5)),
  ]),
  tcp([out(line("/multistream/1.0.0"), line("/tls/1.0.0")), back(line("/multistream/1.0.0"), line("na"))], IPV6),
  tcp([back(line("/multistream/1.0.0"))], { inbound: true }),
  tcp([out(line("/multistream/1.0.0"), line("/plaintext/2.0.0"))], { segment: 3 }),
  // Discovery: an answer, and the question of older versions.
  udp([
    out(
      hex("0000 8400 0000 0001 0000 0000"),
      latin("\x04_p2p\x04_udp\x05local\0"),
      hex("000c 0001 00000e10 0006 05"),
      latin("abcd\0"),
    ),
  ]),
  udp(
    [out(hex("0000 0000 0001 0000 0000 0000"), latin("\x0f_ipfs-discovery\x04_udp\x05local\0"), hex("000c 0001"))],
    IPV6,
  ),
];

function session(name: string, about: string, flows: readonly Conversation[]): Golden {
  return {
    name: `${name}_session`,
    about: `${about}\n\nEach flow's comment in tests/golden/sessions.ts says what it is.`,
    flows,
  };
}

/** All of them. */
export const SESSIONS: readonly Golden[] = [
  session(
    "fasttrack",
    "Downloads and pushes with their answers, other networks' pings, mldonkey's session (giFT-FastTrack's PROTOCOL).",
    FASTTRACK,
  ),
  session(
    "winmx",
    "The chain of greeting, key blocks under WPNP's scramble and cipher for all roles, caches, a download (wpnp-crypto).",
    WINMX,
  ),
  session(
    "opennap",
    "Nick check, login, welcome, search, download request; transfers both ways (drscholl's napster.txt).",
    OPENNAP,
  ),
  session("ares", "Logins with the supernode's answer, clients, transfers (l7-filter, ipp2p, libprotoident).", ARES),
  session(
    "openft",
    "Version exchange and what follows, downloads with their answers (giFT's protocol notes in mldonkey).",
    OPENFT,
  ),
  session("manolito", "The whole dialogue of a transfer, datagrams (OpenDPI).", MANOLITO),
  session("applejuice", "Greetings of both sides (l7-filter, nDPI).", APPLEJUICE),
  session("winny", "Greetings of both sides under keys of their own (binzume, arufa).", WINNY),
  session(
    "xunlei",
    "Exchanges of three versions (Emerging Threats, OpenDPI). A hint is all that can be had: weak.",
    XUNLEI,
  ),
  session("resilio", "Questions to a tracker and its answer, over UDP and TCP (picosync's notes).", RESILIO),
  session("libp2p", "Negotiations of both sides, discovery (the specifications of libp2p).", LIBP2P),
];
