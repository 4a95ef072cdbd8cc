/**
 * The daemon's log, as the command line and the config want it.
 * @module
 */
import type { Config } from "../policy/config.ts";
import { LineWriter } from "../report/line_writer.ts";
import type { LogOutput } from "../report/log_output.ts";
import { Reporter } from "../report/reporter.ts";
import type { DaemonOptions } from "./daemon_options.ts";

/** Opens the log on `output`; the command line overrides the config. */
export function openReporter(options: DaemonOptions, config: Config, output: LogOutput): Reporter {
  return new Reporter({
    format: options.logFormat ?? config.log.format,
    level: options.logLevel ?? config.log.level,
    colour: output.colour,
    dryRun: options.dryRun,
    clock: () => Date.now(),
    writer: new LineWriter(output),
  });
}
