/**
 * Domain names in a reused buffer, and sets of name patterns.
 * @module
 */

const DOT = 0x2e;

/** Longest name in dotted form (RFC 1035 section 3.1: 255 bytes on the wire, length bytes and root included). */
export const LONGEST_NAME = 253;

/**
 * A name in lower case with dots between its labels and none at the end; the root is empty. A dot inside a label (legal
 * on the wire) is held as a zero byte, so that it never passes for a boundary.
 */
export class DnsName {
  /** The name's bytes; valid up to `length`. */
  readonly bytes: Uint8Array = new Uint8Array(256);
  /** Length in bytes, at most {@link LONGEST_NAME}. */
  length = 0;

  /** The name as text for logs; whatever is not a plain host name character is written `\DDD` (RFC 1035 section 5.1). */
  text(): string {
    let text = "";
    for (let i = 0; i < this.length; i++) {
      const byte = this.bytes[i]!;
      const plain = (byte >= 0x30 && byte <= 0x39) || (byte >= 0x61 && byte <= 0x7a) || byte === DOT ||
        byte === 0x2d || byte === 0x5f;
      if (plain) text += String.fromCharCode(byte);
      else text += "\\" + String(byte === 0 ? DOT : byte).padStart(3, "0");
    }
    return text === "" ? "." : text;
  }

  /** Takes over another name. */
  copy(name: DnsName): void {
    this.bytes.set(name.bytes);
    this.length = name.length;
  }
}

/**
 * Reads the name at `at` of the message `bytes[start … end)` into `name`, following compression pointers (RFC 1035
 * section 4.1.4). A pointer may only lead back before the labels read so far, so no message can make it loop.
 * Returns the offset after the name, or -1 where it is broken, or -2 where the bytes end within it.
 */
export function readName(bytes: Uint8Array, start: number, end: number, at: number, name: DnsName): number {
  const out = name.bytes;
  let length = 0;
  let after = -1;
  let floor = at;
  name.length = 0;
  for (;;) {
    if (at >= end) return -2;
    const size = bytes[at]!;
    if (size === 0) {
      name.length = length === 0 ? 0 : length - 1;
      return after < 0 ? at + 1 : after;
    }
    if (size >= 0xc0) {
      if (at + 2 > end) return -2;
      const target = start + (((size & 0x3f) << 8) | bytes[at + 1]!);
      if (target >= floor || target < start + 12) return -1;
      if (after < 0) after = at + 2;
      floor = at = target;
      continue;
    }
    if (size > 63) return -1; // 0x40 and 0x80 label types were never put to use (RFC 6891 section 5)
    if (length + size + 2 > 255) return -1;
    if (at + 1 + size > end) return -2;
    for (let i = at + 1; i <= at + size; i++) {
      const byte = bytes[i]!;
      out[length++] = byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte === DOT ? 0 : byte;
    }
    out[length++] = DOT;
    at += size + 1;
  }
}

/** Skips the name at `at` without reading it; same answers as {@link readName}. */
export function skipName(bytes: Uint8Array, end: number, at: number): number {
  const first = at;
  while (at < end) {
    const size = bytes[at]!;
    if (size === 0) return at + 1;
    if (size >= 0xc0) return at + 2 > end ? -2 : at + 2;
    if (size > 63 || at + size + 1 - first > 255) return -1;
    at += size + 1;
  }
  return -2;
}

/** What a pattern covers: the name as written, names below it, or both. */
interface Pattern {
  readonly name: Uint8Array;
  readonly itself: boolean;
  readonly below: boolean;
}

function readPattern(text: string): Pattern | string {
  let name = text.toLowerCase();
  if (name.endsWith(".")) name = name.slice(0, -1);
  const below = name.startsWith("*.") || name.startsWith(".");
  const itself = !name.startsWith("*.");
  if (below) name = name.slice(name.indexOf(".") + 1);
  if (name === "") return "there is no name in it";
  if (name.includes("*")) return 'a wildcard stands for whole labels at the front only, as in "*.example.com"';
  if (name.length <= LONGEST_NAME && /^(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}$/.test(name)) {
    return { name: new TextEncoder().encode(name), itself, below };
  }
  // deno-lint-ignore no-control-regex -- the range is what makes a name internationalised
  if (/[^\x00-\x7f]/.test(name)) return 'write an internationalised name in its ASCII form ("xn--…")';
  if (name.length > LONGEST_NAME) return `the name is longer than ${LONGEST_NAME} characters`;
  const long = name.split(".").some((label) => label === "" || label.length > 63);
  return long ? "each label has 1 to 63 characters" : "a label holds letters, digits, hyphens and underscores only";
}

/** Why a text cannot be a pattern of a {@link NameSet}, for an error message; empty where it can. */
export function whyNotPattern(text: string): string {
  const read = readPattern(text);
  return typeof read === "string" ? read : "";
}

const FNV_BASIS = 0x811c9dc5 | 0;
const FNV_PRIME = 0x01000193;

/**
 * Which pattern covers a name. `*.x` covers every name below x at any depth, but not x; `x` covers x alone; `.x` covers
 * both. One pass over the name from its end, one table lookup a label, however many patterns there are. Immutable.
 */
export class NameSet {
  readonly #patterns: readonly Pattern[];
  /** Open addressing: pattern number plus one, found by the hash of its name read backwards. */
  readonly #slots: Int32Array;

  private constructor(patterns: readonly Pattern[]) {
    this.#patterns = patterns;
    let size = 8;
    while (size < patterns.length * 4) size *= 2;
    this.#slots = new Int32Array(size);
    patterns.forEach((pattern, index) => {
      let hash = FNV_BASIS;
      for (let i = pattern.name.length - 1; i >= 0; i--) hash = Math.imul(hash ^ pattern.name[i]!, FNV_PRIME);
      let slot = hash & (size - 1);
      while (this.#slots[slot] !== 0) slot = (slot + 1) & (size - 1);
      this.#slots[slot] = index + 1;
    });
  }

  /** Compiles patterns; throws a SyntaxError for a text that {@link whyNotPattern} objects to. */
  static from(patterns: readonly string[]): NameSet {
    return new NameSet(patterns.map((text) => {
      const read = readPattern(text);
      if (typeof read === "string") throw new SyntaxError(`Cannot read the name pattern "${text}": ${read}`);
      return read;
    }));
  }

  /** How many patterns there are. */
  get size(): number {
    return this.#patterns.length;
  }

  /** Index of the pattern that covers the name `bytes[0 … length)` (as {@link DnsName} holds it), the longest one first; -1 where none does. */
  match(bytes: Uint8Array, length: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let hash = FNV_BASIS;
    let best = -1;
    for (let i = length - 1; i >= 0; i--) {
      const byte = bytes[i]!;
      if (byte === DOT && i < length - 1) {
        const found = this.#lookup(bytes, i + 1, length, hash, mask, false);
        if (found >= 0) best = found;
      }
      hash = Math.imul(hash ^ byte, FNV_PRIME);
    }
    const whole = this.#lookup(bytes, 0, length, hash, mask, true);
    return whole >= 0 ? whole : best;
  }

  #lookup(bytes: Uint8Array, from: number, to: number, hash: number, mask: number, whole: boolean): number {
    for (let slot = hash & mask;; slot = (slot + 1) & mask) {
      const number = this.#slots[slot]!;
      if (number === 0) return -1;
      const pattern = this.#patterns[number - 1]!;
      if ((whole ? pattern.itself : pattern.below) && sameBytes(pattern.name, bytes, from, to)) return number - 1;
    }
  }
}

function sameBytes(name: Uint8Array, bytes: Uint8Array, from: number, to: number): boolean {
  if (to - from !== name.length) return false;
  for (let i = 0; i < name.length; i++) if (bytes[from + i] !== name[i]) return false;
  return true;
}
