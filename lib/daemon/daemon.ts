/**
 * Builds the daemon and runs it: queues, engine, log, control socket, state file, and what it does in the kernel.
 * @module
 */
import { Libc, peerCredentials } from "../../ffi/libc.ts";
import { Queues } from "../../ffi/queues.ts";
import { Tidier } from "../../ffi/start_pages.ts";
import { errorText } from "../net/error_text.ts";
import { CLASSIFIERS } from "../protocol/mod.ts";
import { Engine } from "../judge/engine.ts";
import type { TrafficEvent } from "../learn/event.ts";
import type { Sending } from "../learn/outbox.ts";
import { Pump } from "../loop/pump.ts";
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
import { State } from "../state/state.ts";
import { ControlServer } from "./control_server.ts";
import type { Daemon, DaemonOptions } from "./daemon_options.ts";
import { Overruns } from "./overruns.ts";
import { DaemonStatus } from "./status.ts";
import {
  capacityOf,
  effectiveFields,
  printedBy,
  queueSettings,
  type Shared,
  sharesOf,
  shareTables,
} from "./threads.ts";
import { Workers } from "./workers.ts";
import { DONE, FAILED } from "../report/failure.ts";
import { KernelHand } from "./connection_actions.ts";
import { KernelSide } from "./kernel_state.ts";
import { readLan } from "./lan_watch.ts";
import { openReporter } from "./open_reporter.ts";
import { loadAny, loadForCommand } from "./load.ts";
import { MarkerFiles } from "./marker_files.ts";
import { Operator } from "./operator.ts";
import { rulesOptions, sameRules } from "./rules_options.ts";
import { StaleRules } from "./stale_rules.ts";
import { StateKeeper } from "./state_keeper.ts";
import { VERSION } from "./version.ts";

/** Milliseconds that a stop waits for the last log lines. */
const LAST_LINES = 500;

/** See {@link StartDaemon}. */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const { config, loaded } = loadForCommand(options.config);
  await using stack = new AsyncDisposableStack();
  const output = stack.use(openLog(config.log.file));
  const reporter = openReporter(options, config, output);
  stack.defer(() => reporter.close(LAST_LINES));
  const libc = stack.use(Libc.open());
  const [own, ...others] = sharesOf(options.queues ?? config.queue.numbers, config.queue.threads);
  const queues = stack.use(Queues.open(libc, own!, queueSettings(config)));
  const hand = stack.use(await KernelHand.open(libc, config, rulesOptions(config).mark, options.dryRun));
  const daemon = new RunningDaemon(options, loaded, config, reporter, output, queues, others, hand, libc);
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
  readonly #hand: KernelHand;
  readonly #kernel: KernelSide;
  readonly #libc: Libc;
  readonly #engine: Engine;
  readonly #pump: Pump;
  readonly #times = new VerdictTimes();
  readonly #status: DaemonStatus;
  readonly #state: StateKeeper;
  readonly #stale: StaleRules;
  readonly #markers: MarkerFiles;
  #loaded: Loaded;
  #config: Config;
  readonly #tidier: Tidier;
  readonly #overruns: Overruns;
  /** What other threads share with this one; null where there are none. */
  readonly #shared: Shared | null;
  #workers: Workers | null = null;
  #control: ControlServer | null = null;
  #code: number = DONE;
  #reloading: Promise<unknown> = Promise.resolve();
  #signal = "";

  constructor(
    options: DaemonOptions,
    loaded: Loaded,
    config: Config,
    reporter: Reporter,
    output: LogOutput,
    queues: Queues,
    others: readonly (readonly number[])[],
    hand: KernelHand,
    libc: Libc,
  ) {
    this.#options = options;
    this.#loaded = loaded;
    this.#config = config;
    this.#reporter = reporter;
    this.#output = output;
    this.#queues = queues;
    this.#hand = hand;
    this.#libc = libc;
    this.#tidier = new Tidier(libc);
    const seed = crypto.getRandomValues(new Int32Array(1))[0]!;
    const all = queues.list.length + others.flat().length;
    const shared = this.#shared = others.length === 0 ? null : shareTables(others, all, config.memory, seed);
    const state = new State(capacityOf(config.memory, queues.list.length, all), seed, shared?.ground);
    const lan = readLan(config.network.lan);
    const policy = compile(config, undefined, lan.prefixes);
    this.#markers = new MarkerFiles((text) => reporter.note("warning", text));
    this.#engine = new Engine({
      policy,
      state,
      classifiers: CLASSIFIERS,
      emit: (event) => this.#follow(event),
      // What the level keeps from the log still goes into the history.
      admit: (kind) => !reporter.prints(kind === "weak" ? "detected" : kind) || reporter.admit(kind),
      ...(shared === null ? {} : { tableLock: shared.tableLock }),
    });
    if (shared !== null) shared.tableLock.hooks = { onAcquire: () => this.#hear(), onRelease: () => {} };
    this.#pump = new Pump({
      engine: this.#engine,
      queues,
      dryRun: options.dryRun,
      now: () => performance.now(),
      wall: () => Date.now(),
      send: (sendings) => this.#send(sendings),
      record: (microseconds, packets) => this.#times.record(microseconds, packets),
      beat: (now) => this.#beat(now),
      hurried: () => this.#kernel.busy || this.#control?.busy === true,
      fault: (error) => reporter.note("error", `A packet could not be judged: ${errorText(error)}`),
    });
    this.#kernel = new KernelSide({
      engine: this.#engine,
      hand,
      config,
      lan,
      dryRun: options.dryRun,
      rules: (wanted) => rulesOptions(wanted, options.queues),
      now: () => performance.now(),
      adopt: (changed) => this.#homeChanged(changed),
      note: (text) => reporter.note("info", text),
    });
    const note = (level: "info" | "warning", text: string) => reporter.note(level, text);
    this.#stale = new StaleRules((wanted) => this.#kernel.fit(wanted), (text) => note("warning", text));
    const path = options.state ?? config.state.path;
    this.#state = new StateKeeper(this.#engine, path, config.state, performance.now(), note);
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
    this.#overruns = new Overruns(() => this.#status.queues(), reporter.emit);
  }

  /** Everything up to `ready`. */
  async open(stack: AsyncDisposableStack): Promise<void> {
    const reporter = this.#reporter;
    this.#engine.tick(performance.now(), Date.now());
    const config = this.#config;
    const allowed = (client: string) => this.#kernel.allowed(client);
    const operator = new Operator(this.#engine, reporter, this.#status, () => this.#reload(), allowed);
    stack.use(this.#kernel);
    if (this.#shared !== null) {
      this.#workers = this.#status.workers = stack.use(await this.#openWorkers(this.#shared));
    }
    this.#control = stack.use(
      await ControlServer.listen({
        path: this.#options.control ?? config.control.path,
        group: config.control.group,
        version: VERSION,
        handler: operator,
        credentials: (descriptor) => peerCredentials(this.#libc, descriptor),
        fault: (message) => reporter.note("error", message),
        left: () => this.#tidier.tidy(),
      }),
    );
    const metrics = async () => {
      await this.#workers?.count();
      return this.#engine.hold(() => metricsText(buildStatus(this.#status), this.#status.verdictTimes));
    };
    if (config.metrics.listen !== "") stack.use(serveMetrics(config.metrics.listen, metrics));
    // Not before nothing can fail any more: a second ftwall by mistake must not touch what the first one keeps.
    this.#restore();
    const effective = [...this.#queues.effective, ...this.#workers?.effective ?? []].sort((a, b) => a.queue - b.queue);
    for (const { queue, problems } of effective) {
      for (const problem of problems) reporter.note("warning", `Queue ${queue}: ${problem}`);
    }
    this.#reporter.emit({
      event: "ready",
      queues: effective.map(({ queue }) => queue),
      config: this.#loaded.missingDefault ? null : this.#loaded.path,
      effective: effective.map(effectiveFields),
      version: VERSION,
      pid: Deno.pid,
      dry_run: this.#options.dryRun,
      ...(this.#workers === null ? {} : { threads: this.#shared!.shares.length + 1 }),
    });
    this.#workers?.go();
  }

  async #openWorkers(shared: Shared): Promise<Workers> {
    const { policy, clock } = this.#engine;
    return await Workers.open({
      shared,
      start: {
        settings: queueSettings(this.#config),
        dryRun: this.#options.dryRun,
        policy: { version: 0, config: policy.config, lan: policy.lan },
        printed: printedBy(this.#reporter),
        origin: clock.origin,
        epoch: this.#libc.monotonic() - performance.now(),
        bell: this.#queues.bell,
      },
      told: ({ events, sendings }) => {
        for (const event of events) this.#follow(event);
        this.#send(sendings);
      },
      fault: (text) => this.#reporter.note("error", `A packet could not be judged: ${text}`),
      failed: (text) => {
        this.#reporter.note("error", text);
        this.#code = FAILED;
        this.#pump.stop();
      },
    });
  }

  /** First in each turn: what happened on the other threads before it. */
  #hear(): void {
    try {
      if (this.#shared!.tableLock.takeNews()) this.#workers?.drain();
    } catch (error) {
      this.#reporter.note("error", errorText(error));
    }
  }

  #send(sendings: readonly Sending[]): void {
    if (!this.#options.dryRun) this.#hand.send(sendings);
  }

  /** Runs until stopped, then closes everything in `stack`. */
  finish(stack: AsyncDisposableStack): void {
    this.done = this.#run(stack);
  }

  reload(): void {
    try {
      this.#output.reopen();
    } catch (error) {
      this.#reporter.note("warning", errorText(error));
    }
    const told = (answer: ReloadAnswer) => {
      if (answer.outcome === "unchanged") this.#reporter.note("info", "Reload: the config is unchanged");
    };
    this.#reload().then(told, (error: unknown) => this.#reporter.note("error", errorText(error)));
  }

  stop(signal: string): void {
    this.#signal = signal;
    this.#pump.stop();
  }

  async #run(stack: AsyncDisposableStack): Promise<number> {
    const begun = this.#kernel.start().catch((error: unknown) => this.#reporter.note("warning", errorText(error)));
    try {
      await this.#pump.run();
    } catch (error) {
      this.#reporter.note("error", errorText(error));
      this.#code = FAILED;
    }
    await begun;
    await this.#workers?.stop();
    this.#workers?.drain();
    if (!this.#options.dryRun) this.#state.save();
    this.#reporter.emit({
      event: "stopping",
      ...(this.#signal === "" ? {} : { signal: this.#signal }),
      counters: { ...this.#status.counters() },
    });
    await stack.disposeAsync();
    return this.#code;
  }

  #follow(event: TrafficEvent): void {
    this.#reporter.emit(event);
    if (this.#options.dryRun) return;
    this.#markers.follow(event);
    this.#kernel.follow(event);
    this.#state.follow(event);
  }

  #beat(now: number): void {
    this.#tidier.beat(now);
    void this.#workers?.count();
    this.#engine.hold(() => {
      this.#kernel.beat(now);
      // In dry-run no file is written.
      if (!this.#options.dryRun) this.#state.beat(now, this.#config.state.interval);
    });
    this.#overruns.beat(now);
  }

  #restore(): void {
    const restored = this.#state.restore();
    // In dry-run no file is written.
    if (!this.#options.dryRun) this.#markers.adopt(this.#config.clientFiles, restored);
    for (const event of restored) this.#reporter.emit(event);
  }

  /** Loads the config again: compiled beside the old one, put in force between two bursts, or not at all. */
  #reload(): Promise<ReloadAnswer> {
    const answer = this.#reloading.then(() => this.#reloadNow());
    this.#reloading = answer.catch(() => {});
    return answer;
  }

  /** On all threads at once: each takes it with its next turn. */
  async #putInForce(policy: Policy): Promise<void> {
    const version = await this.#workers?.prepare(policy);
    this.#engine.hold(() => {
      this.#engine.adopt(policy);
      if (version !== undefined) this.#shared!.tableLock.policyVersion = version;
    });
    this.#pump.adopt();
  }

  #homeChanged(changed: Policy): void {
    const put = this.#reloading.then(() =>
      // A reload may have come between.
      this.#putInForce(changed.config === this.#config ? changed : this.#kernel.compile(this.#config))
    );
    this.#reloading = put.catch((error: unknown) => this.#reporter.note("error", errorText(error)));
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
      return refuse([errorText(error)]);
    }
    const warnings = loaded.problems.map(formatProblem);
    if (policy.hash === this.#engine.policy.hash) {
      warnings.push(...await this.#stale.look(loaded.config, false));
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
    try {
      await this.#putInForce(policy);
    } catch (error) {
      return refuse([errorText(error)]);
    }
    this.#loaded = loaded;
    this.#config = loaded.config;
    this.#kernel.adopt(loaded.config);
    if (!this.#options.dryRun) {
      this.#markers.adopt(loaded.config.clientFiles, this.#engine.hold(() => this.#engine.learner.timeLocks.inForce()));
    }
    const { format, level } = loaded.config.log;
    this.#reporter.change(this.#options.logFormat ?? format, this.#options.logLevel ?? level, this.#output.colour);
    this.#workers?.prints(printedBy(this.#reporter));
    this.#status.loaded(loaded, policy);
    const changes = difference(before, loaded.config);
    // Who is home or exempt stands in the rules too; until they are applied, only what they queue is judged anew.
    warnings.push(...await this.#stale.look(loaded.config, !sameRules(before, loaded.config)));
    this.#status.reloaded(true, warnings);
    this.#reporter.emit({ event: "reloaded", hash: policy.hash, changes });
    return { outcome: "applied", hash: policy.hash, changes, problems: warnings };
  }
}
