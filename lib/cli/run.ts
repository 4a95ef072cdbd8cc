/**
 * `ftwall run`: from the command line to a daemon and its end. Signals and the pid file are handled here.
 * @module
 */
import type { Daemon, DaemonOptions } from "../daemon/options.ts";
import { errorText } from "../net/error_text.ts";
import { LOG_FORMATS } from "../policy/schema.ts";
import { Failure, MISSING, USAGE } from "../report/failure.ts";
import { writeAnew } from "../report/own_file.ts";
import { LOG_LEVELS } from "../report/severity.ts";
import { type Command, command } from "./command.ts";
import { ask } from "./control_client.ts";
import { CONFIG, QUEUE, readPath } from "./options.ts";

/** The command. */
export const run: Command = command({
  text: "judge packets: the daemon, in the foreground (the default command)",
  options: {
    config: CONFIG,
    dryRun: { short: "n", text: "accept every packet, only say what would have happened" },
    queue: QUEUE,
    logFormat: { value: "format", text: "form of the log on standard output", choices: LOG_FORMATS },
    logFile: {
      value: "path",
      text: "log to this file instead of standard output; [log] size bounds it",
      read: readPath,
    },
    logLevel: { value: "level", text: "least important events that are printed", choices: LOG_LEVELS },
    control: {
      value: "path",
      text: "control socket (default: [control] path, /run/ftwall/control.sock)",
      read: readPath,
    },
    state: { value: "path", text: "state file (default: [state] path, /var/lib/ftwall/state)" },
    takeOver: { text: "take the place of the ftwall that runs, where one does: no packet is lost" },
    noRules: { text: "leave the firewall rules alone, also where there are none" },
    service: { text: "remember the last good config and the mode, for the files of a service manager" },
    enforce: { text: "end the dry run that --service remembers" },
    respawn: { text: "start again after a kill or a failure; for systems without a service manager" },
    pidFile: { value: "path", text: "write the process id to this file while running" },
  },
  after:
    `Packets come from the kernel's queue. The firewall rules that send them there are made where there are none of ftwall's,
and go again with a clean stop; "ftwall rules --apply" makes rules that stay.
SIGHUP loads the config again, SIGTERM and SIGINT stop cleanly.
Examples:
  ftwall --dry-run
  ftwall run --queue 0:3 --log-format syslog
  ftwall run --take-over`,
  async run(
    {
      dryRun = false,
      noRules = false,
      respawn = false,
      service = false,
      enforce = false,
      takeOver = false,
      queue: queues,
      pidFile,
      ...given
    },
  ) {
    if (respawn) {
      const { becomeRespawned } = await import("./respawn.ts");
      await becomeRespawned();
    }
    if (dryRun && enforce) {
      throw new Failure(USAGE, "Cannot both dry-run and enforce: name one of --dry-run and --enforce");
    }
    const asked = takeOver
      ? async (control: string, namespace: string) => await ask(control, { command: "take-over", namespace })
      : null;
    return await runDaemon({ ...given, dryRun, noRules, service, enforce, takeOver: asked, queues }, pidFile);
  },
});

/** Listens for signals before it loads the daemon, so that a signal during the start stops it cleanly. */
async function runDaemon(options: DaemonOptions, pidFile: string | undefined): Promise<number> {
  const { raiseDescriptors } = await import("../daemon/descriptors.ts");
  raiseDescriptors();
  let daemon: Daemon | null = null;
  let stopped: string | null = null;
  const stopOn = (signal: string) => () => {
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
    writeAnew(path, `${Deno.pid}\n`, 0o644);
  } catch (error) {
    const found = errorText(error);
    throw new Failure(MISSING, `Cannot write the process id to "${path}": ${found}`);
  }
  return {
    [Symbol.dispose]: () => {
      try {
        // A successor has written its own number.
        if (Deno.readTextFileSync(path) === `${Deno.pid}\n`) Deno.removeSync(path);
      } catch {
        // Gone already.
      }
    },
  };
}
