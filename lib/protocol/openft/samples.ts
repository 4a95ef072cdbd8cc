/**
 * Conversations of OpenFT, and what comes near them.
 * @module
 */
import { hex, latin } from "../../../tests/support/conversation.ts";
import { back, INBOUND, IPV6, out, sample, tcp, WHOLE } from "../../../tests/support/flow.ts";
import type { Flow, Sample, Samples } from "../../../tests/protocol/sample.ts";

const RECOGNISED: readonly Sample[] = [
  {
    name: "a version exchange",
    tcp: true,
    whole: true,
    turns: [[">", hex("00000000")], ["<", hex("00060001 0000 0002 0001")]],
    evidence: "tcp-version",
    certainty: 2,
  },
  {
    name: "a transfer",
    tcp: true,
    turns: [[">", latin("GET /a.mp3 HTTP/1.1\r\nX-OpenftAlias: one\r\n\r\n")]],
    evidence: "http-alias",
    certainty: 3,
  },
];

const NEAR_MISSES: readonly Sample[] = [
  {
    name: "zeros and another command",
    tcp: true,
    turns: [[">", hex("00000000")], ["<", hex("00060002 0000 0002 0001")]],
  },
  { name: "a version nobody asked for", tcp: true, turns: [["<", hex("00060001 0000 0002 0001")]] },
  {
    name: "the header's name in a value",
    tcp: true,
    turns: [[">", latin("GET / HTTP/1.1\r\nCookie: X-OpenftAlias: one\r\n\r\n")]],
  },
];

const SESSION: readonly Flow[] = [
  // Version, node information, capabilities: a session's first words.
  tcp([
    out(hex("0000 0000")),
    back(hex("0006 0001 0000 0002 0001")),
    out(hex("0000 0002")),
    back(hex("000e 0003 0004 04bf 04c0 c0000207 00000001")),
  ]),
  tcp([out(hex("0000 0000")), back(hex("0006 0001 0000 0002 0001"))], IPV6),
  tcp([out(hex("0000 0000")), back(hex("0006 0001 0000 0000 0009"))], INBOUND),
  // A download with its answer in small segments; the answer alone; a push.
  tcp([
    out(latin("GET /shared/a.mp3 HTTP/1.1\r\nX-OpenftAlias: somebody\r\nRange: bytes=0-\r\n\r\n")),
    back(latin("HTTP/1.1 206 Partial Content\r\nX-OpenftAlias: other\r\nContent-Length: 4\r\n\r\ndata")),
  ], { segment: 16 }),
  tcp([back(latin("HTTP/1.1 200 OK\r\nContent-Length: 4\r\nX-OpenftAlias: other\r\n\r\ndata"))]),
  tcp([out(latin("HEAD /shared/a.mp3 HTTP/1.1\r\nx-openftnodeinfo: 1 1215 1216\r\n\r\n"))], IPV6),
];

const MORE: readonly Sample[] = [
  sample(true, "the largest version", "tcp-version", 2, [
    out(hex("00000000")),
    back(hex("00060001 0000 0009 0063")),
  ], WHOLE),
  { name: "a major version too large", tcp: true, turns: [out(hex("00000000")), back(hex("00060001 0000 000a 0001"))] },
  { name: "a minor version too large", tcp: true, turns: [out(hex("00000000")), back(hex("00060001 0000 0002 0064"))] },
  { name: "a head without the names", tcp: true, turns: [out(latin("GET /a HTTP/1.1\r\nHost: a\r\n\r\n"))] },
  { name: "GET and no line, 33 bytes", tcp: true, turns: [out(latin(`GET${" x".repeat(15)}`))] },
  {
    name: "a head that does not end",
    tcp: true,
    turns: [out(latin(`GET /a HTTP/1.1\r\n${"A: b\r\n".repeat(800)}`)), out(latin("X-OpenftAlias: one\r\n\r\n"))],
  },
];

/** Samples, near misses and a session. */
export const samples: Samples = {
  about: "giFT's formats.",
  recognised: RECOGNISED,
  nearMisses: NEAR_MISSES,
  more: MORE,
  session: {
    about: "Version exchange and what follows, downloads with their answers (giFT's protocol notes in mldonkey).",
    flows: SESSION,
  },
};
