/**
 * Conversations of appleJuice, and what comes near them.
 * @module
 */
import { hex, latin } from "../../../tests/support/conversation.ts";
import { back, out, tcp } from "../../../tests/support/flow.ts";
import { noise } from "../../../tests/support/noise.ts";
import type { Flow, Sample, Samples } from "../../../tests/protocol/sample.ts";

const RECOGNISED: readonly Sample[] = [
  { name: "a greeting", tcp: true, turns: [[">", latin("ajprot\r\nabc")]], evidence: "tcp-greeting", certainty: 3 },
];

const NEAR_MISSES: readonly Sample[] = [
  { name: "the word and another line end", tcp: true, turns: [[">", latin("ajprot\n\nabc")]] },
];

const SESSION: readonly Flow[] = [
  // Both sides greet, then binary frames.
  tcp([
    out(latin("ajprot\r\n"), hex("00000010"), noise(16, 3)),
    back(latin("ajprot\r\n"), hex("00000020"), noise(32, 5)),
  ]),
  tcp([out(latin("ajprot\r\n"))], { segment: 1 }),
  tcp([back(latin("ajprot\r\n"), noise(20, 7))]),
  tcp([out(latin("ajprot\r\n"), noise(40, 9))], { ipv6: true, inbound: true }),
];

/** Samples, near misses and a session. */
export const samples: Samples = {
  about: "Its greeting (l7-filter, nDPI).",
  recognised: RECOGNISED,
  nearMisses: NEAR_MISSES,
  session: { about: "Greetings of both sides (l7-filter, nDPI).", flows: SESSION },
};
