/**
 * Packets from memory, for tests and for programs that use ftwall as a library.
 * @module
 */
import { LINK_RAW } from "./link.ts";
import { Frames } from "./source.ts";

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

/** Delivers frames in the order given. They are copied into one buffer, as a source has. */
export class MemorySource extends Frames {
  readonly #frames: readonly Frame[];
  #next = 0;

  /** Copies the frames. */
  constructor(frames: readonly Frame[]) {
    const bytes = new Uint8Array(frames.reduce((sum, frame) => sum + frame.bytes.length, 0));
    super({ bytes, view: new DataView(bytes.buffer) });
    this.linkType = LINK_RAW;
    this.#frames = frames;
    let at = 0;
    for (const frame of frames) {
      this.bytes.set(frame.bytes, at);
      at += frame.bytes.length;
    }
  }

  /** Goes to the next packet, see {@link Source}. */
  override next(): boolean {
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

  /** Closes what is open. */
  override [Symbol.dispose](): void {}
}
