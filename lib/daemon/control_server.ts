/**
 * The daemon's end of the control socket. Clients may be broken or hostile: the size and the time of requests and the number
 * of connections are bounded, and no error in here disturbs the judging of packets.
 * @module
 */
import { after, pause } from "../net/timer.ts";
import { parseAddress, type Words } from "../net/address.ts";
import { errorText } from "../net/error_text.ts";
import {
  type ActionAnswer,
  type ControlRequest,
  type EventsAnswer,
  type ExplainAnswer,
  LONGEST_REQUEST,
  type NotifyAnswer,
  readRequest,
  RefusedRequest,
  type ReloadAnswer,
  type TakeOverAnswer,
} from "../report/control_protocol.ts";
import { Slice } from "./slice.ts";
import type { Who } from "../report/report_event.ts";
import { writeAll } from "../report/write_all.ts";
import { claimPath, CONTROL, foreignPeer, type Peer, peerDescriptor, releasePath } from "./socket_path.ts";

type Request<C extends ControlRequest["command"]> = Extract<ControlRequest, { readonly command: C }>;

/**
 * Answers requests. Throws a {@link RefusedRequest} to refuse one with a sentence; any other error is answered as a fault of
 * the daemon. The handler also writes the actions of operators to the audit log.
 */
export interface ControlHandler {
  /** Is told, before each answer, from which address the asking side is logged in over SSH. */
  operatorAt(address: Words): void;
  /** Answers `status`: JSON in pieces. */
  status(): Promise<Iterable<string>>;
  /** Answers `reload`. */
  reload(who: Who): ReloadAnswer | Promise<ReloadAnswer>;
  /** Answers `lock`. */
  lock(request: Request<"lock">, who: Who): ActionAnswer;
  /** Answers `unlock`; a client of null is all of them. */
  unlock(request: Request<"unlock">, who: Who): ActionAnswer;
  /** Answers `allow`. */
  allow(request: Request<"allow">, who: Who): ActionAnswer;
  /** Answers `explain`. */
  explain(client: string): ExplainAnswer;
  /** Answers `clients`: JSON in pieces. */
  clients(): Iterable<string>;
  /** Answers `notify`; a name of null is all of them. */
  notify(name: string | null): Promise<NotifyAnswer>;
  /** Answers `events`. */
  events(): EventsAnswer;
  /** Answers `take-over`. */
  takeOver(namespace: string): TakeOverAnswer;
}

/** How to listen. */
export interface ControlOptions {
  readonly path: string;
  /** Group of the system that may use the socket besides its owner; empty = none. */
  readonly group: string;
  readonly version: string;
  readonly handler: ControlHandler;
  /** Asks the kernel who is connected to the socket with this file descriptor (SO_PEERCRED). */
  readonly credentials?: (descriptor: number) => Peer | null;
  /** Takes errors for the log. */
  readonly fault?: (message: string) => void;
  /** Called when the last connection has ended. */
  readonly left?: () => void;
  /** Milliseconds that a request has to arrive whole, and that its answer has to be read. */
  readonly patience?: number;
}

/** Bytes of an answer that are sent at once. */
const PIECE = 16 << 10;
/** The most connections at once. */
const MOST = 16;
/** Milliseconds, see {@link ControlOptions.patience}. */
const PATIENCE = 10_000;

/** A listening control socket; `close` or `await using` ends it and removes the socket file. */
export class ControlServer implements AsyncDisposable {
  readonly #options: ControlOptions;
  readonly #listener: Deno.UnixListener;
  readonly #inode: number | null;
  readonly #open = new Set<Deno.UnixConn>();
  readonly #loop: Promise<void>;
  readonly #patience: number;

  private constructor(options: ControlOptions, listener: Deno.UnixListener, inode: number | null) {
    this.#options = options;
    this.#listener = listener;
    this.#inode = inode;
    this.#patience = options.patience ?? PATIENCE;
    this.#loop = this.#accept();
  }

  /** Takes the path (see {@link claimPath}) and listens. */
  static async listen(options: ControlOptions): Promise<ControlServer> {
    const { listener, inode } = await claimPath(options.path, options.group, CONTROL);
    return new ControlServer(options, listener, inode);
  }

  /** Whether anybody is connected. */
  get busy(): boolean {
    return this.#open.size > 0;
  }

  /** Stops listening, ends all connections, removes the socket file if it is still ours. */
  async close(): Promise<void> {
    this.#listener.close();
    for (const connection of this.#open) shut(connection);
    await this.#loop;
    releasePath(this.#options.path, this.#inode);
  }

  /** See {@link close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #accept(): Promise<void> {
    const running = new Set<Promise<void>>();
    for (;;) {
      let connection: Deno.UnixConn;
      try {
        connection = await this.#listener.accept();
      } catch (error) {
        if (error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted) break;
        // For example, no descriptor is left, or the client has gone. The control socket stays open.
        this.#options.fault?.(`Cannot accept a control connection: ${errorText(error)}`);
        await pause(100);
        continue;
      }
      const work = this.#serve(connection).catch((error) => this.#options.fault?.(errorText(error)));
      running.add(work);
      work.finally(() => running.delete(work));
    }
    await Promise.all(running);
  }

  async #serve(connection: Deno.UnixConn): Promise<void> {
    if (this.#open.size >= MOST) {
      await this.#timed(connection, () => send(connection, refusal(`Too many connections: ${MOST} are open`)));
      shut(connection);
      return;
    }
    this.#open.add(connection);
    try {
      const kernel = this.#credentials();
      const lines = new Lines(connection);
      for (;;) {
        const line = await this.#timed(connection, () => lines.next());
        if (line === null) return;
        const answer = line === undefined
          ? refusal(`Cannot read the request: longer than ${LONGEST_REQUEST} bytes`)
          : await this.#answer(line, kernel);
        if (!(await this.#timed(connection, () => send(connection, answer)))) return;
        if (line === undefined) return;
      }
    } finally {
      this.#open.delete(connection);
      shut(connection);
      if (!this.busy) this.#options.left?.();
    }
  }

  /** Runs one step on a connection. A step that takes too long is ended by closing the connection. */
  async #timed<T>(connection: Deno.UnixConn, step: () => Promise<T>): Promise<T | null> {
    const timer = after(this.#patience, () => shut(connection));
    try {
      return await step();
    } catch {
      // The connection is closed: nobody is left to answer.
      return null;
    } finally {
      timer.end();
    }
  }

  async #answer(
    line: string,
    kernel: { readonly uid: number; readonly pid: number } | null,
  ): Promise<Iterable<string>> {
    try {
      const { request, user, from } = readRequest(line);
      const address = parseAddress(from ?? "");
      if (address !== null) this.#options.handler.operatorAt(address);
      const who: Who = { ...(kernel ?? {}), ...(user === undefined ? {} : { user }) };
      return this.#granted(await this.#follow(request, who));
    } catch (error) {
      if (error instanceof RefusedRequest) return refusal(error.message);
      this.#failed(error);
      return refusal("The daemon failed at it; its log says more");
    }
  }

  #failed(error: unknown): void {
    this.#options.fault?.(`Cannot answer a control request: ${errorText(error)}`);
  }

  /** The answer around its pieces. Where one cannot be made the log says why, and the answer ends there. */
  *#granted(result: Iterable<string>): Generator<string, void> {
    yield '{"ok":true,"result":';
    try {
      yield* result;
    } catch (error) {
      this.#failed(error);
      throw error;
    }
    yield "}\n";
  }

  /** The result as JSON, in pieces. */
  async #follow(request: ControlRequest, who: Who): Promise<Iterable<string>> {
    const { handler, version } = this.#options;
    switch (request.command) {
      case "ping":
        return [JSON.stringify({ pid: Deno.pid, version })];
      case "status":
        return await handler.status();
      case "reload":
        return [JSON.stringify(await handler.reload(who))];
      case "lock":
        return [JSON.stringify(handler.lock(request, who))];
      case "unlock":
        return [JSON.stringify(handler.unlock(request, who))];
      case "allow":
        return [JSON.stringify(handler.allow(request, who))];
      case "explain":
        return [JSON.stringify(handler.explain(request.client))];
      case "clients":
        return handler.clients();
      case "notify":
        return [JSON.stringify(await handler.notify(request.name))];
      case "events":
        return [JSON.stringify(handler.events())];
      case "take-over":
        return [JSON.stringify(handler.takeOver(request.namespace))];
    }
  }

  #credentials(): Peer | null {
    const { credentials, path } = this.#options;
    if (credentials === undefined) return null;
    try {
      const foreign = foreignPeer(this.#sockets, credentials);
      const descriptor = peerDescriptor(path, this.#known);
      return descriptor === null ? foreign : credentials(descriptor);
    } catch {
      return null;
    }
  }

  /** Inodes of all our sockets, when somebody connected last. */
  readonly #sockets = new Set<string>();
  /** Inodes of accepted sockets that were looked at already. */
  readonly #known = new Set<string>();
}

/** Lines of a connection, bounded. */
class Lines {
  readonly #connection: Deno.UnixConn;
  readonly #buffer = new Uint8Array(LONGEST_REQUEST + 1);
  #used = 0;

  constructor(connection: Deno.UnixConn) {
    this.#connection = connection;
  }

  /** The next line; null at the end, undefined where it is too long. Broken UTF-8 becomes text that no request matches. */
  async next(): Promise<string | null | undefined> {
    for (;;) {
      const end = this.#buffer.subarray(0, this.#used).indexOf(0x0a);
      if (end >= 0) {
        const line = new TextDecoder().decode(this.#buffer.subarray(0, end));
        this.#buffer.copyWithin(0, end + 1, this.#used);
        this.#used -= end + 1;
        return line;
      }
      if (this.#used > LONGEST_REQUEST) return undefined;
      const count = await this.#connection.read(this.#buffer.subarray(this.#used));
      if (count === null) return null;
      this.#used += count;
    }
  }
}

/** Sends the pieces as they are made, in slices. */
async function send(connection: Deno.UnixConn, answer: Iterable<string>): Promise<boolean> {
  const slice = new Slice();
  const encoder = new TextEncoder();
  const piece = new Uint8Array(PIECE);
  let filled = 0;
  for (let text of answer) {
    for (;;) {
      const { read, written } = encoder.encodeInto(text, piece.subarray(filled));
      filled += written;
      if (read === text.length) break;
      text = text.slice(read);
      await writeAll(connection, piece.subarray(0, filled));
      filled = 0;
    }
    if (slice.over) await slice.next();
  }
  await writeAll(connection, piece.subarray(0, filled));
  return true;
}

function refusal(error: string): Iterable<string> {
  return [JSON.stringify({ ok: false, error }) + "\n"];
}

function shut(connection: Deno.UnixConn): void {
  try {
    connection.close();
  } catch {
    // Closed already.
  }
}
