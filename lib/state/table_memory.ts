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

/** Bytes of a piece that arrays are cut from, and of the smallest array that gets one of its own. */
const PIECE = 1 << 20;
const LARGE = PIECE / 4;

/**
 * This thread's own memory, in pieces so large that the C library takes each from the kernel: such a piece takes memory only
 * where it was written to, and an array costs next to no time. Smaller ones would be cleared one by one.
 */
export class OwnTableMemory implements TableMemory {
  #piece = new ArrayBuffer(0);
  #used = 0;

  /** See {@link TableMemory.int32}. */
  int32(length: number): Int32Array {
    return new Int32Array(...this.#cut(4 * length), length);
  }

  /** See {@link TableMemory.float64}. */
  float64(length: number): Float64Array {
    return new Float64Array(...this.#cut(8 * length), length);
  }

  /** See {@link TableMemory.uint16}. */
  uint16(length: number): Uint16Array {
    return new Uint16Array(...this.#cut(2 * length), length);
  }

  #cut(bytes: number): [ArrayBuffer, number] {
    if (bytes >= LARGE) return [new ArrayBuffer(bytes), 0];
    if (this.#used + bytes > this.#piece.byteLength) {
      this.#piece = new ArrayBuffer(PIECE);
      this.#used = 0;
    }
    const at = this.#used;
    this.#used = (at + bytes + 7) & ~7;
    return [this.#piece, at];
  }
}

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
