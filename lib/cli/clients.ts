/**
 * What an operator may do to a client, or ask about it: `ftwall lock`, `unlock`, `allow` and `explain`.
 * @module
 */
import { formatAddress, formatMac, parseAddress, parseMac } from "../net/address.ts";
import type { ControlRequest } from "../report/control_protocol.ts";
import { explainText } from "../report/explain_text.ts";
import { DONE, Failure, USAGE } from "../report/failure.ts";
import { print } from "../report/output.ts";
import { jsonLine } from "../report/plain.ts";
import { type Command, command } from "./command.ts";
import { ask } from "./control_client.ts";
import { CONTROL, JSON_OUTPUT, readSeconds } from "./options.ts";

const CLIENT = { usage: "<client>", text: "address or MAC of a client" };
const REASON = { value: "text", text: "why; goes to the audit log", preset: "" as string } as const;

/** `ftwall lock`. */
export const lock: Command = command({
  text: "refuse a client's traffic for a while, as if it had been recognised",
  argument: CLIENT,
  options: {
    for: { value: "time", text: "how long: 90, 45s, 10m, 2h (default: 10m)", read: readSeconds },
    reason: REASON,
    control: CONTROL,
  },
  after: 'Example: ftwall lock 192.168.1.20 --for 10m --reason "asked for by the head of school"',
  run({ for: seconds = null, reason, control }, [client = ""]) {
    return request(control, { command: "lock", client: readClient(client), seconds, reason });
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
      client: client === undefined ? null : readClient(client),
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
    return request(control, { command: "allow", client: readClient(client), seconds, reason });
  },
});

/** `ftwall explain`. */
export const explain: Command = command({
  text: "say why a client is or was locked, or its flows refused: detector, evidence, score, when it ends",
  argument: CLIENT,
  options: { json: JSON_OUTPUT, control: CONTROL },
  after: "Example: ftwall explain 192.168.1.20",
  async run({ json, control }, [client = ""]) {
    const answer = await ask(control, { command: "explain", client: readClient(client) });
    print(...(json === true ? [jsonLine(answer)] : explainText(answer, Date.now())));
    return DONE;
  },
});

async function request(
  control: string,
  action: Extract<ControlRequest, { readonly command: "lock" | "unlock" | "allow" }>,
): Promise<number> {
  print((await ask<"lock" | "unlock" | "allow">(control, action)).message);
  return DONE;
}

/** The client in canonical form. Throws a {@link Failure} for what is neither address nor MAC. */
function readClient(text: string): string {
  const words = parseAddress(text);
  if (words !== null) return formatAddress(...words);
  const mac = parseMac(text);
  if (mac !== null) return formatMac(...mac);
  throw new Failure(
    USAGE,
    `Cannot name the client "${text.slice(0, 64)}": expected an IPv4 or IPv6 address or a MAC, e.g. 192.168.1.20`,
  );
}
