/**
 * Bencoding (BEP 3), walked in place: the keys of the top dictionary and of the dictionaries directly in it.
 *
 * One reused {@link Bencode}: `read` checks a whole message and notes where each key is; `find` looks keys up.
 * Work and memory are bounded: 4 KiB, five levels, 96 keys.
 * @module
 */
import { exactly } from "./http.ts";

/** One whole value; it ends at {@link Bencode.stop}. */
export const BENCODE_WHOLE = 0;
/** Valid so far, but the capture (or the stream so far) ends within it. */
export const BENCODE_CUT = 1;
/** Not bencoding, from {@link Bencode.stop} on. */
export const BENCODE_BROKEN = 2;
/** Deeper, longer or with more keys than any honest message. */
export const BENCODE_EXCESSIVE = 3;
/** Any of the above. */
export type BencodeOutcome = 0 | 1 | 2 | 3;

/** Types of values. */
export const INTEGER = 1;
/** Byte string. */
export const STRING = 2;
/** List. */
export const LIST = 3;
/** Dictionary. */
export const DICTIONARY = 4;

/** Deepest nesting that is followed. */
const DEEPEST = 5;
/** Longest message that is read, in bytes. */
const LONGEST_BENCODE = 4096;
/** Longest integer: BEP 3 sets no limit, 64 bits with sign is what implementations hold. */
const MOST_DIGITS = 20;
const MOST_ENTRIES = 96;
const STRIDE = 6;

const LETTER_D = 0x64;
const LETTER_E = 0x65;
const LETTER_I = 0x69;
const LETTER_L = 0x6c;
const COLON = 0x3a;

/** A message, with its entries numbered in order of appearance. */
export class Bencode {
  /** Where reading stopped: one past the value, or the byte that broke it. */
  stop = 0;
  /** Every dictionary's keys are in order, each once, as BEP 3 demands. */
  sorted = true;
  /** Type of the top value. */
  type = 0;
  /** Entries noted. */
  count = 0;

  /** Type of the list item at hand, see {@link nextItem}. */
  itemType = 0;
  /** Offset of the item: first content byte of a string, first digit or sign of an integer, the opening letter else. */
  item = 0;
  /** Content bytes of the item. */
  itemLength = 0;

  #bytes: Uint8Array = new Uint8Array(0);
  #end = 0;
  #wireEnd = 0;
  /** Parent entry (-1 for the top), key offset, key length, type, value offset, value length. */
  readonly #entries: Int32Array = new Int32Array(MOST_ENTRIES * STRIDE);
  /** Per level: opening letter, offset and length of the last key (-1 for none), entry that it belongs to (-1 for none). */
  readonly #letter: Uint8Array = new Uint8Array(DEEPEST);
  readonly #key: Int32Array = new Int32Array(DEEPEST);
  readonly #keyLength: Int32Array = new Int32Array(DEEPEST);
  readonly #entry: Int32Array = new Int32Array(DEEPEST);
  #itemAt = 0;
  #itemEnd = 0;
  /** Results of #scalar. */
  #from = 0;
  #size = 0;

  /**
   * Reads one value at `start`. `end` is one past the captured bytes, `length` how many there are on the wire (or could
   * be, in a stream): a value that ends between the two is cut, one that would end beyond is broken. Bytes may follow
   * the value, see {@link stop}.
   */
  read(bytes: Uint8Array, start: number, end: number, length: number): BencodeOutcome {
    this.#bytes = bytes;
    this.sorted = true;
    this.count = 0;
    this.type = 0;
    this.stop = start;
    this.#itemAt = this.#itemEnd = start;
    this.#wireEnd = start + Math.max(length, end - start);
    this.#end = Math.min(end, start + LONGEST_BENCODE);
    const outcome = this.#walk(start);
    if (outcome !== BENCODE_CUT) return outcome;
    if (this.#end < end) return BENCODE_EXCESSIVE;
    return end === this.#wireEnd ? BENCODE_BROKEN : BENCODE_CUT;
  }

  #walk(start: number): BencodeOutcome {
    const bytes = this.#bytes;
    const end = this.#end;
    let depth = 0; // open containers
    let at = start;
    for (;;) {
      this.stop = at;
      if (at >= end) return BENCODE_CUT;
      const letter = bytes[at]!;
      const inside = depth > 0 ? this.#letter[depth - 1]! : 0;
      let entry = -1;
      if (letter === LETTER_E && depth > 0) {
        at++;
        depth--;
        entry = this.#entry[depth]!;
        if (entry >= 0) {
          const e = entry * STRIDE;
          this.#entries[e + 5] = at - this.#entries[e + 4]!;
        }
        if (depth === 0) break;
        continue;
      }
      if (inside === LETTER_D) {
        const key = this.#scalar(at, STRING);
        if (key !== BENCODE_WHOLE) return key;
        this.#checkOrder(depth - 1, this.#from, this.#size);
        const keyAt = this.#from;
        at = keyAt + this.#size;
        this.stop = at;
        if (at >= end) return BENCODE_CUT;
        if (depth <= 2 && (depth === 1 || this.#entry[1]! >= 0)) {
          if (this.count === MOST_ENTRIES) return BENCODE_EXCESSIVE;
          entry = this.count;
          const e = entry * STRIDE;
          this.#entries[e] = depth === 1 ? -1 : this.#entry[1]!;
          this.#entries[e + 1] = keyAt;
          this.#entries[e + 2] = this.#size;
        }
      }
      const first = bytes[at]!;
      const type = typeOf(first);
      if (type === 0) return BENCODE_BROKEN;
      if (depth === 0) this.type = type;
      if (type === LIST || type === DICTIONARY) {
        if (depth === DEEPEST) return BENCODE_EXCESSIVE;
        this.#letter[depth] = first;
        this.#key[depth] = -1;
        this.#entry[depth] = type === DICTIONARY || entry >= 0 ? entry : -1;
        // Dictionaries in a list are not noted: an entry of level two belongs to a dictionary of level one.
        depth++;
        if (entry >= 0) this.#note(entry, type, at, end - at);
        at++;
        continue;
      }
      const scalar = this.#scalar(at, type);
      if (scalar !== BENCODE_WHOLE) return scalar;
      if (entry >= 0) this.#note(entry, type, this.#from, this.#size);
      at = this.#from + this.#size + (type === INTEGER ? 1 : 0);
      if (depth === 0) break;
    }
    this.stop = at;
    return BENCODE_WHOLE;
  }

  #note(entry: number, type: number, at: number, length: number): void {
    const e = entry * STRIDE;
    this.#entries[e + 3] = type;
    this.#entries[e + 4] = at;
    this.#entries[e + 5] = length;
    this.count = entry + 1;
  }

  #checkOrder(level: number, at: number, length: number): void {
    const last = this.#key[level]!;
    if (last >= 0 && compareBytes(this.#bytes, last, this.#keyLength[level]!, at, length) >= 0) this.sorted = false;
    this.#key[level] = at;
    this.#keyLength[level] = length;
  }

  /** Reads the string or integer at `at` (of the type that was seen there) into #from and #size. */
  #scalar(at: number, type: number): BencodeOutcome {
    const bytes = this.#bytes;
    const end = this.#end;
    if (type === INTEGER) {
      let digit = at + 1;
      if (digit < end && bytes[digit] === 0x2d) digit++;
      const first = digit;
      while (digit < end && isDigit(bytes[digit]!) && digit - first <= MOST_DIGITS) digit++;
      this.stop = digit;
      if (digit >= end) return BENCODE_CUT;
      if (digit === first || digit - first > MOST_DIGITS || bytes[digit] !== LETTER_E) return BENCODE_BROKEN;
      // One spelling for each number: no leading zero, no minus zero (BEP 3).
      if (bytes[first] === 0x30 && (digit - first > 1 || first > at + 1)) return BENCODE_BROKEN;
      this.#from = at + 1;
      this.#size = digit - at - 1;
      return BENCODE_WHOLE;
    }
    let size = 0;
    let digit = at;
    while (digit < end && isDigit(bytes[digit]!) && digit - at < 6) size = size * 10 + bytes[digit++]! - 0x30;
    this.stop = digit;
    if (digit === at && digit < end) return BENCODE_BROKEN;
    if (digit >= end) return BENCODE_CUT;
    if (bytes[digit] !== COLON || (bytes[at] === 0x30 && digit - at > 1)) return BENCODE_BROKEN;
    this.#from = digit + 1;
    this.#size = size;
    if (digit + 1 + size > this.#wireEnd) return BENCODE_BROKEN;
    return digit + 1 + size > end ? BENCODE_CUT : BENCODE_WHOLE;
  }

  /**
   * The entry with this key (Latin-1) in the dictionary that `parent` is the entry of, -1 for the top one; -1 where
   * there is none. The first one where a key comes twice.
   */
  find(parent: number, key: string): number {
    for (let entry = 0; entry < this.count; entry++) {
      const e = entry * STRIDE;
      if (this.#entries[e] !== parent || this.#entries[e + 2] !== key.length) continue;
      const at = this.#entries[e + 1]!;
      if (exactly(this.#bytes, at, at + key.length, key)) return entry;
    }
    return -1;
  }

  /** Type of an entry's value: {@link INTEGER}, {@link STRING}, {@link LIST}, {@link DICTIONARY}; 0 for no such entry. */
  typeOf(entry: number): number {
    return entry < 0 || entry >= this.count ? 0 : this.#entries[entry * STRIDE + 3]!;
  }

  /** Offset of an entry's value: first content byte of a string, first digit or sign of an integer, else the opening letter. */
  at(entry: number): number {
    return entry < 0 || entry >= this.count ? this.stop : this.#entries[entry * STRIDE + 4]!;
  }

  /** Length of an entry's value in bytes, of a container with its letters; what was captured of it where it was cut. */
  length(entry: number): number {
    return entry < 0 || entry >= this.count ? 0 : this.#entries[entry * STRIDE + 5]!;
  }

  /** Length of the string with this key, -1 where there is no such key or it is no string. */
  stringLength(parent: number, key: string): number {
    const entry = this.find(parent, key);
    return this.typeOf(entry) === STRING ? this.length(entry) : -1;
  }

  /** Value of an integer entry; NaN for other types. Beyond 2^53 the nearest number. */
  integer(entry: number): number {
    if (this.typeOf(entry) !== INTEGER) return NaN;
    return readInteger(this.#bytes, this.at(entry), this.length(entry));
  }

  /** Value of the list item at hand; NaN where it is no integer. */
  get itemInteger(): number {
    return this.itemType === INTEGER ? readInteger(this.#bytes, this.item, this.itemLength) : NaN;
  }

  /** Begins to go through the list that is the value of `entry`; false where it is no list. */
  openList(entry: number): boolean {
    if (this.typeOf(entry) !== LIST) return false;
    this.#itemAt = this.at(entry) + 1;
    this.#itemEnd = this.at(entry) + this.length(entry);
    return true;
  }

  /** Goes to the next item of the list opened last; false at its end. */
  nextItem(): boolean {
    const at = this.#itemAt;
    if (at >= this.#itemEnd || at >= this.stop || this.#bytes[at] === LETTER_E) return false;
    const type = typeOf(this.#bytes[at]!);
    const stop = this.stop;
    this.itemType = type;
    if (type === STRING || type === INTEGER) {
      const outcome = this.#scalar(at, type);
      this.stop = stop; // #scalar overwrote it
      if (outcome !== BENCODE_WHOLE) return false;
      this.item = this.#from;
      this.itemLength = this.#size;
      this.#itemAt = this.#from + this.#size + (type === INTEGER ? 1 : 0);
      return true;
    }
    this.item = at;
    this.#itemAt = this.#skip(at);
    this.stop = stop;
    this.itemLength = this.#itemAt - at;
    return type !== 0 && this.itemLength > 0;
  }

  /** End of the container at `at`, whose structure `read` has checked; the list's end where it was cut. */
  #skip(at: number): number {
    let depth = 0;
    while (at < this.#itemEnd) {
      const letter = this.#bytes[at]!;
      const type = typeOf(letter);
      if (letter === LETTER_E) {
        at++;
        if (--depth === 0) return at;
      } else if (type === LIST || type === DICTIONARY) {
        at++;
        depth++;
      } else {
        if (type === 0 || this.#scalar(at, type) !== BENCODE_WHOLE) break;
        at = this.#from + this.#size + (type === INTEGER ? 1 : 0);
      }
    }
    return this.#itemEnd;
  }
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

/** Type of the value that begins with this byte; 0 where none does. */
function typeOf(byte: number): number {
  if (byte === LETTER_I) return INTEGER;
  if (byte === LETTER_L) return LIST;
  if (byte === LETTER_D) return DICTIONARY;
  return isDigit(byte) ? STRING : 0;
}

function readInteger(bytes: Uint8Array, at: number, length: number): number {
  const negative = bytes[at] === 0x2d;
  let value = 0;
  for (let i = negative ? 1 : 0; i < length; i++) value = value * 10 + bytes[at + i]! - 0x30;
  return negative ? -value : value;
}

/** Orders two byte strings of the same buffer as raw strings. */
function compareBytes(bytes: Uint8Array, a: number, aLength: number, b: number, bLength: number): number {
  const least = Math.min(aLength, bLength);
  for (let i = 0; i < least; i++) {
    const difference = bytes[a + i]! - bytes[b + i]!;
    if (difference !== 0) return difference;
  }
  return aLength - bLength;
}
