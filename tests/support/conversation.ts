/**
 * Plays a conversation to one classifier the way the engine does: for table tests of classifiers.
 * @module
 */
import { type Classifier, Evidence, Look, UNDECIDED, UNRELATED } from "../../lib/protocol/classifier.ts";

/** Bytes from hex digits; spaces are ignored. */
export function hex(text: string): Uint8Array {
  const digits = text.replace(/\s+/g, "");
  if (digits.length % 2 !== 0 || /[^0-9a-fA-F]/.test(digits)) throw new TypeError(`Cannot read hex: "${text}"`);
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

/** Bytes of a Latin-1 string. */
export function latin(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** Joins byte arrays. */
export function join(...parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** One payload of a conversation: `>` from the side that opened the flow, `<` from the other. */
export type Turn = readonly [">" | "<", Uint8Array];

/** What surrounds the payloads. */
export interface Setting {
  readonly tcp: boolean;
  /** The opener is the client (default true). */
  readonly openerIsClient?: boolean;
  readonly clientPort?: number;
  readonly peerPort?: number;
  /** Flow picked up in the middle: `look.first` is false (TCP). */
  readonly midstream?: boolean;
  /** A capture that holds only this many bytes of each payload. */
  readonly snap?: number;
}

/** Answer of the classifier after the last turn, or at the first match or exclusion; `turn` is 1-based. */
export interface Outcome {
  readonly answer: Evidence;
  readonly turn: number;
  readonly look: Look;
}

/** Shows the turns to the classifier one by one until it decides. Every payload gets a guard zone that must not matter. */
export function converse(classifier: Classifier, setting: Setting, turns: readonly Turn[]): Outcome {
  const look = new Look();
  const streams: [Uint8Array[], Uint8Array[]] = [[], []];
  const counts: [number, number] = [0, 0];
  const firsts: [number, number] = [0, 0];
  const lengths: [number, number] = [0, 0];
  look.asked = 1;
  let answer = UNDECIDED;
  const mayBe = (payload: Uint8Array) => classifier.first === "any" || classifier.first.includes(payload[0]!);
  let possible = setting.midstream === true;
  for (const [index, [arrow, payload]] of turns.entries()) {
    const own = arrow === ">" ? 0 : 1;
    const other = 1 - own as 0 | 1;
    counts[own]!++;
    if (counts[own] === 1) {
      lengths[own] = payload.length;
      for (let i = 0; i < 4; i++) firsts[own] = (firsts[own]! << 8) | (payload[i] ?? 0);
    }
    const kept = payload.slice(0, setting.snap ?? payload.length);
    streams[own]!.push(kept);
    if (counts[own] === 1 && mayBe(payload)) possible = true;
    if (!setting.tcp && !mayBe(payload)) continue;
    if (!possible) continue;
    const shown = setting.tcp && !setting.midstream ? join(...streams[own]!) : kept;
    if (shown.length < classifier.least) continue;
    const guarded = join(new Uint8Array(16).fill(0xa5), shown, new Uint8Array(16).fill(0x5a));
    look.bytes = guarded;
    look.view = new DataView(guarded.buffer);
    look.start = 16;
    look.end = 16 + shown.length;
    look.fresh = look.end - kept.length;
    look.length = shown.length + payload.length - kept.length;
    look.tcp = setting.tcp;
    look.fromOpener = own === 0;
    look.fromClient = (own === 0) === (setting.openerIsClient ?? true);
    look.first = !setting.midstream || !setting.tcp;
    look.nth = counts[own]!;
    look.otherNth = counts[other]!;
    look.ownFirst = firsts[own]!;
    look.otherFirst = firsts[other]!;
    look.ownLength = lengths[own]!;
    look.otherLength = lengths[other]!;
    look.clientPort = setting.clientPort ?? 40000;
    look.peerPort = setting.peerPort ?? 50000;
    look.found.clear();
    answer = classifier.classify(look);
    if (!(answer instanceof Evidence)) throw new TypeError(`Classifier "${classifier.name}" answered ${answer}`);
    if (answer !== UNDECIDED) return { answer, turn: index + 1, look };
  }
  return { answer: possible ? answer : UNRELATED, turn: turns.length, look };
}
