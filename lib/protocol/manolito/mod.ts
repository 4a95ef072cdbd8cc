/**
 * MP2P, the network of Manolito, Blubster and Piolet: transfers between clients.
 *
 * Its searches over UDP (port 41170) are obfuscated. Two of its datagrams have fixed words at both ends. Source: the dissector
 * of OpenDPI.
 * @module
 */
import {
  CERTAIN,
  type Classifier,
  type Evidence,
  evidence,
  type Look,
  STRONG,
  UNDECIDED,
  UNRELATED,
} from "../classifier.ts";

const DIALOGUE = evidence(
  "tcp-dialogue",
  CERTAIN,
  "SIZ and a space at the start of one side, STR and a space at the start of the other (OpenDPI); odds 2^-64",
);

const DATAGRAM = evidence(
  "udp-words",
  STRONG,
  "3D 4B D9 at 0 and ED BB at 16 of 20 bytes, or 3E 4A at 0 and 09 2F 20 at 20 of 25 (OpenDPI); odds 2^-40 and an exact length",
);

const SIZE = 0x53495a20;
const STRING = 0x53545220;

/** Recognises transfers, and two kinds of datagrams. */
export const manolito: Classifier = {
  name: "manolito",
  title: "Manolito (MP2P)",
  tcp: true,
  udp: true,
  least: 4,
  first: [0x53, 0x3d, 0x3e],
  classify(look: Look): Evidence {
    if (!look.tcp) return isOwn(look) ? DATAGRAM : UNRELATED;
    if (!look.first) return UNRELATED;
    const own = look.view.getInt32(look.start);
    if (own !== SIZE && own !== STRING) return UNRELATED;
    // Something must follow the word, and the other side speaks the other word.
    if (look.end - look.start < 5) return UNDECIDED;
    const wanted = own === SIZE ? STRING : SIZE;
    if (look.otherLength >= 4) return look.otherFirst === wanted ? DIALOGUE : UNRELATED;
    return UNDECIDED;
  },
};

function isOwn(look: Look): boolean {
  const { view, start: at, end, length } = look;
  if (end - at !== length) return false;
  if (length === 20) return view.getUint32(at) >>> 8 === 0x3d4bd9 && view.getUint16(at + 16) === 0xedbb;
  return length === 25 && view.getUint16(at) === 0x3e4a && view.getUint32(at + 20) >>> 8 === 0x092f20;
}
