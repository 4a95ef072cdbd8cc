/**
 * Streams that look like nothing: bytes without structure from the first one on. BitTorrent's obfuscation (MSE) looks so,
 * but so do Shadowsocks, obfs4, MTProto and any home-made cipher: this is only ever weak evidence.
 *
 * The test is nDPI's form of what the Great Firewall does (Wu et al., "How the Great Firewall of China Detects and Blocks
 * Fully Encrypted Traffic", USENIX Security 2023), and three tests more that only drop candidates.
 * @module
 */

/** Ones in each byte value. */
const ONES: Uint8Array = onesTable();
/** 1 for each printable byte value. */
const PRINTABLE: Uint8Array = Uint8Array.from({ length: 256 }, (_, byte) => byte >= 0x20 && byte <= 0x7e ? 1 : 0);
/** Byte values of the payload at hand, a bit for each. */
const seen: Int32Array = new Int32Array(8);

/** Fewest bytes that can be told from structure. */
export const LEAST_ENCRYPTED = 48;
/** Ones per byte of random data are 4 ± 0.14 in 96 bytes; the paper exempts what lies beyond these, times 10. */
const FEWEST_ONES = 34;
const MOST_ONES = 46;
/** Consecutive printable bytes that the paper exempts. */
const PRINTABLE_RUN = 20;
/** Equal bytes in a row: in 608 random bytes four happen once in 28,000 times, in padded headers nearly always. */
const EQUAL_RUN = 4;

/** What a flight shows of structure: nothing. */
export const HIDDEN = 0;
/** Text, runs, a known opening or one length of itself: one random flight in 200 shows such a thing by chance. */
export const DOUBTFUL = 1;
/** Bytes that are not random, too few bytes to tell, a TLS record, or several frames that fill the flight exactly. */
export const PLAIN = 2;

/**
 * How much structure `start … end` has: {@link HIDDEN}, {@link DOUBTFUL} or {@link PLAIN}. Who asks about several flights of
 * one flow adds these up, and may let a sum of {@link DOUBTFUL} pass: of three random ones two are doubtful in one of 10,000
 * cases.
 */
export function structureOf(bytes: Uint8Array, start: number, end: number): number {
  if (isTlsRecord(bytes, start, end) || !isRandom(bytes, start, end) || isChained(bytes, start, end - start)) {
    return PLAIN;
  }
  const doubtful = beginsAsText(bytes, start, end) || hasKnownOpening(bytes, start, end) ||
    hasTextOrRuns(bytes, start, end);
  return doubtful ? DOUBTFUL : HIDDEN;
}

/**
 * True where half of the bytes are printable, or many in a row are, or several in a row are equal. What a random byte decides
 * is added up and not branched on, here and below: a processor cannot foretell it.
 */
function hasTextOrRuns(bytes: Uint8Array, start: number, end: number): boolean {
  let printable = 0;
  let text = 0;
  let equal = 1;
  let last = -1;
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    const one = PRINTABLE[byte]!;
    printable += one;
    text = (text + 1) & -one;
    if (text === PRINTABLE_RUN) return true;
    if (byte === last) {
      if (++equal === EQUAL_RUN) return true;
    } else equal = 1;
    last = byte;
  }
  return printable * 2 > end - start;
}

/**
 * True where about as many bits are set and as many byte values differ as chance gives: random bytes are in 9,999 of 10,000
 * cases; text and base64 of 100 bytes have too few different values.
 */
function isRandom(bytes: Uint8Array, start: number, end: number): boolean {
  const size = end - start;
  if (size < LEAST_ENCRYPTED) return false;
  for (let i = 0; i < 8; i++) seen[i] = 0;
  let ones = 0;
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    ones += ONES[byte]!;
    seen[byte >>> 5]! |= 1 << (byte & 31);
  }
  if (ones * 10 <= size * FEWEST_ONES || ones * 10 >= size * MOST_ONES) return false;
  // Chance gives 256 (1 - e^(-n/256)) different values; four fifths of that is 4.8 standard deviations below at 96 bytes.
  let distinct = 0;
  for (let i = 0; i < 8; i++) {
    const word = seen[i]!;
    distinct += ONES[word & 255]! + ONES[(word >>> 8) & 255]! + ONES[(word >>> 16) & 255]! + ONES[word >>> 24]!;
  }
  return distinct >= 204.8 * (1 - Math.exp(-size / 256));
}

/** True where six printable bytes come first: text nearly always (random bytes: 1 in 380), as the paper has it. */
export function beginsAsText(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start < 6) return false;
  for (let at = start; at < start + 6; at++) if (bytes[at]! < 0x20 || bytes[at]! > 0x7e) return false;
  return true;
}

/** True where the stream begins as protocols do that are ciphered later, or with its own length. */
export function hasKnownOpening(bytes: Uint8Array, start: number, end: number): boolean {
  const size = end - start;
  if (size < 4) return false;
  const a = bytes[start]!;
  const b = bytes[start + 1]!;
  const c = bytes[start + 2]!;
  const d = bytes[start + 3]!;
  if (isTlsRecord(bytes, start, end)) return true;
  if ((a & 0x80) !== 0 && c === 1 && (d === 0 || d === 3)) return true; // SSLv2-framed hello (RFC 5246 appendix E.2)
  if (a === 3 && b === 0 && ((c << 8) | d) === size) return true; // TPKT: RDP, H.323 (RFC 1006)
  if (a === 5 && b >= 1 && size === 2 + b) return true; // SOCKS 5
  if (a >= 0x15 && a <= 0x19 && b === 0xf1 && (c === 3 || c === 4)) return true; // WeChat's records, made after TLS
  if (a === 0xef && b * 4 === size - 2) return true; // MTProto abridged
  if (((a << 8) | b) === size - 3) return true; // X.224 and others that count without their first byte
  return namesLength(bytes, start, size);
}

/** True where a record of TLS 1.0 to 1.3 begins (RFC 8446 section 5.1): random bytes do once in 700,000 times. */
function isTlsRecord(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start < 4) return false;
  const kind = bytes[start]!;
  return kind >= 0x14 && kind <= 0x18 && bytes[start + 1] === 3 && bytes[start + 2]! <= 4;
}

/** Bytes in front of a length that are looked through: magic, version, kind. */
const LENGTH_WITHIN = 16;

/**
 * True where one of the first bytes begins a length of the whole or of what stands behind it: OpenVPN, DNS, SMB, Kafka,
 * MongoDB, and most protocols that somebody made for one program. Random bytes have such a number once in 800 times.
 */
function namesLength(bytes: Uint8Array, start: number, size: number): boolean {
  const most = size - 2 < LENGTH_WITHIN ? size - 2 : LENGTH_WITHIN;
  for (let i = 0; i <= most; i++) {
    const front = (bytes[start + i]! << 8) | bytes[start + i + 1]!;
    const back = (bytes[start + i + 1]! << 8) | bytes[start + i]!;
    const rest = size - i - 2;
    // Of four little-endian bytes the first two are these; of four big-endian ones the last.
    if (front === size || front === rest || back === size || back === rest || back === rest - 2) return true;
  }
  return false;
}

/** Frames that are looked through. */
const FRAMES_MOST = 8;

/**
 * True where several frames with a length in front fill the bytes: of two or four bytes, either order. Two of them do in
 * 2^-21 of random flights: that is proof of something else (Tox behind its handshake).
 */
function isChained(bytes: Uint8Array, start: number, size: number): boolean {
  for (let kind = 0; kind < 4; kind++) {
    const width = kind < 2 ? 2 : 4;
    let at = 0;
    let frames = 0;
    while (at + width < size && frames < FRAMES_MOST) {
      // A frame here is shorter than 64 KiB: of four bytes the upper two are 0.
      if (
        width === 4 && (bytes[start + at + (kind === 2 ? 0 : 2)]! | bytes[start + at + (kind === 2 ? 1 : 3)]!) !== 0
      ) break;
      const low = start + at + (kind === 2 ? 2 : 0);
      const length = kind % 2 === 0 ? (bytes[low]! << 8) | bytes[low + 1]! : (bytes[low + 1]! << 8) | bytes[low]!;
      if (length === 0) break;
      at += width + length;
      frames++;
    }
    if (frames > 1 && at === size) return true;
  }
  return false;
}

function onesTable(): Uint8Array {
  const ones = new Uint8Array(256);
  for (let byte = 1; byte < 256; byte++) ones[byte] = (byte & 1) + ones[byte >> 1]!;
  return ones;
}
