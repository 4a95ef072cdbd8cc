import assert from "node:assert/strict";
import { ACCEPT, SETTLED } from "../../lib/judge/engine.ts";
import { CLASSIFIERS } from "../../lib/protocol/mod.ts";
import { Desk } from "../support/desk.ts";
import { readEnd, udpPacket } from "../support/packets.ts";

const C = readEnd("10.0.0.5:50000");
const S = readEnd("198.51.100.7:443");

/** A datagram of 1,200 bytes that begins with these. */
function datagram(...begins: number[]): Uint8Array {
  return Uint8Array.from({ length: 1200 }, (_, i) => begins[i] ?? (i * 73) & 255);
}

/** Which packet of a flow is the first that settles it, where both sides begin so and go on with short headers; 0 for none. */
function settledAt(opener: number[], responder: number[]): number {
  const desk = new Desk(CLASSIFIERS);
  for (let nth = 1; nth <= 20; nth++) {
    const up = nth % 2 === 1;
    const begins = nth === 1 ? opener : nth === 2 ? responder : [0x40 + nth];
    const verdict = desk.judge(udpPacket(up ? C : S, up ? S : C, datagram(...begins)));
    if (verdict === (ACCEPT | SETTLED)) return nth;
  }
  return 0;
}

Deno.test("QUIC is settled by its answer, and by nothing that only one side says", () => {
  const versions = [[0, 0, 0, 1], [0x6b, 0x33, 0x43, 0xcf], [0xff, 0, 0, 29]];
  for (const version of versions) {
    assert.equal(settledAt([0xc3, ...version], [0xc9, ...version]), 2);
    assert.equal(settledAt([0xc3, ...version], [0xe9, ...version]), 2, "a handshake packet");
    // A datagram that pretends is answered by what the other side really speaks.
    for (const other of [[0x41, 0, 0, 1], [0x21, 2, 0, 1], [0xc9, 1, 2, 3], [0xe3, 0x96, 0, 0]]) {
      assert.equal(settledAt([0xc3, ...version], other), 16, String(other));
      assert.equal(settledAt(other, [0xc3, ...version]), 16, String(other));
    }
  }
  assert.equal(settledAt([0xc3, 0, 0, 0, 1], [0xc3, 0x6b, 0x33, 0x43]), 16, "of two versions");
});
