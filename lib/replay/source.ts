/**
 * Where packets come from, as the replay pump sees it.
 * @module
 */

/**
 * One packet at a time, in place: after `next` answered true the fields tell of that packet, until `next` is called again.
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
  /** Number of the interface within the file (section); 0 where there is but one. */
  readonly interface: number;
  /** Goes to the next packet; false at the end. Throws a {@link CaptureError} where the capture is broken from here on. */
  next(): boolean;
}

/** A capture that cannot be read on: all packets before the offset were delivered. */
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
