/**
 * Which back end works on this kernel, by trial.
 * @module
 */
import { ALL_FEATURES, type IptablesFeatures, iptablesText } from "./iptables.ts";
import { flowTimeoutsFixed } from "./flow_timeouts.ts";
import { nftText } from "./nft.ts";
import { RULES_DEFAULTS, type RulesOptions } from "./options.ts";
import { type Backend, FirewallError, type Ran, reason, type Runner } from "./run.ts";

/** What a trial found out. */
export interface Choice {
  /** The first one that works. */
  readonly backend: Backend;
  /** How settled flows are offloaded: as was asked, or not where that cannot be had. */
  readonly offload: RulesOptions["offload"];
  /** Whether sets with timeouts can be had (always with nft; through ipset with iptables). */
  readonly sets: boolean;
  /** What iptables can do here. */
  readonly features: IptablesFeatures;
  /** Why the back ends before this one were passed over, and what is done without. */
  readonly notes: readonly string[];
}

/** The commands that make the rules work again, by distribution. */
export const INSTALL_HINT: string = [
  "Debian: apt install nftables (or iptables ipset)",
  "Fedora: dnf install nftables (or iptables ipset)",
  "Alpine: apk add nftables (or iptables ip6tables ipset)",
  "OpenWrt with nft: opkg install nftables kmod-nft-queue kmod-nfnetlink-queue",
  "OpenWrt with iptables: opkg install iptables-mod-nfqueue kmod-ipt-nfqueue iptables-mod-conntrack-extra" +
  " iptables-mod-hashlimit iptables-mod-u32 kmod-ipt-ipset ipset",
].join("; ");

/**
 * Finds the back end that works on this kernel, by trial and not by looking for a program: nft first, then iptables.
 * The trial leaves existing rules alone. Throws a FirewallError when neither works or `wanted` does not.
 */
export async function chooseBackend(
  run: Runner,
  wanted: Backend | "auto" = "auto",
  options: RulesOptions = RULES_DEFAULTS,
): Promise<Choice> {
  const notes: string[] = [];
  if (wanted !== "iptables") {
    const nft = await tryNftOffloading(run, options, notes);
    if (nft !== null) return nft;
  }
  if (wanted !== "nft") {
    const choice = await tryIptables(run, options, notes);
    if (choice !== null) return choice;
  }
  throw new FirewallError(`Cannot make firewall rules: ${notes.join("; ")}. To mend it: ${INSTALL_HINT}`, true);
}

/** nft with what of offloading works here, from the best on; null where it does not work at all. */
async function tryNftOffloading(run: Runner, options: RulesOptions, notes: string[]): Promise<Choice | null> {
  const ways = { hardware: ["hardware", "software", "off"], software: ["software", "off"], off: ["off"] } as const;
  let refused = "";
  for (const offload of ways[options.offload]) {
    const answer = await tryNft(run, { ...options, offload });
    if (answer.code === 0) {
      if (refused !== "") {
        notes.push(`no ${options.offload} offload${offload === "off" ? "" : `, but by ${offload}`}: ${refused}`);
      }
      return { backend: "nft", offload, sets: true, features: ALL_FEATURES, notes };
    }
    refused = reason(answer);
  }
  notes.push(`nft cannot be used: ${refused}`);
  return null;
}

/**
 * `nft -c` sends everything to the kernel, which checks it and then throws it away: hooked chains too, and with a hook go
 * all packets that wait in the queues of that network namespace. So the trial takes place in one of its own, or, where
 * none may be made, with chains that nothing leads to. Interfaces are not the same there: only hardware offload, which is
 * theirs to do, is tried outside.
 */
async function tryNft(run: Runner, options: RulesOptions): Promise<Ran> {
  const own = options.offload === "hardware";
  const text = nftText(own ? options : { ...options, devices: [] }).replaceAll("inet ftwall", "inet ftwall_trial");
  if (!own) {
    const answer = await run("unshare", ["-n", "nft", "-c", "-f", "-"], text);
    if (answer.code !== 127 && !/unshare/.test(answer.stderr)) return answer;
  }
  return await run("nft", ["-c", "-f", "-"], text.replaceAll(/ \{ type filter hook [^}]*\}/g, ""));
}

/** What may be done without, from the best on. */
export const VARIANTS: readonly IptablesFeatures[] = [
  ALL_FEATURES,
  { hashlimit: true, u32: false },
  { hashlimit: false, u32: true },
  { hashlimit: false, u32: false },
];

async function tryIptables(run: Runner, options: RulesOptions, notes: string[]): Promise<Choice | null> {
  let sets = options.sets;
  if (sets) {
    // A set of its own in a network namespace of its own, or, where none may be made, a set that goes again at once.
    let answer = await run("unshare", ["-n", "ipset", "create", "ftwall_trial", "hash:ip", "timeout", "1"]);
    if (answer.code !== 0) {
      answer = await run("ipset", ["-exist", "create", "ftwall_trial", "hash:ip", "timeout", "1"]);
      await run("ipset", ["destroy", "ftwall_trial"]);
    }
    if (answer.code !== 0) {
      sets = false;
      const why = answer.code === 127 ? "there is no ipset, install it" : `ipset: ${reason(answer)}`;
      notes.push(`no kernel sets, ftwall alone holds the locks: ${why}`);
    }
  }
  // Sets are left out of the trial, since they would have to exist where it takes place.
  for (const features of VARIANTS) {
    const answer = await tryText(run, iptablesText({ ...options, sets: false, offload: "off" }, 4, features));
    if (answer.code === 0) {
      if (!features.hashlimit) {
        notes.push("no hashlimit match: one rate limit serves all locked clients together, and no client has a budget");
      }
      if (!features.u32) notes.push("no u32 match: TCP packets without payload visit ftwall as well");
      const offload = await tryTarget(run, options, features, notes);
      return { backend: "iptables", offload, sets, features, notes };
    }
    if (features === VARIANTS.at(-1) || answer.code === 127) notes.push(`iptables cannot be used: ${reason(answer)}`);
    if (answer.code === 127) break;
  }
  return null;
}

async function tryText(run: Runner, text: string): Promise<Ran> {
  const answer = await run("unshare", ["-n", "iptables-restore", "--noflush"], text);
  if (answer.code !== 127 && !/unshare/.test(answer.stderr)) return answer;
  const within = await run("iptables-restore", ["-w", "5", "--noflush"], scratch(text));
  await run("iptables-restore", ["-w", "5", "--noflush"], scratchRemoval(text));
  return within;
}

/** Whether iptables can offload: OpenWrt's target FLOWOFFLOAD, and timeouts by which a reload can take flows back. */
async function tryTarget(
  run: Runner,
  options: RulesOptions,
  features: IptablesFeatures,
  notes: string[],
): Promise<"software" | "off"> {
  if (options.offload === "off") return "off";
  const answer = await tryText(run, iptablesText({ ...options, sets: false }, 4, features));
  const lacks = answer.code === 0 ? await flowTimeoutsFixed(run) : `no target FLOWOFFLOAD: ${reason(answer)}`;
  if (lacks !== "") notes.push(`no ${options.offload} offload with iptables: ${lacks}`);
  else if (options.offload === "hardware") {
    notes.push("no hardware offload with iptables, which could not take flows back at once, but by software");
  }
  return lacks === "" ? "software" : "off";
}

/** The same rules in chains that nothing jumps to. */
function scratch(text: string): string {
  return text.replaceAll("ftwall_", "fwtrial_");
}

function scratchRemoval(text: string): string {
  const lines: string[] = [];
  for (const line of scratch(text).split("\n")) {
    if (line.startsWith("*")) lines.push(line);
    const name = /^:(\S+)/.exec(line)?.[1];
    if (name !== undefined) lines.push(`-F ${name}`);
    if (line === "COMMIT") {
      for (const flushed of lines.filter((l) => l.startsWith("-F "))) lines.push(flushed.replace("-F", "-X"));
      lines.push("COMMIT");
      return lines.join("\n") + "\n";
    }
  }
  return "";
}
