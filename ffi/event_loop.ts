/**
 * Turns of the event loop, for signals, timers and sockets, on a thread that may never run out of packets.
 *
 * The runtime looks at its sockets before it sleeps, and otherwise each 61st time only. Whatever is answered before that, as
 * by another thread, is no turn for sockets: `status` waited for more than a second behind such answers. But a byte that
 * this thread sends to itself is found only where sockets are looked at.
 * @module
 */

/** See the module's text. */
export class EventLoop implements Disposable {
  readonly #near: Deno.UnixConn;
  readonly #far: Deno.UnixConn;
  readonly #byte: Uint8Array<ArrayBuffer> = new Uint8Array(1);
  readonly #room: Uint8Array<ArrayBuffer> = new Uint8Array(8);

  private constructor(near: Deno.UnixConn, far: Deno.UnixConn) {
    this.#near = near;
    this.#far = far;
  }

  /** Makes the pair of sockets. Rejects where the machine gives none. */
  static async open(): Promise<EventLoop> {
    // A name that no file has and nobody guesses. Where somebody comes before us all the same, the far end is refused below.
    using listener = Deno.listen({ transport: "unix", path: `\0ftwall-${crypto.randomUUID()}` });
    const [near, far] = await Promise.all([
      listener.accept(),
      Deno.connect({ transport: "unix", path: listener.addr.path }),
    ]);
    return new EventLoop(near, far);
  }

  /** Lets it run once (about 0.1 ms). Rejects where the sockets are broken. */
  async turn(): Promise<void> {
    // Asked for before it is there: else it would be taken at once.
    await Promise.all([this.#near.read(this.#room), this.#far.write(this.#byte)]);
  }

  /** Closes the sockets. */
  [Symbol.dispose](): void {
    this.#near.close();
    this.#far.close();
  }
}
