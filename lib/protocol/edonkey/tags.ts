/**
 * The tag lists of eDonkey, eMule and Kad, walked without building anything.
 * @module
 */

/** The list does not follow the format. */
export const BROKEN_TAGS = -1;

/**
 * Walks `count` tags from `at`; answers the offset after the last one, or {@link BROKEN_TAGS} where a tag is unknown, or
 * would pass `end`.
 *
 * A tag is a type byte, a name and a value. Plain types are followed by a u16 name length and the name; with bit 7 set the
 * name is one byte (eMule's short form). Values: 01 hash, 02 string with u16 length, 03 u32, 04 float, 05 flag, 07 blob with
 * u32 length, 08 u16, 09 u8, 0A blob with u8 length, 0B u64, 11 … 20 a string of 1 … 16 bytes (aMule, tag types).
 */
export function walkTags(bytes: Uint8Array, at: number, end: number, count: number): number {
  let here = at;
  for (let i = 0; i < count; i++) {
    if (here + 2 > end) return BROKEN_TAGS;
    let type = bytes[here]!;
    if ((type & 0x80) !== 0) {
      type &= 0x7f;
      here += 2;
    } else {
      if (here + 3 > end) return BROKEN_TAGS;
      here += 3 + (bytes[here + 1]! | bytes[here + 2]! << 8);
    }
    if (here > end) return BROKEN_TAGS;
    if (type === 0x02) {
      if (here + 2 > end) return BROKEN_TAGS;
      here += 2 + (bytes[here]! | bytes[here + 1]! << 8);
    } else if (type === 0x07) {
      if (here + 4 > end || bytes[here + 2] !== 0 || bytes[here + 3] !== 0) return BROKEN_TAGS;
      here += 4 + (bytes[here]! | bytes[here + 1]! << 8);
    } else if (type === 0x0a) {
      if (here + 1 > end) return BROKEN_TAGS;
      here += 1 + bytes[here]!;
    } else {
      const width = fixedWidth(type);
      if (width === 0) return BROKEN_TAGS;
      here += width;
    }
    if (here > end) return BROKEN_TAGS;
  }
  return here;
}

function fixedWidth(type: number): number {
  switch (type) {
    case 0x01:
      return 16;
    case 0x03:
    case 0x04:
      return 4;
    case 0x05:
    case 0x09:
      return 1;
    case 0x08:
      return 2;
    case 0x0b:
      return 8;
    default:
      return type >= 0x11 && type <= 0x20 ? type - 0x10 : 0;
  }
}
