/** Each classifier by its own samples: what is recognised, however TCP cut it, and what is nearly it. */
import assert from "node:assert/strict";
import { CERTAIN, CERTAINTY_NAMES, type Classifier, STRONG, UNRELATED, WEAK } from "../../lib/protocol/classifier.ts";
import { converse, type Turn } from "../support/conversation.ts";
import { declaredBy } from "../support/coverage.ts";
import { ASKED, nearMissesOf, recognisedOf } from "./collection.ts";
import { answersTo, type Flow, type Sample, surest } from "./sample.ts";

/** Bytes of a turn that are cut or shown alone: all of a handshake, the head of what is bulk. */
const HEAD = 400;

/**
 * Bits that an answer must rest on: changing any one of them takes it away. Certain is below one in a million flows, 20 bits
 * of chance; flows do not begin by chance, so more is asked for. Strong evidence may rest on lengths and looks besides.
 */
const BITS = { certain: 30, strong: 8 } as const;

function isAs(classifier: Classifier, flow: Flow, certainty: number): boolean {
  return answersTo(classifier, flow).some((answer) => answer.certainty >= certainty);
}

/** The flow up to the byte with which the classifier is as sure as the sample says. */
function shortest(classifier: Classifier, sample: Sample): Flow {
  for (const [index, [arrow, bytes]] of sample.turns.entries()) {
    for (let length = 1; length <= bytes.length; length++) {
      const turns: Turn[] = [...sample.turns.slice(0, index), [arrow, bytes.slice(0, length)]];
      if (isAs(classifier, { ...sample, turns }, sample.certainty!)) return { ...sample, turns };
    }
  }
  return sample;
}

/** Bits without any one of which the classifier is less sure; counted up to `enough`. */
function decisiveBits(classifier: Classifier, flow: Flow, certainty: number, enough: number): number {
  let count = 0;
  for (const [index, [arrow, bytes]] of flow.turns.entries()) {
    for (let bit = 0; bit < bytes.length * 8 && count < enough; bit++) {
      const changed = bytes.slice();
      changed[bit >> 3]! ^= 1 << (bit & 7);
      const turns = [...flow.turns];
      turns[index] = [arrow, changed];
      if (!isAs(classifier, { ...flow, turns }, certainty)) count++;
    }
  }
  return count;
}

for (const { classifier, samples } of ASKED) {
  const { name, first } = classifier;
  const recognised = recognisedOf(samples);

  Deno.test(`${name} recognises its samples`, () => {
    for (const sample of recognised) {
      const answers = answersTo(classifier, sample);
      const wanted = answers.find((answer) => answer.name === sample.evidence);
      assert.ok(wanted, `${sample.name}: answered [${answers.map(({ name }) => name)}]`);
      assert.equal(wanted.certainty, sample.certainty, sample.name);
      assert.ok(answers.every(({ certainty }) => certainty <= wanted.certainty), sample.name);
      assert.ok(wanted.because.length > 20, wanted.name);
    }
  });

  Deno.test(`${name} recognises its samples cut anywhere`, () => {
    for (const sample of recognised.filter(({ tcp, midstream, whole }) => tcp && !midstream && !whole)) {
      for (const [index, [arrow, bytes]] of sample.turns.entries()) {
        for (let cut = 1; cut < Math.min(bytes.length, HEAD); cut++) {
          const turns: Turn[] = [...sample.turns];
          turns.splice(index, 1, [arrow, bytes.slice(0, cut)], [arrow, bytes.slice(cut)]);
          const answers = answersTo(classifier, { ...sample, turns }).map((answer) => answer.name);
          assert.ok(
            answers.includes(sample.evidence!),
            `${sample.name}: turn ${index + 1} cut at ${cut}: [${answers}]`,
          );
        }
      }
    }
  });

  Deno.test(`${name} does not give up a stream that may yet become one of its samples`, () => {
    for (const sample of recognised.filter(({ tcp, midstream, whole }) => tcp && !midstream && !whole)) {
      const [arrow, bytes] = sample.turns[0]!;
      for (let length = 1; length < Math.min(bytes.length, HEAD); length++) {
        const { answer } = converse(classifier, { tcp: true }, [[arrow, bytes.slice(0, length)]]);
        assert.notEqual(answer, UNRELATED, `${sample.name}: gave up at ${length}`);
      }
    }
  });

  Deno.test(`${name} is certain only of what rests on ${BITS.certain} bits, strong of what rests on ${BITS.strong}`, () => {
    for (const sample of recognised.filter(({ certainty }) => certainty! >= STRONG)) {
      const wanted = sample.certainty === CERTAIN ? BITS.certain : BITS.strong;
      const shown = shortest(classifier, sample);
      const bits = decisiveBits(classifier, shown, sample.certainty!, wanted);
      const lengths = shown.turns.map(([, bytes]) => bytes.length);
      assert.ok(bits >= wanted, `${sample.name}: decided after ${lengths} bytes, by ${bits} bits of them`);
    }
  });

  Deno.test(`${name} leaves its near misses alone`, () => {
    for (const miss of nearMissesOf(samples)) {
      const answer = surest(classifier, miss);
      assert.ok(answer.certainty <= (miss.weak === true ? WEAK : 0), `${miss.name}: answered ${answer.name}`);
    }
  });

  Deno.test(`each piece of evidence of ${name} has a sample`, () => {
    const declared = declaredBy(name).filter(({ certainty }) => certainty !== "nothing alone");
    const { lengths, questions = [], call } = classifier;
    const shown = new Map(recognised.map(({ evidence, certainty }) => [evidence!, CERTAINTY_NAMES[certainty!]!]));
    // What lengths tell has samples of its own: message_lengths_test.ts.
    for (const { name, certainty } of lengths?.proofs ?? []) shown.set(name, CERTAINTY_NAMES[certainty]!);
    // And so has what is asked: questions_test.ts.
    for (const { evidence } of call === undefined ? questions : [...questions, call]) {
      shown.set(evidence.name, CERTAINTY_NAMES[evidence.certainty]!);
    }
    assert.deepEqual([...shown].sort(), [...new Map(declared.map((one) => [one.name, one.certainty]))].sort());
  });

  Deno.test(`${name} waits for no other first bytes than its samples have`, () => {
    if (first === "any") return;
    for (const sample of recognised) {
      const some = sample.turns.some(([, bytes]) => first.includes(bytes[0]!));
      assert.ok(some || sample.midstream === true, sample.name);
    }
  });
}
