/**
 * Soulseek conversations: the login of Nicotine+'s documentation, obfuscated vectors made with the published algorithm.
 * @module
 */
import { hex, join, latin } from "../../../tests/support/conversation.ts";
import { MIDSTREAM, sample, WHOLE } from "../../../tests/support/flow.ts";
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

/** Samples, near misses. */
export const samples: Samples = {
  about: "The login of Nicotine+'s documentation, obfuscated vectors made with the published algorithm.",
  recognised: RECOGNISED,
  nearMisses: NEAR_MISSES,
};
