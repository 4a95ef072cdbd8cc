/**
 * Keeps events from flooding: at most so many of one kind for one client in one stretch of time, the rest counted.
 * @module
 */
import type { AddressTable } from "../state/address_table.ts";

const PRINTED = 0;
const SUPPRESSED = 1;
/** How long a count of what was left out waits for the next one to tell it, milliseconds. */
const KEEP = 600_000;

/** See the module's text. */
export class RateLimits {
  /** How many were left out since the last one of the same kind and client, after {@link allow} said yes. */
  suppressed = 0;
  /** Left out altogether. */
  total = 0;
  readonly #table: AddressTable;

  /** Keeps its counts in `table` (two columns). */
  constructor(table: AddressTable) {
    this.#table = table;
  }

  /** True where an event of `kind` about this client may be printed: `burst` of them in each `stretch` milliseconds. */
  allow(
    w0: number,
    w1: number,
    w2: number,
    w3: number,
    kind: number,
    now: number,
    burst: number,
    stretch: number,
  ): boolean {
    const table = this.#table;
    let row = table.find(w0, w1, w2, w3, kind);
    if (row < 0) row = table.insert(w0, w1, w2, w3, kind, now + stretch + KEEP);
    const at = row * table.columns;
    if (table.deadline[row]! - KEEP <= now) {
      table.deadline[row] = now + stretch + KEEP;
      table.values[at + PRINTED] = 0;
    }
    if (table.values[at + PRINTED]! >= burst) {
      table.values[at + SUPPRESSED]!++;
      this.total++;
      return false;
    }
    table.values[at + PRINTED]!++;
    this.suppressed = table.values[at + SUPPRESSED]!;
    table.values[at + SUPPRESSED] = 0;
    return true;
  }
}
