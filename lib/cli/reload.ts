/**
 * `ftwall reload`: made for cron, silent on success.
 * @module
 */
import { DONE, FAILED } from "../report/failure.ts";
import { complain, print } from "../report/output.ts";
import { plain } from "../report/plain.ts";
import { type Command, command } from "./command.ts";
import { ask } from "./control_client.ts";
import { CONTROL, CRON } from "./options.ts";

/** The command. */
export const reload: Command = command({
  text: "ask the daemon to load its config again, and wait for the outcome",
  options: { verbose: { short: "v", text: "say what changed, also on success" }, control: CONTROL },
  after: `Exit codes: 0 applied or unchanged, 1 refused (the old config stays in force), 3 no daemon.
Every five minutes by cron, in /etc/cron.d/ftwall:
  */5 * * * *  root  ${CRON} reload`,
  async run({ verbose, control }) {
    const answer = await ask(control, { command: "reload" }, 60_000);
    if (answer.outcome === "refused") {
      complain("ftwall: Cannot reload: the old config stays in force", ...answer.problems.map(plain));
      return FAILED;
    }
    if (verbose === true) {
      const lines = [...answer.changes, ...answer.problems].map((line) => `  ${plain(line)}`);
      print(`Config ${answer.outcome}, hash ${answer.hash}`, ...lines);
    }
    return DONE;
  },
});
