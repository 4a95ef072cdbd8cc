/**
 * A worker: a further thread that judges packets, with queues and flows of its own. What it learns lies in the tables that all
 * threads share; what is to be logged or sent goes to the main thread.
 * @module
 */
import { Libc } from "../../ffi/libc.ts";
import { Queues, ring } from "../../ffi/queues.ts";
import { errorText } from "../net/error_text.ts";
import { CLASSIFIERS } from "../protocol/mod.ts";
import { Engine } from "../judge/engine.ts";
import type { FrequentEvent, TrafficEvent } from "../learn/event.ts";
import type { Sending } from "../learn/outbox.ts";
import { Pump } from "../loop/pump.ts";
import { TableLock } from "../state/table_lock.ts";
import { compile, type Policy } from "../policy/policy.ts";
import { FloodGate } from "../report/flood_gate.ts";
import { VerdictTimes } from "../report/verdict_times.ts";
import { SharedTableMemory } from "../state/table_memory.ts";
import { State } from "../state/state.ts";
import { stepper } from "./priority.ts";
import { VitalSigns } from "./vital_signs.ts";
import { type Figures, figuresOf } from "./figures.ts";
import type { FromWorker, PolicyMessage, StartMessage, ToWorker, WorkerError, WorkerNews } from "./messages.ts";

/** The worker's global scope, which the types of the main thread do not have. */
interface Scope {
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
  postMessage(message: FromWorker): void;
  close(): void;
}

/** Runs this thread as a worker until the main thread stops it. */
export function startWorker(): void {
  const scope = globalThis as unknown as Scope;
  let worker: QueueWorker | null = null;
  scope.onmessage = ({ data }) => {
    if (data.kind !== "start") {
      worker?.receive(data);
      return;
    }
    try {
      worker = new QueueWorker(data, (message) => scope.postMessage(message));
      scope.postMessage({ kind: "opened", effective: worker.queues.effective, sockets: worker.queues.sockets });
      worker.run().then(() => scope.close());
    } catch (error) {
      scope.postMessage({ kind: "ended", figures: null, error: errorOf(error) });
      scope.close();
    }
  };
  scope.postMessage({ kind: "here" });
}

class QueueWorker {
  /** Its queues. */
  readonly queues: Queues;
  readonly #post: (message: FromWorker) => void;
  readonly #libc: Libc;
  readonly #port: MessagePort;
  readonly #bell: number;
  readonly #bellWord: Uint8Array<ArrayBuffer> = new Uint8Array(new ArrayBuffer(8));
  readonly #tableLock: TableLock;
  readonly #engine: Engine;
  readonly #pump: Pump;
  readonly #vital: VitalSigns;
  readonly #times = new VerdictTimes();
  readonly #gate = new FloodGate();
  readonly #go: Promise<void>;
  #begin: () => void = () => {};
  #leave = false;
  #printed: readonly FrequentEvent[];
  #version: number;
  readonly #compiled: Map<number, Policy> = new Map();
  #events: TrafficEvent[] = [];
  #sendings: Sending[] = [];

  constructor(start: StartMessage, post: (message: FromWorker) => void) {
    this.#post = post;
    this.#port = start.port;
    this.#bell = start.bell;
    this.#printed = start.printed;
    this.#version = start.policy.version;
    this.#go = new Promise((resolve) => this.#begin = resolve);
    this.#libc = Libc.open();
    // Deadlines in the tables are times of the main thread's clock.
    const shift = this.#libc.monotonic() - performance.now() - start.epoch;
    this.#tableLock = new TableLock(start.tableLock);
    this.#engine = new Engine({
      policy: compile(start.policy.config, undefined, start.policy.lan),
      state: new State(start.capacity, start.seed, new SharedTableMemory(start.blocks)),
      classifiers: CLASSIFIERS,
      emit: (event) => this.#events.push(this.#withHeld(event)),
      admit: (kind) => !this.#printed.includes(kind) || this.#gate.admit(FloodGate.number(kind), Date.now()),
      tableLock: this.#tableLock,
      ownsSharedTables: false,
    });
    this.#engine.clock.origin = start.origin;
    this.#tableLock.hooks = { onAcquire: () => this.#adopt(), onRelease: () => this.#postNews() };
    try {
      this.queues = Queues.open(this.#libc, start.numbers, start.settings, start.taken);
    } catch (error) {
      this.#libc.close();
      throw error;
    }
    this.#vital = new VitalSigns({ libc: this.#libc, queues: this.queues, limit: start.watchdog, record: null });
    this.#pump = new Pump({
      engine: this.#engine,
      queues: this.queues,
      dryRun: start.dryRun,
      now: () => performance.now() + shift,
      wall: () => Date.now(),
      send: (sendings) => {
        this.#sendings.push(...sendings);
        this.#tableLock.hold(() => {});
      },
      record: (microseconds, packets) => this.#times.record(microseconds, packets),
      beat: (now) => this.#vital.beat(now),
      hurried: () => false,
      step: stepper(this.#libc, start.steps),
      fault: (error) => this.#post({ kind: "fault", text: errorOf(error).message }),
    });
  }

  /** Judges packets from `go` to `stop`; then every packet has its verdict. Never throws. */
  async run(): Promise<void> {
    let error: WorkerError | null = null;
    try {
      await this.#go;
      await this.#pump.run();
    } catch (thrown) {
      error = errorOf(thrown);
    }
    this.#vital[Symbol.dispose]();
    if (this.#leave) this.queues.leave();
    else this.queues.close();
    this.#libc.close();
    this.#post({ kind: "ended", figures: this.#figures(), error });
  }

  /** Takes any message but the first. */
  receive(message: Exclude<ToWorker, StartMessage>): void {
    switch (message.kind) {
      case "go":
        this.#begin();
        break;
      case "policy":
        this.#compile(message.policy);
        break;
      case "printed":
        this.#printed = message.printed;
        break;
      case "count":
        this.#post({ kind: "counted", figures: this.#figures() });
        break;
      case "stop":
        this.#leave = message.leave;
        this.#begin();
        this.#vital.stopping();
        this.#pump.stop();
        break;
    }
  }

  #compile({ version, config, lan }: PolicyMessage): void {
    // A policy that a refused reload left here never comes into force.
    this.#compiled.clear();
    this.#compiled.set(version, compile(config, undefined, lan));
    this.#post({ kind: "compiled", version });
  }

  /** Each time this worker gets the tables: takes the policy that the main thread has put in force meanwhile. */
  #adopt(): void {
    const version = this.#tableLock.policyVersion;
    if (version === this.#version) return;
    const policy = this.#compiled.get(version);
    if (policy === undefined) return;
    this.#version = version;
    this.#compiled.clear();
    this.#engine.adopt(policy);
    this.#pump.adopt();
  }

  /** Each time before this worker gives the tables back: posts its news, so that those of all workers have an order. */
  #postNews(): void {
    if (this.#events.length === 0 && this.#sendings.length === 0) return;
    const news: WorkerNews = { sequence: this.#tableLock.announce(), events: this.#events, sendings: this.#sendings };
    this.#events = [];
    this.#sendings = [];
    this.#port.postMessage(news);
    ring(this.#libc, this.#bell, this.#bellWord);
  }

  #withHeld(event: TrafficEvent): TrafficEvent {
    if (event.event !== "detected" && event.event !== "refused") return event;
    const kind = event.event === "detected" && event.certainty === "weak" ? "weak" : event.event;
    const held = this.#gate.taken(FloodGate.number(kind));
    return held === 0 ? event : { ...event, suppressed: (event.suppressed ?? 0) + held };
  }

  #figures(): Figures {
    return figuresOf(
      { engine: this.#engine, pump: this.#pump, queues: this.queues, times: this.#times },
      this.#gate.suppressed,
    );
  }
}

function errorOf(error: unknown): WorkerError {
  const message = errorText(error);
  const code = typeof error === "object" && error !== null && "exitCode" in error ? error.exitCode : null;
  return { message, exitCode: typeof code === "number" ? code : null };
}
