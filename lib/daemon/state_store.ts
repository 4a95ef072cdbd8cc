/**
 * The state file on disk. It is replaced as a whole, and read and written through a buffer of a few kilobytes.
 * @module
 */
import { errorText } from "../net/error_text.ts";
import type { Policy } from "../policy/policy.ts";
import { CLASSIFIERS } from "../protocol/mod.ts";
import { type StateContext, stateLines } from "../state/state_file.ts";
import { type Restored, StateReader } from "../state/state_reader.ts";
import type { State } from "../state/state.ts";
import { Slice } from "./slice.ts";
import { checkOwn, openOwn } from "../report/own_file.ts";
import { ReplacedFile } from "./replaced_file.ts";

/** The most bytes of a state file that are read: more than the largest block list takes. */
const LARGEST = 512 << 20;
/** Bytes that are read or written at once. No line is longer. */
const PIECE = 16 << 10;

/** See the module's text. */
export class StateStore {
  /** Why the last write failed; empty where it did not. */
  failure = "";
  /** Milliseconds that the last save kept this thread busy. */
  cost = 0;
  readonly #path: string;
  #written = "";
  /** Where the file that is there goes with the first save; empty where that takes its place. */
  #aside = "";
  #save: Save | null = null;

  /** Keeps the state in `path`; empty keeps none. */
  constructor(path: string) {
    this.#path = path;
  }

  /** Whether a save is under way. */
  get saving(): boolean {
    return this.#save !== null;
  }

  /** The file is of a newer version: the first save puts it aside. Answers where. */
  keepAside(version: number): string {
    this.#aside = `${this.#path}.version-${version}`;
    return this.#aside;
  }

  /** Reads the file into the tables; null where there is none. Throws where it is there but cannot be read. */
  load(state: State, context: StateContext): Restored | null {
    return this.#path === "" ? null : this.importFrom(this.#path, state, context);
  }

  /** The same for another file, for example the state file of ftwall 1. */
  importFrom(path: string, state: State, context: StateContext): Restored | null {
    try {
      const found = checkOwn(path);
      if (found === null) return null;
      if (!found.isFile) throw new Error(`Cannot read the state "${path}": it is no regular file`);
      const file = openOwn(path, { read: true });
      using _ = file;
      const reader = new StateReader(state, context);
      const decoder = new TextDecoder();
      const piece = new Uint8Array(PIECE);
      for (let left = LARGEST; left > 0; left -= PIECE) {
        const count = file.readSync(piece);
        if (count === null || !reader.push(decoder.decode(piece.subarray(0, count), { stream: true }))) {
          return reader.end();
        }
      }
      return reader.end(`the file has more than ${LARGEST} bytes`);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return null;
      throw error;
    }
  }

  /**
   * Writes the tables to a new file, syncs it and renames it over the old one, which stays where nothing has changed. Packets
   * are judged between two slices of the work; `hold` runs a slice, and keeps other threads from the tables meanwhile. A call
   * during a save does nothing. Never throws.
   */
  async save(
    state: State,
    context: StateContext,
    hold: (slice: () => boolean) => boolean = (slice) => slice(),
  ): Promise<void> {
    if (this.#path === "" || this.#save !== null) return;
    using save = new Save(this.#path, state, context);
    this.#save = save;
    const slice = new Slice();
    let cost = 0;
    try {
      for (;;) {
        const began = performance.now();
        const whole = hold(() => save.step(() => slice.over));
        cost += performance.now() - began;
        if (whole) break;
        await slice.next();
        if (this.#save !== save) return;
      }
      if (save.fingerprint !== this.#written) {
        const file = save.flush();
        await file.sync();
        if (this.#save !== save) return;
        file.finish(this.#aside);
        await file.syncFolder();
      }
      this.#done(save, cost);
    } catch (error) {
      if (this.#save === save) this.#failed(error);
    }
  }

  /** The same at once, for a stop; it replaces a save that is under way. */
  saveNow(state: State, context: StateContext): void {
    if (this.#path === "") return;
    this.#save?.[Symbol.dispose]();
    using save = new Save(this.#path, state, context);
    this.#save = save;
    try {
      save.step(() => false);
      if (save.fingerprint !== this.#written) {
        const file = save.flush();
        file.syncNow();
        file.finish(this.#aside);
        file.syncFolderNow();
      }
      this.#done(save, 0);
    } catch (error) {
      this.#failed(error);
    }
  }

  #done(save: Save, cost: number): void {
    this.#save = null;
    this.#written = save.fingerprint;
    this.#aside = "";
    this.cost = cost;
    this.failure = "";
  }

  #failed(error: unknown): void {
    this.#save = null;
    const found = errorText(error);
    this.failure = `Cannot write the state "${this.#path}": ${found}`;
  }
}

/** One save: it writes the tables to a new file, which replaces the old one. */
class Save implements Disposable {
  /** The file, once something was written. */
  file: ReplacedFile | null = null;
  readonly #path: string;
  readonly #lines: Generator<string, void>;
  readonly #piece = new Uint8Array(PIECE);
  readonly #encoder = new TextEncoder();
  #filled = 0;
  #length = 0;
  #hashA = 0x811c9dc5;
  #hashB = 0x9e3779b9;

  constructor(path: string, state: State, context: StateContext) {
    this.#path = path;
    this.#lines = stateLines(state, context);
  }

  /** A fingerprint of what was written: its length and two hashes (FNV-1a, and one with another prime). */
  get fingerprint(): string {
    return `${this.#length} ${this.#hashA} ${this.#hashB}`;
  }

  /** Writes lines until `over`. Answers whether all are written. */
  step(over: () => boolean): boolean {
    for (let count = 1;; count++) {
      const next = this.#lines.next();
      if (next.done === true) return true;
      if (!this.#take(next.value)) {
        this.flush();
        this.#take(next.value);
      }
      if (count % 16 === 0 && over()) return false;
    }
  }

  /** Puts a line into the buffer; false where it has no room. */
  #take(line: string): boolean {
    const from = this.#filled;
    const { read, written } = this.#encoder.encodeInto(line, this.#piece.subarray(from));
    if (read < line.length) return false;
    this.#filled += written;
    for (let i = from; i < this.#filled; i++) {
      const byte = this.#piece[i]!;
      this.#hashA = Math.imul(this.#hashA ^ byte, 0x01000193);
      this.#hashB = Math.imul(this.#hashB ^ byte, 0x85ebca6b) ^ (this.#hashB >>> 15);
    }
    this.#length += written;
    return true;
  }

  /** Writes what is in the buffer; answers the file. */
  flush(): ReplacedFile {
    const file = this.file ??= new ReplacedFile(this.#path);
    file.write(this.#piece.subarray(0, this.#filled));
    this.#filled = 0;
    return file;
  }

  /** Removes the new file where it is not finished. Can be called again. */
  [Symbol.dispose](): void {
    this.file?.[Symbol.dispose]();
  }
}

/** What the names in a state file mean under this policy. */
export function stateContext(
  policy: Policy,
  pattern: (number: number) => string,
  now: number,
  wallOffset: number,
): StateContext {
  return {
    protocols: policy.protocols,
    storedProtocol: policy.protocolNumber(CLASSIFIERS.find(({ ofFtwall1 }) => ofFtwall1 === true)?.name ?? ""),
    pattern,
    patternNumber: (text) => policy.training.findIndex((name) => name.pattern === text),
    isExempt: (words) => policy.isExempt(words[0], words[1], words[2], words[3], 0, 0),
    isHome: (words) => policy.isHome(words[0], words[1], words[2], words[3]),
    now,
    wallOffset,
  };
}
