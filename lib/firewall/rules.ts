/**
 * The rules as something that a person can read and load.
 * @module
 */
import { iptablesJumps, iptablesText } from "./iptables.ts";
import { nftText } from "./nft.ts";
import type { RulesOptions } from "./options.ts";
import type { Backend } from "./run.ts";
import { ipsetCreateText } from "./sets.ts";

/**
 * The rules as a person can read and load them: for nft a file for `nft -f`, for iptables a script for `sh`.
 * Throws a RangeError for options that no rules can be made from.
 */
export function rulesText(backend: Backend, options: RulesOptions): string {
  return backend === "nft" ? nftText(options) : script(options);
}

function script(options: RulesOptions): string {
  const lines = ["#!/bin/sh", "# Load with: sh FILE. Loading it again changes nothing.", "set -e"];
  lines.push("sysctl -qw net.netfilter.nf_conntrack_acct=1 || echo 1 >/proc/sys/net/netfilter/nf_conntrack_acct");
  if (options.sets) lines.push("ipset -exist restore <<'END'", ipsetCreateText() + "END");
  for (const [tool, family] of [["iptables", 4], ["ip6tables", 6]] as const) {
    lines.push(`${tool}-restore -w 5 --noflush <<'END'`, iptablesText(options, family) + "END");
    for (const { table, hook, rule } of iptablesJumps(options)) {
      const at = `${tool} -w 5 -t ${table}`;
      lines.push(`${at} -C ${hook} ${rule} 2>/dev/null || ${at} -I ${hook} 1 ${rule}`);
    }
  }
  return lines.join("\n") + "\n";
}
