/**
 * What the `run` command gives to the daemon, and what it gets.
 * @module
 */
import type { Config, QueueNumbers } from "../policy/config.ts";
import { zoneClock } from "../policy/week.ts";
import type { TakeOverAnswer } from "../report/control_protocol.ts";
import type { LogFormat } from "../report/event_format.ts";
import { LineWriter, type LogOutput } from "../report/log_output.ts";
import { Reporter } from "../report/reporter.ts";
import { DEFAULT_STATE, type Mode, ServiceMemory } from "./service_memory.ts";
import type { LogLevel } from "../report/severity.ts";

/** What the command line says. Each of these overrides the config. */
export interface DaemonOptions {
  /** Config file given by hand. */
  readonly config: string | undefined;
  readonly dryRun: boolean;
  readonly queues: QueueNumbers | undefined;
  readonly logFormat: LogFormat | undefined;
  readonly logFile: string | undefined;
  readonly logLevel: LogLevel | undefined;
  /** Control socket. */
  readonly control: string | undefined;
  /** State file; empty = none is kept. */
  readonly state: string | undefined;
  /** Run as a service: see {@link ServiceMemory}. */
  readonly service: boolean;
  /** Ends the dry run that a service remembers. */
  readonly enforce: boolean;
  /** Takes the place of the ftwall that listens at a control socket: asks it for its queues; null for a start of its own. */
  readonly takeOver: ((control: string, namespace: string) => Promise<TakeOverAnswer>) | null;
  /** Leave the firewall rules alone. */
  readonly noRules: boolean;
}

/** A running daemon. */
export interface Daemon {
  /** Loads the config again; the outcome goes to the log. */
  reload(): void;
  /** Begins a clean stop: pending packets get their verdict, state is saved, the socket goes. */
  stop(signal: string): void;
  /** The exit code, once everything is closed. */
  readonly done: Promise<number>;
}

/** Form of the log: text is for people, so what the journal reads has priorities in front and no second time. */
export function logFormat({ logFormat }: DaemonOptions, { log }: Config, { journal }: LogOutput): LogFormat {
  return logFormat ?? (journal && log.format === "text" ? "syslog" : log.format);
}

/** The daemon's log, written to `output`. */
export function openReporter(options: DaemonOptions, config: Config, output: LogOutput): Reporter {
  return new Reporter({
    format: logFormat(options, config, output),
    level: options.logLevel ?? config.log.level,
    colour: output.colour,
    dryRun: options.dryRun,
    clock: () => Date.now(),
    localClock: zoneClock(config.timezone),
    writer: new LineWriter(output),
  });
}

/** What a service remembers; null for a run that is none. The folder does not follow the config, which may be the broken one. */
export function memoryOf({ service, state }: DaemonOptions): ServiceMemory | null {
  return service ? new ServiceMemory(state === undefined || state === "" ? DEFAULT_STATE : state) : null;
}

/**
 * In which mode to run, and what is to be told of it: a service whose dry run nobody ended stays in it.
 */
export function modeOf(
  { dryRun, enforce }: DaemonOptions,
  memory: ServiceMemory | null,
): { readonly mode: Mode; readonly notes: readonly string[] } {
  const asked: Mode | null = dryRun ? "dry-run" : enforce ? "enforcing" : null;
  const mode = asked ?? memory?.mode ?? "enforcing";
  const failure = memory?.keepMode(mode) ?? "";
  const goesOn = asked === null && mode === "dry-run";
  return {
    mode,
    notes: [
      ...(goesOn
        ? ["The dry run goes on: nothing is refused before somebody ends it with ftwall run --service --enforce"]
        : []),
      ...(failure === "" ? [] : [failure]),
    ],
  };
}
