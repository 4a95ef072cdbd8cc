/**
 * `ftwall rules`.
 * @module
 */
import { Command, type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import type { RulesOptions } from "../firewall/options.ts";
import { FAILED, Failure, MISSING, USAGE } from "../report/failure.ts";
import { configOption, reading } from "./options.ts";
import { complain, print } from "../report/output.ts";
import { mayAdministrate } from "./permission.ts";
import { readQueues } from "./read.ts";
import type { Ended } from "./command_line.ts";

const AS_ROOT = "Run as root or with the capability CAP_NET_ADMIN";

type Wanted = "nft" | "iptables" | "auto";

/** Makes the command. */
export function rulesCommand(_ended: Ended): CommandUnknownOpts {
  return new Command("rules")
    .description("print the firewall rules for this config, put them in place, or take them away")
    .addOption(configOption())
    .addOption(
      new Option("--backend <tool>", "which firewall tool").choices(["auto", "nft", "iptables"] as const).default(
        "auto" as const,
      ),
    )
    .option("--queue <numbers>", "queue N, or queues N:M; overrides the config", reading(readQueues))
    .option("--apply", "put the rules in place; doing it again changes nothing")
    .option("--remove", "take away everything that --apply made")
    .addHelpText(
      "after",
      `
Without --apply or --remove the rules are only printed.
While ftwall does not run, [queue] fail decides: "open" lets traffic pass, "closed" drops it.
Examples:
  ftwall rules --backend nft > /etc/nftables.d/ftwall.nft
  ftwall rules --apply`,
    )
    .action(async (options) => {
      if (options.apply === true && options.remove === true) {
        throw new Failure(USAGE, "Cannot both apply and remove the rules: name one of --apply and --remove");
      }
      const firewall = await import("../firewall/mod.ts");
      try {
        if (options.remove === true) {
          // Without permission no rule can be seen either, which is not to be taken for none.
          if (!mayAdministrate()) throw new Failure(MISSING, `Cannot remove firewall rules: no permission. ${AS_ROOT}`);
          const removed = await firewall.removeRules(
            firewall.runCommand,
            options.backend === "auto" ? undefined : options.backend,
          );
          print(
            ...(removed.length === 0 ? ["There are no rules of ftwall"] : removed.map((what) => `Removed ${what}`)),
          );
          return;
        }
        const { loadForCommand } = await import("../daemon/load.ts");
        const { rulesOptions } = await import("../daemon/rules.ts");
        const wanted = rulesOptions(loadForCommand(options.config).config, options.queue);
        firewall.checkOptions(wanted);
        if (options.apply === true) {
          const applied = await firewall.applyRules(options.backend, wanted, firewall.runCommand);
          complain(...applied.notes.map((note) => `ftwall: ${note}`));
          print(
            applied.changed
              ? `The rules are in place (${applied.backend})`
              : `The rules were in place already (${applied.backend})`,
          );
          return;
        }
        print((await text(options.backend, wanted)).trimEnd());
      } catch (error) {
        if (error instanceof firewall.FirewallError) {
          // Without permission every tool fails, each in its own words, and none of them is missing.
          if (!mayAdministrate()) {
            throw new Failure(MISSING, "Cannot change or try firewall rules: no permission. " + AS_ROOT);
          }
          throw new Failure(error.missing ? MISSING : FAILED, error.message);
        }
        if (error instanceof RangeError) throw new Failure(USAGE, error.message);
        throw error;
      }
    });
}

/** The rules as text. What "auto" means can only be tried out with permission; without it nft is shown, and that is said. */
async function text(backend: Wanted, wanted: RulesOptions): Promise<string> {
  const firewall = await import("../firewall/mod.ts");
  const lan = firewall.presentLan(wanted.lan, await firewall.listInterfaces(firewall.runCommand));
  if (backend !== "auto") return firewall.rulesText(backend, { ...wanted, lan });
  try {
    const choice = await firewall.chooseBackend(firewall.runCommand, "auto", { ...wanted, lan });
    return firewall.rulesText(choice.backend, { ...wanted, lan, sets: choice.sets });
  } catch (error) {
    if (!(error instanceof firewall.FirewallError)) throw error;
    const found = mayAdministrate() ? error.message : `no permission. ${AS_ROOT}`;
    complain(`ftwall: Cannot try out which firewall tool works here, the rules are for nft: ${found}`);
    return firewall.rulesText("nft", { ...wanted, lan });
  }
}
