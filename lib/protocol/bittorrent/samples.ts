/**
 * BitTorrent as its specifications (the BEPs) lay it out, with bytes of real captures where these taught something, and
 * what comes near it.
 * @module
 */
import { hex, join, latin, type Turn } from "../../../tests/support/conversation.ts";
import { noise } from "../../../tests/support/noise.ts";
import { sample, WHOLE } from "../../../tests/support/flow.ts";
import type { Sample, Samples } from "../../../tests/protocol/sample.ts";

/** Info-hash of all samples. */
export const HASH = hex("e0ff1a0b2c3d4e5f60718293a4b5c6d7e8f90a1b");
const NODE = latin("abcdefghij0123456789");
const PEER_ID = latin("-TR4060-abcdefghijkl");
/** A handshake with the reserved bits of a capture. */
export const HANDSHAKE = join(latin("\x13BitTorrent protocol"), hex("0000000000180005"), HASH, PEER_ID);

function certain(name: string, evidence: string, tcp: boolean, ...turns: Turn[]): Sample {
  return { name, tcp, turns, evidence, certainty: 3 };
}

function midstream(name: string, evidence: string, ...turns: Turn[]): Sample {
  return { name, tcp: true, turns, evidence, certainty: 3, midstream: true };
}

/** A bencoded string. */
export function text(content: string | Uint8Array): Uint8Array {
  const bytes = typeof content === "string" ? latin(content) : content;
  return join(latin(`${bytes.length}:`), bytes);
}

/** A uTP header (BEP 29): type, connection id, sequence and acknowledged number, then what follows. */
export function utp(
  type: number,
  id: number,
  sequence: number,
  acknowledged: number,
  ...rest: Uint8Array[]
): Uint8Array {
  const header = new Uint8Array(20);
  const view = new DataView(header.buffer);
  header[0] = (type << 4) | 1;
  view.setUint16(2, id);
  view.setUint32(4, 0x10eeb2f0 + sequence * 1000);
  view.setUint32(8, type === 4 ? 0 : 0x0003d090);
  view.setUint32(12, type === 4 ? 0 : 0x00100000);
  view.setUint16(16, sequence);
  view.setUint16(18, acknowledged);
  return join(header, ...rest);
}

/** A request for a block of 16 KiB. */
export function request(index: number, block: number): Uint8Array {
  const message = hex("0000000d 06 00000000 00000000 00004000");
  const view = new DataView(message.buffer);
  view.setUint32(5, index);
  view.setUint32(9, block * 0x4000);
  return message;
}

const PIECE = join(hex("00004009 07 00000012 00004000"), noise(1400, 9));
const PERCENT = "%e0%ff%1a%0b%2c%3dN_%60q%82%93%a4%b5%c6%d7%e8%f9%0a%1b";
const AGENT = "Host: tracker.example.org\r\nUser-Agent: Transmission/4.0.6\r\nAccept: */*\r\n\r\n";
const ANNOUNCE =
  `GET /announce?info_hash=${PERCENT}&peer_id=-TR4060-abcdefghijkl&port=51413&uploaded=0&left=9&compact=1` +
  ` HTTP/1.1\r\n${AGENT}`;
const TRACKER_BODY = join(
  latin("d8:completei3e10:incompletei1e8:intervali1800e5:peers12:"),
  hex("cb007109 1ae1 c6336407 c8d5"),
  latin("e"),
);

/** A tracker's connect request, and its answer. */
export const CONNECT = hex("0000041727101980 00000000 5f1e22a0");
const CONNECTED = hex("00000000 5f1e22a0 1122334455667788");
/** An announcement over UDP. */
export const UDP_ANNOUNCE = join(
  hex("1122334455667788 00000001 5f1e22a1"),
  HASH,
  PEER_ID,
  hex("0000000000000000 0000000000004000 0000000000000000 00000002 00000000 1a2b3c4d ffffffff c8d5"),
);
/** A tracker's answer with two peers. */
export const UDP_ANNOUNCED = hex("00000001 5f1e22a1 00000708 00000001 00000002 cb007109 1ae1 c6336407 c8d5");

const DHT_PING = join(latin("d1:ad2:id20:"), NODE, latin("e1:q4:ping1:t2:aa1:v4:LT021:y1:qe"));
/** A DHT question for a torrent's peers. */
export const GET_PEERS = join(
  latin("d1:ad2:id20:"),
  NODE,
  latin("9:info_hash20:"),
  HASH,
  latin("e1:q9:get_peers1:t2:aa1:y1:qe"),
);
const NODES = join(text(join(NODE, hex("cb007109 1ae1"), NODE, hex("c6336407 c8d5"))));
/** An answer with peers and nodes, beginning with `ip` (BEP 42). */
export const PEERS = join(
  latin("d2:ip6:"),
  hex("cb007105 1ae1"),
  latin("1:rd2:id20:"),
  NODE,
  latin("5:nodes"),
  NODES,
  latin("5:token4:abcd6:valuesl6:"),
  hex("c0000209 1ae1"),
  latin("18:"),
  hex("20010db8000000000000000000000001 1ae2"),
  latin("ee1:t2:aa1:y1:re"),
);

/** A local announcement. */
export const LSD = latin(
  "BT-SEARCH * HTTP/1.1\r\nHost: 239.192.152.143:6771\r\nPort: 51413\r\nInfohash: E0FF1A0B2C3D4E5F60718293A4B5C6D7E8F90A1B\r\n" +
    "cookie: 1a2b3c4d\r\n\r\n\r\n",
);

/** A peer exchange of one IPv4 and one IPv6 peer as an extended message. */
export const PEX = extended(
  1,
  join(
    latin("d5:added6:"),
    hex("cb007109 1ae1"),
    latin("7:added.f1:\x026:added618:"),
    hex("20010db8000000000000000000000001 1ae2"),
    latin("8:added6.f1:\x007:dropped0:e"),
  ),
);

/** An extended message (BEP 10). */
export function extended(id: number, payload: Uint8Array): Uint8Array {
  const message = join(hex("00000000 14 00"), payload);
  message[5] = id;
  new DataView(message.buffer).setUint32(0, payload.length + 2);
  return message;
}

const EXTENSIONS = extended(
  0,
  latin(
    "d1:md11:upload_onlyi3e12:ut_holepunchi4e11:ut_metadatai2e6:ut_pexi1ee1:pi51413e4:reqqi512e1:v17:Transmission 4.06e",
  ),
);

/** A TLS hello for a name. */
export function hello(name: string): Uint8Array {
  const server = join(
    hex("0000"),
    u16(name.length + 5),
    u16(name.length + 3),
    hex("00"),
    u16(name.length),
    latin(name),
  );
  const groups = hex("000a 0004 0002 001d");
  const body = join(
    hex("0303"),
    noise(32, 3),
    hex("20"),
    noise(32, 4),
    hex("0004 1301 1302 0100"),
    u16(groups.length + server.length),
    groups,
    server,
  );
  const handshake = join(hex("0100"), u16(body.length), body);
  return join(hex("160301"), u16(handshake.length), handshake);
}

function u16(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value & 255);
}

const SYN = utp(4, 0x5302, 0xe7f5, 0);

function utpOf(first: string, id: number, clock: number, sequence: number, acknowledged: number, data = 0): Uint8Array {
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
const WS_TEXT = '{"uploaded":0,"downloaded":0,"left":null,"action":"announce","info_hash":"abcdefghijklmnopqrst",' +
  '"peer_id":"-WW0102-abcdefghijkl","numwant":5,';
const WS_ANNOUNCE = masked(`${WS_TEXT}"offers":[]}`);

/** What other captures hold: one side only, the middle, older versions, short messages. */
const VARIANTS: readonly Sample[] = [
  sample(
    false,
    "uTP data of one side",
    "utp-one-way",
    2,
    six.map((i) => [">", utpOf("01", 0xefcb, CLOCK + i * 20000, 100 + i, 50, 90)]),
  ),
  sample(
    false,
    "uTP acknowledgements of one side",
    "utp-one-way",
    2,
    six.map((i) => ["<", utpOf("21", 0xefcb, CLOCK + i * 20000, 100, 250 + i)]),
  ),
  sample(false, "a uTP SYN and the data behind its answer, one side", "utp-one-way", 2, [
    [">", utpOf("41", 700, CLOCK, 1, 0)],
    [">", utpOf("01", 701, CLOCK + 9000, 2, 77, 68)],
  ]),
  sample(false, "a uTP SYN alone", "utp-header", 1, [[">", utpOf("41", 700, CLOCK, 1, 0)]]),
  sample(false, "a uTP reset alone", "utp-header", 1, [["<", utpOf("31", 700, CLOCK, 1, 9)]]),
  sample(false, "two packets of a uTP transfer that runs, others lost between them", "utp-running", 1, [
    [">", utpOf("01", 0xefcb, CLOCK, 100, 50, 90)],
    [">", utpOf("01", 0xefcb, CLOCK + 90000, 190, 55, 90)],
  ]),
  sample(false, "a uTP SYN that is sent again", "utp-one-way", 2, [[">", utpOf("41", 700, CLOCK, 1, 0)], [
    ">",
    utpOf("41", 700, CLOCK + 3000000, 1, 0),
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
    [">", join(hex("0000 00 04 20010db8000000000000000000000001 1ae1"), utpOf("41", 700, CLOCK, 1, 0))],
    ["<", join(hex("0000 00 03 09"), latin("a.example"), hex("1ae1"), utpOf("21", 700, CLOCK, 9, 1))],
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
    [">", masked(`${WS_TEXT}"offers":[{"offer":{"type":"offer","sdp":"v=0`, false)],
  ], WHOLE),
  sample(true, "an announcement behind a second question mark", "http-tracker", 3, [[
    ">",
    latin(
      "GET /announce.php?passkey=0123456789abcdef?info_hash=%01%02%03%04%05%06%07%08%09%0a%0b%0c%0d%0e%0f%10%11%12%13%14" +
        "&peer_id=-UT2210-abcdefghijkl&port=6881 HTTP/1.1\r\nHost: tracker.example\r\n\r\n",
    ),
  ]]),
];
const NEAR_VARIANTS: readonly Sample[] = [
  {
    name: "uTP headers with an id for each",
    tcp: false,
    turns: six.map((i) => [">", utpOf("01", 700 + i * 9, CLOCK + i, 1 + i, 0, 9)]),
  },
  {
    name: "uTP headers whose numbers stand still",
    tcp: false,
    turns: six.map((i) => [">", utpOf("01", 7, CLOCK + i, 1, 0, 9)]),
  },
  {
    name: "uTP headers whose numbers leap",
    tcp: false,
    turns: six.map((i) => [">", utpOf("01", 7, CLOCK + i, i * 700, 0, 9)]),
  },
  {
    name: "a uTP SYN that is sent again with another number",
    tcp: false,
    weak: true,
    turns: [[">", utpOf("41", 700, CLOCK, 1, 0)], [">", utpOf("41", 700, CLOCK + 3000000, 2, 0)]],
  },
  {
    name: "a uTP SYN that is doubled on its way",
    tcp: false,
    weak: true,
    turns: [[">", utpOf("41", 700, CLOCK, 1, 0)], [">", utpOf("41", 700, CLOCK, 1, 0)]],
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
  { name: "uTP data alone", tcp: false, turns: [[">", utpOf("01", 700, CLOCK, 1, 0, 9)]] },
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

const RECOGNISED: readonly Sample[] = [
  certain("the handshake (BEP 3)", "tcp-handshake", true, [">", HANDSHAKE]),
  certain("the answering side's handshake alone", "tcp-handshake", true, ["<", HANDSHAKE]),
  midstream("a handshake that begins a packet of a stream whose start was not seen", "tcp-handshake", [">", HANDSHAKE]),
  midstream("three requests in one packet", "tcp-stream", [">", join(request(4, 0), request(4, 1), request(4, 2))]),
  midstream(
    "requests one way and pieces the other",
    "tcp-stream",
    [">", request(4, 0)],
    ["<", PIECE],
    ["<", noise(1400, 4)],
    [">", join(hex("00000000"), request(4, 1))],
  ),
  midstream("peer exchange in a running stream (BEP 11)", "peer-exchange", ["<", PEX]),
  midstream("the extension handshake in a running stream (BEP 10)", "tcp-extended", ["<", EXTENSIONS]),
  certain("a tracker's announcement over HTTP (BEP 3)", "http-tracker", true, [">", latin(ANNOUNCE)]),
  certain("a tracker's answer over HTTP (BEP 23)", "http-tracker-response", true, [
    "<",
    join(latin("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 71\r\n\r\n"), TRACKER_BODY),
  ]),
  certain("a scrape over HTTP (BEP 48)", "http-scrape", true, [
    ">",
    latin(`GET /scrape?info_hash=${PERCENT} HTTP/1.1\r\n${AGENT}`),
  ]),
  certain("a web seed (BEP 17)", "web-seed", true, [
    ">",
    latin(`GET /seed.php?info_hash=${PERCENT}&piece=3&ranges=0-16383 HTTP/1.1\r\n${AGENT}`),
  ]),
  certain("a web seed by its path", "web-seed", true, [
    ">",
    latin(`GET /webseed?info_hash=${PERCENT} HTTP/1.1\r\n${AGENT}`),
  ]),
  {
    name: "a client's name in User-Agent",
    tcp: true,
    turns: [[">", latin("GET /version HTTP/1.1\r\nUser-Agent: uTorrent/3550\r\nHost: update.example.org\r\n\r\n")]],
    evidence: "user-agent",
    certainty: 1,
  },
  {
    name: "a peer of a torrent over TLS",
    tcp: true,
    turns: [[">", hello("0123456789abcdef0123456789ABCDEF01234567")]],
    evidence: "tls-info-hash",
    certainty: 2,
  },
  midstream("a request between Azureus's heirs", "azureus-message", [
    ">",
    join(hex("0000001b 0000000a"), latin("BT_REQUEST"), hex("01 00000004 00000000 00004000")),
  ]),
  {
    name: "a WebTorrent tracker's name in TLS",
    tcp: true,
    turns: [[">", hello("Tracker.OpenWebTorrent.com")]],
    evidence: "tracker-name",
    certainty: 1,
  },
  {
    name: "three flights of the obfuscated handshake's sizes",
    tcp: true,
    turns: [[">", noise(198, 11)], ["<", noise(424, 12)], [">", noise(124, 13)]],
    evidence: "mse",
    certainty: 1,
    whole: true,
  },
  {
    ...certain(
      "an obfuscated handshake that settles on plain text",
      "mse-handshake",
      true,
      [">", noise(198, 11)],
      ["<", noise(424, 12)],
      [">", noise(471, 13)],
      ["<", join(noise(14, 14), HANDSHAKE)],
    ),
    whole: true,
  },
  certain("a DHT ping (BEP 5)", "dht-query", false, [">", DHT_PING]),
  certain("a DHT question for peers", "dht-query", false, [">", GET_PEERS]),
  certain("a DHT question whose arguments begin with another key (BEP 44)", "dht-query", false, [
    ">",
    join(latin("d1:ad3:casi1e2:id20:"), NODE, latin("e1:q3:put1:t4:aaaa1:y1:qe")),
  ]),
  certain("a DHT answer that begins with ip (BEP 42)", "dht-response", false, ["<", PEERS]),
  certain("a DHT answer that begins with an IPv6 ip", "dht-response", false, [
    "<",
    join(latin("d2:ip18:"), noise(18, 2), latin("1:rd2:id20:"), NODE, latin("e1:t1:a1:y1:re")),
  ]),
  certain("a DHT error", "dht-error", false, ["<", latin("d1:eli201e23:A Generic Error Ocurrede1:t2:aa1:y1:ee")]),
  certain("a UDP tracker's connect (BEP 15)", "udp-tracker", false, [">", CONNECT]),
  certain("a UDP tracker's announcement with its connect unseen", "udp-tracker", false, [">", UDP_ANNOUNCE]),
  certain("local service discovery (BEP 14)", "lsd", false, [">", LSD]),
  certain("a uTP connection opened and answered (BEP 29, bytes of a capture)", "utp", false, [
    ">",
    hex("41005302 10eeb2f0 00000000 00000000 e7f50000"),
  ], ["<", hex("21025302 0a3c8cda 0003d090 00100000 32a1e7f5 0008 0000000000000000")]),
  certain("a uTP SYN repeated, then answered", "utp", false, [">", SYN], [">", SYN], ["<", utp(2, 0x5302, 7, 0xe7f5)]),
  certain("a uTP SYN with extension bits, reset", "utp", false, [
    ">",
    join(hex("4102"), SYN.slice(2), hex("0008 0000000000000000")),
  ], ["<", utp(3, 0x5302, 9, 0xe7f5)]),
  certain("a handshake inside uTP", "utp-handshake", false, [">", utp(0, 0x5303, 0xe7f6, 7, HANDSHAKE)]),
  certain(
    "a running uTP connection",
    "utp-stream",
    false,
    [">", utp(0, 0x5303, 500, 90, noise(1200, 1))],
    [
      ">",
      utp(0, 0x5303, 501, 90, noise(1200, 2)),
    ],
    ["<", utp(2, 0x5302, 91, 501)],
    [">", utp(0, 0x5303, 502, 90, noise(1200, 3))],
    ["<", utp(2, 0x5302, 91, 502)],
  ),
  ...VARIANTS,
];

const OPEN: Turn = [">", utp(4, 0x5302, 0xe7f5, 0)];

const NEAR_MISSES: readonly Sample[] = [
  {
    name: "libp2p's greeting, which begins with 13 too",
    tcp: true,
    turns: [[">", latin("\x13/multistream/1.0.0\n")]],
    also: { libp2p: "its greeting it is" },
  },
  ...([
    ["Windows Delivery Optimization", join(latin("\x0eSwarm protocol"), new Uint8Array(60))],
    ["a handshake with one letter wrong", latin("\x13BitTorrent protocoI" + "\0".repeat(48))],
    ["a handshake with another length", latin("\x12BitTorrent protocol" + "\0".repeat(48))],
    ["the protocol's name without its length", latin("BitTorrent protocol" + "\0".repeat(48))],
    [
      "a page's address that holds info_hash of 19 bytes",
      latin(`GET /a?info_hash=${PERCENT.slice(3)}&port=1 HTTP/1.1\r\n\r\n`),
    ],
    [
      "a page's address that holds info_hash as hex",
      latin(`GET /t?info_hash=${"ab".repeat(20)}&port=1 HTTP/1.1\r\n\r\n`),
    ],
    ["info_hash in a cookie", latin(`GET / HTTP/1.1\r\nCookie: a=?info_hash=${PERCENT}&port=1\r\n\r\n`)],
    ["info_hash alone in a page's address", latin(`GET /view?info_hash=${PERCENT} HTTP/1.1\r\n\r\n`)],
    ["a passkey in a page's address", latin("GET /login?passkey=0123456789abcdef HTTP/1.1\r\n\r\n")],
    ["a download manager", latin("GET /a.zip HTTP/1.1\r\nUser-Agent: FDM 6.x\r\n\r\n")],
    ["TLS to another name", hello("www.example.org")],
    ["TLS to a hash below a domain", hello("0123456789abcdef0123456789abcdef01234567.example")],
    ["TLS to 39 hex digits", hello("0123456789abcdef0123456789abcdef0123456")],
    ["TLS to a name that ends alike", hello("nottracker.openwebtorrent.com.example")],
  ] as const).map(([name, bytes]): Sample => ({ name, tcp: true, turns: [[">", bytes]] })),
  {
    name: "a page about BitTorrent",
    tcp: true,
    turns: [[">", latin("GET /wiki/BitTorrent HTTP/1.1\r\nHost: a\r\n\r\n")], [
      "<",
      latin("HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n<p>13 BitTorrent protocol d1:ad2:id20: info_hash ut_pex</p>"),
    ]],
  },
  { name: "one block request, which is a generic shape", tcp: true, midstream: true, turns: [[">", request(1, 0)]] },
  {
    name: "two block requests",
    tcp: true,
    midstream: true,
    turns: [[">", request(1, 0)], [">", request(1, 1)]],
  },
  {
    name: "keep-alives and chokes, however many",
    tcp: true,
    midstream: true,
    turns: [[">", hex("00000000".repeat(20))], ["<", hex("0000000100".repeat(20))], [">", hex("0000000504 00000001")]],
  },
  {
    name: "requests of a framing whose last length is wrong",
    tcp: true,
    midstream: true,
    turns: [[">", join(request(1, 0), request(1, 1), hex("0000000e06 00000001 00000000 00004000 00"))]],
  },
  {
    name: "flights too short, too long, or text",
    tcp: true,
    turns: [[">", noise(198, 1)], ["<", noise(609, 2)], [">", noise(124, 3)]],
  },
  {
    name: "flights of which one is text",
    tcp: true,
    turns: [[">", noise(198, 1)], ["<", latin("a line of text, and another one; ".repeat(4))], [">", noise(124, 3)]],
  },
  {
    name: "a block cipher's stream with a length before each message",
    tcp: true,
    turns: [[">", join(hex("00c6"), noise(198, 1))], ["<", join(hex("0180"), noise(384, 2))], [">", noise(124, 3)]],
  },
  ...([
    [
      "a DHT message with an id of 19 bytes",
      join(latin("d1:ad2:id19:"), NODE.slice(1), latin("e1:q4:ping1:t2:aa1:y1:qe")),
    ],
    ["a DHT message without y", join(latin("d1:ad2:id20:"), NODE, latin("e1:q4:ping1:t2:aae"))],
    ["a DHT message of another kind", join(latin("d1:ad2:id20:"), NODE, latin("e1:q4:ping1:t2:aa1:y1:xe"))],
    ["a DHT message with more behind it", join(DHT_PING, latin("more"))],
    ["a DHT message broken in the middle", DHT_PING.slice(0, 40)],
    ["other bencode", latin("d8:announce20:http://tracker/a.torr4:infod6:lengthi9eee")],
    ["text that begins with d1", latin("d1: the first of the draughts, d2: the second of them")],
    ["a connect with another constant", hex("0000041727101981 00000000 5f1e22a0")],
    ["a connect with another action", hex("0000041727101980 00000003 5f1e22a0")],
    ["a search of another kind", latin("M-SEARCH * HTTP/1.1\r\nHost: 239.255.255.250:1900\r\nInfohash: 00\r\n\r\n")],
    ["an announcement with another event", join(UDP_ANNOUNCE.slice(0, 83), hex("04"), UDP_ANNOUNCE.slice(84))],
  ] as const).map(([name, bytes]): Sample => ({ name, tcp: false, turns: [[">", bytes], [">", bytes], ["<", bytes]] })),
  { name: "a tracker's answer nobody asked for", tcp: false, turns: [["<", CONNECTED], ["<", UDP_ANNOUNCED]] },
  { name: "a uTP answer with another id", weak: true, tcp: false, turns: [OPEN, ["<", utp(2, 0x5301, 7, 0xe7f5)]] },
  {
    name: "a uTP answer that acknowledges another number",
    weak: true,
    tcp: false,
    turns: [OPEN, ["<", utp(2, 0x5302, 7, 0xe7f6)]],
  },
  {
    name: "a uTP SYN answered from its own side",
    weak: true,
    tcp: false,
    turns: [OPEN, [">", utp(2, 0x5302, 7, 0xe7f5)]],
  },
  {
    name: "a uTP SYN with payload",
    tcp: false,
    turns: [[">", join(OPEN[1], hex("00"))], ["<", utp(2, 0x5302, 7, 0xe7f5)]],
  },
  {
    name: "uTP-shaped packets whose numbers stand still",
    tcp: false,
    turns: Array.from({ length: 8 }, (_, i): Turn => [i % 2 === 0 ? ">" : "<", utp(0, 2 + i % 2, 5, 5, hex("aabb"))]),
  },
  {
    name: "uTP-shaped packets with one id for both sides",
    tcp: false,
    turns: Array.from({ length: 8 }, (_, i): Turn => [i % 2 === 0 ? ">" : "<", utp(0, 7, i, i - 1, hex("aabb"))]),
  },
  {
    name: "WireGuard's opening, data of uTP with connection id 0",
    tcp: false,
    turns: [[">", join(hex("01000000"), noise(144, 5))], ["<", join(hex("02000000"), noise(88, 6))], [
      ">",
      join(hex("04000000"), noise(92, 7)),
    ]],
  },
  {
    name: "STUN's success, data of uTP with an extension",
    tcp: false,
    turns: [[">", join(hex("0001 0000 2112a442"), noise(12, 5))], [
      "<",
      join(hex("0101 000c 2112a442"), noise(12, 5), hex("0020 0008 0001 a147 5e12a443")),
    ]],
  },
  {
    name: "QUIC's short header, a SYN of uTP",
    tcp: false,
    turns: Array.from({ length: 8 }, (_, i): Turn => [i % 2 === 0 ? ">" : "<", join(hex("41"), noise(60 + i, 20 + i))]),
  },
  {
    name: "a voice relay's 34 bytes that begin as uTP's STATE does (bytes of a capture)",
    tcp: false,
    turns: Array.from(
      { length: 8 },
      (_, i): Turn => [i % 2 === 0 ? ">" : "<", join(hex("21001115"), noise(30, 40 + i))],
    ),
  },
  {
    name: "Teredo, which wraps IPv6",
    tcp: false,
    turns: [[">", join(hex("0001 0000"), noise(8, 1), hex("00 6000000000003aff"), noise(40, 2))], [
      "<",
      join(hex("0001 0000"), noise(8, 3), hex("00 6000000000003aff"), noise(40, 4)),
    ]],
  },
  {
    name: "CAPWAP with its header of 8 bytes",
    tcp: false,
    turns: [[">", join(hex("01100000 00000000"), noise(60, 1))], ["<", join(hex("01100000 00000000"), noise(60, 2))]],
  },
  {
    name: "DNS of twenty bytes whose id begins with 41",
    tcp: false,
    turns: [[">", hex("4100 0100 0001 0000 0000 0000 01 61 00 0001 0001 00")], [
      "<",
      hex("4100 8180 0001 0000 0000 0000 01 61 00 0001 0001 00"),
    ]],
  },
  ...NEAR_VARIANTS,
];

const MORE: readonly Sample[] = [
  sample(true, "an announcement in a capture that holds 30 bytes of it", "http-tracker-cut", 2, [[
    ">",
    latin(`GET /announce?info_hash=${"%89".repeat(20)}&port=6881 HTTP/1.1\r\n\r\n`),
  ]], { snap: 30 }),
];

/** Samples, near misses. */
export const samples: Samples = {
  about: "The BEPs, with bytes of real captures where these taught something.",
  recognised: RECOGNISED,
  nearMisses: NEAR_MISSES,
  more: MORE,
};
