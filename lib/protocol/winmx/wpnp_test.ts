import assert from "node:assert/strict";
import fc from "fast-check";
import { keyBlockRole, NO_ROLE } from "./wpnp.ts";
import { hex } from "../../../tests/support/conversation.ts";
import { keyBlock } from "../../../tests/support/wpnp.ts";

Deno.test("key blocks of every role are read", () => {
  for (
    const [role, block] of [
      [0x50, "5b63c6f7589fe7699d596ea952de9cf2"],
      [0x51, "b31895824836519e30bb565bb4998415"],
      [0x52, "435d75f10fe5e915ea49a0ad1b36ae82"],
      [0x53, "eee64b0013c5c00ee6c3919a40fd383b"],
      [0x54, "6b592200a946584cf6ab9cb5f29a6b11"],
      [0x57, "d6e5a08a818978e2b4500dedd05bada5"],
      [0x58, "86f250d332dadc72506572dfeb2af202"],
    ] as const
  ) {
    assert.equal(keyBlockRole(hex(block), 0), role);
    assert.equal(keyBlockRole(hex("ffff" + block + "ff"), 2), role);
  }
});

Deno.test("blocks made for a role are read as it, those for others are not", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), fc.integer({ min: 0, max: 255 }), (chance, role) => {
      const known = role >= 0x50 && role <= 0x54 || role === 0x57 || role === 0x58;
      assert.equal(keyBlockRole(keyBlock(role, chance), 0), known ? role : NO_ROLE);
    }),
  );
});

Deno.test("one flipped bit breaks a block, except top bits, which are not mixed", () => {
  const block = hex("435d75f10fe5e915ea49a0ad1b36ae82");
  for (let bit = 0; bit < 128; bit++) {
    if ((bit & 7) === 7) continue;
    const flipped = block.slice();
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    assert.equal(keyBlockRole(flipped, 0), NO_ROLE, `bit ${bit}`);
  }
});
