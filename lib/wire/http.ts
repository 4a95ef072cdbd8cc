/**
 * The head of an HTTP/1 message (RFC 9112), read in place, and of the look-alikes that file-sharing networks and trackers use.
 *
 * Header names are anchored at the beginning of a line and looked for only up to the blank line: a name somewhere in a
 * body or in a cookie's value is no evidence. A bare LF ends a line as CRLF does (RFC 9112 section 2.2).
 * @module
 */

/** The first line has none of the known forms. */
export const NO_LINE = 0;
/** `METHOD target HTTP/x.y`. */
export const REQUEST = 1;
/** `HTTP/x.y 200 …`. */
export const RESPONSE = 2;
/** A word in capitals, a space and something else: `GIVE 123`, `HELO CONNECT/0.6`. Word and rest are in method and target. */
export const OTHER_LINE = 3;
/** Any of the above. */
export type LineKind = 0 | 1 | 2 | 3;

const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const TAB = 0x09;
const COLON = 0x3a;
const PERCENT = 0x25;
/** Longest method word: registered ones have 17 letters (UPDATEREDIRECTREF), the look-alikes fewer. */
const LONGEST_METHOD = 24;
const MOST_HEADERS = 128;

/** A message's head; a reused object, valid as long as the bytes. Nothing throws, every loop ends within the range. */
export class HttpHead {
  /** What the first line is. */
  kind: LineKind = NO_LINE;
  /** The first line is complete. Where it is not, `target` ends with the bytes. */
  lineComplete = false;
  /** First byte of the method (or of the first word of another line). */
  method = 0;
  /** One past the method. */
  methodEnd = 0;
  /** First byte of the target, or of a response's reason, or of another line's rest. */
  target = 0;
  /** One past it. */
  targetEnd = 0;
  /** HTTP version as ten times major plus minor (11 is HTTP/1.1); 0 where the line names none. */
  version = 0;
  /** Status of a response; 0 for a request. */
  status = 0;
  /** First byte after the first line; -1 where the line is not complete. */
  headers: number = -1;
  /** First byte after the blank line; -1 where that was not reached yet (set by walking, or by {@link findBody}). */
  body: number = -1;

  /** First byte of the name of the header at hand. */
  name = 0;
  /** One past the name. */
  nameEnd = 0;
  /** First byte of the value of the header, or query parameter, at hand; white space around it is left out. */
  value = 0;
  /** One past the value. */
  valueEnd = 0;

  #bytes: Uint8Array = new Uint8Array(0);
  #end = 0;
  #at = 0;
  #walked = 0;

  /** Reads the first line of `bytes[start … end)`; what it is. */
  read(bytes: Uint8Array, start: number, end: number): LineKind {
    this.#bytes = bytes;
    this.#at = this.#end = end;
    this.kind = NO_LINE;
    this.method =
      this.methodEnd =
      this.target =
      this.targetEnd =
        start;
    this.name =
      this.nameEnd =
      this.value =
      this.valueEnd =
        start;
    this.version = this.status = 0;
    this.headers = this.body = -1;
    this.lineComplete = false;
    // Look at the first word before the rest of the line is searched for its end: most payloads fail here.
    let at = start;
    const stop = Math.min(end, start + LONGEST_METHOD);
    while (at < stop && isMethodByte(bytes[at]!)) at++;
    const version = versionAt(bytes, start, end);
    if (version === 0 && (at === start || at >= end || bytes[at] !== SPACE)) return NO_LINE;
    const feed = lineFeed(bytes, at, end);
    const complete = feed < end;
    let lineEnd = feed;
    if (complete && lineEnd > start && bytes[lineEnd - 1] === CR) lineEnd--;
    this.lineComplete = complete;
    if (complete) this.headers = feed + 1;
    this.rewind();
    if (version !== 0) return this.kind = this.#readStatus(start, lineEnd, version);
    this.methodEnd = at;
    while (at < lineEnd && bytes[at] === SPACE) at++;
    this.target = at;
    this.targetEnd = lineEnd;
    const tail = lineEnd - 8;
    if (complete && tail > at && bytes[tail - 1] === SPACE) this.version = versionAt(bytes, tail, lineEnd);
    if (this.version === 0) return this.kind = OTHER_LINE;
    this.targetEnd = tail - 1;
    return this.kind = REQUEST;
  }

  #readStatus(start: number, lineEnd: number, version: number): LineKind {
    const bytes = this.#bytes;
    let at = start + 8;
    if (at + 4 > lineEnd || bytes[at] !== SPACE) return NO_LINE;
    let status = 0;
    for (let i = 1; i <= 3; i++) {
      const digit = bytes[at + i]! - 0x30;
      if (digit < 0 || digit > 9) return NO_LINE;
      status = status * 10 + digit;
    }
    at += 4;
    if (at < lineEnd && bytes[at] !== SPACE) return NO_LINE;
    this.version = version;
    this.status = status;
    this.target = at < lineEnd ? at + 1 : at;
    this.targetEnd = lineEnd;
    return RESPONSE;
  }

  /** Goes back to the start of the headers. */
  rewind(): void {
    this.#at = this.headers < 0 ? this.#end : this.headers;
    this.#walked = 0;
  }

  /** Goes to the next header; false at the blank line, at a line that is no header, and where the bytes end within it. */
  next(): boolean {
    const bytes = this.#bytes;
    const end = this.#end;
    const at = this.#at;
    this.#at = end;
    if (at >= end || ++this.#walked > MOST_HEADERS) return false;
    let feed = lineFeed(bytes, at, end);
    if (feed === end) return false;
    if (feed === at || (feed === at + 1 && bytes[at] === CR)) {
      this.body = feed + 1;
      return false;
    }
    let colon = at;
    while (colon < feed && isNameByte(bytes[colon]!)) colon++;
    if (colon === at || bytes[colon] !== COLON) return false;
    // A line that begins with white space continues the value before it (obsolete folding, RFC 9112 section 5.2).
    while (feed + 1 < end && (bytes[feed + 1] === SPACE || bytes[feed + 1] === TAB)) {
      feed = lineFeed(bytes, feed + 1, end);
      if (feed === end) return false;
    }
    let value = colon + 1;
    let valueEnd = feed;
    while (value < valueEnd && isBlank(bytes[value]!)) value++;
    while (valueEnd > value && isBlank(bytes[valueEnd - 1]!)) valueEnd--;
    this.name = at;
    this.nameEnd = colon;
    this.value = value;
    this.valueEnd = valueEnd;
    this.#at = feed + 1;
    return true;
  }

  /** Finds the first header of this name (given in lower case), from the first header on; its value is then at hand. */
  find(name: string): boolean {
    this.rewind();
    while (this.next()) if (this.nameIs(name)) return true;
    this.value = this.valueEnd = this.#end;
    return false;
  }

  /** Walks to the blank line. Answers the offset of the body, or -1 where the head is not complete. */
  findBody(): number {
    this.rewind();
    // deno-lint-ignore no-empty -- walking is what sets `body`
    while (this.next()) {}
    return this.body;
  }

  /** True where the name of the header at hand is this one (given in lower case). */
  nameIs(name: string): boolean {
    return this.nameEnd - this.name === name.length && startsWith(this.#bytes, this.name, this.nameEnd, name);
  }

  /** True where the name of the header at hand begins so (given in lower case). */
  nameStarts(name: string): boolean {
    return startsWith(this.#bytes, this.name, this.nameEnd, name);
  }

  /** True where the value at hand begins so (given in lower case; letters compare without case). */
  valueStarts(text: string): boolean {
    return startsWith(this.#bytes, this.value, this.valueEnd, text);
  }

  /** True where the method is exactly this. */
  methodIs(method: string): boolean {
    return this.methodEnd - this.method === method.length && exactly(this.#bytes, this.method, this.methodEnd, method);
  }

  /** True where the target begins with exactly this, case included. */
  targetStarts(text: string): boolean {
    return exactly(this.#bytes, this.target, this.targetEnd, text);
  }

  /** Finds the first query parameter of exactly this name in the target; its raw value is then at hand. */
  parameter(name: string): boolean {
    const bytes = this.#bytes;
    const end = this.targetEnd;
    let at = this.target;
    while (at < end && bytes[at] !== 0x3f) at++;
    while (at < end) {
      at++; // the "?" or "&" before the name; some clients write a second "?"
      const equals = at + name.length;
      const hit = equals < end && bytes[equals] === 0x3d && exactly(bytes, at, end, name);
      while (at < end && bytes[at] !== 0x26 && bytes[at] !== 0x23 && (hit || bytes[at] !== 0x3f)) at++;
      if (hit) {
        this.value = equals + 1;
        this.valueEnd = at;
        return true;
      }
      if (bytes[at] === 0x23) break; // a fragment is no query
    }
    this.value = this.valueEnd = end;
    return false;
  }
}

/** RFC 9110 section 5.6.2 token bytes, capitals only where they are letters: methods are case-sensitive. */
function isMethodByte(byte: number): boolean {
  return (byte >= 0x41 && byte <= 0x5a) || byte === 0x2d || byte === 0x5f;
}

/** Token bytes of a header name: all visible ones but the separators. */
function isNameByte(byte: number): boolean {
  if (byte >= 0x61 && byte <= 0x7a) return true;
  if (byte <= SPACE || byte >= 0x7f) return false;
  switch (byte) {
    case 0x22: // "
    case 0x28: // (
    case 0x29: // )
    case 0x2c: // ,
    case 0x2f: // /
    case 0x3a: // :
    case 0x3b: // ;
    case 0x3c: // <
    case 0x3d: // =
    case 0x3e: // >
    case 0x3f: // ?
    case 0x40: // @
    case 0x5b: // [
    case 0x5c: // \
    case 0x5d: // ]
    case 0x7b: // {
    case 0x7d: // }
      return false;
  }
  return true;
}

/** Offset of the next LF, or `end`. Not `indexOf`, which would search the rest of the source's whole buffer. */
function lineFeed(bytes: Uint8Array, at: number, end: number): number {
  while (at < end && bytes[at] !== LF) at++;
  return at;
}

function isBlank(byte: number): boolean {
  return byte === SPACE || byte === TAB || byte === CR || byte === LF;
}

/** Version of `HTTP/x.y` at `at` as ten times major plus minor; 0 where that is not there. */
function versionAt(bytes: Uint8Array, at: number, end: number): number {
  if (at + 8 > end || bytes[at] !== 0x48 || bytes[at + 1] !== 0x54 || bytes[at + 2] !== 0x54) return 0;
  if (bytes[at + 3] !== 0x50 || bytes[at + 4] !== 0x2f || bytes[at + 6] !== 0x2e) return 0;
  const major = bytes[at + 5]! - 0x30;
  const minor = bytes[at + 7]! - 0x30;
  return major < 0 || major > 9 || minor < 0 || minor > 9 ? 0 : major * 10 + minor;
}

/** True where `bytes[from … to)` begins with `text` (given in lower case), letters without case. */
export function startsWith(bytes: Uint8Array, from: number, to: number, text: string): boolean {
  if (to - from < text.length) return false;
  for (let i = 0; i < text.length; i++) {
    const byte = bytes[from + i]!;
    const lower = byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
    if (lower !== text.charCodeAt(i)) return false;
  }
  return true;
}

/** True where `bytes[from … to)` begins with exactly `text` (Latin-1). */
export function exactly(bytes: Uint8Array, from: number, to: number, text: string): boolean {
  if (to - from < text.length) return false;
  for (let i = 0; i < text.length; i++) if (bytes[from + i] !== text.charCodeAt(i)) return false;
  return true;
}

/**
 * Decodes `%XX` in `bytes[from … to)` into `into` (as much as it holds) and returns how many bytes there are decoded;
 * -1 where a percent sign lacks its two hex digits.
 */
export function percentDecode(bytes: Uint8Array, from: number, to: number, into: Uint8Array): number {
  let count = 0;
  for (let at = from; at < to; at++) {
    let byte = bytes[at]!;
    if (byte === PERCENT) {
      if (at + 2 >= to) return -1;
      const high = hexValue(bytes[at + 1]!);
      const low = hexValue(bytes[at + 2]!);
      if (high < 0 || low < 0) return -1;
      byte = (high << 4) | low;
      at += 2;
    }
    if (count < into.length) into[count] = byte;
    count++;
  }
  return count;
}

/** How many bytes `bytes[from … to)` has once percent-decoded; -1 where it is malformed. */
export function decodedLength(bytes: Uint8Array, from: number, to: number): number {
  return percentDecode(bytes, from, to, NOWHERE);
}

const NOWHERE = new Uint8Array(0);

/** Value of a hex digit of either case; -1 for any other byte. */
export function hexValue(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
