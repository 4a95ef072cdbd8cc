/**
 * The lock of the tables that threads share: a thread holds it for a burst of packets.
 *
 * Nine tenths of a queued packet's cost are the kernel's (receiving it, sending its verdict), outside the lock; so a few
 * threads rarely wait for each other. In return there is one block list, one set of locks and one score for all: what one
 * thread learns holds on the others from their next burst, and is one event, as only one thread makes the change. Tables
 * of each thread's own, kept equal by messages, would take the memory several times, add scores up late, and each have to
 * expire its entries.
 * @module
 */

/** Words of the shared memory. */
const HOLDER = 0;
const NEWS = 1;
const SEQUENCE = 2;
const VERSION = 3;
/** Bytes of that memory. */
export const TABLE_LOCK_BYTES = 16;

/** States of the lock: free; held; held, and others wait for it. */
const FREE = 0;
const HELD = 1;
const AWAITED = 2;
/**
 * Attempts to get a held lock before the thread sleeps, 40 ns each: together about as long as a burst takes, as being woken
 * takes longer.
 */
const SPINS = 600;
/** Tells the processor that this is a busy wait (ECMAScript 2026; TypeScript does not declare it yet). */
const pause: () => void = (Atomics as { pause?: () => void }).pause ?? (() => {});

/** Milliseconds after which the holder is taken for dead. The longest that the lock is held is for writing the state file. */
const PATIENCE = 30_000;

/** What a thread does whenever it holds the lock. Neither may throw. */
export interface TableLockHooks {
  /** First thing after the lock was acquired. */
  readonly onAcquire: () => void;
  /** Last thing before it is released. */
  readonly onRelease: () => void;
}

/** One thread's handle of the lock, which it may acquire more than once. Threads share the lock by its memory. */
export class TableLock {
  readonly #words: Int32Array;
  readonly #patience: number;
  #hooks: TableLockHooks | null = null;
  #depth = 0;

  /** `memory` has {@link TABLE_LOCK_BYTES}, zeroed before the first use. `patience` is in milliseconds. */
  constructor(memory: SharedArrayBuffer, patience: number = PATIENCE) {
    this.#words = new Int32Array(memory);
    this.#patience = patience;
  }

  /** What this thread does whenever it holds the lock. */
  set hooks(hooks: TableLockHooks) {
    this.#hooks = hooks;
  }

  /** Waits for the lock; does nothing where this thread holds it. Throws where another thread does not release it. */
  acquire(): void {
    if (this.#depth++ > 0) return;
    if (Atomics.compareExchange(this.#words, HOLDER, FREE, HELD) !== FREE) this.#wait();
    this.#hooks?.onAcquire();
  }

  /** Releases the lock, once it was called as often as {@link acquire}. */
  release(): void {
    if (this.#depth > 1) {
      this.#depth--;
      return;
    }
    this.#hooks?.onRelease();
    this.#depth = 0;
    if (Atomics.exchange(this.#words, HOLDER, FREE) === AWAITED) Atomics.notify(this.#words, HOLDER, 1);
  }

  /** Calls `act` while holding the lock. */
  hold<T>(act: () => T): T {
    this.acquire();
    try {
      return act();
    } finally {
      this.release();
    }
  }

  /** Acquires and releases the lock, for the hooks alone, where another thread has announced news. */
  catchUp(): void {
    if (Atomics.load(this.#words, NEWS) === 0) return;
    this.acquire();
    this.release();
  }

  /** Whether news were announced since the last call. The lock must be held. */
  takeNews(): boolean {
    if (this.#words[NEWS] === 0) return false;
    Atomics.store(this.#words, NEWS, 0);
    return true;
  }

  /** Announces news of this thread. Answers a number by which the news of all threads can be put in order. The lock must be held. */
  announce(): number {
    Atomics.store(this.#words, NEWS, 1);
    this.#words[SEQUENCE] = (this.#words[SEQUENCE]! + 1) | 0;
    return this.#words[SEQUENCE]!;
  }

  /** Number of the policy that is in force on all threads. The lock must be held. */
  get policyVersion(): number {
    return this.#words[VERSION]!;
  }

  set policyVersion(number: number) {
    this.#words[VERSION] = number;
  }

  // The mutex of U. Drepper, Futexes are tricky (2011), section 5.
  #wait(): void {
    const words = this.#words;
    for (let spins = 0; spins < SPINS; spins++) {
      if (Atomics.load(words, HOLDER) === FREE && Atomics.compareExchange(words, HOLDER, FREE, HELD) === FREE) return;
      pause();
    }
    while (Atomics.exchange(words, HOLDER, AWAITED) !== FREE) {
      if (Atomics.wait(words, HOLDER, AWAITED, this.#patience) !== "timed-out") continue;
      this.#depth--;
      throw new Error(`Cannot go on: another thread has held the tables for ${this.#patience / 1000} s`);
    }
  }
}
