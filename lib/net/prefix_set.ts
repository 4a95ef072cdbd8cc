/**
 * A set of prefixes, compiled for lookups on the packet path.
 * @module
 */
import type { Words } from "./address.ts";

/** A range of addresses that share their first bits. */
export interface Prefix {
  /** The first address; no bit beyond `bits` is set. */
  readonly words: Words;
  /** Length counted in the 128-bit space: 0 … 128; an IPv4 prefix has its own length plus 96. */
  readonly bits: number;
  /** 4 for a prefix inside the mapped range, else 6. `::/0` means every IPv6 address and no IPv4 one. */
  readonly family: 4 | 6;
}

/** Makes signed comparison order words as if they were unsigned. */
const SIGN = -0x80000000;

interface Range {
  readonly from: readonly number[];
  readonly to: number[];
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < 4; i++) {
    const difference = a[i]! - b[i]!;
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Sorted ranges without overlap: prefixes are nested or apart, so dropping the nested ones is enough. */
function ranges(list: readonly Prefix[], family: 4 | 6): Range[] {
  const all = list.filter((prefix) => prefix.family === family).map((prefix): Range => {
    const from = prefix.words.map((word) => word ^ SIGN);
    const to = prefix.words.map((word, i) => {
      const own = Math.min(32, Math.max(0, prefix.bits - i * 32));
      const host = own === 32 ? 0 : -1 >>> own;
      return (word | host) ^ SIGN;
    });
    return { from, to };
  });
  all.sort((a, b) => compare(a.from, b.from) || compare(b.to, a.to));
  const kept: Range[] = [];
  for (const range of all) {
    const last = kept.at(-1);
    if (last !== undefined && compare(range.to, last.to) <= 0) continue;
    kept.push(range);
  }
  return kept;
}

/**
 * A set of prefixes, as disjoint sorted ranges that are searched binarily: ten prefixes take four steps, five thousand
 * thirteen. Immutable; a lookup allocates nothing.
 */
export class PrefixSet {
  /** How many ranges are left after nested ones were dropped. */
  readonly size: number;
  readonly #from4: Int32Array;
  readonly #to4: Int32Array;
  readonly #from6: Int32Array;
  readonly #to6: Int32Array;

  private constructor(list: readonly Prefix[]) {
    const four = ranges(list, 4);
    const six = ranges(list, 6);
    this.size = four.length + six.length;
    this.#from4 = Int32Array.from(four, (range) => range.from[3]!);
    this.#to4 = Int32Array.from(four, (range) => range.to[3]!);
    this.#from6 = Int32Array.from(six.flatMap((range) => range.from));
    this.#to6 = Int32Array.from(six.flatMap((range) => range.to));
  }

  /** Compiles a list; duplicates and nested prefixes are fine, an empty list holds nothing. */
  static from(list: readonly Prefix[]): PrefixSet {
    return new PrefixSet(list);
  }

  /** True where one of the prefixes holds the address. */
  has(w0: number, w1: number, w2: number, w3: number): boolean {
    if ((w0 | w1) === 0 && w2 === 0xffff) return this.#has4(w3 ^ SIGN);
    return this.#has6(w0 ^ SIGN, w1 ^ SIGN, w2 ^ SIGN, w3 ^ SIGN);
  }

  #has4(word: number): boolean {
    const from = this.#from4;
    let low = 0;
    let high = from.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (from[middle]! <= word) low = middle + 1;
      else high = middle;
    }
    return low > 0 && word <= this.#to4[low - 1]!;
  }

  #has6(w0: number, w1: number, w2: number, w3: number): boolean {
    let low = 0;
    let high = this.#from6.length >>> 2;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (order(this.#from6, middle << 2, w0, w1, w2, w3) <= 0) low = middle + 1;
      else high = middle;
    }
    return low > 0 && order(this.#to6, (low - 1) << 2, w0, w1, w2, w3) >= 0;
  }
}

/** -1, 0 or 1: the stored address at `at` is lower than, equal to or higher than the given one. */
function order(words: Int32Array, at: number, w0: number, w1: number, w2: number, w3: number): number {
  if (words[at] !== w0) return words[at]! < w0 ? -1 : 1;
  if (words[at + 1] !== w1) return words[at + 1]! < w1 ? -1 : 1;
  if (words[at + 2] !== w2) return words[at + 2]! < w2 ? -1 : 1;
  if (words[at + 3] !== w3) return words[at + 3]! < w3 ? -1 : 1;
  return 0;
}
