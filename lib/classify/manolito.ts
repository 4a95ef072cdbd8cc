/**
 * MP2P, the network of Manolito, Blubster and Piolet: transfers between clients.
 *
 * Its searches over UDP (port 41170) are obfuscated and have no known shape: only the dialogue of a transfer is recognised.
 * Source: the dissector of OpenDPI.
 * @module
 */
import { CERTAIN, type Classifier, type Evidence, evidence, type Look, UNDECIDED, UNRELATED } from "./classifier.ts";

const DIALOGUE = evidence(
  "tcp-dialogue",
  CERTAIN,
  "SIZ and a space at the start of one side, STR and a space at the start of the other (OpenDPI); odds 2^-64",
);

const SIZE = 0x53495a20;
const STRING = 0x53545220;

/** Recognises transfers. */
export const manolito: Classifier = {
  name: "manolito",
  title: "Manolito (MP2P)",
  tcp: true,
  udp: false,
  least: 4,
  first: [0x53],
  classify(look: Look): Evidence {
    if (!look.first) return UNRELATED;
    const own = look.view.getInt32(look.start);
    if (own !== SIZE && own !== STRING) return UNRELATED;
    // Something must follow the word, and the other side speaks the other word.
    if (look.end - look.start < 5 || look.otherNth === 0) return UNDECIDED;
    const wanted = own === SIZE ? STRING : SIZE;
    if (look.otherLength >= 4) return look.otherFirst === wanted ? DIALOGUE : UNRELATED;
    return UNDECIDED;
  },
};
