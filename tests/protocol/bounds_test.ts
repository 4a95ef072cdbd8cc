/**
 * No classifier reads a byte outside the payload, throws, or answers differently because of what lies behind it: every
 * payload is cut at every length, with its own continuation behind the cut and then with other bytes there, and in a buffer
 * that ends with it.
 */
import assert from "node:assert/strict";
import { type Classifier, type Evidence, Look } from "../../lib/protocol/classifier.ts";
import { noise } from "../support/noise.ts";
import { ASKED, COLLECTION, recognisedOf } from "./collection.ts";
import { STRANGERS } from "./strangers.ts";

const SAMPLES = [...COLLECTION.flatMap(({ samples }) => recognisedOf(samples)), ...STRANGERS];

/** Puts `length` bytes of `buffer` from `start` before the classifier, of `sent` that crossed the wire. */
function show(
  classifier: Classifier,
  look: Look,
  buffer: Uint8Array,
  start: number,
  length: number,
  sent: number,
): Evidence {
  look.bytes = buffer;
  look.view = new DataView(buffer.buffer);
  look.start = look.fresh = start;
  look.end = start + length;
  look.length = sent;
  look.ownLength = sent;
  look.found.clear();
  return classifier.classify(look);
}

for (const { classifier } of ASKED) {
  Deno.test(`${classifier.name} reads nothing outside the payload`, () => {
    for (const sample of SAMPLES) {
      if (sample.tcp ? !classifier.tcp : !classifier.udp) continue;
      const look = new Look();
      look.asked = 1;
      look.tcp = sample.tcp;
      look.first = sample.midstream !== true;
      const firsts = { ">": 0, "<": 0 };
      const lengths = { ">": 0, "<": 0 };
      const counts = { ">": 0, "<": 0 };
      for (const [arrow, payload] of sample.turns) {
        const other = arrow === ">" ? "<" : ">";
        look.fromOpener = look.fromClient = arrow === ">";
        look.nth = ++counts[arrow];
        look.otherNth = counts[other];
        look.otherFirst = firsts[other];
        look.otherLength = lengths[other];
        const { owner, note0, note1 } = look;
        for (let length = classifier.least; length <= Math.min(payload.length, 400); length++) {
          // All that was sent, and less than that in view.
          for (const sent of new Set([length, payload.length])) {
            const behinds = [payload.slice(length), noise(64, 7), new Uint8Array(64), new Uint8Array(0)];
            const answers = behinds.map((behind) => {
              look.owner = owner;
              look.note0 = note0;
              look.note1 = note1;
              const before = noise(8, length);
              const buffer = new Uint8Array(8 + length + behind.length);
              buffer.set(before);
              buffer.set(payload.subarray(0, length), 8);
              buffer.set(behind, 8 + length);
              const answer = show(classifier, look, buffer, 8, length, sent);
              return `${answer.name} ${look.found.count} ${look.found.words.subarray(0, look.found.count * 6).join()}`;
            });
            assert.equal(new Set(answers).size, 1, `${sample.name} cut at ${length} of ${sent}: ${answers}`);
          }
        }
        if (counts[arrow] === 1) {
          lengths[arrow] = payload.length;
          for (let i = 0; i < 4; i++) firsts[arrow] = (firsts[arrow] << 8) | (payload[i] ?? 0);
        }
      }
    }
  });

  Deno.test(`${classifier.name} survives flipped bytes`, () => {
    let state = 0x2545f491;
    const random = (below: number) => {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      return (state >>> 0) % below;
    };
    const look = new Look();
    look.asked = 1;
    for (const sample of SAMPLES) {
      if (sample.tcp ? !classifier.tcp : !classifier.udp) continue;
      look.tcp = sample.tcp;
      for (let round = 0; round < 60; round++) {
        const [, payload] = sample.turns[random(sample.turns.length)]!;
        const length = Math.max(classifier.least, random(payload.length + 1));
        const buffer = new Uint8Array(length);
        buffer.set(payload.subarray(0, length));
        for (let flips = random(4); flips > 0; flips--) buffer[random(length)] = random(256);
        look.first = random(4) !== 0;
        look.fromOpener = random(2) === 0;
        look.nth = 1 + random(9);
        look.otherNth = random(3);
        look.otherFirst = random(2) === 0 ? 0 : random(0xffffffff) | 0;
        look.otherLength = random(200);
        look.owner = random(3);
        look.note0 = random(0xffffffff) | 0;
        look.note1 = random(0xffffffff) | 0;
        const answer = show(classifier, look, buffer, 0, length, length);
        assert.ok(answer.certainty >= 0 && answer.certainty <= 3);
      }
    }
  });
}
