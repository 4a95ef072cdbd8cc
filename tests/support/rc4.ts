/**
 * RC4, which OpenSSL no longer has by default: eMule's protocol obfuscation is made of it.
 * @module
 */
import { Buffer } from "node:buffer";

/** One direction of a stream. */
export class Rc4 {
  readonly #state: Uint8Array = Uint8Array.from({ length: 256 }, (_, at) => at);
  #i = 0;
  #j = 0;

  /** `drop` bytes of the key stream are thrown away first. */
  constructor(key: Uint8Array, drop: number) {
    const state = this.#state;
    let j = 0;
    for (let i = 0; i < 256; i++) {
      j = j + state[i]! + key[i % key.length]! & 255;
      [state[i], state[j]] = [state[j]!, state[i]!];
    }
    this.apply(Buffer.alloc(drop));
  }

  /** Ciphers or deciphers the next bytes. */
  apply(bytes: Uint8Array): Buffer {
    const state = this.#state;
    const result = Buffer.alloc(bytes.length);
    for (let at = 0; at < bytes.length; at++) {
      this.#i = this.#i + 1 & 255;
      this.#j = this.#j + state[this.#i]! & 255;
      [state[this.#i], state[this.#j]] = [state[this.#j]!, state[this.#i]!];
      result[at] = bytes[at]! ^ state[state[this.#i]! + state[this.#j]! & 255]!;
    }
    return result;
  }
}
