/**
 * Soulseek conversations: the login of Nicotine+'s documentation, obfuscated vectors made with the published algorithm.
 * @module
 */
import { hex, join, latin } from "../../../tests/support/conversation.ts";
import type { Sample } from "../../../tests/protocol/table.ts";
import { NOT_SOULSEEK_VARIANTS, SOULSEEK_VARIANTS } from "../../../tests/protocol/variants.ts";

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

/** Positives. */
export const SOULSEEK: readonly Sample[] = [
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
  ...SOULSEEK_VARIANTS,
];

/** Near misses. */
export const NOT_SOULSEEK: readonly Sample[] = [
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
  ...NOT_SOULSEEK_VARIANTS,
];
