/**
 * A bounded table keyed by an address and one more word (a port, a protocol, or 0), with a deadline for each entry.
 *
 * Open addressing over typed arrays: a look-up makes no object and no string. Everything is allocated at construction;
 * pages are only touched as entries come. When the table is full, the one of eight entries that would end soonest is
 * evicted and counted.
 * @module
 */
import { OwnTableMemory, type TableMemory } from "./table_memory.ts";
import { hashEndpoint, powerOfTwo } from "./hash.ts";

const KEY = 5;

// The table's own variables lie in an array too, so that several threads can share one table.
const COUNT = 0;
const EVICTED = 1;
const FREE = 2;
const FRESH = 3;
const HAND = 4;
const HEAD_WORDS = 5;

/** Called with the row of an entry that is about to end. */
export type RowEnd = (row: number) => void;

/** See the module's text. Bytes an entry: 20 key + 8 deadline + 4 × columns + 8 index. */
export class AddressTable {
  /** Most entries. */
  readonly capacity: number;
  /** Int32 columns of each entry, `columns` a row. */
  readonly values: Int32Array;
  /** Columns a row. */
  readonly columns: number;
  /** When each row ends, in milliseconds of the engine's time. */
  readonly deadline: Float64Array;
  /** True where the last {@link insert} made a new entry. */
  created = false;

  readonly #keys: Int32Array;
  readonly #index: Int32Array;
  readonly #mask: number;
  readonly #seed: number;
  readonly #free: Int32Array;
  readonly #head: Int32Array;
  #onEvict: RowEnd | null = null;
  #rank: ((row: number) => number) | null = null;

  /** Makes an empty table; `seed` makes its order unpredictable to outsiders. */
  constructor(capacity: number, columns: number, seed: number, memory: TableMemory = new OwnTableMemory()) {
    if (!(capacity >= 1 && capacity <= 0x3fffffff)) throw new RangeError(`Cannot make a table: capacity ${capacity}`);
    this.capacity = capacity;
    this.columns = columns;
    this.values = memory.int32(capacity * columns);
    this.deadline = memory.float64(capacity);
    this.#keys = memory.int32(capacity * KEY);
    const size = powerOfTwo(capacity * 2);
    this.#index = memory.int32(size);
    this.#mask = size - 1;
    this.#seed = seed | 0;
    this.#free = memory.int32(capacity);
    this.#head = memory.int32(HEAD_WORDS);
  }

  /** Entries held. */
  get count(): number {
    return this.#head[COUNT]!;
  }

  /** Entries evicted because the table was full, modulo 2**32. */
  get evicted(): number {
    return this.#head[EVICTED]! >>> 0;
  }

  /** Called with the row of every entry that is evicted. */
  set onEvict(tell: RowEnd) {
    this.#onEvict = tell;
  }

  /** Entries of lower rank are evicted before those of higher rank. Without it all are alike. */
  set rank(rank: (row: number) => number) {
    this.#rank = rank;
  }

  /** Row of the entry, or -1. */
  find(w0: number, w1: number, w2: number, w3: number, word: number): number {
    const index = this.#index;
    const keys = this.#keys;
    let at = hashEndpoint(w0, w1, w2, w3, word, this.#seed) & this.#mask;
    for (;;) {
      const row = index[at]! - 1;
      if (row < 0) return -1;
      const key = row * KEY;
      if (
        keys[key + 3] === w3 && keys[key + 4] === word && keys[key + 2] === w2 && keys[key + 1] === w1 &&
        keys[key] === w0
      ) return row;
      at = (at + 1) & this.#mask;
    }
  }

  /** Row of the entry, whose deadline is set; it is made with zeroed columns where there was none ({@link created} says so). */
  insert(w0: number, w1: number, w2: number, w3: number, word: number, deadline: number): number {
    const known = this.find(w0, w1, w2, w3, word);
    this.created = known < 0;
    if (known >= 0) {
      this.deadline[known] = deadline;
      return known;
    }
    if (this.count === this.capacity) this.#makeRoom();
    const row = this.#head[FREE]! > 0 ? this.#free[--this.#head[FREE]!]! : this.#head[FRESH]!++;
    const key = row * KEY;
    const keys = this.#keys;
    keys[key] = w0;
    keys[key + 1] = w1;
    keys[key + 2] = w2;
    keys[key + 3] = w3;
    keys[key + 4] = word;
    this.values.fill(0, row * this.columns, (row + 1) * this.columns);
    this.deadline[row] = deadline;
    let at = hashEndpoint(w0, w1, w2, w3, word, this.#seed) & this.#mask;
    while (this.#index[at] !== 0) at = (at + 1) & this.#mask;
    this.#index[at] = row + 1;
    this.#head[COUNT]!++;
    return row;
  }

  /** True where a row holds an entry. */
  holds(row: number): boolean {
    // The deadline of a free row is one that no entry can have.
    return row < this.#head[FRESH]! && this.deadline[row]! !== -Infinity;
  }

  /** One word of a row's key: 0 to 3 the address, 4 the extra word. */
  key(row: number, word: number): number {
    return this.#keys[row * KEY + word]!;
  }

  /** Removes a row that holds an entry. */
  remove(row: number): void {
    const at = this.#positionOf(row);
    if (at < 0) return;
    this.#unlink(at);
    this.deadline[row] = -Infinity;
    this.#free[this.#head[FREE]!++] = row;
    this.#head[COUNT]!--;
  }

  /** Removes the entry if its deadline is at or before `now`, without waiting for a sweep. */
  end(w0: number, w1: number, w2: number, w3: number, word: number, now: number): void {
    const row = this.find(w0, w1, w2, w3, word);
    if (row >= 0 && this.deadline[row]! <= now) this.remove(row);
  }

  /** Ends entries whose deadline is at or before `now`, looking at `budget` rows at most. Returns how many rows it looked at. */
  sweep(now: number, budget: number, onEnd: RowEnd | null = null): number {
    const rows = Math.min(budget, this.#head[FRESH]!);
    for (let i = 0; i < rows; i++) {
      if (this.#head[HAND]! >= this.#head[FRESH]!) this.#head[HAND] = 0;
      const row = this.#head[HAND]!++;
      const deadline = this.deadline[row]!;
      if (deadline === -Infinity || deadline > now) continue;
      onEnd?.(row);
      this.remove(row);
    }
    return rows;
  }

  /** Calls `visit` with every row that holds an entry; the visitor may remove that row. */
  each(visit: RowEnd): void {
    for (let row = 0; row < this.#head[FRESH]!; row++) if (this.deadline[row]! !== -Infinity) visit(row);
  }

  /** The rows whose entry has not ended at `now`. The table may change between two of them. */
  *rows(now: number): Generator<number, void> {
    for (let row = 0; row < this.#head[FRESH]!; row++) if (this.deadline[row]! > now) yield row;
  }

  /** Removes everything. */
  clear(): void {
    this.#index.fill(0);
    this.#head[COUNT] = 0;
    this.#head[FREE] = 0;
    this.#head[FRESH] = 0;
    this.#head[HAND] = 0;
  }

  #makeRoom(): void {
    let soonest = -1;
    let lowest = Infinity;
    for (let i = 0; i < 8; i++) {
      if (this.#head[HAND]! >= this.#head[FRESH]!) this.#head[HAND] = 0;
      const row = this.#head[HAND]!++;
      if (this.deadline[row]! === -Infinity) continue;
      const rank = this.#rank === null ? 0 : this.#rank(row);
      if (rank > lowest || (rank === lowest && this.deadline[row]! >= this.deadline[soonest]!)) continue;
      soonest = row;
      lowest = rank;
    }
    if (soonest < 0) soonest = 0;
    this.#onEvict?.(soonest);
    this.#head[EVICTED]!++;
    this.remove(soonest);
  }

  #positionOf(row: number): number {
    const key = row * KEY;
    const keys = this.#keys;
    let at = hashEndpoint(keys[key]!, keys[key + 1]!, keys[key + 2]!, keys[key + 3]!, keys[key + 4]!, this.#seed) &
      this.#mask;
    for (;;) {
      const found = this.#index[at]!;
      if (found === row + 1) return at;
      if (found === 0) return -1;
      at = (at + 1) & this.#mask;
    }
  }

  // Moves later entries of the probe sequence back over the gap (Knuth, vol. 3, 6.4, algorithm R), so that no tombstones gather.
  #unlink(gap: number): void {
    const index = this.#index;
    const keys = this.#keys;
    const mask = this.#mask;
    let at = gap;
    for (;;) {
      at = (at + 1) & mask;
      const row = index[at]! - 1;
      if (row < 0) break;
      const key = row * KEY;
      const home =
        hashEndpoint(keys[key]!, keys[key + 1]!, keys[key + 2]!, keys[key + 3]!, keys[key + 4]!, this.#seed) & mask;
      if (((at - home) & mask) < ((at - gap) & mask)) continue;
      index[gap] = index[at]!;
      gap = at;
    }
    index[gap] = 0;
  }
}
