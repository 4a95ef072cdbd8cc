/**
 * One file for each locked client in a directory, made and deleted as locks begin and end: for scripts, as ftwall 1's `-c`.
 * @module
 */
import type { TrafficEvent } from "../engine/event.ts";

/** See the module's text. */
export class MarkerFiles {
  /** Files that could not be made or deleted. */
  failures = 0;
  readonly #directory: string;

  /** Keeps files in `directory`; empty keeps none. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Follows an event. */
  follow(event: TrafficEvent): void {
    if (this.#directory === "") return;
    if (event.event !== "locked" && event.event !== "renewed" && event.event !== "released") return;
    // An address has no slash; a colon is fine in a file's name.
    const path = `${this.#directory}/${event.client}`;
    try {
      if (event.event === "released") Deno.removeSync(path);
      else Deno.writeTextFileSync(path, `${event.protocol} ${event.evidence} ${event.until ?? ""}\n`);
    } catch {
      this.failures++;
    }
  }

  /** Removes what an earlier run left, but for the clients still locked. */
  clear(locked: ReadonlySet<string>): void {
    if (this.#directory === "") return;
    try {
      for (const entry of Deno.readDirSync(this.#directory)) {
        if (entry.isFile && /^[0-9a-f.:]+$/.test(entry.name) && !locked.has(entry.name)) {
          Deno.removeSync(`${this.#directory}/${entry.name}`);
        }
      }
    } catch {
      this.failures++;
    }
  }
}
