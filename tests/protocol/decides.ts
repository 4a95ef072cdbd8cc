/**
 * What decides, sample by sample: every byte changed in many ways, every turn cut, lengthened or left out, the flow turned
 * round, and what the classifier then answers. A text that can be read, and whose change shows what a change in a classifier
 * does beyond what was meant.
 * @module
 */
import type { Classifier } from "../../lib/protocol/classifier.ts";
import { UNDECIDED } from "../../lib/protocol/classifier.ts";
import { converse, type Turn } from "../support/conversation.ts";
import { changedFlows } from "./changed_flows.ts";
import type { Collected } from "./collection.ts";
import { type Flow, settingOf, turnedRound } from "./sample.ts";

/** Bytes at a turn's beginning and at its end that are changed: what is bulky has its structure there. */
const HEAD = 192;
const TAIL = 24;
/** Of so many bytes at a turn's beginning every value is tried where they decide … */
const VALUED = 96;
/** … as long as that takes no more questions than this for a protocol: else of one in two, three … */
const QUESTIONS = 500_000;

/** The text for one protocol. */
export function decidesText({ classifier, samples }: Collected): string {
  const { recognised, nearMisses, more = [], session } = samples;
  const named = [...recognised, ...nearMisses, ...more].map((flow) => ({ name: flow.name, flow }));
  const flows = (session?.flows ?? []).map((flow, at) => ({ name: `flow ${at + 1} of the session`, flow }));
  const all = [...named, ...flows];
  const heads = all.flatMap(({ flow }) => flow.turns.map(([, bytes]) => Math.min(bytes.length, VALUED)));
  const stride = Math.ceil(heads.reduce((sum, length) => sum + length, 0) * 256 / QUESTIONS);
  return [
    `What decides in the samples of ${classifier.title}, made by tests/protocol/decides_test.ts (FTWALL_UPDATE=1 writes it).`,
    "A digit for each byte: in how many of 14 ways of changing it (8 bits, one more, one less, 00, FF, a byte before it, left out)",
    `the answer is another; "." is none. Behind it what else is answered then. "cut" shows the turn cut there, "to" the turn`,
    "shortened to so many bytes. In brackets a sum over the answers to any value of what decides.",
    ...all.flatMap(({ name, flow }) => ["", name, ...linesOf(classifier, flow, stride).map((line) => `  ${line}`)]),
    "",
    ...counts(classifier, all.map(({ flow }) => flow)),
    "",
  ].join("\n");
}

/** Flows changed by chance that are asked about. */
const CHANGED = 40_000;

/** How often what is the last answer to flows changed by chance, and a number that changes with any of the answers. */
function counts(classifier: Classifier, flows: readonly Flow[]): string[] {
  const found = new Map<string, number>();
  let sum = 0;
  for (const flow of changedFlows(flows, CHANGED, 0x5eed)) {
    const answer = answered(classifier, flow);
    sum = added(sum, answer);
    const last = answer.replace(/ #.*/, "").split(" ").at(-1)!;
    found.set(last, (found.get(last) ?? 0) + 1);
  }
  const rows = [...found].sort(([a], [b]) => a < b ? -1 : 1).map(([answer, count]) => `  ${answer} ${count}`);
  return [
    `Of ${CHANGED} flows changed by chance the last answer is (all answers: ${(sum >>> 0).toString(16)})`,
    ...rows,
  ];
}

/** What is answered, in order, and what is learned: a number that changes with any word of it. */
function answered(classifier: Classifier, flow: Flow): string {
  const names: string[] = [];
  let learned = 0;
  const noting: Classifier = {
    ...classifier,
    classify(look) {
      const answer = classifier.classify(look);
      const { count, words, hasInfoHash, infoHash } = look.found;
      for (let at = 0; at < count * 6; at++) learned = Math.imul(learned ^ words[at]!, 0x01000193) + 1 | 0;
      if (hasInfoHash) { for (const byte of infoHash) learned = Math.imul(learned ^ byte, 0x01000193) + 1 | 0; }
      if (answer.certainty === 0) return answer;
      names.push(`${answer.name}${answer.needs === 0 ? "" : "?"}`);
      return answer.certainty < 3 ? UNDECIDED : answer;
    },
  };
  const last = converse(noting, settingOf(flow), flow.turns).answer;
  if (names.length === 0) return last.name;
  const once = names.filter((name, at) => name !== names[at - 1]);
  return learned === 0 ? once.join(" ") : `${once.join(" ")} #${(learned >>> 16).toString(16)}`;
}

function linesOf(classifier: Classifier, flow: Flow, stride: number): string[] {
  const plain = answered(classifier, flow);
  const ask = (turns: readonly Turn[], rest: Partial<Flow> = {}) => answered(classifier, { ...flow, turns, ...rest });
  const lines = [plain];
  for (const [index, [arrow, bytes]] of flow.turns.entries()) {
    const put = (...parts: Uint8Array[]): Turn[] => {
      const turns = [...flow.turns];
      turns.splice(index, 1, ...parts.map((part): Turn => [arrow, part]));
      return turns;
    };
    lines.push(`${arrow} ${bytes.length}: ${changes(bytes, plain, stride, (changed) => ask(put(changed)))}`);
    lines.push(`  to ${runs(bytes.length, (length) => ask(put(bytes.slice(0, length))))}`);
    if (flow.tcp && flow.midstream !== true) {
      lines.push(`  cut ${runs(bytes.length, (at) => ask(put(bytes.slice(0, at), bytes.slice(at))))}`);
    }
    const longer = [1, 2, 7].map((more) => ask(put(Uint8Array.of(...bytes, ...new Uint8Array(more).fill(0x41)))));
    const other = { longer: longer.join(", "), "left out": ask(put()), twice: ask(put(bytes, bytes)) };
    lines.push(...differing(plain, other).map((line) => `  ${line}`));
  }
  const { midstream: _, ...begun } = flow;
  return [
    ...lines,
    ...differing(plain, {
      "turned round": answered(classifier, turnedRound(flow)),
      "over the other transport": (flow.tcp ? classifier.udp : classifier.tcp)
        ? answered(classifier, { ...begun, tcp: !flow.tcp })
        : plain,
      "from the middle": flow.tcp && flow.midstream !== true ? ask(flow.turns, { midstream: true }) : plain,
      "from the beginning": flow.midstream === true ? answered(classifier, begun) : plain,
      "called from outside": ask(flow.turns, { inbound: flow.inbound !== true }),
      "at port 443": ask(flow.turns, { port: 443 }),
      "in a capture of 30 bytes": ask(flow.turns, { snap: 30 }),
      "in a capture of 54 bytes": ask(flow.turns, { snap: 54 }),
    }),
  ];
}

function differing(plain: string, answers: Readonly<Record<string, string>>): string[] {
  return Object.entries(answers).filter(([, answer]) => answer.split(", ").some((one) => one !== plain))
    .map(([what, answer]) => `${what}: ${answer}`);
}

/**
 * For each byte how many changes of it change the answer, the answers that come of them, and a number that changes with the
 * answer to any value of every byte, or of one in `stride`, that decides.
 */
function changes(bytes: Uint8Array, plain: string, stride: number, ask: (changed: Uint8Array) => string): string {
  const others = new Set<string>();
  let sum = 0;
  let asked = 0;
  let digits = "";
  for (let at = 0; at < bytes.length; at++) {
    if (at === HEAD && at < bytes.length - TAIL) {
      digits += " ";
      at = bytes.length - TAIL;
    }
    const byte = bytes[at]!;
    const set = (value: number) => bytes.map((old, place) => place === at ? value & 0xff : old);
    const flips = Array.from({ length: 8 }, (_, bit) => set(byte ^ 1 << bit));
    const before = Uint8Array.of(...bytes.subarray(0, at), 0, ...bytes.subarray(at));
    const without = Uint8Array.of(...bytes.subarray(0, at), ...bytes.subarray(at + 1));
    const answers = [...flips, set(byte + 1), set(byte - 1), set(0), set(0xff), before, without].map(ask);
    const changed = answers.filter((answer) => answer !== plain);
    for (const answer of changed) others.add(answer.replace(/ #.*/, ""));
    digits += ".123456789abcde"[changed.length];
    if (changed.length === 0 || at >= VALUED || ++asked % stride !== 0) continue;
    for (let value = 0; value < 256; value++) sum = added(sum, ask(set(value)));
  }
  const short = digits.replace(/(.)\1{5,}/g, (run, digit: string) => `${digit}*${run.length} `).trim();
  const also = others.size === 0 ? "" : ` (${[...others].sort().join(", ")})`;
  return `${short}${also}${sum === 0 ? "" : ` [${(sum >>> 16).toString(16)}]`}`;
}

/** A number that changes with any letter of what is added to it. */
function added(sum: number, text: string): number {
  for (let at = 0; at < text.length; at++) sum = Math.imul(sum ^ text.charCodeAt(at), 0x01000193);
  return sum;
}

/** Answers by length, from 1 to one below `end`: those that follow each other alike are one. */
function runs(end: number, ask: (length: number) => string): string {
  const found: { from: number; answer: string }[] = [];
  for (let length = 1; length < Math.min(end, HEAD); length++) {
    const answer = ask(length);
    if (found.at(-1)?.answer !== answer) found.push({ from: length, answer });
  }
  return found.map(({ from, answer }) => `${from} ${answer}`).join(", ");
}
