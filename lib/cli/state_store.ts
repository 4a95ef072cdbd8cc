/**
 * The state file on disk: read at start, written atomically at intervals and at stop.
 * @module
 */
import type { Policy } from "../policy/policy.ts";
import { readState, type Restored, type StateContext, writeState } from "../state/state_file.ts";
import type { State } from "../state/state.ts";

/** Largest state file that is read, bytes. */
const LARGEST = 64 << 20;

/** See the module's text. */
export class StateStore {
  /** Last failure to write, empty where there was none: said once, and in status. */
  failure = "";
  readonly #path: string;
  #written = "";

  /** Keeps the state in `path`; empty keeps none. */
  constructor(path: string) {
    this.#path = path;
  }

  /** Reads the file into the tables; null where there is none. Throws where it is there but cannot be read. */
  load(state: State, context: StateContext): Restored | null {
    return this.#path === "" ? null : this.importFrom(this.#path, state, context);
  }

  /** The same for a file of another name, e.g. the store of ftwall 1. */
  importFrom(path: string, state: State, context: StateContext): Restored | null {
    try {
      const { isFile, size } = Deno.statSync(path);
      if (!isFile) throw new Error(`Cannot read the state "${path}": it is no regular file`);
      if (size > LARGEST) {
        throw new Error(`Cannot read the state "${path}": it has ${size} bytes, more than ${LARGEST}`);
      }
      return readState(Deno.readTextFileSync(path), state, context);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return null;
      throw error;
    }
  }

  /** Writes the tables: to a new file beside it, synced, renamed over it. Unchanged state is not written again. Never throws. */
  save(state: State, context: StateContext): void {
    if (this.#path === "") return;
    const text = writeState(state, context);
    const print = fingerprint(text);
    if (print === this.#written) return;
    const beside = `${this.#path}.new`;
    try {
      const slash = this.#path.lastIndexOf("/");
      if (slash > 0) Deno.mkdirSync(this.#path.slice(0, slash), { recursive: true, mode: 0o755 });
      using file = Deno.openSync(beside, { write: true, create: true, truncate: true, mode: 0o600 });
      const bytes = new TextEncoder().encode(text);
      let at = 0;
      while (at < bytes.length) at += file.writeSync(bytes.subarray(at));
      file.syncSync();
      Deno.renameSync(beside, this.#path);
      this.#written = print;
      this.failure = "";
    } catch (error) {
      this.failure = `Cannot write the state "${this.#path}": ${
        error instanceof Error ? error.message : String(error)
      }`;
    }
  }
}

/** Stands for a text of megabytes that is not worth keeping: its length and two hashes (FNV-1a, and with another prime). */
function fingerprint(text: string): string {
  let a = 0x811c9dc5;
  let b = 0x9e3779b9;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    a = Math.imul(a ^ unit, 0x01000193);
    b = Math.imul(b ^ unit, 0x85ebca6b) ^ (b >>> 15);
  }
  return `${text.length} ${a} ${b}`;
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
    pattern,
    patternNumber: (text) => policy.training.findIndex((name) => name.pattern === text),
    isExempt: (words) => policy.isExempt(words[0], words[1], words[2], words[3], 0, 0),
    isHome: (words) => policy.isHome(words[0], words[1], words[2], words[3]),
    now,
    wallOffset,
  };
}
