/**
 * Conversations of Xunlei, and what comes near them.
 * @module
 */
import { hex, join } from "../../../tests/support/conversation.ts";
import { back, INBOUND, IPV6, out, sample, udp } from "../../../tests/support/flow.ts";
import { noise } from "../../../tests/support/noise.ts";
import type { Flow, Sample, Samples } from "../../../tests/protocol/sample.ts";

const RECOGNISED: readonly Sample[] = [
  {
    name: "an exchange",
    tcp: false,
    turns: [[">", hex("32000000 06 00000000 11223344")], ["<", hex("32000000 07 00000000 1122")]],
    evidence: "udp-version",
    certainty: 1,
  },
];

const NEAR_MISSES: readonly Sample[] = [
  { name: "one side only", tcp: false, turns: [[">", hex("32000000 06 00000000 11223344")]] },
  {
    name: "another version in the answer",
    tcp: false,
    turns: [[">", hex("32000000 06 00000000 11223344")], ["<", hex("33000000 07 00000000 1122")]],
  },
  {
    name: "large datagrams",
    tcp: false,
    turns: [[">", join(hex("32000000 06 00000000"), noise(80, 3))], [
      "<",
      join(hex("32000000 06 00000000"), noise(80, 3)),
    ]],
  },
];

const SESSION: readonly Flow[] = [
  // Versions 3C and 36, from either side, over IPv6.
  udp([
    out(hex("3c000000 05 00000000 0a0b0c0d 0000")),
    back(hex("3c000000 06 00000000 0a0b0c0d")),
    out(hex("3c000000 07 00000000")),
  ]),
  udp([out(hex("36000000 11 00000000")), back(hex("36000000 12 00000000 aabb"))], INBOUND),
  udp([out(hex("31000000 02 00000000 01")), back(hex("31000000 03 00000000 02"))], IPV6),
];

const MORE: readonly Sample[] = [
  sample(false, "an exchange of the longest datagrams", "udp-version", 1, [
    out(hex("32000000 06 00000000"), noise(54, 3)),
    back(hex("32000000 06 00000000"), noise(54, 5)),
  ]),
  {
    name: "an answer of 64 bytes",
    tcp: false,
    turns: [out(hex("32000000 06 00000000")), back(hex("32000000 06 00000000"), noise(55, 3))],
  },
  {
    name: "a question of 64 bytes",
    tcp: false,
    turns: [out(hex("32000000 06 00000000"), noise(55, 3)), back(hex("32000000 06 00000000"))],
  },
  { name: "command 0", tcp: false, turns: [out(hex("32000000 00 00000000")), back(hex("32000000 00 00000000"))] },
];

/** Samples, near misses and a session. */
export const samples: Samples = {
  about: "From the rules of Emerging Threats and OpenDPI.",
  recognised: RECOGNISED,
  nearMisses: NEAR_MISSES,
  more: MORE,
  session: {
    about: "Exchanges of three versions (Emerging Threats, OpenDPI). A hint is all that can be had: weak.",
    flows: SESSION,
  },
};
