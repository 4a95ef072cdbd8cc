/**
 * Protocols that are not file sharing and that some engine has taken for it: every classifier must leave all of them alone.
 * Made from the protocols' own specifications.
 * @module
 */
import { hex, join, latin, type Turn } from "../support/conversation.ts";
import { noise } from "../support/noise.ts";
import { MORE_STRANGERS } from "./strangers_more.ts";
import type { Sample } from "./sample.ts";

function tcp(name: string, ...turns: Turn[]): Sample {
  return { name, tcp: true, turns };
}

function udp(name: string, ...turns: Turn[]): Sample {
  return { name, tcp: false, turns };
}

function zeros(length: number): Uint8Array {
  return new Uint8Array(length);
}

const PAGE =
  "<html><title>Kazaa, eMule and Gnutella</title>GNUTELLA CONNECT/0.6 $Lock a Pk=b| /uri-res/N2R?urn:sha1: " +
  "X-Gnutella-Content-URN HSUP ADBASE /multistream/1.0.0 ajprot BSYNC</html>\r\n";

/** All of them. */
export const STRANGERS: readonly Sample[] = [
  tcp(
    "Minecraft RCON",
    [">", join(hex("12000000 01000000 03000000"), latin("password"), hex("0000"))],
    ["<", hex("0a000000 01000000 02000000 0000")],
    [">", join(hex("0e000000 01000000 02000000"), latin("list"), hex("0000"))],
  ),
  tcp("Source RCON with one zero id", [">", hex("0a000000 00000000 00000000 0000")], [
    "<",
    hex("0a000000 00000000 02000000 0000"),
  ]),
  tcp(
    "Postgres start-up",
    [">", join(hex("00000029 00030000"), latin("user\0postgres\0database\0postgres\0\0"))],
    ["<", hex("52 0000000c 00000005 9f1c33aa")],
  ),
  tcp("Postgres asking for TLS", [">", hex("00000008 04d2162f")], ["<", latin("N")]),
  tcp(
    "MQTT connect",
    [">", join(hex("10 15 0004"), latin("MQTT"), hex("04 02 003c 0009"), latin("sensor-12"))],
    ["<", hex("20020000")],
  ),
  tcp(
    "HTTP page about file sharing",
    [">", latin("GET /wiki/EMule HTTP/1.1\r\nHost: en.example.org\r\nUser-Agent: curl/8.5.0\r\n\r\n")],
    ["<", latin(`HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Type: text/html\r\nContent-Length: 300\r\n\r\n${PAGE}`)],
  ),
  tcp(
    "HTTP GET in small segments",
    [">", latin("GET")],
    [">", latin(" /get/1/file.mp3 HTTP/1.1\r\nHost: music.example.org\r\nAccept: */*\r\n\r\n")],
    ["<", latin("HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\n\r\nID3")],
  ),
  tcp(
    "HTTP with a urn resolver (RFC 2169)",
    [">", latin("GET /uri-res/N2L?urn:isbn:0451450523 HTTP/1.1\r\nHost: urn.example.org\r\n\r\n")],
    ["<", latin("HTTP/1.1 303 See Other\r\nLocation: /books/1\r\n\r\n")],
  ),
  tcp(
    "HTTP post of a JSON with client and version",
    [">", latin("GET /api?client=web1&version=2&get=1 HTTP/1.1\r\nHost: api.example.org\r\n\r\n")],
    ["<", latin("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{}")],
  ),
  tcp(
    "TLS 1.2 client hello",
    [
      ">",
      join(
        hex("16030100c8 010000c4 0303"),
        noise(32, 7),
        hex("20"),
        noise(32, 9),
        hex("0004 1301 1302 0100 0077"),
        zeros(119),
      ),
    ],
    ["<", join(hex("160303005a 02000056 0303"), noise(86, 11))],
  ),
  tcp("SSH banner", [">", latin("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n")], ["<", latin("SSH-2.0-OpenSSH_9.7\r\n")], [
    ">",
    join(hex("000005dc 06 14"), noise(200, 13)),
  ]),
  tcp("SMTP with a mail about it", ["<", latin("220 mail.example.org ESMTP\r\n")], [
    ">",
    latin("EHLO pc.example.org\r\n"),
  ], [
    "<",
    latin("250-mail.example.org\r\n250 SIZE 10240000\r\n"),
  ], [">", latin(`MAIL FROM:<a@example.org>\r\n${PAGE}`)]),
  tcp("FTP", ["<", latin("220 ready\r\n")], [">", latin("USER anonymous\r\n")], ["<", latin("331 Please\r\n")], [
    ">",
    latin("SIZE file.iso\r\n"),
  ]),
  tcp("Redis", [">", latin("*2\r\n$3\r\nGET\r\n$5\r\nalpha\r\n")], ["<", latin("$3\r\none\r\n")]),
  tcp("a shell prompt", ["<", latin("$ ")], [">", latin("$Lock the door | less\n")], [
    "<",
    latin("$Lock: not found|\n"),
  ]),
  tcp(
    "IRC",
    [">", latin("NICK someone\r\nUSER someone 0 * :Some One\r\n")],
    ["<", latin(":irc.example.org NOTICE * :*** Looking up\r\n")],
  ),
  tcp("DNS over TCP", [
    ">",
    join(hex("001d 1a2b 0100 0001 0000 0000 0000"), hex("07 6578616d706c65 03 6f7267 00 0001 0001")),
  ], [
    "<",
    join(
      hex("002d 1a2b 8180 0001 0001 0000 0000"),
      hex("07 6578616d706c65 03 6f7267 00 0001 0001 c00c 0001 0001 0000003c 0004 c0000201"),
    ),
  ]),
  tcp("MySQL greeting", ["<", join(hex("4a000000 0a"), latin("8.0.36\0"), noise(60, 17))], [
    ">",
    join(hex("20000001 85a60300 00000001 21"), zeros(23)),
  ]),
  tcp("SMB2 negotiate", [">", join(hex("000000a4 fe534d42 4000"), zeros(150))], [
    "<",
    join(hex("000000f8 fe534d42 4000"), zeros(200)),
  ]),
  tcp("RDP connection request", [">", hex("0300001302e000000000000100080003000000")], [
    "<",
    hex("030000130ed000001234000209080000000000"),
  ]),
  tcp("TPKT and COTP", [">", hex("0300001611e00000001400c1020100c2020102c0010a")], [
    "<",
    hex("0300001611d00014000100c0010ac1020100c2020102"),
  ]),
  tcp("Modbus", [">", hex("000100000006ff0300000001")], ["<", hex("000100000005ff03020017")]),
  tcp("AMQP", [">", hex("414d515000000901")], ["<", join(hex("01 0000 000001d0 000a 000a"), zeros(60))]),
  tcp("RTMP", [">", join(hex("03 00000000 00000000"), noise(1528, 19))], ["<", join(hex("03"), noise(1536, 23))]),
  tcp("XMPP", [">", latin("<?xml version='1.0'?><stream:stream to='example.org'>")], [
    "<",
    latin("<?xml version='1.0'?><stream:features>"),
  ]),
  tcp("WebSocket frames", [">", latin("GET /chat HTTP/1.1\r\nHost: example.org\r\nUpgrade: websocket\r\n\r\n")], [
    "<",
    latin("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"),
  ]),
  tcp("Windows Delivery Optimization", [">", join(hex("0e"), latin("Swarm protocol"), noise(60, 29))], [
    "<",
    join(hex("0e"), latin("Swarm protocol"), noise(60, 31)),
  ]),
  {
    ...tcp("BitTorrent", [">", join(hex("13"), latin("BitTorrent protocol"), zeros(8), noise(40, 37))], [
      "<",
      join(hex("13"), latin("BitTorrent protocol"), zeros(8), noise(40, 41)),
    ]),
    also: { bittorrent: "it is" },
  },
  tcp("a game with u32le length and opcode", [">", hex("0c000000 01000000 05000000 616c706861 03000000")], [
    "<",
    hex("08000000 02000000 00000000"),
  ], [">", hex("08000000 04000000 11223344")]),
  tcp("a game with u16le length and opcode", [">", hex("0300 01 000000")], ["<", hex("0600 02 0102030405 06")], [
    ">",
    hex("0100 07 00"),
  ]),
  tcp("ended E3 noise", [">", join(hex("e3"), noise(300, 43))], ["<", join(hex("c5"), noise(300, 47))]),
  tcp("an encrypted stream", [">", noise(96, 53)], ["<", noise(400, 59)], [">", noise(700, 61)]),
  tcp("zeros", [">", zeros(64)], ["<", zeros(64)]),
  udp("DNS", [">", hex("1a2b 0100 0001 0000 0000 0000 07 6578616d706c65 03 6f7267 00 0001 0001")], [
    "<",
    hex("1a2b 8180 0001 0001 0000 0000 07 6578616d706c65 03 6f7267 00 0001 0001 c00c 0001 0001 0000003c 0004 c0000201"),
  ]),
  udp(
    "DNS of 51 and 85 bytes",
    [
      ">",
      join(hex("4744 0100 0001 0000 0000 0000 21"), latin("abcdefghijklmnopqrstuvwxyz0123456"), hex("00 0001 0001")),
    ],
    [
      "<",
      join(
        hex("4744 8180 0001 0001 0000 0000 21"),
        latin("abcdefghijklmnopqrstuvwxyz0123456"),
        hex("00 0001 0001"),
        noise(34, 67),
      ),
    ],
  ),
  udp("STUN binding", [">", join(hex("0001 0000 2112a442"), noise(12, 71))], [
    "<",
    join(hex("0101 000c 2112a442"), noise(12, 71), hex("0020 0008 0001 a147 e112a643")),
  ]),
  udp("QUIC initial", [">", join(hex("c3 00000001 08"), noise(8, 73), hex("00 00 449e"), noise(1180, 79))], [
    "<",
    join(hex("c7 00000001 00 08"), noise(8, 83), hex("00 4075"), noise(1180, 89)),
  ]),
  udp("QUIC handshake packets from E3 to E5", [
    ">",
    join(hex("e4 00000001 08"), noise(8, 97), hex("00 4017"), noise(14, 101)),
  ], [
    "<",
    join(hex("e5 00000001 00 08"), noise(8, 103), hex("4075"), noise(117, 107)),
  ], [">", join(hex("e3 00000001 08"), noise(8, 109), hex("00 4017"), noise(24, 113))]),
  udp("QUIC short headers", [">", join(hex("44"), noise(50, 127))], ["<", join(hex("4b"), noise(1200, 131))]),
  udp("Google QUIC Q046", [">", join(hex("c3 51303436 50"), noise(1200, 137))], [
    "<",
    join(hex("e4 51303436 05"), noise(60, 139)),
  ]),
  udp("DTLS", [">", join(hex("16feff 0000 000000000000 0090 01"), noise(143, 149))], [
    "<",
    join(hex("16feff 0000 000000000000 0030 03"), noise(47, 151)),
  ]),
  udp("RTP", [">", join(hex("8000 1c2d 00000fa0 5a5b5c5d"), noise(160, 157))], [
    "<",
    join(hex("8000 0001 000000a0 11223344"), noise(160, 163)),
  ]),
  udp("RTCP", [">", join(hex("80c80006 5a5b5c5d"), noise(20, 167))], [
    "<",
    join(hex("81c90007 11223344"), noise(24, 173)),
  ]),
  udp("WireGuard", [">", join(hex("01000000"), noise(144, 179))], ["<", join(hex("02000000"), noise(88, 181))]),
  udp("NTP", [">", join(hex("e3000600"), zeros(44))], ["<", join(hex("24010600 00000100 00000200"), noise(36, 191))]),
  udp("SIP", [">", latin("REGISTER sip:example.org SIP/2.0\r\nVia: SIP/2.0/UDP pc:5060\r\n\r\n")], [
    "<",
    latin("SIP/2.0 401 Unauthorized\r\n\r\n"),
  ]),
  udp("Source engine query", [">", join(hex("ffffffff54"), latin("Source Engine Query\0"))], [
    "<",
    join(hex("ffffffff49 11"), latin("server\0map\0game\0")),
  ]),
  udp("Quake 3 status", [">", join(hex("ffffffff"), latin("getstatus\n"))], [
    "<",
    join(hex("ffffffff"), latin("statusResponse\n\\g\\1")),
  ]),
  udp("SSDP", [
    ">",
    latin(
      'M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: "ssdp:discover"\r\nMX: 1\r\nST: upnp:rootdevice\r\n\r\n',
    ),
  ]),
  udp("mDNS", [">", hex("0000 0000 0001 0000 0000 0000 05 5f68747470 04 5f746370 05 6c6f63616c 00 000c 0001")]),
  udp("NetBIOS name query", [
    ">",
    join(hex("9c29 2910 0001 0000 0000 0001 20"), latin("ENFDEFEEEHEFFHEJEODBDACACACACAAA"), hex("00 0020 0001")),
  ]),
  udp("DHCP", [">", join(hex("01010600 a6784b7d"), zeros(228), hex("63825363 350101 ff"), zeros(60))]),
  {
    ...udp("BitTorrent DHT", [">", latin("d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe")], [
      "<",
      latin("d1:rd2:id20:mnopqrstuvwxyz123456e1:t2:aa1:y1:re"),
    ]),
    also: { bittorrent: "it is" },
  },
  {
    ...udp("BitTorrent uTP", [">", hex("4100 1a2b 00000001 00000000 00100000 0001 0000")], [
      "<",
      hex("2100 1a2b 00000002 00000001 00100000 0001 0001"),
    ]),
    also: { bittorrent: "it is" },
  },
  udp("Teredo", [">", join(hex("0001 0000 f8c2d17b6e4f9a3310"), hex("6000000000003b15fe80"), zeros(30))]),
  udp(
    "Minecraft Bedrock ping",
    [">", join(hex("01 0000000000003a98 00ffff00fefefefefdfdfdfd12345678"), noise(8, 193))],
    [
      "<",
      join(
        hex("1c 0000000000003a98"),
        noise(8, 197),
        hex("00ffff00fefefefefdfdfdfd12345678 000a"),
        latin("MCPE;hello"),
      ),
    ],
  ),
  udp("a game of little-endian counters", [">", hex("32000000 01000000 00000000 10000000")], [
    "<",
    hex("33000000 02000000 01000000 10000000 00000000"),
  ], [">", hex("34000000 03000000 02000000")]),
  udp("TFTP", [">", latin("\0\x01boot.img\0octet\0")], ["<", join(hex("00030001"), noise(512, 199))]),
  udp("SNMP", [">", hex("302602010104067075626c6963a019020412345678020100020100300b300906052b060102010500")]),
  udp("CAPWAP", [">", join(hex("0010020000000000 00000001 000001 0010 00"), zeros(16))]),
  udp("OpenVPN", [">", join(hex("38"), noise(8, 211), hex("0000000000"))], [
    "<",
    join(hex("40"), noise(8, 223), hex("0100000000"), noise(8, 211), hex("00000000")),
  ]),
  udp("Steam in-home streaming", [">", join(hex("ffffffff214c5fa0 16000000"), noise(22, 227))]),
  udp("text in a datagram", [">", latin("GND is the ground pin, GTA is a game\n")], [
    "<",
    latin("$SR is not a search|"),
  ]),
  udp("encrypted datagrams", [">", noise(35, 229)], ["<", noise(44, 233)], [">", noise(119, 239)]),
  udp("zeros in a datagram", [">", zeros(64)], ["<", zeros(64)]),
  ...MORE_STRANGERS,
];
