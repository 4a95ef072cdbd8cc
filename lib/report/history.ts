/**
 * The last events, so that `ftwall explain` can say why, and the page what happens.
 * @module
 */
import { isTraffic, type ReportEvent } from "./report_event.ts";
import { rfc3339 } from "./plain.ts";

/** An event with the time it was reported. */
export interface Remembered {
  readonly time: string;
  readonly event: ReportEvent;
}

/** A ring of the last events, without those about peers alone. */
export class History {
  readonly #events: (ReportEvent | undefined)[];
  readonly #times: Float64Array;
  #next = 0;

  /** Remembers the last `capacity` events. */
  constructor(capacity: number = 2048) {
    this.#events = new Array<ReportEvent | undefined>(capacity).fill(undefined);
    this.#times = new Float64Array(capacity);
  }

  /** Takes an event; those about traffic that name no client are passed by. `time` is milliseconds since 1970. */
  add(event: ReportEvent, time: number): void {
    if (isTraffic(event) && (!("client" in event) || event.client === undefined)) return;
    this.#events[this.#next] = event;
    this.#times[this.#next] = time;
    this.#next = (this.#next + 1) % this.#events.length;
  }

  /** All of them, oldest first. */
  *all(): Generator<Remembered> {
    const count = this.#events.length;
    for (let i = 0; i < count; i++) {
      const at = (this.#next + i) % count;
      const event = this.#events[at];
      if (event !== undefined) yield { time: rfc3339(this.#times[at] ?? 0), event };
    }
  }

  /** The last of them, oldest first, at most `most`. */
  last(most: number): Remembered[] {
    const found: Remembered[] = [];
    const count = this.#events.length;
    for (let i = Math.min(most, count); i >= 1; i--) {
      const at = (this.#next - i + count) % count;
      const event = this.#events[at];
      if (event !== undefined) found.push({ time: rfc3339(this.#times[at] ?? 0), event });
    }
    return found;
  }

  /** The last events about a client, oldest first, at most `most`; a `mac` also finds events of its other addresses. */
  of(client: string, mac: string | null = null, most: number = 50): Remembered[] {
    const found: Remembered[] = [];
    const count = this.#events.length;
    for (let i = 1; i <= count && found.length < most; i++) {
      const at = (this.#next - i + count) % count;
      const event = this.#events[at];
      if (event === undefined) break;
      const same = ("client" in event && event.client === client) ||
        (mac !== null && "mac" in event && event.mac === mac);
      if (same) found.push({ time: rfc3339(this.#times[at] ?? 0), event });
    }
    return found.reverse();
  }
}
