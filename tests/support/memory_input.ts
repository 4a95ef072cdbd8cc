/** Bytes of a file in memory, as a capture reader's input. */
import type { ByteInput } from "../../lib/replay/source.ts";

/** A file's bytes as an input, delivered in pieces of at most `most` bytes, as a pipe would. */
export class MemoryInput implements ByteInput {
  /** `close` was called. */
  closed = false;
  readonly #bytes: Uint8Array;
  readonly #most: number;
  #at = 0;

  /** Reads from the array itself, without a copy. */
  constructor(bytes: Uint8Array, most: number = bytes.length) {
    this.#bytes = bytes;
    this.#most = Math.max(1, most);
  }

  /** Reads the next piece. */
  readSync(into: Uint8Array): number | null {
    const count = Math.min(into.length, this.#most, this.#bytes.length - this.#at);
    if (count === 0) return null;
    into.set(this.#bytes.subarray(this.#at, this.#at + count));
    this.#at += count;
    return count;
  }

  /** Notes that it was closed. */
  close(): void {
    this.closed = true;
  }
}
