/**
 * `ftwall version`.
 * @module
 */
import { VERSION } from "../daemon/version.ts";
import { DONE } from "../report/failure.ts";
import { print } from "../report/output.ts";
import { type Command, command } from "./command.ts";
import { JSON_OUTPUT } from "./options.ts";

/** The command. */
export const version: Command = command({
  text: "print the version of ftwall and of what it runs on",
  options: { json: JSON_OUTPUT },
  run({ json }) {
    const { deno, v8 } = Deno.version;
    const { target } = Deno.build;
    if (json === true) print(JSON.stringify({ version: VERSION, deno, v8, target }));
    else print(`ftwall ${VERSION}`, `Deno ${deno}, V8 ${v8}, ${target}`);
    return DONE;
  },
});
