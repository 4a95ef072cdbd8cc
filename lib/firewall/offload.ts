/**
 * What takes packets past netfilter, and so past ftwall.
 * @module
 */
import { FLOWTABLE } from "./nft.ts";
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

/** Looks for flow offload and for bridged traffic that netfilter does not see. Changes nothing. */
export async function findOffloads(run: Runner): Promise<Offload[]> {
  const found: Offload[] = [];
  const tables = await run("nft", ["list", "flowtables"]);
  const names = [...tables.stdout.matchAll(/^\s*flowtable (\S+)/gm)].map((match) => match[1] ?? "")
    .filter((name) => name !== FLOWTABLE);
  if (tables.code === 0 && names.length > 0) {
    found.push({
      name: "flowtable",
      found: `nft flowtable "${names.join('", "')}"`,
      advice: "Offload flows only once they are judged: put `ct original packets ge 30` before `flow add`, " +
        "or on OpenWrt set flow_offloading to 0 in /etc/config/firewall",
    });
  }
  const legacy = await run("iptables", ["-w", "5", "-t", "filter", "-S"]);
  if (/-j FLOWOFFLOAD/.test(legacy.stdout)) {
    found.push({
      name: "xt-flowoffload",
      found: "iptables target FLOWOFFLOAD",
      advice: "Put `-m connbytes --connbytes 30: --connbytes-dir original --connbytes-mode packets` before " +
        "`-j FLOWOFFLOAD`, or switch flow offloading off",
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
