/**
 * Conversations of Resilio, and what comes near them.
 * @module
 */
import { hex, join, latin } from "../../../tests/support/conversation.ts";
import { back, INBOUND, IPV6, out, tcp, udp } from "../../../tests/support/flow.ts";
import { noise } from "../../../tests/support/noise.ts";
import type { Flow, Sample, Samples } from "../../../tests/protocol/sample.ts";

const DISCOVERY = join(
  latin("BSYNC\0d2:la6:"),
  hex("c0a80118 a1b5"),
  latin("1:m4:ping4:peer20:"),
  noise(20, 3),
  latin("5:share32:"),
  noise(32, 5),
  latin("e"),
);

const RECOGNISED: readonly Sample[] = [
  { name: "a discovery message", tcp: false, turns: [[">", DISCOVERY]], evidence: "discovery", certainty: 3 },
  { name: "a discovery message over TCP", tcp: true, turns: [[">", DISCOVERY]], evidence: "discovery", certainty: 3 },
];

const NEAR_MISSES: readonly Sample[] = [
  { name: "the word without a dictionary", tcp: false, turns: [[">", latin("BSYNC\0list")]] },
  { name: "the word in small letters", tcp: false, turns: [[">", join(latin("bsync\0"), DISCOVERY.slice(6))]] },
];

const bsync = (fields: string, ...rest: Uint8Array[]) => join(latin(`BSYNC\0d${fields}`), ...rest, latin("e"));
const SESSION: readonly Flow[] = [
  // To a tracker: who has this share; its answer with two peers; a ping without an address; over TCP in small segments.
  udp([
    out(
      bsync(
        "2:la6:",
        hex("0a000005 d431"),
        latin("1:m9:get_peers4:peer20:"),
        noise(20, 3),
        latin("5:share20:"),
        noise(20, 5),
      ),
    ),
    back(
      bsync(
        "2:ea6:",
        hex("c0000207 d431"),
        latin("1:m5:peers5:peersld1:a6:"),
        hex("c6336407 1ae1"),
        latin("ee5:share20:"),
        noise(20, 5),
      ),
    ),
  ]),
  udp([out(bsync("1:m4:ping4:peer20:", noise(20, 7)))], IPV6),
  tcp([out(bsync("1:m9:get_peers4:peer20:", noise(20, 9)))], { segment: 4 }),
  tcp([back(bsync("1:m5:peers4:peer20:", noise(20, 11)))], INBOUND),
];

/** Samples, near misses and a session. */
export const samples: Samples = {
  about: "The layout published by picosync.",
  recognised: RECOGNISED,
  nearMisses: NEAR_MISSES,
  session: { about: "Questions to a tracker and its answer, over UDP and TCP (picosync's notes).", flows: SESSION },
};
