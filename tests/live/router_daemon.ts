/**
 * ftwall on the router of a topology: its config, its rules, the daemon, and what it tells.
 */
import { type Answer, type Background, PATIENCE, type Topology, until } from "./topology.ts";
import { executable } from "./executable.ts";

/** One line of the daemon's JSON log. */
export interface LogEvent {
  readonly event: string;
  readonly time: string;
  readonly [field: string]: unknown;
}

/** Home as the topology has it, on which every config of these tests builds. */
export const HOME = `[network]
home = ["10.91.0.0/16", "fd91::/16"]
lan = ["br-lan"]
`;

/** How it is started. */
export interface DaemonSettings {
  /** Config beside {@link HOME}. */
  readonly config?: string;
  readonly dryRun?: boolean;
  /** Leaves the firewall rules alone. */
  readonly noRules?: boolean;
  /** Makes the rules with this tool, also where the other one would be chosen. */
  readonly backend?: "nft" | "iptables";
  /** Leaves the watchdog's limit as it is by default: else a machine that stalls does not end the daemon of a test. */
  readonly watchdog?: boolean;
  readonly args?: readonly string[];
  readonly env?: Record<string, string>;
}

/** See the module's text. `await using` stops it and removes its files; the topology removes the rules. */
export class RouterDaemon implements AsyncDisposable {
  /** Folder of its config, state and socket. */
  readonly dir: string;
  /** Path of its config. */
  readonly config: string;
  readonly #topology: Topology;
  readonly #settings: DaemonSettings;
  #background: Background | null = null;
  #read = 0;
  #events: LogEvent[] = [];

  private constructor(topology: Topology, settings: DaemonSettings) {
    this.#topology = topology;
    this.#settings = settings;
    this.dir = Deno.makeTempDirSync({ prefix: "ftwall-live-" });
    this.config = `${this.dir}/ftwall.toml`;
  }

  /** Writes the config, applies the rules, starts the daemon and waits until it is ready. */
  static async start(topology: Topology, settings: DaemonSettings = {}): Promise<RouterDaemon> {
    const daemon = new RouterDaemon(topology, settings);
    try {
      daemon.write(settings.config ?? "");
      const tool = settings.backend ?? "auto";
      if (settings.noRules !== true) {
        await daemon.must("rules", "--apply", "--backend", tool, "--config", daemon.config);
      }
      await daemon.launch();
      return daemon;
    } catch (error) {
      await daemon[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Writes the config anew; the daemon reads it with the next reload. */
  write(config: string): void {
    const text = HOME + config;
    const asItIs = this.#settings.watchdog === true || /^watchdog\b/m.test(text);
    const patient = 'watchdog = "1m"\n';
    const table = "[queue]\n";
    const inPlace = text.includes(table) ? text.replace(table, table + patient) : `${text}\n${table}${patient}`;
    Deno.writeTextFileSync(this.config, asItIs ? text : inPlace);
  }

  /** The command line that runs the daemon. */
  get command(): string[] {
    return [
      ...executable().command,
      ...["run", "--config", this.config, "--control", this.control, "--state", `${this.dir}/state`],
      ...["--log-format", "json"],
      ...(this.#settings.dryRun === true ? ["--dry-run"] : []),
      ...(this.#settings.noRules === true ? ["--no-rules"] : []),
      ...(this.#settings.args ?? []),
    ];
  }

  /** Path of the control socket. */
  get control(): string {
    return `${this.dir}/control.sock`;
  }

  /** Starts the daemon (again) and waits for `ready`. */
  async launch(command: readonly string[] = this.command): Promise<void> {
    this.#background = this.#topology.start("router", command, { env: this.#settings.env ?? {} });
    this.#read = 0;
    this.#events = [];
    await this.#background.prints('"event":"ready"', 10_000);
    const sets = !(this.#settings.dryRun === true || this.#settings.noRules === true);
    // The kernel's sets are looked for after `ready`, as tools have to be asked.
    if (sets) await new Promise((resolve) => setTimeout(resolve, 300 * PATIENCE));
  }

  /** Starts another one with `--take-over` beside the one that runs, and waits until it is ready and the first has ended well. */
  async replace(): Promise<void> {
    const before = this.process;
    await this.launch([...this.command, "--take-over"]);
    const { code } = await before.status;
    if (code === 0) return;
    throw new Error(`The one before ended with ${code}: ${before.stdout.slice(-1500)}${before.stderr.slice(-1500)}`);
  }

  /** The running daemon. */
  get process(): Background {
    if (this.#background === null) throw new Error("Cannot use the daemon: it is not running");
    return this.#background;
  }

  /** Everything it has logged since its start. */
  get events(): readonly LogEvent[] {
    const text = this.process.stdout;
    const end = text.lastIndexOf("\n") + 1;
    for (const line of text.slice(this.#read, end).split("\n")) {
      if (line.startsWith("{")) this.#events.push(JSON.parse(line) as LogEvent);
    }
    this.#read = Math.max(this.#read, end);
    return this.#events;
  }

  /** Events that have all these fields. */
  seen(fields: Readonly<Record<string, unknown>>): readonly LogEvent[] {
    return this.events.filter((event) => Object.entries(fields).every(([name, value]) => event[name] === value));
  }

  /** Waits for an event with these fields and answers the first. */
  async sees(fields: Readonly<Record<string, unknown>>, limit = 10_000): Promise<LogEvent> {
    await until(`event ${JSON.stringify(fields)}`, () => this.seen(fields).length > 0, limit, () => this.tail());
    return this.seen(fields)[0]!;
  }

  /** The last lines it wrote, for error messages. */
  tail(): string {
    return this.process.stdout.slice(-3000) + this.process.stderr.slice(-2000);
  }

  /** Runs an ftwall command on the router. */
  async run(...args: string[]): Promise<Answer> {
    return await this.#topology.run("router", [...executable().command, ...args]);
  }

  /** The same; an exit status other than 0 is an error. */
  async must(...args: string[]): Promise<string> {
    return await this.#topology.must("router", [...executable().command, ...args]);
  }

  /** What `ftwall status --json` answers. */
  async status(): Promise<Status> {
    return JSON.parse(await this.must("status", "--json", "--control", this.control)) as Status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#background?.stop();
    Deno.removeSync(this.dir, { recursive: true });
  }
}

/** The part of `status --json` that tests look at. */
export interface Status {
  readonly locks: readonly { readonly client: string; readonly protocol: string; readonly until: string }[];
  readonly peers: { readonly count: number };
  readonly trained: { readonly count: number };
  readonly queues: readonly { readonly queue_dropped: number; readonly user_dropped: number }[];
  readonly counters: {
    readonly packets: number;
    readonly refused: number;
    readonly over_budget_seconds: number;
    readonly by_reason: Readonly<Record<string, number>>;
  };
}
