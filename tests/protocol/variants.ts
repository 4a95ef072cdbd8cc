/**
 * What other captures hold: one side only, sessions picked up in the middle, older versions, short messages. Made from the
 * formats that the classifiers name beside their patterns. The files of the protocols add them to their own samples.
 * @module
 */
import { hex, join, latin, type Turn } from "../support/conversation.ts";
import { noise } from "./strangers.ts";
import type { Sample } from "./table.ts";

type Rest = Partial<Pick<Sample, "midstream" | "whole">>;

function sample(
  tcp: boolean,
  name: string,
  evidence: string,
  certainty: number,
  turns: readonly Turn[],
  rest: Rest = {},
): Sample {
  return { name, tcp, turns, evidence, certainty, ...rest };
}
const MIDSTREAM: Rest = { midstream: true };
const WHOLE: Rest = { whole: true };

const u16 = (value: number) => Uint8Array.of(value & 0xff, value >>> 8);
const u32 = (value: number) => join(u16(value & 0xffff), u16(value >>> 16));

// BitTorrent

function utp(first: string, id: number, clock: number, sequence: number, acknowledged: number, data = 0): Uint8Array {
  const bytes = join(
    hex(`${first}00 0000 00000000 ${first === "41" ? "00000000" : "00000309"} 00100000 0000 0000`),
    noise(data, 7),
  );
  const view = new DataView(bytes.buffer);
  view.setUint16(2, id);
  view.setUint32(4, clock);
  view.setUint16(16, sequence);
  view.setUint16(18, acknowledged);
  return bytes;
}
const CLOCK = 0x10eeb2f0;
const six = [0, 1, 2, 3, 4, 5];
const ODD_ANNOUNCE = join(
  hex("8d1f22a3c0b1d2e4 00000001 5f1e22a1"),
  noise(20, 5),
  latin("M7-9-2--abcdefghijkl"),
  hex("0000000000000000 0000000001000000 0000000000000000 00000002 00000000 12345678 ffffffff 1ae1"),
);
const SCRAPE = join(hex("8d1f22a3c0b1d2e4 00000002 5f1e22a1"), noise(40, 5));
const SCRAPED = hex("00000002 5f1e22a1 00000005 00000010 00000002 00000001 00000020 00000003");
const VUZE_HEAD = "33 00 00000000";
/** A ping of Vuze: connection, action, transaction, version, vendor, network, version, address, port, instance, clock. */
const VUZE_PING = hex(`8ac1d2e3f4051627 00000400 0a0b0c0d ${VUZE_HEAD} 33 04 c0000201 1ae1 12345678 0000015f00000000`);
const VUZE_PONG = hex(`00000401 0a0b0c0d 8ac1d2e3f4051627 ${VUZE_HEAD} 00001234`);
const ok = (body: string, headers = "") =>
  latin(`HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n${headers}\r\n${body}`);

const UPGRADE = latin(
  "GET / HTTP/1.1\r\nHost: tracker.example:8000\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
    "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nUser-Agent: bittorrent-tracker/9\r\n\r\n",
);
const SWITCHED = latin("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
/** A text frame from a client, masked; where it is not the `final` one, others go on with the text. */
function masked(text: string, final = true): Uint8Array {
  const key = hex("9f1c33aa");
  const body = latin(text).map((byte, i) => byte ^ key[i & 3]!);
  const size = body.length < 126
    ? Uint8Array.of(0x80 | body.length)
    : Uint8Array.of(0xfe, body.length >>> 8, body.length & 0xff);
  return join(Uint8Array.of(final ? 0x81 : 0x01), size, key, body);
}
const ANNOUNCE = '{"uploaded":0,"downloaded":0,"left":null,"action":"announce","info_hash":"abcdefghijklmnopqrst",' +
  '"peer_id":"-WW0102-abcdefghijkl","numwant":5,';
const WS_ANNOUNCE = masked(`${ANNOUNCE}"offers":[]}`);

/** BitTorrent. */
export const BITTORRENT_VARIANTS: readonly Sample[] = [
  sample(
    false,
    "uTP data of one side",
    "utp-one-way",
    2,
    six.map((i) => [">", utp("01", 0xefcb, CLOCK + i * 20000, 100 + i, 50, 90)]),
  ),
  sample(
    false,
    "uTP acknowledgements of one side",
    "utp-one-way",
    2,
    six.map((i) => ["<", utp("21", 0xefcb, CLOCK + i * 20000, 100, 250 + i)]),
  ),
  sample(false, "a uTP SYN and the data behind its answer, one side", "utp-one-way", 2, [
    [">", utp("41", 700, CLOCK, 1, 0)],
    [">", utp("01", 701, CLOCK + 9000, 2, 77, 68)],
  ]),
  sample(false, "a uTP SYN alone", "utp-header", 1, [[">", utp("41", 700, CLOCK, 1, 0)]]),
  sample(false, "a uTP reset alone", "utp-header", 1, [["<", utp("31", 700, CLOCK, 1, 9)]]),
  sample(false, "a uTP SYN that is sent again", "utp-one-way", 2, [[">", utp("41", 700, CLOCK, 1, 0)], [
    ">",
    utp("41", 700, CLOCK + 3000000, 1, 0),
  ]]),
  sample(false, "an announcement with a peer id of no known form", "udp-tracker", 3, [[">", ODD_ANNOUNCE]]),
  sample(false, "a scrape without a connect, and its answer", "udp-tracker-response", 3, [[">", SCRAPE], [
    "<",
    SCRAPED,
  ]]),
  sample(false, "a ping of Vuze's DHT", "vuze-dht", 3, [[">", VUZE_PING]]),
  sample(false, "a ping of Vuze's DHT over IPv6", "vuze-dht", 3, [[
    ">",
    hex(
      `8ac1d2e3f4051627 00000404 0a0b0c0d 36 00 00000003 36 10 20010db8000000000000000000000001 1ae1 12345678 0000015f00000000`,
    ),
  ]]),
  sample(false, "an answer of Vuze's DHT alone", "vuze-dht-answer", 2, [["<", VUZE_PONG]]),
  sample(false, "a DHT question without t", "dht-query", 3, [[
    ">",
    latin("d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:y1:qe"),
  ]]),
  sample(false, "a DHT question with its keys in no order", "dht-query", 3, [[
    ">",
    latin("d1:y1:q1:t2:aa1:q4:ping1:ad2:id20:abcdefghij0123456789ee"),
  ]]),
  sample(false, "local discovery cut short", "lsd", 3, [[
    ">",
    latin("BT-SEARCH * HTTP/1.1\r\nHost: 239.192.152.143:6771\r\nPo"),
  ]]),
  sample(false, "local discovery with bare line feeds", "lsd", 3, [[
    ">",
    latin(
      "BT-SEARCH * HTTP/1.1\nHost: 239.192.152.143:6771\nPort: 6881\nInfohash: c57b7038207b7cd35e6ac9da481cf5b32ffa7fdc\n\n",
    ),
  ]]),
  sample(false, "a DHT question through a SOCKS 5 relay", "dht-query", 3, [[
    ">",
    join(hex("0000 00 01 c0000207 1ae1"), latin("d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe")),
  ]]),
  sample(false, "a uTP connection through a SOCKS 5 relay, by IPv6 and by name", "utp", 3, [
    [">", join(hex("0000 00 04 20010db8000000000000000000000001 1ae1"), utp("41", 700, CLOCK, 1, 0))],
    ["<", join(hex("0000 00 03 09"), latin("a.example"), hex("1ae1"), utp("21", 700, CLOCK, 9, 1))],
  ]),
  sample(false, "a UDP tracker through a SOCKS 5 relay", "udp-tracker", 3, [[
    ">",
    hex("0000 00 01 c0000207 1ae1 0000041727101980 00000000 5f1e22a0"),
  ]]),
  sample(true, "a tracker's refusal", "http-tracker-word", 3, [["<", ok("d14:failure reason17:Torrent not founde")]]),
  sample(true, "a scrape's answer", "http-tracker-word", 3, [[
    "<",
    ok("d5:filesd20:abcdefghijklmnopqrstd8:completei5e10:downloadedi50e10:incompletei10eeee"),
  ]]),
  sample(true, "a tracker's answer in chunks", "http-tracker-response", 3, [[
    "<",
    ok("21\r\nd8:intervali1800e5:peers6:abcdefe\r\n0\r\n\r\n", "Transfer-Encoding: chunked\r\n"),
  ]], WHOLE),
  sample(true, "BitComet's long-term seed", "long-term-seed", 2, [[
    ">",
    latin(
      "GET /data?fid=0123456789abcdef0123456789abcdef01234567&size=12345 HTTP/1.1\r\nUser-Agent: Mozilla/4.0\r\n\r\n",
    ),
  ]]),
  sample(true, "WebTorrent's announcement over a WebSocket in clear", "websocket-tracker", 3, [
    [">", UPGRADE],
    ["<", SWITCHED],
    [">", WS_ANNOUNCE],
  ], WHOLE),
  sample(true, "WebTorrent's announcement in several frames", "websocket-tracker", 3, [
    [">", UPGRADE],
    ["<", SWITCHED],
    [">", masked(`${ANNOUNCE}"offers":[{"offer":{"type":"offer","sdp":"v=0`, false)],
  ], WHOLE),
  sample(true, "an announcement behind a second question mark", "http-tracker", 3, [[
    ">",
    latin(
      "GET /announce.php?passkey=0123456789abcdef?info_hash=%01%02%03%04%05%06%07%08%09%0a%0b%0c%0d%0e%0f%10%11%12%13%14" +
        "&peer_id=-UT2210-abcdefghijkl&port=6881 HTTP/1.1\r\nHost: tracker.example\r\n\r\n",
    ),
  ]]),
];
/** Near misses. */
export const NOT_BITTORRENT_VARIANTS: readonly Sample[] = [
  {
    name: "uTP headers with an id for each",
    tcp: false,
    turns: six.map((i) => [">", utp("01", 700 + i * 9, CLOCK + i, 1 + i, 0, 9)]),
  },
  {
    name: "uTP headers whose numbers stand still",
    tcp: false,
    turns: six.map((i) => [">", utp("01", 7, CLOCK + i, 1, 0, 9)]),
  },
  {
    name: "uTP headers whose numbers leap",
    tcp: false,
    turns: six.map((i) => [">", utp("01", 7, CLOCK + i, i * 700, 0, 9)]),
  },
  {
    name: "a uTP SYN that is sent again with another number",
    tcp: false,
    weak: true,
    turns: [[">", utp("41", 700, CLOCK, 1, 0)], [">", utp("41", 700, CLOCK + 3000000, 2, 0)]],
  },
  {
    name: "a uTP SYN that is doubled on its way",
    tcp: false,
    weak: true,
    turns: [[">", utp("41", 700, CLOCK, 1, 0)], [">", utp("41", 700, CLOCK, 1, 0)]],
  },
  {
    name: "a relayed datagram of something else",
    tcp: false,
    turns: [[">", join(hex("0000 00 01 c0000207 0035"), noise(40, 3))]],
  },
  {
    name: "a fragment of a relayed DHT question",
    tcp: false,
    turns: [[
      ">",
      join(hex("0000 01 01 c0000207 1ae1"), latin("d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe")),
    ]],
  },
  { name: "uTP data alone", tcp: false, turns: [[">", utp("01", 700, CLOCK, 1, 0, 9)]] },
  { name: "a scrape answered with another count", tcp: false, turns: [[">", SCRAPE], ["<", SCRAPED.slice(0, 20)]] },
  { name: "a scrape alone, twice", tcp: false, turns: [[">", SCRAPE], [">", SCRAPE]] },
  { name: "an announcement of zeros", tcp: false, turns: [[">", join(ODD_ANNOUNCE.slice(0, 16), new Uint8Array(82))]] },
  {
    name: "Vuze's ping of a version before vendors",
    tcp: false,
    turns: [[">", join(VUZE_PING.slice(0, 16), hex("09"), VUZE_PING.slice(17))]],
  },
  {
    name: "Vuze's ping with an answer's action",
    tcp: false,
    turns: [[">", join(VUZE_PING.slice(0, 11), hex("01"), VUZE_PING.slice(12))]],
  },
  {
    name: "Vuze's answer without a connection id",
    tcp: false,
    turns: [["<", join(VUZE_PONG.slice(0, 8), hex("0a"), VUZE_PONG.slice(9))]],
  },
  { name: "another search over HTTP's first line", tcp: false, turns: [[">", latin("BT-SEARCH HTTP/1.1\r\n\r\n")]] },
  { name: "bencode over HTTP with files of another kind", tcp: true, turns: [["<", ok("d5:filesd1:ai1eee")]] },
  { name: "data by another id", tcp: true, turns: [[">", latin("GET /data?fid=0123&size=12345 HTTP/1.1\r\n\r\n")]] },
  {
    name: "a chat over a WebSocket",
    tcp: true,
    turns: [[">", UPGRADE], ["<", SWITCHED], [">", masked('{"action":"announce","room":"info_hash"}')]],
  },
  {
    name: "binary frames of a WebSocket",
    tcp: true,
    turns: [[">", UPGRADE], ["<", SWITCHED], [">", hex("8284 9f1c33aa 00000000")]],
  },
];

// eDonkey

function frame(opcode: number, body: Uint8Array, protocol = 0xe3): Uint8Array {
  return join(Uint8Array.of(protocol), u32(body.length + 1), Uint8Array.of(opcode), body);
}
const NODE = hex("cb007107 3612 3512 00");
const TEXT = latin("server version 17.15 (lugdunum)\n");

/** eDonkey and Kad. */
export const EDONKEY_VARIANTS: readonly Sample[] = [
  sample(true, "a server's greeting alone", "tcp-server-message", 2, [[
    "<",
    frame(0x38, join(u16(TEXT.length), TEXT)),
  ]]),
  sample(true, "a server's frames, the client's not seen", "tcp-frames-one-side", 2, [[
    "<",
    join(frame(0x40, hex("01020304 3b000000")), frame(0x34, hex("10000000 20000000"))),
  ]]),
  sample(true, "a packed frame behind an identifier, one side", "tcp-frames-one-side", 2, [[
    "<",
    join(frame(0x40, hex("01020304")), frame(0x33, join(hex("789c"), noise(100, 3)), 0xd4)),
  ]]),
  sample(false, "a Kad ping and its answer", "kad-check", 3, [[">", hex("e460")], ["<", hex("e4614812")]]),
  sample(false, "a firewall check and its answer", "kad-check", 3, [[">", hex("e4503612")], [
    "<",
    hex("e458cb007107"),
  ]]),
  sample(false, "the newer firewall check", "kad-check", 3, [[">", join(hex("e4533612"), noise(16, 3), hex("03"))], [
    "<",
    hex("e458cb007107"),
  ]]),
  sample(false, "hellos of Kad 1", "kad-conversation", 3, [[">", join(hex("e410"), noise(16, 3), NODE)], [
    "<",
    join(hex("e418"), noise(16, 5), NODE),
  ]]),
  sample(false, "a bootstrap of Kad 1", "kad-conversation", 3, [[">", join(hex("e400"), noise(16, 3), NODE)], [
    "<",
    join(hex("e408 0200"), noise(16, 5), NODE, noise(16, 7), NODE),
  ]]),
  sample(false, "a re-ask of a file that is not there", "udp-reask", 2, [[">", join(hex("c590"), noise(16, 3))], [
    "<",
    hex("c592"),
  ]]),
  sample(false, "a re-ask of a full queue", "udp-reask", 2, [["<", join(hex("c590"), noise(16, 3), hex("0000 0100"))], [
    ">",
    hex("c593"),
  ]]),
  sample(false, "a server's description in the old form", "udp-description", 2, [[">", hex("e3a2")], [
    "<",
    join(hex("e3a3 0500"), latin("hello"), hex("0300"), latin("abc")),
  ]]),
  sample(false, "sources for the second of two hashes", "udp-sources", 2, [[
    ">",
    join(hex("e39a"), noise(16, 3), noise(16, 5)),
  ], [
    "<",
    join(hex("e39b"), noise(16, 5), hex("01 cb007107 3612")),
  ]]),
  sample(false, "an Overnet node makes itself known", "kad-conversation", 3, [[
    ">",
    join(hex("e30c"), noise(16, 3), hex("cb007107 3612 00")),
  ], ["<", hex("e30d")]]),
  sample(false, "an Overnet search", "kad-conversation", 3, [[">", join(hex("e30e 02"), noise(16, 3))], [
    "<",
    join(hex("e30f"), noise(16, 3), hex("02"), noise(46, 5)),
  ]]),
  sample(false, "an Overnet node joins", "kad-conversation", 3, [[
    ">",
    join(hex("e30a"), noise(16, 3), hex("cb007107 3612 00")),
  ], ["<", join(hex("e30b 0300"), noise(69, 5))]]),
  sample(true, "a compressed part, picked up in the middle", "tcp-part", 3, [[
    "<",
    frame(0x40, join(noise(16, 3), u32(0x2a00), u32(50_000), hex("78da"), noise(1000, 5)), 0xc5).slice(0, 600),
  ]], MIDSTREAM),
];
/** Near misses. */
export const NOT_EDONKEY_VARIANTS: readonly Sample[] = [
  { name: "one frame, one side", tcp: true, turns: [["<", frame(0x40, hex("01020304"))]] },
  {
    name: "two frames and a rest",
    tcp: true,
    turns: [["<", join(frame(0x40, hex("01020304")), frame(0x40, hex("01020304")), hex("e3"))]],
  },
  { name: "a message whose text is longer", tcp: true, turns: [["<", frame(0x38, join(u16(TEXT.length + 1), TEXT))]] },
  { name: "a Kad ping answered with more", tcp: false, turns: [[">", hex("e460")], ["<", hex("e46148120000")]] },
  { name: "a Kad ping answered by itself", tcp: false, turns: [[">", hex("e460")], [">", hex("e4614812")]] },
  {
    name: "a firewall check answered with an odd length",
    tcp: false,
    turns: [[">", hex("e4503612")], ["<", hex("e458cb0071")]],
  },
  {
    name: "Kad 1 without a port",
    tcp: false,
    turns: [[">", join(hex("e410"), noise(16, 3), hex("cb007107 0000 0000 00"))], [
      "<",
      join(hex("e418"), noise(16, 5), NODE),
    ]],
  },
  {
    name: "a re-ask answered with three bytes",
    tcp: false,
    turns: [[">", join(hex("c590"), noise(16, 3))], ["<", hex("c59200")]],
  },
  {
    name: "an Overnet search answered with another count",
    tcp: false,
    turns: [[">", join(hex("e30e 02"), noise(16, 3))], ["<", join(hex("e30f"), noise(16, 3), hex("03"), noise(46, 5))]],
  },
  { name: "an Overnet search alone", tcp: false, turns: [[">", join(hex("e30e 02"), noise(16, 3))]] },
  {
    name: "a compressed part larger than its block",
    tcp: true,
    midstream: true,
    turns: [["<", frame(0x40, join(noise(16, 3), u32(0x2a00), u32(500), hex("78da"), noise(1000, 5)), 0xc5)]],
  },
  {
    name: "a compressed part without zlib's head",
    tcp: true,
    midstream: true,
    turns: [["<", frame(0x40, join(noise(16, 3), u32(0x2a00), u32(50_000), hex("78db"), noise(1000, 5)), 0xc5)]],
  },
];

// Gnutella

/** Gnutella. */
export const GNUTELLA_VARIANTS: readonly Sample[] = [
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
];
/** Near misses. */
export const NOT_GNUTELLA_VARIANTS: readonly Sample[] = [
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

// Direct Connect

const HASH = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567ABCDEFG";
const dc = (name: string, evidence: string, certainty: number, text: string, rest: Rest = MIDSTREAM) =>
  sample(true, name, evidence, certainty, [[">", latin(text)]], rest);

/** Direct Connect. */
export const DIRECTCONNECT_VARIANTS: readonly Sample[] = [
  dc(
    "a client's answer to a hub that is not seen",
    "nmdc-commands",
    2,
    "$Supports NoGetINFO UserIP2|$Key abc|$ValidateNick joe|",
    WHOLE,
  ),
  dc("a hub's news, picked up", "nmdc-commands", 2, "$Quit joe|$Quit jim|"),
  dc("a hub's name, picked up", "nmdc-commands", 2, "$HubName My Hub|$Hello joe|"),
  dc("a search by nick, picked up", "nmdc-command", 3, "$Search Hub:joe F?T?0?1?linux|"),
  dc("a draw, picked up", "nmdc-command", 3, "$Direction Download 12345|"),
  dc("an old request, picked up", "nmdc-command", 3, "$Get share\\file.zip$1|"),
  dc("a hub's ADC, picked up", "adc-command", 2, "IINF CT32 VEuHub NIhub\nBINF AAAB IDABC NIx\n"),
  dc("an ADC invitation, picked up", "adc-command", 2, "DCTM AAAB AAAC ADC/1.0 41000 12345\n"),
  dc("an ADC request by hash, picked up", "adc-command", 2, `CGET file TTH/${HASH} 0 -1\n`),
  dc("an ADC request for the list, picked up", "adc-command", 2, "CGET file files.xml.bz2 0 -1\n"),
  dc("an ADC client's words, picked up", "adc-command", 2, `CINF ID${HASH} TO1234\n`),
  dc("an ADC invitation at a stream's start", "adc-command", 2, "DCTM AAAB AAAC ADC/1.0 41000 12345\n", WHOLE),
];
/** Near misses. */
export const NOT_DIRECTCONNECT_VARIANTS: readonly Sample[] = [
  { name: "one command alone", tcp: true, midstream: true, turns: [[">", latin("$Quit joe|")]] },
  {
    name: "a shell's variables in a pipe",
    tcp: true,
    midstream: true,
    turns: [[">", latin("$Get the file | $Send it|")]],
  },
  { name: "a draw without a number", tcp: true, midstream: true, turns: [[">", latin("$Direction Download now|")]] },
  {
    name: "ADC's words in a sentence",
    tcp: true,
    midstream: true,
    turns: [[">", latin("CGET file of your choice\n")]],
  },
  {
    name: "one ADC command without identifiers",
    tcp: true,
    midstream: true,
    turns: [[">", latin("DMSG to you all\n")]],
  },
];

// Soulseek

const text = (words: string) => join(u32(words.length), latin(words));
const message = (...parts: Uint8Array[]) => {
  const body = join(...parts);
  return join(u32(body.length), body);
};
const DIGEST = text("d51c9a7e9353746a6020f9602d452929");
const CONNECT = message(u32(18), text("someone"), text("P"), hex("04030201"), u32(2234), u32(77), hex("00"));
const SEARCH = message(hex("03"), u32(0x31), text("bob"), u32(9), text("linux"));

/** Soulseek. */
export const SOULSEEK_VARIANTS: readonly Sample[] = [
  sample(true, "the server's answer to a login", "server-answer", 3, [[
    "<",
    message(u32(1), hex("01"), text("welcome"), hex("04030201"), DIGEST, hex("00")),
  ]]),
  sample(true, "the server's refusal", "server-answer", 3, [["<", message(u32(1), hex("00"), text("INVALIDPASS"))]]),
  sample(true, "a request to connect to a peer, picked up", "server-message", 3, [["<", CONNECT]], MIDSTREAM),
  sample(true, "a distributed search, picked up", "server-message", 3, [["<", SEARCH]], MIDSTREAM),
  sample(
    true,
    "an embedded search of the server's, picked up",
    "server-message",
    3,
    [["<", message(u32(93), SEARCH.slice(4))]],
    MIDSTREAM,
  ),
  sample(
    true,
    "an embedded search, picked up",
    "server-message",
    3,
    [["<", message(hex("5d"), SEARCH.slice(4))]],
    MIDSTREAM,
  ),
  sample(true, "a request to connect to a peer, one side from the start", "server-message", 3, [["<", CONNECT]], WHOLE),
];
/** Near misses. */
export const NOT_SOULSEEK_VARIANTS: readonly Sample[] = [
  {
    name: "an answer with another digest",
    tcp: true,
    turns: [[
      "<",
      message(u32(1), hex("01"), text("welcome"), hex("04030201"), text("D51C9A7E9353746A6020F9602D452929")),
    ]],
  },
  { name: "a refusal in other words", tcp: true, turns: [["<", message(u32(1), hex("00"), text("NO SUCH THING"))]] },
  {
    name: "a peer of another type",
    tcp: true,
    midstream: true,
    turns: [["<", message(u32(18), text("someone"), text("X"), hex("04030201"), u32(2234), u32(77), hex("00"))]],
  },
  {
    name: "a search with another mark",
    tcp: true,
    midstream: true,
    turns: [["<", message(hex("03"), u32(0x32), text("bob"), u32(9), text("linux"))]],
  },
];
