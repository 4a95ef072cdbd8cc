/**
 * Hashing of endpoints into table positions.
 * @module
 */

/**
 * Mixes an address of four words and one more word into 32 bits. The seed is secret in the daemon, so that nobody can
 * choose addresses that collide; the two multiply-xorshift rounds are those of common 32-bit finalisers.
 */
export function hashEndpoint(w0: number, w1: number, w2: number, w3: number, word: number, seed: number): number {
  let h = Math.imul(w3 ^ seed, 0x9e3779b1) ^ Math.imul(w2 + seed, 0x85ebca6b) ^
    Math.imul(w1 ^ (seed >>> 7), 0xc2b2ae35) ^
    Math.imul(w0, 0x27d4eb2f) ^ Math.imul(word ^ (seed >>> 3), 0x165667b1);
  h ^= h >>> 15;
  h = Math.imul(h, 0x2c1b3c6d);
  h ^= h >>> 12;
  h = Math.imul(h, 0x297a2d39);
  return h ^ (h >>> 15);
}

/** Smallest power of two that is at least `least`. */
export function powerOfTwo(least: number): number {
  let size = 8;
  while (size < least) size *= 2;
  return size;
}
