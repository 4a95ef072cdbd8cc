import assert from "node:assert/strict";
import { directconnect } from "./mod.ts";
import { converse, latin } from "../../../tests/support/conversation.ts";
import { samples } from "./samples.ts";

Deno.test("an invitation to connect names the peer", () => {
  const turns = [["<", latin("$ConnectToMe one 192.0.2.3:3002|")]] as const;
  const { look } = converse(directconnect, { tcp: true, midstream: true }, turns);
  assert.deepEqual([...look.found.words.subarray(0, 6)], [0, 0, 0xffff, 0xc0000203 | 0, 3002, 1]);
});

Deno.test("a search result names its hub", () => {
  const result = samples.recognised.find((sample) => sample.evidence === "udp-search-result")!;
  const { look } = converse(directconnect, { tcp: false }, result.turns);
  assert.deepEqual([...look.found.words.subarray(0, 6)], [0, 0, 0xffff, 0xc0000203 | 0, 411, 1]);
});
