/**
 * Packets from memory: scenarios, properties, embedders.
 * @module
 */
import { LINK_RAW } from "./link.ts";
import type { Source } from "./source.ts";
import type { ByteInput } from "./window.ts";

/** One frame with its circumstances. */
export interface Frame {
  /** The frame, link-layer header included; a {@link LINK_RAW} one begins with the IP header. */
  readonly bytes: Uint8Array;
  /** When: milliseconds since 1970. Default: that of the frame before, at first 0. */
  readonly milliseconds?: number;
  /** Link type; default {@link LINK_RAW}. */
  readonly linkType?: number;
  /** Length on the wire; default what is there. */
  readonly wireLength?: number;
}

/** Delivers frames in the order given, all copied into one buffer, as every source has one. */
export class MemorySource implements Source {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  start = 0;
  end = 0;
  wireLength = 0;
  milliseconds = 0;
  linkType = LINK_RAW;
  readonly interface = 0;
  readonly #frames: readonly Frame[];
  #next = 0;

  /** Copies the frames. */
  constructor(frames: readonly Frame[]) {
    this.#frames = frames;
    this.bytes = new Uint8Array(frames.reduce((sum, frame) => sum + frame.bytes.length, 0));
    this.view = new DataView(this.bytes.buffer);
    let at = 0;
    for (const frame of frames) {
      this.bytes.set(frame.bytes, at);
      at += frame.bytes.length;
    }
  }

  next(): boolean {
    const frame = this.#frames[this.#next];
    if (frame === undefined) return false;
    this.#next++;
    this.start = this.end;
    this.end += frame.bytes.length;
    this.wireLength = Math.max(frame.wireLength ?? 0, frame.bytes.length);
    this.milliseconds = frame.milliseconds ?? this.milliseconds;
    this.linkType = frame.linkType ?? LINK_RAW;
    return true;
  }

  [Symbol.dispose](): void {}
}

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

  readSync(into: Uint8Array): number | null {
    const count = Math.min(into.length, this.#most, this.#bytes.length - this.#at);
    if (count === 0) return null;
    into.set(this.#bytes.subarray(this.#at, this.#at + count));
    this.#at += count;
    return count;
  }

  close(): void {
    this.closed = true;
  }
}
