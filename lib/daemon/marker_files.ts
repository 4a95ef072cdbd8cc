/**
 * One file for each locked client in a directory, made and deleted as locks begin and end: for scripts, as ftwall 1's `-c`.
 * @module
 */
import type { LockEvent, TrafficEvent } from "../learn/event.ts";
import { parseAddress } from "../net/address.ts";
import { errorText } from "../net/error_text.ts";
import type { Loaded } from "../policy/load.ts";
import { type Problem, quote } from "../policy/problem.ts";

/** See the module's text. */
export class MarkerFiles {
  readonly #warn: (text: string) => void;
  #directory = "";
  #failed = false;

  /** Keeps no files before {@link adopt}. `warn` is told, once for a directory, that files cannot be kept there. */
  constructor(warn: (text: string) => void) {
    this.#warn = warn;
  }

  /**
   * Keeps files in `directory` from now on, empty for none: what an earlier run left there goes, each of the `locks` in
   * force has a file. Another directory that was in use before is left without any.
   */
  adopt(directory: string, locks: readonly LockEvent[]): void {
    if (directory !== this.#directory) this.#clear(new Set());
    this.#directory = directory;
    this.#failed = false;
    this.#clear(new Set(locks.map((lock) => lock.client)));
    for (const lock of locks) this.follow(lock);
  }

  /** Follows an event. */
  follow(event: TrafficEvent): void {
    if (this.#directory === "") return;
    if (event.event !== "locked" && event.event !== "renewed" && event.event !== "released") return;
    // An address has no slash; a colon is fine in a file's name.
    const path = `${this.#directory}/${event.client}`;
    this.#attempt(() => {
      if (event.event === "released") remove(path);
      else Deno.writeTextFileSync(path, `${event.protocol} ${event.evidence} ${event.until ?? ""}\n`);
    });
  }

  /** Removes the files of all clients but the `locked`; what is not named by an address stays. */
  #clear(locked: ReadonlySet<string>): void {
    if (this.#directory === "") return;
    this.#attempt(() => {
      for (const { isFile, name } of Deno.readDirSync(this.#directory)) {
        if (isFile && parseAddress(name) !== null && !locked.has(name)) remove(`${this.#directory}/${name}`);
      }
    });
  }

  #attempt(act: () => void): void {
    try {
      act();
    } catch (error) {
      if (this.#failed) return;
      this.#failed = true;
      const found = errorText(error);
      this.#warn(`Cannot keep the files of locked clients in "${this.#directory}" (client_files): ${found}`);
    }
  }
}

/** What speaks against keeping files in the directory that a config names: for who loads it without running. */
export function directoryProblems({ path, config }: Pick<Loaded, "path" | "config">): Problem[] {
  const directory = config?.clientFiles ?? "";
  if (directory === "" || isDirectory(directory)) return [];
  const found = `${quote(directory)}, which is no directory here`;
  return [{ severity: "warning", file: path, line: 0, key: "client_files", found, allowed: "a directory that exists" }];
}

function isDirectory(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

/** A file that is gone already is as good. */
function remove(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
