/**
 * `ftwall status`.
 * @module
 */
import { DONE } from "../report/failure.ts";
import { print } from "../report/output.ts";
import { jsonLine } from "../report/plain.ts";
import { statusText } from "../report/status_text.ts";
import { type Command, command } from "./command.ts";
import { ask } from "./control_client.ts";
import { CONTROL, JSON_OUTPUT } from "./options.ts";
import { localClock } from "./zone.ts";

/** The command. */
export const status: Command = command({
  text: "show locks, blocked peers, trained addresses, queues and counters of the running daemon",
  options: { json: JSON_OUTPUT, control: CONTROL },
  after: 'Example: ftwall status --json | jq -r ".locks[].client"',
  async run({ json, control }) {
    const answer = await ask(control, { command: "status" });
    print(
      ...(json === true
        ? [jsonLine(answer)]
        : statusText(answer, Date.now(), localClock(answer.config.path ?? undefined))),
    );
    return DONE;
  },
});
