/**
 * Random bytes are nobody's protocol. FTWALL_RANDOM sets how many payloads a transport (default 300,000; the docs quote
 * a run of 10,000,000).
 */
import assert from "node:assert/strict";
import { CLASSIFIERS, PROTOCOLS } from "../../lib/protocol/mod.ts";
import { Engine } from "../../lib/judge/engine.ts";
import { protocolDefaults } from "../../lib/policy/defaults.ts";
import { defaultConfig } from "../../lib/policy/load.ts";
import { compile } from "../../lib/policy/policy.ts";
import { capacityFor, State } from "../../lib/state/state.ts";
import { buildTcp, buildUdp, Ends } from "../../lib/wire/build.ts";
import { OK } from "../../lib/wire/outcome.ts";
import { Packet } from "../../lib/wire/packet.ts";

const COUNT = Number(Deno.env.get("FTWALL_RANDOM") ?? 300_000);

/** Marsaglia's xorshift32: the same bytes in every run. */
function generator(seed: number): () => number {
  let x = seed | 0;
  return () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return x >>> 0;
  };
}

for (const tcp of [false, true]) {
  Deno.test(`${COUNT} random ${tcp ? "TCP" : "UDP"} payloads are called nothing certain or strong, and hardly ever weak`, () => {
    const next = generator(tcp ? 0x2545f491 : 0x9e3779b9);
    const called = [0, 0, 0, 0];
    const policy = compile(defaultConfig(protocolDefaults(PROTOCOLS)));
    const engine = new Engine({
      policy,
      state: new State(capacityFor(8 << 20), 7),
      classifiers: CLASSIFIERS,
      emit: () => {},
    });
    const worst: string[] = [];
    engine.observer = {
      opened: () => {},
      judged: () => {},
      because: () => {},
      classified: (_row, call) => {
        called[call.certainty]!++;
        if (worst.length < 5) worst.push(`${call.protocol}/${call.evidence}`);
      },
    };
    const bytes = new Uint8Array(2048);
    const view = new DataView(bytes.buffer);
    const packet = new Packet();
    const ends = new Ends();
    const random = new Uint32Array(300);
    const payload = new Uint8Array(random.buffer);
    for (let i = 0; i < COUNT; i++) {
      // A new client and peer each time: what adds up over peers is another test's business.
      ends.from(0, 0, 0xffff, 0x0a000000 | (i & 0xffffff), 1024 + (next() % 64000))
        .to(0, 0, 0xffff, (0xc6000000 | (next() & 0xffffff)) | 0, 1024 + (next() % 64000));
      const length = 1 + next() % (i % 8 === 0 ? 1200 : 160);
      for (let word = 0; word * 4 < length; word++) random[word] = next();
      const part = payload.subarray(0, length);
      const size = tcp ? buildTcp(bytes, view, 0, ends, 0x18, 1, 1, part) : buildUdp(bytes, view, 0, ends, part);
      const outcome = packet.decode(bytes, view, 0, size, size);
      assert.equal(outcome, OK);
      engine.judge(packet, outcome, i / 1000);
    }
    assert.equal(called[3], 0, `certain: ${worst}`);
    assert.equal(called[2], 0, `strong: ${worst}`);
    assert.ok(called[1]! < COUNT / 10_000, `weak: ${called[1]} of ${COUNT}: ${worst}`);
    assert.equal(engine.asker.failures, 0);
  });
}
