/**
 * Writing to what may take only some of it at once.
 * @module
 */

/** Writes all of these bytes, in order. Throws what the sink throws. */
export async function writeAll(
  sink: { readonly write: (bytes: Uint8Array) => Promise<number> },
  bytes: Uint8Array,
): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await sink.write(bytes.subarray(at));
}
