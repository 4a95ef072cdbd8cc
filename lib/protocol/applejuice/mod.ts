/**
 * appleJuice: its greeting.
 * @module
 */
import { CERTAIN, type Classifier, type Evidence, evidence, type Look, UNDECIDED, UNRELATED } from "../classifier.ts";
import { compare, CUT, literal, SAME } from "../literal.ts";

const GREETING = evidence("tcp-greeting", CERTAIN, "ajprot, CR, LF at the start (l7-filter, nDPI); odds 2^-64");
const WORD = literal("ajprot\r\n");

/** Recognises sessions by the greeting that both sides send. */
export const applejuice: Classifier = {
  name: "applejuice",
  title: "appleJuice",
  tcp: true,
  udp: false,
  least: 1,
  first: [0x61],
  classify(look: Look): Evidence {
    if (!look.first) return UNRELATED;
    const outcome = compare(look.bytes, look.start, look.end, WORD);
    return outcome === SAME ? GREETING : outcome === CUT ? UNDECIDED : UNRELATED;
  },
};
