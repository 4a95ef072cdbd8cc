/**
 * Soulseek conversations: the login of Nicotine+'s documentation, obfuscated vectors made with the published algorithm.
 * @module
 */
import { hex, join, latin } from "../../../tests/support/conversation.ts";
import { back, MIDSTREAM, out, sample, WHOLE } from "../../../tests/support/flow.ts";
import { noise } from "../../../tests/support/noise.ts";
import type { Sample, Samples } from "../../../tests/protocol/sample.ts";

const LOGIN = join(
  hex("48000000 01000000 08000000"),
  latin("username"),
  hex("08000000"),
  latin("password"),
  hex("b1000000 20000000"),
  latin("d51c9a7e9353746a6020f9602d452929"),
  hex("01000000"),
);
const INIT = hex("12000000 01 04000000 75736572 01000000 50 00000000");
const PIERCE = hex("05000000 00 04030201");
const HIDDEN_INIT = hex("e7513c9bdda378369f43f16c3cfa91bc0b1fc5b3f36c8a67e679");
const HIDDEN_PIERCE = hex("e7513c9bcaa378369e43f26e3d");

/** A message under a key of its own, as it is sent behind another. */
function obfuscated(key: number, message: Uint8Array): Uint8Array {
  const bytes = join(new Uint8Array(4), message);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, key, true);
  for (let at = 4; at < bytes.length; at++) {
    const turn = at >>> 2;
    const mask = (key << turn | key >>> (32 - turn)) >>> ((at & 3) << 3);
    bytes[at]! ^= mask & 0xff;
  }
  return bytes;
}

const u16 = (value: number) => Uint8Array.of(value & 0xff, value >>> 8);
const u32 = (value: number) => join(u16(value & 0xffff), u16(value >>> 16));

const text = (words: string) => join(u32(words.length), latin(words));
const message = (...parts: Uint8Array[]) => {
  const body = join(...parts);
  return join(u32(body.length), body);
};
const DIGEST = text("d51c9a7e9353746a6020f9602d452929");
const CONNECT = message(u32(18), text("someone"), text("P"), hex("04030201"), u32(2234), u32(77), hex("00"));
const SEARCH = message(hex("03"), u32(0x31), text("bob"), u32(9), text("linux"));

/** What other captures hold: one side only, the middle, older versions, short messages. */
const VARIANTS: readonly Sample[] = [
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
const NEAR_VARIANTS: readonly Sample[] = [
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

const RECOGNISED: readonly Sample[] = [
  { name: "a login (documented example)", tcp: true, turns: [[">", LOGIN]], evidence: "server-login", certainty: 3 },
  {
    name: "a login and the wait port behind it",
    tcp: true,
    turns: [[">", join(LOGIN, hex("08000000 02000000 ba080000"))]],
    evidence: "server-login",
    certainty: 3,
  },
  { name: "a peer's greeting", tcp: true, turns: [[">", INIT]], evidence: "peer-init", certainty: 3 },
  {
    name: "a peer's greeting and a request behind it",
    tcp: true,
    turns: [[">", join(INIT, hex("04000000 04000000"))]],
    evidence: "peer-init",
    certainty: 3,
  },
  { name: "a pierced firewall alone", tcp: true, turns: [[">", PIERCE]], evidence: "pierce-firewall", certainty: 1 },
  {
    name: "a pierced firewall and the answer",
    tcp: true,
    whole: true,
    turns: [[">", PIERCE], ["<", hex("04000000 04000000")]],
    evidence: "peer-conversation",
    certainty: 3,
  },
  {
    name: "a pierced firewall and a transfer request of the same side",
    tcp: true,
    turns: [[">", PIERCE], [">", join(hex("17000000 28000000 00000000 11000000 07000000"), latin("a\\b.mp3"))]],
    evidence: "peer-conversation",
    certainty: 3,
  },
  {
    name: "an obfuscated greeting",
    tcp: true,
    turns: [[">", HIDDEN_INIT]],
    evidence: "obfuscated-peer-init",
    certainty: 3,
  },
  {
    name: "an obfuscated piercing",
    tcp: true,
    turns: [[">", HIDDEN_PIERCE]],
    evidence: "obfuscated-pierce",
    certainty: 3,
  },
  {
    name: "an obfuscated piercing and a request behind it",
    tcp: true,
    turns: [[">", join(HIDDEN_PIERCE, obfuscated(0x5a17c3e9, hex("04000000 04000000")))]],
    evidence: "obfuscated-pierce",
    certainty: 3,
  },
  ...VARIANTS,
];

const NEAR_MISSES: readonly Sample[] = [
  {
    name: "an obfuscated piercing and what is no message",
    tcp: true,
    turns: [[">", join(HIDDEN_PIERCE, obfuscated(0x5a17c3e9, hex("04000000 63000000")))]],
  },
  {
    name: "a login whose digest has a capital",
    tcp: true,
    turns: [[">", LOGIN.map((byte, i) => i === 36 + 5 ? 0x41 : byte)]],
  },
  {
    name: "a login whose lengths do not add up",
    tcp: true,
    turns: [[">", LOGIN.map((byte, i) => i === 0 ? 0x49 : byte)]],
  },
  { name: "a greeting of type X", tcp: true, turns: [[">", INIT.map((byte, i) => i === 17 ? 0x58 : byte)]] },
  {
    name: "a greeting with a type of two letters",
    tcp: true,
    turns: [[">", INIT.map((byte, i) => i === 13 ? 2 : byte)]],
  },
  {
    name: "a pierced firewall, and something else",
    tcp: true,
    weak: true,
    turns: [[">", PIERCE], ["<", hex("04000000 07000000")]],
  },
  {
    name: "an obfuscated greeting with a wrong name length",
    tcp: true,
    turns: [[">", HIDDEN_INIT.map((byte, i) => i === 9 ? byte ^ 1 : byte)]],
  },
  { name: "an obfuscated piercing with a tail", tcp: true, turns: [[">", join(HIDDEN_PIERCE, hex("00"))]] },
  { name: "counters under an empty key", tcp: true, turns: [[">", hex("00000000 05000000 00 01020304")]] },
  { name: "counters under a key of one bit", tcp: true, turns: [[">", hex("01000000 07000000 04 01020304")]] },
  ...NEAR_VARIANTS,
];

const MORE: readonly Sample[] = [
  ...[..."PFD"].map((type) =>
    sample(true, `a peer's greeting of type ${type}`, "peer-init", 3, [
      out(message(hex("01"), text("someone"), text(type), u32(7))),
    ])
  ),
  ...[..."PFD"].map((type) =>
    sample(true, `an obfuscated greeting of type ${type}`, "obfuscated-peer-init", 3, [
      out(obfuscated(0x3c9b51e7, message(hex("01"), text("someone"), text(type), u32(7)))),
    ], WHOLE)
  ),
  ...[..."PFD"].map((type) =>
    sample(true, `a request to connect to a peer of type ${type}`, "server-message", 3, [
      back(message(u32(18), text("someone"), text(type), hex("04030201"), u32(0xffff), u32(77), hex("01"))),
    ], MIDSTREAM)
  ),
  sample(true, "a request to connect to a peer, with its obfuscated port", "server-message", 3, [
    back(message(u32(18), text("bob"), text("P"), hex("04030201"), u32(2234), u32(77), hex("00"), u32(1), u32(2235))),
  ], MIDSTREAM),
  sample(true, "a peer of the shortest name", "peer-init", 3, [out(message(hex("01"), text("a"), text("P"), u32(7)))]),
  sample(true, "a peer of the longest name", "peer-init", 3, [
    out(message(hex("01"), text("a".repeat(120)), text("P"), u32(7))),
  ]),
  {
    name: "a peer of a name too long",
    tcp: true,
    turns: [out(message(hex("01"), text("a".repeat(121)), text("P"), u32(7)))],
  },
  { name: "a peer without a name", tcp: true, turns: [out(message(hex("01"), text(""), text("P"), u32(7)))] },
  sample(true, "a login of a long name and version 1999", "server-login", 3, [
    out(message(u32(1), text("n".repeat(256)), text("p".repeat(256)), u32(1999), DIGEST, u32(1))),
  ]),
  {
    name: "a login of version 2000",
    tcp: true,
    turns: [out(message(u32(1), text("name"), text("word"), u32(2000), DIGEST, u32(1)))],
  },
  {
    name: "a login of a name too long",
    tcp: true,
    turns: [out(message(u32(1), text("n".repeat(257)), text("word"), u32(177), DIGEST, u32(1)))],
  },
  {
    name: "a login of a password too long",
    tcp: true,
    turns: [out(message(u32(1), text("name"), text("p".repeat(257)), u32(177), DIGEST, u32(1)))],
  },
  {
    name: "a login without a name",
    tcp: true,
    turns: [out(message(u32(1), text(""), text("word"), u32(177), DIGEST, u32(1)))],
  },
  ...([
    ["asks for all shares", u32(4)],
    ["asks about the user", u32(15)],
    ["tells of the queue", u32(52)],
    ["asks for a folder", u32(36), u32(9), text("music")],
    ["asks for a transfer", u32(40), u32(0), u32(9), text("a.mp3")],
    ["offers a file", u32(40), u32(1), u32(9), text("a.mp3"), u32(1000), u32(0)],
    ["answers yes", u32(41), u32(9), hex("01"), u32(1000), u32(0)],
    ["answers no", u32(41), u32(9), hex("00"), text("Queued")],
    ["queues", u32(43), text("a.mp3")],
    ["tells a place", u32(44), text("a.mp3"), u32(3)],
    ["failed", u32(46), text("a.mp3")],
    ["denies", u32(50), text("a.mp3"), text("Banned")],
    ["asks for a place", u32(51), text("a.mp3")],
    ["sends its shares", u32(5), hex("789c"), noise(20, 3)],
    ["sends results", u32(9), hex("78da"), noise(20, 3)],
    ["sends a folder", u32(37), hex("789c"), noise(20, 3)],
    ["tells of itself", u32(16), text("about me"), hex("00"), u32(1), u32(2), hex("01"), u32(3)],
  ] as const).map(([what, ...fields]) =>
    sample(true, `a pierced firewall, and the other side ${what}`, "peer-conversation", 3, [
      out(PIERCE),
      back(message(...fields)),
    ], WHOLE)
  ),
  ...([
    ["more than a code", u32(4), hex("00")],
    ["a folder of another length", u32(36), u32(9), u32(6), latin("music")],
    ["a direction that is none", u32(40), u32(2), u32(9), text("a.mp3")],
    ["an answer that is neither", u32(41), u32(9), hex("02"), u32(1000), u32(0)],
    ["an answer cut short", u32(41), u32(9)],
    ["a path of another length", u32(43), u32(6), latin("a.mp3")],
    ["a place and more", u32(44), text("a.mp3"), u32(3), hex("00")],
    ["a reason of another length", u32(50), text("a.mp3"), u32(7), latin("Banned")],
    ["shares that are not deflated", u32(5), noise(20, 3)],
    ["results below the least", u32(9), hex("789c"), noise(9, 3)],
    ["a text longer than itself", u32(16), u32(40), latin("about me"), hex("00"), u32(1), u32(2), hex("01"), u32(3)],
    ["a message below the least", u32(16), text("a"), hex("00"), u32(1), u32(2)],
    ["a code that is none", u32(53), text("a.mp3")],
  ] as const).map(([what, ...fields]): Sample => ({
    name: `a pierced firewall, then ${what}`,
    tcp: true,
    weak: true,
    turns: [out(PIERCE), back(message(...fields))],
  })),
  {
    name: "a request to connect of port 65536",
    tcp: true,
    midstream: true,
    turns: [
      back(message(u32(18), text("someone"), text("P"), hex("04030201"), u32(0x10000), u32(77), hex("00"))),
    ],
  },
  {
    name: "a request to connect with a flag of 2",
    tcp: true,
    midstream: true,
    turns: [
      back(message(u32(18), text("someone"), text("P"), hex("04030201"), u32(2234), u32(77), hex("02"))),
    ],
  },
  {
    name: "a search without words",
    tcp: true,
    midstream: true,
    turns: [
      back(message(hex("03"), u32(0x31), text("someone"), u32(9), text(""))),
    ],
  },
  {
    name: "a search of nobody",
    tcp: true,
    midstream: true,
    turns: [
      back(message(hex("03"), u32(0x31), text(""), u32(9), text("linux and more"))),
    ],
  },
  sample(true, "an answer with a long greeting", "server-answer", 3, [
    back(message(u32(1), hex("01"), text("w".repeat(2048)), hex("04030201"), DIGEST)),
  ]),
  {
    name: "an answer whose greeting is too long",
    tcp: true,
    turns: [
      back(message(u32(1), hex("01"), text("w".repeat(2049)), hex("04030201"), DIGEST)),
    ],
  },
  {
    name: "an answer with two bytes behind it",
    tcp: true,
    turns: [
      back(message(u32(1), hex("01"), text("welcome"), hex("04030201"), DIGEST, hex("0000"))),
    ],
  },
  sample(true, "a refusal with a second text", "server-answer", 3, [
    back(message(u32(1), hex("00"), text("INVALIDVERSION"), text("get a newer one"))),
  ]),
];

/** Samples, near misses. */
export const samples: Samples = {
  about: "The login of Nicotine+'s documentation, obfuscated vectors made with the published algorithm.",
  recognised: RECOGNISED,
  nearMisses: NEAR_MISSES,
  more: MORE,
};
