/** Programs that cipher everything, through the whole engine: alone, and on a machine that shares files beside them. */
import assert from "node:assert/strict";
import { CLASSIFIERS } from "../../lib/protocol/mod.ts";
import { Engine, REFUSE } from "../../lib/judge/engine.ts";
import { capacityFor, State } from "../../lib/state/state.ts";
import { Packet } from "../../lib/wire/packet.ts";
import { ACK, PSH, SYN } from "../../lib/wire/transport.ts";
import { latin } from "../support/conversation.ts";
import { HOME } from "../support/desk.ts";
import { Draw, type Talker, TALKERS } from "../support/encrypted_flights.ts";
import { noise } from "../support/noise.ts";
import { Connection, decode, readEnd, udpPacket } from "../support/packets.ts";
import { policyOf } from "../support/story.ts";

const SEGMENT = 1448;
const FLOWS = 60;
const QUESTION = latin(`d1:ad2:id20:${"0".repeat(20)}6:target20:${"1".repeat(20)}e1:q9:find_node1:t2:aa1:y1:qe`);

/** Flows of one client that were refused; `known` asks the DHT every twenty flows. */
function refused(talker: Talker, seed: number, known: boolean): number {
  const draw = new Draw(Math.imul(seed, 0x9e3779b1));
  const kind = draw.whole(0, 0xffff);
  const hosts = talker.hosts(draw);
  const state = new State(capacityFor(1 << 20), 1);
  const engine = new Engine({ policy: policyOf(HOME), state, classifiers: CLASSIFIERS, emit: () => {} });
  const packet = new Packet();
  let now = 1e6;
  let count = 0;
  engine.tick(now, now);
  const isRefused = (bytes: Uint8Array) => (engine.judge(packet, decode(packet, bytes), now) & REFUSE) !== 0;
  for (let flow = 0; flow < FLOWS; flow++) {
    now += talker.atOnce ? 300 : 2000;
    if (known && flow % 20 === 0) {
      assert.ok(isRefused(udpPacket(readEnd("10.0.0.5:6881"), readEnd("198.51.100.20:6881"), QUESTION)));
    }
    const host = draw.whole(0, hosts - 1);
    const peer = readEnd(`203.0.${host >> 8}.${host & 255}:${20_000 + host % 3}`);
    const connection = new Connection(readEnd(`10.0.0.5:${40_000 + flow}`), peer);
    const send = (side: 0 | 1, flags: number, bytes?: Uint8Array) => isRefused(connection.segment(side, flags, bytes));
    let ended = send(0, SYN) || send(1, SYN | ACK);
    for (const { fromOpener, size, after, lengthBytes } of talker.talk(draw, kind)) {
      const bytes = noise(size, draw.whole(1, 0x7fffffff));
      if (lengthBytes > 0) bytes.set([(size - 2) >> 8, (size - 2) & 255]);
      for (let at = 0; at < size && !ended; at += SEGMENT) {
        ended = send(fromOpener ? 0 : 1, ACK | PSH, bytes.subarray(at, at + SEGMENT));
      }
      now += after / 50;
    }
    if (ended) count++;
  }
  return count;
}

for (const talker of TALKERS) {
  Deno.test(`${talker.name}: ${talker.shares ? "ends" : "goes on"}, alone and beside file sharing`, () => {
    const seeds = [1, 2, 3, 4];
    const alone = seeds.map((seed) => refused(talker, seed, false));
    const beside = seeds.map((seed) => refused(talker, seed, true));
    if (talker.shares) {
      assert.ok(Math.min(...alone, ...beside) > FLOWS / 2, `${alone}, ${beside}`);
      return;
    }
    assert.deepEqual(alone, seeds.map(() => 0));
    // One flow may by chance end its handshake as BitTorrent's does, before any other spoke against it.
    assert.ok(Math.max(...beside) <= 1, `${beside}`);
  });
}
