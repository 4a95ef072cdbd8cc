/**
 * What shows others that verdicts are moving: the kernel, which ends this process where they stand still, the service manager,
 * and the process after this one.
 * @module
 */
import { Deadline } from "../../ffi/deadline.ts";
import type { Libc } from "../../ffi/libc.ts";
import { readQueueStates } from "../../ffi/queue_state.ts";
import type { Queues } from "../../ffi/queues.ts";
import { ServiceNotice } from "../../ffi/service_notice.ts";
import { errorText } from "../net/error_text.ts";
import type { WatchdogStatus } from "../report/status.ts";
import { LifeRecord } from "./life_record.ts";
import { Watchdog } from "./watchdog.ts";

/** What they are made from. */
export interface VitalSignsParts {
  readonly libc: Libc;
  /** The queues of this thread. */
  readonly queues: Queues;
  /** Milliseconds for which verdicts may stand still; 0 for no watchdog. */
  readonly limit: number;
  /** Path of the record; null on a thread beside the main one. */
  readonly record: string | null;
}

/** See the module's text. */
export class VitalSigns implements Disposable {
  readonly #parts: VitalSignsParts;
  readonly #deadline: Deadline | null;
  readonly #notice: ServiceNotice | null;
  readonly #record: LifeRecord | null;
  readonly #dog: Watchdog;
  #why = "";
  #earlier: WatchdogStatus["earlier"] = undefined;

  /** Nothing is in force before the first {@link beat}. */
  constructor(parts: VitalSignsParts) {
    const { libc, queues, limit, record } = parts;
    this.#parts = parts;
    this.#deadline = limit > 0 ? this.#openDeadline() : null;
    this.#notice = record === null ? null : ServiceNotice.open(libc);
    this.#record = record === null ? null : new LifeRecord(record, libc.monotonic());
    const numbers = new Set(queues.list.map(({ number }) => number));
    this.#dog = new Watchdog({
      limit,
      deadline: this.#deadline,
      answered: () => queues.list.reduce((sum, { counters }) => sum + counters.answered, 0),
      waiting: () => (readQueueStates() ?? []).reduce((sum, q) => sum + (numbers.has(q.number) ? q.waiting : 0), 0),
      moving: () => {
        this.#notice?.tell("WATCHDOG=1");
        this.#record?.write(libc.monotonic());
      },
    });
  }

  #openDeadline(): Deadline | null {
    try {
      return new Deadline();
    } catch (error) {
      this.#why = errorText(error);
      return null;
    }
  }

  /**
   * Packets are judged from now on. With `keep` the service manager keeps the sockets of the queues for the next start, and
   * those of `dropped` no longer. Answers a sentence where the process before this one did not stop by itself, else
   * nothing.
   */
  ready(sockets: ReadonlyMap<number, number>, keep: boolean, dropped: readonly number[]): string {
    for (const number of dropped) this.#notice?.dropQueue(number);
    if (keep) { for (const [number, fd] of sockets) this.#notice?.keepQueue(number, fd); }
    this.#notice?.tell("READY=1");
    const earlier = this.#record?.earlier ?? null;
    if (earlier === null) return "";
    const seconds = Math.round(earlier.stoodStill / 100) / 10;
    // Whoever is killed otherwise, and started again at once, has stood still for less than the limit.
    const watchdog = this.#parts.limit > 0 && earlier.stoodStill >= this.#parts.limit;
    this.#earlier = { pid: earlier.pid, stood_still_seconds: seconds, watchdog };
    return `The process before this one (${earlier.pid}) ${
      watchdog ? "was ended by the watchdog, or nobody started it again at once" : "was killed, or died"
    }: no verdict was given for ${seconds} s`;
  }

  /** Call about once a second, between bursts of packets; `now` is monotonic milliseconds. */
  beat(now: number): void {
    this.#dog.beat(now);
  }

  /** A stop begins: it may take longer than verdicts may stand still. */
  stopping(): void {
    this.#notice?.tell("STOPPING=1");
    this.#dog.grant();
  }

  /** Whether a service manager started this process. */
  get managed(): boolean {
    return this.#notice !== null;
  }

  /** Something begins that may take long, and during which no packet is answered. */
  busy(): void {
    this.#dog.grant();
  }

  /** For `status`. */
  get facts(): WatchdogStatus {
    const { limit } = this.#parts;
    const why = limit === 0 ? "switched off by [queue] watchdog" : this.#why;
    return {
      in_use: why === "",
      ...(why === "" ? { limit_seconds: limit / 1000 } : { why }),
      service_manager: this.#notice !== null,
      ...(this.#earlier === undefined ? {} : { earlier: this.#earlier }),
    };
  }

  /** After a clean stop. */
  [Symbol.dispose](): void {
    this.#deadline?.[Symbol.dispose]();
    this.#record?.[Symbol.dispose]();
    this.#notice?.[Symbol.dispose]();
  }
}
