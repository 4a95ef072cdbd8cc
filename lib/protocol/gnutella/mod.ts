/**
 * Gnutella 1 and 2.
 * @module
 */
import { QUESTIONS } from "./questions.ts";
import type { Classifier, Evidence, Look } from "../classifier.ts";
import { classifyGnutellaTcp } from "./tcp.ts";
import { classifyGnutellaUdp } from "./udp.ts";

/** Recognises handshakes, transfers and caches over TCP, and messages, DHT and the reliability layer over UDP. */
export const gnutella: Classifier = {
  name: "gnutella",
  title: "Gnutella and Gnutella2",
  questions: QUESTIONS,
  mappings: ["gtk-gnutella", "LimeWire", "WireShare", "FrostWire", "Shareaza", "Phex"],
  tcp: true,
  udp: true,
  least: 8,
  // UDP messages begin with a random identifier; TCP streams with G, H or P, or a TLS hello.
  first: "any",
  classify(look: Look): Evidence {
    return look.tcp ? classifyGnutellaTcp(look) : classifyGnutellaUdp(look);
  },
};
