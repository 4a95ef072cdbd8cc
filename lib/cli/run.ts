/**
 * `ftwall run`: the daemon in the foreground.
 * @module
 */
import { Command, type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import { LOG_FORMATS } from "../report/event_format.ts";
import { LOG_LEVELS } from "../report/severity.ts";
import type { Daemon, DaemonOptions } from "./daemon_options.ts";
import { Failure, MISSING } from "./failure.ts";
import { configOption, readQueues } from "./options.ts";
import type { Ended } from "./program.ts";

/** Makes the command. */
export function runCommand(ended: Ended): CommandUnknownOpts {
  return new Command("run")
    .description("judge packets: the daemon, in the foreground (the default command)")
    .addOption(configOption())
    .option("-n, --dry-run", "accept every packet, only say what would have happened")
    .option("--queue <numbers>", "queue N, or queues N:M; overrides the config", readQueues)
    .addOption(new Option("--log-format <format>", "form of the log on standard output").choices(LOG_FORMATS))
    .addOption(new Option("--log-level <level>", "least important events that are printed").choices(LOG_LEVELS))
    .option("--control <path>", "control socket (default: [control] path, /run/ftwall/control.sock)")
    .option("--state <path>", "state file (default: [state] path, /var/lib/ftwall/state)")
    .option("--pid-file <path>", "write the process id to this file while running")
    .addHelpText(
      "after",
      `
Packets come from the kernel's queue: "ftwall rules --apply" sends them there.
SIGHUP loads the config again, SIGTERM and SIGINT stop cleanly.
Examples:
  ftwall --dry-run
  ftwall run --queue 0:3 --log-format syslog`,
    )
    .action(async (options) => {
      ended.code = await runDaemon({
        dryRun: options.dryRun === true,
        ...(options.config === undefined ? {} : { config: options.config }),
        ...(options.queue === undefined ? {} : { queues: options.queue }),
        ...(options.logFormat === undefined ? {} : { logFormat: options.logFormat }),
        ...(options.logLevel === undefined ? {} : { logLevel: options.logLevel }),
        ...(options.control === undefined ? {} : { control: options.control }),
        ...(options.state === undefined ? {} : { state: options.state }),
      }, options.pidFile);
    });
}

/** Signals are taken from the start, so that one which comes before the daemon is ready is not lost and does not kill. */
async function runDaemon(options: DaemonOptions, pidFile: string | undefined): Promise<number> {
  let daemon: Daemon | null = null;
  let stopped: string | null = null;
  const stopOn = (signal: string) => () => {
    if (stopped !== null) return;
    stopped = signal;
    daemon?.stop(signal);
  };
  const listeners: readonly (readonly [Deno.Signal, () => void])[] = [
    ["SIGHUP", () => daemon?.reload()],
    ["SIGTERM", stopOn("SIGTERM")],
    ["SIGINT", stopOn("SIGINT")],
  ];
  for (const [signal, listener] of listeners) Deno.addSignalListener(signal, listener);
  try {
    const { startDaemon } = await import("./daemon.ts");
    daemon = await startDaemon(options);
    if (stopped !== null) daemon.stop(stopped);
    using _ = pidFile === undefined ? null : writePidFile(pidFile);
    return await daemon.done;
  } catch (error) {
    daemon?.stop("error");
    await daemon?.done;
    throw error;
  } finally {
    for (const [signal, listener] of listeners) Deno.removeSignalListener(signal, listener);
  }
}

function writePidFile(path: string): Disposable {
  try {
    Deno.writeTextFileSync(path, `${Deno.pid}\n`, { mode: 0o644 });
  } catch (error) {
    const found = error instanceof Error ? error.message : String(error);
    throw new Failure(MISSING, `Cannot write the process id to "${path}": ${found}`);
  }
  return {
    [Symbol.dispose]: () => {
      try {
        Deno.removeSync(path);
      } catch {
        // Gone already.
      }
    },
  };
}
