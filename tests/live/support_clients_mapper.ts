/**
 * The service of a router that maps ports for its clients, by UPnP, NAT-PMP and PCP: Debian's miniupnpd.
 */
import { type Background, LAN, type Topology, WAN } from "./topology.ts";

/** What it needs, by Debian's package names. */
export const MAPPER_TOOLS: readonly (readonly [tool: string, debian: string])[] = [
  ["miniupnpd", "miniupnpd-iptables"],
  ["upnpc", "miniupnpc"],
  ["natpmpc", "natpmpc"],
  ["iptables-legacy", "iptables"],
];

/** Starts it on the router of a topology, which ends it. Its files lie in `dir`; its port is its own choice. */
export async function startMapper(topology: Topology, dir: string): Promise<Background> {
  for (const table of ["nat", "mangle", "filter"]) {
    await topology.must("router", [IPTABLES, "-t", table, "-N", CHAIN]);
  }
  await topology.must("router", [IPTABLES, "-t", "nat", "-N", `${CHAIN}-POSTROUTING`]);
  await topology.must("router", [IPTABLES, "-t", "nat", "-A", "PREROUTING", "-i", WAN, "-j", CHAIN]);
  Deno.writeTextFileSync(
    `${dir}/miniupnpd.conf`,
    // It would take an address for documentation as one behind another router.
    `ext_ifname=${WAN}
ext_ip=1.2.3.4
listening_ip=${LAN}
http_port=0
enable_natpmp=yes
enable_upnp=yes
secure_mode=yes
force_igd_desc_v1=yes
uuid=00000000-0000-0000-0000-000000000001
allow 1024-65535 0.0.0.0/0 1024-65535
`,
  );
  const command = ["miniupnpd", "-d", "-f", `${dir}/miniupnpd.conf`, "-P", `${dir}/miniupnpd.pid`];
  const background = topology.start("router", command);
  await background.prints(/NAT-PMP\/PCP traffic/);
  return background;
}

/** Its rules are written by libiptc, which knows only these tables. */
const IPTABLES = "iptables-legacy";
const CHAIN = "MINIUPNPD";
