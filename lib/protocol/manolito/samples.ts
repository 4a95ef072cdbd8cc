/**
 * Conversations of Manolito, and what comes near them.
 * @module
 */
import { hex, join, latin } from "../../../tests/support/conversation.ts";
import { back, INBOUND, IPV6, out, tcp, udp } from "../../../tests/support/flow.ts";
import { noise } from "../../../tests/support/noise.ts";
import type { Flow, Sample, Samples } from "../../../tests/protocol/sample.ts";

const RECOGNISED: readonly Sample[] = [
  {
    name: "a transfer's dialogue",
    tcp: true,
    whole: true,
    turns: [[">", latin("SIZ 12345")], ["<", latin("STR 0")]],
    evidence: "tcp-dialogue",
    certainty: 3,
  },
  {
    name: "a dialogue begun by the listener",
    tcp: true,
    whole: true,
    turns: [["<", latin("SIZ 12345")], [">", latin("STR 0")]],
    evidence: "tcp-dialogue",
    certainty: 3,
  },
  {
    name: "a datagram of 20 bytes",
    tcp: false,
    turns: [[">", join(hex("3d4bd9"), noise(13, 3), hex("edbb 0102"))]],
    evidence: "udp-words",
    certainty: 2,
  },
  {
    name: "a datagram of 25 bytes",
    tcp: false,
    turns: [["<", join(hex("3e4a"), noise(18, 3), hex("092f20 0102"))]],
    evidence: "udp-words",
    certainty: 2,
  },
];

const NEAR_MISSES: readonly Sample[] = [
  { name: "a datagram of 21 bytes", tcp: false, turns: [[">", join(hex("3d4bd9"), noise(13, 3), hex("edbb 010203"))]] },
  {
    name: "a datagram with another end",
    tcp: false,
    turns: [[">", join(hex("3d4bd9"), noise(13, 3), hex("edbc 0102"))]],
  },
  { name: "FTP's SIZE", tcp: true, turns: [[">", latin("SIZE file\r\n")], ["<", latin("STR 0")]] },
  { name: "the same word twice", tcp: true, turns: [[">", latin("SIZ 12345")], ["<", latin("SIZ 12345")]] },
];

const SESSION: readonly Flow[] = [
  // The whole dialogue: size, name, digest, go.
  tcp([
    out(latin("SIZ 4012345\n")),
    back(latin("STR 0\n")),
    out(latin("MD5 0123456789abcdef0123456789abcdef\n")),
    back(latin("GO!!")),
    out(noise(500, 3)),
  ]),
  tcp([back(latin("SIZ 99")), out(latin("STR 0"))], INBOUND),
  tcp([out(latin("SIZ 4012345")), back(latin("STR 65536"))], IPV6),
  tcp([out(latin("SIZ 4012345")), back(latin("STR 65536"))], { segment: 4 }),
  udp([out(hex("3d4bd9"), noise(13, 3), hex("edbb 0102")), back(hex("3d4bd9"), noise(13, 5), hex("edbb 0304"))]),
  udp([out(hex("3e4a"), noise(18, 3), hex("092f20 0102"))], { ipv6: true, inbound: true }),
];

/** Samples, near misses and a session. */
export const samples: Samples = {
  about: "OpenDPI's rule.",
  recognised: RECOGNISED,
  nearMisses: NEAR_MISSES,
  session: { about: "The whole dialogue of a transfer, datagrams (OpenDPI).", flows: SESSION },
};
