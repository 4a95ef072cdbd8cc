/**
 * The word somebody most likely meant.
 * @module
 */

/** Longest text that is compared; whatever is longer was not meant to be one of our words. */
const LONGEST = 48;

/**
 * Edits (insert, delete, replace, swap of neighbours) from one text to the other: the optimal string alignment distance.
 * Infinity where they are more than `most`, as soon as that is sure.
 */
export function distance(a: string, b: string, most: number = Infinity): number {
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  let lowestBefore = 0;
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    let lowest = i;
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let least = Math.min(previous[j]! + 1, row[j - 1]! + 1, previous[j - 1]! + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) least = Math.min(least, before[j - 2]! + 1);
      row.push(least);
      if (least < lowest) lowest = least;
    }
    // A swap goes back two rows.
    if (lowest > most && lowestBefore > most) return Infinity;
    lowestBefore = lowest;
    before = previous;
    previous = row;
  }
  return previous[b.length]! > most ? Infinity : previous[b.length]!;
}

/** The word nearest to `text`, or undefined where none is near: at most one edit in three letters, or a shared beginning. */
export function nearest(text: string, words: readonly string[]): string | undefined {
  if (text.length === 0 || text.length > LONGEST) return undefined;
  const wanted = text.toLowerCase().replaceAll("-", "_");
  let best: string | undefined;
  let least = Infinity;
  for (const word of words) {
    const limit = Math.max(1, Math.floor(Math.max(wanted.length, word.length) / 3));
    const begins = wanted.length >= 3 && (word.startsWith(wanted) || wanted.startsWith(word));
    // So many edits at least.
    const apart = Math.abs(wanted.length - word.length);
    if (apart >= least || (apart > limit && !begins)) continue;
    const most = begins ? least - 1 : Math.min(limit, least - 1);
    const edits = distance(wanted, word.toLowerCase().replaceAll("-", "_"), most);
    if (edits > most) continue;
    best = word;
    least = edits;
  }
  return best;
}
