/**
 * What of ours is in the kernel's tables now.
 * @module
 */
import { FLOWTABLE } from "./nft.ts";
import { IPTABLES_TOOLS, legacyTables } from "./tools.ts";
import { type Backend, FirewallError, reason, type Runner } from "./run.ts";

/** What is there of ours, in one back end. */
export interface Inspected {
  /** Its back end. */
  readonly backend: Backend;
  /** The tool that sees it: `nft`, `iptables`, `ip6tables-legacy`, … */
  readonly tool: string;
  /** Fingerprint of the rules that were applied, null when the rule that carries it is gone. */
  readonly stamp: string | null;
  /** Rules in our own chains. */
  readonly rules: number;
  /** Hooks that lead to us: `forward`, `input`, `output`, `post`, and `reject` where one is used. */
  readonly hooks: readonly string[];
  /** `-A …` lines outside our chains that lead into them; empty for nft. */
  readonly jumps: readonly string[];
  /** Our chains as `table chain`; empty for nft. */
  readonly chains: readonly string[];
  /** Names of the sets in our table; empty for iptables, whose sets are in no table. */
  readonly setNames: readonly string[];
  /** Whether the rules ask the kernel sets of locked clients and blocked peers. */
  readonly sets: boolean;
  /** Interfaces of the flowtable; null where there is none. */
  readonly devices: readonly string[] | null;
}

/** Looks at nft and at every kind of iptables for anything of ours. Changes nothing; missing tools count as empty. */
export async function inspectRules(run: Runner): Promise<Inspected[]> {
  const found: Inspected[] = [];
  const nft = await run("nft", ["list", "table", "inet", "ftwall"]);
  if (nft.code === 0) found.push(readNft(nft.stdout));
  const legacy = await legacyTables(run);
  for (const tool of IPTABLES_TOOLS) {
    if (tool.includes("legacy") && !legacy) continue;
    const seen = await inspectTool(run, tool);
    // `iptables` is one of the other two under its usual name: what it shows need not be named twice.
    if (seen !== null && !found.some((other) => sameRules(other, seen))) found.push(seen);
  }
  return found;
}

/**
 * Looks for our chains with one tool of the iptables family; null when there is nothing. Throws a {@link FirewallError}
 * where another program kept the tables locked: what could not be seen is not to be taken for nothing.
 */
export async function inspectTool(run: Runner, tool: string): Promise<Inspected | null> {
  const jumps: string[] = [];
  const chains: string[] = [];
  const hooks: string[] = [];
  let stamp: string | null = null;
  let rules = 0;
  let sets = false;
  for (const table of ["mangle", "filter"]) {
    const answer = await run(tool, ["-w", "5", "-t", table, "-S"]);
    if (answer.code !== 0) {
      if (!answer.stderr.includes("xtables lock")) continue;
      throw new FirewallError(`Cannot read the rules with ${tool}: ${reason(answer)}`);
    }
    for (const line of answer.stdout.split("\n")) {
      const own = /^-N (ftwall_\w+)/.exec(line);
      if (own !== null) chains.push(`${table} ${own[1]}`);
      else if (line.startsWith("-A ftwall_")) {
        rules++;
        sets ||= line.includes("--match-set ftwall_locked");
        stamp ??= /ftwall:([0-9a-f]{8})/.exec(line)?.[1] ?? null;
      } else {
        const jump = /^-A (\S+) .*-[jg] ftwall_(\w+)$/.exec(line);
        if (jump === null) continue;
        jumps.push(`${table} ${line}`);
        hooks.push(jump[2]!);
      }
    }
  }
  if (chains.length === 0 && jumps.length === 0) return null;
  const empty = { setNames: [], devices: null };
  return { backend: "iptables", tool, stamp, rules, hooks: hooks.sort(), jumps, chains, sets, ...empty };
}

/**
 * A rule of somebody else that sends packets to one of these queues, as the tool prints it; null where there is none. Rules of
 * ours beside it would queue each packet twice.
 */
export async function foreignQueueRule(run: Runner, [first, last]: readonly [number, number]): Promise<string | null> {
  const saves = ["iptables-save", "ip6tables-save"];
  if (await legacyTables(run)) saves.push("iptables-legacy-save", "ip6tables-legacy-save");
  for (const [tool, args] of [...saves.map((name) => [name, []] as const), ["nft", ["list", "ruleset"]] as const]) {
    const answer = await run(tool, args);
    if (answer.code !== 0) continue;
    for (const raw of answer.stdout.split("\n")) {
      const line = raw.trim();
      const match = QUEUE_RULE.exec(line);
      if (match === null || line.includes("ftwall")) continue;
      const from = Number(match[1]);
      if (from <= last && Number(match[2] ?? from) >= first) return line.slice(0, 200);
    }
  }
  return null;
}

/** `--queue-num 0`, `--queue-balance 0:3`; of nft `queue num 0`, `queue flags bypass to 0-3`. */
const QUEUE_RULE = /(?:--queue-(?:num|balance)|\bqueue (?:flags [\w,]+ )?(?:num|to)) (\d+)(?:[:-](\d+))?/;

function sameRules(one: Inspected, other: Inspected): boolean {
  return one.tool.startsWith("ip6") === other.tool.startsWith("ip6") && one.backend === other.backend &&
    one.stamp === other.stamp && one.rules === other.rules && one.jumps.join() === other.jumps.join();
}

function unquoted(text: string): string {
  return text.trim().replaceAll('"', "");
}

function readNft(text: string): Inspected {
  const hooks: string[] = [];
  let rules = 0;
  let chain = "";
  for (const raw of text.split("\n")) {
    const line = raw.trim();
    if (line.startsWith("chain ")) chain = line.split(" ")[1] ?? "";
    else if (line === "}") chain = "";
    else if (chain !== "" && line.startsWith("type filter hook")) hooks.push(chain);
    else if (chain !== "" && line !== "") rules++;
  }
  const stamp = /"ftwall:([0-9a-f]{8})"/.exec(text)?.[1] ?? null;
  const flowtable = text.split(`flowtable ${FLOWTABLE} {`)[1];
  const devices = flowtable?.split("chain ")[0]?.match(/devices = \{([^}]*)\}/)?.[1] ?? "";
  return {
    backend: "nft",
    tool: "nft",
    stamp,
    rules,
    hooks: hooks.sort(),
    jumps: [],
    chains: [],
    setNames: [...text.matchAll(/^\s*set (\w+) \{/gm)].map((match) => match[1]!),
    sets: text.includes("@locked4"),
    devices: flowtable === undefined ? null : devices.split(",").map(unquoted).filter((name) => name !== ""),
  };
}
