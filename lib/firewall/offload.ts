/**
 * What takes packets past netfilter, and so past ftwall.
 * @module
 */
import { FLOWTABLE } from "./nft.ts";
import { hex, type Marks } from "./options.ts";
import type { Runner } from "./run.ts";

/** Something in the kernel that lets packets pass without ftwall, and what to do about it. */
export interface Offload {
  /** Its kind. */
  readonly name: "flowtable" | "xt-flowoffload" | "bridge";
  /** What was seen, by its name. */
  readonly found: string;
  /** How to mend it. */
  readonly advice: string;
}

/** Names the bridges of this network namespace. */
const BRIDGES = 'for b in /sys/class/net/*/bridge; do if [ -d "$b" ]; then echo "$b"; fi; done';

/**
 * Looks for flow offload and for bridged traffic that netfilter does not see. Changes nothing. Offload by others counts unless
 * each of their rules asks for ftwall's mark for settled, accepted connections: then nothing leaves before it was judged.
 */
export async function findOffloads(run: Runner, mark: Pick<Marks, "mask" | "accepted">): Promise<Offload[]> {
  const found: Offload[] = [];
  const advice = (condition: string, rule: string) =>
    `Offload only what ftwall has settled: put \`${condition}\` before \`${rule}\`, or switch it off (OpenWrt: ` +
    "flow_offloading 0 in /etc/config/firewall); ftwall can offload by itself, [queue] offload";
  const names = await unconditional(run, mark);
  if (names.length > 0) {
    found.push({
      name: "flowtable",
      found: `nft flowtable "${names.join('", "')}"`,
      advice: advice(`ct mark & ${hex(mark.mask)} == ${hex(mark.accepted)}`, "flow add"),
    });
  }
  const legacy = await run("iptables", ["-w", "5", "-t", "filter", "-S"]);
  const asks = `--mark ${hex(mark.accepted)}/${hex(mark.mask)} `;
  if (legacy.stdout.split("\n").some((line) => line.includes("-j FLOWOFFLOAD") && !line.includes(asks))) {
    found.push({
      name: "xt-flowoffload",
      found: "iptables target FLOWOFFLOAD",
      advice: advice(`-m connmark ${asks.trim()}`, "-j FLOWOFFLOAD"),
    });
  }
  const bridged = await run("cat", ["/proc/sys/net/bridge/bridge-nf-call-iptables"]);
  // The sysctl is there, and 1, as soon as the module is loaded, with or without a bridge.
  if (bridged.code === 0 && bridged.stdout.trim() === "1" && (await run("sh", ["-c", BRIDGES])).stdout.trim() !== "") {
    found.push({
      name: "bridge",
      found: "sysctl net.bridge.bridge-nf-call-iptables = 1",
      advice: "Traffic between clients on one bridge passes the forward hook too; it is let through by the rules, " +
        "but setting the sysctl to 0 saves the work",
    });
  }
  return found;
}

/** Flowtables of others to which a rule adds connections that ftwall may not have settled; all where the rules cannot be seen. */
async function unconditional(run: Runner, { mask, accepted }: Pick<Marks, "mask" | "accepted">): Promise<string[]> {
  const listed = await run("nft", ["list", "flowtables"]);
  if (listed.code !== 0) return [];
  const names: string[] = [];
  for (const part of listed.stdout.split(/^table /m).slice(1)) {
    const [family = "", table = ""] = part.split(/\s+/, 2);
    const theirs = [...part.matchAll(/^\s*flowtable (\S+)/gm)].map((match) => match[1]!)
      .filter((name) => name !== FLOWTABLE);
    if (theirs.length === 0) continue;
    const rules = await run("nft", ["-t", "list", "table", family, table]);
    const lines = rules.stdout.split("\n");
    names.push(...theirs.filter((name) => {
      const adds = lines.filter((line) => /\bflow (?:add|offload) @(\S+)/.exec(line)?.[1] === name);
      return rules.code !== 0 || !adds.every((line) => {
        const asked = /ct mark & (0x[0-9a-f]+) == (0x[0-9a-f]+)/.exec(line);
        return Number(asked?.[1]) === mask && Number(asked?.[2]) === accepted;
      });
    }));
  }
  return names;
}
