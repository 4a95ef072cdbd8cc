import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import fc from "fast-check";
import { sha256 } from "../../lib/policy/hash.ts";

Deno.test("sha256 gives the values of FIPS 180-4's examples", () => {
  assert.equal(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  assert.equal(sha256(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
});

Deno.test("sha256 agrees with another implementation at every length around the block size", () => {
  for (let length = 0; length < 200; length++) {
    const text = "x".repeat(length);
    assert.equal(sha256(text), createHash("sha256").update(text).digest("hex"), `length ${length}`);
  }
});

Deno.test("sha256 agrees with another implementation on any text", () => {
  fc.assert(fc.property(fc.string({ unit: "grapheme", maxLength: 300 }), (text) => {
    assert.equal(sha256(text), createHash("sha256").update(text, "utf8").digest("hex"));
  }));
});
