/**
 * Winny: the key that a side sends opens its own first block.
 *
 * Each side sends two dummy bytes and four bytes of RC4 key, then blocks under that key: u32le length, command. The first is
 * always command 97 alone. So the bytes prove themselves. Source: two published analyses of the protocol (binzume, arufa).
 * @module
 */
import { CERTAIN, type Classifier, type Evidence, evidence, type Look, UNRELATED } from "../classifier.ts";
import { beginsAsText } from "../encrypted.ts";

const GREETING = evidence(
  "tcp-greeting",
  CERTAIN,
  "Bytes 6 to 10 under RC4 with the key in bytes 2 to 5 are 01 00 00 00 61 (binzume, arufa); odds 2^-40",
);

const KEY_AT = 2;
const KEY_LENGTH = 4;
const BLOCK_AT = 6;
const BLOCK = Uint8Array.of(0x01, 0x00, 0x00, 0x00, 0x61);
/** State of the cipher: scratch space, filled anew for every key. */
const state = new Uint8Array(256);
/** What it begins with. */
const UNSWAPPED = Uint8Array.from({ length: 256 }, (_, i) => i);
/** The key at hand. */
const key = new Uint8Array(KEY_LENGTH);

/** Recognises either side's greeting. */
export const winny: Classifier = {
  name: "winny",
  title: "Winny",
  tcp: true,
  udp: false,
  least: 11,
  // Two random bytes come first.
  first: "any",
  classify(look: Look): Evidence {
    // The cipher need not be set up for text.
    if (!look.first || beginsAsText(look.bytes, look.start, look.end) || isTls(look.bytes, look.start)) {
      return UNRELATED;
    }
    return opens(look.bytes, look.start) ? GREETING : UNRELATED;
  },
};

/** A TLS record of the handshake. */
function isTls(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === 0x16 && bytes[at + 1] === 0x03;
}

/** RC4's key schedule takes 256 steps, once for each direction of a flow that was not text or TLS. */
function opens(bytes: Uint8Array, at: number): boolean {
  state.set(UNSWAPPED);
  for (let i = 0; i < KEY_LENGTH; i++) key[i] = bytes[at + KEY_AT + i]!;
  let j = 0;
  for (let i = 0; i < 256; i++) {
    const own = state[i]!;
    j = (j + own + key[i & (KEY_LENGTH - 1)]!) & 255;
    state[i] = state[j]!;
    state[j] = own;
  }
  j = 0;
  for (let n = 0; n < 5; n++) {
    const own = state[n + 1]!;
    j = (j + own) & 255;
    const swapped = state[j]!;
    state[n + 1] = swapped;
    state[j] = own;
    if ((bytes[at + BLOCK_AT + n]! ^ state[(own + swapped) & 255]!) !== BLOCK[n]) return false;
  }
  return true;
}
