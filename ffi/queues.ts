/**
 * The queues of this process together: opened, waited for and closed as one.
 * @module
 */
import { EventLoop } from "./event_loop.ts";
import { type Libc, POLLIN } from "./libc.ts";
import { type EffectiveSettings, QueueLibrary, type QueueSettings } from "./netfilter_queue.ts";
import type { PacketQueue } from "./packet_queue.ts";

const EFD_CLOEXEC = 0x80000;
const EFD_NONBLOCK = 0x800;
const POLLFD_WORDS = 2;
// struct pollfd { int fd; short events; short revents; }: the answers are the upper half of the second word.
const ANSWERS = 16;

/** All queues that this process holds. */
export class Queues implements Disposable {
  /** The queues, in the order of their numbers. */
  readonly list: readonly PacketQueue[];
  /** What the kernel granted to each. */
  readonly effective: readonly EffectiveSettings[];
  readonly #libc: Libc;
  readonly #library: QueueLibrary;
  readonly #bell: number;
  readonly #bellWord: Uint8Array<ArrayBuffer> = new Uint8Array(new ArrayBuffer(8));
  readonly #count: bigint;
  readonly #polled: Int32Array<ArrayBuffer>;
  readonly #polledAt: Deno.PointerObject;
  readonly #asyncPolled: Int32Array<ArrayBuffer>;
  readonly #asyncPolledAt: Deno.PointerObject;
  #eventLoop: EventLoop | null = null;
  #waiting: Promise<void> | null = null;
  #closed = false;

  /**
   * Opens every queue of `numbers`, or none; those in `taken` on the sockets that have them already. Throws MissingLibrary,
   * Missing, QueueOwned.
   */
  static open(
    libc: Libc,
    numbers: readonly number[],
    settings: QueueSettings,
    taken: ReadonlyMap<number, number> = new Map(),
  ): Queues {
    const library = QueueLibrary.open(libc);
    const list: PacketQueue[] = [];
    const effective: EffectiveSettings[] = [];
    try {
      for (const number of numbers) {
        const opened = library.openQueue(number, settings, taken.get(number));
        list.push(opened.queue);
        effective.push(opened.effective);
      }
      return new Queues(libc, library, list, effective);
    } catch (error) {
      for (const queue of list) queue.close();
      library.close();
      throw error;
    }
  }

  private constructor(
    libc: Libc,
    library: QueueLibrary,
    list: readonly PacketQueue[],
    effective: readonly EffectiveSettings[],
  ) {
    this.#libc = libc;
    this.#library = library;
    this.list = list;
    this.effective = effective;
    this.#bell = libc.symbols.eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (this.#bell < 0) throw new Error(`Cannot make an eventfd: ${libc.describe(libc.errno())}`);
    this.#count = BigInt(list.length);
    this.#polled = new Int32Array(new ArrayBuffer(8 * (list.length + 1)));
    this.#asyncPolled = new Int32Array(new ArrayBuffer(8 * (list.length + 1)));
    list.forEach((queue, i) => {
      this.#polled[POLLFD_WORDS * i] = queue.fd;
      this.#asyncPolled[POLLFD_WORDS * i] = queue.fd;
    });
    this.#asyncPolled[POLLFD_WORDS * list.length] = this.#bell;
    this.#polledAt = Deno.UnsafePointer.of(this.#polled)!;
    this.#asyncPolledAt = Deno.UnsafePointer.of(this.#asyncPolled)!;
  }

  /**
   * Waits on another thread until a queue has packets, {@link wake} is called, or `timeout` milliseconds have passed
   * (-1: no limit). The event loop runs meanwhile; with 0 it has one turn. A wait that is under way is shared.
   */
  wait(timeout: number): Promise<void> {
    if (this.#closed) return Promise.resolve();
    this.#waiting ??= this.#wait(timeout);
    return this.#waiting;
  }

  async #wait(timeout: number): Promise<void> {
    if (timeout !== 0 || !(await this.#turn())) await this.#poll(timeout);
    this.#waiting = null;
    if (this.#closed) this.#release();
  }

  /** A turn of the event loop; false where the machine gives no sockets for it. */
  async #turn(): Promise<boolean> {
    try {
      this.#eventLoop ??= await EventLoop.open();
      await this.#eventLoop.turn();
      return true;
    } catch {
      this.#eventLoop?.[Symbol.dispose]();
      this.#eventLoop = null;
      return false;
    }
  }

  async #poll(timeout: number): Promise<void> {
    const polled = this.#asyncPolled;
    const last = this.list.length;
    for (let i = 0; i <= last; i++) polled[POLLFD_WORDS * i + 1] = POLLIN;
    await this.#libc.symbols.pollAsync(this.#asyncPolledAt, this.#count + 1n, timeout);
    if (polled[POLLFD_WORDS * last + 1]! >>> ANSWERS !== 0) this.#libc.symbols.read(this.#bell, this.#bellWord, 8n);
  }

  /**
   * Waits on this thread, at most `timeout` milliseconds, until a queue has packets; answers whether one has. Signals,
   * timers and sockets have to wait meanwhile: for a few milliseconds only, under load, where another thread would cost more.
   */
  waitSync(timeout: number): boolean {
    const polled = this.#polled;
    for (let i = 0; i < this.list.length; i++) polled[POLLFD_WORDS * i + 1] = POLLIN;
    return this.#libc.symbols.poll(this.#polledAt, this.#count, timeout) > 0;
  }

  /** Lets other programs that wait for this core run first; returns at once where there are none. */
  yieldCore(): void {
    this.#libc.symbols.sched_yield();
  }

  /** Descriptor of the eventfd that ends a {@link wait}: other threads of this process may write to it (see {@link ring}). */
  get bell(): number {
    return this.#bell;
  }

  /** Ends a {@link wait} that is under way, or the next one at once. */
  wake(): void {
    if (!this.#closed) ring(this.#libc, this.#bell, this.#bellWord);
  }

  /**
   * Gives every waiting packet its verdict and the queues back. Can be called again. Await a {@link wait} that is under
   * way before closing the C library.
   */
  close(): void {
    this.#end((queue) => queue.close());
  }

  /** Gives up the queues in favour of a process that has their sockets too: what waits in them stays there. */
  leave(): void {
    this.#end((queue) => queue.leave());
  }

  #end(act: (queue: PacketQueue) => void): void {
    if (this.#closed) return;
    this.wake();
    this.#closed = true;
    for (const queue of this.list) act(queue);
    if (this.#waiting === null) this.#release();
  }

  /** The sockets of the queues, by number. */
  get sockets(): Map<number, number> {
    return new Map(this.list.map(({ number, fd }) => [number, fd]));
  }

  #release(): void {
    this.#eventLoop?.[Symbol.dispose]();
    this.#libc.symbols.close(this.#bell);
    this.#library.close();
  }

  /** The same as {@link close}. */
  [Symbol.dispose](): void {
    this.close();
  }
}

/** Ends a wait for queues, also another thread's, by their bell. `word` is room for the eight bytes that are written. */
export function ring(libc: Libc, bell: number, word: Uint8Array<ArrayBuffer>): void {
  word.fill(0);
  word[0] = 1;
  libc.symbols.write(bell, word, 8n);
}
