/**
 * `ftwall run`: the daemon in the foreground.
 * @module
 */
import { Command, type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import { reading } from "./options.ts";
import type { Ended } from "./command_line.ts";
import { RUN_OPTIONS, type RunArguments } from "./run_arguments.ts";

/** Makes the command. */
export function runCommand(ended: Ended): CommandUnknownOpts {
  const command: CommandUnknownOpts = new Command("run")
    .description("judge packets: the daemon, in the foreground (the default command)")
    .addHelpText(
      "after",
      `
Packets come from the kernel's queue: "ftwall rules --apply" sends them there.
SIGHUP loads the config again, SIGTERM and SIGINT stop cleanly.
Examples:
  ftwall --dry-run
  ftwall run --queue 0:3 --log-format syslog`,
    );
  for (const { flags, text, choices, read } of RUN_OPTIONS) {
    const option = new Option(flags, text);
    if (choices !== undefined) option.choices(choices);
    if (read !== undefined) option.argParser(reading(read));
    command.addOption(option);
  }
  return command.action(async () => {
    const { run } = await import("./run_daemon.ts");
    ended.code = await run(command.opts() as RunArguments);
  });
}
