/**
 * The threads that judge packets beside the main one, as the main one sees them: started before `ready`, told of each policy,
 * asked what they counted, stopped with every packet answered. One that ends by itself ends the daemon.
 * @module
 */
import type { EffectiveSettings } from "../../ffi/netfilter_queue.ts";
import type { FrequentEvent } from "../learn/event.ts";
import type { Policy } from "../policy/policy.ts";
import type { Figures } from "./figures.ts";
import type { FromWorker, PolicyMail, StartMail, Told, ToWorker } from "./messages.ts";
import type { Shared } from "./threads.ts";
import { FAILED, Failure } from "../report/failure.ts";
import { WORKER } from "./worker_name.ts";

/** Milliseconds that a thread may take to answer before the daemon gives it up: it may wait for its turn. */
const PATIENCE = 40_000;
/** Milliseconds for which somebody who asks for figures waits; then he gets the last ones. */
const FIGURES_WAIT = 1000;

/** What they are made from. */
export interface WorkersOptions {
  readonly shared: Shared;
  /** What is the same for all beside that. */
  readonly start: Omit<StartMail, "kind" | "numbers" | "port" | "capacity" | "seed" | "blocks" | "tableLock">;
  /** Takes what happened on the threads, in order. */
  readonly told: (told: Told) => void;
  /** For the log. */
  readonly fault: (text: string) => void;
  /** A thread ended by itself: the daemon has to end too. */
  readonly failed: (text: string) => void;
}

/** See the module's text. */
export class Workers implements AsyncDisposable {
  /** What the kernel granted to their queues. */
  readonly effective: EffectiveSettings[] = [];
  readonly #options: WorkersOptions;
  readonly #threads: Thread[] = [];
  readonly #receive: (port: MessagePort) => { message: unknown } | undefined;
  #version: number;
  /** Whoever ends now does as is expected, or is told of otherwise. */
  #stopping = true;

  /** Starts them all, or none: they hold their queues, and wait for {@link go}. Throws what kept one from it. */
  static async open(options: WorkersOptions): Promise<Workers> {
    // Only here, as it costs a start without threads a millisecond. What threads tell must be read within a turn, at once.
    const { receiveMessageOnPort } = await import("node:worker_threads");
    const receive = receiveMessageOnPort as unknown as (port: MessagePort) => { message: unknown } | undefined;
    const workers = new Workers(options, receive);
    try {
      options.shared.shares.forEach((_, i) => {
        workers.#threads.push(new Thread(i, options, (one, why) => workers.#gone(one, why)));
      });
      for (const thread of workers.#threads) {
        if (!await within(thread.opened, PATIENCE)) throw new Failure(FAILED, `${thread.name} does not start`);
        workers.effective.push(...await thread.opened);
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

  private constructor(options: WorkersOptions, receive: (port: MessagePort) => { message: unknown } | undefined) {
    this.#options = options;
    this.#receive = receive;
    this.#version = options.start.policy.version;
  }

  /** Lets them judge. */
  go(): void {
    this.#post({ kind: "go" });
  }

  /** Reads what they told, in the order in which it happened. Within the main thread's turn. */
  drain(): void {
    const batch: Told[] = [];
    for (const { port } of this.#threads) {
      for (let got = this.#receive(port); got !== undefined; got = this.#receive(port)) batch.push(got.message as Told);
    }
    batch.sort((a, b) => (a.sequence - b.sequence) | 0);
    for (const told of batch) this.#options.told(told);
  }

  /** Has them compile a policy; answers the number that puts it in force. Throws where one does not. */
  async prepare(policy: Policy): Promise<number> {
    const mail: PolicyMail = { version: ++this.#version, config: policy.config, lan: policy.lan };
    this.#post({ kind: "policy", policy: mail });
    for (const thread of this.#threads) {
      if (!await within(thread.compiles(mail.version), PATIENCE)) {
        throw new Failure(FAILED, `Cannot adopt the policy: a thread did not compile it within ${PATIENCE / 1000} s`);
      }
    }
    return mail.version;
  }

  /** Tells them which frequent events the log prints. */
  prints(printed: readonly FrequentEvent[]): void {
    this.#post({ kind: "printed", printed });
  }

  /** Asks what they counted; {@link figures} has it when this is done. */
  async count(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => within(thread.count(), FIGURES_WAIT)));
  }

  /** What they counted, when they were asked last. */
  figures(): Figures[] {
    return this.#threads.map((thread) => thread.figures).filter((figures) => figures !== null);
  }

  /** Lets them give every packet its verdict, and waits for that. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#post({ kind: "stop" });
    for (const thread of this.#threads) {
      if (!await within(thread.ended, PATIENCE)) this.#options.fault(`${thread.name} does not end`);
    }
  }

  #post(message: ToWorker): void {
    for (const thread of this.#threads) thread.post(message);
  }

  #gone(thread: Thread, why: string): void {
    if (this.#stopping) return;
    this.#stopping = true;
    this.#options.failed(`${thread.name} has ended: ${why}`);
  }

  /** Stops them and lets them go. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    for (const thread of this.#threads) thread.close();
  }
}

/** One of them. */
class Thread {
  readonly name: string;
  readonly port: MessagePort;
  /** What the kernel granted, once its queues are bound. Fails with what kept it from that. */
  readonly opened: Promise<readonly EffectiveSettings[]>;
  /** It has closed its queues, or is dead. */
  readonly ended: Promise<void>;
  figures: Figures | null = null;
  readonly #worker: Worker;
  readonly #waiting: { readonly done: () => void; readonly version: number | null }[] = [];
  /** It has ended, or is dead. */
  over = false;

  constructor(index: number, options: WorkersOptions, gone: (thread: Thread, why: string) => void) {
    const { shares, capacities, ground, memory, seed } = options.shared;
    const share = shares[index]!;
    this.name = `The thread of queue ${share.join(", ")}`;
    const { port1, port2 } = new MessageChannel();
    this.port = port1;
    const opened = Promise.withResolvers<readonly EffectiveSettings[]>();
    const ended = Promise.withResolvers<void>();
    this.opened = opened.promise;
    // Whoever does not wait for it hears of the end.
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
    // The program itself: it is all that an executable holds.
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
            ...options.start,
            numbers: share,
            capacity: capacities[index]!,
            seed,
            blocks: ground.blocks,
            tableLock: memory,
            port: port2,
          }, [port2]);
          break;
        case "opened":
          opened.resolve(data.effective);
          break;
        case "compiled":
          this.#answer((version) => version === data.version);
          break;
        case "counted":
          this.figures = data.figures;
          this.#answer((version) => version === null);
          break;
        case "fault":
          options.fault(data.text);
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

/** True where something is done within so many milliseconds. */
async function within(done: Promise<unknown>, milliseconds: number): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<boolean>((resolve) => timer = setTimeout(() => resolve(false), milliseconds));
  try {
    return await Promise.race([done.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
