/**
 * `ftwall version`.
 * @module
 */
import { Command, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { print } from "../report/output.ts";
import type { Ended } from "./command_line.ts";
import { jsonOption } from "./options.ts";
import { VERSION } from "../daemon/version.ts";

/** Makes the command. */
export function versionCommand(_ended: Ended): CommandUnknownOpts {
  return new Command("version")
    .description("print the version of ftwall and of what it runs on")
    .addOption(jsonOption())
    .action((options) => {
      const { deno, v8 } = Deno.version;
      if (options.json === true) {
        print(JSON.stringify({ version: VERSION, deno, v8, target: Deno.build.target }));
      } else {
        print(`ftwall ${VERSION}`, `Deno ${deno}, V8 ${v8}, ${Deno.build.target}`);
      }
    });
}
