/**
 * Where in a TOML text each key stands. The TOML library gives values without positions, and a problem without a line is
 * half a help.
 *
 * The scan is lenient: it is only trusted with texts that the library has accepted, and where it loses its way the answer is
 * the line of the nearest table or key above, never an error. It visits every character once and nests at most
 * {@link DEEPEST} levels.
 * @module
 */

/** Deepest nesting of lists and inline tables, for the parser too. */
export const DEEPEST = 16;

/** Keys and list positions from the top of the document. */
export type Path = readonly (string | number)[];

/** A key or list element, by the order in which it was met. */
type Id = number;

/** The document itself. */
const ROOT: Id = 0;

/** Characters of a key's part by which keys are distinguished. */
const LONGEST = 128;

/** What stands for `part` below `base`. By number, so that a long table name is not repeated for every key below it. */
function nameOf(base: Id, part: string | number): string {
  return typeof part === "number" ? `${base}#${part}` : `${base}.${part.slice(0, LONGEST)}`;
}

/** The lines of a text's keys. */
export class LineIndex {
  readonly #ids: ReadonlyMap<string, Id>;
  readonly #lines: readonly number[];

  /** Use {@link indexLines}. */
  constructor(ids: ReadonlyMap<string, Id>, lines: readonly number[]) {
    this.#ids = ids;
    this.#lines = lines;
  }

  /** 1-based line of the key, or of the nearest thing above it that has one; 1 where nothing has. */
  line(path: Path): number {
    let id = ROOT;
    for (const part of path) {
      const below = this.#ids.get(nameOf(id, part));
      if (below === undefined) break;
      id = below;
    }
    return this.#lines[id]!;
  }
}

/** Scans a TOML text. Never throws. */
export function indexLines(text: string): LineIndex {
  return new Scan(text).run();
}

/** Where the string or comment that begins at `at` ends; `at` itself where neither does. */
export function endOfText(text: string, at: number): number {
  const sign = text[at];
  if (sign === '"' || sign === "'") return endOfString(text, at);
  if (sign !== "#") return at;
  const end = text.indexOf("\n", at);
  return end < 0 ? text.length : end;
}

/** Where the string that begins at `at` ends: after its last mark, or at the end of the line or text that cuts it off. */
function endOfString(text: string, at: number): number {
  const mark = text[at]!;
  const long = text.startsWith(mark.repeat(3), at);
  let end = at + (long ? 3 : 1);
  for (; end < text.length; end++) {
    const sign = text[end];
    if (sign === "\\" && mark === '"' && (long || text[end + 1] !== "\n")) end++;
    else if (sign === "\n" && !long) return end;
    else if (sign === mark && !long) return end + 1;
    else if (sign === mark && text.startsWith(mark.repeat(3), end)) break;
  }
  // A string of several lines may end in up to two more of its own marks.
  for (let i = 0; i < 5 && text[end] === mark; i++) end++;
  return end;
}

class Scan {
  readonly #text: string;
  readonly #ids = new Map<string, Id>();
  /** Line of each id; that of the document is 1. */
  readonly #lines = [1];
  readonly #elements = new Map<Id, number>();
  #at = 0;
  #line = 1;

  constructor(text: string) {
    this.#text = text;
  }

  run(): LineIndex {
    let base = ROOT;
    while (this.#at < this.#text.length) {
      const before = this.#at;
      this.#blank();
      if (this.#peek() === "[") base = this.#header();
      else if (this.#at < this.#text.length) this.#pair(base, 0);
      this.#restOfLine();
      // Whatever the text, the scan moves on.
      if (this.#at === before) this.#step();
    }
    return new LineIndex(this.#ids, this.#lines);
  }

  #peek(offset = 0): string {
    return this.#text[this.#at + offset] ?? "";
  }

  #step(): void {
    if (this.#text[this.#at] === "\n") this.#line++;
    this.#at++;
  }

  /** Blanks, line ends and comments. */
  #blank(): void {
    for (;;) {
      const next = this.#peek();
      if (next === " " || next === "\t" || next === "\n" || next === "\r") this.#step();
      else if (next === "#") this.#restOfLine();
      else return;
    }
  }

  #space(): void {
    while (this.#peek() === " " || this.#peek() === "\t") this.#at++;
  }

  #restOfLine(): void {
    while (this.#at < this.#text.length && this.#peek() !== "\n") this.#at++;
  }

  /** The id of `part` below `base`, whose line is the one on which it was met first. */
  #note(base: Id, part: string | number, line: number): Id {
    const name = nameOf(base, part);
    const known = this.#ids.get(name);
    if (known !== undefined) return known;
    this.#ids.set(name, this.#lines.length);
    return this.#lines.push(line) - 1;
  }

  /** `[a.b]` or `[[a.b]]`; gives the table that follows. */
  #header(): Id {
    const line = this.#line;
    this.#at++;
    const list = this.#peek() === "[";
    if (list) this.#at++;
    const keys = this.#key("]");
    let id = ROOT;
    keys.forEach((key, i) => {
      id = this.#note(id, key, line);
      const last = i === keys.length - 1;
      const count = this.#elements.get(id) ?? 0;
      if (last && list) this.#elements.set(id, count + 1);
      if ((last && list) || count > 0) id = this.#note(id, last && list ? count : count - 1, line);
    });
    return id;
  }

  /** A dotted key up to (not including) `end` or the line's end. */
  #key(end: string): string[] {
    const keys: string[] = [];
    for (;;) {
      this.#space();
      const next = this.#peek();
      if (next === '"' || next === "'") {
        keys.push(this.#quoted());
      } else {
        const from = this.#at;
        while (/[\w-]/.test(this.#peek())) this.#at++;
        if (this.#at > from) keys.push(this.#text.slice(from, this.#at));
      }
      this.#space();
      if (this.#peek() !== "." || this.#peek() === end || keys.length > DEEPEST) return keys;
      this.#at++;
    }
  }

  /** Passes a string and gives it as it stands, with its marks. */
  #string(): string {
    const from = this.#at;
    const end = endOfString(this.#text, from);
    while (this.#at < end) this.#step();
    return this.#text.slice(from, end);
  }

  /** A string as a key; escapes are resolved as JSON resolves them, which covers keys that people write. */
  #quoted(): string {
    const written = this.#string();
    const inner = written.slice(1, -1);
    if (written.startsWith("'")) return inner;
    try {
      return String(JSON.parse(`"${inner}"`));
    } catch {
      return inner;
    }
  }

  /** `key = value` inside the table `base`. */
  #pair(base: Id, depth: number): void {
    const line = this.#line;
    const keys = this.#key("=");
    let id = base;
    for (const key of keys) id = this.#note(id, key, line);
    this.#space();
    if (keys.length === 0 || this.#peek() !== "=") return;
    this.#at++;
    this.#space();
    this.#value(id, depth);
  }

  #value(id: Id, depth: number): void {
    const next = this.#peek();
    if (next === '"' || next === "'") this.#string();
    else if (depth < DEEPEST && next === "[") this.#list(id, depth + 1);
    else if (depth < DEEPEST && next === "{") this.#inlineTable(id, depth + 1);
    else while (this.#at < this.#text.length && !/[,\]}#\n]/.test(this.#peek())) this.#at++;
  }

  #list(id: Id, depth: number): void {
    this.#at++;
    for (let index = 0; this.#at < this.#text.length; index++) {
      this.#blank();
      if (this.#peek() === "]") break;
      const before = this.#at;
      this.#value(this.#note(id, index, this.#line), depth);
      this.#blank();
      if (this.#peek() === ",") this.#at++;
      else if (this.#peek() === "]" || this.#at === before) break;
    }
    if (this.#peek() === "]") this.#at++;
  }

  #inlineTable(id: Id, depth: number): void {
    this.#at++;
    while (this.#at < this.#text.length) {
      this.#blank();
      if (this.#peek() === "}") break;
      const before = this.#at;
      this.#pair(id, depth);
      this.#blank();
      if (this.#peek() === ",") this.#at++;
      else if (this.#peek() === "}" || this.#at === before) break;
    }
    if (this.#peek() === "}") this.#at++;
  }
}
