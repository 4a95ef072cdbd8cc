/**
 * A bounded pool for the first bytes of TCP streams: one slot for a direction, taken when a classifier wants more than the
 * packet at hand. When all slots are taken, the oldest is evicted and counted; its flow is then judged by what comes.
 * @module
 */

/** Bytes kept of one direction. Longer than every header block and handshake that a classifier reads. */
export const STREAM_BYTES = 4096;

/** Stands for bytes that were cut off; empty until it is needed. */
let made: Uint8Array = new Uint8Array(0);

function noise(): Uint8Array {
  if (made.length > 0) return made;
  const bytes = new Uint8Array(STREAM_BYTES);
  let state = 0x2545f491;
  for (let at = 0; at < STREAM_BYTES; at++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    bytes[at] = state >>> 24;
  }
  made = bytes;
  return made;
}

/** See the module's text. */
export class Streams {
  /** Slots. */
  readonly capacity: number;
  /** All bytes; a slot's begin at `slot * STREAM_BYTES`. */
  readonly bytes: Uint8Array;
  /** The same bytes for multi-byte reads. */
  readonly view: DataView;
  /** Contiguous bytes from the stream's start, for each slot. */
  readonly filled: Int32Array;
  /** Slots in use. */
  count = 0;
  /** The last {@link put} met other bytes than its own where an island was; the earlier ones stayed. */
  conflict = false;
  /** Slots evicted because all were taken. */
  evicted = 0;

  readonly #owner: Int32Array;
  readonly #side: Uint8Array;
  // One stretch of bytes behind the first gap (an island): enough for two segments that overtook each other.
  readonly #islandStart: Int32Array;
  readonly #islandEnd: Int32Array;
  #hand = 0;
  #onEvict: (row: number, side: number) => void = () => {};

  /** Makes a pool of `capacity` slots of 4 KiB. */
  constructor(capacity: number) {
    if (!(capacity >= 1 && capacity <= 0xfffe)) throw new RangeError(`Cannot make a stream pool: capacity ${capacity}`);
    this.capacity = capacity;
    this.bytes = new Uint8Array(capacity * STREAM_BYTES);
    this.view = new DataView(this.bytes.buffer);
    this.filled = new Int32Array(capacity);
    this.#owner = new Int32Array(capacity).fill(-1);
    this.#side = new Uint8Array(capacity);
    this.#islandStart = new Int32Array(capacity);
    this.#islandEnd = new Int32Array(capacity);
  }

  /** Called with the flow and side whose slot is evicted. */
  set onEvict(tell: (row: number, side: number) => void) {
    this.#onEvict = tell;
  }

  /** Takes a slot for one side (0 opener, 1 responder) of a flow. */
  take(row: number, side: number): number {
    // The hand moves on with each take, so in a full pool it points to the slot that was taken longest ago.
    let slot = this.#hand;
    if (this.count < this.capacity) {
      while (this.#owner[slot] !== -1) {
        slot = slot + 1 === this.capacity ? 0 : slot + 1;
      }
    } else {
      this.#onEvict(this.#owner[slot]!, this.#side[slot]!);
      this.evicted++;
      this.count--;
    }
    this.#hand = slot + 1 === this.capacity ? 0 : slot + 1;
    this.#owner[slot] = row;
    this.#side[slot] = side;
    this.filled[slot] = 0;
    this.#islandStart[slot] = 0;
    this.#islandEnd[slot] = 0;
    this.count++;
    return slot;
  }

  /** Removes the first `count` bytes of a slot's stream, which then begins behind them. */
  drop(slot: number, count: number): void {
    const base = slot * STREAM_BYTES;
    this.bytes.copyWithin(base, base + count, base + STREAM_BYTES);
    this.filled[slot] = Math.max(0, this.filled[slot]! - count);
    if (this.#islandEnd[slot]! > 0) {
      this.#islandStart[slot] = Math.max(0, this.#islandStart[slot]! - count);
      this.#islandEnd[slot] = Math.max(0, this.#islandEnd[slot]! - count);
    }
  }

  /** Moves the start of a slot's stream back by `count` bytes, which are still to come; what it holds becomes the island. */
  moveStartBack(slot: number, count: number): void {
    const base = slot * STREAM_BYTES;
    this.bytes.copyWithin(base + count, base, base + STREAM_BYTES - count);
    this.#islandStart[slot] = count;
    this.#islandEnd[slot] = Math.min(STREAM_BYTES, count + this.filled[slot]!);
    this.filled[slot] = 0;
  }

  /** Puts `count` bytes that nobody saw behind those that a slot holds: noise, in which nothing is recognised. */
  bridge(slot: number, count: number): void {
    this.put(slot, this.filled[slot]!, noise(), 0, Math.min(count, STREAM_BYTES));
  }

  /** Releases a slot. */
  release(slot: number): void {
    if (this.#owner[slot] === -1) return;
    this.#owner[slot] = -1;
    this.count--;
  }

  /** Whether `source[from … to)` and what a slot holds are the same, as far as both go. */
  beginsWith(slot: number, source: Uint8Array, from: number, to: number): boolean {
    const base = slot * STREAM_BYTES;
    const count = Math.min(to - from, this.filled[slot]!);
    for (let i = 0; i < count; i++) if (this.bytes[base + i] !== source[from + i]) return false;
    return true;
  }

  /** After a {@link put} with a {@link conflict}: the same bytes again, in place of the earlier ones. */
  overwrite(slot: number, offset: number, source: Uint8Array, from: number, to: number): void {
    const base = slot * STREAM_BYTES + offset;
    const count = Math.min(to - from, STREAM_BYTES - offset);
    for (let i = 0; i < count; i++) this.bytes[base + i] = source[from + i]!;
  }

  /**
   * Puts `source[from … to)` at `offset` of the slot's stream. Bytes that are already there stay; bytes beyond the slot's
   * end are left out. True where the contiguous part grew.
   */
  put(slot: number, offset: number, source: Uint8Array, from: number, to: number): boolean {
    this.conflict = false;
    if (offset < 0) {
      from -= offset;
      offset = 0;
    }
    const filled = this.filled[slot]!;
    if (offset < filled) {
      from += filled - offset;
      offset = filled;
    }
    let end = offset + (to - from);
    if (end > STREAM_BYTES) end = STREAM_BYTES;
    if (end <= offset) return false;
    const base = slot * STREAM_BYTES;
    const bytes = this.bytes;
    if (offset > filled) {
      const start = this.#islandStart[slot]!;
      const islandEnd = this.#islandEnd[slot]!;
      if (islandEnd === 0) {
        this.#islandStart[slot] = offset;
        this.#islandEnd[slot] = end;
      } else if (offset === islandEnd) this.#islandEnd[slot] = end;
      else if (end === start) this.#islandStart[slot] = offset;
      else return false;
      for (let i = offset; i < end; i++) bytes[base + i] = source[from + i - offset]!;
      return false;
    }
    const islandStart = this.#islandStart[slot]!;
    const islandEnd = this.#islandEnd[slot]!;
    const meets = islandEnd > 0 && end >= islandStart;
    if (meets) {
      for (let i = offset; i < end; i++) {
        const byte = source[from + i - offset]!;
        if (i < islandStart || i >= islandEnd) bytes[base + i] = byte;
        else if (bytes[base + i] !== byte) this.conflict = true;
      }
      if (islandEnd > end) end = islandEnd;
      this.#islandEnd[slot] = 0;
    } else {
      const at = base + offset;
      const count = end - offset;
      for (let i = 0; i < count; i++) bytes[at + i] = source[from + i]!;
    }
    this.filled[slot] = end;
    return true;
  }
}
