/**
 * eDonkey, eMule and Kad conversations: from a capture of real clients made in a closed net, and from aMule's formats.
 * @module
 */
import { hex, join, latin } from "../../../tests/support/conversation.ts";
import { noise } from "../../../tests/support/noise.ts";
import { MIDSTREAM, sample } from "../../../tests/support/flow.ts";
import type { Sample, Samples } from "../../../tests/protocol/sample.ts";

/** A frame: protocol byte, length, rest. */
export function frame(protocol: number, body: Uint8Array): Uint8Array {
  const head = new Uint8Array(5);
  head[0] = protocol;
  new DataView(head.buffer).setUint32(1, body.length, true);
  return join(head, body);
}

const HASH = hex("e6bf3fc0bb0e9cd661b6cbcde9b36fd2"); // aMule: 0E at 5, 6F at 14
const PLAIN_HASH = hex("e6bf3fc0bb119cd661b6cbcde9b312d2");
const ID_PORT = hex("0a000005 3612");
// name "x", version 3C, port; old and short forms
const TAGS = hex("03000000 02 0100 01 0100 78 03 0100 11 3c000000 89 0f 05");
const SERVER = hex("000000000000");

/** Bytes that look like an obfuscated Kad packet: random but for the marker's lowest bit. */
function hidden(length: number, seed: number): Uint8Array {
  const bytes = noise(length, seed);
  bytes[0]! &= 0x6e;
  return bytes;
}

/** The client's half of a key exchange with a server: marker, key, length of the padding, padding. */
export function half(padding: number, seed: number, said = padding): Uint8Array {
  const bytes = noise(98 + padding, seed);
  bytes[97] = said;
  return bytes;
}

/** Client's hello, with eMule's mark in the hash. */
export const HELLO = frame(0xe3, join(hex("01 10"), HASH, ID_PORT, TAGS, SERVER));
/** The answer. */
export const HELLO_ANSWER = frame(0xe3, join(hex("4c"), HASH, ID_PORT, TAGS, SERVER));
const KAD_REQ = hex("e4210badc98f00bc3cde781bac90bc3a2e620a164546f60261c7e4be0c5f5f9aaeec86");
const CONTACT = hex("00112233445566778899aabbccddeeff 077100cb 4012 3612 09");

const u16 = (value: number) => Uint8Array.of(value & 0xff, value >>> 8);
const u32 = (value: number) => join(u16(value & 0xffff), u16(value >>> 16));

function opcode(opcode: number, body: Uint8Array, protocol = 0xe3): Uint8Array {
  return join(Uint8Array.of(protocol), u32(body.length + 1), Uint8Array.of(opcode), body);
}
const NODE = hex("cb007107 3612 3512 00");
const TEXT = latin("server version 17.15 (lugdunum)\n");

/** eDonkey and Kad. */
const VARIANTS: readonly Sample[] = [
  sample(true, "a server's greeting alone", "tcp-server-message", 2, [[
    "<",
    opcode(0x38, join(u16(TEXT.length), TEXT)),
  ]]),
  sample(true, "a server's frames, the client's not seen", "tcp-frames-one-side", 2, [[
    "<",
    join(opcode(0x40, hex("01020304 3b000000")), opcode(0x34, hex("10000000 20000000"))),
  ]]),
  sample(true, "a packed opcode behind an identifier, one side", "tcp-frames-one-side", 2, [[
    "<",
    join(opcode(0x40, hex("01020304")), opcode(0x33, join(hex("789c"), noise(100, 3)), 0xd4)),
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
    opcode(0x40, join(noise(16, 3), u32(0x2a00), u32(50_000), hex("78da"), noise(1000, 5)), 0xc5).slice(0, 600),
  ]], { ...MIDSTREAM, also: { bittorrent: "random bytes in the middle: nothing alone" } }),
];
const NEAR_VARIANTS: readonly Sample[] = [
  { name: "one opcode, one side", tcp: true, turns: [["<", opcode(0x40, hex("01020304"))]] },
  {
    name: "two frames and a rest",
    tcp: true,
    turns: [["<", join(opcode(0x40, hex("01020304")), opcode(0x40, hex("01020304")), hex("e3"))]],
  },
  { name: "a message whose text is longer", tcp: true, turns: [["<", opcode(0x38, join(u16(TEXT.length + 1), TEXT))]] },
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
    turns: [["<", opcode(0x40, join(noise(16, 3), u32(0x2a00), u32(500), hex("78da"), noise(1000, 5)), 0xc5)]],
  },
  {
    name: "a compressed part without zlib's head",
    tcp: true,
    midstream: true,
    turns: [["<", opcode(0x40, join(noise(16, 3), u32(0x2a00), u32(50_000), hex("78db"), noise(1000, 5)), 0xc5)]],
  },
];

const RECOGNISED: readonly Sample[] = [
  { name: "a hello of aMule (captured form)", tcp: true, turns: [[">", HELLO]], evidence: "tcp-hello", certainty: 3 },
  {
    name: "a hello without the mark, by its tags",
    tcp: true,
    turns: [[">", frame(0xe3, join(hex("01 10"), PLAIN_HASH, ID_PORT, TAGS, SERVER))]],
    evidence: "tcp-hello",
    certainty: 3,
  },
  { name: "a hello answer first", tcp: true, turns: [[">", HELLO_ANSWER]], evidence: "tcp-hello-answer", certainty: 3 },
  {
    name: "a server login",
    tcp: true,
    turns: [[">", frame(0xe3, join(hex("01"), HASH, ID_PORT, TAGS))]],
    evidence: "tcp-server-login",
    certainty: 3,
  },
  {
    name: "a server login without the mark",
    tcp: true,
    turns: [[">", frame(0xe3, join(hex("01"), PLAIN_HASH, ID_PORT, TAGS))]],
    evidence: "tcp-server-login",
    certainty: 3,
  },
  {
    name: "an eMule info frame",
    tcp: true,
    turns: [[">", frame(0xc5, join(hex("01 3c 01 02000000"), hex("03 0100 20 01000000 03 0100 21 3612 0000")))]],
    evidence: "tcp-emule-info",
    certainty: 3,
  },
  {
    name: "frames both ways (set file id, file status)",
    tcp: true,
    turns: [[">", frame(0xe3, join(hex("4f"), noise(16, 3)))], [
      "<",
      frame(0xe3, join(hex("50"), noise(16, 3), hex("0000"))),
    ]],
    evidence: "tcp-frames",
    certainty: 3,
    whole: true,
  },
  {
    name: "two frames chained, and a frame that goes on",
    tcp: true,
    turns: [
      ["<", join(hex("e3 00280000 46"), noise(40, 3))],
      [">", join(frame(0xe3, join(hex("4f"), noise(16, 3))), frame(0xc5, join(hex("81"), noise(16, 3))))],
    ],
    evidence: "tcp-frame-chain",
    certainty: 2,
    whole: true,
  },
  {
    name: "a running download (request parts), picked up in the middle",
    tcp: true,
    midstream: true,
    turns: [[
      ">",
      frame(0xe3, join(hex("47"), noise(16, 5), hex("00000000 00280000 00500000 00280000 00500000 00780000"))),
    ]],
    evidence: "tcp-part",
    certainty: 3,
  },
  {
    name: "a running upload (sending part), picked up in the middle",
    tcp: true,
    midstream: true,
    turns: [["<", frame(0xe3, join(hex("46"), noise(16, 5), hex("00280000 40280000"), noise(64, 9)))]],
    evidence: "tcp-part",
    certainty: 3,
  },
  {
    name: "found sources of a server, in the middle",
    tcp: true,
    midstream: true,
    turns: [["<", frame(0xe3, join(hex("42"), noise(16, 5), hex("02 cb007107 3612 c6336401 3712")))]],
    evidence: "tcp-found-sources",
    certainty: 3,
  },
  {
    name: "a Kad lookup and its empty answer (captured)",
    tcp: false,
    turns: [[">", KAD_REQ], ["<", hex("e429adc98f00bc3cde781bac90bc3a2e620a00")]],
    evidence: "kad-conversation",
    certainty: 3,
  },
  {
    name: "a Kad lookup after pings",
    tcp: false,
    turns: [[">", hex("e460")], ["<", hex("e4614812")], ["<", KAD_REQ], [
      ">",
      join(hex("e429"), KAD_REQ.slice(3, 19), hex("02"), CONTACT, CONTACT),
    ]],
    evidence: "kad-check",
    certainty: 3,
  },
  {
    name: "a Kad hello and its answer",
    tcp: false,
    turns: [[">", join(hex("e411"), noise(16, 7), hex("3612 09 01 08 0100 fc 4012"))], [
      "<",
      join(hex("e419"), noise(16, 8), hex("3712 09 00")),
    ]],
    evidence: "kad-conversation",
    certainty: 3,
  },
  {
    name: "a Kad bootstrap",
    tcp: false,
    turns: [[">", hex("e401")], ["<", join(hex("e409"), noise(16, 7), hex("3612 09 0300"), CONTACT, CONTACT, CONTACT)]],
    evidence: "kad-conversation",
    certainty: 3,
  },
  {
    name: "a Kad source search",
    tcp: false,
    turns: [[">", join(hex("e434"), noise(16, 7), hex("0000 0000004000000000"))], [
      "<",
      join(hex("e43b"), noise(16, 9), noise(16, 7), hex("0100"), noise(16, 5), hex("00")),
    ]],
    evidence: "kad-conversation",
    certainty: 3,
  },
  {
    name: "a Kad publication",
    tcp: false,
    turns: [[">", join(hex("e444"), noise(16, 7), noise(16, 9), hex("02 09 0100 ff 04 08 0100 fd 3612"))], [
      "<",
      join(hex("e44b"), noise(16, 7), hex("05")),
    ]],
    evidence: "kad-conversation",
    certainty: 3,
  },
  {
    name: "a packed Kad answer",
    tcp: false,
    turns: [[">", KAD_REQ], ["<", join(hex("e529 78da"), noise(180, 7))]],
    evidence: "kad-conversation",
    certainty: 3,
  },
  { name: "a lone Kad lookup", tcp: false, turns: [[">", KAD_REQ]], evidence: "kad-request", certainty: 1 },
  {
    name: "a server status exchange",
    tcp: false,
    turns: [[">", hex("e396 55aa1234")], ["<", hex("e397 55aa1234 10270000 40420f00 204e0000 00000000")]],
    evidence: "udp-conversation",
    certainty: 3,
  },
  {
    name: "a source search at a server",
    tcp: false,
    turns: [[">", join(hex("e39a"), noise(16, 7))], ["<", join(hex("e39b"), noise(16, 7), hex("01 cb007107 3612"))]],
    evidence: "udp-conversation",
    certainty: 3,
  },
  {
    name: "a search at a server",
    tcp: false,
    turns: [[">", join(hex("e398 01 0500"), latin("hello"))], [
      "<",
      join(hex("e399"), noise(16, 7), ID_PORT, hex("01000000 02 0100 01 0500"), latin("hello")),
    ]],
    evidence: "udp-conversation",
    certainty: 3,
  },
  {
    name: "a search at a server that knows large files (aMule's form)",
    tcp: false,
    turns: [[">", join(hex("e390 01000000 89 0e 01 01 0500"), latin("linux"))], [
      "<",
      join(hex("e399"), noise(16, 7), ID_PORT, hex("01000000 02 0100 01 0500"), latin("linux")),
    ]],
    evidence: "udp-conversation",
    certainty: 3,
  },
  {
    name: "a re-ask for a large file, of which the other has parts",
    tcp: false,
    turns: [[">", join(hex("c590"), noise(16, 7), hex("4a00"))], [
      "<",
      join(hex("c591 bc02"), noise(88, 9), hex("0500")),
    ]],
    evidence: "udp-reask",
    certainty: 2,
  },
  {
    name: "a re-ask and its place in the queue",
    tcp: false,
    turns: [[">", join(hex("c590"), noise(16, 7))], ["<", hex("c591 0100 01 0c00")]],
    evidence: "udp-reask",
    certainty: 2,
  },
  {
    name: "an obfuscated connection between clients, by the sizes of its flights (captured ones)",
    tcp: true,
    whole: true,
    turns: [[">", noise(232, 31)], ["<", noise(183, 33)], [">", noise(98, 35)], ["<", noise(97, 37)]],
    evidence: "obfuscated-tcp",
    certainty: 1,
    also: { bittorrent: "sizes of flights that any cipher may have: weak" },
  },
  {
    name: "an obfuscated login to a server (captured sizes)",
    tcp: true,
    whole: true,
    turns: [[">", half(6, 41)], ["<", noise(108, 43)], [">", noise(92, 45)]],
    evidence: "obfuscated-server",
    certainty: 2,
    also: { bittorrent: "sizes of flights that any cipher may have: weak" },
  },
  {
    name: "obfuscated Kad by its lengths",
    tcp: false,
    turns: [[">", hidden(51, 21)], ["<", hidden(135, 23)]],
    evidence: "obfuscated-kad",
    certainty: 1,
  },
  {
    name: "obfuscated Kad after pings, with no contacts to give",
    tcp: false,
    turns: [[">", hidden(18, 11)], ["<", hidden(20, 13)], ["<", hidden(51, 15)], [">", hidden(35, 17)]],
    evidence: "obfuscated-kad",
    certainty: 1,
  },
  ...VARIANTS,
];

const NEAR_MISSES: readonly Sample[] = [
  { name: "a four-byte E3 1B", tcp: false, turns: [[">", hex("e31b0000")], ["<", hex("e31b0001")]] },
  {
    name: "a key exchange whose length in clear is another one",
    tcp: true,
    weak: true,
    turns: [[">", half(6, 41, 7)], ["<", noise(108, 43)], [">", noise(92, 45)]],
    also: { bittorrent: "sizes of flights that any cipher may have: weak" },
  },
  {
    name: "a key exchange answered with a byte too many",
    tcp: true,
    weak: true,
    turns: [[">", half(6, 41)], ["<", noise(119, 43)], [">", noise(92, 45)]],
    also: { bittorrent: "sizes of flights that any cipher may have: weak" },
  },
  {
    name: "a key exchange with more behind it than a login",
    tcp: true,
    weak: true,
    turns: [[">", half(6, 41)], ["<", noise(108, 43)], [">", noise(181, 45)]],
    also: { bittorrent: "sizes of flights that any cipher may have: weak" },
  },
  {
    name: "a lookup for 3 contacts",
    tcp: false,
    turns: [[">", join(hex("e42103"), noise(32, 3))], ["<", noise(44, 3)]],
  },
  {
    name: "an answer of 45 bytes",
    tcp: false,
    weak: true,
    turns: [[">", KAD_REQ], ["<", join(hex("e429"), KAD_REQ.slice(3, 19), hex("01"), noise(26, 3))]],
  },
  {
    name: "status with another challenge",
    tcp: false,
    turns: [[">", hex("e396 55aa1234")], ["<", hex("e397 55aa1235 10270000 40420f00 204e0000 00000000")]],
  },
  { name: "51 random bytes and 86", tcp: false, turns: [[">", hidden(51, 21)], ["<", hidden(86, 23)]] },
  {
    name: "51 random bytes and 85 of text",
    tcp: false,
    turns: [[">", hidden(51, 21)], ["<", latin("abcdefghijklmnopq".repeat(5))]],
  },
  {
    name: "a call that begins with RTP",
    tcp: false,
    turns: [[">", join(hex("8060"), noise(49, 21))], ["<", join(hex("8060"), noise(83, 23))]],
  },
  {
    name: "random datagrams with bit 0 set",
    tcp: false,
    turns: [[">", join(hex("41"), noise(50, 21))], ["<", join(hex("41"), noise(84, 23))]],
  },
  { name: "51 bytes of text", tcp: false, turns: [[">", latin("a".repeat(51))], ["<", latin("b".repeat(85))]] },
  {
    name: "a frame whose length is off by one",
    tcp: true,
    turns: [[">", hex("e3 09000000 4f 00112233445566")], ["<", hex("e3 03000000 50 0011")]],
  },
  {
    name: "an unknown opcode",
    tcp: true,
    turns: [[">", hex("e3 03000000 ff 0011")], ["<", hex("e3 03000000 ff 0011")]],
  },
  {
    name: "one frame, and another protocol's answer",
    tcp: true,
    turns: [[">", hex("e3 03000000 4f 0011")], ["<", hex("00 03000000 4f 0011")]],
  },
  {
    name: "a hello without mark whose tags do not fill it",
    tcp: true,
    turns: [[">", frame(0xe3, join(hex("01 10"), PLAIN_HASH, ID_PORT, TAGS, SERVER, hex("00")))]],
  },
  {
    name: "a part whose length does not fit its range",
    tcp: true,
    midstream: true,
    turns: [[">", frame(0xe3, join(hex("46"), noise(16, 5), hex("00280000 41280000"), noise(64, 9)))]],
  },
  ...NEAR_VARIANTS,
];

/** Samples, near misses. */
export const samples: Samples = {
  about: "A capture of real clients made in a closed net, and aMule's formats.",
  recognised: RECOGNISED,
  nearMisses: NEAR_MISSES,
};
