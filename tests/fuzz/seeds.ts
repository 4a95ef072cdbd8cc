/**
 * What the fuzzer begins with where no sample of a protocol is it: DNS, TLS, netlink, captures, and texts.
 * @module
 */
import { GOLDENS, packetsOf } from "../golden/make.ts";
import { GOOD } from "../policy/good_configs.ts";
import { hex, join, latin } from "../support/conversation.ts";
import { dnsAnswer, dnsQuestion, overTcp } from "../support/dns_message.ts";
import { records } from "../support/tls_records.ts";
import { hello } from "../../lib/protocol/bittorrent/samples.ts";
import { PcapWriter } from "../../lib/replay/pcap.ts";

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

const A = (value: string) => ({ type: "A", value, ttl: 60 }) as const;

/** A compressed answer as servers send it, with an HTTPS record and OPT: RFC 1035, RFC 9460, RFC 6891. */
const COMPRESSED = join(
  hex("1234 8180 0001 0003 0000 0001 03"),
  latin("www\x05winmx\x03com\0"),
  hex("0001 0001 c00c 0005 0001 0000003c 0006 03"),
  latin("cdn"),
  hex("c010 c02b 0001 0001 0000003c 0004 c6336405"),
  hex("c00c 0041 0001 0000003c 001b 0001 00 0001 0003 02"),
  latin("h2"),
  hex("0004 0008 01020304 05060708 0006 0000"),
  hex("00 0029 04d0 00000000 0000"),
);

/** DNS: questions and answers. */
export const ANSWER_SEEDS: readonly Uint8Array[] = [
  dnsQuestion(1, "www.winmx.com"),
  dnsAnswer(2, "www.winmx.com", [A("198.51.100.9"), A("198.51.100.10")]),
  dnsAnswer(3, "a.example.org", [
    { type: "CNAME", value: "b.example.net", ttl: 5 },
    { type: "AAAA", value: "2001:db8::5", ttl: 60 },
  ]),
  dnsAnswer(4, "none.example.org", [], 3),
  overTcp(dnsAnswer(5, "www.winmx.com", [A("198.51.100.9")])),
  COMPRESSED,
];

/** ClientHellos: whole, in several records, with application protocols. */
export const HELLO_SEEDS: readonly Uint8Array[] = [
  hello("tracker.example.org"),
  records(hello("tracker.example.org"), 40),
  hex(
    `16 0301 0047 01 000043 0303 ${"07".repeat(32)} 00 0002 1301 01 00 0018` +
      "000a 0004 0002 001d 0010 000c 000a 03616463 046e6d6463 00",
  ),
];

/** Messages of the kernel, written out after its headers: a queued packet, a connection, a neighbour, a chain, an error. */
export const NETLINK_SEEDS: readonly Uint8Array[] = [
  hex(
    "78000000 0003 0000 00000000 00000000 02 00 0102 0b00 0100 80000001 0800 02 00 0800 0500 00000007 0800 0600 00000009" +
      "1000 0900 0006 0000 02aabbccddee 0000 0800 0300 f0000010 0800 0d00 00000054 0800 0e00 00000001 0c00 0a00 4500005400010000",
  ),
  hex(
    "4c000000 0001 0200 01000000 00000000 02 00 0000 1800 0180 1400 0180 0800 0100 0a000005 0800 0200 c6336405" +
      "0c00 0280 0800 0180 0400 0000 0800 0800 00000010 0800 0c00 00000001",
  ),
  hex(
    "2c000000 1c00 0200 01000000 00000000 02 000000 03000000 0200 00 01 0800 0100 0a000006 0a00 0200 0200ff000006 0000",
  ),
  hex("2c000000 050a 0000 00000000 00000000 02 00 0000 0b00 0100 667477616c6c00 00 0c00 0300 666f727761726400"),
  hex("24000000 0200 0000 01000000 00000000 ffffffff 20000000 0203 0500 01000000 00000000"),
];

/** A pcap of some golden packets, and a pcapng: section, interface, packet blocks of each kind. */
function captures(): Uint8Array[] {
  const parts: Uint8Array[] = [];
  const writer = new PcapWriter((bytes) => void parts.push(bytes.slice()), 101);
  for (const { bytes, milliseconds } of packetsOf(GOLDENS[0]!).slice(0, 4)) {
    writer.write(bytes, 0, bytes.length, milliseconds);
  }
  const little = hex("d4c3b2a1 0200 0400 00000000 00000000 00000400 01000000 01000000 00000000 1c000000 1c000000");
  const frame = join(hex("020000000001 020000000002 8100 0001 0800 4500000e"), new Uint8Array(10));
  const section = hex("0a0d0d0a 1c000000 4d3c2b1a 0100 0000 ffffffffffffffff 1c000000");
  const described = hex("01000000 20000000 0100 0000 00000400 0900 0100 06000000 0000 0000 20000000");
  const enhanced = join(hex("06000000 24000000 00000000 00000000 01000000 04000000 04000000 45000004 24000000"));
  const simple = hex("03000000 14000000 04000000 45000004 14000000");
  return [join(...parts), join(little, frame), join(section, described, enhanced, simple)];
}

/** UPnP: WANIPConnection, AddPortMapping. */
const MAPPING = `POST /ctl/IPConn HTTP/1.1\r\nHost: 10.0.0.1:5000\r\nContent-Length: 420\r\n` +
  `SOAPAction: "urn:schemas-upnp-org:service:WANIPConnection:1#AddPortMapping"\r\n\r\n` +
  `<s:Envelope><s:Body><u:AddPortMapping><NewRemoteHost></NewRemoteHost><NewExternalPort>6881</NewExternalPort>` +
  `<NewProtocol>TCP</NewProtocol><NewInternalPort>6881</NewInternalPort><NewInternalClient>10.0.0.5</NewInternalClient>` +
  `<NewEnabled>1</NewEnabled><NewPortMappingDescription>a program</NewPortMappingDescription>` +
  `<NewLeaseDuration>0</NewLeaseDuration></u:AddPortMapping></s:Body></s:Envelope>`;

const RECORD =
  `["d",1767614400000,5,3,0,1,"fd00::5","2001:db8::7",6881,"udp","bittorrent","dht-query","strong","drop","x"]`;

const LEASES = [
  "1700003600 02:00:00:00:00:05 192.168.1.5 anna-laptop 01:02:00:00:00:00:05\n" +
  "duid 00:01:00:01:2c:f2:00:11\n1700003600 16777221 fd00::5 anna-laptop 00:01:00:01\n",
  "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context,pool_id\n" +
  "192.168.1.5,02:00:00:00:00:05,,3600,1700003600,1,0,0,anna-laptop,0,,0\n",
  'lease 192.168.1.5 {\n  binding state active;\n  hardware ethernet 02:00:00:00:00:05;\n  client-hostname "anna";\n}\n',
  "192.168.1.6 printer printer.lan\n02:00:00:00:00:06 printer\n",
];

const STATE = `ftwall state 1
lock 10.0.0.5 fasttrack udp-ping since=2026-05-04T10:00:00.000Z until=2026-05-04T12:00:00.000Z length=7200 renewals=2 port=1214 by=detector reason=a%20b
peer 198.51.100.5 1214 fasttrack until=2026-05-05T10:00:00.000Z
trained 198.51.100.6 winmx until=2026-05-05T10:00:00.000Z *.winmx.com
everyday 198.51.100.7 until=2026-05-05T10:00:00.000Z names=2 name=17 port=443
endpoint 198.51.100.8 6881 bittorrent until=2026-05-05T10:00:00.000Z witness=9
allow 10.0.0.9 until=2026-05-05T10:00:00.000Z
198.51.100.9:1214
`;

/** The rest, by what reads it. */
export const TEXT_SEEDS = {
  addresses: ["192.0.2.1:80", "[2001:db8::1]:443", "fd00::5/64", "10.0.0.0/8", "02:00:00:00:00:05", "host.example.org."]
    .map(text),
  proxy: [
    "\xffCONNECT example.org:443 HTTP/1.1\r\nHost: x\r\n\r\n",
    "\x80CONNECT a:1 HTTP/1.0\r\n\r\nHTTP/1.0 407 No\r\n\r\n",
  ]
    .map(latin).concat(
      hex("80 04 01 0050 00000001 00 6100 00 5a 0050 c0000201"),
      hex("80 05 01 00 05 01 00 01 c0000201 0050 05 00"),
    ),
  mappings: [MAPPING, MAPPING.replace("AddPort", "DeletePort"), MAPPING.replace("HTTP/1.1", "HTTP/1.0")].map(latin)
    .concat(
      hex("00 01 0000 1ae1 1ae1 00000e10"),
      hex(
        `02 01 0000 00000e10 ${"00".repeat(10)} ffff 0a000005 ${"07".repeat(12)} 06 000000 1ae1 1ae1 ${
          "00".repeat(16)
        }`,
      ),
    ),
  packets: GOLDENS.flatMap((golden) => packetsOf(golden).map(({ bytes }) => bytes)).filter((_, at) => at % 40 === 0)
    .concat(
      hex(`60000000 0028 00 40 ${"fd".repeat(16)} ${"20".repeat(16)} 2c 00 0502 0000 0000`),
      hex(
        `60000000 0018 2c 40 ${"fd".repeat(16)} ${
          "20".repeat(16)
        } 11 00 0001 00000001 04d2 0035 0010 0000 6161616161616161`,
      ),
      hex(`45000030 00000000 40330000 0a000001 c6336405 06 04 0000 00000001 00000002 00000000 00000000`),
    ),
  captures: captures(),
  configs: GOOD.map(text),
  states: [STATE, ...STATE.trim().split("\n")].map(text),
  leases: LEASES.map(text),
  requests: [
    { command: "ping" },
    {
      command: "lock",
      client: "10.0.0.5",
      seconds: 600,
      reason: "asked for",
      force: true,
      user: "anna",
      from: "10.0.0.2",
    },
    { command: "unlock", client: null, reason: "" },
    { command: "allow", client: "10.0.0.5", seconds: null, reason: "x" },
    { command: "explain", client: "fd00::5" },
    { command: "status" },
  ].map((request) => text(JSON.stringify(request))),
  records: [
    RECORD,
    `["n",1767614400000,"10.0.0.5","02:00:00:00:00:05","anna-laptop","staff"]`,
    `["e",1767614400000,0,{"event":"reloaded","hash":"ab","changes":["lock.seconds"]}]`,
    `["c",1767614400000,10,9,1,0,[0,7,0,3],21,6.5]`,
  ].map(text),
  proc: [
    "    0   4711     0 2  2048     0     0      17  1\n  258 -12345     3 2 65531     0     0 4294967295  1\n",
    "sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode\n" +
    "0000000000000000 12  4711       00000000 0        0        0     2        0        12345\n",
  ].map(text),
} as const;
