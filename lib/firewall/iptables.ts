import { checkOptions, fingerprint, hex, type RulesOptions, sortAddresses } from "./options.ts";

/** Our chains in the mangle table, for IPv4 and for IPv6 alike. */
export const MANGLE_CHAINS = [
  "ftwall_forward",
  "ftwall_sort",
  "ftwall_settled",
  "ftwall_lan",
  "ftwall_fromhome",
  "ftwall_tohome",
  "ftwall_locked",
  "ftwall_blocked",
  "ftwall_judge",
  "ftwall_bare",
  "ftwall_first",
  "ftwall_accepted",
  "ftwall_refuse",
  "ftwall_input",
  "ftwall_heard",
  "ftwall_output",
  "ftwall_post",
] as const;

/** The only chain in the filter table, since REJECT works nowhere else; empty when refusing means dropping. */
export const REJECT_CHAIN = "ftwall_reject";

/** A jump into one of our chains. */
export interface Jump {
  readonly table: "mangle" | "filter";
  /** The built-in chain it sits in, always at the head. */
  readonly hook: string;
  /** Rule text behind the chain's name. */
  readonly rule: string;
}

/** The jumps that these options need. */
export function iptablesJumps(options: RulesOptions): Jump[] {
  const jumps: Jump[] = [
    { table: "mangle", hook: "FORWARD", rule: "-j ftwall_forward" },
    { table: "mangle", hook: "INPUT", rule: "-j ftwall_input" },
    { table: "mangle", hook: "OUTPUT", rule: "-j ftwall_output" },
    { table: "mangle", hook: "POSTROUTING", rule: "-j ftwall_post" },
  ];
  if (options.refuse === "reject") {
    const { mask, refused } = options.mark;
    jumps.push({
      table: "filter",
      hook: "FORWARD",
      rule: `-m mark --mark ${hex(refused)}/${hex(mask)} -j ${REJECT_CHAIN}`,
    });
  }
  return jumps;
}

/** What this machine's iptables can do beyond the least that is needed. */
export interface IptablesFeatures {
  /** Rates are kept per client; without it one rate serves all clients. */
  readonly hashlimit: boolean;
  /** Packets without payload are told from others and pass; without it they visit user space like any other. */
  readonly u32: boolean;
}

/** Everything. */
export const ALL_FEATURES: IptablesFeatures = { hashlimit: true, u32: true };

/**
 * TCP without payload: the match goes from the packet's start (20 bytes of IPv4 without options, 40 of IPv6) by the length
 * of the TCP header to its end and reads the four bytes that end with the first byte of payload, which must not be there.
 * A packet with IP options or extension headers counts as one with payload.
 */
const BARE = {
  4: '-m u32 --u32 "0>>24=0x45" -m u32 ! --u32 "32>>26&0x3c@17=0:0xffffffff"',
  6: '-m u32 --u32 "4>>8&0xff=6" -m u32 ! --u32 "52>>26&0x3c@37=0:0xffffffff"',
} as const;

/**
 * The chains for `iptables-restore --noflush` (family 4) or `ip6tables-restore --noflush` (family 6). Naming a chain
 * empties it, and the whole text takes effect at once. The jumps are not part of it: see `iptablesJumps`.
 */
export function iptablesText(
  options: RulesOptions,
  family: 4 | 6,
  features: IptablesFeatures = ALL_FEATURES,
): string {
  checkOptions(options);
  const rules = iptablesRules(options, family, features);
  const stamp = fingerprint(rules.join("\n"));
  const lines = ["*mangle", ...MANGLE_CHAINS.map((name) => `:${name} - [0:0]`)];
  // The comment is a match of its own: it stands where few packets come by, and before the target, as the tools list it.
  const noted = UDP_ENTERS.replace(" -g ", ` -m comment --comment ftwall:${stamp} -g `);
  lines.push(...rules.map((rule) => rule === UDP_ENTERS ? noted : rule), "COMMIT");
  if (options.refuse === "reject") {
    const reply = family === 4 ? "icmp-port-unreachable" : "icmp6-port-unreachable";
    lines.push(
      "*filter",
      `:${REJECT_CHAIN} - [0:0]`,
      `-A ${REJECT_CHAIN} -p tcp -j REJECT --reject-with tcp-reset`,
      `-A ${REJECT_CHAIN} -j REJECT --reject-with ${reply}`,
      "COMMIT",
    );
  }
  return lines.join("\n") + "\n";
}

/** The rule that carries the fingerprint of all of them. */
const UDP_ENTERS = "-A ftwall_forward -p udp -g ftwall_sort";

/** Every rule of the mangle table as `-A CHAIN …`, in order. */
export function iptablesRules(options: RulesOptions, family: 4 | 6, features: IptablesFeatures): string[] {
  const { mask, accepted, refused, own } = options.mark;
  const under = (value: number) => `${hex(value)}/${hex(mask)}`;
  const [first, last] = options.queues;
  const queue = `-j NFQUEUE ${first === last ? `--queue-num ${first}` : `--queue-balance ${first}:${last}`}`;
  const judged = options.failOpen ? `${queue} --queue-bypass` : queue;
  // To and from the router itself packets are only listened to: a dead ftwall must not take the router's DNS with it.
  const heard = `${queue} --queue-bypass`;
  const rate = (name: string) =>
    features.hashlimit
      ? `-m hashlimit --hashlimit-upto ${options.renewRate}/sec --hashlimit-burst ${options.renewRate * 2} ` +
        `--hashlimit-mode srcip --hashlimit-name ftwall_${name}`
      : `-m limit --limit ${options.renewRate}/sec --limit-burst ${options.renewRate * 2}`;
  const exempt = sortAddresses(options.exempt);
  const spared = (family === 4 ? exempt.v4 : exempt.v6).flatMap((p) => [`-s ${p} -j RETURN`, `-d ${p} -j RETURN`]);
  const multicast = family === 4 ? "224.0.0.0/4" : "ff00::/8";
  const rules: string[] = [];
  const add = (chain: string, ...list: string[]) => list.forEach((rule) => rules.push(`-A ftwall_${chain} ${rule}`));

  // Nearly all packets are of settled connections: they leave by the shortest way. Only a lock ends what its client had.
  const locks = options.sets && options.cut;
  const settled = `-m connmark --mark ${under(accepted)} -m mark --mark ${under(0)}`;
  add("forward", `${settled} ${locks ? "-g ftwall_settled" : "-j RETURN"}`, "-p tcp -g ftwall_sort");
  rules.push(UDP_ENTERS);
  if (locks) {
    const locked = `-m set --match-set ftwall_locked${family}`;
    add("settled", `${locked} src -g ftwall_locked`, `${locked} dst -j DROP`);
  }
  add("sort", `-m connmark --mark ${under(own)} -j RETURN`, `-d ${multicast} -j RETURN`, ...spared);
  for (const mac of exempt.macs) {
    // Replies carry another machine's MAC, so the connection remembers whose it is.
    add("sort", `-m mac --mac-source ${mac} -j CONNMARK --set-xmark ${under(own)}`);
    add("sort", `-m mac --mac-source ${mac} -j RETURN`);
  }
  add("sort", ...side(options, family, "from", "-g ftwall_lan"), ...side(options, family, "to", "-g ftwall_tohome"));
  add("lan", ...side(options, family, "to", "-j RETURN"), "-g ftwall_fromhome");
  const told = [
    `-m mark --mark ${under(refused)} -j CONNMARK --set-xmark ${under(refused)}`,
    `-m mark --mark ${under(refused)} -g ftwall_refuse`,
  ];
  if (options.sets) {
    const set = (name: string, way: string) => `-m set --match-set ftwall_${name}${family} ${way}`;
    const uncut = options.cut ? "" : ` -m connmark ! --mark ${under(accepted)}`;
    // A packet that the consumer sent round again: here before the sets, which would queue it a second time.
    add("fromhome", ...told);
    add("tohome", ...told);
    add("fromhome", `${set("locked", "src")}${uncut} -g ftwall_locked`);
    // A lock ends what its client had; the block list leaves alone what was let through, for a client that is exempt.
    const passed = `-m connmark --mark ${under(accepted)} -j RETURN`;
    add("fromhome", passed, `${set("blocked", "dst")} -g ftwall_blocked`);
    add("tohome", `${set("locked", "dst")}${uncut} -j DROP`, passed, `${set("blocked", "src")} -g ftwall_blocked`);
    // No bypass: a lock holds while ftwall restarts, and ends by its own timeout.
    add("locked", `-p udp ${rate("locked")} ${queue}`);
    // All of it, and both ways: only ftwall knows who is allowed there for a time.
    add("blocked", `${rate("blocked")} ${queue}`);
  }
  add("locked", "-g ftwall_refuse");
  add("blocked", "-g ftwall_refuse");
  add("fromhome", "-g ftwall_judge");
  add("tohome", "-g ftwall_judge");
  add(
    "judge",
    `-m connmark --mark ${under(accepted)} -j RETURN`,
    `-m connmark --mark ${under(refused)} -g ftwall_refuse`,
    ...told,
    `-m mark --mark ${under(accepted)} -g ftwall_accepted`,
    "-p tcp -g ftwall_bare",
    "-g ftwall_first",
  );
  // Of packets without payload only the one that opens a connection tells anything.
  if (features.u32) add("bare", "-p tcp --tcp-flags SYN,ACK SYN -g ftwall_first", `${BARE[family]} -j RETURN`);
  add("bare", "-g ftwall_first");
  add(
    "first",
    `-m connmark ! --mark ${under(0)} ${judged}`,
    `-p udp --sport 53 ${judged}`,
    `-p udp --dport 53 ${judged}`,
    `-p udp -m conntrack --ctstate NEW ${judged}`,
  );
  for (const way of ["original", "reply"]) {
    for (const [transport, count] of [["tcp", options.packetsTcp], ["udp", options.packetsUdp]] as const) {
      add(
        "first",
        `-p ${transport} -m conntrack --ctdir ${way.toUpperCase()} -m connbytes --connbytes 0:${count} ` +
          `--connbytes-dir ${way} --connbytes-mode packets ${judged}`,
      );
    }
  }
  if (options.sample > 0) {
    add("first", `-m limit --limit ${options.sample}/sec --limit-burst ${options.sample} ${judged}`);
  }
  add("accepted", `-j CONNMARK --set-xmark ${under(accepted)}`, `-j MARK --set-xmark ${under(0)}`);
  // Rejecting is left to our chain in the filter table, which knows the packet by its mark.
  add("refuse", options.refuse === "reject" ? `-j MARK --set-xmark ${under(refused)}` : "-j DROP");
  add(
    "post",
    `-m mark --mark ${under(0)} -j RETURN`,
    // Only where another program emptied the filter table: what is refused must not leave.
    `-m mark --mark ${under(refused)} -j DROP`,
    `-m mark --mark ${under(accepted)} -j CONNMARK --set-xmark ${under(accepted)}`,
    `-j MARK --set-xmark ${under(0)}`,
  );
  add("input", "-i lo -j RETURN", ...spared, ...side(options, family, "from", "-g ftwall_heard"));
  if (options.lan.length === 0 && family === 6) add("input", "-s fe80::/10 -g ftwall_heard");
  add("heard", `-p udp --dport ${family === 4 ? 67 : 547} -j RETURN`);
  for (const mac of exempt.macs) add("heard", `-m mac --mac-source ${mac} -j RETURN`);
  add(
    "heard",
    `-p udp --dport 53 ${heard}`,
    `-p tcp --dport 53 ${heard}`,
    `-d ${multicast} -p udp ! --dport 6771 -j RETURN`,
    `-p udp ${rate("heard")} ${heard}`,
  );
  add("output", "-o lo -j RETURN", `-m mark --mark ${under(own)} -j RETURN`, ...spared);
  for (const part of side(options, family, "to", "")) {
    add("output", `${part} -p udp --sport 53 ${heard}`, `${part} -p tcp --sport 53 ${heard}`);
  }
  return rules;
}

/** One rule for each way a packet can come from, or go to, a client. */
function side(options: RulesOptions, family: 4 | 6, way: "from" | "to", verdict: string): string[] {
  const tail = verdict === "" ? "" : ` ${verdict}`;
  if (options.lan.length > 0) {
    return options.lan.map((name) => `${way === "from" ? "-i" : "-o"} ${name.replace(/\*$/, "+")}${tail}`);
  }
  const { v4, v6 } = sortAddresses(options.home);
  return (family === 4 ? v4 : v6).map((prefix) => `${way === "from" ? "-s" : "-d"} ${prefix}${tail}`);
}
