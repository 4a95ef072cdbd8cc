/**
 * Makes WPNP key blocks, the inverse of what lib/protocol/winmx/wpnp.ts proves.
 * @module
 */

/** A key block for this role around 16 bytes of chance. */
export function keyBlock(role: number, chance: Uint8Array): Uint8Array {
  const d = chance.slice(0, 16);
  d[4] = d[15]! ^ d[13]! ^ d[5]! ^ d[2]!;
  d[9] = role + (d[14]! ^ d[8]! ^ d[1]!);
  d[11] = d[12]! ^ d[10]! ^ d[7]! ^ d[6]! ^ d[3]! ^ d[0]!;
  for (let step = 0; step < 105; step++) {
    const before = step === 0 ? 0x57 : d[(step - 1) % 16]!;
    const at = step % 16;
    d[at] = step % 5 === 0 ? d[at]! ^ before : d[at]! + before;
  }
  return d;
}
