/**
 * `ftwall reload`: made for cron, silent on success.
 * @module
 */
import { Command, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { FAILED } from "../report/failure.ts";
import { controlOption } from "./options.ts";
import { complain, print } from "../report/output.ts";
import type { Ended } from "./command_line.ts";

/** Makes the command. */
export function reloadCommand(ended: Ended): CommandUnknownOpts {
  return new Command("reload")
    .description("ask the daemon to load its config again, and wait for the outcome")
    .option("-v, --verbose", "say what changed, also on success")
    .addOption(controlOption())
    .addHelpText(
      "after",
      `
Exit codes: 0 applied or unchanged, 1 refused (the old config stays in force), 3 no daemon.
Example for cron: 0 * * * * root ftwall reload`,
    )
    .action(async (options) => {
      const { ask } = await import("./control_client.ts");
      const { plain } = await import("../report/plain.ts");
      const answer = await ask(options.control, { command: "reload" }, 60_000);
      if (answer.outcome === "refused") {
        complain("ftwall: Cannot reload: the old config stays in force");
        complain(...answer.problems.map((problem) => plain(problem)));
        ended.code = FAILED;
        return;
      }
      if (options.verbose !== true) return;
      print(`Config ${answer.outcome}, hash ${answer.hash}`);
      print(...answer.changes.map((change) => `  ${plain(change)}`));
      print(...answer.problems.map((problem) => `  ${plain(problem)}`));
    });
}
