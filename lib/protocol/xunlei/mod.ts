/**
 * Xunlei (Thunder): a hint only.
 *
 * Its datagrams begin with a u32le version from 30 to 3F, a command and a sequence number; nothing in them proves itself, and
 * little-endian counters of games look alike. Sources: a rule of Emerging Threats, the dissector of OpenDPI.
 * @module
 */
import { type Classifier, type Evidence, evidence, type Look, UNDECIDED, UNRELATED, WEAK } from "../classifier.ts";

const VERSION = evidence(
  "udp-version",
  WEAK,
  "Both sides begin with the same u32le from 30 to 3F, datagrams of 9 to 63 bytes, sequence number 0 (Emerging Threats, OpenDPI)",
);

/** Hints at Xunlei's UDP exchange. */
export const xunlei: Classifier = {
  name: "xunlei",
  title: "Xunlei (Thunder)",
  action: "log",
  require: "certain",
  tcp: false,
  udp: true,
  least: 9,
  first: [0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d, 0x3e, 0x3f],
  classify(look: Look): Evidence {
    const { bytes, start: at } = look;
    if (bytes[at + 1] !== 0 || bytes[at + 2] !== 0 || bytes[at + 3] !== 0 || look.length > 63) return UNRELATED;
    // Version, command, sequence number: the first exchange has number 0.
    for (let i = at + 5; i < at + 9; i++) if (bytes[i] !== 0) return UNRELATED;
    if (bytes[at + 4] === 0) return UNRELATED;
    if (look.otherNth === 0) return look.nth < 4 ? UNDECIDED : UNRELATED;
    const same = look.otherFirst === look.view.getInt32(at) && look.otherLength >= 9 && look.otherLength < 64;
    return same ? VERSION : UNRELATED;
  },
};
