/**
 * The workers as the main thread sees them. It starts them before `ready`, gives them each policy, asks for their counters and
 * stops them with every packet answered. A worker that ends by itself ends the daemon.
 * @module
 */
import { within } from "../net/timer.ts";
import type { EffectiveSettings } from "../../ffi/netfilter_queue.ts";
import type { FrequentEvent } from "../learn/event.ts";
import type { Policy } from "../policy/policy.ts";
import type { Figures } from "./figures.ts";
import type { FromWorker, PolicyMessage, StartMessage, ToWorker, WorkerNews } from "./messages.ts";
import type { Shared } from "./threads.ts";
import { FAILED, Failure } from "../report/failure.ts";

type OpenedMessage = Extract<FromWorker, { readonly kind: "opened" }>;

/** Name of a worker's thread; the main thread has none, which main.ts tells them apart by. */
const WORKER = "ftwall-queues";
/** Milliseconds that a worker has to answer: it may wait for the tables. */
const PATIENCE = 40_000;
/** Milliseconds that a request for counters waits; then the last known ones count. */
const FIGURES_WAIT = 400;

/** What the workers are made from. */
export interface WorkersParts {
  readonly shared: Shared;
  /** The rest of the start message, alike for all. */
  readonly start: Omit<StartMessage, "kind" | "numbers" | "port" | "capacity" | "seed" | "blocks" | "tableLock">;
  /** Takes what happened on the workers, in order. */
  readonly onNews: (news: WorkerNews) => void;
  /** Takes a fault for the log. */
  readonly onFault: (text: string) => void;
  /** Called when a worker has ended by itself: the daemon has to end too. */
  readonly onDead: (text: string) => void;
}

/** See the module's text. */
export class Workers implements AsyncDisposable {
  /** What the kernel granted to their queues. */
  readonly effective: EffectiveSettings[] = [];
  /** The sockets of their queues, by number. */
  readonly sockets: Map<number, number> = new Map();
  readonly #parts: WorkersParts;
  readonly #threads: Thread[] = [];
  readonly #receive: (port: MessagePort) => { message: unknown } | undefined;
  #version: number;
  /** While true, the end of a worker is expected, or reported by whoever waits for it. */
  #stopping = true;

  /** Starts all of them; they open their queues and wait for {@link go}. Throws where one fails, and then stops the others. */
  static async open(parts: WorkersParts): Promise<Workers> {
    // Imported only here: it costs a millisecond. News have to be read at once, while this thread holds the tables.
    const { receiveMessageOnPort } = await import("node:worker_threads");
    const receive = receiveMessageOnPort as unknown as (port: MessagePort) => { message: unknown } | undefined;
    const workers = new Workers(parts, receive);
    try {
      parts.shared.shares.forEach((_, i) => {
        workers.#threads.push(new Thread(i, parts, (one, why) => workers.#gone(one, why)));
      });
      for (const thread of workers.#threads) {
        if (!await within(thread.opened, PATIENCE)) throw new Failure(FAILED, `${thread.name} does not start`);
        const { effective, sockets } = await thread.opened;
        workers.effective.push(...effective);
        for (const [number, fd] of sockets) workers.sockets.set(number, fd);
      }
      const dead = workers.#threads.find((thread) => thread.over);
      if (dead !== undefined) throw new Failure(FAILED, `${dead.name} has ended`);
      workers.#stopping = false;
      return workers;
    } catch (error) {
      await workers[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor(parts: WorkersParts, receive: (port: MessagePort) => { message: unknown } | undefined) {
    this.#parts = parts;
    this.#receive = receive;
    this.#version = parts.start.policy.version;
  }

  /** Lets them judge packets. */
  go(): void {
    this.#post({ kind: "go" });
  }

  /** Reads their news in the order in which they happened. Call it while the main thread holds the tables. */
  drain(): void {
    const batch: WorkerNews[] = [];
    for (const { port } of this.#threads) {
      for (let got = this.#receive(port); got !== undefined; got = this.#receive(port)) {
        batch.push(got.message as WorkerNews);
      }
    }
    batch.sort((a, b) => (a.sequence - b.sequence) | 0);
    for (const news of batch) this.#parts.onNews(news);
  }

  /** Has them compile a policy; answers the version that puts it in force. Throws where one does not answer. */
  async prepare(policy: Policy): Promise<number> {
    const mail: PolicyMessage = { version: ++this.#version, config: policy.config, lan: policy.lan };
    this.#post({ kind: "policy", policy: mail });
    for (const thread of this.#threads) {
      if (!await within(thread.compiles(mail.version), PATIENCE)) {
        throw new Failure(FAILED, `Cannot adopt the policy: a thread did not compile it within ${PATIENCE / 1000} s`);
      }
    }
    return mail.version;
  }

  /** Gives them the frequent events that the log prints. */
  prints(printed: readonly FrequentEvent[]): void {
    this.#post({ kind: "printed", printed });
  }

  /** Asks for their counters; {@link figures} has them when this is done. */
  async count(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => within(thread.count(), FIGURES_WAIT)));
  }

  /** Their counters as they were last asked for. */
  figures(): Figures[] {
    return this.#threads.map((thread) => thread.figures).filter((figures) => figures !== null);
  }

  /**
   * Stops them, and waits until they have given every packet its verdict; or only those that they have received, where what
   * waits in the queues is for another process ({@link Queues.leave}).
   */
  async stop(leave: boolean = false): Promise<void> {
    this.#stopping = true;
    this.#post({ kind: "stop", leave });
    for (const thread of this.#threads) {
      if (!await within(thread.ended, PATIENCE)) this.#parts.onFault(`${thread.name} does not end`);
    }
  }

  #post(message: ToWorker): void {
    for (const thread of this.#threads) thread.post(message);
  }

  #gone(thread: Thread, why: string): void {
    if (this.#stopping) return;
    this.#stopping = true;
    this.#parts.onDead(`${thread.name} has ended: ${why}`);
  }

  /** Stops them and ends their threads. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    for (const thread of this.#threads) thread.close();
  }
}

/** One worker. */
class Thread {
  readonly name: string;
  readonly port: MessagePort;
  /** What the kernel granted, once its queues are bound; rejected with the reason where they are not. */
  readonly opened: Promise<OpenedMessage>;
  /** It has closed its queues, or is dead. */
  readonly ended: Promise<void>;
  figures: Figures | null = null;
  readonly #worker: Worker;
  readonly #waiting: { readonly done: () => void; readonly version: number | null }[] = [];
  /** It has ended, or is dead. */
  over = false;

  constructor(index: number, parts: WorkersParts, gone: (thread: Thread, why: string) => void) {
    const { shares, capacities, ground, memory, seed } = parts.shared;
    const share = shares[index]!;
    this.name = `The thread of queue ${share.join(", ")}`;
    const { port1, port2 } = new MessageChannel();
    this.port = port1;
    const opened = Promise.withResolvers<OpenedMessage>();
    const ended = Promise.withResolvers<void>();
    this.opened = opened.promise;
    // Nobody may be waiting for it; then `gone` reports the end.
    this.opened.catch(() => {});
    this.ended = ended.promise;
    const end = (why: string, exitCode: number | null) => {
      if (this.over) return;
      this.over = true;
      opened.reject(exitCode === null ? new Error(why) : new Failure(exitCode, why));
      ended.resolve();
      for (const { done } of this.#waiting.splice(0)) done();
      gone(this, why);
    };
    // An executable holds one module that can be started: main.ts.
    this.#worker = new Worker(Deno.mainModule, { type: "module", name: WORKER });
    this.#worker.onerror = (event) => {
      event.preventDefault();
      end(event.message, null);
    };
    this.#worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
      switch (data.kind) {
        case "here":
          this.#worker.postMessage({
            kind: "start",
            ...parts.start,
            numbers: share,
            capacity: capacities[index]!,
            seed,
            blocks: ground.blocks,
            tableLock: memory,
            port: port2,
          }, [port2]);
          break;
        case "opened":
          opened.resolve(data);
          break;
        case "compiled":
          this.#answer((version) => version === data.version);
          break;
        case "counted":
          this.figures = data.figures;
          this.#answer((version) => version === null);
          break;
        case "fault":
          parts.onFault(data.text);
          break;
        case "ended":
          this.figures = data.figures ?? this.figures;
          end(data.error?.message ?? "it was told to", data.error?.exitCode ?? null);
          break;
      }
    };
  }

  post(message: ToWorker): void {
    if (!this.over) this.#worker.postMessage(message);
  }

  compiles(version: number): Promise<void> {
    return this.#wait(version);
  }

  count(): Promise<void> {
    this.post({ kind: "count" });
    return this.#wait(null);
  }

  close(): void {
    this.#worker.terminate();
    this.port.close();
  }

  #wait(version: number | null): Promise<void> {
    if (this.over) return Promise.resolve();
    return new Promise((done) => this.#waiting.push({ done, version }));
  }

  #answer(is: (version: number | null) => boolean): void {
    for (let i = this.#waiting.length - 1; i >= 0; i--) {
      if (is(this.#waiting[i]!.version)) this.#waiting.splice(i, 1)[0]!.done();
    }
  }
}
