/**
 * `ftwall rules`.
 * @module
 */
import { loadForCommand, loadForService, type Usable } from "../daemon/load.ts";
import { rulesOptions } from "../daemon/rules.ts";
import { DEFAULT_STATE, ServiceMemory } from "../daemon/service_memory.ts";
import { RulesNote } from "../daemon/rules_note.ts";
import {
  applyRules,
  checkOptions,
  chooseBackend,
  FirewallError,
  flowDevices,
  listInterfaces,
  presentLan,
  removeRules,
  rulesText,
  runCommand,
} from "../firewall/mod.ts";
import type { RulesOptions } from "../firewall/options.ts";
import { DONE, FAILED, Failure, MISSING, USAGE } from "../report/failure.ts";
import { complain, print } from "../report/output.ts";
import { type Command, command } from "./command.ts";
import { CONFIG, QUEUE } from "./options.ts";
import { mayAdministrate } from "./permission.ts";

const AS_ROOT = "Run as root or with the capability CAP_NET_ADMIN";

type Wanted = "nft" | "iptables" | "auto";

/** The command. */
export const rules: Command = command({
  text: "print the firewall rules for this config, put them in place, or take them away",
  options: {
    config: CONFIG,
    backend: { value: "tool", text: "which firewall tool", choices: ["auto", "nft", "iptables"], preset: "auto" },
    queue: QUEUE,
    apply: { text: "put the rules in place; doing it again changes nothing" },
    service: { text: "where the config has errors, take the last good one, as run --service does" },
    state: { value: "path", text: "with --service: the daemon's state file, beside which that config is" },
    remove: { text: "take away everything that --apply made" },
  },
  after: `Without --apply or --remove the rules are only printed.
While ftwall does not run, [queue] fail decides: "open" lets traffic pass, "closed" drops it.
Examples:
  ftwall rules --backend nft > /etc/nftables.d/ftwall.nft
  ftwall rules --apply`,
  async run({ config, backend, queue, apply, remove, service, state }) {
    if (apply === true && remove === true) {
      throw new Failure(USAGE, "Cannot both apply and remove the rules: name one of --apply and --remove");
    }
    try {
      if (remove === true) {
        await removeAll(backend);
        return DONE;
      }
      const wanted = rulesOptions(usable(config, service === true, state ?? DEFAULT_STATE).config, queue);
      checkOptions(wanted);
      if (apply === true) {
        const applied = await applyRules(backend, wanted, runCommand);
        // From now on they are the operator's, whoever made them.
        new RulesNote().write(null);
        complain(...applied.notes.map((note) => `ftwall: ${note}`));
        print(`The rules ${applied.changed ? "are in place" : "were in place already"} (${applied.backend})`);
      } else {
        print((await rulesAsText(backend, wanted)).trimEnd());
      }
      return DONE;
    } catch (error) {
      if (error instanceof FirewallError) {
        // Without permission every tool fails, each with other words, and none of them is missing.
        if (!mayAdministrate()) {
          throw new Failure(MISSING, "Cannot change or try firewall rules: no permission. " + AS_ROOT);
        }
        throw new Failure(error.missing ? MISSING : FAILED, error.message);
      }
      if (error instanceof RangeError) throw new Failure(USAGE, error.message);
      throw error;
    }
  },
});

function usable(path: string | undefined, service: boolean, state: string): Usable {
  return service ? loadForService(path, new ServiceMemory(state)) : loadForCommand(path);
}

async function removeAll(backend: Wanted): Promise<void> {
  // Without permission no rule can be seen either, which does not mean that there are none.
  if (!mayAdministrate()) throw new Failure(MISSING, `Cannot remove firewall rules: no permission. ${AS_ROOT}`);
  // Before they go: a daemon that sees them gone must know by then that it is not to put them back.
  const note = new RulesNote();
  const before = note.read();
  note.write("removed");
  let removed: readonly string[];
  try {
    removed = await removeRules(runCommand, backend === "auto" ? undefined : backend);
  } catch (error) {
    note.write(before);
    throw error;
  }
  print(...(removed.length === 0 ? ["There are no rules of ftwall"] : removed.map((what) => `Removed ${what}`)));
}

/** The rules as text. Which tool "auto" is can only be found out with permission; without it the text is for nft, and says so. */
async function rulesAsText(backend: Wanted, wanted: RulesOptions): Promise<string> {
  const lan = presentLan(wanted.lan, await listInterfaces(runCommand));
  const devices = wanted.offload === "off" ? [] : await flowDevices(runCommand);
  const here = { ...wanted, lan, devices };
  if (backend !== "auto") return rulesText(backend, here);
  try {
    const { sets, offload, ...choice } = await chooseBackend(runCommand, "auto", here);
    return rulesText(choice.backend, { ...here, sets, offload });
  } catch (error) {
    if (!(error instanceof FirewallError)) throw error;
    const found = mayAdministrate() ? error.message : `no permission. ${AS_ROOT}`;
    complain(`ftwall: Cannot try out which firewall tool works here, the rules are for nft: ${found}`);
    return rulesText("nft", here);
  }
}
