/**
 * WinMX's protocol (WPNP, version 3): the 16-byte key block with which each side begins. It carries the sender's role,
 * covered by two checksums, under a fixed scramble without a key, so that it can be proved from the outside.
 *
 * Scheme: wpnp-crypto (MIT) and a public room lister; random bytes pass with 7 in 2^24 (measured: 1 in 3 million).
 * @module
 */

/** Bytes of a key block. */
export const KEY_BLOCK_LENGTH = 16;
/** Role in a key block: none, the checksums do not hold. */
export const NO_ROLE = 0;
/** Role: primary node that connects. */
const PRIMARY_CLIENT = 0x50;
/** Role: primary node that was connected to by a primary. */
const PRIMARY_SERVER = 0x51;
/** Role: secondary node that connects. */
const SECONDARY_CLIENT = 0x52;
/** Role: primary node that was connected to by a secondary. */
const SECONDARY_SERVER = 0x53;
/** Role: peer cache, in front of its list of nodes. */
export const CACHE = 0x54;
/** Role: user of a chat room. */
const CHAT_CLIENT = 0x57;
/** Role: host of a chat room. */
const CHAT_SERVER = 0x58;

const STEPS = 105;
const plain = new Uint8Array(KEY_BLOCK_LENGTH);

/** The role that the key block at `offset` carries; NO_ROLE where its checksums fail or the role is not known. Reads 16 bytes. */
export function keyBlockRole(bytes: Uint8Array, offset: number): number {
  for (let i = 0; i < KEY_BLOCK_LENGTH; i++) plain[i] = bytes[offset + i]!;
  for (let step = STEPS - 1; step >= 0; step--) {
    const at = step & 15;
    const before = step === 0 ? 0x57 : plain[(step - 1) & 15]!;
    plain[at] = step % 5 === 0 ? plain[at]! ^ before : plain[at]! - before;
  }
  if (plain[4] !== (plain[15]! ^ plain[13]! ^ plain[5]! ^ plain[2]!)) return NO_ROLE;
  const role = plain[9]! - (plain[14]! ^ plain[8]! ^ plain[1]!) & 0xff;
  // The public sources add the role's top bit here; all known roles have none.
  const sum = plain[12]! ^ plain[10]! ^ plain[7]! ^ plain[6]! ^ plain[3]! ^ plain[0]!;
  if (plain[11] !== sum) return NO_ROLE;
  return isRole(role) ? role : NO_ROLE;
}

/** True for the roles of the side that opens the connection. */
export function isConnectingRole(role: number): boolean {
  return role === PRIMARY_CLIENT || role === SECONDARY_CLIENT || role === CHAT_CLIENT;
}

/** True for the roles of the side that was connected to. */
export function isAcceptingRole(role: number): boolean {
  return role === PRIMARY_SERVER || role === SECONDARY_SERVER || role === CHAT_SERVER;
}

function isRole(role: number): boolean {
  return role >= PRIMARY_CLIENT && role <= CACHE || role === CHAT_CLIENT || role === CHAT_SERVER;
}
