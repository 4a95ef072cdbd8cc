/**
 * The tools that a machine may have, and its interfaces.
 * @module
 */
import type { Runner } from "./run.ts";

/** Every name under which a machine may keep iptables; rules made with one are invisible to the others. */
export const IPTABLES_TOOLS = [
  "iptables",
  "ip6tables",
  "iptables-nft",
  "ip6tables-nft",
  "iptables-legacy",
  "ip6tables-legacy",
] as const;

/** True when legacy tables exist. Asking iptables-legacy itself would create them, and leave nft users a warning. */
export async function legacyTables(run: Runner): Promise<boolean> {
  const answer = await run("cat", ["/proc/net/ip_tables_names", "/proc/net/ip6_tables_names"]);
  return answer.stdout.trim() !== "";
}

/** True when this network namespace has an IPv6 stack for ip6tables to act on. */
export async function hasIpv6(run: Runner): Promise<boolean> {
  return (await run("cat", ["/proc/net/if_inet6"])).code === 0;
}

/**
 * The LAN interfaces to make rules with: those given when at least one of them exists (the rest may come up later),
 * else none, which means: by home prefixes. `ifaces` are the names in /proc/net/dev.
 */
export function presentLan(lan: readonly string[], ifaces: readonly string[]): readonly string[] {
  const there = (name: string) =>
    /[*+]$/.test(name) ? ifaces.some((iface) => iface.startsWith(name.slice(0, -1))) : ifaces.includes(name);
  return lan.some(there) ? lan : [];
}

/** Interfaces between which a flowtable may forward: all but loopback and those that are parts of another one. */
export async function flowDevices(run: Runner): Promise<string[]> {
  const parts = await run("sh", [
    "-c",
    'for m in /sys/class/net/*/master; do if [ -e "$m" ]; then echo "$m"; fi; done',
  ]);
  const within = new Set([...parts.stdout.matchAll(/net\/([^/]+)\/master/g)].map((match) => match[1]!));
  return (await listInterfaces(run)).filter((name) => name !== "lo" && !within.has(name));
}

/** Names of the network interfaces of this network namespace. */
export async function listInterfaces(run: Runner): Promise<string[]> {
  const answer = await run("cat", ["/proc/net/dev"]);
  return answer.stdout.split("\n").slice(2).map((line) => line.slice(0, line.indexOf(":")).trim()).filter((n) =>
    n !== ""
  );
}
