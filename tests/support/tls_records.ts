/**
 * TLS hellos in more than one record.
 */
import { hex, join } from "./conversation.ts";

/** The hello's handshake message cut into records of at most `size` bytes (RFC 8446 section 5.1). */
export function records(bytes: Uint8Array, size: number): Uint8Array {
  const message = bytes.subarray(5);
  const parts: Uint8Array[] = [];
  for (let at = 0; at < message.length; at += size) {
    const part = message.subarray(at, at + size);
    parts.push(hex("160301"), Uint8Array.of(part.length >> 8, part.length & 255), part);
  }
  return join(...parts);
}
