/**
 * Ares Galaxy: the login to a supernode, and the greetings between clients.
 *
 * A frame is a u16le length, a type byte and that many bytes. After the login the session is encrypted; searches over UDP have
 * no shape worth a rule. Sources: l7-filter, ipp2p, libprotoident, and seven flows of a capture of 2006.
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
import { compare, CUT, literal, SAME, seek, seekByte } from "../literal.ts";

const LOGIN = evidence(
  "tcp-login",
  CERTAIN,
  "03 00 5A, then 06 06 05 (4 captured flows) or 04 03 05 (ipp2p), and nothing else in the opener's stream yet; odds 2^-47",
);
const LOGIN_FORM = evidence(
  "tcp-login-form",
  STRONG,
  "03 00, 5A or 5D, two numbers below 16, 05 and nothing else in the opener's stream yet: logins of other versions (l7-filter, " +
    "ipp2p); odds 2^-39",
);
const CONVERSATION = evidence(
  "tcp-conversation",
  CERTAIN,
  "03 00 5A .. .. 05 in 6 bytes, answered by 135 bytes of type 3C or 3B in 138 (libprotoident; 3 captured flows); odds 2^-70",
);
const PEERS = evidence(
  "tcp-peer",
  CERTAIN,
  "A first segment of one frame of type 37, answered by 06 00 1E 00 03 00 00 00 00 (3 captured flows); odds 2^-96",
);
const TRANSFER = evidence(
  "tcp-transfer",
  STRONG,
  "GET sha1:, GET hash: or PUSH SHA1: in place of a path at the start, then a digest of 28 letters in base64, or HTTP's version " +
    "at the line's end (ipp2p); odds 2^-72, but text",
);

const GET = literal("GET sha1:");
const GET_HASH = literal("GET hash:");
const PUSH = literal("PUSH SHA1:");
const VERSION = literal(" HTTP/1.");
/** Letters of a SHA-1 digest in base64, the last one "=". */
const DIGEST = 28;

/** Recognises logins, client connections and transfers. */
export const ares: Classifier = {
  name: "ares",
  title: "Ares Galaxy",
  tcp: true,
  udp: false,
  least: 3,
  // Login, its answer, the answer between clients, GET and PUSH.
  first: [0x03, 0x87, 0x06, 0x47, 0x50],
  classify(look: Look): Evidence {
    if (!look.first) return UNRELATED;
    const { bytes, start: at, end } = look;
    switch (bytes[at]) {
      case 0x03:
        return look.fromOpener ? login(bytes, at, end) : UNRELATED;
      case 0x87:
        return answer(look, at, end);
      case 0x06:
        return peer(look, at, end);
      case 0x47:
        return transfer(bytes, at, end, at + 4 < end && bytes[at + 4] === 0x68 ? GET_HASH : GET);
      case 0x50:
        return transfer(bytes, at, end, PUSH);
      default:
        return look.otherNth === 0 ? UNDECIDED : UNRELATED;
    }
  },
};

function login(bytes: Uint8Array, at: number, end: number): Evidence {
  if (bytes[at + 1] !== 0 || (bytes[at + 2] !== 0x5a && bytes[at + 2] !== 0x5d)) return UNRELATED;
  if (end - at < 6) return UNDECIDED;
  if (bytes[at + 5] !== 0x05) return UNRELATED;
  if (end - at > 6) return UNRELATED;
  const major = bytes[at + 3]!;
  const minor = bytes[at + 4]!;
  if (bytes[at + 2] === 0x5a && (major === 6 && minor === 6 || major === 4 && minor === 3)) return LOGIN;
  return major < 16 && minor < 16 ? LOGIN_FORM : UNDECIDED;
}

function answer(look: Look, at: number, end: number): Evidence {
  const bytes = look.bytes;
  if (bytes[at + 1] !== 0 || (bytes[at + 2] !== 0x3c && bytes[at + 2] !== 0x3b)) return UNRELATED;
  if (look.otherFirst >>> 8 !== 0x03005a || look.otherLength !== 6) return UNRELATED;
  return end - at < 138 ? UNDECIDED : end - at === 138 ? CONVERSATION : UNRELATED;
}

function peer(look: Look, at: number, end: number): Evidence {
  const bytes = look.bytes;
  const first = look.otherFirst;
  const length = first >>> 24 | (first >>> 16 & 0xff) << 8;
  if ((first >>> 8 & 0xff) !== 0x37 || length < 32 || look.otherLength !== length + 3) return UNRELATED;
  if (bytes[at + 1] !== 0 || bytes[at + 2] !== 0x1e) return UNRELATED;
  if (end - at < 9) return UNDECIDED;
  if (bytes[at + 3] !== 0 || bytes[at + 4] !== 3) return UNRELATED;
  for (let i = at + 5; i < at + 9; i++) if (bytes[i] !== 0) return UNRELATED;
  return PEERS;
}

function transfer(bytes: Uint8Array, at: number, end: number, word: Uint8Array): Evidence {
  const outcome = compare(bytes, at, end, word);
  if (outcome === CUT) return UNDECIDED;
  if (outcome !== SAME) return UNRELATED;
  // The key of a store that is asked in lines may begin so, too.
  const line = seekByte(bytes, at, end, 0x0a);
  const digest = at + word.length;
  if (line > digest + DIGEST && bytes[digest + DIGEST - 1] === 0x3d) return TRANSFER;
  if (line > 0) return seek(bytes, digest, line, VERSION) > 0 ? TRANSFER : UNRELATED;
  return end - at < 512 ? UNDECIDED : UNRELATED;
}
