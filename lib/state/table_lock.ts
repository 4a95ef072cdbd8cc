/**
 * Whose turn it is: threads that share tables use them one after the other, a burst of packets at a time.
 *
 * Of a queued packet's cost nine tenths are the kernel's (receiving, and sending the verdicts), which happen outside a
 * turn; so a few threads hardly meet. In return there is one block list, one set of locks and one score for all: what one
 * thread learns is in force on the others with their next burst, and a change is one event, as only one thread can make it.
 * Tables of each thread's own, kept alike by telling each other, would double their memory, add up scores late, and
 * would each have to end what is over.
 * @module
 */

/** Words of the shared memory. */
const HOLDER = 0;
const TOLD = 1;
const SEQUENCE = 2;
const VERSION = 3;
/** Length of that memory, bytes. */
export const TABLE_LOCK_BYTES = 16;

/** Nobody's turn; somebody's; somebody's, and others wait. */
const FREE = 0;
const TAKEN = 1;
const AWAITED = 2;
/**
 * Looks at a turn that somebody else has before the thread sleeps, 40 ns each: together about as long as a burst takes, as
 * being woken takes longer.
 */
const LOOKS = 600;
/** Tells the processor that this is a wait (ECMAScript 2026, of which TypeScript does not know yet). */
const pause: () => void = (Atomics as { pause?: () => void }).pause ?? (() => {});

/** Milliseconds after which who has the turn is taken for dead. The longest that is done in one is writing the state file. */
const PATIENCE = 30_000;

/** What a thread does at the ends of its turns. Neither may throw. */
export interface TableLockHooks {
  /** First thing in a turn. */
  readonly onAcquire: () => void;
  /** Last thing in a turn. */
  readonly onRelease: () => void;
}

/** One thread's hold of the turn. Threads meet by the memory that they make it of. */
export class TableLock {
  readonly #words: Int32Array;
  readonly #patience: number;
  #hooks: TableLockHooks | null = null;
  #depth = 0;

  /** `memory` is of {@link TABLE_LOCK_BYTES}, zeroed. */
  constructor(memory: SharedArrayBuffer, patience: number = PATIENCE) {
    this.#words = new Int32Array(memory);
    this.#patience = patience;
  }

  /** Asks to be told of the ends of this thread's turns. */
  set hooks(hooks: TableLockHooks) {
    this.#hooks = hooks;
  }

  /** Waits for the turn and takes it; within a turn it does nothing. Throws where another thread does not give it back. */
  acquire(): void {
    if (this.#depth++ > 0) return;
    if (Atomics.compareExchange(this.#words, HOLDER, FREE, TAKEN) !== FREE) this.#wait();
    this.#hooks?.onAcquire();
  }

  /** Gives the turn back, as often as it was taken. */
  release(): void {
    if (this.#depth > 1) {
      this.#depth--;
      return;
    }
    this.#hooks?.onRelease();
    this.#depth = 0;
    if (Atomics.exchange(this.#words, HOLDER, FREE) === AWAITED) Atomics.notify(this.#words, HOLDER, 1);
  }

  /** Does something within a turn. */
  hold<T>(act: () => T): T {
    this.acquire();
    try {
      return act();
    } finally {
      this.release();
    }
  }

  /** Takes a turn for nothing where another thread has told something. */
  catchUp(): void {
    if (Atomics.load(this.#words, TOLD) === 0) return;
    this.acquire();
    this.release();
  }

  /** Another thread has told something since the last call. Within a turn. */
  takeNews(): boolean {
    if (this.#words[TOLD] === 0) return false;
    Atomics.store(this.#words, TOLD, 0);
    return true;
  }

  /** Says that this thread has told something; answers the number that puts what all threads tell in order. Within a turn. */
  announce(): number {
    Atomics.store(this.#words, TOLD, 1);
    this.#words[SEQUENCE] = (this.#words[SEQUENCE]! + 1) | 0;
    return this.#words[SEQUENCE]!;
  }

  /** Number of the policy that is in force on all threads. Within a turn. */
  get policyVersion(): number {
    return this.#words[VERSION]!;
  }

  set policyVersion(number: number) {
    this.#words[VERSION] = number;
  }

  // A mutex in the manner of U. Drepper, Futexes are tricky (2011), section 5.
  #wait(): void {
    const words = this.#words;
    for (let looks = 0; looks < LOOKS; looks++) {
      if (Atomics.load(words, HOLDER) === FREE && Atomics.compareExchange(words, HOLDER, FREE, TAKEN) === FREE) return;
      pause();
    }
    while (Atomics.exchange(words, HOLDER, AWAITED) !== FREE) {
      if (Atomics.wait(words, HOLDER, AWAITED, this.#patience) !== "timed-out") continue;
      this.#depth--;
      throw new Error(`Cannot go on: another thread has held the tables for ${this.#patience / 1000} s`);
    }
  }
}
