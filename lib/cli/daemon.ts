/**
 * Builds the daemon and runs it: queues, engine, log, control socket, state file, and what it does in the kernel.
 * @module
 */
import { Libc, peerCredentials } from "../../ffi/libc.ts";
import type { EffectiveSettings } from "../../ffi/netfilter_queue.ts";
import { Queues } from "../../ffi/queues.ts";
import { releaseStartPages } from "../../ffi/start_pages.ts";
import { CLASSIFIERS } from "../classify/mod.ts";
import { Engine } from "../engine/engine.ts";
import type { TrafficEvent } from "../engine/event.ts";
import { Pump } from "../engine/pump.ts";
import { checkRules, runCommand } from "../firewall/mod.ts";
import type { Config } from "../policy/config.ts";
import type { Loaded } from "../policy/load.ts";
import { compile, type Policy } from "../policy/policy.ts";
import { formatProblem } from "../policy/problem.ts";
import { difference, needsRestart } from "../policy/difference.ts";
import type { ReloadAnswer } from "../report/control_protocol.ts";
import { LineWriter } from "../report/line_writer.ts";
import { type LogOutput, openLog } from "../report/log_output.ts";
import { metricsText } from "../report/metrics.ts";
import { type MetricsServer, serveMetrics } from "../report/metrics_server.ts";
import { Reporter } from "../report/reporter.ts";
import { buildStatus } from "../report/status.ts";
import { VerdictTimes } from "../report/verdict_times.ts";
import type { AddressTable } from "../state/address_table.ts";
import { capacityFor, HELD, State } from "../state/state.ts";
import { ControlServer } from "./control_server.ts";
import type { Daemon, DaemonOptions } from "./daemon_options.ts";
import { addressAt, DaemonStatus } from "./daemon_status.ts";
import { DONE, FAILED } from "./failure.ts";
import { KernelHand } from "./kernel_hand.ts";
import { loadAny, loadForCommand } from "./load.ts";
import { MarkerFiles } from "./marker_files.ts";
import { Operator } from "./operator.ts";
import { rulesOptions } from "./rules_options.ts";
import { stateContext, StateStore } from "./state_store.ts";
import { VERSION } from "./version.ts";

/** Milliseconds that a stop waits for the last log lines. */
const LAST_LINES = 500;
/** Milliseconds between looks at the kernel's drop counters, and between `queue-overrun` events. */
const OVERRUN_STRETCH = 10_000;

/** Milliseconds after `ready` at which the memory of what only the start needed is given back. */
const SETTLING = 2000;

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
  const hand = stack.use(await KernelHand.open(libc, config, rulesOptions(config).mark.own));
  const daemon = new RunningDaemon(options, loaded, config, reporter, output, queues, hand, libc);
  await daemon.open(stack);
  daemon.finish(stack.move());
  return daemon;
}

function openReporter(options: DaemonOptions, config: Config, output: LogOutput): Reporter {
  return new Reporter({
    format: options.logFormat ?? config.log.format,
    level: options.logLevel ?? config.log.level,
    colour: output.colour,
    dryRun: options.dryRun,
    clock: () => Date.now(),
    writer: new LineWriter(output),
  });
}

/** A daemon from `ready` to its end. */
class RunningDaemon implements Daemon {
  done: Promise<number> = Promise.resolve(DONE);
  readonly #options: DaemonOptions;
  readonly #reporter: Reporter;
  readonly #output: LogOutput;
  readonly #queues: Queues;
  readonly #hand: KernelHand;
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
  #lost = 0;
  #saidFailure = "";
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
    this.#hand = hand;
    this.#libc = libc;
    const seed = crypto.getRandomValues(new Int32Array(1))[0]!;
    const state = new State(capacityFor(config.memory), seed);
    const policy = compile(config);
    this.#markers = new MarkerFiles(options.dryRun ? "" : config.clientFiles);
    this.#engine = new Engine({ policy, state, classifiers: CLASSIFIERS, emit: (event) => this.#follow(event) });
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
    this.#store = new StateStore(options.state ?? config.state.path);
    this.#status = new DaemonStatus(
      options.dryRun,
      this.#engine,
      this.#pump,
      queues,
      reporter,
      this.#times,
      hand,
      config,
    );
    this.#status.loaded(loaded, policy);
  }

  /** Everything up to `ready`. */
  async open(stack: AsyncDisposableStack): Promise<void> {
    const reporter = this.#reporter;
    this.#engine.tick(performance.now(), Date.now());
    this.#restore();
    const config = this.#config;
    const operator = new Operator(this.#engine, this.#reporter, this.#status, () => this.#reload());
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
    if (config.metrics.listen !== "") stack.use(this.#serveMetrics(config.metrics.listen));
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
      this.#reporter.note("warning", `Cannot open the log again: ${textOf(error)}`);
    }
    this.#reload().then(
      ({ outcome }) => {
        if (outcome === "unchanged") this.#reporter.note("info", "Reload: the config is unchanged");
      },
      (error) => this.#reporter.note("error", `Cannot reload: ${textOf(error)}`),
    );
  }

  stop(signal: string): void {
    this.#signal = signal;
    this.#pump.stop();
  }

  async #run(stack: AsyncDisposableStack): Promise<number> {
    let code: number = DONE;
    const released = setTimeout(() => releaseStartPages(this.#libc), SETTLING);
    stack.defer(() => clearTimeout(released));
    const hand = this.#options.dryRun ? Promise.resolve() : this.#useRules();
    try {
      await this.#pump.run();
    } catch (error) {
      this.#reporter.note("error", textOf(error));
      code = FAILED;
    }
    await hand;
    this.#save();
    this.#reporter.emit({
      event: "stopping",
      ...(this.#signal === "" ? {} : { signal: this.#signal }),
      counters: { ...this.#status.counters() },
    });
    await stack.disposeAsync();
    return code;
  }

  /** After `ready`, as tools have to be asked: sets of the rules in force, filled from what the state file brought. */
  async #useRules(): Promise<void> {
    await this.#hand.useRules();
    const state = this.#engine.state;
    const now = this.#engine.clock.now;
    this.#hand.restore(remaining(state.locks.table, now), remaining(state.peers, now, true));
  }

  #follow(event: TrafficEvent): void {
    this.#reporter.emit(event);
    if (this.#options.dryRun) return;
    this.#markers.follow(event);
    this.#hand.follow(event);
  }

  #beat(now: number): void {
    if (now - this.#lastSave >= this.#config.state.interval) {
      this.#lastSave = now;
      this.#save();
    }
    if (now - this.#lastOverrun >= OVERRUN_STRETCH) {
      this.#lastOverrun = now;
      this.#overruns();
    }
  }

  /** Packets that passed or were dropped unseen since the last look. */
  #overruns(): void {
    let lost = 0;
    for (const queue of this.#queues.list) lost += queue.counters.overruns + queue.counters.missed;
    if (lost === this.#lost) return;
    this.#lost = lost;
    for (const queue of this.#status.queues()) {
      this.#reporter.emit({
        event: "queue-overrun",
        queue: queue.number,
        queue_dropped: queue.queue_dropped,
        user_dropped: queue.user_dropped,
      });
    }
  }

  #context() {
    const { clock, trainer, policy } = this.#engine;
    return stateContext(policy, (number) => trainer.pattern(number), clock.now, clock.wallOffset);
  }

  #save(): void {
    if (this.#options.dryRun) return;
    this.#store.save(this.#engine.state, this.#context());
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
    this.#markers.clear(new Set([...remaining(state.locks.table, this.#engine.clock.now)].map(([client]) => client)));
  }

  /** Loads the config again: compiled beside the old one, put in force between two bursts, or not at all. */
  async #reload(): Promise<ReloadAnswer> {
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
      policy = compile(loaded.config);
    } catch (error) {
      return refuse([textOf(error)]);
    }
    const warnings = loaded.problems.map(formatProblem);
    if (policy.hash === this.#engine.policy.hash) {
      this.#status.reloaded(true, warnings);
      return { outcome: "unchanged", hash: policy.hash, changes: [], problems: warnings };
    }
    let needed = needsRestart(before, loaded.config);
    if (needed.length > 0 && needed.every(({ needs }) => needs === "rules") && await this.#rulesFit(loaded.config)) {
      needed = [];
    }
    if (needed.length > 0) {
      return refuse(
        needed.map(({ key, needs, command }) =>
          `${key} was changed, which a reload cannot apply; run: ${command}${
            needs === "rules" ? ", and reload again" : ""
          }`
        ),
      );
    }
    // Tools were asked meanwhile: another reload may have been quicker.
    if (this.#config !== before) return await this.#reload();
    this.#loaded = loaded;
    this.#config = loaded.config;
    const freed = listed(this.#engine.state.peers);
    this.#engine.adopt(policy);
    for (const peer of listed(this.#engine.state.peers)) freed.delete(peer);
    this.#pump.adopt();
    this.#hand.adopt(loaded.config);
    if (!this.#options.dryRun) { for (const peer of freed) this.#hand.unblock(peer); }
    this.#markers = new MarkerFiles(this.#options.dryRun ? "" : loaded.config.clientFiles);
    if (!this.#options.dryRun) this.#hand.unsettle();
    const { format, level } = loaded.config.log;
    this.#reporter.change(this.#options.logFormat ?? format, this.#options.logLevel ?? level, this.#output.colour);
    this.#status.loaded(loaded, policy);
    this.#status.reloaded(true, warnings);
    const changes = difference(before, loaded.config);
    this.#reporter.emit({ event: "reloaded", hash: policy.hash, changes });
    return { outcome: "applied", hash: policy.hash, changes, problems: warnings };
  }

  /** Whether the firewall rules in force are already those of this config, or none of them are ours. */
  async #rulesFit(config: Config): Promise<boolean> {
    try {
      const found = await checkRules(rulesOptions(config, this.#options.queues), runCommand);
      return !found.present || found.differs.length === 0;
    } catch {
      return false;
    }
  }

  #serveMetrics(listen: string): MetricsServer {
    return serveMetrics(listen, () => metricsText(buildStatus(this.#status), this.#times));
  }
}

/** Every address in a table. */
function listed(table: AddressTable): Set<string> {
  const addresses = new Set<string>();
  table.each((row) => addresses.add(addressAt(table, row)));
  return addresses;
}

/** Address and seconds left of every entry in force; `exceptHeld` leaves out what is held back. */
function* remaining(table: AddressTable, now: number, exceptHeld = false): Generator<readonly [string, number]> {
  const rows: number[] = [];
  table.each((row) => {
    if (table.deadline[row]! <= now) return;
    if (exceptHeld && table.values[row * table.columns + HELD] === 1) return;
    rows.push(row);
  });
  for (const row of rows) yield [addressAt(table, row), Math.ceil((table.deadline[row]! - now) / 1000)];
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
