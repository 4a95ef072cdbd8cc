/**
 * Keys of a VT100 terminal from its bytes, which a serial line may deliver one by one.
 * @module
 */

/** What the sequences of keys end in, after ESC [ or ESC O, as VT100, xterm and Linux send them. */
const SEQUENCES: Readonly<Record<string, string>> = {
  A: "up",
  B: "down",
  H: "home",
  F: "end",
  "1~": "home",
  "4~": "end",
  "5~": "page-up",
  "6~": "page-down",
  "7~": "home",
  "8~": "end",
};
const CONTROLS: Readonly<Record<string, string>> = {
  "\r": "enter",
  "\n": "enter",
  "\x7f": "delete",
  "\b": "delete",
  "\x03": "quit",
  "\x04": "quit",
  "\x0c": "redraw",
};
// deno-lint-ignore no-control-regex
const KEY = /^(?:\x1b[[O]([0-9;]{0,8}[A-Za-z~])|\x1b\x1b|\x1b(?=[^[O])|[^\x1b])/su;
/** A sequence that is longer is none. */
const LONGEST = 12;

/** Reads keys: names of special ones, else the character itself. */
export class KeyReader {
  readonly #decoder = new TextDecoder();
  #rest = "";

  /** Takes bytes, answers the keys that are whole. */
  take(bytes: Uint8Array): string[] {
    this.#rest += this.#decoder.decode(bytes, { stream: true });
    const keys: string[] = [];
    for (;;) {
      const match = KEY.exec(this.#rest);
      if (match === null) break;
      this.#rest = this.#rest.slice(match[0].length);
      keys.push(...named(match[0], match[1]));
    }
    if (this.#rest.length > LONGEST) this.#rest = "";
    return keys;
  }

  /** Whether the begin of a sequence waits, which may be a lone ESC: call {@link lone} when nothing more came. */
  get waits(): boolean {
    return this.#rest !== "";
  }

  /** Takes what waits for the key ESC. */
  lone(): string[] {
    const escaped = this.#rest === "\x1b";
    this.#rest = "";
    return escaped ? ["escape"] : [];
  }
}

function named(text: string, sequence: string | undefined): string[] {
  if (sequence !== undefined) return SEQUENCES[sequence] === undefined ? [] : [SEQUENCES[sequence]];
  if (text.startsWith("\x1b")) return ["escape"];
  const control = CONTROLS[text];
  if (control !== undefined) return [control];
  return text < " " ? [] : [text];
}
