/**
 * More protocols that are not file sharing: databases, industry, tunnels, games, messengers. Made from their specifications
 * and from what dissectors say of their first bytes.
 * @module
 */
import { hex, join, latin, type Turn } from "../support/conversation.ts";
import { noise } from "../support/noise.ts";
import type { Sample } from "./sample.ts";

const tcp = (name: string, ...turns: Turn[]): Sample => ({ name, tcp: true, turns });
const udp = (name: string, ...turns: Turn[]): Sample => ({ name, tcp: false, turns });
const zeros = (length: number) => new Uint8Array(length);
/** Out and back: hex digits, or bytes. */
const o = (...parts: (string | Uint8Array)[]): Turn => [">", bytes(parts)];
const b = (...parts: (string | Uint8Array)[]): Turn => ["<", bytes(parts)];
function bytes(parts: readonly (string | Uint8Array)[]): Uint8Array {
  return join(...parts.map((part) => typeof part === "string" ? hex(part) : part));
}

const REDIS = latin("HGET users name\r\nHGET users mail\r\nHSET users AAAB IDx\r\nBGET AAAB\r\n");

const DATABASES: readonly Sample[] = [
  tcp("Redis by hand", o(REDIS), b(latin("$3\r\none\r\n$3\r\ntwo\r\n"))),
  tcp(
    "MongoDB",
    o("3f000000 01000000 00000000 d4070000 00000000", latin("admin.$cmd\0"), zeros(28)),
    b("dd000000 07000000 01000000 01000000", zeros(205)),
  ),
  tcp(
    "SQL Server (TDS pre-login)",
    o("1201002f 00000100 00001a00 06010020 0001 0200210001 0300220004 04002600 01ff", zeros(10)),
    b("0401002b 00000100", zeros(35)),
  ),
  tcp(
    "Oracle (TNS connect)",
    o(
      "00c30000 01000000 013a012c 00001fff 7f086000 00010089 003a0000 07f88081",
      latin("(DESCRIPTION=(ADDRESS=(PROTOCOL=TCP)))"),
    ),
    b("0008 0000 0b000000"),
  ),
  tcp("LDAP bind", o("300c 020101 6007 020103 0400 8000"), b("300c 020101 6107 0a0100 0400 0400")),
  tcp(
    "Kerberos over TCP",
    o("000000b9 6a81b6 3081b3 a103020105 a20302010a", noise(160, 3)),
    b("000000c1 7e81be", noise(190, 5)),
  ),
  tcp("Cassandra", o("04 00 0000 05 00000000"), b("84 00 0000 06 00000030", noise(48, 7))),
  tcp(
    "Kafka",
    o("00000024 0012 0003 00000001 0009", latin("consumer1"), zeros(13)),
    b("00000100 00000001 0000", zeros(250)),
  ),
  tcp(
    "ZooKeeper",
    o("0000002d 00000000 0000000000000000 00007530 0000000000000000 00000010", zeros(17)),
    b("00000025 00000000 00007530", noise(29, 9)),
  ),
  tcp("memcached", o(latin("get alpha\r\n")), b(latin("VALUE alpha 0 3\r\none\r\nEND\r\n"))),
  tcp(
    "memcached, binary",
    o("80 00 0005 00 00 0000 00000005 00000000 0000000000000000", latin("alpha")),
    b("81 00 0000 04 00 0000 00000007 00000000 0000000000000001 00000000", latin("one")),
  ),
  tcp(
    "NATS",
    b(latin('INFO {"server_id":"N1","version":"2.10"} \r\n')),
    o(latin('CONNECT {"verbose":false}\r\nPING\r\n')),
  ),
  tcp(
    "Elasticsearch transport",
    o("45530000 0011 0000000000000001 08 00764b59", zeros(8)),
    b("45530000 0011", zeros(20)),
  ),
  tcp(
    "etcd and gRPC without TLS",
    o(latin("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "000006 04 00 00000000 0005 00004000"),
    b("000006 04 00 00000000 0003 00000064"),
  ),
];

const PLANT: readonly Sample[] = [
  udp("BACnet who-is", o("810b000c 0120ffff 00ff 1008"), b("810b0018 0120ffff 00ff 1000 c402000001 22 01e0 9100 2105")),
  tcp(
    "S7 over TPKT",
    o("0300001611e00000000100c0010ac1020100c2020102"),
    b("0300001611d00001000100c0010ac1020100c2020102"),
    o("0300001902f080 32010000 0000000800 00f00000 01000101e0"),
  ),
  tcp("DNP3", o("0564 05 c9 0100 0000 364c"), b("0564 0a 44 0000 0100 4bc9")),
  udp("DNP3 over UDP", o("0564 05 c9 0100 0000 364c")),
  tcp(
    "EtherNet/IP register session",
    o("6500 0400 00000000 00000000 0000000000000000 00000000 0100 0000"),
    b("6500 0400 9f1c33aa 00000000 0000000000000000 00000000 0100 0000"),
  ),
  tcp(
    "OPC UA hello",
    o(
      latin("HELF"),
      "38000000 00000000 00000100 00000100 00000000 00000000 18000000",
      latin("opc.tcp://plc.example:48"),
    ),
    b(latin("ACKF"), "1c000000 00000000 00000100 00000100 00000000 00000000"),
  ),
  tcp("IEC 104", o("68 04 07000000"), b("68 04 0b000000"), o("68 0e 0000 0000 64010600 0100 000000 14")),
  tcp("HL7", o("0b", latin("MSH|^~\\&|A|B|C|D|202601010000||ADT^A01|1|P|2.3\r"), "1c0d")),
  tcp(
    "DICOM associate",
    o("01 00 000000cd 0001 0000", latin("ANY-SCP         STORESCU        "), zeros(32), noise(100, 3)),
  ),
  tcp(
    "AMS/ADS",
    o("0000 2c000000 c0a80101 0101 5303 c0a80102 0101 0180 0200 0400 0c000000 00000000 01000000", zeros(12)),
  ),
  udp(
    "CIP I/O",
    o("0200 0280 0800 01000000 05000000 b100 0800", zeros(8)),
    b("0200 0280 0800 02000000 05000000 b100 0800", zeros(8)),
  ),
  udp(
    "OMRON FINS",
    o("800002 00010000 00020000 19 0101 82 0000 00 0001"),
    b("c00002 00020000 00010000 19 0101 0000 0000"),
  ),
];

const TUNNELS: readonly Sample[] = [
  udp(
    "IKE",
    o(noise(8, 3), "0000000000000000 21 20 22 08 00000000 00000148", noise(300, 5)),
    b(noise(8, 3), noise(8, 7), "21 20 22 20 00000000 00000148", noise(300, 9)),
  ),
  udp("ESP in UDP", o(noise(4, 11), "00000001", noise(100, 13)), b(noise(4, 15), "00000001", noise(100, 17)), o("ff")),
  udp(
    "L2TP",
    o("c802 0014 0000 0000 0000 0000 8008 0000 0000 0001"),
    b("c802 0014 0005 0000 0000 0001 8008 0000 0000 0002"),
  ),
  udp("GTP-U echo", o("32 01 0004 00000000 00010000"), b("32 02 0006 00000000 00010000 0e00")),
  udp(
    "GTP-U data of a phone",
    o("30 ff 0054 00000001 4500 0054", noise(80, 3)),
    b("30 ff 0054 00000002 4500 0054", noise(80, 5)),
  ),
  udp("GTP-C", o("32 10 0020 00000000 00010000", noise(28, 7)), b("32 11 0020 00000001 00010000", noise(28, 9))),
  udp("VXLAN", o("08000000 00007b00", noise(60, 3)), b("08000000 00007b00", noise(60, 5))),
  udp("Geneve", o("0000 6558 00007b00", noise(60, 7)), b("0000 6558 00007b00", noise(60, 9))),
  tcp(
    "OpenVPN over TCP",
    o("000e 38", noise(8, 3), "0000000000"),
    b("001a 40", noise(8, 5), "0100000000", noise(8, 3), "00000000"),
  ),
  tcp(
    "SSTP",
    o(latin("SSTP_DUPLEX_POST /sra_{BA195980-CD49-458b-9E23-C84EE0ADCD75}/ HTTP/1.1\r\nHost: v\r\n\r\n")),
    b(latin("HTTP/1.1 200\r\nContent-Length: 18446744073709551615\r\n\r\n")),
  ),
  udp(
    "ZeroTier",
    o(noise(8, 3), "89e92ceee5 3c1f22a0bb 00", noise(120, 5)),
    b(noise(8, 7), "3c1f22a0bb 89e92ceee5 00", noise(120, 9)),
  ),
  udp("Tailscale's disco", o("5453f09f92ac", noise(90, 3)), b("5453f09f92ac", noise(90, 5))),
  udp("HSRP", o("00 00 10 03 0a 78 01 00 636973636f000000 0a000001")),
  udp("GLBP", o("01 00 0000 ffff 0007b40000 01 02 1c00", zeros(30))),
];

const MANAGEMENT: readonly Sample[] = [
  udp("RADIUS", o("01 2a 0038", noise(16, 3), "01 06 626f6221 02 12", noise(16, 5)), b("02 2a 0014", noise(16, 7))),
  tcp(
    "Diameter",
    o("01 000074 80 000101 00000000 00000001 00000002 00000108 40 000014", latin("aaa.example")),
    b("01 000090 00 000101 00000000 00000001 00000002 0000010c 40 00000c 000007d1"),
  ),
  udp(
    "CoAP",
    o("40 01 7d34 bb", latin(".well-known"), "04", latin("core")),
    b("60 45 7d34 c1 28 ff", latin("</temp>")),
  ),
  udp("collectd", o("0000 000f", latin("host.local\0"), "0008 000c 15a1b2c3d4e5f607 0009 000c 0000000280000000")),
  udp("NetFlow 5", o("0005 0001 0001f4a0 6a000000 00000000 00000000 00 00 0000", noise(48, 3))),
  udp("NetFlow 9", o("0009 0001 0001f4a0 6a000000 00000001 00000000 0000 0010 0100 0002 0008 0004 000c 0004")),
  udp("IPFIX", o("000a 0020 6a000000 00000001 00000000 0002 0010 0100 0002 0008 0004 000c 0004")),
  udp("sFlow", o("00000005 00000001 c0000201 00000000 00000001 0001f4a0 00000001 00000001", noise(100, 3))),
  udp("syslog", o(latin("<34>1 2026-01-01T00:00:00Z host su - ID47 - BOM failed\n"))),
  udp("SNMP 3", o("303e 020103 3011 0204 12345678 0203 00ffe3 040104 020103 0410", noise(16, 3), "3014", noise(20, 5))),
  udp("NetBIOS datagram", o("110a 0015 c0a80105 008a 00bb 0000 20", latin("ENFDEFEEEHEFFHEJEODBDACACACACAAA\0"))),
  udp("Kerberos", o("6a81b6 3081b3 a103020105 a20302010a", noise(160, 3)), b("7e81be 3081bb", noise(180, 5))),
  tcp("rsync", b(latin("@RSYNCD: 31.0\n")), o(latin("@RSYNCD: 31.0\nfiles\n"))),
  tcp("git", o(latin("0033git-upload-pack /a.git\0host=git.example.org\0\0version=2\0")), b(latin("000eversion 2\n"))),
  tcp(
    "NFS over ONC RPC",
    o("80000028 1f2e3d4c 00000000 00000002 000186a3 00000003 00000000", zeros(16)),
    b("80000018 1f2e3d4c 00000001", zeros(16)),
  ),
  tcp(
    "iSCSI login",
    o("43 87 0000 00000100 400001370000 0000 00000000", zeros(28), latin("InitiatorName=iqn.example\0")),
  ),
  tcp("NBD", b(latin("NBDMAGICIHAVEOPT"), "0003"), o("00000003", latin("IHAVEOPT"), "00000007 00000006", zeros(6))),
  tcp("VNC", b(latin("RFB 003.008\n")), o(latin("RFB 003.008\n")), b("0101")),
  tcp(
    "X11",
    o("6c00 0b00 0000 1200 1000 0000", latin("MIT-MAGIC-COOKIE-1\0\0"), noise(16, 3)),
    b("01 00 0b00 0000 c005", zeros(60)),
  ),
  tcp(
    "RTSP",
    o(latin("OPTIONS rtsp://cam.example/1 RTSP/1.0\r\nCSeq: 1\r\n\r\n")),
    b(latin("RTSP/1.0 200 OK\r\nCSeq: 1\r\nPublic: DESCRIBE, SETUP\r\n\r\n")),
  ),
  tcp(
    "IPP",
    o(
      latin("POST /ipp/print HTTP/1.1\r\nContent-Type: application/ipp\r\nContent-Length: 100\r\n\r\n"),
      "0200 000b 00000001",
    ),
  ),
  tcp("printer's raw port", o("1b", latin("%-12345X@PJL JOB\r\n@PJL ENTER LANGUAGE=PCL\r\n"))),
  tcp(
    "a JSON miner (stratum)",
    o(latin('{"id":1,"method":"mining.subscribe","params":["m/1"]}\n')),
    b(latin('{"id":1,"result":[[],"08",4]}\n')),
  ),
  tcp(
    "Bitcoin",
    o("f9beb4d9", latin("version\0\0\0\0\0"), "66000000 9f1c33aa 7f110100", noise(98, 3)),
    b("f9beb4d9", latin("version\0\0\0\0\0"), "66000000 9f1c33ab", noise(102, 5)),
  ),
  tcp(
    "Monero (levin)",
    o("0121010101010101 e300000000000000 01 e9030000 00000000 01000000 01000000 01110101", noise(100, 3)),
  ),
  udp(
    "Ethereum discovery",
    o(noise(32, 3), noise(65, 5), "01 dd04 cb84c0000207", noise(20, 7)),
    b(noise(32, 9), noise(65, 11), "02", noise(60, 13)),
  ),
];

const PLAY: readonly Sample[] = [
  tcp("Source RCON answering with nothing", o("0a000000 01000000 02000000 0000"), b("0a000000 01000000 00000000 0000")),
  tcp(
    "Minecraft",
    o("10 00 fb05 09", latin("localhost"), "63dd 01", "01 00"),
    b("2a 00 28", latin('{"version":{"name":"1.20"}}')),
  ),
  tcp(
    "World of Warcraft's login",
    o("00 03 2200", latin("WoW\0"), "010102 5617 363878 006e6957 0053556e 653c0000 00c0a8010503", latin("BOB")),
    b("00 00 00", noise(115, 3)),
  ),
  tcp("Battle.net", o("01"), o("ff50 3a00 00000000", latin("68XIPX2D"), zeros(40)), b("ff50 6100", zeros(90))),
  tcp("a game that counts by one byte", o("05 01 000000"), b("09 02 00000000 00000000"), o("05 03 000000")),
  udp(
    "RakNet open connection",
    o("05 00ffff00fefefefefdfdfdfd12345678 0b", zeros(1400)),
    b("06 00ffff00fefefefefdfdfdfd12345678", noise(8, 3), "00 05d4"),
  ),
  udp(
    "RakNet data",
    o("84 000000 40 0090 000000 09", noise(17, 3)),
    b("c0 0001 01 000000"),
    b("84 000000 60 0300 000000 00", noise(90, 5)),
  ),
  udp("Steam's datagrams", o("21", noise(60, 3)), b("21", noise(70, 5)), o("21", noise(50, 7))),
  udp(
    "Steam's server query with a challenge",
    o("ffffffff 54", latin("Source Engine Query\0"), noise(4, 3)),
    b("ffffffff 41", noise(4, 3)),
  ),
  udp(
    "ENet (League of Legends and others)",
    o("8fff 0000 82ff 0001 0000 05b4 00008000 00000002 00000000 00000000 00001388 00000002 00000002", noise(8, 3)),
    b("80ff 0000 83ff 0001", noise(36, 5)),
  ),
  udp("Unreal", o("0000 0000 0008 00", noise(20, 3)), b("0000 0000 0108 00", noise(24, 5))),
  udp(
    "TeamSpeak 3",
    o(latin("TS3INIT1"), "0065 0000 88 0a1b2c3d 00 6a000000 11223344", zeros(8)),
    b(latin("TS3INIT1"), "0065 88 01", noise(20, 3)),
  ),
  udp("Mumble's ping", o("00000000 0102030405060708"), b("00010500 0102030405060708 0000000c 00000064 00011940")),
  udp("a game with 2-byte commands", o("e401"), b("e402 0001"), o("e403")),
  udp(
    "a game with an opcode and a counter",
    o("01 00 0001 00000010 00000000 00000001 0001 0000"),
    b("01 00 0002 00000011 00000000 00000001 0001 0001"),
  ),
  udp(
    "a game's constant header and counters",
    ...Array.from(
      { length: 8 },
      (
        _,
        i,
      ): Turn => [">", join(hex("0100 1a2b 0000000a 00000000 00000001 0000 0000"), Uint8Array.of(i), noise(20, i))],
    ),
  ),
  udp(
    "a game whose counter runs where uTP has its own",
    ...Array.from(
      { length: 8 },
      (
        _,
        i,
      ): Turn => [
        ">",
        join(hex("2100 1a2b 0000000a 00000000 00000001 00"), Uint8Array.of(i), hex("0000"), noise(20, i)),
      ],
    ),
  ),
  udp(
    "big-endian counters from 1024",
    o("80000000 00000000 00000400 00000001 00000000 00000000 00000000"),
    b("00000401 00000001 00000000 00000000 00000000 00000000 00000000"),
  ),
];

const TALK: readonly Sample[] = [
  tcp("WhatsApp", o("5741 0603 000024", noise(36, 3)), b("0000 50", noise(80, 5)), o("0000 a0", noise(160, 7))),
  tcp("Telegram, abridged", o("ef 0a", zeros(8), noise(32, 3)), b("15", zeros(8), noise(76, 5))),
  tcp("Telegram, intermediate", o("eeeeeeee 28000000", zeros(8), noise(32, 3)), b("54000000", zeros(8), noise(76, 5))),
  udp("Zoom", o("05 10 0100 0a1b2c3d 00000001", noise(80, 3)), b("05 10 0100 0a1b2c3d 00000002", noise(90, 5))),
  udp("Viber", o("1a2b 03 00 0a", noise(20, 3)), b("1a2b 13 00 0a", noise(24, 5))),
  udp("Skype", o("0001 02", noise(20, 3)), b("0001 02", noise(24, 5))),
  udp(
    "Discord's address discovery",
    o("0001 0046 0a1b2c3d", zeros(66)),
    b("0002 0046 0a1b2c3d", latin("192.0.2.1\0"), zeros(54), "c5d2"),
  ),
  tcp(
    "TeamViewer",
    o("1724 0a20 0088 1300 00000180 00000001", noise(19, 3)),
    b("1724 0b20 0089 1300 00000180", noise(19, 5)),
  ),
  tcp("AnyDesk's relay", o("16030100f8 010000f4 0303", noise(243, 3))),
  tcp("Tor with a bridge (obfs4)", o(noise(1500, 3)), b(noise(400, 5))),
  tcp(
    "SIP over TCP",
    o(latin("INVITE sip:a@example.org SIP/2.0\r\nVia: SIP/2.0/TCP pc\r\n\r\n")),
    b(latin("SIP/2.0 100 Trying\r\n\r\n")),
  ),
  udp("IAX2", o("8001 0000 00000000 00 00 06 0d", latin("\x06\x03bob"))),
  udp("MGCP", o(latin("RSIP 1 *@gw.example.org MGCP 1.0\r\nRM: restart\r\n"))),
  tcp("a chat of dollars and pipes", o(latin("$5 for $Hello kitty | $3 for the rest\n")), b(latin("$$$|||\n"))),
  tcp("a shell script that comes by itself", b(latin("$Key | sort | $Quit\n")), o(latin("CGET me\nDSUP er\n"))),
  tcp(
    "a page that asks for data by fid",
    o(latin("GET /data?fid=12&size=3 HTTP/1.1\r\nHost: example.org\r\n\r\n")),
    b(latin("HTTP/1.1 200 OK\r\n\r\nd5:filesle e")),
  ),
  tcp(
    "an announcement page",
    o(latin("GET /announce?id=1 HTTP/1.1\r\nHost: example.org\r\n\r\n")),
    b(latin("HTTP/1.1 200 OK\r\nX-Queue: 1\r\nServer: nginx\r\n\r\nfailure reason")),
  ),
];

/** All of them. */
export const MORE_STRANGERS: readonly Sample[] = [...DATABASES, ...PLANT, ...TUNNELS, ...MANAGEMENT, ...PLAY, ...TALK];
