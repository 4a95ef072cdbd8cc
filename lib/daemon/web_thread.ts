/**
 * The thread of the page, as the daemon sees it. All that the page knows it asks through the control socket, like a command, so
 * that a reader, however slow, costs the packets nothing.
 * @module
 */
import { after, type Timer, within } from "../net/timer.ts";
import type { Config } from "../policy/config.ts";
import { FAILED, Failure } from "../report/failure.ts";
import { releasePath } from "./socket_path.ts";

/** Name of the thread, which main.ts tells it by. */
const THREAD = "ftwall-web";
/** Milliseconds after which a page that has ended is started again. */
const REST = 10_000;
/** Milliseconds that the end of a page is waited for. */
const PATIENCE = 1000;

/** To the thread. */
export type ToWeb = StartWeb | { readonly kind: "stop" };

/** To the thread: what it works with. */
export interface StartWeb {
  readonly kind: "start";
  readonly web: Config["web"];
  /** Path of the control socket. */
  readonly control: string;
}

/** From the thread. */
export type FromWeb =
  /** It runs and waits for the start message. */
  | { readonly kind: "here" }
  /** It answers at this address; the inode is that of a Unix socket. */
  | { readonly kind: "listening"; readonly address: string; readonly inode: number | null }
  /** It does not listen any more, as it was told. */
  | { readonly kind: "closed" }
  /** It cannot listen. */
  | { readonly kind: "failed"; readonly message: string }
  /** For the log. */
  | { readonly kind: "note"; readonly text: string };

/** See the module's text. `await using` ends it. */
export class WebThread implements AsyncDisposable {
  /** Where the page is. */
  address: string = "";
  readonly #start: StartWeb;
  readonly #closed = Promise.withResolvers<void>();
  readonly #note: (text: string) => void;
  #worker: Worker | null = null;
  #inode: number | null = null;
  /** Why it is started again, as the log has it. */
  #told = "";
  #timer: Timer | undefined;

  private constructor(start: Omit<StartWeb, "kind">, note: (text: string) => void) {
    this.#start = { kind: "start", ...start };
    this.#note = note;
  }

  /** Starts it; answers when the page can be read. Throws a {@link Failure} where it cannot listen. */
  static async open(start: Omit<StartWeb, "kind">, note: (text: string) => void): Promise<WebThread> {
    const thread = new WebThread(start, note);
    try {
      await thread.#open();
    } catch (error) {
      await thread[Symbol.asyncDispose]();
      throw error;
    }
    return thread;
  }

  #open(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    // An executable holds one module that can be started: main.ts.
    const worker = this.#worker = new Worker(Deno.mainModule, { type: "module", name: THREAD });
    let over = false;
    const end = (why: string) => {
      if (over) return;
      over = true;
      worker.terminate();
      reject(new Failure(FAILED, why));
      if (this.address !== "") this.#again(why);
    };
    worker.onerror = (event) => {
      event.preventDefault();
      end(`The page has ended: ${event.message}`);
    };
    worker.onmessage = ({ data }: MessageEvent<FromWeb>) => {
      switch (data.kind) {
        case "here":
          return worker.postMessage(this.#start);
        case "listening":
          this.address = data.address;
          this.#inode = data.inode;
          this.#told = "";
          return resolve();
        case "closed":
          return this.#closed.resolve();
        case "failed":
          return end(data.message);
        case "note":
          return this.#note(data.text);
      }
    };
    return promise;
  }

  #again(why: string): void {
    if (why !== this.#told) this.#note(`${why}. It is started again every ${REST / 1000} s until it answers`);
    this.#told = why;
    this.#timer = after(REST, () => void this.#open().catch(() => {}));
  }

  /** Ends the page with its connections. Then its address is free for another one. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#timer?.end();
    if (this.address !== "") {
      this.address = "";
      this.#worker?.postMessage({ kind: "stop" });
      await within(this.#closed.promise, PATIENCE);
    }
    this.#worker?.terminate();
    releasePath(this.#start.web.listen, this.#inode);
  }
}
