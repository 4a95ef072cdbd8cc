/**
 * `ftwall lock`, `ftwall unlock`, `ftwall allow`: what an operator may do to a client.
 * @module
 */
import { Command, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { Failure, USAGE } from "../report/failure.ts";
import { controlOption, reading } from "./options.ts";
import { print } from "../report/output.ts";
import { readSeconds } from "./read.ts";
import type { Ended } from "./command_line.ts";

const CLIENT = "address or MAC of a client";
const REASON = "why; goes to the audit log";

/** Makes the three commands. */
export function actionCommands(_ended: Ended): CommandUnknownOpts[] {
  const lock = new Command("lock")
    .description("refuse a client's traffic for a while, as if it had been recognised")
    .argument("<client>", CLIENT)
    .option("--for <time>", "how long: 90, 45s, 10m, 2h (default: 10m)", reading(readSeconds))
    .option("--reason <text>", REASON, "")
    .addOption(controlOption())
    .addHelpText("after", '\nExample: ftwall lock 192.168.1.20 --for 10m --reason "asked for by the head of school"')
    .action(async (text, options) => {
      const client = await readClient(text);
      const { ask } = await import("./control_client.ts");
      const seconds = options.for ?? null;
      print((await ask(options.control, { command: "lock", client, seconds, reason: options.reason })).message);
    });
  const unlock = new Command("unlock")
    .description("end a client's lock, or every lock")
    .argument("[client]", CLIENT)
    .option("--all", "all clients")
    .option("--reason <text>", REASON, "")
    .addOption(controlOption())
    .addHelpText("after", "\nA client that goes on sharing is locked again; ftwall allow CLIENT prevents that.")
    .action(async (text, options) => {
      if ((text === undefined) === (options.all !== true)) {
        throw new Failure(USAGE, 'Cannot unlock: expected either a client or --all\nTry "ftwall unlock --help"');
      }
      const client = text === undefined ? null : await readClient(text);
      const { ask } = await import("./control_client.ts");
      print((await ask(options.control, { command: "unlock", client, reason: options.reason })).message);
    });
  const allow = new Command("allow")
    .description("leave a client alone for a while, whatever it does")
    .argument("<client>", CLIENT)
    .option("--for <time>", "how long: 90, 45s, 10m, 2h (default: 2h)", reading(readSeconds))
    .option("--reason <text>", REASON, "")
    .addOption(controlOption())
    .addHelpText(
      "after",
      "\nFor good: add the client to [network] exempt in the config.\nExample: ftwall allow 192.168.1.20 --for 2h",
    )
    .action(async (text, options) => {
      const client = await readClient(text);
      const { ask } = await import("./control_client.ts");
      const seconds = options.for ?? null;
      print((await ask(options.control, { command: "allow", client, seconds, reason: options.reason })).message);
    });
  return [lock, unlock, allow];
}

/** The client in canonical form. Throws a {@link Failure} for what is neither address nor MAC. */
export async function readClient(text: string): Promise<string> {
  const { formatAddress, formatMac, parseAddress, parseMac } = await import("../net/address.ts");
  const words = parseAddress(text);
  if (words !== null) return formatAddress(...words);
  const mac = parseMac(text);
  if (mac !== null) return formatMac(...mac);
  throw new Failure(
    USAGE,
    `Cannot name the client "${text.slice(0, 64)}": expected an IPv4 or IPv6 address or a MAC, e.g. 192.168.1.20`,
  );
}
