/**
 * `ftwall status`.
 * @module
 */
import { Command, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { controlOption, jsonOption } from "./options.ts";
import { print } from "../report/output.ts";
import type { Ended } from "./command_line.ts";

/** Makes the command. */
export function statusCommand(_ended: Ended): CommandUnknownOpts {
  return new Command("status")
    .description("show locks, blocked peers, trained addresses, queues and counters of the running daemon")
    .addOption(jsonOption())
    .addOption(controlOption())
    .addHelpText("after", '\nExample: ftwall status --json | jq -r ".locks[].client"')
    .action(async (options) => {
      const { ask } = await import("./control_client.ts");
      const status = await ask(options.control, { command: "status" });
      if (options.json === true) {
        const { jsonLine } = await import("../report/plain.ts");
        print(jsonLine(status));
      } else {
        const { statusText } = await import("../report/status_text.ts");
        print(...statusText(status, Date.now()));
      }
    });
}
