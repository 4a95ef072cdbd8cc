/**
 * Payloads as people write them: `27 00000029 80 "KaZaA" 00`, `00*20`, `noise*96` and names given before.
 * @module
 */
import { hex, join } from "./conversation.ts";
import { randomWords } from "./splits.ts";

/** Reads a payload. Strings are Latin-1 with JSON's escapes; `byte*count` repeats; other words are looked up in `names`. */
export function readBytes(text: string, names: ReadonlyMap<string, Uint8Array> = new Map()): Uint8Array {
  const parts = text.match(/"(?:[^"\\]|\\.)*"|\S+/g) ?? [];
  return join(...parts.map((part) => {
    const named = names.get(part);
    if (named !== undefined) return named;
    if (part.startsWith('"')) return Uint8Array.from(JSON.parse(part) as string, (letter) => letter.charCodeAt(0));
    const repeated = /^([0-9a-f]{2})\*(\d+)$/i.exec(part);
    if (repeated !== null) return new Uint8Array(Number(repeated[2])).fill(parseInt(repeated[1]!, 16));
    const noise = /^noise\*(\d+)$/.exec(part);
    if (noise !== null) return noiseOf(Number(noise[1]));
    return hex(part);
  }));
}

/** Bytes that look like cipher text, the same for each length. */
function noiseOf(length: number): Uint8Array {
  const words = randomWords(length * 7919 + 1);
  return Uint8Array.from({ length }, () => words.next().value >>> 11 & 255);
}

/** The first bytes in hex, and how many there are. */
export function showBytes(bytes: Uint8Array, most = 16): string {
  return bytes.length <= most ? bytes.toHex() : `${bytes.subarray(0, most).toHex()}… (${bytes.length} bytes)`;
}
