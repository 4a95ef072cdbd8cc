/**
 * OpenFT, the network of giFT: gone from the net, still in old installations.
 *
 * Packets are a u16be length and a u16be command. Sources: giFT's protocol notes in mldonkey, the dissector that nDPI had.
 * @module
 */
import { HttpHead, NO_LINE } from "../../wire/http.ts";
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

const ALIAS = evidence(
  "http-alias",
  CERTAIN,
  "A header line X-OpenftAlias or X-OpenftNodeInfo in an HTTP head (giFT); no other program sends it",
);
const VERSION = evidence(
  "tcp-version",
  STRONG,
  "0000 0000 in 4 bytes, answered by 0006 0001, major 0, minor below 10 (giFT); odds 2^-90, zeros on one side",
);

const head = new HttpHead();
const LONGEST_HEAD = 4096;

/** Recognises the version exchange and transfers. */
export const openft: Classifier = {
  name: "openft",
  title: "OpenFT",
  tcp: true,
  udp: false,
  least: 4,
  // Commands below 256 begin with 00; transfers with GET, HEAD or HTTP.
  first: [0x00, 0x47, 0x48],
  classify(look: Look): Evidence {
    if (!look.first) return UNRELATED;
    const { bytes, start: at, end } = look;
    if (bytes[at] === 0) return version(look, at, end);
    if (bytes[at] === 0x47 || bytes[at] === 0x48) return transfer(bytes, at, end);
    return UNRELATED;
  },
};

function version(look: Look, at: number, end: number): Evidence {
  const view = look.view;
  const head = view.getInt32(at);
  if (head === 0) return look.ownLength <= 4 && look.otherNth === 0 ? UNDECIDED : UNRELATED;
  if (head !== 0x00060001 || look.otherLength !== 4 || look.otherFirst !== 0) return UNRELATED;
  if (end - at < 10) return UNDECIDED;
  return view.getUint16(at + 4) === 0 && view.getUint16(at + 6) < 10 && view.getUint16(at + 8) < 100
    ? VERSION
    : UNRELATED;
}

function transfer(bytes: Uint8Array, at: number, end: number): Evidence {
  const kind = head.read(bytes, at, end);
  if (!head.lineComplete) return kind === NO_LINE && end - at > 32 || end - at > LONGEST_HEAD ? UNRELATED : UNDECIDED;
  if (kind === NO_LINE) return UNRELATED;
  while (head.next()) if (head.nameIs("x-openftalias") || head.nameIs("x-openftnodeinfo")) return ALIAS;
  return head.body >= 0 || end - at > LONGEST_HEAD ? UNRELATED : UNDECIDED;
}
