/**
 * Putting the rules in force by difference, removing them, checking them.
 * @module
 */
import { type Choice, chooseBackend, VARIANTS } from "./backend.ts";
import { type Inspected, inspectRules, inspectTool } from "./inspect.ts";
import { iptablesJumps, iptablesRules, iptablesText, type Jump, REJECT_CHAIN } from "./iptables.ts";
import { NFT_TABLE, nftRemoveText, nftRenewText, nftRules, nftText } from "./nft.ts";
import type { RulesOptions } from "./options.ts";
import { type Backend, FirewallError, reason, type Runner } from "./run.ts";
import { ipsetCreateText, SET_NAMES } from "./sets.ts";
import { flowDevices, hasIpv6, IPTABLES_TOOLS, legacyTables, listInterfaces, presentLan } from "./tools.ts";

/** What applying did. */
export interface Applied {
  /** The back end in use. */
  readonly backend: Backend;
  /** False when everything was in place already. */
  readonly changed: boolean;
  /** Whether kernel sets are in the rules. */
  readonly sets: boolean;
  /** True where clients are recognised by interface, false where by home prefix. */
  readonly byInterface: boolean;
  /** Everything that was done, or done without, a sentence each. */
  readonly notes: readonly string[];
}

/**
 * Puts the rules in force, by difference: what is there already stays, hooks are never deleted and made again, and
 * our chains change in one transaction, so that no waiting packet is lost. Throws a FirewallError.
 */
export async function applyRules(wanted: Backend | "auto", options: RulesOptions, run: Runner): Promise<Applied> {
  const lan = presentLan(options.lan, await listInterfaces(run));
  const notes: string[] = [];
  if (lan.length === 0 && options.lan.length > 0) {
    notes.push(
      `None of the interfaces "${options.lan.join('", "')}" exists: clients are recognised by home prefix instead`,
    );
  }
  const devices = options.offload === "off" ? [] : await flowDevices(run);
  const choice = await chooseBackend(run, wanted, { ...options, lan, devices });
  const effective = { ...options, lan, devices, sets: choice.sets, offload: choice.offload };
  notes.push(...choice.notes, ...(await countPackets(run)));
  const present = await inspectRules(run);
  // Rules of the other back end would queue each packet a second time.
  if (present.some((part) => part.backend !== choice.backend)) {
    await removeRules(run, choice.backend === "nft" ? "iptables" : "nft");
    notes.push(`Removed the rules of the other back end`);
  }
  const changed = choice.backend === "nft"
    ? await applyNft(effective, present, run)
    : await applyIptables(effective, choice, run, notes);
  return { backend: choice.backend, changed, sets: choice.sets, byInterface: lan.length > 0, notes };
}

async function applyNft(options: RulesOptions, present: readonly Inspected[], run: Runner): Promise<boolean> {
  const there = present.find((part) => part.backend === "nft");
  const text = nftText(options, (there?.devices ?? null) !== null);
  // Sets that an older version made and nothing asks any more.
  const left = (there?.setNames ?? []).filter((name) => !text.includes(`add set ${NFT_TABLE} ${name} `));
  const devices = options.offload === "off"
    ? []
    : options.devices.filter((name) => there?.devices?.includes(name) !== true);
  const same = there?.stamp === stampOf(text) && there.rules === nftRules(options).length;
  if (same && left.length === 0 && devices.length === 0) return false;
  const removal = left.map((name) => `delete set ${NFT_TABLE} ${name}\n`).join("");
  const answer = await run("nft", ["-f", "-"], text + removal);
  if (answer.code !== 0) {
    throw new FirewallError(
      `Cannot put the rules into table "${NFT_TABLE}" with nft: ${reason(answer)}. ` +
        "If an older ftwall made that table, run ftwall rules --remove first",
    );
  }
  return true;
}

/**
 * Has every offloaded flow forwarded by the long way again, where the rules say what its connection's mark says now; those
 * that are still accepted go back into the flowtable with their next packet. Takes in interfaces that came since. Answers
 * whether there was a flowtable. Throws a FirewallError.
 */
export async function renewOffload(options: RulesOptions, run: Runner): Promise<boolean> {
  if (options.offload === "off") return false;
  const answer = await run("nft", ["-f", "-"], nftRenewText({ ...options, devices: await flowDevices(run) }));
  if (answer.code === 0) return true;
  if (/No such file/.test(answer.stderr)) return false;
  throw new FirewallError(`Cannot empty the flowtable: ${reason(answer)}`);
}

async function applyIptables(options: RulesOptions, choice: Choice, run: Runner, notes: string[]): Promise<boolean> {
  if (options.sets) {
    const answer = await run("ipset", ["-exist", "restore"], ipsetCreateText());
    if (answer.code !== 0) throw new FirewallError(`Cannot create the sets with ipset: ${reason(answer)}`);
  }
  let changed = false;
  for (const family of [4, 6] as const) {
    if (family === 6 && !(await hasIpv6(run))) {
      notes.push("This kernel has no IPv6: no rules for it");
      continue;
    }
    const tool = family === 4 ? "iptables" : "ip6tables";
    const text = iptablesText(options, family, choice.features);
    const jumps = iptablesJumps(options);
    const there = await inspectTool(run, tool);
    const want = iptablesRules(options, family, choice.features).length + (options.refuse === "reject" ? 2 : 0);
    const wanted = jumps.map((jump) => `${jump.table} -A ${jump.hook} ${jump.rule}`);
    // Left over from a time when refusing meant rejecting.
    const idle = options.refuse === "drop" && (there?.chains.includes(`filter ${REJECT_CHAIN}`) ?? false);
    const extra = surplus(there?.jumps ?? [], wanted);
    const lack = jumps.filter((_, at) => !(there?.jumps ?? []).includes(wanted[at]!));
    if (there?.stamp === stampOf(text) && there.rules === want && !idle && extra.length === 0 && lack.length === 0) {
      continue;
    }
    const answer = await run(
      `${tool}-restore`,
      ["-w", "5", "--noflush"],
      withJumps(idle ? `${text}${NO_REJECT}` : text, lack, extra),
    );
    if (answer.code !== 0) {
      throw new FirewallError(`Cannot put the rules in place with ${tool}-restore: ${reason(answer)}`);
    }
    changed = true;
  }
  for (const name of await ownIpsets(run)) {
    // An older version made it, and nothing asks it any more.
    if (!SET_NAMES.includes(name) && (await run("ipset", ["destroy", name])).code === 0) changed = true;
  }
  return changed;
}

/** The sets of ours that ipset lists, those of older versions too. */
async function ownIpsets(run: Runner): Promise<string[]> {
  const listed = await run("ipset", ["-n", "list"]);
  return listed.stdout.split("\n").filter((line) => /^ftwall_[a-z]+[46]$/.test(line));
}

const NO_REJECT = `*filter\n-F ${REJECT_CHAIN}\n-X ${REJECT_CHAIN}\nCOMMIT\n`;

/** Jumps that are not wanted, or are there twice. */
function surplus(there: readonly string[], wanted: readonly string[]): string[] {
  return there.filter((jump, at) => !wanted.includes(jump) || there.indexOf(jump) !== at);
}

/** Adds the changes of jumps to the restore text, so that they come into force together with the chains. */
function withJumps(text: string, lack: readonly Jump[], extra: readonly string[]): string {
  let result = text;
  for (const table of ["mangle", "filter"]) {
    const lines = [
      ...extra.filter((jump) => jump.startsWith(`${table} `)).map((jump) =>
        jump.slice(table.length + 1).replace("-A", "-D")
      ),
      ...lack.filter((jump) => jump.table === table).map((jump) => `-I ${jump.hook} 1 ${jump.rule}`),
    ];
    if (lines.length === 0) continue;
    const head = `*${table}\n`;
    const at = result.indexOf(head);
    if (at < 0) {
      result += `${head}${lines.join("\n")}\nCOMMIT\n`;
    } else {
      // Before rules are emptied or removed, after chains are declared: a chain that is jumped to cannot go.
      const end = result.indexOf("-F ", at) > at && table === "filter"
        ? at + head.length
        : result.indexOf("COMMIT\n", at);
      result = `${result.slice(0, end)}${lines.join("\n")}\n${result.slice(end)}`;
    }
  }
  return result;
}

function stampOf(text: string): string | null {
  return /ftwall:([0-9a-f]{8})/.exec(text)?.[1] ?? null;
}

/** Without packet counters on connections no rule can tell the first packets from later ones. */
async function countPackets(run: Runner): Promise<string[]> {
  const path = "/proc/sys/net/netfilter/nf_conntrack_acct";
  const now = await run("cat", [path]);
  if (now.stdout.trim() === "1") return [];
  const answer = await run("tee", [path], "1\n");
  if (answer.code === 0) return ["Switched on sysctl net.netfilter.nf_conntrack_acct"];
  return [`Could not switch on sysctl net.netfilter.nf_conntrack_acct: ${reason(answer)}`];
}

/**
 * Removes everything that is ours: table, chains, jumps and sets of every back end, IPv4 and IPv6, or of `only` one
 * back end. Works after a crash and when there is nothing. Returns what was removed; throws when something stayed.
 */
export async function removeRules(run: Runner, only?: Backend): Promise<string[]> {
  const removed: string[] = [];
  const stayed: string[] = [];
  if (only !== "iptables" && (await run("nft", ["list", "table", "inet", "ftwall"])).code === 0) {
    const answer = await run("nft", ["-f", "-"], nftRemoveText());
    if (answer.code === 0) removed.push("nft table inet ftwall");
    else stayed.push(`nft table inet ftwall: ${reason(answer)}`);
  }
  if (only !== "nft") {
    const legacy = await legacyTables(run);
    for (const tool of IPTABLES_TOOLS) {
      if (tool.includes("legacy") && !legacy) continue;
      const there = await inspectTool(run, tool);
      if (there === null) continue;
      const answer = await run(tool.replace("tables", "tables-restore").replace(/-restore(-\w+)$/, "$1-restore"), [
        "-w",
        "5",
        "--noflush",
      ], removalText(there));
      if (answer.code === 0) removed.push(`${tool} chains ftwall_*`);
      else stayed.push(`${tool} chains ftwall_*: ${reason(answer)}`);
      await removeEmptyTables(run, tool.startsWith("ip6") ? "ip6" : "ip");
    }
    for (const name of await ownIpsets(run)) {
      const answer = await run("ipset", ["destroy", name]);
      if (answer.code === 0) removed.push(`ipset ${name}`);
      else stayed.push(`ipset ${name}: ${reason(answer)}`);
    }
  }
  if (stayed.length > 0) throw new FirewallError(`Cannot remove all rules: ${stayed.join("; ")}`);
  return removed;
}

/** iptables on top of nft makes its tables when it first adds a rule, and leaves them: those that hold nothing go. */
async function removeEmptyTables(run: Runner, family: "ip" | "ip6"): Promise<void> {
  for (const table of ["mangle", "filter"]) {
    const { code, stdout } = await run("nft", ["list", "table", family, table]);
    const held = stdout.split("\n").filter((line) => !EMPTY_TABLE_LINE.test(line));
    if (code === 0 && held.length === 0) await run("nft", ["delete", "table", family, table]);
  }
}

/** What nft lists of a table of iptables without rules: its own chains, which accept. */
const EMPTY_TABLE_LINE =
  /^(#.*|table ip6? \w+ \{|\tchain (PREROUTING|INPUT|FORWARD|OUTPUT|POSTROUTING) \{|\t\ttype \w+ hook \w+ priority [^;]+; policy accept;|\t?\}|)$/;

function removalText(there: Inspected): string {
  const lines: string[] = [];
  for (const table of ["mangle", "filter"]) {
    const prefix = `${table} `;
    const jumps = there.jumps.filter((jump) => jump.startsWith(prefix)).map((jump) => jump.slice(prefix.length));
    const chains = there.chains.filter((chain) => chain.startsWith(prefix)).map((chain) => chain.slice(prefix.length));
    if (jumps.length === 0 && chains.length === 0) continue;
    lines.push(
      `*${table}`,
      ...jumps.map((jump) => jump.replace("-A", "-D")),
      ...chains.map((chain) => `-F ${chain}`),
      ...chains.map((chain) => `-X ${chain}`),
      "COMMIT",
    );
  }
  return lines.join("\n") + "\n";
}

/** What is known of the rules in force. */
export interface Checked {
  /** Tool that made them; null where there are none. */
  readonly backend: Backend | null;
  /** Whether there are any. */
  readonly present: boolean;
  /** In what they are not what is asked for, a sentence each; empty where they are. */
  readonly differs: readonly string[];
  /** False where some of them are gone: a rule, a hook, those of one family. Rules of another config may be whole. */
  readonly whole: boolean;
  /** Whether the old tables of iptables are in use, of whose changes the kernel tells nobody. */
  readonly legacy: boolean;
  /** Whether they ask the kernel sets. */
  readonly sets: boolean;
  /** Fingerprint of the rules in force; empty where there are none. */
  readonly stamp: string;
}

/** Whether the rules in force are those that these options ask for; for `doctor` and `status`. */
export async function checkRules(options: RulesOptions, run: Runner): Promise<Checked> {
  const lan = presentLan(options.lan, await listInterfaces(run));
  const parts = await inspectRules(run);
  const first = parts[0];
  const legacy = await legacyTables(run);
  if (first === undefined) {
    return { backend: null, present: false, differs: [], whole: false, legacy, sets: false, stamp: "" };
  }
  const differs: string[] = [];
  const gone: string[] = [];
  if (parts.some((part) => part.backend !== first.backend)) differs.push("rules of both back ends are present");
  const tools = first.backend === "nft" ? ["nft"] : ["iptables", ...(await hasIpv6(run) ? ["ip6tables"] : [])];
  for (const tool of tools) {
    const part = parts.find((seen) => seen.tool === tool);
    if (part === undefined) {
      gone.push(`no rules of ${tool}`);
      continue;
    }
    const hooks = ["forward", "input", "output", "post"];
    if (tool !== "nft" && options.refuse === "reject") hooks.push("reject");
    for (const hook of hooks) {
      const times = part.hooks.filter((seen) => seen === hook).length;
      if (times !== 1) gone.push(`${tool}: ${times} hooks of ${hook} found, 1 expected`);
    }
    const family = tool === "ip6tables" ? 6 : 4;
    const offloads = options.offload === "off" ? ["off"] as const : [options.offload, "software", "off"] as const;
    const variants = [true, false].flatMap((sets) =>
      VARIANTS.flatMap((features) => offloads.map((offload) => ({ sets, features, offload })))
    );
    const match = variants.find(({ sets, features, offload }) => {
      const wanted = { ...options, lan, sets: options.sets && sets, offload };
      return part.stamp === stampOf(tool === "nft" ? nftText(wanted) : iptablesText(wanted, family, features));
    });
    if (part.stamp === null) {
      gone.push(`${tool}: the rule that names their options is gone`);
      continue;
    }
    if (match === undefined) {
      differs.push(`${tool}: made from other options, run ftwall rules --apply`);
      continue;
    }
    const wanted = { ...options, lan, sets: options.sets && match.sets, offload: match.offload };
    const count = tool === "nft"
      ? nftRules(wanted).length
      : iptablesRules(wanted, family, match.features).length + (options.refuse === "reject" ? 2 : 0);
    if (part.rules !== count) gone.push(`${tool}: ${part.rules} rules found, ${count} expected`);
  }
  const sets = parts.every((part) => part.backend !== first.backend || part.sets);
  return {
    backend: first.backend,
    present: true,
    differs: [...differs, ...gone],
    whole: gone.length === 0,
    legacy,
    sets,
    stamp: first.stamp ?? "none",
  };
}
