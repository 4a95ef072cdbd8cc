/**
 * Inputs made of others: bits flipped, parts cut, repeated and put in, words of the dictionary, lengths that lie.
 * @module
 */

/** Marsaglia's xorshift32: the same numbers in every run. */
export class Chance {
  #state = 1;

  /** Begins anew. */
  seed(a: number, b: number): void {
    this.#state = (Math.imul(a ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(b + 0x7f4a7c15, 0xc2b2ae35)) | 1;
    this.next();
    this.next();
  }

  /** Any 32 bits, unsigned. */
  next(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return x >>> 0;
  }

  /** 0 … below - 1. */
  below(below: number): number {
    return this.next() % below;
  }
}

/** Values at which lengths and counters turn. */
const TURNS = [0, 1, 2, 4, 7, 8, 15, 16, 31, 32, 63, 64, 127, 128, 192, 255, 256, 1500, 4096, 32767, 32768, 65535];
const LARGE = [0x7fffffff, 0x80000000, 0xffffffff, 0x10000, 0xfffffff0, 100_000, 1 << 20];

/** Makes inputs in one buffer. */
export class Mutation {
  /** The input made last. */
  readonly bytes: Uint8Array;
  /** Its length. */
  length = 0;
  readonly #view: DataView;
  readonly #chance = new Chance();
  readonly #words: readonly Uint8Array[];
  readonly #longest: number;

  /** Inputs of at most `longest` bytes. */
  constructor(longest: number, words: readonly Uint8Array[]) {
    this.#longest = longest;
    this.#words = words;
    this.bytes = new Uint8Array(longest);
    this.#view = new DataView(this.bytes.buffer);
  }

  /** The input of this number, of a collection of others: the same whenever it is asked for. */
  make(seed: number, number: number, corpus: readonly Uint8Array[]): void {
    const chance = this.#chance;
    chance.seed(seed, number);
    const any = () => {
      // What was found last leads on.
      const recent = Math.min(corpus.length, [3, 32, corpus.length][chance.below(3)]!);
      return corpus[corpus.length - 1 - chance.below(recent)]!;
    };
    const from = any();
    this.length = Math.min(from.length, this.#longest);
    this.bytes.set(from.subarray(0, this.length));
    for (let left = 1 << chance.below(4); left > 0; left--) this.#change(chance.below(14), any);
  }

  #change(kind: number, any: () => Uint8Array): void {
    const { bytes, length } = this;
    const chance = this.#chance;
    const at = length === 0 ? 0 : chance.below(length);
    if (length === 0) return this.#put(0, any(), 0, 64);
    switch (kind) {
      case 0:
        bytes[at]! ^= 1 << chance.below(8);
        return;
      case 1:
        bytes[at] = chance.next();
        return;
      case 2:
        bytes[at] = TURNS[chance.below(TURNS.length)]!;
        return;
      case 3:
        bytes[at]! += chance.below(35) - 17;
        return;
      case 4:
        if (at + 2 <= length) this.#view.setUint16(at, TURNS[chance.below(TURNS.length)]!, chance.below(2) === 0);
        return;
      case 5:
        if (at + 4 <= length) this.#view.setUint32(at, LARGE[chance.below(LARGE.length)]!, chance.below(2) === 0);
        return;
      case 6: {
        const size = Math.min(length - at, 1 + chance.below(chance.below(4) === 0 ? length : 16));
        bytes.copyWithin(at, at + size, length);
        this.length -= size;
        return;
      }
      case 7:
        this.length = at;
        return;
      case 8: {
        const word = this.#words.length === 0 ? any() : this.#words[chance.below(this.#words.length)]!;
        return this.#put(at, word, 0, word.length);
      }
      case 9: {
        const word = this.#words.length === 0 ? any() : this.#words[chance.below(this.#words.length)]!;
        const size = Math.min(word.length, length - at);
        bytes.set(word.subarray(0, size), at);
        return;
      }
      case 10: {
        const other = any();
        const begin = other.length === 0 ? 0 : chance.below(other.length);
        return this.#put(at, other, begin, 1 + chance.below(256));
      }
      case 11:
        return this.#repeat(at, Math.min(length - at, 1 + chance.below(24)), 1 + chance.below(64));
      case 12:
        // Numbers as text.
        if (bytes[at]! >= 0x30 && bytes[at]! <= 0x39) bytes[at] = 0x30 + chance.below(10);
        return;
      default:
        return this.#copy(at, chance.below(length), 1 + chance.below(32));
    }
  }

  #put(at: number, from: Uint8Array, begin: number, most: number): void {
    const size = Math.min(most, from.length - begin, this.#longest - this.length);
    if (size <= 0) return;
    const part = from.slice(begin, begin + size);
    this.bytes.copyWithin(at + size, at, this.length);
    this.bytes.set(part, at);
    this.length += size;
  }

  #repeat(at: number, size: number, times: number): void {
    const part = this.bytes.slice(at, at + size);
    for (; times > 0 && this.length + size <= this.#longest; times--) this.#put(at, part, 0, size);
  }

  #copy(from: number, to: number, most: number): void {
    const size = Math.min(most, this.length - from, this.length - to);
    this.bytes.copyWithin(to, from, from + size);
  }
}

/** Words that code compares with: its texts, and its hexadecimal numbers, in both orders. */
export function dictionary(sources: readonly string[]): Uint8Array[] {
  const words = new Map<string, Uint8Array>();
  const add = (bytes: Uint8Array) => {
    if (bytes.length > 0 && bytes.length <= 40) words.set(String(bytes), bytes);
  };
  for (const source of sources) {
    const code = source.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");
    for (const [, text] of code.matchAll(/"((?:[^"\\\n]|\\.){1,40})"/g)) {
      if (text!.startsWith(".") || /\s\w+\s\w+\s/.test(text!)) continue;
      add(Uint8Array.from(unescaped(text!), (letter) => letter.charCodeAt(0) & 255));
    }
    for (const [, digits] of code.matchAll(/\b0x([0-9a-f]{1,8})\b/gi)) {
      const size = digits!.length > 4 ? 4 : digits!.length > 2 ? 2 : 1;
      const view = new DataView(new ArrayBuffer(4));
      view.setUint32(0, parseInt(digits!, 16) << (32 - 8 * size));
      const big = new Uint8Array(view.buffer, 0, size);
      add(big.slice());
      add(big.slice().reverse());
    }
  }
  return [...words.values()];
}

function unescaped(text: string): string {
  try {
    return JSON.parse(`"${text.replace(/\\x(..)/g, "\\u00$1").replace(/\\0/g, "\\u0000")}"`) as string;
  } catch {
    return text;
  }
}
