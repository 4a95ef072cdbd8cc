/**
 * Where replay gets its packets: what every source offers, and the window through which captures of any size are read in
 * bounded memory.
 * @module
 */

/**
 * One packet at a time, in place: after `next` answered true the fields describe that packet, until `next` is called again.
 * Offsets count from the beginning of `bytes`, which stays the same buffer for the life of the source.
 */
export interface Source extends Disposable {
  /** The source's whole buffer. */
  readonly bytes: Uint8Array;
  /** The same buffer for multi-byte reads. */
  readonly view: DataView;
  /** First byte of the frame, its link-layer header included. */
  readonly start: number;
  /** One past the last captured byte. */
  readonly end: number;
  /** Length of the frame on the wire, at least `end - start`. */
  readonly wireLength: number;
  /** When the packet was captured: milliseconds since 1970, with fractions as far as a double holds them. */
  readonly milliseconds: number;
  /** Link type of the frame, see lib/replay/link.ts. */
  readonly linkType: number;
  /** Number of the interface within the file (pcapng: section); 0 where there is only one. */
  readonly interface: number;
  /** Goes to the next packet; false at the end. Throws a {@link CaptureError} where the capture is broken from here on. */
  next(): boolean;
}

/** The fields of a source, for a class that fills them. */
export abstract class Frames implements Source {
  /** The whole buffer. */
  readonly bytes: Uint8Array;
  /** The same buffer for multi-byte reads. */
  readonly view: DataView;
  /** First byte of the frame. */
  start = 0;
  /** One past the last captured byte. */
  end = 0;
  /** Length of the frame on the wire. */
  wireLength = 0;
  /** When it was captured: milliseconds since 1970. */
  milliseconds = 0;
  /** Link type of the frame. */
  linkType = 0;
  /** Number of its interface. */
  interface = 0;

  /** Frames in this buffer. */
  constructor({ bytes, view }: Pick<Source, "bytes" | "view">) {
    this.bytes = bytes;
    this.view = view;
  }

  /** Goes to the next packet, see {@link Source}. */
  abstract next(): boolean;
  /** Closes what the packets come from. */
  abstract [Symbol.dispose](): void;
}

/** A capture that cannot be read any further; all packets before the offset were delivered. */
export class CaptureError extends Error {
  /** Name of this class, for messages. */
  override readonly name = "CaptureError";
  /** Offset in the file, in bytes, of the header or block that is broken. */
  readonly offset: number;
  /** Names the file, the offset, and what was found there. */
  constructor(file: string, offset: number, found: string) {
    super(`Cannot read the capture "${file}" at byte ${offset}: ${found}`);
    this.offset = offset;
  }
}

/** What bytes are read from: a `Deno.FsFile`, `Deno.stdin`, or a test's array. */
export interface ByteInput {
  /** Reads into the buffer; how many bytes, or null at the end. */
  readSync(into: Uint8Array): number | null;
  /** Closes the input. */
  close(): void;
}

/** Bytes of the window: four times the largest packet, so that few bytes have to be moved. */
export const WINDOW: number = 4 << 20;
/**
 * Bytes asked of the input at once: few enough to stay in a core's own cache between being read and being looked at.
 */
const READ = 256 << 10;
/** The largest frame or block that is read whole: above the largest that Linux makes (BIG TCP, 512 KiB and headers). */
export const LARGEST_RECORD: number = 1 << 20;

/**
 * A window of fixed size that moves over a file or a pipe, so that a capture of any size is read in bounded memory. `at` is
 * where reading is; `need` makes sure of the bytes behind it.
 */
export class ByteWindow implements Disposable {
  /** The window's buffer; never another one. */
  readonly bytes: Uint8Array;
  /** The same buffer for multi-byte reads. */
  readonly view: DataView;
  /** Offset in `bytes` where reading is. */
  at = 0;
  /** One past the last byte read from the input. */
  end = 0;
  /** Offset in the file of `bytes[0]`. */
  #base = 0;
  #ended = false;
  readonly #input: ByteInput;

  /** Owns the input: disposing of the window closes it. Many short inputs may have one buffer of {@link WINDOW} bytes in turn. */
  constructor(input: ByteInput, buffer: Uint8Array = new Uint8Array(WINDOW)) {
    this.#input = input;
    this.bytes = buffer;
    this.view = new DataView(buffer.buffer);
  }

  /** Offset in the file of `at`. */
  get offset(): number {
    return this.#base + this.at;
  }

  /**
   * Makes sure that `count` bytes (at most {@link LARGEST_RECORD} and a little) stand behind `at`; false where the file has
   * fewer. May move them.
   */
  need(count: number): boolean {
    return this.end - this.at >= count || this.#fill(count);
  }

  #fill(count: number): boolean {
    if (this.at > 0) {
      this.bytes.copyWithin(0, this.at, this.end);
      this.#base += this.at;
      this.end -= this.at;
      this.at = 0;
    }
    while (this.end < count && !this.#ended) {
      const read = this.#input.readSync(
        this.bytes.subarray(this.end, Math.min(WINDOW, Math.max(count, this.end + READ))),
      );
      if (read === null) this.#ended = true;
      else this.end += read;
    }
    return this.end >= count;
  }

  /** Moves on by `count` bytes, however many; false where the file ends before. */
  skip(count: number): boolean {
    while (count > this.end - this.at) {
      count -= this.end - this.at;
      this.at = this.end;
      if (!this.need(1)) return false;
    }
    this.at += count;
    return true;
  }

  /** Closes the input. */
  [Symbol.dispose](): void {
    this.#input.close();
  }
}
