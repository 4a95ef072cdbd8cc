/**
 * The table that every classifier's test is: samples with their origin, near misses, and what is asked of both.
 * @module
 */
import assert from "node:assert/strict";
import { type Classifier, type Evidence, UNDECIDED, UNRELATED, WEAK } from "../../lib/protocol/classifier.ts";
import { converse, type Setting, type Turn } from "../support/conversation.ts";
import { STRANGERS } from "./strangers.ts";

/** A conversation that a classifier must recognise, or must not. */
export interface Sample {
  /** What it is and where its bytes come from. */
  readonly name: string;
  readonly tcp: boolean;
  readonly turns: readonly Turn[];
  /** Evidence expected; absent in a near miss. */
  readonly evidence?: string;
  readonly certainty?: number;
  /** A near miss that may be mentioned as weak. */
  readonly weak?: boolean;
  readonly midstream?: boolean;
  /** Answers that only name the first turn are not worth splitting; default: every TCP sample is split. */
  readonly whole?: boolean;
}

/** The same classifier, made to go on after weak answers, as the engine does. */
export function goingOn(classifier: Classifier): Classifier {
  return {
    name: classifier.name,
    title: classifier.title,
    tcp: classifier.tcp,
    udp: classifier.udp,
    least: classifier.least,
    first: classifier.first,
    classify(look): Evidence {
      const answer = classifier.classify(look);
      return answer.certainty === WEAK ? UNDECIDED : answer;
    },
  };
}

/** The surest answer to a sample: weak ones do not end the asking. */
export function surest(classifier: Classifier, sample: Sample): Evidence {
  const setting: Setting = { tcp: sample.tcp, midstream: sample.midstream === true };
  const sure = converse(goingOn(classifier), setting, sample.turns).answer;
  if (sure.certainty > 0) return sure;
  const any = converse(classifier, setting, sample.turns).answer;
  return any.certainty > 0 ? any : sure;
}

/** Strangers that are BitTorrent in fact. */
const OWN = /^(BitTorrent|uTP)/;

function turned(turns: readonly Turn[]): Turn[] {
  return turns.map(([arrow, bytes]) => [arrow === ">" ? "<" : ">", bytes]);
}

/** Registers the tests of one classifier. */
export function table(classifier: Classifier, samples: readonly Sample[], misses: readonly Sample[]): void {
  const { name } = classifier;
  for (const sample of samples) {
    Deno.test(`${name} recognises ${sample.name}`, () => {
      const answer = surest(classifier, sample);
      assert.equal(answer.name, sample.evidence);
      assert.equal(answer.certainty, sample.certainty);
      assert.ok(answer.because.length > 20);
    });
    if (!sample.tcp || sample.midstream || sample.whole) continue;
    Deno.test(`${name} recognises ${sample.name} cut anywhere`, () => {
      for (const [index, [arrow, bytes]] of sample.turns.entries()) {
        const most = Math.min(bytes.length, 160);
        for (let cut = 1; cut < most; cut++) {
          const turns: Turn[] = [...sample.turns];
          turns.splice(index, 1, [arrow, bytes.slice(0, cut)], [arrow, bytes.slice(cut)]);
          const answer = surest(classifier, { ...sample, turns });
          assert.equal(answer.name, sample.evidence, `turn ${index + 1} cut at ${cut}`);
        }
      }
    });
  }
  for (const miss of misses) {
    Deno.test(`${name} leaves alone ${miss.name}`, () => {
      const answer = surest(classifier, miss);
      assert.ok(answer.certainty <= (miss.weak === true ? WEAK : 0), `answered ${answer.name}`);
    });
  }
  Deno.test(`${name} leaves alone every look-alike by name`, () => {
    for (const stranger of STRANGERS) {
      if (OWN.test(stranger.name) && classifier.name === "bittorrent") continue; // strangers to the others only
      for (const turns of [stranger.turns, turned(stranger.turns)]) {
        const answer = surest(classifier, { ...stranger, turns });
        assert.equal(answer.certainty, 0, `${stranger.name}: answered ${answer.name}`);
      }
    }
  });
  Deno.test(`${name} decides nothing for certain on a proper prefix alone, and never reads past it`, () => {
    for (const sample of samples) {
      const [arrow, bytes] = sample.turns[0]!;
      for (let length = 1; length < Math.min(bytes.length, 200); length++) {
        const setting = { tcp: sample.tcp, midstream: sample.midstream === true };
        const { answer } = converse(classifier, setting, [[arrow, bytes.slice(0, length)]]);
        if (sample.tcp && !sample.midstream && !sample.whole) {
          assert.notEqual(answer, UNRELATED, `${sample.name}: gave up at ${length}`);
        }
      }
    }
  });
}
