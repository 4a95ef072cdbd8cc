/**
 * The same samples as packets through the engine: dispatch by first byte, least length, reassembly and the order of asking
 * must not stand between a classifier and its bytes.
 */
import assert from "node:assert/strict";
import { CERTAINTY_NAMES, WEAK } from "../../lib/protocol/classifier.ts";
import { CLASSIFIERS } from "../../lib/protocol/mod.ts";
import type { TrafficEvent } from "../../lib/learn/event.ts";
import { MemorySource } from "../../lib/replay/memory_source.ts";
import { HOOK_FORWARD, Packet } from "../../lib/wire/packet.ts";
import { ACK, SYN } from "../../lib/wire/transport.ts";
import { packetsOf } from "../golden/make.ts";
import { Desk } from "../support/desk.ts";
import { decode } from "../support/packets.ts";
import { replay } from "../support/replay.ts";
import { policyOf } from "../support/story.ts";
import { ASKED, nearMissesOf, recognisedOf } from "./collection.ts";
import { answersTo, type Flow } from "./sample.ts";
import { STRANGERS } from "./strangers.ts";

/** What is detected in each flow that is judged alone, and how many packets are refused. */
function judged(flow: Flow): { readonly detected: string[]; readonly refused: number } {
  using source = new MemorySource(packetsOf({ name: "", about: "", flows: [flow] }));
  const { events, played, engine } = replay(source, policyOf(""));
  assert.equal(played.undecodable, 0);
  assert.equal(engine.asker.failures, 0);
  return { detected: detectedIn(events), refused: played.refused };
}

function detectedIn(events: readonly TrafficEvent[]): string[] {
  return events.flatMap((event) =>
    event.event === "detected" ? [`${event.protocol} ${event.evidence} ${event.certainty}`] : []
  );
}

for (const { classifier, samples } of ASKED) {
  const { name } = classifier;
  Deno.test(`the engine detects ${name} in the packets of its samples`, () => {
    for (const sample of recognisedOf(samples).filter(({ snap }) => snap === undefined)) {
      // Of a client's weak hints one is told in a minute.
      const evidence = sample.certainty === WEAK ? answersTo(classifier, sample)[0]!.name : sample.evidence;
      const wanted = `${name} ${evidence} ${CERTAINTY_NAMES[sample.certainty!]}`;
      const { detected } = judged(sample);
      assert.ok(detected.includes(wanted), `${sample.name}: wanted ${wanted}, got [${detected}]`);
    }
  });
}

/** What the engine detects of a flow in the packets that the rules queue of it, and its verdicts on those with payload. */
function asQueued(flow: Flow, begun: boolean): { readonly detected: string[]; readonly verdicts: number[] } {
  const desk = new Desk(CLASSIFIERS, "");
  const packet = new Packet();
  const verdicts: number[] = [];
  let first = begun;
  for (const { bytes } of packetsOf({ name: "", about: "", flows: [flow] })) {
    decode(packet, bytes);
    if (packet.length === 0 && ((packet.flags & (SYN | ACK)) !== SYN || begun)) continue;
    const verdict = desk.judge(bytes, HOOK_FORWARD, first);
    first = false;
    if (packet.length > 0) verdicts.push(verdict);
  }
  return { detected: detectedIn(desk.events), verdicts };
}

Deno.test("a connection whose SYN the rules let by is judged like one whose SYN they queue", () => {
  const shown = ASKED.flatMap(({ samples }) => [...recognisedOf(samples), ...nearMissesOf(samples)]);
  let compared = 0;
  for (const flow of [...shown, ...STRANGERS]) {
    if (!flow.tcp || flow.midstream === true || flow.inbound === true) continue;
    assert.deepEqual(asQueued(flow, true), asQueued(flow, false), flow.name);
    compared++;
  }
  assert.ok(compared > 400, `${compared}`);
});

Deno.test("the engine detects nothing in any look-alike, and refuses none of its packets", () => {
  const found = STRANGERS.filter(({ also }) => also === undefined).flatMap((stranger) => {
    const { detected, refused } = judged(stranger);
    return detected.length + refused === 0 ? [] : [`${stranger.name}: ${detected}`];
  });
  assert.deepEqual(found, []);
});
