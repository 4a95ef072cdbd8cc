/**
 * `ftwall notify`.
 * @module
 */
import { DONE, FAILED } from "../report/failure.ts";
import { print } from "../report/output.ts";
import { counted, grouped, jsonLine, plain, table } from "../report/plain.ts";
import { type Command, command } from "./command.ts";
import { ask } from "./control_client.ts";
import { CONTROL, JSON_OUTPUT } from "./options.ts";

/** Milliseconds for a test: the longest `timeout` of a target, and some. */
const PATIENCE = 310_000;

/** The command. */
export const notify: Command = command({
  text: "show the targets of notifications, or send each of them a test message",
  argument: { usage: "[target]", text: "name of one target (default: all)" },
  options: {
    test: { text: "let the daemon send a test message, and wait for the outcome" },
    json: JSON_OUTPUT,
    control: CONTROL,
  },
  after: `Exit codes: 0 all is well, 1 a target cannot be reached, 3 no daemon.
Example: ftwall notify --test admin`,
  async run({ test, json, control }, [name]) {
    if (test === true) {
      const { targets } = await ask(control, { command: "notify", name: name ?? null }, PATIENCE);
      const lines = targets.map(({ name, failure }) => plain(`${name}: ${failure === "" ? "arrived" : failure}`));
      print(...(json === true ? [jsonLine(targets)] : lines));
      return targets.some(({ failure }) => failure !== "") ? FAILED : DONE;
    }
    const { notify: all = [] } = await ask(control, { command: "status" });
    const targets = all.filter((target) => name === undefined || target.name === name);
    if (json === true) print(jsonLine(targets));
    else if (targets.length === 0) {
      print(`There is no [[notify]]${name === undefined ? "" : ` named "${plain(name)}"`}`);
    } else {
      const columns = [{ title: "TARGET" }, { title: "WAY" }, { title: "TOLD OF" }, { title: "SENT", right: true }];
      const rows = targets.map(({ name, way, on, sent }) => [name, way, on.join(", "), grouped(sent)]);
      print(...table(columns, rows));
      for (const { name, failed, failure } of targets) {
        if (failure !== undefined) print(plain(`${name}: ${counted(failed, "try", "s")} FAILED: ${failure}`));
      }
    }
    return targets.some(({ failure }) => failure !== undefined) ? FAILED : DONE;
  },
});
