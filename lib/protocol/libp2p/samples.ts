/**
 * Conversations of libp2p, and what comes near them.
 * @module
 */
import { hex, join, latin } from "../../../tests/support/conversation.ts";
import { back, IPV6, out, tcp, udp } from "../../../tests/support/flow.ts";
import { noise } from "../../../tests/support/noise.ts";
import type { Flow, Sample, Samples } from "../../../tests/protocol/sample.ts";

const RECOGNISED: readonly Sample[] = [
  {
    name: "multistream-select",
    tcp: true,
    turns: [[">", latin("\x13/multistream/1.0.0\n\x07/noise\n")]],
    evidence: "multistream",
    certainty: 3,
  },
  {
    name: "the listener's first line",
    tcp: true,
    turns: [["<", latin("\x13/multistream/1.0.0\n")]],
    evidence: "multistream",
    certainty: 3,
  },
  {
    name: "discovery on the local net",
    tcp: false,
    turns: [[">", join(hex("0000 0000 0001 0000 0000 0000"), latin("\x04_p2p\x04_udp\x05local\0"), hex("000c 0001"))]],
    evidence: "mdns",
    certainty: 2,
  },
  {
    name: "discovery of older versions",
    tcp: false,
    turns: [[
      ">",
      join(hex("0000 0000 0001 0000 0000 0000"), latin("\x0f_ipfs-discovery\x04_udp\x05local\0"), hex("000c 0001")),
    ]],
    evidence: "mdns",
    certainty: 2,
  },
];

const NEAR_MISSES: readonly Sample[] = [
  { name: "another version", tcp: true, turns: [[">", latin("\x13/multistream/2.0.0\n")]] },
  {
    name: "another service",
    tcp: false,
    turns: [[">", join(hex("0000 0000 0001 0000 0000 0000"), latin("\x04_ipp\x04_tcp\x05local\0"), hex("000c 0001"))]],
  },
];

const line = (text: string) => latin(`${String.fromCharCode(text.length + 1)}${text}\n`);
const SESSION: readonly Flow[] = [
  // Both sides name the negotiation, then the security: Noise, TLS, plain text; the last is refused.
  tcp([
    out(line("/multistream/1.0.0"), line("/noise")),
    back(line("/multistream/1.0.0"), line("/noise")),
    out(hex("0020"), noise(32, 3)),
    back(hex("00e0"), noise(224, 5)),
  ]),
  tcp([out(line("/multistream/1.0.0"), line("/tls/1.0.0")), back(line("/multistream/1.0.0"), line("na"))], IPV6),
  tcp([back(line("/multistream/1.0.0"))], { inbound: true }),
  tcp([out(line("/multistream/1.0.0"), line("/plaintext/2.0.0"))], { segment: 3 }),
  // Discovery: an answer, and the question of older versions.
  udp([
    out(
      hex("0000 8400 0000 0001 0000 0000"),
      latin("\x04_p2p\x04_udp\x05local\0"),
      hex("000c 0001 00000e10 0006 05"),
      latin("abcd\0"),
    ),
  ]),
  udp(
    [out(hex("0000 0000 0001 0000 0000 0000"), latin("\x0f_ipfs-discovery\x04_udp\x05local\0"), hex("000c 0001"))],
    IPV6,
  ),
];

const MORE: readonly Sample[] = [
  {
    name: "discovery with an identifier",
    tcp: false,
    turns: [out(hex("1300 0000 0001 0000 0000 0000"), latin("\x04_p2p\x04_udp\x05local\0"), hex("000c 0001"))],
  },
  {
    name: "discovery with a small identifier",
    tcp: false,
    turns: [out(hex("0001 0000 0001 0000 0000 0000"), latin("\x04_p2p\x04_udp\x05local\0"), hex("000c 0001"))],
  },
  {
    name: "discovery cut within its name",
    tcp: false,
    turns: [out(hex("0000 0000 0001 0000 0000 0000"), latin("\x04_p2p\x04_ud"))],
  },
];

/** Samples, near misses and a session. */
export const samples: Samples = {
  about: "Its specifications.",
  recognised: RECOGNISED,
  nearMisses: NEAR_MISSES,
  more: MORE,
  session: { about: "Negotiations of both sides, discovery (the specifications of libp2p).", flows: SESSION },
};
