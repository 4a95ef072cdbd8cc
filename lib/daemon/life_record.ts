/**
 * A file beside the control socket that says when verdicts moved last: the next process reads from it how long they stood
 * still where this one is ended without a stop. It lies where the socket lies, in memory on most machines.
 * @module
 */

/** How the process before this one ended. */
export interface EarlierEnd {
  /** Its process id. */
  readonly pid: number;
  /** Milliseconds from its last verdicts to now. */
  readonly stoodStill: number;
}

/** Width of the time, so that each write takes the place of the one before. */
const WIDTH = 16;

/** See the module's text. Nothing in here throws: what cannot be written is not known later, no more. */
export class LifeRecord implements Disposable {
  /** How the process before ended; null where it stopped cleanly, or there was none since the machine started. */
  readonly earlier: EarlierEnd | null;
  readonly #path: string;
  #file: Deno.FsFile | null = null;

  /** Reads the record at `path` and begins it anew. `now` is milliseconds of the machine's monotonic clock. */
  constructor(path: string, now: number) {
    this.#path = path;
    this.earlier = readEarlier(path, now);
    try {
      Deno.removeSync(path);
    } catch {
      // There was none.
    }
    try {
      // Made anew, so that a link which somebody laid there is not followed.
      this.#file = Deno.openSync(path, { write: true, createNew: true, mode: 0o600 });
    } catch {
      // Where the socket can be, this can be; else nothing is told later.
    }
    this.write(now);
  }

  /** Verdicts moved now. */
  write(now: number): void {
    try {
      this.#file?.seekSync(0, Deno.SeekMode.Start);
      this.#file?.writeSync(new TextEncoder().encode(`${String(Math.floor(now)).padStart(WIDTH)} ${Deno.pid}\n`));
    } catch {
      // A full disk.
    }
  }

  /** A clean stop: there is nothing to tell. */
  [Symbol.dispose](): void {
    if (this.#file === null) return;
    this.#file.close();
    this.#file = null;
    try {
      Deno.removeSync(this.#path);
    } catch {
      // Gone already.
    }
  }
}

function readEarlier(path: string, now: number): EarlierEnd | null {
  try {
    if (!Deno.lstatSync(path).isFile) return null;
    const match = /^ *(\d{1,15}) (\d{1,10})\n/.exec(Deno.readTextFileSync(path).slice(0, 64));
    const stoodStill = now - Number(match?.[1] ?? NaN);
    // A later time is of before the machine started anew.
    return stoodStill >= 0 ? { pid: Number(match![2]), stoodStill } : null;
  } catch {
    return null;
  }
}
