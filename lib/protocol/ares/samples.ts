/**
 * Conversations of Ares, and what comes near them.
 * @module
 */
import { hex, join, latin } from "../../../tests/support/conversation.ts";
import { back, INBOUND, IPV6, out, sample, tcp, WHOLE } from "../../../tests/support/flow.ts";
import { noise } from "../../../tests/support/noise.ts";
import type { Flow, Sample, Samples } from "../../../tests/protocol/sample.ts";

const ANSWER = join(hex("87003c"), noise(135, 3));

const RECOGNISED: readonly Sample[] = [
  { name: "a login (captured)", tcp: true, turns: [[">", hex("03005a060605")]], evidence: "tcp-login", certainty: 3 },
  {
    name: "a login of another version, answered (captured form)",
    tcp: true,
    whole: true,
    turns: [[">", hex("03005a170805")], ["<", ANSWER]],
    evidence: "tcp-conversation",
    certainty: 3,
  },
  {
    name: "an answer in the older form",
    tcp: true,
    whole: true,
    turns: [[">", hex("03005a170805")], ["<", join(hex("87003b"), noise(135, 3))]],
    evidence: "tcp-conversation",
    certainty: 3,
  },
  {
    name: "a login of the first version (ipp2p)",
    tcp: true,
    turns: [[">", hex("03005a040305")]],
    evidence: "tcp-login",
    certainty: 3,
  },
  {
    name: "a supernode's login",
    tcp: true,
    turns: [[">", hex("03005d070805")]],
    evidence: "tcp-login-form",
    certainty: 2,
  },
  {
    name: "a transfer by the older word",
    tcp: true,
    turns: [[">", latin("GET hash:2jmj7l5rSw0yVb/vlWAYkK/YBwk= HTTP/1.1\r\n\r\n")]],
    evidence: "tcp-transfer",
    certainty: 2,
  },
  {
    name: "clients greeting each other (captured form)",
    tcp: true,
    whole: true,
    turns: [[">", join(hex("a20037"), noise(162, 5))], ["<", hex("06001e000300000000")]],
    evidence: "tcp-peer",
    certainty: 3,
  },
  {
    name: "a transfer",
    tcp: true,
    turns: [[">", latin("GET sha1:2jmj7l5rSw0yVb/vlWAYkK/YBwk= HTTP/1.1\r\n\r\n")]],
    evidence: "tcp-transfer",
    certainty: 2,
  },
  {
    name: "a push",
    tcp: true,
    turns: [[">", latin("PUSH SHA1:2jmj7l5rSw0yVb/vlWAYkK/YBwk=1234\n\n")]],
    evidence: "tcp-transfer",
    certainty: 2,
  },
];

const NEAR_MISSES: readonly Sample[] = [
  { name: "a login from the listener", tcp: true, turns: [["<", hex("03005a060605")]] },
  { name: "a login with more behind it", tcp: true, turns: [[">", hex("03005a06060500")]] },
  { name: "an answer of 139 bytes", tcp: true, turns: [[">", hex("03005a170805")], ["<", join(ANSWER, hex("00"))]] },
  { name: "an answer to something else", tcp: true, turns: [[">", hex("03005b070805")], ["<", ANSWER]] },
  {
    name: "a greeting whose length does not fit",
    tcp: true,
    turns: [[">", join(hex("a30037"), noise(162, 5))], ["<", hex("06001e000300000000")]],
  },
  { name: "a path that has sha1 in it", tcp: true, turns: [[">", latin("GET /sha1:2jmj HTTP/1.1\r\n\r\n")]] },
];

const SESSION: readonly Flow[] = [
  // Logins of three versions with the supernode's answer and what follows, which is cipher.
  tcp([out(hex("03005a060605")), back(ANSWER), out(hex("a000"), noise(158, 5)), back(hex("0c00"), noise(10, 7))]),
  tcp([out(hex("03005a040305")), back(hex("87003b"), noise(135, 5))], IPV6),
  tcp([out(hex("03005a170105")), back(ANSWER)], { segment: 100 }),
  // Between supernodes, and one that calls this home's supernode.
  tcp([out(hex("03005d070805")), back(ANSWER)]),
  tcp([out(hex("03005a060605")), back(ANSWER)], INBOUND),
  // Clients: greeting, then the request with its headers, then the file.
  tcp([out(hex("c00037"), noise(192, 9)), back(hex("06001e000300000000")), out(noise(60, 3))]),
  tcp([
    out(
      latin(
        "GET sha1:2jmj7l5rSw0yVb/vlWAYkK/YBwk= HTTP/1.1\r\nRange: bytes=0-65535\r\nUser-Agent: Ares 1.9.9.3042\r\nX-My-Nick: somebody\r\n\r\n",
      ),
    ),
    back(latin("HTTP/1.1 206 OK\r\nServer: Ares 1.9.9.3042\r\nContent-Length: 100\r\n\r\n"), noise(100, 5)),
  ], { segment: 30 }),
  tcp([out(latin("PUSH SHA1:2jmj7l5rSw0yVb/vlWAYkK/YBwk=1234\n\n"))], INBOUND),
  tcp([out(latin("GET hash:2jmj7l5rSw0yVb/vlWAYkK/YBwk= HTTP/1.1\r\n\r\n"))], IPV6),
];

const MORE: readonly Sample[] = [
  sample(true, "a supernode's login with the numbers of a client's", "tcp-login-form", 2, [out(hex("03005d060605"))]),
  sample(true, "a login of the largest numbers", "tcp-login-form", 2, [out(hex("03005a0f0f05"))]),
  sample(true, "a greeting of the least length", "tcp-peer", 3, [
    out(hex("200037"), noise(32, 5)),
    back(hex("06001e000300000000")),
  ], WHOLE),
  { name: "a login of larger numbers", tcp: true, turns: [out(hex("03005a100f05"))] },
  { name: "a login of a larger minor number", tcp: true, turns: [out(hex("03005a0f1005"))] },
  {
    name: "a greeting below the least length",
    tcp: true,
    turns: [out(hex("1f0037"), noise(31, 5)), back(hex("06001e000300000000"))],
  },
  { name: "a key of a store and no end of line, long", tcp: true, turns: [out(latin(`GET sha1:${"a".repeat(600)}`))] },
  {
    name: "a key of a store whose line ends after 511 bytes",
    tcp: true,
    turns: [out(latin(`GET sha1:${"a".repeat(502)}`)), out(latin("\n"))],
  },
];

/** Samples, near misses and a session. */
export const samples: Samples = {
  about: "Frames of a capture of 2006, contents replaced (l7-filter, ipp2p, libprotoident).",
  recognised: RECOGNISED,
  nearMisses: NEAR_MISSES,
  more: MORE,
  session: {
    about: "Logins with the supernode's answer, clients, transfers (l7-filter, ipp2p, libprotoident).",
    flows: SESSION,
  },
};
