/**
 * Hosts and ports as they stand in text protocols: `192.0.2.1:1214`, `[2001:db8::1]:443`, `name.example:80`, read from
 * bytes without making a string.
 * @module
 */

/** Neither. */
export const NO_HOST = 0;
/** The host is an address: see the words. */
export const HOST_ADDRESS = 1;
/** The host is a name: see the offsets. */
export const HOST_NAME = 2;
/** What {@link HostText.read} found. */
export type HostKind = 0 | 1 | 2;

/** Longest name in DNS's text form (RFC 1035 section 2.3.4). */
const NAME_MOST = 253;

/** One host and port, reused. */
export class HostText {
  /** What was found. */
  kind: HostKind = NO_HOST;
  /** First word of the address; 0 for a name. IPv4 is mapped. */
  w0 = 0;
  /** Second word. */
  w1 = 0;
  /** Third word. */
  w2 = 0;
  /** Fourth word. */
  w3 = 0;
  /** Port, 0 where none was given. */
  port = 0;
  /** Where the name begins in the bytes that were read. */
  nameStart = 0;
  /** One past the name's last byte; a dot at the end is left out. */
  nameEnd = 0;

  /** Reads `from … to` as a host with or without a port. A port that is not a number of 1 to 65535 makes it unreadable. */
  read(bytes: Uint8Array, from: number, to: number): HostKind {
    this.port = 0;
    if (from >= to) return this.#none();
    if (bytes[from] === 0x5b) {
      let close = from + 1;
      while (close < to && bytes[close] !== 0x5d) close++;
      if (close === to || !this.#ipv6(bytes, from + 1, close)) return this.#none();
      if (close + 1 < to && !this.#port(bytes, close + 1, to)) return this.#none();
      return this.kind = HOST_ADDRESS;
    }
    let colon = from;
    while (colon < to && bytes[colon] !== 0x3a) colon++;
    if (colon < to && !this.#port(bytes, colon, to)) return this.#none();
    return this.readHost(bytes, from, colon);
  }

  /** Reads `from … to` as a host alone: dotted quad, IPv6 without brackets, or a name. Leaves `port` as it is. */
  readHost(bytes: Uint8Array, from: number, to: number): HostKind {
    if (this.#ipv4(bytes, from, to) || this.#ipv6(bytes, from, to)) return this.kind = HOST_ADDRESS;
    if (to > from && bytes[to - 1] === 0x2e) to--;
    if (to <= from || to - from > NAME_MOST) return this.#none();
    let letters = false;
    for (let at = from; at < to; at++) {
      const byte = bytes[at]!;
      const lower = byte | 0x20;
      if (lower >= 0x61 && lower <= 0x7a) letters = true;
      else if (!(byte >= 0x30 && byte <= 0x39 || byte === 0x2d || byte === 0x2e || byte === 0x5f)) return this.#none();
    }
    // Digits and dots only is a broken address: no name ends in a number (RFC 1123 section 2.1).
    if (!letters) return this.#none();
    this.w0 =
      this.w1 =
      this.w2 =
      this.w3 =
        0;
    this.nameStart = from;
    this.nameEnd = to;
    return this.kind = HOST_NAME;
  }

  #none(): HostKind {
    this.w0 =
      this.w1 =
      this.w2 =
      this.w3 =
        0;
    this.port = 0;
    this.nameStart = this.nameEnd = 0;
    return this.kind = NO_HOST;
  }

  #port(bytes: Uint8Array, colon: number, to: number): boolean {
    if (bytes[colon] !== 0x3a || to - colon < 2 || to - colon > 6) return false;
    let port = 0;
    for (let at = colon + 1; at < to; at++) {
      const digit = bytes[at]! - 0x30;
      if (digit < 0 || digit > 9) return false;
      port = port * 10 + digit;
    }
    this.port = port;
    return port >= 1 && port <= 0xffff;
  }

  #ipv4(bytes: Uint8Array, from: number, to: number): boolean {
    let word = 0;
    let at = from;
    for (let part = 0; part < 4; part++) {
      if (part > 0 && (at >= to || bytes[at++] !== 0x2e)) return false;
      let value = 0;
      const first = at;
      while (at < to && at - first < 3) {
        const digit = bytes[at]! - 0x30;
        if (digit < 0 || digit > 9) break;
        value = value * 10 + digit;
        at++;
      }
      if (at === first || value > 255) return false;
      word = word << 8 | value;
    }
    if (at !== to) return false;
    this.w0 = 0;
    this.w1 = 0;
    this.w2 = 0xffff;
    this.w3 = word;
    this.nameStart = this.nameEnd = 0;
    return true;
  }

  /** RFC 4291 section 2.2 without the dotted tail, which no client writes into a request. */
  #ipv6(bytes: Uint8Array, from: number, to: number): boolean {
    if (to - from < 2 || to - from > 39) return false;
    let colons = 0;
    let gap = false;
    for (let at = from; at < to; at++) {
      if (bytes[at] !== 0x3a) continue;
      colons++;
      if (at + 1 < to && bytes[at + 1] === 0x3a) {
        if (gap) return false;
        gap = true;
      }
    }
    if (colons < 2 || colons > 8) return false;
    this.w0 =
      this.w1 =
      this.w2 =
      this.w3 =
        0;
    let group = 0;
    let at = from;
    while (at < to) {
      if (bytes[at] === 0x3a) {
        const double = at + 1 < to && bytes[at + 1] === 0x3a;
        if (double) {
          // The gap is as long as the groups after it leave room for.
          let after = 0;
          let digits = false;
          for (let i = at + 2; i < to; i++) {
            if (bytes[i] === 0x3a) digits = false;
            else if (!digits) {
              digits = true;
              after++;
            }
          }
          if (group + after > 7) return false;
          group = 8 - after;
          at += 2;
          continue;
        }
        if (at === from || at + 1 === to) return false;
        at++;
      }
      let value = 0;
      const first = at;
      while (at < to && at - first < 5) {
        const digit = hexDigit(bytes[at]!);
        if (digit < 0) break;
        value = value << 4 | digit;
        at++;
      }
      if (at === first || at - first > 4 || group > 7) return false;
      if (at < to && bytes[at] !== 0x3a) return false;
      this.#group(group++, value);
    }
    this.nameStart = this.nameEnd = 0;
    return group === 8;
  }

  #group(index: number, value: number): void {
    const part = index & 1 ? value : value << 16;
    if (index < 2) this.w0 |= part;
    else if (index < 4) this.w1 |= part;
    else if (index < 6) this.w2 |= part;
    else this.w3 |= part;
  }
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
