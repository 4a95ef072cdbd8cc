/**
 * Which parts of the code ran, by V8's own block counters (Chrome DevTools Protocol, `Profiler.takePreciseCoverage`). They
 * are built in when a function is compiled: start before what is to be watched is imported.
 *
 * A look costs some milliseconds and the counters make code two to three times slower, so one look is for many inputs.
 * @module
 */
import { Session } from "node:inspector";

/** A stretch of source and how often it ran; those of a function lie within the first. */
interface Range {
  readonly startOffset: number;
  readonly endOffset: number;
  readonly count: number;
}

interface Script {
  readonly scriptId: string;
  readonly url: string;
  readonly functions: readonly { readonly ranges: readonly Range[] }[];
}

/** See the module's text. */
export class BlockCoverage implements AsyncDisposable {
  /** Characters of source that ran at any time. */
  covered = 0;
  /** How often all blocks together ran since the look before the last: loops and branches, a measure that no clock is in. */
  steps = 0;
  readonly #session = new Session();
  readonly #watched: (url: string) => boolean;
  readonly #seen = new Map<string, Uint8Array>();
  #now = new Uint8Array(0);

  private constructor(watched: (url: string) => boolean) {
    this.#watched = watched;
  }

  /** Begins to count in scripts that `watched` is true of and that are imported later. */
  static async start(watched: (url: string) => boolean): Promise<BlockCoverage> {
    const coverage = new BlockCoverage(watched);
    coverage.#session.connect();
    await coverage.#ask("Profiler.enable");
    await coverage.#ask("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
    return coverage;
  }

  /** How many characters ran since the last look that never ran before; they count as having run from now on. */
  async look(keep: boolean = true): Promise<number> {
    const { result } = await this.#ask("Profiler.takePreciseCoverage") as { readonly result: readonly Script[] };
    let fresh = 0;
    this.steps = 0;
    for (const { scriptId, url, functions } of result) {
      if (!this.#watched(url)) continue;
      for (const { ranges } of functions) fresh += this.#function(scriptId, ranges, keep);
    }
    if (keep) this.covered += fresh;
    return fresh;
  }

  #function(script: string, ranges: readonly Range[], keep: boolean): number {
    const [{ startOffset: from, endOffset: to }] = ranges as readonly [Range];
    // A module itself runs once.
    if (from === 0) return 0;
    if (this.#now.length < to - from) this.#now = new Uint8Array(2 * (to - from));
    // The innermost stretch counts, and comes last.
    for (const { startOffset, endOffset, count } of ranges) {
      this.#now.fill(count > 0 ? 1 : 0, startOffset - from, endOffset - from);
      this.steps += count;
    }
    // Functions within are told by themselves.
    const key = `${script} ${from} ${to}`;
    let seen = this.#seen.get(key);
    if (seen === undefined) this.#seen.set(key, seen = new Uint8Array(to - from));
    let fresh = 0;
    for (let at = 0; at < seen.length; at++) {
      if (this.#now[at] === 0 || seen[at] !== 0) continue;
      fresh++;
      if (keep) seen[at] = 1;
    }
    return fresh;
  }

  #ask(method: string, parameters: Record<string, unknown> = {}): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#session.post(method, parameters, (error: Error | null, answer?: unknown) => {
        if (error === null) resolve(answer);
        else reject(new Error(`Cannot ask V8 for ${method}: ${JSON.stringify(error)}`));
      });
    });
  }

  /** Stops counting. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#ask("Profiler.stopPreciseCoverage");
    this.#session.disconnect();
  }
}
