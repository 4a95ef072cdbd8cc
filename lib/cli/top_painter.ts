/**
 * Puts lines on a terminal, of which nothing is expected but a VT100's cursor addressing, erasing and reverse video. Only
 * lines that changed are written: nothing flickers, and a serial line has little to carry.
 * @module
 */

/** A line of the screen. */
export interface ScreenLine {
  readonly text: string;
  readonly reverse?: boolean;
}

/** See the module's text. */
export class Painter {
  readonly #write: (text: string) => void;
  readonly #plain: boolean;
  #lines: string[] = [];
  #columns = 0;
  #rows = 0;

  /** `write` puts text on the terminal; with `unicode` false other signs than ASCII become "?". */
  constructor(write: (text: string) => void, unicode: boolean) {
    this.#write = write;
    this.#plain = !unicode;
  }

  /** Shows these lines, cut to the screen; what is below them becomes empty. */
  paint(lines: readonly ScreenLine[], columns: number, rows: number): void {
    let out = "";
    if (columns !== this.#columns || rows !== this.#rows) {
      this.#columns = columns;
      this.#rows = rows;
      this.#lines = new Array<string>(rows).fill("");
      out += "\x1b[0m\x1b[H\x1b[2J";
    }
    for (let row = 0; row < rows; row++) {
      const text = this.#styled(lines[row]);
      if (text === this.#lines[row]) continue;
      this.#lines[row] = text;
      out += `\x1b[${row + 1};1H${text}\x1b[K`;
    }
    // The cursor waits where questions are answered.
    if (out !== "") this.#write(`${out}\x1b[${rows};${Math.min(columns, (lines[rows - 1]?.text.length ?? 0) + 1)}H`);
  }

  /** Has the next {@link paint} write everything, as after the terminal was used by another program. */
  forget(): void {
    this.#rows = 0;
  }

  /** Leaves the screen as it is, the cursor in an empty last line. */
  leave(): void {
    this.#write(`\x1b[0m\x1b[${Math.max(1, this.#rows)};1H\x1b[K`);
  }

  #styled(line: ScreenLine | undefined): string {
    if (line === undefined) return "";
    // A sign in the last column makes some terminals begin a new line.
    let text = [...line.text].slice(0, this.#columns - 1).join("");
    if (this.#plain) text = text.replace(/[^\x20-\x7e]/gu, "?");
    return line.reverse === true ? `\x1b[7m${text.padEnd(this.#columns - 1)}\x1b[0m` : text;
  }
}
