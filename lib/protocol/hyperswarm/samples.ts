/**
 * Conversations of Hyperswarm, and what comes near them.
 * @module
 */
import { hex, join } from "../../../tests/support/conversation.ts";
import { back, INBOUND, out, sample, udp } from "../../../tests/support/flow.ts";
import { noise } from "../../../tests/support/noise.ts";
import type { Flow, Samples } from "../../../tests/protocol/sample.ts";

// Find peer; a ping with a value; the answers: a node's own identifier, and one with two nodes and a value.
const FIND = join(hex("03 08 5990 c6336403 49c2 02"), noise(32, 3));
const FOUND = join(
  hex("13 17 5990 c0a80702 03dc"),
  noise(64, 5),
  hex("02 c6336402 4cc2 c6336403 4ac2 04 01020304"),
);
const PING = hex("03 14 6390 c6336403 49c2 01 02 49c2");
const PONG = join(hex("13 01 6390 c0a80702 49c2"), noise(32, 7));
const STORE = join(
  hex("03 1b 7777 c6336403 49c2"),
  noise(64, 9),
  hex("06"),
  noise(32, 11),
  hex("fd 2c01"),
  noise(300, 13),
);
const STORED = hex("13 08 7777 c0a80702 49c2 10");

/** A header of UDX: type, receiver's stream, number, acknowledged. */
const header = (type: number, stream: string, rest: string) =>
  join(hex("ff 01"), Uint8Array.of(type, 0), hex(stream), hex("00004000"), hex(rest));
const DATA = (number: string) => join(header(1, "ccee33a3", `${number} 000000 00000000`), noise(200, 15));
const ACK = (number: string) => header(0, "eee31d54", `00000000 ${number} 000000`);

const SESSION: readonly Flow[] = [
  udp([out(FIND), back(FOUND), out(PING), back(PONG)]),
  udp([out(DATA("00")), back(ACK("01")), out(DATA("01")), back(ACK("02"))]),
  udp([back(DATA("00")), back(DATA("01")), out(ACK("01")), out(ACK("02"))], INBOUND),
];

/** Samples, near misses and a session. */
export const samples: Samples = {
  about: "The layouts of dht-rpc and libudx, as hyperswarm 4.17 sends them.",
  recognised: [
    sample(false, "a peer is looked for", "dht-conversation", 3, [out(FIND), back(FOUND)]),
    sample(false, "a ping with a value", "dht-conversation", 3, [out(PING), back(PONG)]),
    sample(false, "a long value, and an error for an answer", "dht-conversation", 3, [out(STORE), back(STORED)]),
    sample(false, "two questions before an answer", "dht-conversation", 3, [out(PING), out(FIND), back(PONG)]),
    sample(false, "data and its acknowledgements", "udx", 3, [out(DATA("00")), back(ACK("01")), out(DATA("01"))]),
  ],
  nearMisses: [
    { name: "an answer to another question", tcp: false, turns: [out(FIND), back(PONG)] },
    { name: "a byte too many", tcp: false, turns: [out(join(FIND, hex("00"))), back(FOUND)] },
    { name: "a byte too few", tcp: false, turns: [out(FIND), back(FOUND.subarray(0, FOUND.length - 1))] },
    { name: "an unknown command", tcp: false, turns: [out(hex("03 04 6390 c6336403 49c2 05")), back(PONG)] },
    { name: "one side's headers alone", tcp: false, turns: [out(DATA("00")), out(DATA("01")), out(DATA("02"))] },
    { name: "streams that never repeat", tcp: false, turns: [out(DATA("00")), back(ACK("01"))] },
    { name: "a header of version 2", tcp: false, turns: [out(hex("ff 02 00 00"), noise(16, 3)), back(ACK("01"))] },
    {
      name: "an acknowledgement with bytes behind",
      tcp: false,
      turns: [out(join(ACK("01"), hex("00"))), back(ACK("01"))],
    },
  ],
  session: {
    about: "Questions of the DHT and streams in both directions, as hyperswarm 4.17 has them.",
    flows: SESSION,
  },
};
