import assert from "node:assert/strict";
import {
  encryptionOf,
  isNodePong,
  NETWORKS,
  nodePongId,
  OTHER_NETWORK,
  pingNetwork,
  pongNetwork,
  writeNodeEcho,
  writeNodePong,
  writePing,
} from "./messages.ts";
import { hex } from "../../../tests/support/conversation.ts";

Deno.test("the second decoy is the 13-byte node pong with the ping's encryption", () => {
  const buffer = new Uint8Array(20).fill(0xee);
  assert.equal(writeNodePong(buffer, 3, 0x29, 0xdeadbeef | 0), 13);
  assert.deepEqual(buffer, hex("eeeeee 29 00000029 01 00 0000 deadbeef eeeeeeee"));
  assert.ok(isNodePong(buffer, 3, 16));
  assert.equal(nodePongId(buffer, 3), 0xdeadbeef | 0);
  const ping = hex("27 000000a9 80 4b615a6141 00");
  writeNodePong(buffer, 0, encryptionOf(ping, 0), 1);
  assert.equal(encryptionOf(buffer, 0), 0xa9);
});

Deno.test("the decoy before it is a node echo, which neither of giFT's pongs is", () => {
  const buffer = new Uint8Array(5);
  writeNodeEcho(buffer, 0, 0xdeadbeef | 0);
  assert.deepEqual(buffer, hex("2a deadbeef"));
});

Deno.test("the probe is the ping of the client's network", () => {
  const vectors = [
    "27 00000029 80 4b615a6141 00",
    "27 00000029 80 66696c657368617265 00",
    "27 00000029 80 47726f6b73746572 00",
    "27 00000029 80 4d7573696343697479 00",
  ];
  for (const [network, vector] of vectors.entries()) {
    const buffer = new Uint8Array(64);
    const length = writePing(buffer, 0, 0x29, network);
    assert.deepEqual(buffer.slice(0, length), hex(vector));
    assert.equal(length, 7 + NETWORKS[network]!.length);
    assert.equal(pingNetwork(buffer, 0, length), network);
  }
  const buffer = new Uint8Array(64);
  assert.equal(writePing(buffer, 0, 0x29, OTHER_NETWORK), 12, "an unknown network is probed as KaZaA");
});

Deno.test("names tell the network in any case, and only whole names do", () => {
  assert.equal(pingNetwork(hex("27 00000029 80 6b617a6161 00"), 0, 12), 0);
  assert.equal(pingNetwork(hex("27 00000029 80 4b617a614158 00"), 0, 13), OTHER_NETWORK);
  assert.equal(pingNetwork(hex("27 00000029 80 4b615a6100 00"), 0, 12), -1);
  assert.equal(pingNetwork(hex("27 00000029 80 4b615a6141 41"), 0, 12), -1);
  assert.equal(pongNetwork(hex("28 00000029 00 7b 3c13 3c 0f 4b615a6141 00"), 0, 17), 0);
});
