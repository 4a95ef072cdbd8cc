/**
 * The options of `ftwall run`, once for the command tree and once for the short way past it: the library behind the tree
 * costs 55 ms and 10 MiB, which the daemon would carry all its life for one well-formed line.
 * @module
 */
import { LOG_FORMATS, type LogFormat } from "../report/event_format.ts";
import { LOG_LEVELS, type LogLevel } from "../report/severity.ts";
import type { QueueNumbers } from "../policy/config.ts";
import { readPath, readQueues } from "./read.ts";

/** What the options of `run` say; names as the library makes them of the long options. */
export interface RunArguments {
  config?: string;
  dryRun?: boolean;
  queue?: QueueNumbers;
  logFormat?: LogFormat;
  logLevel?: LogLevel;
  control?: string;
  state?: string;
  pidFile?: string;
}

/** One option of `run`. */
export interface RunOption {
  readonly key: keyof RunArguments;
  /** As the library writes it: `-s, --long <value>`. */
  readonly flags: string;
  readonly text: string;
  readonly choices?: readonly string[];
  /** Reads the value; throws a RangeError. */
  readonly read?: (text: string) => unknown;
}

/** All options of `run`. */
export const RUN_OPTIONS: readonly RunOption[] = [
  {
    key: "config",
    flags: "-c, --config <path>",
    text: "config file; the default is /etc/ftwall/ftwall.toml, or built-in defaults where that is absent",
  },
  { key: "dryRun", flags: "-n, --dry-run", text: "accept every packet, only say what would have happened" },
  {
    key: "queue",
    flags: "--queue <numbers>",
    text: "queue N, or queues N:M; overrides the config",
    read: readQueues,
  },
  {
    key: "logFormat",
    flags: "--log-format <format>",
    text: "form of the log on standard output",
    choices: LOG_FORMATS,
  },
  {
    key: "logLevel",
    flags: "--log-level <level>",
    text: "least important events that are printed",
    choices: LOG_LEVELS,
  },
  {
    key: "control",
    flags: "--control <path>",
    text: "control socket (default: [control] path, /run/ftwall/control.sock)",
    read: readPath,
  },
  { key: "state", flags: "--state <path>", text: "state file (default: [state] path, /var/lib/ftwall/state)" },
  { key: "pidFile", flags: "--pid-file <path>", text: "write the process id to this file while running" },
];

/**
 * Reads a command line that plainly runs the daemon. Null for anything else, wrong or merely unusual: the command tree
 * then has the last word, and words the errors.
 */
export function readRun(argv: readonly string[]): RunArguments | null {
  const given: Record<string, unknown> = {};
  for (let i = argv[0] === "run" ? 1 : 0; i < argv.length; i++) {
    const word = argv[i] ?? "";
    const equals = word.startsWith("--") ? word.indexOf("=") : -1;
    const name = equals < 0 ? word : word.slice(0, equals);
    const option = RUN_OPTIONS.find((each) => each.flags.split(/[ ,]+/).includes(name));
    if (option === undefined || !name.startsWith("-")) return null;
    if (!option.flags.includes("<")) {
      if (equals >= 0) return null;
      given[option.key] = true;
      continue;
    }
    const value = equals < 0 ? argv[++i] : word.slice(equals + 1);
    if (value === undefined || (option.choices !== undefined && !option.choices.includes(value))) return null;
    try {
      given[option.key] = option.read === undefined ? value : option.read(value);
    } catch {
      return null;
    }
  }
  return given;
}
