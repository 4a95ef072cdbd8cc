/**
 * What an operator may do to a client, or ask about it: `ftwall lock`, `unlock`, `allow` and `explain`.
 * @module
 */
import type { ControlRequest, ExplainAnswer } from "../report/control_protocol.ts";
import { explainText } from "../report/explain_text.ts";
import { DONE, Failure, USAGE } from "../report/failure.ts";
import { print } from "../report/output.ts";
import { jsonLine, plain } from "../report/plain.ts";
import { type Command, command } from "./command.ts";
import { ask } from "./control_client.ts";
import { findHistory, logLines, STATE } from "./history.ts";
import { CONTROL, JSON_OUTPUT, readSeconds } from "./options.ts";
import { oneClient } from "./who.ts";
import { localClock } from "./zone.ts";

const CLIENT = { usage: "<client>", text: "address, MAC or name of a client" };
const REASON = { value: "text", text: "why; goes to the audit log", preset: "" as string } as const;

/** `ftwall lock`. */
export const lock: Command = command({
  text: "refuse a client's traffic for a while, as if it had been recognised",
  argument: CLIENT,
  options: {
    for: { value: "time", text: "how long: 90, 45s, 10m, 2h (default: 10m)", read: readSeconds },
    reason: REASON,
    force: { text: "also the router's own address, or the machine of an operator" },
    control: CONTROL,
  },
  after: 'Example: ftwall lock 192.168.1.20 --for 10m --reason "asked for by the head of school"',
  run({ for: seconds = null, reason, force, control }, [client = ""]) {
    const forced = force === true ? { force } : {};
    return request(control, { command: "lock", client: oneClient(client), seconds, reason, ...forced });
  },
});

/** `ftwall unlock`. */
export const unlock: Command = command({
  text: "end a client's lock, or every lock",
  argument: { ...CLIENT, usage: "[client]" },
  options: { all: { text: "all clients" }, reason: REASON, control: CONTROL },
  after: "A client that goes on sharing is locked again; ftwall allow CLIENT prevents that.",
  run({ all, reason, control }, [client]) {
    if ((client === undefined) === (all !== true)) {
      throw new Failure(USAGE, 'Cannot unlock: expected either a client or --all\nTry "ftwall unlock --help"');
    }
    return request(control, {
      command: "unlock",
      client: client === undefined ? null : oneClient(client),
      reason,
    });
  },
});

/** `ftwall allow`. */
export const allow: Command = command({
  text: "leave a client alone for a while, whatever it does",
  argument: CLIENT,
  options: {
    for: { value: "time", text: "how long: 90, 45s, 10m, 2h (default: 2h)", read: readSeconds },
    reason: REASON,
    control: CONTROL,
  },
  after: "For good: add the client to [network] exempt in the config.\nExample: ftwall allow 192.168.1.20 --for 2h",
  run({ for: seconds = null, reason, control }, [client = ""]) {
    return request(control, { command: "allow", client: oneClient(client), seconds, reason });
  },
});

/** `ftwall explain`. */
export const explain: Command = command({
  text: "say why a client is or was locked, or its flows refused: detector, evidence, score, when it ends",
  argument: CLIENT,
  options: {
    since: { value: "time", text: "also what the history has of it, so far back: 12h, 2d", read: readSeconds },
    json: JSON_OUTPUT,
    state: STATE,
    control: CONTROL,
  },
  after: `Examples:
  ftwall explain 192.168.1.20
  ftwall explain 192.168.1.20 --since 2d
With --since it answers from the history alone where no daemon runs.`,
  async run({ since, json, state, control }, [client = ""]) {
    if (since === undefined) {
      const answer = await ask(control, { command: "explain", client: oneClient(client) });
      print(...(json === true ? [jsonLine(answer)] : explainText(answer, Date.now(), localClock())));
      if (json !== true && answer.history.length === 0) print("What was before the last start: add --since 2d");
      return DONE;
    }
    const directory = await findHistory({ state, config: undefined, control });
    const lines = [...logLines({ directory, client, since, json: json === true, config: undefined })];
    const answer = await now(control, client);
    if (json === true) {
      print(jsonLine({ now: answer, log: lines.map((line) => JSON.parse(line)) }));
      return DONE;
    }
    if (answer === null) print(`ftwall does not run: what its history has of ${plain(client)}`);
    else print(...explainText({ ...answer, history: [] }, Date.now(), localClock()).slice(0, -1));
    print("", ...(lines.length === 0 ? ["Nothing about it is in the history"] : lines));
    return DONE;
  },
});

/** What the daemon says of a client now; null where there is no daemon, or it knows none of that name. */
async function now(control: string, client: string): Promise<ExplainAnswer | null> {
  try {
    return await ask(control, { command: "explain", client: oneClient(client) });
  } catch (error) {
    // A name of the past may be nobody's now.
    if (error instanceof Failure) return null;
    throw error;
  }
}

async function request(
  control: string,
  action: Extract<ControlRequest, { readonly command: "lock" | "unlock" | "allow" }>,
): Promise<number> {
  print((await ask<"lock" | "unlock" | "allow">(control, action)).message);
  return DONE;
}
