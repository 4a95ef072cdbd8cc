/**
 * Everyday traffic, written from the protocols' own specifications: nothing of it is file sharing, much of it comes near.
 * @module
 */
import { hex, join, latin, type Turn } from "../support/conversation.ts";
import { Chance } from "./household.ts";

/** One conversation. Bytes differ from call to call, as the chance that is handed in says. */
export interface Everyday {
  readonly name: string;
  readonly tcp: boolean;
  /** Port of the peer. */
  readonly port: number;
  readonly turns: (chance: Chance) => readonly Turn[];
}

const zeros = (length: number) => new Uint8Array(length);
const u16 = (value: number) => Uint8Array.of(value >>> 8, value);
const u32 = (value: number) => Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
const le32 = (value: number) => u32(value).reverse();
const le16 = (value: number) => u16(value).reverse();

function repeat(times: number, make: (i: number) => Turn): Turn[] {
  return Array.from({ length: times }, (_, i) => make(i));
}

function tcp(name: string, port: number, turns: (chance: Chance) => readonly Turn[]): Everyday {
  return { name, tcp: true, port, turns };
}

function udp(name: string, port: number, turns: (chance: Chance) => readonly Turn[]): Everyday {
  return { name, tcp: false, port, turns };
}

/** TLS records of random content behind a client hello with a server name. */
function tls(name: string, chance: Chance): Turn[] {
  const host = latin(name);
  const sni = join(u16(0), u16(host.length + 5), u16(host.length + 3), hex("00"), u16(host.length), host);
  const body = join(
    hex("0303"),
    chance.bytes(32),
    hex("20"),
    chance.bytes(32),
    hex("0006 1301 1302 1303 0100"),
    u16(sni.length),
    sni,
  );
  const hello = join(hex("160301"), u16(body.length + 4), hex("01 00"), u16(body.length), body);
  const record = (length: number) => join(hex("170303"), u16(length), chance.bytes(length));
  return [
    [">", hello],
    ["<", join(hex("160303007a 02000076 0303"), chance.bytes(116), hex("140303000101"), record(900))],
    [">", join(hex("140303000101"), record(69))],
    [">", record(chance.between(40, 500))],
    ["<", record(1300)],
    ["<", record(1300)],
  ];
}

function rtp(chance: Chance, type: number, length: number, packets: number): Turn[] {
  const ssrc = [chance.bytes(4), chance.bytes(4)];
  const start = chance.below(60_000);
  return repeat(packets, (i) => {
    const side = i & 1;
    const head = join(Uint8Array.of(0x80, type), u16(start + (i >> 1)), u32(start * 160 + i * 80), ssrc[side]!);
    return [side === 0 ? ">" : "<", join(head, chance.bytes(length))];
  });
}

function quic(chance: Chance, version: string): Turn[] {
  const ids = [chance.bytes(8), chance.bytes(chance.between(0, 20))];
  const short = (id: Uint8Array, length: number) =>
    join(Uint8Array.of(0x40 | chance.below(64)), id, chance.bytes(length));
  const long = (id: Uint8Array, other: Uint8Array, length: number) =>
    join(
      Uint8Array.of(0xc0 | chance.below(64)),
      hex(version),
      Uint8Array.of(id.length),
      id,
      Uint8Array.of(other.length),
      other,
      hex("00"),
      u16(0x4000 | length),
      chance.bytes(length),
    );
  return [
    [">", long(ids[0]!, ids[1]!, 1170)],
    ["<", long(ids[1]!, ids[0]!, 1170)],
    ["<", long(ids[1]!, ids[0]!, 300)],
    [">", long(ids[0]!, ids[1]!, 60)],
    ...repeat(40, (i): Turn => [i & 1 ? ">" : "<", short(ids[i & 1]!, chance.between(17, i & 1 ? 60 : 1200))]),
  ];
}

function stun(chance: Chance): Turn[] {
  const id = chance.bytes(12);
  return [
    [">", join(hex("0001 0050 2112a442"), id, hex("0006 0009"), latin("abcd:efgh\0\0\0"), chance.bytes(64))],
    ["<", join(hex("0101 0044 2112a442"), id, hex("0020 0008 0001"), chance.bytes(6), chance.bytes(56))],
  ];
}

function dns(chance: Chance): Turn[] {
  const id = chance.bytes(2);
  const name = join(Uint8Array.of(9), latin(`host${chance.between(10_000, 99_999)}`), hex("03 6f7267 00 0001 0001"));
  return [
    [">", join(id, hex("0100 0001 0000 0000 0000"), name)],
    ["<", join(id, hex("8180 0001 0001 0000 0000"), name, hex("c00c 0001 0001 0000003c 0004"), chance.bytes(4))],
  ];
}

function game(chance: Chance, least: number, most: number, packets: number): Turn[] {
  const key = chance.bytes(4);
  return repeat(packets, (
    i,
  ) => [i % 3 === 0 ? ">" : "<", join(key, le32(i), chance.bytes(chance.between(least, most)))]);
}

/** Streams that are ciphered from the first byte, with the sizes that their programs use. */
function ciphered(chance: Chance, first: number, answer: number): Turn[] {
  return [
    [">", chance.bytes(first)],
    ["<", chance.bytes(answer)],
    ...repeat(
      12,
      (i): Turn => [i % 3 === 0 ? ">" : "<", chance.bytes(chance.between(60, i % 3 === 0 ? 500 : 1300))],
    ),
  ];
}

const PAGE = latin(
  "<html><h1>Kazaa, X-Kazaa-Username: me, BitTorrent protocol</h1>\r\nX-Kazaa-IP: 192.0.2.1:1214\r\nGNUTELLA CONNECT/0.6\r\n" +
    "\x13BitTorrent protocol d1:ad2:id20:aaaaaaaaaaaaaaaaaaaae1:q4:ping1:t2:aa1:y1:qe $MyNick x|$Lock y Pk=z| ajprot\r\n</html>",
);

/** All of them. */
export const EVERYDAY: readonly Everyday[] = [
  udp("WireGuard", 51820, (c) => [
    [">", join(hex("01000000"), c.bytes(144))],
    ["<", join(hex("02000000"), c.bytes(88))],
    ...repeat(60, (i): Turn => [
      i & 1 ? ">" : "<",
      join(hex("04000000"), c.bytes(4), le32(i >> 1), zeros(4), c.bytes(16 * c.between(1, 80))),
    ]),
  ]),
  udp("WireGuard through a cookie reply", 51820, (c) => [
    [">", join(hex("01000000"), c.bytes(144))],
    ["<", join(hex("03000000"), c.bytes(60))],
    [">", join(hex("01000000"), c.bytes(144))],
    ["<", join(hex("02000000"), c.bytes(88))],
  ]),
  udp("OpenVPN with tls-crypt", 1194, (c) => [
    [">", join(hex("38"), c.bytes(53))],
    ["<", join(hex("40"), c.bytes(65))],
    ...repeat(40, (i): Turn => [i & 1 ? ">" : "<", join(hex(i < 12 ? "20" : "48"), c.bytes(c.between(40, 1300)))]),
  ]),
  udp("OpenVPN plain control", 1194, (c) => {
    const ids = [c.bytes(8), c.bytes(8)];
    return [
      [">", join(hex("38"), ids[0]!, hex("00 00000000"))],
      ["<", join(hex("40"), ids[1]!, hex("01 00000000"), ids[0]!, hex("00000000"))],
      ...repeat(20, (i): Turn => [i & 1 ? ">" : "<", join(hex("20"), ids[i & 1]!, hex("00"), u32(i), c.bytes(900))]),
    ];
  }),
  tcp("OpenVPN over TCP", 1194, (c) =>
    repeat(30, (i) => {
      const body = join(hex(i === 0 ? "38" : i === 1 ? "40" : "30"), c.bytes(c.between(40, 500)));
      return [i & 1 ? "<" : ">", join(u16(body.length), body)];
    })),
  udp("IPsec NAT traversal", 4500, (c) => {
    const spi = c.bytes(8);
    return [
      [">", join(zeros(4), spi, zeros(8), hex("21202208 00000000"), u32(400), c.bytes(372))],
      ["<", join(zeros(4), spi, c.bytes(8), hex("21202220 00000000"), u32(360), c.bytes(332))],
      [">", hex("ff")],
      ...repeat(40, (i): Turn => [i & 1 ? ">" : "<", join(spi.subarray(0, 4), u32(i), c.bytes(8 * c.between(6, 160)))]),
    ];
  }),
  udp("QUIC version 1", 443, (c) => quic(c, "00000001")),
  udp("QUIC version 2", 443, (c) => quic(c, "6b3343cf")),
  udp("QUIC on a high port", 8443, (c) => quic(c, "00000001")),
  udp("DTLS", 4433, (c) => [
    [">", join(hex("16feff 0000 000000000000 0090 01 000084 0000 000000 000084 fefd"), c.bytes(130))],
    ["<", join(hex("16fefd 0000 000000000000 0030 03"), c.bytes(47))],
    ...repeat(
      30,
      (i): Turn => [i & 1 ? ">" : "<", join(hex("17fefd 0001 0000"), u32(i), u16(200), c.bytes(200))],
    ),
  ]),
  udp("WebRTC: STUN, DTLS and SRTP on one port", 19302, (c) => [
    ...stun(c),
    ...stun(c),
    [">", join(hex("16feff 0000 000000000000 0090 01"), c.bytes(143))],
    ["<", join(hex("16fefd 0000 000000000000 0060 02"), c.bytes(95))],
    ...rtp(c, 111, 80, 60),
    ...stun(c),
  ]),
  udp("TURN channel data", 3478, (c) => [
    ...stun(c),
    ...repeat(40, (i): Turn => [i & 1 ? ">" : "<", join(hex("4001"), u16(172), hex("80 6f"), c.bytes(170))]),
  ]),
  udp("RTP with payload type 0 and RTCP", 40002, (c) => [
    ...rtp(c, 0, 160, 60),
    [">", join(hex("80c8 0006"), c.bytes(24))],
    ["<", join(hex("81c9 0007"), c.bytes(28))],
    ...rtp(c, 0, 160, 20),
  ]),
  udp("Teredo", 3544, (c) => [
    [">", join(hex("0001 0000"), c.bytes(8), hex("00 60000000 0024 3a ff"), c.bytes(68))],
    ["<", join(hex("0000"), c.bytes(6), hex("60000000 0024 3a ff"), c.bytes(68))],
  ]),
  udp("CAPWAP", 5247, (c) => repeat(12, (i) => [i & 1 ? "<" : ">", join(hex("00100300 00000000"), c.bytes(120))])),
  udp("NTP", 123, (c) => [[">", join(hex("23 00 00 00"), zeros(36), c.bytes(8))], [
    "<",
    join(hex("24 02 00 e9"), c.bytes(44)),
  ]]),
  udp("SIP", 5060, () => [
    [">", latin("REGISTER sip:example.org SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.5:5060\r\nCSeq: 1 REGISTER\r\n\r\n")],
    ["<", latin("SIP/2.0 401 Unauthorized\r\nVia: SIP/2.0/UDP 10.0.0.5:5060\r\nCSeq: 1 REGISTER\r\n\r\n")],
  ]),
  udp("Source engine queries", 27015, (c) => [
    [">", join(hex("ffffffff 54"), latin("Source Engine Query\0"))],
    ["<", join(hex("ffffffff 41"), c.bytes(4))],
    [">", join(hex("ffffffff 54"), latin("Source Engine Query\0"), c.bytes(4))],
    ["<", join(hex("ffffffff 49 11"), latin("A server\0de_dust2\0csgo\0Counter-Strike\0"), c.bytes(16))],
    [">", join(hex("ffffffff 55"), c.bytes(4))],
  ]),
  udp("a shooter with a key and a counter", 27016, (c) => game(c, 20, 120, 120)),
  udp(
    "a game of 51 and 85 bytes",
    27017,
    (c) => repeat(40, (i) => [i & 1 ? "<" : ">", join(Uint8Array.of(c.below(256)), c.bytes(i & 1 ? 84 : 50))]),
  ),
  udp(
    "ENet",
    27018,
    (c) => repeat(30, (i) => [i & 1 ? "<" : ">", join(hex("8fff"), u16(i * 50), hex("82 ff"), u16(i), c.bytes(42))]),
  ),
  udp("RakNet", 19132, (c) => [
    [">", join(hex("01"), zeros(4), c.bytes(4), hex("00ffff00fefefefefdfdfdfd12345678"), c.bytes(8))],
    [
      "<",
      join(hex("1c"), zeros(4), c.bytes(12), hex("00ffff00fefefefefdfdfdfd12345678"), latin("\0\x1eMCPE;a server")),
    ],
    ...repeat(30, (i): Turn => [i & 1 ? "<" : ">", join(hex("84"), le16(i), hex("00 60"), c.bytes(60))]),
  ]),
  udp(
    "a voice chat's keep-alive and opus",
    50000,
    (c) =>
      repeat(
        80,
        (i) => [i % 2 ? "<" : ">", i < 2 ? join(hex("0001 0046"), c.bytes(70)) : join(hex("9078"), c.bytes(90))],
      ),
  ),
  udp(
    "Viber",
    7985,
    (c) =>
      repeat(30, (i) => [i & 1 ? "<" : ">", join(c.bytes(2), hex(i & 1 ? "0b00" : "0300"), c.bytes(i & 1 ? 36 : 16))]),
  ),
  udp(
    "Skype of 2006",
    33033,
    (c) => repeat(8, (i) => [i & 1 ? "<" : ">", join(c.bytes(2), hex("02"), c.bytes(c.between(15, 27)))]),
  ),
  udp("DNS on another port", 5353, dns),
  udp(
    "BACnet",
    47808,
    (c) => [[">", hex("810b000c0120ffff00ff1008")], ["<", join(hex("810b0014 0100 1000"), c.bytes(12))]],
  ),
  udp("CoAP", 5683, (c) => [[">", join(hex("4101"), c.bytes(2), hex("21 b3"), latin("foo"))], [
    "<",
    join(hex("6145"), c.bytes(2), hex("21 ff"), latin("bar")),
  ]]),
  udp("syslog", 514, () => [[">", latin("<34>1 2026-01-01T00:00:00Z host app - - - kazaa d1:ad2:id20: $SR")]]),
  udp("zeros", 9999, () => repeat(10, (i) => [i & 1 ? "<" : ">", zeros(40)])),
  udp(
    "random datagrams of one peer",
    41000,
    (c) => repeat(60, (i) => [i & 1 ? "<" : ">", c.bytes(c.between(1, 1200))]),
  ),
  udp(
    "a bencoded configuration",
    41001,
    () => [[">", latin("d4:name5:hello5:valuei3ee")], ["<", latin("d2:ok4:truee")]],
  ),
  tcp("TLS", 443, (c) => tls("www.example.org", c)),
  tcp("TLS on an odd port", 6881, (c) => tls("mail.example.org", c)),
  tcp("HTTP about it all", 80, () => [
    [
      ">",
      latin(
        "GET /search?q=X-Kazaa-Username+info_hash HTTP/1.1\r\nHost: example.org\r\nReferer: http://kazaa.example.org/.hash=\r\n\r\n",
      ),
    ],
    ["<", join(latin("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nX-Info: X-Kazaa-Network\r\n\r\n"), PAGE)],
  ]),
  tcp("HTTP of a torrent file", 80, () => [
    [">", latin("GET /debian.iso.torrent HTTP/1.1\r\nHost: cdimage.example.org\r\nUser-Agent: curl/8\r\n\r\n")],
    [
      "<",
      latin(
        "HTTP/1.1 200 OK\r\nContent-Type: application/x-bittorrent\r\n\r\nd8:announce30:http://tracker.example.org/annou4:infod6:lengthi3e4:name4:deb12:piece lengthi262144eee",
      ),
    ],
  ]),
  tcp("HTTP byte ranges", 80, () => [
    [">", latin("GET /get/1/file.mp3 HTTP/1.1\r\nHost: a.example.org\r\nRange: bytes=0-16383\r\n\r\n")],
    ["<", latin("HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-16383/99999\r\n\r\nID3")],
  ]),
  tcp("WebSocket", 80, (c) => [
    [
      ">",
      latin(
        "GET /chat HTTP/1.1\r\nHost: example.org\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
      ),
    ],
    ["<", latin("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n")],
    ...repeat(20, (i): Turn => [i & 1 ? "<" : ">", join(hex(i & 1 ? "827e" : "82fe"), u16(300), c.bytes(300))]),
  ]),
  tcp("HTTP/2 in clear, gRPC", 50051, (c) => [
    [">", join(latin("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), hex("000000 04 00 00000000"))],
    ["<", hex("000000 04 00 00000000 000000 04 01 00000000")],
    [">", join(hex("000050 01 04 00000001"), c.bytes(80))],
    ["<", join(hex("000100 00 00 00000001"), c.bytes(256))],
  ]),
  tcp("SSH on an odd port", 4662, (c) => [
    ["<", latin("SSH-2.0-OpenSSH_9.7\r\n")],
    [">", latin("SSH-2.0-OpenSSH_9.2p1\r\n")],
    [">", join(hex("000005dc 06 14"), c.bytes(1500))],
    ["<", join(hex("00000414 06 14"), c.bytes(1044))],
    ...repeat(20, (i): Turn => [i & 1 ? "<" : ">", c.bytes(c.between(36, 300))]),
  ]),
  tcp("Minecraft", 25565, (c) => [
    [">", join(hex("10 00 fd05 09"), latin("localhost"), hex("63dd 02"))],
    [">", join(hex("0a 00 08"), latin("a_player"))],
    ["<", join(hex("aa01 01 00 a201"), c.bytes(166))],
    ...repeat(20, (i): Turn => [i & 1 ? "<" : ">", c.bytes(c.between(20, 900))]),
  ]),
  tcp("RCON", 25575, (c) => [
    [">", join(le32(18), c.bytes(4), le32(3), latin("password\0\0"))],
    ["<", join(le32(10), c.bytes(4), le32(2), hex("0000"))],
    [">", join(le32(14), c.bytes(4), le32(2), latin("list\0\0"))],
  ]),
  tcp("Postgres", 5432, () => [
    [">", join(u32(41), hex("00030000"), latin("user\0postgres\0database\0postgres\0\0"))],
    ["<", hex("52 0000000c 00000005 9f1c33aa")],
    [">", join(hex("70"), u32(40), latin("md5aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\0"))],
    ["<", hex("52 00000008 00000000 5a 00000005 49")],
  ]),
  tcp("MySQL", 3306, (c) => [
    ["<", join(hex("4a000000 0a"), latin("8.0.36\0"), c.bytes(66))],
    [">", join(hex("20000001 85a60300 00000001 21"), zeros(23))],
    ["<", hex("07000002 00 00 00 02 00 00 00")],
    [">", join(hex("0f000000 03"), latin("select 1 as a;"))],
  ]),
  tcp("MQTT", 1883, () => [
    [">", join(hex("10 15 0004"), latin("MQTT"), hex("04 02 003c 0009"), latin("sensor-12"))],
    ["<", hex("20020000")],
    [">", join(hex("30 13 0005"), latin("a/b/c"), latin("temperature"))],
  ]),
  tcp("Redis", 6379, () => [[">", latin("*2\r\n$3\r\nGET\r\n$5\r\nalpha\r\n")], ["<", latin("$3\r\none\r\n")]]),
  tcp("SMB", 445, (c) => [
    [">", join(hex("000000a4 fe534d42 4000"), zeros(158))],
    ["<", join(hex("000000f8 fe534d42 4000"), c.bytes(242))],
  ]),
  tcp("RDP", 3389, (c) => [
    [">", hex("0300001302e000000000000100080003000000")],
    ["<", hex("030000130ed000001234000209080000000000")],
    ...tls("desk.example.org", c),
  ]),
  tcp("a mail with protocols in it", 25, () => [
    ["<", latin("220 mail.example.org ESMTP\r\n")],
    [">", latin("EHLO pc\r\n")],
    ["<", latin("250 ok\r\n")],
    [">", latin("DATA\r\n")],
    ["<", latin("354 go\r\n")],
    [">", join(PAGE, latin("\r\n.\r\n"))],
  ]),
  tcp("IRC about it", 6667, () => [
    [">", latin("NICK a\r\nUSER a 0 * :a\r\n")],
    ["<", latin(":irc 001 a :$Lock Pk= GNUTELLA/0.6 200 OK\r\n")],
  ]),
  tcp(
    "XMPP",
    5222,
    () => [[">", latin("<?xml version='1.0'?><stream:stream>")], ["<", latin("<?xml version='1.0'?>")]],
  ),
  tcp("NNTP", 119, () => [["<", latin("200 ready\r\n")], [">", latin("GROUP alt.binaries.kazaa\r\n")], ["<", PAGE]]),
  tcp("IMAP", 143, () => [["<", latin("* OK ready\r\n")], [">", latin("a1 LOGIN u p\r\n")], ["<", PAGE]]),
  tcp("a speed test upload", 8080, (c) => [
    [">", latin("HELLO 2.9 a\r\n")],
    ["<", latin("HELLO 2.9 (2.9.4) 2026\r\n")],
    [">", latin("UPLOAD 250000 0\r\n")],
    ...repeat(40, (): Turn => [">", c.bytes(1400)]),
  ]),
  tcp("Delivery Optimization", 7680, (c) => [
    [">", join(hex("0e"), latin("Swarm protocol"), c.bytes(60))],
    ["<", join(hex("0e"), latin("Swarm protocol"), c.bytes(60))],
    [">", hex("0000000d 06 00000001 00000000 00004000")],
    ["<", join(hex("00004009 07 00000001 00000000"), c.bytes(1000))],
  ]),
  tcp("a database with big-endian lengths", 9042, (c) =>
    repeat(16, (i) => {
      const body = c.bytes(c.between(9, 60));
      return [i & 1 ? "<" : ">", join(u32(body.length), body)];
    })),
  tcp("an RPC with little-endian lengths", 9043, (c) =>
    repeat(16, (i) => {
      const body = join(le32(c.between(1, 90)), c.bytes(c.between(9, 60)));
      return [i & 1 ? "<" : ">", join(le32(body.length), body)];
    })),
  tcp("telegrams of a messenger in its own cipher", 5222, (c) => ciphered(c, 64 + 41, 108)),
  tcp("Shadowsocks", 8388, (c) => ciphered(c, c.between(90, 700), c.between(100, 1300))),
  tcp("obfs4", 9443, (c) => ciphered(c, c.between(200, 600), c.between(200, 600))),
];
