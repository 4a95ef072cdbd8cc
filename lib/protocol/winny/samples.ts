/**
 * Conversations of Winny, and what comes near them.
 * @module
 */
import { hex, join, latin } from "../../../tests/support/conversation.ts";
import { back, INBOUND, IPV6, out, sample, tcp } from "../../../tests/support/flow.ts";
import { Rc4 } from "../../../tests/support/rc4.ts";
import { noise } from "../../../tests/support/noise.ts";
import type { Flow, Sample, Samples } from "../../../tests/protocol/sample.ts";

/** RC4 of a message under a key: for making a greeting. */
const rc4 = (key: Uint8Array, message: Uint8Array): Uint8Array => new Rc4(key, 0).apply(message);
const KEY = hex("9f3c51e7");
const WINNY_GREETING = join(hex("a7b1"), KEY, rc4(KEY, hex("01000000 61 15000000 00")));

const RECOGNISED: readonly Sample[] = [
  {
    name: "a greeting and the next block",
    tcp: true,
    turns: [[">", WINNY_GREETING]],
    evidence: "tcp-greeting",
    certainty: 3,
  },
  {
    name: "the listener's greeting",
    tcp: true,
    turns: [["<", WINNY_GREETING.slice(0, 11)]],
    evidence: "tcp-greeting",
    certainty: 3,
  },
];

const NEAR_MISSES: readonly Sample[] = [
  {
    name: "a greeting with another command",
    tcp: true,
    turns: [[">", join(hex("a7b1"), KEY, rc4(KEY, hex("01000000 62")))]],
  },
  { name: "a greeting in clear", tcp: true, turns: [[">", join(hex("a7b1"), KEY, hex("01000000 61"))]] },
];

/** Winny's greeting under this key: two dummies, the key, the first block and more of the stream. */
function winny(key: string, rest: string): Uint8Array {
  return join(hex("c41d"), hex(key), rc4(hex(key), hex(`01000000 61 ${rest}`)));
}
const SESSION: readonly Flow[] = [
  // Both sides greet under keys of their own; versions and speeds follow.
  tcp([
    out(winny("1a2b3c4d", "15000000 00 78000000 57696e6e79")),
    back(winny("9e8d7c6b", "05000000 01 00003f43")),
    out(noise(80, 3)),
    back(noise(120, 5)),
  ], { also: { edonkey: "sizes of flights that any cipher may have: weak" } }),
  tcp([out(winny("00000001", "15000000"))], { segment: 3 }),
  tcp([back(winny("f0e1d2c3", ""))], IPV6),
  tcp([out(winny("55aa55aa", "05000000 01"))], INBOUND),
];

const MORE: readonly Sample[] = [
  { name: "a greeting behind TLS's first bytes", tcp: true, turns: [out(hex("1603"), WINNY_GREETING.slice(2))] },
  sample(true, "a greeting behind TLS's first byte alone", "tcp-greeting", 3, [
    out(hex("1604"), WINNY_GREETING.slice(2)),
  ]),
  sample(true, "a greeting behind TLS's second byte alone", "tcp-greeting", 3, [
    out(hex("1703"), WINNY_GREETING.slice(2)),
  ]),
  {
    name: "a greeting under a key of letters, which is text",
    tcp: true,
    turns: [out(latin("GETkey"), rc4(latin("tkey"), hex("01000000 61 15000000 00")))],
  },
];

/** Samples, near misses and a session. */
export const samples: Samples = {
  about: "Made from the published analyses (binzume, arufa).",
  recognised: RECOGNISED,
  nearMisses: NEAR_MISSES,
  more: MORE,
  session: { about: "Greetings of both sides under keys of their own (binzume, arufa).", flows: SESSION },
};
