/**
 * `ftwall explain CLIENT`.
 * @module
 */
import { Command, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { readClient } from "./clients.ts";
import { controlOption, jsonOption } from "./options.ts";
import { print } from "../report/output.ts";
import type { Ended } from "./command_line.ts";

/** Makes the command. */
export function explainCommand(_ended: Ended): CommandUnknownOpts {
  return new Command("explain")
    .description("say why a client is or was locked, or its flows refused: detector, evidence, score, when it ends")
    .argument("<client>", "address or MAC of a client")
    .addOption(jsonOption())
    .addOption(controlOption())
    .addHelpText("after", "\nExample: ftwall explain 192.168.1.20")
    .action(async (text, options) => {
      const client = await readClient(text);
      const { ask } = await import("./control_client.ts");
      const answer = await ask(options.control, { command: "explain", client });
      if (options.json === true) {
        const { jsonLine } = await import("../report/plain.ts");
        print(jsonLine(answer));
      } else {
        const { explainText } = await import("../report/explain_text.ts");
        print(...explainText(answer, Date.now()));
      }
    });
}
