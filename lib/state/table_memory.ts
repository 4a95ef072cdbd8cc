/**
 * Memory for the arrays of tables: this thread's own, or memory that several threads share.
 * @module
 */

/** Gives zeroed arrays. */
export interface TableMemory {
  /** `length` words. */
  int32(length: number): Int32Array;
  /** `length` numbers. */
  float64(length: number): Float64Array;
  /** `length` half words. */
  uint16(length: number): Uint16Array;
}

/** This thread's own memory. */
export const OWN_MEMORY: TableMemory = {
  int32: (length) => new Int32Array(length),
  float64: (length) => new Float64Array(length),
  uint16: (length) => new Uint16Array(length),
};

/**
 * Memory that several threads share. The first thread allocates it; another thread that asks for the same arrays in the
 * same order gets the same memory. Nothing here keeps two threads from writing at once: see table_lock.ts.
 */
export class SharedTableMemory implements TableMemory {
  /** What was allocated, in that order: to be posted to the other threads. */
  readonly blocks: SharedArrayBuffer[];
  readonly #made: boolean;
  #next = 0;

  /** New memory, or the `blocks` that another thread allocated. */
  constructor(blocks?: readonly SharedArrayBuffer[]) {
    this.#made = blocks === undefined;
    this.blocks = [...blocks ?? []];
  }

  /** See {@link TableMemory.int32}. */
  int32(length: number): Int32Array {
    return new Int32Array(this.#block(4 * length));
  }

  /** See {@link TableMemory.float64}. */
  float64(length: number): Float64Array {
    return new Float64Array(this.#block(8 * length));
  }

  /** See {@link TableMemory.uint16}. */
  uint16(length: number): Uint16Array {
    return new Uint16Array(this.#block(2 * length));
  }

  #block(bytes: number): SharedArrayBuffer {
    if (this.#made) this.blocks.push(new SharedArrayBuffer(bytes));
    const block = this.blocks[this.#next++];
    if (block?.byteLength !== bytes) {
      throw new RangeError(`Cannot share a table: ${bytes} bytes wanted, ${block?.byteLength ?? "none"} given`);
    }
    return block;
  }
}
