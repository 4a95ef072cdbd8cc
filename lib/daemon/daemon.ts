/**
 * The daemon: opens queues, log, control socket and state file, runs the packet loop, and follows the engine's events.
 * @module
 */
import { after, within } from "../net/timer.ts";
import { FileLock } from "../../ffi/file_lock.ts";
import { Libc, peerCredentials } from "../../ffi/libc.ts";
import { eachNeighbour } from "../../ffi/neighbours.ts";
import { interfaceNews, type NewsSocket } from "../../ffi/news_socket.ts";
import { hasOwnChains, RulesetNews } from "../../ffi/ruleset_news.ts";
import { QueueLibrary } from "../../ffi/netfilter_queue.ts";
import { Queues } from "../../ffi/queues.ts";
import { keptQueues } from "../../ffi/service_notice.ts";
import { Tidier } from "../../ffi/start_pages.ts";
import { errorText } from "../net/error_text.ts";
import { CLASSIFIERS } from "../protocol/mod.ts";
import { Engine } from "../judge/engine.ts";
import type { TrafficEvent } from "../learn/event.ts";
import type { Sending } from "../learn/outbox.ts";
import { Pump } from "../loop/pump.ts";
import { turn } from "./slice.ts";
import type { Config } from "../policy/config.ts";
import type { Loaded } from "../policy/load.ts";
import { compile, type Policy } from "../policy/policy.ts";
import { formatProblem } from "../policy/problem.ts";
import { zoneClock } from "../policy/week.ts";
import { changeLines, differences, needsRestart } from "../policy/difference.ts";
import type { ReloadAnswer } from "../report/control_protocol.ts";
import { type LogOutput, openLog } from "../report/log_output.ts";
import { metricsText } from "../report/metrics.ts";
import { serveMetrics } from "../report/metrics_server.ts";
import { Reporter } from "../report/reporter.ts";
import { buildStatus, type RightsStatus } from "../report/status.ts";
import { VerdictTimes } from "../report/verdict_times.ts";
import { State } from "../state/state.ts";
import { listenerPid } from "./socket_path.ts";
import { ControlServer } from "./control_server.ts";
import { type Daemon, type DaemonOptions, logFormat, memoryOf, modeOf, openReporter } from "./options.ts";
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
import { DONE, FAILED, Failure } from "../report/failure.ts";
import { counted } from "../report/plain.ts";
import { ConnectionActions } from "./connection_actions.ts";
import { handOver, takeOver, whyNotHandOver } from "./handover.ts";
import { HistoryKeeper } from "./history_keeper.ts";
import { KernelState } from "./kernel_state.ts";
import { readLan } from "./lan_watch.ts";
import { loadAny, loadForCommand, loadForService } from "./load.ts";
import { MarkerFiles } from "./marker_files.ts";
import { Identities } from "./identities.ts";
import { NameKeeper } from "./name_keeper.ts";
import { NotifyKeeper } from "./notify_keeper.ts";
import { Operator } from "./operator.ts";
import { stepper } from "./priority.ts";
import { settleRights } from "./rights.ts";
import { rulesOptions, sameRules, StaleRules } from "./rules.ts";
import type { ServiceMemory } from "./service_memory.ts";
import { Silence } from "./silence.ts";
import { StateKeeper } from "./state_keeper.ts";
import { memoryLimit, memoryProblem, Surroundings } from "./surroundings.ts";
import { VERSION } from "./version.ts";
import { VitalSigns } from "./vital_signs.ts";

/** Milliseconds that a stop waits for the log to take its last lines. */
const LAST_LINES = 500;
/** Milliseconds that a stop writes the state while packets are judged; what is left then is written while they wait. */
const PREPARING = 3000;
/** Milliseconds until a daemon ends in favour of its successor: the answer to that is on its way by then. */
const ANSWERING = 50;

/**
 * Starts the daemon; answers when packets are judged and `ready` is in the log. Throws an error with an `exitCode` where
 * something is missing or wrong, and then closes whatever it has opened.
 */
export async function startDaemon(given: DaemonOptions): Promise<Daemon> {
  const memory = memoryOf(given);
  const { config, loaded, instead } = memory === null
    ? loadForCommand(given.config)
    : loadForService(given.config, memory);
  const { mode, notes } = modeOf(given, memory);
  const options = { ...given, dryRun: mode === "dry-run" };
  await using stack = new AsyncDisposableStack();
  const output = stack.use(openLog(given.logFile ?? config.log.file, config.log.size));
  const reporter = openReporter(options, config, output);
  stack.defer(() => reporter.close(LAST_LINES));
  for (const text of instead) reporter.note("error", text);
  for (const text of notes) reporter.note("warning", text);
  const libc = stack.use(Libc.open());
  const control = options.control ?? config.control.path;
  const [own, ...others] = sharesOf(options.queues ?? config.queue.numbers, config.queue.threads);
  const { taken, dropped } = await takenQueues(libc, options, control, config, [...own!, ...others.flat()], reporter);
  // Rules go after the queues: packets that wait in one are lost with them.
  const queuesClosed: (() => Promise<void>)[] = [];
  stack.defer(async () => {
    for (const act of queuesClosed) await act();
  });
  const queues = stack.use(Queues.open(libc, own!, queueSettings(config), taken));
  // After the queues, as it takes more rights to name who holds one; before anything starts a thread.
  const { rights, steps } = settleRights(config, loaded.path, [
    options.state ?? config.state.path,
    control,
    options.logFile ?? "",
  ]);
  const news = stack.use(new RulesetNews(libc));
  const interfaces = stack.use(interfaceNews(libc));
  const actions = stack.use(await ConnectionActions.open(libc, config, rulesOptions(config).mark, options.dryRun));
  const parts = {
    options,
    loaded,
    config,
    reporter,
    output,
    queues,
    others,
    taken,
    dropped,
    actions,
    libc,
    control,
    rights,
    steps,
    news,
    interfaces,
    memory,
    instead,
  };
  const daemon = new RunningDaemon(parts);
  queuesClosed.push(() => daemon.queuesClosed());
  await daemon.open(stack);
  daemon.finish(stack.move());
  return daemon;
}

/**
 * The sockets that have queues already, by queue number: of the daemon before this one, or kept by the service manager. Those
 * of queues that are not `wanted` any more are given back.
 */
async function takenQueues(
  libc: Libc,
  options: DaemonOptions,
  control: string,
  config: Config,
  wanted: readonly number[],
  reporter: Reporter,
): Promise<{ readonly taken: Map<number, number>; readonly dropped: number[] }> {
  const taken = keptQueues(libc);
  const kept = [...taken.keys()];
  if (options.takeOver !== null && listenerPid(control) !== null) {
    // What is missing here is better found before the other one has ended.
    QueueLibrary.open(libc).close();
    const { pid, sockets } = await takeOver(libc, control, (namespace) => options.takeOver!(control, namespace));
    for (const [number, fd] of sockets) taken.set(number, fd);
    reporter.note("info", `Took the place of process ${pid}, and ${counted(sockets.size, "queue")} of it`);
  } else if (kept.length > 0) {
    reporter.note("info", `The service manager kept ${counted(kept.length, "queue")} since the last start`);
  }
  const surplus = [...taken.keys()].filter((number) => !wanted.includes(number));
  if (surplus.length > 0) Queues.open(libc, surplus, queueSettings(config), taken).close();
  for (const number of surplus) taken.delete(number);
  // Where ftwall fails open nobody may hold a queue that it does not serve.
  return { taken, dropped: config.queue.fail === "open" ? kept : kept.filter((number) => !taken.has(number)) };
}

/** What {@link startDaemon} has opened. */
interface Opened {
  readonly options: DaemonOptions;
  readonly loaded: Loaded;
  readonly config: Config;
  readonly reporter: Reporter;
  readonly output: LogOutput;
  readonly queues: Queues;
  /** Queue numbers of each other thread. */
  readonly others: readonly (readonly number[])[];
  /** Sockets that had queues before this daemon, by queue number. */
  readonly taken: ReadonlyMap<number, number>;
  /** Queues that the service manager is to keep no longer. */
  readonly dropped: readonly number[];
  readonly actions: ConnectionActions;
  readonly libc: Libc;
  /** Path of the control socket. */
  readonly control: string;
  readonly rights: RightsStatus;
  /** Whether threads that judge packets may change their priority. */
  readonly steps: boolean;
  readonly news: RulesetNews;
  readonly interfaces: NewsSocket;
  readonly memory: ServiceMemory | null;
  /** Why another config than the one that was asked for is in force. */
  readonly instead: readonly string[];
}

/** A daemon from `ready` to its end. */
class RunningDaemon implements Daemon {
  done: Promise<number> = Promise.resolve(DONE);
  readonly #opened: Opened;
  readonly #options: DaemonOptions;
  readonly #reporter: Reporter;
  readonly #kernel: KernelState;
  readonly #engine: Engine;
  readonly #pump: Pump;
  readonly #times = new VerdictTimes();
  readonly #status: DaemonStatus;
  readonly #state: StateKeeper;
  readonly #stale: StaleRules;
  readonly #markers: MarkerFiles;
  readonly #history: HistoryKeeper;
  readonly #names: NameKeeper;
  readonly #notify: NotifyKeeper;
  readonly #identities: Identities;
  #loaded: Loaded;
  #config: Config;
  readonly #tidier: Tidier;
  readonly #overruns: Overruns;
  readonly #silence = new Silence();
  readonly #surroundings: Surroundings;
  #vital: VitalSigns | null = null;
  /** What all threads share; null where this is the only one. */
  readonly #shared: Shared | null;
  #workers: Workers | null = null;
  #control: ControlServer | null = null;
  #code: number = DONE;
  /** Another daemon waits for the queues. */
  #successor = false;
  /** The sockets of all queues, by number. */
  #sockets: ReadonlyMap<number, number>;
  #reloading: Promise<unknown> = Promise.resolve();
  #signal = "";

  constructor(opened: Opened) {
    const { options, config, reporter, queues, others, actions } = opened;
    this.#opened = opened;
    this.#options = options;
    this.#sockets = queues.sockets;
    this.#loaded = opened.loaded;
    this.#config = config;
    this.#reporter = reporter;
    this.#tidier = new Tidier(opened.libc);
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
      // Events below the log's level are not limited: they still go into the history.
      admit: (kind) => !reporter.prints(kind === "weak" ? "detected" : kind) || reporter.admit(kind),
      ...(shared === null ? {} : { tableLock: shared.tableLock }),
    });
    if (shared !== null) shared.tableLock.hooks = { onAcquire: () => this.#takeNews(), onRelease: () => {} };
    this.#pump = this.#newPump();
    this.#kernel = new KernelState({
      engine: this.#engine,
      actions,
      config,
      lan,
      dryRun: options.dryRun,
      rules: (wanted) => rulesOptions(wanted, options.queues),
      now: () => performance.now(),
      adopt: (changed) => this.#homeChanged(changed),
      note: (text) => reporter.note("info", text),
      emit: reporter.emit,
      makeRules: config.queue.rules === "auto" && !options.noRules,
      ruleset: { present: () => hasOwnChains(opened.libc), news: (legacy) => opened.news.changed(legacy) },
      interfacesChanged: () => opened.interfaces.told(() => true),
    });
    const note = (level: "info" | "warning", text: string) => reporter.note(level, text);
    this.#surroundings = new Surroundings({ read: Deno.readTextFileSync, note });
    this.#stale = new StaleRules((wanted) => this.#kernel.fit(wanted), (text) => note("warning", text));
    const path = options.state ?? config.state.path;
    const importPath = config.state.import;
    this.#state = new StateKeeper({ engine: this.#engine, path, importPath, now: performance.now(), note });
    this.#identities = new Identities({
      engine: this.#engine,
      own: () => Deno.networkInterfaces(),
      neighbours: (visit) => void eachNeighbour(opened.libc, visit),
      leases: () => this.#names.leases,
    });
    this.#names = new NameKeeper(config, (text) => note("info", text));
    this.#history = this.#newHistory(path);
    this.#notify = this.#newNotify();
    this.#status = new DaemonStatus({
      dryRun: options.dryRun,
      config,
      engine: this.#engine,
      pump: this.#pump,
      queues,
      reporter,
      times: this.#times,
      actions,
      kernel: this.#kernel,
      rights: opened.rights,
      history: this.#history,
      names: this.#names,
      notify: this.#notify,
    });
    this.#status.loaded(opened.loaded);
    if (opened.instead.length > 0) this.#status.reloaded(false, opened.instead);
    this.#overruns = new Overruns(() => this.#status.queues(), reporter.emit);
  }

  #newPump(): Pump {
    const { options, reporter, queues, actions } = this.#opened;
    actions.onProven = (sending, own, port) =>
      this.#engine.hold(() => this.#engine.learner.prober.callAnswered(sending, own, port));
    return new Pump({
      engine: this.#engine,
      queues,
      dryRun: options.dryRun,
      now: () => performance.now(),
      wall: () => Date.now(),
      send: (sendings) => this.#send(sendings),
      record: (microseconds, packets) => this.#times.record(microseconds, packets),
      beat: (now) => this.#beat(now),
      hurried: () => this.#kernel.busy || this.#control?.busy === true || this.#signal !== "",
      step: stepper(this.#opened.libc, this.#opened.steps),
      fault: (error) => reporter.note("error", `A packet could not be judged: ${errorText(error)}`),
    });
  }

  #newHistory(state: string): HistoryKeeper {
    const { options, config, reporter } = this.#opened;
    return new HistoryKeeper({
      engine: this.#engine,
      config,
      state,
      dryRun: options.dryRun,
      standing: () => this.#status.standing(),
      nameOf: (client, mac) => this.#names.of(client, mac),
      note: (text) => reporter.note("warning", text),
    });
  }

  #newNotify(): NotifyKeeper {
    const { options, reporter, rights, libc } = this.#opened;
    const nameOf = (client: string, mac: string) => this.#names.of(client, mac);
    const note = (level: "info" | "warning", text: string) => reporter.note(level, text);
    return new NotifyKeeper({ dryRun: options.dryRun, rights, nameOf, note, starting: () => libc.closeAllOnExec() });
  }

  /** From here on events go to the history and the notifications too, and are told with the names of clients. */
  async #listen(): Promise<void> {
    const { config, instead, reporter } = this.#opened;
    for (const text of await this.#notify.adopt(config)) reporter.note("warning", text);
    reporter.listener = {
      take: (event, time) => {
        this.#history.take(event, time);
        this.#notify.take(event, time);
      },
      nameOf: (client, mac) => this.#names.of(client, mac),
    };
    // It was told before anybody listened.
    if (instead.length > 0) this.#notify.take({ event: "reload-refused", problems: instead }, Date.now());
  }

  /** Opens what is left up to `ready`; closed with `stack`. */
  async open(stack: AsyncDisposableStack): Promise<void> {
    const reporter = this.#reporter;
    this.#engine.tick(performance.now(), Date.now());
    await this.#listen();
    const config = this.#config;
    const operator = new Operator({
      engine: this.#engine,
      reporter,
      status: this.#status,
      reload: () => this.#reload(),
      notify: (name) => this.#notify.test(name, Date.now()),
      onSuccessor: (namespace) => this.#onSuccessor(namespace),
      onActed: () => this.#state.changed(),
      onAllowed: (client) => this.#kernel.allowed(client),
      onOperator: (address) => this.#identities.operatorAt(address, performance.now()),
    });
    stack.use(this.#kernel);
    if (this.#shared !== null) {
      this.#workers = this.#status.workers = stack.use(await this.#openWorkers(this.#shared));
    }
    this.#control = stack.use(
      await ControlServer.listen({
        path: this.#opened.control,
        group: config.control.group,
        version: VERSION,
        handler: operator,
        credentials: (descriptor) => peerCredentials(this.#opened.libc, descriptor),
        fault: (message) => reporter.note("error", message),
        left: () => this.#tidier.tidy(),
      }),
    );
    const { libc, queues } = this.#opened;
    this.#vital = this.#status.vital = stack.use(
      new VitalSigns({ libc, queues, limit: config.queue.watchdog, record: `${this.#opened.control}.alive` }),
    );
    const metrics = async () => {
      await this.#workers?.count();
      return this.#engine.hold(() =>
        metricsText(buildStatus(this.#status, 0), this.#status.verdictTimes, this.#status.locked)
      );
    };
    if (config.metrics.listen !== "") stack.use(serveMetrics(config.metrics.listen, metrics));
    if (config.web.listen !== "") {
      const { WebThread } = await import("./web_thread.ts");
      const start = { web: config.web, control: this.#opened.control };
      const page = stack.use(await WebThread.open(start, (text) => reporter.note("warning", text)));
      this.#status.web = page.address;
    }
    // Only now that nothing can fail any more: a second ftwall, started by mistake, must not touch the files of the first.
    if (!this.#options.dryRun) this.#lockState(stack);
    this.#restore();
    await this.#kernel.makeRules();
    const effective = [...queues.effective, ...this.#workers?.effective ?? []].sort((a, b) => a.queue - b.queue);
    for (const { queue, problems } of effective) {
      for (const problem of problems) reporter.note("warning", `Queue ${queue}: ${problem}`);
    }
    this.#tidier.started(performance.now());
    // In force before anybody is told that packets are judged: who stops here would hold them for ever.
    this.#vital.beat(performance.now());
    reporter.emit({
      event: "ready",
      queues: effective.map(({ queue }) => queue),
      config: this.#loaded.missingDefault ? null : this.#loaded.path,
      effective: effective.map(effectiveFields),
      version: VERSION,
      pid: Deno.pid,
      dry_run: this.#options.dryRun,
      ...(this.#workers === null ? {} : { threads: this.#shared!.shares.length + 1 }),
    });
    this.#sockets = new Map([...queues.sockets, ...this.#workers?.sockets ?? []]);
    const earlier = this.#vital.ready(this.#sockets, this.#keptByManager, this.#opened.dropped);
    if (earlier !== "") reporter.note("warning", earlier);
    const threads = this.#shared === null ? 1 : this.#shared.shares.length + 1;
    const memory = memoryProblem(memoryLimit(Deno.readTextFileSync), config.memory, threads);
    if (memory !== "") reporter.note("warning", memory);
    this.#workers?.go();
  }

  /** Two daemons that write one state file would each undo what the other wrote. */
  #lockState(stack: AsyncDisposableStack): void {
    const path = this.#options.state ?? this.#config.state.path;
    if (path === "") return;
    try {
      const folder = path.slice(0, path.lastIndexOf("/"));
      if (folder !== "") Deno.mkdirSync(folder, { recursive: true, mode: 0o700 });
      const attempt = FileLock.take(this.#opened.libc, `${path}.lock`);
      if ("lock" in attempt) {
        stack.use(attempt.lock);
        return;
      }
      const who = attempt.pid === 0 ? "another process" : `process ${attempt.pid}`;
      throw new Failure(
        FAILED,
        `Cannot keep the state in "${path}": ${who} does, most likely another ftwall. ` +
          "Stop it, or name another file with --state",
      );
    } catch (error) {
      if (error instanceof Failure) throw error;
      this.#reporter.note("warning", `Cannot lock the state "${path}": ${errorText(error)}`);
    }
  }

  async #openWorkers(shared: Shared): Promise<Workers> {
    const { policy, clock } = this.#engine;
    return await Workers.open({
      shared,
      start: {
        settings: queueSettings(this.#config),
        taken: this.#opened.taken,
        dryRun: this.#options.dryRun,
        policy: { version: 0, config: policy.config, lan: policy.lan },
        printed: printedBy(this.#reporter),
        origin: clock.origin,
        epoch: this.#opened.libc.monotonic() - performance.now(),
        bell: this.#opened.queues.bell,
        watchdog: this.#config.queue.watchdog,
        steps: this.#opened.steps,
      },
      onNews: ({ events, sendings }) => {
        for (const event of events) this.#follow(event);
        this.#send(sendings);
      },
      onFault: (text) => this.#reporter.note("error", `A packet could not be judged: ${text}`),
      onDead: (text) => {
        this.#reporter.note("error", text);
        this.#code = FAILED;
        this.#pump.stop();
      },
    });
  }

  /** Each time this thread gets the tables: follows first what happened on the workers before. */
  #takeNews(): void {
    try {
      if (this.#shared!.tableLock.takeNews()) this.#workers?.drain();
    } catch (error) {
      this.#reporter.note("error", errorText(error));
    }
  }

  #send(sendings: readonly Sending[]): void {
    const { dryRun } = this.#options;
    // In a dry run it asks what it is told to, and answers nobody.
    if (!dryRun) this.#opened.actions.send(sendings);
    else if (this.#config.probe.dryRun) this.#opened.actions.send(sendings.filter(({ kind }) => kind !== "decoy"));
  }

  /** Runs until stopped, then closes everything in `stack`. */
  finish(stack: AsyncDisposableStack): void {
    this.done = this.#run(stack);
  }

  reload(): void {
    try {
      this.#opened.output.reopen();
    } catch (error) {
      this.#reporter.note("warning", errorText(error));
    }
    this.#reload().catch((error: unknown) => this.#reporter.note("error", errorText(error)));
  }

  /** Writes the state before packets are judged no more: a large one takes half a second. Asked twice, it stops at once. */
  stop(signal: string): void {
    if (this.#signal !== "") {
      // What else there is may be closed already.
      this.#pump.stop();
      return;
    }
    this.#signal = signal;
    this.#vital?.stopping();
    if (this.#options.dryRun) this.#pump.stop();
    else void within(this.#state.prepare(), PREPARING).then(() => this.#pump.stop());
  }

  /** A queue that fails closed waits for the next start where the service manager keeps its socket: nothing passes meanwhile. */
  get #keptByManager(): boolean {
    return this.#opened.config.queue.fail === "closed" && this.#vital?.managed === true;
  }

  #onSuccessor(namespace: string): string {
    if (this.#successor) return "another one asked before";
    if (this.#vital?.managed === true) return "its service manager would start it again: restart the service instead";
    const why = whyNotHandOver(this.#opened.control, namespace);
    if (why !== "") return why;
    this.#successor = true;
    after(ANSWERING, () => this.stop("take-over"));
    return "";
  }

  /** What is done last of a clean stop, in the kernel. */
  async queuesClosed(): Promise<void> {
    if (!this.#successor) {
      if (this.#code === DONE) await this.#kernel.takeRulesAway();
      return;
    }
    const { libc, control, config } = this.#opened;
    const why = handOver(libc, control, this.#sockets);
    if (why === "") return;
    this.#reporter.note("error", `Cannot hand the queues over: ${why}`);
    this.#code = FAILED;
    Queues.open(libc, [...this.#sockets.keys()], queueSettings(config), this.#sockets).close();
  }

  async #run(stack: AsyncDisposableStack): Promise<number> {
    const started = this.#kernel.start().catch((error: unknown) => this.#reporter.note("warning", errorText(error)));
    try {
      await this.#pump.run();
    } catch (error) {
      this.#reporter.note("error", errorText(error));
      this.#code = FAILED;
    }
    await started;
    const leave = this.#successor || this.#keptByManager;
    await this.#workers?.stop(leave);
    if (leave) this.#opened.queues.leave();
    this.#workers?.drain();
    if (!this.#options.dryRun) this.#state.save();
    this.#reporter.emit({
      event: "stopping",
      ...(this.#signal === "" ? {} : { signal: this.#signal }),
      counters: { ...this.#status.counters() },
    });
    await this.#history.close(Date.now());
    await stack.disposeAsync();
    // The queues are closed: no packet waits for a slow server.
    await this.#notify.close(performance.now(), Date.now());
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
      this.#identities.beat(now);
      // In dry-run no file is written but the log and the history.
      if (!this.#options.dryRun) this.#state.beat(now, this.#config.state.interval);
    });
    this.#overruns.beat(now);
    this.#surroundings.beat(now, Date.now());
    this.#names.beat(now);
    this.#history.beat(now, Date.now());
    this.#notify.beat(now, Date.now());
    this.#vital?.beat(now);
    const numbers = this.#opened.queues.list.map(({ number }) => number);
    const silent = this.#silence.beat(now, () => this.#status.packets, () => this.#kernel.facts(), numbers);
    if (silent !== null) this.#reporter.emit({ event: "rules-silent", message: silent });
  }

  #restore(): void {
    const restored = this.#state.restore();
    // In dry-run no file is written.
    if (!this.#options.dryRun) this.#markers.adopt(this.#config.clientFiles, () => restored);
    for (const event of restored) this.#reporter.emit(event);
  }

  /** Loads the config again, after a reload that is under way: a config with errors leaves the old one in force. */
  #reload(): Promise<ReloadAnswer> {
    const answer = this.#reloading.then(() => this.#reloadNow());
    this.#reloading = answer.catch(() => {});
    return answer;
  }

  /** Puts a policy in force on all threads at once: each takes it when it next holds the tables. */
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
      // A reload may have put another config in force meanwhile.
      this.#putInForce(changed.config === this.#config ? changed : this.#kernel.compile(this.#config))
    );
    this.#reloading = put.catch((error: unknown) => this.#reporter.note("error", errorText(error)));
  }

  async #remakeRules(config: Config): Promise<boolean> {
    try {
      return await this.#kernel.remakeRules(config);
    } catch (error) {
      this.#reporter.note("error", errorText(error));
      return false;
    }
  }

  async #reloadNow(): Promise<ReloadAnswer> {
    this.#vital?.busy();
    const before = this.#config;
    const loaded = loadAny(this.#options.config);
    const refuse = (problems: string[]): ReloadAnswer => {
      this.#status.reloaded(false, problems);
      this.#reporter.emit({ event: "reload-refused", problems });
      return { outcome: "refused", hash: this.#engine.policy.hash, changes: [], problems };
    };
    if (loaded.config === null) return refuse(loaded.problems.map(formatProblem));
    // Each of these steps takes milliseconds in which packets would wait.
    await turn();
    let policy: Policy;
    try {
      policy = this.#kernel.compile(loaded.config);
    } catch (error) {
      return refuse([errorText(error)]);
    }
    const warnings = loaded.problems.map(formatProblem);
    await turn();
    if (policy.hash === this.#engine.policy.hash) {
      warnings.push(...await this.#stale.look(loaded.config, false));
      this.#status.reloaded(true, warnings);
      this.#kernel.lookAtLan();
      return { outcome: "unchanged", hash: policy.hash, changes: [], problems: warnings };
    }
    await turn();
    const found = differences(before, loaded.config);
    const needed = needsRestart(found);
    // The change can be taken where the administrator has applied the new rules already, or the rules are our own.
    const applied = needed.length > 0 && needed.every((one) => one.needs === "rules") &&
      (await this.#kernel.fit(loaded.config) || await this.#remakeRules(loaded.config));
    if (needed.length > 0 && !applied) {
      return refuse(
        needed.map(({ key, command }) => `${key} was changed, which a reload cannot apply; run: ${command}`),
      );
    }
    await turn();
    try {
      await this.#putInForce(policy);
    } catch (error) {
      return refuse([errorText(error)]);
    }
    if (!loaded.missingDefault) this.#opened.memory?.keepConfig(loaded.path);
    this.#loaded = loaded;
    this.#config = loaded.config;
    await turn();
    await this.#kernel.adopt(loaded.config);
    await turn();
    this.#names.adopt(loaded.config);
    this.#history.adopt(loaded.config);
    warnings.push(...await this.#notify.adopt(loaded.config));
    if (!this.#options.dryRun) {
      const { learner } = this.#engine;
      this.#markers.adopt(loaded.config.clientFiles, () => this.#engine.hold(() => learner.timeLocks.inForce()));
    }
    this.#reporter.change(
      logFormat(this.#options, loaded.config, this.#opened.output),
      this.#options.logLevel ?? loaded.config.log.level,
      this.#opened.output.colour,
      zoneClock(loaded.config.timezone),
    );
    this.#workers?.prints(printedBy(this.#reporter));
    this.#status.loaded(loaded);
    const changes = changeLines(found);
    // The rules name homes and exempt clients too: until new rules are applied, only the packets that they queue are judged anew.
    const changed = !sameRules(before, loaded.config);
    if (changed && !applied) await this.#remakeRules(loaded.config);
    warnings.push(...await this.#stale.look(loaded.config, changed));
    this.#status.reloaded(true, warnings);
    this.#reporter.emit({ event: "reloaded", hash: policy.hash, changes });
    return { outcome: "applied", hash: policy.hash, changes, problems: warnings };
  }
}
