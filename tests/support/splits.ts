/**
 * Cuts conversations into other segments: what a classifier says must not depend on where TCP cut the stream.
 * @module
 */
import type { Turn } from "./conversation.ts";

/** The same conversation with turn `index` cut into two after each of its bytes. */
export function* splits(turns: readonly Turn[], index: number): Generator<Turn[]> {
  const [arrow, payload] = turns[index]!;
  for (let cut = 1; cut < payload.length; cut++) {
    yield [
      ...turns.slice(0, index),
      [arrow, payload.slice(0, cut)],
      [arrow, payload.slice(cut)],
      ...turns.slice(index + 1),
    ];
  }
}

/** Endless xorshift words from a seed: random payloads that are the same in every run. */
export function* randomWords(seed: number): Generator<number, never> {
  let state = seed | 0 || 1;
  for (;;) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    yield state;
  }
}
