/**
 * A deadline after which the kernel ends this process, even where it is stopped, spins or waits for ever. It costs no thread
 * and no process, and 1 µs each time that it is put off.
 * @module
 */
import { libcNames, type OpenLibrary, openLibrary } from "./library.ts";

const SYMBOLS = {
  // int timer_create(clockid_t clockid, struct sigevent *sevp, timer_t *timerid);
  timer_create: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  // int timer_settime(timer_t timerid, int flags, const struct itimerspec *new, struct itimerspec *old);
  timer_settime: { parameters: ["pointer", "i32", "buffer", "pointer"], result: "i32" },
  // int timer_delete(timer_t timerid);
  timer_delete: { parameters: ["pointer"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/** Does not count the time for which the machine sleeps. */
const CLOCK_MONOTONIC = 1;
const SIGKILL = 9;
/** struct sigevent: a union of 8 bytes, then the signal, then how: 0 is SIGEV_SIGNAL. */
const SIGEVENT_BYTES = 64;
const SIGNO_AT = 8;

/** See the module's text. Not in force before the first {@link putOff}. */
export class Deadline implements Disposable {
  readonly #library: OpenLibrary<typeof SYMBOLS>;
  readonly #timer: Deno.PointerValue;
  // struct itimerspec: interval, then the time until it fires, of seconds and nanoseconds each.
  readonly #spec: BigInt64Array<ArrayBuffer> = new BigInt64Array(new ArrayBuffer(32));
  readonly #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(this.#spec.buffer);
  #closed = false;

  /** Makes the timer. Throws MissingLibrary, or an Error where the kernel has none. */
  constructor() {
    // Before 2.34 glibc had these calls in librt.
    const names = [...libcNames(Deno.build.arch), "librt.so.1"];
    this.#library = openLibrary("the C library's timers", names, SYMBOLS, "They are part of every C library");
    const event = new Uint8Array(new ArrayBuffer(SIGEVENT_BYTES));
    new Int32Array(event.buffer)[SIGNO_AT / 4] = SIGKILL;
    const id = new BigUint64Array(new ArrayBuffer(8));
    if (this.#library.symbols.timer_create(CLOCK_MONOTONIC, event, new Uint8Array(id.buffer)) !== 0) {
      this.#library.close();
      throw new Error("Cannot make a timer: the kernel refused it");
    }
    this.#timer = Deno.UnsafePointer.create(id[0]!);
  }

  /** The process ends in so many milliseconds, unless this is called again; 0 lifts the deadline. */
  putOff(milliseconds: number): void {
    if (this.#closed) return;
    const whole = Math.ceil(milliseconds);
    this.#spec[2] = BigInt(Math.floor(whole / 1000));
    this.#spec[3] = BigInt((whole % 1000) * 1_000_000);
    this.#library.symbols.timer_settime(this.#timer, 0, this.#bytes, null);
  }

  /** Lifts it for good. */
  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#library.symbols.timer_delete(this.#timer);
    this.#library.close();
  }
}
