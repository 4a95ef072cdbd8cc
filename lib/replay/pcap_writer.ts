/**
 * Writes captures: what tests make, and what a recording keeps.
 * @module
 */
import { MAGIC_NANOSECONDS, PCAP_HEADER, PCAP_RECORD } from "./pcap.ts";
import { LARGEST_RECORD } from "./byte_window.ts";

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
