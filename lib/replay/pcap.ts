/**
 * Reads and writes the classic capture format (draft-ietf-opsawg-pcap): a 24-byte header, then records.
 * @module
 */
import { type ByteWindow, CaptureError, Frames, LARGEST_RECORD } from "./source.ts";

/** Bytes of the file header. */
const PCAP_HEADER = 24;
/** Bytes of a record's header. */
const PCAP_RECORD = 16;
/** Microseconds, in the writer's byte order. */
const MAGIC_MICROSECONDS = 0xa1b2c3d4;
/** Nanoseconds, in the writer's byte order. */
const MAGIC_NANOSECONDS = 0xa1b23c4d;

/** True where the first four bytes, read big-endian, are one of the format's four magic numbers. */
export function isPcap(magic: number): boolean {
  return magic === MAGIC_MICROSECONDS || magic === MAGIC_NANOSECONDS || magic === 0xd4c3b2a1 || magic === 0x4d3cb2a1;
}

/** Reads records one by one. */
export class PcapSource extends Frames {
  readonly #window: ByteWindow;
  readonly #file: string;
  readonly #little: boolean;
  /** Fractions of a second in a millisecond. */
  readonly #fraction: number;

  /** Reads the file header; throws a CaptureError where it is not one. `file` is for messages. */
  constructor(window: ByteWindow, file: string) {
    super(window);
    this.#window = window;
    this.#file = file;
    if (!window.need(PCAP_HEADER)) {
      throw new CaptureError(file, window.offset, "the file ends within its header of 24 bytes");
    }
    const at = window.at;
    const magic = this.view.getUint32(at);
    if (!isPcap(magic)) throw new CaptureError(file, window.offset, "this is not the header of a pcap file");
    this.#little = magic !== MAGIC_MICROSECONDS && magic !== MAGIC_NANOSECONDS;
    this.#fraction = magic === MAGIC_NANOSECONDS || magic === 0x4d3cb2a1 ? 1e6 : 1e3;
    const major = this.view.getUint16(at + 4, this.#little);
    if (major !== 2) throw new CaptureError(file, window.offset + 4, `format version ${major} is not known, only 2 is`);
    // The upper half tells of frame check sequences, which decoding takes for padding.
    this.linkType = this.view.getUint32(at + 20, this.#little) & 0xffff;
    window.at += PCAP_HEADER;
  }

  /** Goes to the next packet, see {@link Source}. */
  override next(): boolean {
    const window = this.#window;
    if (!window.need(PCAP_RECORD)) {
      if (!window.need(1)) return false;
      throw new CaptureError(this.#file, window.offset, "the file ends within a record header");
    }
    const view = this.view;
    const little = this.#little;
    const captured = view.getUint32(window.at + 8, little);
    if (captured > LARGEST_RECORD) {
      throw new CaptureError(this.#file, window.offset, `a packet of ${captured} bytes is more than any link carries`);
    }
    if (!window.need(PCAP_RECORD + captured)) {
      throw new CaptureError(
        this.#file,
        window.offset,
        `the file ends within a packet of ${captured} bytes, ${window.end - window.at - PCAP_RECORD} are there`,
      );
    }
    const at = window.at;
    const wire = view.getUint32(at + 12, little);
    this.milliseconds = view.getUint32(at, little) * 1000 + view.getUint32(at + 4, little) / this.#fraction;
    this.start = at + PCAP_RECORD;
    this.end = this.start + captured;
    // A wire length above 2 GiB is a broken record whose bytes may still be good: believe what was captured.
    this.wireLength = wire < captured || wire > 0x7fffffff ? captured : wire;
    window.at = this.end;
    return true;
  }

  /** Closes what is open. */
  override [Symbol.dispose](): void {
    this.#window[Symbol.dispose]();
  }
}

/** Takes bytes; they are reused after the call returns. */
export type ByteOutput = (bytes: Uint8Array) => void;

/** Writes one pcap file with nanoseconds, big-endian. */
export class PcapWriter {
  readonly #output: ByteOutput;
  readonly #head: Uint8Array = new Uint8Array(PCAP_HEADER);
  readonly #view: DataView = new DataView(this.#head.buffer);

  /** Writes the file header at once. */
  constructor(output: ByteOutput, linkType: number) {
    this.#output = output;
    this.#view.setUint32(0, MAGIC_NANOSECONDS);
    this.#view.setUint16(4, 2);
    this.#view.setUint16(6, 4);
    this.#view.setUint32(16, LARGEST_RECORD);
    this.#view.setUint32(20, linkType & 0xffff);
    output(this.#head);
  }

  /** Writes the frame `bytes[start … end)` that was `wireLength` long, captured at `milliseconds` since 1970. */
  write(bytes: Uint8Array, start: number, end: number, milliseconds: number, wireLength: number = end - start): void {
    const seconds = Math.floor(milliseconds / 1000);
    this.#view.setUint32(0, seconds);
    this.#view.setUint32(4, Math.floor((milliseconds - seconds * 1000) * 1e6));
    this.#view.setUint32(8, end - start);
    this.#view.setUint32(12, wireLength);
    this.#output(this.#head.subarray(0, PCAP_RECORD));
    this.#output(bytes.subarray(start, end));
  }
}
