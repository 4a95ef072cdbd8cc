/**
 * Calls listening TCP ports of suspected clients: holds a protocol's conversation, and says where it proved the protocol. An
 * ordinary connection from the router's own address, so the kernel does the handshake, and it ends as any does.
 * @module
 */
import { after, type Timer } from "../net/timer.ts";
import type { Sending } from "../learn/outbox.ts";
import { formatAddress } from "../net/address.ts";
import type { Call, Heard, Step } from "../protocol/question.ts";
import { writeAll } from "../report/write_all.ts";

/** Calls at a time; more are left out, and asked for again. */
const MOST = 8;
/** Milliseconds until a client must have taken the connection. */
const CONNECT = 3000;
/** Milliseconds for which more is waited for after something came. */
const MOMENT = 100;
/** Bytes of an answer that are kept. */
const LONGEST = 4096;

/** See the module's text. */
export class Caller {
  readonly #calls: (protocol: string) => Call | undefined;
  readonly #proven: (sending: Sending, from: Deno.NetAddr) => void;
  #running = 0;

  /** `calls` has the protocols' conversations; `proven` is told where one proved its protocol, and from where it was called. */
  constructor(calls: (protocol: string) => Call | undefined, proven: (sending: Sending, from: Deno.NetAddr) => void) {
    this.#calls = calls;
    this.#proven = proven;
  }

  /** Begins a call; false where too many are under way. Never throws. */
  call(sending: Sending): boolean {
    const call = this.#calls(sending.protocol);
    if (call === undefined || this.#running === MOST) return false;
    this.#running++;
    this.#hold(sending, call).catch(() => {}).finally(() => this.#running--);
    return true;
  }

  async #hold(sending: Sending, call: Call): Promise<void> {
    const hostname = formatAddress(...sending.client);
    const signal = AbortSignal.timeout(CONNECT);
    const connection = await Deno.connect({ hostname, port: sending.clientPort, signal });
    const line = new Line(connection);
    try {
      const talk = call.talk();
      let step = await talk.next();
      while (step.done !== true) step = await talk.next(await line.say(step.value));
      if (step.value) this.#proven(sending, connection.localAddr as Deno.NetAddr);
    } finally {
      line.close();
    }
  }
}

/** One end of a connection: gathers what comes in. */
class Line {
  readonly #connection: Deno.TcpConn;
  #bytes: Uint8Array = new Uint8Array(0);
  #ended = false;
  #came = () => {};

  constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
    this.#listen();
  }

  /** Sends what the step says, and answers what came after it. */
  async say({ send, wait, eager }: Step): Promise<Heard> {
    this.#bytes = new Uint8Array(0);
    try {
      await writeAll(this.#connection, send);
    } catch {
      this.#ended = true;
    }
    if (!this.#ended) await this.#until(wait, eager);
    return { bytes: this.#bytes, ended: this.#ended };
  }

  close(): void {
    try {
      this.#connection.close();
    } catch {
      // Closed by what went wrong.
    }
  }

  async #listen(): Promise<void> {
    const part = new Uint8Array(LONGEST);
    for (;;) {
      const count = await this.#connection.read(part).catch(() => null);
      if (count === null) break;
      const bytes = new Uint8Array(Math.min(LONGEST, this.#bytes.length + count));
      bytes.set(this.#bytes);
      bytes.set(part.subarray(0, bytes.length - this.#bytes.length), this.#bytes.length);
      this.#bytes = bytes;
      this.#came();
    }
    this.#ended = true;
    this.#came();
  }

  /** Waits for so long at most, or until the other side ended; where that is enough, until a moment after something came. */
  #until(wait: number, eager: boolean): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const limit = after(wait, resolve);
    let moment: Timer | undefined;
    this.#came = () => {
      if (this.#ended) resolve();
      if (!eager) return;
      moment?.end();
      moment = after(MOMENT, resolve);
    };
    return promise.finally(() => {
      limit.end();
      moment?.end();
      this.#came = () => {};
    });
  }
}
