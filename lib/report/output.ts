/**
 * Printing of commands that end by themselves. These may wait for their reader; the daemon must not and has its own writer.
 * @module
 */
import { errorText } from "../net/error_text.ts";
import { FAILED, Failure } from "./failure.ts";

/** The reader of our output went away (`ftwall replay … | head`): nothing more to do, and nothing to complain about. */
export class ReaderGone extends Error {
  override readonly name: string = "ReaderGone";
  /** As a shell sees a program that a closed pipe ended: not a success. */
  readonly exitCode = 1;
}

const encoder = new TextEncoder();

/** Something with a synchronous write, as `Deno.stdout`. */
export interface SyncSink {
  /** Writes some of the bytes, answers how many. */
  writeSync(bytes: Uint8Array): number;
}

/** Prints lines to standard output at once. */
export function print(...lines: readonly string[]): void {
  if (lines.length > 0) writeAll(Deno.stdout, encoder.encode(lines.join("\n") + "\n"));
}

/** Prints lines to standard error; a reader that is gone does not matter there. */
export function complain(...lines: readonly string[]): void {
  try {
    if (lines.length > 0) writeAll(Deno.stderr, encoder.encode(lines.join("\n") + "\n"));
  } catch {
    // There is nowhere left to say it.
  }
}

/** Collects lines and prints them in large pieces: a million flows are a million lines. */
export class Printer implements Disposable {
  readonly #sink: SyncSink;
  #parts: string[] = [];
  #size = 0;

  /** Prints to standard output unless told otherwise. */
  constructor(sink: SyncSink = Deno.stdout) {
    this.#sink = sink;
  }

  /** Takes one line. Bound, to be handed on. */
  readonly print = (line: string): void => {
    this.#parts.push(line);
    this.#size += line.length;
    if (this.#size > 65536) this.flush();
  };

  /** Writes what was taken so far. */
  flush(): void {
    if (this.#parts.length === 0) return;
    const text = this.#parts.join("\n") + "\n";
    this.#parts = [];
    this.#size = 0;
    writeAll(this.#sink, encoder.encode(text));
  }

  /** Writes the rest. */
  [Symbol.dispose](): void {
    this.flush();
  }
}

function writeAll(sink: SyncSink, bytes: Uint8Array): void {
  let start = 0;
  while (start < bytes.length) {
    try {
      start += sink.writeSync(bytes.subarray(start));
    } catch (error) {
      if (error instanceof Deno.errors.BrokenPipe) throw new ReaderGone("The reader of standard output is gone");
      // A terminal or pipe that somebody else made non-blocking: try again until its reader caught up.
      if (error instanceof Deno.errors.WouldBlock) continue;
      const found = errorText(error);
      throw new Failure(FAILED, `Cannot write the output: ${found}`);
    }
  }
}
