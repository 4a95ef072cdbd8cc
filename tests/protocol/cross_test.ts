/**
 * No classifier takes for its own what is somebody else's: the samples, near misses and sessions of every other protocol, and
 * whatever is known to come near one. What one answers to rightly is declared beside the flow, with the reason (`also`).
 */
import assert from "node:assert/strict";
import type { Classifier, Evidence } from "../../lib/protocol/classifier.ts";
import { openCapture } from "../../lib/replay/capture.ts";
import type { Turn } from "../support/conversation.ts";
import { noise } from "../support/noise.ts";
import { replay } from "../support/replay.ts";
import { policyOf } from "../support/story.ts";
import { EVERYDAY } from "../redteam/everyday.ts";
import { Chance } from "../redteam/household.ts";
import { LOOK_ALIKES as PROGRAMS } from "../redteam/lookalikes.ts";
import { ASKED, COLLECTION } from "./collection.ts";
import { answersTo, type Flow, turnedRound } from "./sample.ts";
import { STRANGERS } from "./strangers.ts";

interface Named {
  readonly name: string;
  /** Whose sample it is, empty where it is nobody's. */
  readonly of: string;
  readonly flow: Flow;
  /** Its bytes are chance in part: which looks they have is no matter of the protocol. */
  readonly random?: boolean;
}

const OTHERS: readonly Named[] = COLLECTION.flatMap(({ classifier, samples }) => {
  const { recognised, nearMisses, more = [], session } = samples;
  const of = classifier.name;
  return [
    ...[...recognised, ...nearMisses, ...more].map((flow) => ({ name: `${of}: ${flow.name}`, of, flow })),
    ...(session?.flows ?? []).map((flow, at) => ({ name: `${of}: flow ${at + 1} of its session`, of, flow })),
  ];
});

const LOOK_ALIKES: readonly Named[] = [
  ...[...STRANGERS, ...PROGRAMS].map((flow) => ({ name: flow.name, of: "", flow })),
  ...EVERYDAY.flatMap(({ name, tcp, port, turns }) =>
    [1, 2, 3, 4].map((seed) => ({ name, of: "", flow: { tcp, port, turns: turns(new Chance(seed)) }, random: true }))
  ),
];

/** Bytes of a turn before which it is cut, one after the other. */
const HEAD = 64;

/** The flow with bytes behind each turn, over the other transport, and cut at every byte. */
function* variants({ flow, random }: Named): Generator<readonly [string, Flow]> {
  const behind = noise(7, 3);
  const longer = flow.turns.map(([arrow, bytes]): Turn => [arrow, Uint8Array.of(...bytes, ...behind)]);
  yield [", bytes behind", { ...flow, turns: longer }];
  const { midstream: _, ...rest } = flow;
  yield [flow.tcp ? ", over UDP" : ", over TCP", { ...rest, tcp: !flow.tcp }];
  if (!flow.tcp || random === true) return;
  for (const [index, [arrow, bytes]] of flow.turns.entries()) {
    for (let cut = 1; cut < Math.min(bytes.length, HEAD); cut++) {
      const turns = [...flow.turns];
      turns.splice(index, 1, [arrow, bytes.slice(0, cut)], [arrow, bytes.slice(cut)]);
      yield [`, turn ${index + 1} cut at ${cut}`, { ...flow, turns }];
    }
  }
}

/** What a classifier answers to a flow, first; null where it is nothing. */
function answerTo(classifier: Classifier, flow: Flow): Evidence | null {
  return (flow.tcp ? classifier.tcp : classifier.udp) ? answersTo(classifier, flow)[0] ?? null : null;
}

/**
 * What a classifier answers to others' flows without its being declared, and what is declared in vain. Looks that any cipher
 * has are weak and meant to be so: they are declared where the flow's own bytes have them, not where these were changed.
 */
function wrong(classifier: Classifier, flows: readonly Named[]): string[] {
  const found: string[] = [];
  for (const named of flows.filter(({ of }) => of !== classifier.name)) {
    const { name, flow, random } = named;
    const isDeclared = flow.also?.[classifier.name] !== undefined;
    const plain = answerTo(classifier, flow) ?? answerTo(classifier, turnedRound(flow));
    if (isDeclared && plain === null) found.push(`${name}: declared, and not answered`);
    if (isDeclared) continue;
    if (plain !== null && !(random && plain.encrypted)) found.push(`${name}: ${plain.name}`);
    for (const [how, variant] of variants(named)) {
      const answer = answerTo(classifier, variant);
      if (answer === null || answer.encrypted) continue;
      found.push(`${name}${how}: ${answer.name}`);
      break;
    }
  }
  return found;
}

for (const { classifier } of ASKED) {
  Deno.test(`${classifier.name} leaves alone what other protocols' samples are`, () => {
    assert.deepEqual(wrong(classifier, OTHERS), []);
  });
  Deno.test(`${classifier.name} leaves alone what comes near file sharing and is none`, () => {
    assert.deepEqual(wrong(classifier, LOOK_ALIKES), []);
  });
}

const goldens = new URL("../golden/", import.meta.url);
const live = [...Deno.readDirSync(goldens)].map(({ name }) => name).filter((name) => name.endsWith("_live")).sort();

for (const { classifier } of ASKED) {
  Deno.test(`${classifier.name} recognises nothing in captures of other protocols' programs`, () => {
    const found = new Set<string>();
    for (const name of live.filter((name) => !name.startsWith(`${classifier.name}_`))) {
      const noting: Classifier = {
        ...classifier,
        classify(look) {
          const answer = classifier.classify(look);
          if (answer.certainty > 0 && !answer.encrypted) found.add(`${name}: ${answer.name}`);
          return answer;
        },
      };
      using source = openCapture(new URL(`${name}/capture.pcap`, goldens).pathname);
      replay(source, policyOf(""), true, [noting]);
    }
    assert.deepEqual([...found], []);
  });
}

Deno.test("whoever is said to answer to another's flow is a classifier", () => {
  const names = COLLECTION.map(({ classifier }) => classifier.name);
  for (const { name, flow } of [...OTHERS, ...LOOK_ALIKES]) {
    for (const [who, why] of Object.entries(flow.also ?? {})) assert.ok(names.includes(who) && why.length > 4, name);
  }
});
