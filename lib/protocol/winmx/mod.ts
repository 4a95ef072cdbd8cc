/**
 * WinMX: WPNP version 3 by its key blocks, version 2 by its greeting. Its bootstrap names are caught by DNS training, its
 * transfers between peers are those of Napster (see opennap.ts).
 * @module
 */
import { CACHE, isAcceptingRole, isConnectingRole, KEY_BLOCK_LENGTH, keyBlockRole } from "./wpnp.ts";
import { CERTAIN, type Classifier, type Evidence, evidence, type Look, UNDECIDED, UNRELATED } from "../classifier.ts";

const WPNP_KEY: Evidence = evidence(
  "wpnp-key",
  CERTAIN,
  "The stream begins with a WPNP key block whose two checksums hold, with a role that fits its side (wpnp-crypto, a public room lister): the opener's 16 bytes and nothing more, 1.8e-7; after the responder's single byte 31, below 1e-9",
);
const WPNP_CACHE: Evidence = evidence(
  "wpnp-cache",
  CERTAIN,
  "The responder speaks first: 38, then a key block with role 54 whose checksums hold: a WinMX peer cache's list (WinMX World's notes, ipp2p, nDPI); 2.4e-10",
);
const WPNP2: Evidence = evidence(
  "wpnp2",
  CERTAIN,
  'The responder greets with the single byte 31, the opener answers with the four bytes "CLIE" in a segment of their own: WinMX 2 (mldonkey); below 2^-40',
);

/** A stream that begins with the single byte `1`, as {@link Look.otherFirst} has it. */
const ONE_WORD = 0x31000000;
const ONE = 0x31;
const EIGHT = 0x38;
const CLIE_WORD = 0x434c4945;

/** WinMX, and what speaks its protocol since: RoboMX, Ourmx, chat clients. */
export const winmx: Classifier = {
  name: "winmx",
  title: "WinMX (WPNP)",
  // As ftwall 2 did: nothing else stops its TCP, which takes any port.
  action: "lock",
  require: "certain",
  // The caches of the client itself, those of the community that kept it alive, and the maker's.
  names: ["*.winmx.com", "*.winmxgroup.com", "*.winmxgroup.net", "*.mxpie.com", "*.frontcode.com"],
  tcp: true,
  udp: false,
  least: 1,
  blocksPeers: true,
  first: "any",
  classify(look: Look): Evidence {
    if (!look.first) return UNRELATED;
    return look.fromOpener ? classifyOpener(look) : classifyResponder(look);
  },
};

function classifyOpener(look: Look): Evidence {
  const { bytes, start, end } = look;
  const length = end - start;
  const greeted = look.otherFirst === ONE_WORD && look.otherLength === 1;
  // Anything else from the responder before this: not WPNP, where it speaks first with one byte.
  if (!greeted && look.otherNth > 0) return UNRELATED;
  if (greeted && look.ownFirst === CLIE_WORD && look.ownLength === 4) return WPNP2;
  if (length < KEY_BLOCK_LENGTH) return UNDECIDED;
  // Without the greeting in view the block must be all there is: the opener waits for the responder's block.
  if (!greeted && length > KEY_BLOCK_LENGTH) return UNRELATED;
  return isConnectingRole(keyBlockRole(bytes, start)) ? WPNP_KEY : UNRELATED;
}

function classifyResponder(look: Look): Evidence {
  const { bytes, start, end } = look;
  const greeting = bytes[start];
  if (greeting !== ONE && greeting !== EIGHT) return UNRELATED;
  if (greeting === EIGHT && look.otherNth > 0) return UNRELATED;
  if (end - start < 1 + KEY_BLOCK_LENGTH) return UNDECIDED;
  const role = keyBlockRole(bytes, start + 1);
  if (greeting === EIGHT) return role === CACHE ? WPNP_CACHE : UNRELATED;
  return isAcceptingRole(role) ? WPNP_KEY : UNRELATED;
}
