/**
 * `address:port` in text: how Gnutella headers and Direct Connect commands name peers.
 * @module
 */
import type { Look } from "./classifier.ts";
import { isDigit } from "./literal.ts";

/**
 * Reads `a.b.c.d:port` at `at` and reports it as an advertised peer where `report` is set. Answers the offset after it, or
 * -1 where there is none, or where it may go on past `end`.
 */
export function readEndpoint(look: Look, at: number, end: number, report: boolean): number {
  const bytes = look.bytes;
  let here = at;
  let address = 0;
  for (let part = 0; part < 5; part++) {
    let value = 0;
    const from = here;
    while (here < end && here - from < 5 && isDigit(bytes[here]!)) value = value * 10 + bytes[here++]! - 0x30;
    if (here === from || here >= end) return -1;
    if (part === 4) {
      if (value === 0 || value > 0xffff || isDigit(bytes[here]!)) return -1;
      if (report) {
        look.peer(0, 0, 0xffff, address, value);
        look.found.invites = true;
      }
      return here;
    }
    if (value > 255 || bytes[here] !== (part === 3 ? 0x3a : 0x2e)) return -1;
    address = (address << 8) | value;
    here++;
  }
  return -1;
}

/** Reports every `a.b.c.d:port` of a header's value, whose items are set apart by commas or spaces. */
export function readEndpoints(look: Look, from: number, to: number): void {
  // The line's end stands behind the value: the last port ends there.
  const end = Math.min(to + 1, look.end);
  let at = from;
  while (at < to) {
    const after = isDigit(look.bytes[at]!) ? readEndpoint(look, at, end, true) : -1;
    if (after > 0) {
      at = after;
      continue;
    }
    while (at < to && look.bytes[at] !== 0x2c && look.bytes[at] !== 0x20) at++;
    at++;
  }
}
