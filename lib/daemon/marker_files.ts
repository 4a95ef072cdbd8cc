/**
 * Keeps a directory with one file for each locked client, for scripts, as ftwall 1 did with `-c`.
 * @module
 */
import type { LockEvent, TrafficEvent } from "../learn/event.ts";
import { parseAddress } from "../net/address.ts";
import { errorText } from "../net/error_text.ts";
import type { Loaded } from "../policy/load.ts";
import { type Problem, quote } from "../policy/problem.ts";
import { writeAnew } from "../report/own_file.ts";

/** See the module's text. */
export class MarkerFiles {
  readonly #warn: (text: string) => void;
  #directory = "";
  #failed = false;

  /** Keeps no files before {@link adopt}. Calls `warn` once for a directory in which files cannot be kept. */
  constructor(warn: (text: string) => void) {
    this.#warn = warn;
  }

  /**
   * Keeps files in `directory` from now on; empty keeps none. Files that an earlier run left there are removed, and each of
   * the `locks` in force gets one: they are asked for only where files are kept. If another directory was in use, its files
   * are removed.
   */
  adopt(directory: string, locks: () => readonly LockEvent[]): void {
    if (directory !== this.#directory) this.#clear(new Set());
    this.#directory = directory;
    this.#failed = false;
    if (directory === "") return;
    const inForce = locks();
    this.#clear(new Set(inForce.map((lock) => lock.client)));
    for (const lock of inForce) this.follow(lock);
  }

  /** Follows an event. */
  follow(event: TrafficEvent): void {
    if (this.#directory === "") return;
    if (event.event !== "locked" && event.event !== "renewed" && event.event !== "released") return;
    // Safe as a file name: an address has no slash.
    const path = `${this.#directory}/${event.client}`;
    this.#attempt(() => {
      if (event.event === "released") remove(path);
      else writeAnew(path, `${event.protocol} ${event.evidence} ${event.until ?? ""}\n`, 0o644);
    });
  }

  /** Removes the files of clients that are not `locked`. Files whose name is no address stay. */
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

/** A warning where the directory that a config names is missing, for commands that load a config without running it. */
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

/** Removes a file if it is there. */
function remove(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
