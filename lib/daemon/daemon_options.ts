/**
 * The seam between the `run` command and the daemon.
 * @module
 */
import type { LogFormat } from "../report/event_format.ts";
import type { LogLevel } from "../report/severity.ts";
import type { QueueNumbers } from "../policy/config.ts";

/** What the command line says; what it does not say is the config's business. */
export interface DaemonOptions {
  /** Config file given by hand. */
  readonly config?: string;
  readonly dryRun: boolean;
  readonly queues?: QueueNumbers;
  readonly logFormat?: LogFormat;
  readonly logLevel?: LogLevel;
  /** Control socket. */
  readonly control?: string;
  /** State file; empty = none is kept. */
  readonly state?: string;
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

/**
 * Builds everything and answers when packets are judged (`ready` is in the log). Throws errors with an `exitCode` for what
 * is missing or wrong; whatever was opened until then is closed.
 */
export type StartDaemon = (options: DaemonOptions) => Promise<Daemon>;
