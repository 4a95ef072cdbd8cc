/**
 * The internet checksum (RFC 1071) and its uses.
 * @module
 */

/** Sums `bytes[start … end)` as big-endian 16-bit words onto `sum`; an odd last byte counts as the high one. Exact up to 64 KiB. */
function sumWords(bytes: Uint8Array, start: number, end: number, sum: number): number {
  let at = start;
  for (; at + 1 < end; at += 2) sum += (bytes[at]! << 8) | bytes[at + 1]!;
  if (at < end) sum += bytes[at]! << 8;
  return sum;
}

/** Folds a sum of 16-bit words and complements it: the checksum as it stands in a header. */
function foldSum(sum: number): number {
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return ~sum & 0xffff;
}

/** Checksum of `bytes[start … end)`; 0 where the range holds a right checksum already. */
function internetChecksum(bytes: Uint8Array, start: number, end: number): number {
  return foldSum(sumWords(bytes, start, end, 0));
}

/** Checksum of the IPv4 header at `start`, whose checksum field must be 0 (to set) or set (then 0 means right). */
export function ipv4Checksum(bytes: Uint8Array, start: number): number {
  return internetChecksum(bytes, start, start + ((bytes[start]! & 15) << 2));
}

/**
 * Checksum of the TCP or UDP segment `bytes[at … end)` of the IP packet at `start`, pseudo-header included (RFC 768,
 * RFC 9293 section 3.1, RFC 8200 section 8.1). The field must be 0 (to set) or set (then 0 means right).
 */
export function transportChecksum(
  bytes: Uint8Array,
  start: number,
  at: number,
  end: number,
  transport: number,
): number {
  return foldSum(sumWords(bytes, at, end, pseudoSum(bytes, start, end - at, transport)));
}

/** Sum of the pseudo-header of the IP packet at `start`, whose segment has `length` bytes. */
function pseudoSum(bytes: Uint8Array, start: number, length: number, transport: number): number {
  const four = bytes[start]! >>> 4 === 4;
  const sum = four ? sumWords(bytes, start + 12, start + 20, 0) : sumWords(bytes, start + 8, start + 40, 0);
  return sum + transport + length;
}

/** What Linux writes in place of a checksum that the network card is to make, or that it merged away: the pseudo-header's sum. */
export function unfinishedChecksum(bytes: Uint8Array, start: number, length: number, transport: number): number {
  return ~foldSum(pseudoSum(bytes, start, length, transport)) & 0xffff;
}
