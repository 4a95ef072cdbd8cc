/**
 * From the command line to a daemon and its end: signals and the pid file.
 * @module
 */
import type { Daemon, DaemonOptions } from "../daemon/options.ts";
import { errorText } from "../net/error_text.ts";
import { Failure, MISSING } from "../report/failure.ts";
import type { RunArguments } from "./run_arguments.ts";

/** Runs the daemon until it is stopped; answers the exit code. */
export function run(given: RunArguments): Promise<number> {
  const { config, queue, logFormat, logLevel, control, state } = given;
  return runDaemon({
    dryRun: given.dryRun === true,
    ...(config === undefined ? {} : { config }),
    ...(queue === undefined ? {} : { queues: queue }),
    ...(logFormat === undefined ? {} : { logFormat }),
    ...(logLevel === undefined ? {} : { logLevel }),
    ...(control === undefined ? {} : { control }),
    ...(state === undefined ? {} : { state }),
  }, given.pidFile);
}

/** Descriptors without which the daemon cannot do all that it may be asked for: sockets, connections, the ends of tools. */
const FEWEST_DESCRIPTORS = 64;

/** Before anything is opened: what runs out of descriptors later fails in places where nobody can tell why. */
async function raiseDescriptors(): Promise<void> {
  const { OwnProcess } = await import("../../ffi/own_process.ts");
  using own = new OwnProcess();
  const { soft } = own.raiseDescriptors();
  if (soft >= FEWEST_DESCRIPTORS) return;
  throw new Failure(
    MISSING,
    `Cannot start: this process may have ${soft} files and sockets open, it needs ${FEWEST_DESCRIPTORS}. ` +
      `Raise the limit: ulimit -n 1024, or LimitNOFILE=1024 in its systemd unit`,
  );
}

/** Signals are taken from the start, so that one which comes before the daemon is ready is not lost and does not kill. */
async function runDaemon(options: DaemonOptions, pidFile: string | undefined): Promise<number> {
  await raiseDescriptors();
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
    const { startDaemon } = await import("../daemon/daemon.ts");
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
    const found = errorText(error);
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
