import assert from "node:assert/strict";
import { gnutella } from "./mod.ts";
import { converse, hex } from "../../../tests/support/conversation.ts";
import { message, samples } from "./samples.ts";

Deno.test("a Gnutella handshake names the nodes to try", () => {
  const { look } = converse(gnutella, { tcp: true }, samples.recognised[0]!.turns);
  assert.equal(look.found.count, 2);
  assert.deepEqual([...look.found.words.subarray(0, 6)], [0, 0, 0xffff, 0xc0000207 | 0, 6346, 1]);
  assert.deepEqual([...look.found.words.subarray(6, 12)], [0, 0, 0xffff, 0xc0000208 | 0, 6347, 1]);
});

Deno.test("a Gnutella pong names its sender", () => {
  const pong = message(1, 1, 0, hex("ca18 c0000207 00000000 00000000"));
  const { look } = converse(gnutella, { tcp: false }, [["<", pong]]);
  assert.deepEqual([...look.found.words.subarray(0, 6)], [0, 0, 0xffff, 0xc0000207 | 0, 6346, 1]);
});
