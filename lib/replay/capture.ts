/**
 * Opens capture files of either format.
 * @module
 */
import { isPcap, PcapSource } from "./pcap.ts";
import { PcapngSource, SECTION_HEADER } from "./pcapng.ts";
import { type ByteInput, ByteWindow, CaptureError, type Source } from "./source.ts";

/**
 * Opens a capture file, or standard input for `-`, and finds out its format. Throws what `Deno.openSync` throws, and a
 * CaptureError for a file that is no capture.
 */
export function openCapture(path: string): Source {
  return path === "-" ? readCapture(Deno.stdin, "standard input") : readCapture(Deno.openSync(path), path);
}

/** Reads a capture from any input, which the source then owns; `file` is its name in messages, `buffer` see {@link ByteWindow}. */
export function readCapture(input: ByteInput, file: string, buffer?: Uint8Array): Source {
  const window = new ByteWindow(input, buffer);
  try {
    if (!window.need(4)) throw new CaptureError(file, 0, `${window.end} bytes are too few for a capture`);
    const magic = window.view.getUint32(window.at);
    if (isPcap(magic)) return new PcapSource(window, file);
    if (magic === SECTION_HEADER) return new PcapngSource(window, file);
    const found = magic >>> 16 === 0x1f8b
      ? "it is compressed with gzip, unpack it first"
      : magic === 0x28b52ffd
      ? "it is compressed with zstd, unpack it first"
      : magic === 0xa1b2cd34 || magic === 0x34cdb2a1
      ? "the modified pcap format of old patched kernels is not read"
      : `it begins with 0x${magic.toString(16).padStart(8, "0")}, which is neither pcap nor pcapng`;
    throw new CaptureError(file, 0, found);
  } catch (error) {
    window[Symbol.dispose]();
    throw error;
  }
}
