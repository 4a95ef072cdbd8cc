/**
 * What is to be told next: events that are alike become one row with a count, and rows have a bound.
 * @module
 */
import type { ReportEvent } from "../report/report_event.ts";

/** Rows of one message; of what finds no room only the number is told. */
export const MOST_ROWS = 100;

/** Events that are alike. */
export interface Row {
  /** The last of them. */
  readonly event: ReportEvent;
  readonly count: number;
  /** When the first and the last came, milliseconds since 1970. */
  readonly first: number;
  readonly last: number;
}

/** See the module's text. */
export class Digest {
  #rows = new Map<string, Row>();
  #more = 0;

  /** Takes an event; `time` is milliseconds since 1970. Answers false where it found no room and is only counted. */
  add(event: ReportEvent, time: number): boolean {
    const key = keyOf(event);
    const count = 1 + ("suppressed" in event ? event.suppressed ?? 0 : 0);
    const before = this.#rows.get(key);
    if (before === undefined && this.#rows.size >= MOST_ROWS) {
      this.#more += count;
      return false;
    }
    this.#rows.set(key, { event, count: count + (before?.count ?? 0), first: before?.first ?? time, last: time });
    return true;
  }

  /** Whether there is nothing to tell. */
  get empty(): boolean {
    return this.#rows.size === 0;
  }

  /** All rows, in the order in which they began, and the number of events beyond them; forgets them. */
  take(): { readonly rows: readonly Row[]; readonly more: number } {
    const taken = { rows: [...this.#rows.values()], more: this.#more };
    this.#rows = new Map();
    this.#more = 0;
    return taken;
  }
}

/** Equal for events that are alike: the same happened, to the same client, for the same protocol; or the same sentence. */
function keyOf(event: ReportEvent): string {
  const { client, protocol, queue, message, action }: Record<string, unknown> = { ...event };
  return [event.event, client, protocol, queue, message, action].join("\n");
}
