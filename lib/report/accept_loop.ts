/**
 * Connections of strangers, bounded in number and time: whoever opens a thousand and says nothing takes neither our
 * descriptors nor anybody else's turn.
 * @module
 */

import { after, pause } from "../net/timer.ts";

/** How many at once, and for how long. */
export interface AcceptLimits {
  /** Connections at once; one more ends the oldest. */
  readonly most: number;
  /** Milliseconds for which one may stay open. */
  readonly patience: number;
}

/** Milliseconds after a failed accept: out of descriptors, it would fail again at once. */
const REST = 100;

/** A listener that is served until it is closed; `await using` ends it and every connection. */
export class AcceptLoop implements AsyncDisposable {
  /** Times that a connection could not be accepted. */
  failed = 0;
  readonly #listener: Deno.Listener;
  readonly #serve: (connection: Deno.Conn) => Promise<void>;
  readonly #limits: AcceptLimits;
  /** Oldest first. */
  readonly #open = new Set<Deno.Conn>();
  readonly #running = new Set<Promise<void>>();
  readonly #loop: Promise<void>;
  #closed = false;

  /** Serves each connection by `serve`, whose failures, and whose end, end that connection alone. */
  constructor(listener: Deno.Listener, serve: (connection: Deno.Conn) => Promise<void>, limits: AcceptLimits) {
    this.#listener = listener;
    this.#serve = serve;
    this.#limits = limits;
    this.#loop = this.#accept();
  }

  /** Connections that are open now. */
  get open(): number {
    return this.#open.size;
  }

  async #accept(): Promise<void> {
    while (!this.#closed) {
      let connection: Deno.Conn;
      try {
        connection = await this.#listener.accept();
      } catch {
        if (this.#closed) break;
        this.failed++;
        await pause(REST);
        continue;
      }
      if (this.#open.size >= this.#limits.most) {
        const [oldest] = this.#open;
        if (oldest !== undefined) this.#end(oldest);
      }
      const work = this.#one(connection);
      this.#running.add(work);
      work.finally(() => this.#running.delete(work));
    }
    await Promise.all(this.#running);
  }

  async #one(connection: Deno.Conn): Promise<void> {
    this.#open.add(connection);
    const timer = after(this.#limits.patience, () => this.#end(connection));
    try {
      await this.#serve(connection);
    } catch {
      // Closed by us or by the other end: either way there is nobody to tell.
    } finally {
      timer.end();
      this.#end(connection);
    }
  }

  #end(connection: Deno.Conn): void {
    if (!this.#open.delete(connection)) return;
    try {
      connection.close();
    } catch {
      // The other end was quicker.
    }
  }

  /** Ends the listener and all connections. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#listener.close();
    for (const connection of this.#open) this.#end(connection);
    await this.#loop;
  }
}
