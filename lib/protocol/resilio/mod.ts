/**
 * Resilio Sync, formerly BitTorrent Sync: its discovery messages.
 *
 * Transfers are encrypted from the first byte; discovery on the local net (multicast 239.192.0.0:3838) and towards trackers
 * is bencoding after a fixed word. Legitimate software. Sources: picosync's protocol notes, Arkime's classifier.
 * @module
 */
import { CERTAIN, type Classifier, type Evidence, evidence, type Look, UNDECIDED, UNRELATED } from "../classifier.ts";
import { compare, CUT, literal, SAME, seek } from "../literal.ts";

const DISCOVERY = evidence(
  "discovery",
  CERTAIN,
  "BSYNC, 00 and a bencoded dictionary at the start (picosync, Arkime); odds 2^-56",
);

const WORD = literal("BSYNC\0");
const ADDRESS = literal("2:la6:");
const DICTIONARY = 0x64;

/** Recognises discovery over UDP and TCP. */
export const resilio: Classifier = {
  name: "resilio",
  title: "Resilio Sync",
  // Used for honest work as well: an administrator who wants it gone says so.
  action: "log",
  require: "certain",
  hints: ["*.resilio.com"],
  mappings: ["Resilio Sync", "BitTorrent Sync"],
  tcp: true,
  udp: true,
  least: 1,
  first: [0x42],
  classify(look: Look): Evidence {
    if (!look.first) return UNRELATED;
    const { bytes, start: at, end } = look;
    const outcome = compare(bytes, at, end, WORD);
    if (outcome !== SAME) return outcome === CUT && look.tcp ? UNDECIDED : UNRELATED;
    if (end - at <= WORD.length) return look.tcp ? UNDECIDED : UNRELATED;
    if (bytes[at + WORD.length] !== DICTIONARY) return UNRELATED;
    // The sender's own address on its local net, where it says it.
    const local = seek(bytes, at + 7, Math.min(end, at + 64), ADDRESS);
    if (local > 0 && local + 12 <= end) {
      look.peer(0, 0, 0xffff, look.view.getInt32(local + 6), look.view.getUint16(local + 10));
    }
    return DISCOVERY;
  },
};
