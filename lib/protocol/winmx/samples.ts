/**
 * Conversations of WinMX, and what comes near them.
 * @module
 */
import { hex, join, latin } from "../../../tests/support/conversation.ts";
import { dnsAnswer, dnsQuestion } from "../../../tests/support/dns_message.ts";
import { back, INBOUND, IPV6, out, sample, tcp, udp, WHOLE } from "../../../tests/support/flow.ts";
import { noise } from "../../../tests/support/noise.ts";
import { keyBlock } from "../../../tests/support/wpnp.ts";
import type { Flow, Sample, Samples } from "../../../tests/protocol/sample.ts";

const KEY = hex("5b63c6f7589fe7699d596ea952de9cf2");
const ANSWER = hex("b31895824836519e30bb565bb4998415");
const CACHE_BLOCK = hex("6b592200a946584cf6ab9cb5f29a6b11");

const RECOGNISED: readonly Sample[] = [
  sample(true, "key blocks of both sides behind the greeting", "wpnp-key", 3, [
    back(latin("1")),
    out(KEY),
    back(ANSWER),
  ]),
  sample(true, "the opener's key block alone", "wpnp-key", 3, [out(KEY)]),
  sample(true, "a peer cache's answer", "wpnp-cache", 3, [back(latin("8"), CACHE_BLOCK)]),
  sample(true, "WinMX 2", "wpnp2", 3, [back(latin("1")), out(latin("CLIE"))], WHOLE),
];

const NEAR_MISSES: readonly Sample[] = [
  {
    name: "a key block with another last byte",
    tcp: true,
    turns: [back(latin("1")), out(KEY.slice(0, 15), hex("f3"))],
  },
  { name: "a key block with a byte behind it, without the greeting", tcp: true, turns: [out(KEY, hex("00"))] },
  { name: "a word that begins as WinMX 2 does", tcp: true, turns: [back(latin("1")), out(latin("CLIENT hello\r\n"))] },
  { name: "a cache's first byte and no block", tcp: true, turns: [back(latin("8")), out(latin("hello"))] },
];

/** A bootstrap name: its answer is learned from. */
const NAMES: readonly Flow[] = [
  udp([
    out(dnsQuestion(7, "c3310.z1301.winmx.com")),
    back(dnsAnswer(7, "c3310.z1301.winmx.com", [{ type: "A", value: "203.0.113.77", ttl: 60 }])),
  ], { port: 53 }),
];

/** WinMX's chain: greeting, key blocks of both sides with their roles, then cipher. */
function winmx(client: number, server: number, rest: Partial<Flow> = {}): Flow {
  return tcp([
    back(latin("1")),
    out(keyBlock(client, noise(16, client))),
    back(keyBlock(server, noise(16, server))),
    out(noise(41, 3)),
    back(noise(77, 5)),
  ], rest);
}
const CACHE = join(latin("8"), keyBlock(0x54, noise(16, 9)), noise(132, 11));
const SESSION: readonly Flow[] = [
  winmx(0x50, 0x51),
  winmx(0x52, 0x53, IPV6),
  winmx(0x57, 0x58, INBOUND),
  winmx(0x52, 0x53, { segment: 5 }),
  // The whole answer of a peer cache: 149 bytes, then the end.
  tcp([back(CACHE)]),
  tcp([back(CACHE)], { segment: 7 }),
  // One side alone, either.
  tcp([out(keyBlock(0x52, noise(16, 13))), out(noise(41, 3))]),
  tcp([back(latin("1")), back(keyBlock(0x51, noise(16, 15)))]),
  // A download between users, in WinMX's way: the words in segments of their own.
  tcp([
    back(latin("1")),
    out(latin("GET")),
    out(latin('user123_01234 "C:\\music\\song.mp3" 0')),
    back(latin("123456"), noise(300, 3)),
  ], { also: { opennap: "WinMX's users send each other files as Napster's do" } }),
];

/** Samples, near misses and a session. */
export const samples: Samples = {
  about: "WPNP key blocks, peer caches, WinMX 2, a bootstrap name (wpnp-crypto, mldonkey).",
  recognised: RECOGNISED,
  nearMisses: NEAR_MISSES,
  names: NAMES,
  session: {
    about:
      "The chain of greeting, key blocks under WPNP's scramble and cipher for all roles, caches, a download (wpnp-crypto).",
    flows: SESSION,
  },
};
