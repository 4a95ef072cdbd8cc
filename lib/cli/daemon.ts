/**
 * Builds the daemon and runs it: queues, engine, log, control socket, state file, and what it does in the kernel.
 * @module
 */
import { Libc, peerCredentials } from "../../ffi/libc.ts";
import type { EffectiveSettings } from "../../ffi/netfilter_queue.ts";
import { Queues } from "../../ffi/queues.ts";
import { Tidier } from "../../ffi/start_pages.ts";
import { CLASSIFIERS } from "../classify/mod.ts";
import { Engine } from "../engine/engine.ts";
import type { TrafficEvent } from "../engine/event.ts";
import { Pump } from "../engine/pump.ts";
import type { Config } from "../policy/config.ts";
import type { Loaded } from "../policy/load.ts";
import { compile, type Policy } from "../policy/policy.ts";
import { formatProblem } from "../policy/problem.ts";
import { difference, needsRestart } from "../policy/difference.ts";
import type { ReloadAnswer } from "../report/control_protocol.ts";
import { type LogOutput, openLog } from "../report/log_output.ts";
import { metricsText } from "../report/metrics.ts";
import { serveMetrics } from "../report/metrics_server.ts";
import { Reporter } from "../report/reporter.ts";
import { buildStatus } from "../report/status.ts";
import { VerdictTimes } from "../report/verdict_times.ts";
import { capacityFor, State } from "../state/state.ts";
import { ControlServer } from "./control_server.ts";
import type { Daemon, DaemonOptions } from "./daemon_options.ts";
import { DaemonStatus } from "./daemon_status.ts";
import { DONE, FAILED } from "./failure.ts";
import { KernelHand } from "./kernel_hand.ts";
import { KernelSide } from "./kernel_side.ts";
import { readLan } from "./lan_watch.ts";
import { openReporter } from "./open_reporter.ts";
import { loadAny, loadForCommand } from "./load.ts";
import { MarkerFiles } from "./marker_files.ts";
import { Operator } from "./operator.ts";
import { rulesOptions } from "./rules_options.ts";
import { stateContext, StateStore } from "./state_store.ts";
import { VERSION } from "./version.ts";

/** Milliseconds that a stop waits for the last log lines. */
const LAST_LINES = 500;
/** Milliseconds between `queue-overrun` events. */
const OVERRUN_STRETCH = 10_000;

/** Milliseconds after which a new lock, or the end of one, is written to the state file at the earliest. */
const SAVE_SOON = 2000;

/** See {@link StartDaemon}. */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const { config, loaded } = loadForCommand(options.config);
  await using stack = new AsyncDisposableStack();
  const output = stack.use(openLog(config.log.file));
  const reporter = openReporter(options, config, output);
  stack.defer(() => reporter.close(LAST_LINES));
  const libc = stack.use(Libc.open());
  const range = options.queues ?? config.queue.numbers;
  const numbers = Array.from({ length: range.last - range.first + 1 }, (_, i) => range.first + i);
  const queues = stack.use(Queues.open(libc, numbers, {
    copyRange: config.queue.copy,
    length: config.queue.length,
    receiveBuffer: config.queue.buffer,
    failOpen: config.queue.fail === "open",
    gso: config.queue.gso,
  }));
  const hand = stack.use(await KernelHand.open(libc, config, rulesOptions(config).mark, options.dryRun));
  const daemon = new RunningDaemon(options, loaded, config, reporter, output, queues, hand, libc);
  await daemon.open(stack);
  daemon.finish(stack.move());
  return daemon;
}

/** A daemon from `ready` to its end. */
class RunningDaemon implements Daemon {
  done: Promise<number> = Promise.resolve(DONE);
  readonly #options: DaemonOptions;
  readonly #reporter: Reporter;
  readonly #output: LogOutput;
  readonly #queues: Queues;
  readonly #kernel: KernelSide;
  readonly #libc: Libc;
  readonly #engine: Engine;
  readonly #pump: Pump;
  readonly #times = new VerdictTimes();
  readonly #status: DaemonStatus;
  readonly #store: StateStore;
  #markers: MarkerFiles;
  #loaded: Loaded;
  #config: Config;
  #lastSave = performance.now();
  #lastOverrun = -Infinity;
  readonly #tidier: Tidier;
  #lost = 0;
  #saidFailure = "";
  #unsaved = false;
  #reloading: Promise<unknown> = Promise.resolve();
  #signal = "";

  constructor(
    options: DaemonOptions,
    loaded: Loaded,
    config: Config,
    reporter: Reporter,
    output: LogOutput,
    queues: Queues,
    hand: KernelHand,
    libc: Libc,
  ) {
    this.#options = options;
    this.#loaded = loaded;
    this.#config = config;
    this.#reporter = reporter;
    this.#output = output;
    this.#queues = queues;
    this.#libc = libc;
    this.#tidier = new Tidier(libc);
    const seed = crypto.getRandomValues(new Int32Array(1))[0]!;
    const state = new State(capacityFor(config.memory), seed);
    const lan = readLan(config.network.lan);
    const policy = compile(config, undefined, lan.prefixes);
    this.#markers = new MarkerFiles(options.dryRun ? "" : config.clientFiles);
    this.#engine = new Engine({
      policy,
      state,
      classifiers: CLASSIFIERS,
      emit: (event) => this.#follow(event),
      // What the level keeps from the log still goes into the history.
      admit: (kind) => !reporter.prints(kind === "weak" ? "detected" : kind) || reporter.admit(kind),
    });
    this.#pump = new Pump({
      engine: this.#engine,
      queues,
      dryRun: options.dryRun,
      now: () => performance.now(),
      wall: () => Date.now(),
      send: (sendings) => options.dryRun ? undefined : hand.send(sendings),
      record: (microseconds, packets) => this.#times.record(microseconds, packets),
      beat: (now) => this.#beat(now),
      fault: (error) => reporter.note("error", `A packet could not be judged: ${textOf(error)}`),
    });
    this.#kernel = new KernelSide({
      engine: this.#engine,
      hand,
      config,
      lan,
      dryRun: options.dryRun,
      rules: (wanted) => rulesOptions(wanted, options.queues),
      now: () => performance.now(),
      adopt: (changed) => this.#engine.adopt(changed),
      note: (text) => reporter.note("info", text),
    });
    this.#store = new StateStore(options.state ?? config.state.path);
    this.#status = new DaemonStatus(
      options.dryRun,
      this.#engine,
      this.#pump,
      queues,
      reporter,
      this.#times,
      hand,
      this.#kernel,
      config,
    );
    this.#status.loaded(loaded, policy);
  }

  /** Everything up to `ready`. */
  async open(stack: AsyncDisposableStack): Promise<void> {
    const reporter = this.#reporter;
    this.#engine.tick(performance.now(), Date.now());
    const config = this.#config;
    const reload = () => this.#reload();
    const allowed = (client: string) => this.#kernel.allowed(client);
    const operator = new Operator(this.#engine, this.#reporter, this.#status, reload, allowed);
    stack.use(this.#kernel);
    stack.use(
      await ControlServer.listen({
        path: this.#options.control ?? config.control.path,
        group: config.control.group,
        version: VERSION,
        handler: operator,
        credentials: (descriptor) => peerCredentials(this.#libc, descriptor),
        fault: (message) => reporter.note("error", message),
      }),
    );
    const metrics = () => metricsText(buildStatus(this.#status), this.#times);
    if (config.metrics.listen !== "") stack.use(serveMetrics(config.metrics.listen, metrics));
    // Not before nothing can fail any more: a second ftwall by mistake must not touch what the first one keeps.
    this.#restore();
    for (const { queue, problems } of this.#queues.effective) {
      for (const problem of problems) reporter.note("warning", `Queue ${queue}: ${problem}`);
    }
    this.#reporter.emit({
      event: "ready",
      queues: this.#queues.list.map((queue) => queue.number),
      config: this.#loaded.missingDefault ? null : this.#loaded.path,
      effective: this.#queues.effective.map(effectiveFields),
      version: VERSION,
      pid: Deno.pid,
      dry_run: this.#options.dryRun,
    });
  }

  /** Runs until stopped, then closes everything in `stack`. */
  finish(stack: AsyncDisposableStack): void {
    this.done = this.#run(stack);
  }

  reload(): void {
    try {
      this.#output.reopen();
    } catch (error) {
      this.#reporter.note("warning", textOf(error));
    }
    const told = (answer: ReloadAnswer) => {
      if (answer.outcome === "unchanged") this.#reporter.note("info", "Reload: the config is unchanged");
    };
    this.#reload().then(told, (error: unknown) => this.#reporter.note("error", textOf(error)));
  }

  stop(signal: string): void {
    this.#signal = signal;
    this.#pump.stop();
  }

  async #run(stack: AsyncDisposableStack): Promise<number> {
    let code: number = DONE;
    const begun = this.#kernel.start().catch((error: unknown) => this.#reporter.note("warning", textOf(error)));
    try {
      await this.#pump.run();
    } catch (error) {
      this.#reporter.note("error", textOf(error));
      code = FAILED;
    }
    await begun;
    if (!this.#options.dryRun) this.#store.saveNow(this.#engine.state, this.#context());
    this.#told();
    this.#reporter.emit({
      event: "stopping",
      ...(this.#signal === "" ? {} : { signal: this.#signal }),
      counters: { ...this.#status.counters() },
    });
    await stack.disposeAsync();
    return code;
  }

  #follow(event: TrafficEvent): void {
    this.#reporter.emit(event);
    if (this.#options.dryRun) return;
    this.#markers.follow(event);
    this.#kernel.follow(event);
    if (event.event === "locked" || event.event === "released") this.#unsaved = true;
  }

  #beat(now: number): void {
    this.#tidier.beat(now);
    this.#kernel.beat(now);
    const age = now - this.#lastSave;
    // Who kills ftwall must not set clients free: locks are saved soon, but never for more than a fiftieth of the time.
    const soon = this.#unsaved && age >= Math.max(SAVE_SOON, 50 * this.#store.cost);
    if ((soon || age >= this.#config.state.interval) && !this.#store.saving && !this.#options.dryRun) {
      this.#unsaved = false;
      this.#lastSave = now;
      this.#store.save(this.#engine.state, this.#context()).then(() => this.#told());
    }
    if (now - this.#lastOverrun >= OVERRUN_STRETCH) this.#overruns(now);
  }

  /** Packets that passed or were dropped unseen. Of a full queue that fails open the kernel counts none. */
  #overruns(now: number): void {
    const states = this.#status.queues();
    let lost = 0;
    for (const { counters } of this.#queues.list) lost += counters.overruns + counters.missed;
    for (const { queue_dropped, user_dropped } of states) lost += queue_dropped + user_dropped;
    if (lost === this.#lost) return;
    this.#lost = lost;
    this.#lastOverrun = now;
    for (const queue of states) {
      this.#reporter.emit({
        event: "queue-overrun",
        queue: queue.number,
        queue_dropped: queue.queue_dropped,
        user_dropped: queue.user_dropped,
        missed: queue.missed ?? 0,
      });
    }
  }

  #context() {
    const { clock, trainer, policy } = this.#engine;
    return stateContext(policy, (number) => trainer.pattern(number), clock.now, clock.wallOffset);
  }

  /** Says once that the state cannot be written. */
  #told(): void {
    if (this.#store.failure === this.#saidFailure) return;
    this.#saidFailure = this.#store.failure;
    if (this.#saidFailure !== "") this.#reporter.note("warning", this.#saidFailure);
  }

  #restore(): void {
    const { state } = this.#engine;
    const imports = [["", this.#store] as const, [this.#config.state.import, this.#store] as const];
    for (const [path, store] of imports) {
      try {
        const found = path === "" ? store.load(state, this.#context()) : store.importFrom(path, state, this.#context());
        if (found === null) continue;
        for (const problem of found.problems) this.#reporter.note("warning", `State file: skipped ${problem}`);
        const more = found.bad - found.problems.length;
        if (more > 0) this.#reporter.note("warning", `State file: skipped ${more} further lines`);
        if (found.locks + found.peers + found.trained > 0) {
          const kept = `${found.locks} locks, ${found.peers} peers, ${found.trained} trained addresses`;
          this.#reporter.note("info", `State file: ${kept}; ${found.ended} had ended`);
        }
      } catch (error) {
        this.#reporter.note("warning", textOf(error));
      }
      if (this.#config.state.import === "") break;
    }
    const restored = this.#engine.learner.timeLocks.restored();
    this.#markers.clear(new Set(restored.map((event) => event.client)));
    for (const event of restored) {
      this.#reporter.emit(event);
      this.#markers.follow(event);
    }
  }

  /** Loads the config again: compiled beside the old one, put in force between two bursts, or not at all. */
  #reload(): Promise<ReloadAnswer> {
    const answer = this.#reloading.then(() => this.#reloadNow());
    this.#reloading = answer.catch(() => {});
    return answer;
  }

  async #reloadNow(): Promise<ReloadAnswer> {
    const before = this.#config;
    const loaded = loadAny(this.#options.config);
    const refuse = (problems: string[]): ReloadAnswer => {
      this.#status.reloaded(false, problems);
      this.#reporter.emit({ event: "reload-refused", problems });
      return { outcome: "refused", hash: this.#engine.policy.hash, changes: [], problems };
    };
    if (loaded.config === null) return refuse(loaded.problems.map(formatProblem));
    let policy: Policy;
    try {
      policy = this.#kernel.compile(loaded.config);
    } catch (error) {
      return refuse([textOf(error)]);
    }
    const warnings = loaded.problems.map(formatProblem);
    if (policy.hash === this.#engine.policy.hash) {
      this.#status.reloaded(true, warnings);
      this.#kernel.lookAtLan();
      return { outcome: "unchanged", hash: policy.hash, changes: [], problems: warnings };
    }
    const needed = needsRestart(before, loaded.config);
    // Rules that were applied meanwhile leave nothing to refuse.
    const mended = needed.length > 0 && needed.every((one) => one.needs === "rules") &&
      await this.#kernel.fit(loaded.config);
    if (needed.length > 0 && !mended) {
      return refuse(
        needed.map(({ key, command }) => `${key} was changed, which a reload cannot apply; run: ${command}`),
      );
    }
    this.#loaded = loaded;
    this.#config = loaded.config;
    this.#engine.adopt(policy);
    this.#pump.adopt();
    this.#kernel.adopt(loaded.config);
    this.#markers = new MarkerFiles(this.#options.dryRun ? "" : loaded.config.clientFiles);
    const { format, level } = loaded.config.log;
    this.#reporter.change(this.#options.logFormat ?? format, this.#options.logLevel ?? level, this.#output.colour);
    this.#status.loaded(loaded, policy);
    const changes = difference(before, loaded.config);
    // Who is home or exempt stands in the rules too; until they are applied, only what they queue is judged anew.
    if (!sameRules(before, loaded.config) && !(await this.#kernel.fit(loaded.config).catch(() => true))) {
      warnings.push("The firewall rules in force are not those of this config; run: ftwall rules --apply");
      this.#reporter.note("warning", warnings.at(-1)!);
    }
    this.#status.reloaded(true, warnings);
    this.#reporter.emit({ event: "reloaded", hash: policy.hash, changes });
    return { outcome: "applied", hash: policy.hash, changes, problems: warnings };
  }
}

function sameRules(before: Config, after: Config): boolean {
  return JSON.stringify(rulesOptions(before)) === JSON.stringify(rulesOptions(after));
}

function effectiveFields(effective: EffectiveSettings): Record<string, unknown> {
  return {
    queue: effective.queue,
    fail_open: effective.failOpen,
    gso: effective.gso,
    copy_range: effective.copyRange,
    length: effective.length,
    receive_buffer: effective.receiveBuffer,
  };
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
