/**
 * The same samples as packets through the engine: dispatch by first byte, least length, reassembly and the order of asking
 * must not stand between a classifier and its bytes.
 */
import assert from "node:assert/strict";
import { CERTAINTY_NAMES, WEAK } from "../../lib/protocol/classifier.ts";
import { MemorySource } from "../../lib/replay/memory_source.ts";
import { packetsOf } from "../golden/make.ts";
import { replay } from "../support/replay.ts";
import { policyOf } from "../support/story.ts";
import { ASKED, recognisedOf } from "./collection.ts";
import { answersTo, type Flow } from "./sample.ts";
import { STRANGERS } from "./strangers.ts";

/** What is detected in each flow that is judged alone, and how many packets are refused. */
function judged(flow: Flow): { readonly detected: string[]; readonly refused: number } {
  using source = new MemorySource(packetsOf({ name: "", about: "", flows: [flow] }));
  const { events, played, engine } = replay(source, policyOf(""));
  assert.equal(played.undecodable, 0);
  assert.equal(engine.asker.failures, 0);
  const detected = events.flatMap((event) =>
    event.event === "detected" ? [`${event.protocol} ${event.evidence} ${event.certainty}`] : []
  );
  return { detected, refused: played.refused };
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

Deno.test("the engine detects nothing in any look-alike, and refuses none of its packets", () => {
  const found = STRANGERS.filter(({ also }) => also === undefined).flatMap((stranger) => {
    const { detected, refused } = judged(stranger);
    return detected.length + refused === 0 ? [] : [`${stranger.name}: ${detected}`];
  });
  assert.deepEqual(found, []);
});
