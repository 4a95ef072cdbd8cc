/**
 * The rules as iptables and ip6tables read them: each family has tables of its own.
 * @module
 */
import { type Action, chainRules, CHAINS, type End, type Family, type Match, product, type Rule } from "./chains.ts";
import { IPV6_HEADER } from "../wire/ip.ts";
import { checkOptions, fingerprint, hex, type RulesOptions, sortAddresses } from "./options.ts";

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
  const { mask, refused } = options.mark;
  const jumps: Jump[] = [
    { table: "mangle", hook: "FORWARD", rule: "-j ftwall_forward" },
    { table: "mangle", hook: "INPUT", rule: "-j ftwall_input" },
    { table: "mangle", hook: "OUTPUT", rule: "-j ftwall_output" },
    // Of all packets only those that bear a mark of ours.
    { table: "mangle", hook: "POSTROUTING", rule: `-m mark ! --mark 0x0/${hex(mask)} -j ftwall_post` },
  ];
  if (options.refuse === "reject") {
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
  /** Rates are kept per client; without it one rate serves all clients, and there are no budgets. */
  readonly hashlimit: boolean;
  /** Packets without payload are recognised and pass; without it they are queued like any other. */
  readonly u32: boolean;
}

/** Everything. */
export const ALL_FEATURES: IptablesFeatures = { hashlimit: true, u32: true };

/**
 * TCP without payload: the match goes from the packet's start (20 bytes of IPv4 without options, 40 of IPv6) by the length
 * of the TCP header to its end and reads the four bytes that end with the first byte of payload, which must not be there.
 * A packet with IP options or extension headers counts as one with payload.
 */
const EMPTY = {
  4: '-m u32 --u32 "0>>24=0x45" -m u32 ! --u32 "32>>26&0x3c@17=0:0xffffffff"',
  6: '-m u32 --u32 "4>>8&0xff=6" -m u32 ! --u32 "52>>26&0x3c@37=0:0xffffffff"',
} as const;

/**
 * The chains for `iptables-restore --noflush` (family 4) or `ip6tables-restore --noflush` (family 6). Naming a chain
 * empties it, and the whole text takes effect at once. The jumps are not part of it: see `iptablesJumps`.
 */
export function iptablesText(
  options: RulesOptions,
  family: Family,
  features: IptablesFeatures = ALL_FEATURES,
): string {
  checkOptions(options);
  const rules = iptablesRules(options, family, features);
  const stamp = fingerprint(rules.join("\n"));
  const lines = [
    "*mangle",
    ...CHAINS.filter((name) => name !== "shortcut" || options.offload !== "off").map((name) =>
      `:ftwall_${name} - [0:0]`
    ),
  ];
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
export function iptablesRules(options: RulesOptions, family: Family, features: IptablesFeatures): string[] {
  const write = writer(options, family, features);
  const abilities = { families: [family], bare: features.u32, budgets: features.hashlimit };
  return chainRules(options, abilities).flatMap((block) => {
    const chains = [...new Set(block.map(({ chain }) => chain))];
    return chains.flatMap((chain) => block.filter((rule) => rule.chain === chain)).flatMap(write);
  });
}

/** Writes a rule of the neutral form as one or more of iptables': a rule has one action here. */
function writer(options: RulesOptions, family: Family, features: IptablesFeatures): (rule: Rule) => string[] {
  const { mask, refused } = options.mark;
  const under = (value: number) => `${hex(value)}/${hex(mask)}`;
  const [first, last] = options.queues;
  const queue = `-j NFQUEUE ${first === last ? `--queue-num ${first}` : `--queue-balance ${first}:${last}`}`;
  const action = (action: Action): string => {
    if (action === "return") return "-j RETURN";
    // Without --hw: from the hardware flows could not be taken back by their timeouts at once.
    if (action === "offload") return "-j FLOWOFFLOAD";
    if (action === "drop") return "-j DROP";
    if (action === "clear") return `-j MARK --set-xmark ${under(0)}`;
    // Rejecting is left to our chain in the filter table, which knows the packet by its mark.
    if (action === "reject") return `-j MARK --set-xmark ${under(refused)}`;
    if ("goto" in action) return `-g ftwall_${action.goto}`;
    if ("add" in action) return `-j SET --add-set ftwall_${action.add}${action.family} src,src`;
    if ("mark" in action) return `-j MARK --set-xmark ${under(action.mark)}`;
    if ("queue" in action) return action.queue === "bypass" ? `${queue} --queue-bypass` : queue;
    return `-j CONNMARK --set-xmark ${under(action.save)}`;
  };
  return ({ chain, match, actions }) =>
    product([
      [`-A ftwall_${chain}`],
      ...match.map((one) => matchText(one, options, family, features)),
      actions.map(action),
    ]);
}

function matchText(match: Match, options: RulesOptions, family: Family, features: IptablesFeatures): readonly string[] {
  const under = (value: number) => `${hex(value)}/${hex(options.mark.mask)}`;
  switch (match.is) {
    case "transport":
      return match.of.map((transport) => `-p ${transport}`);
    case "port": {
      const port = typeof match.port === "number" ? match.port : match.port[family === 4 ? 0 : 1];
      const option = match.end === "src" ? "--sport" : "--dport";
      return [`-p ${match.transport} ${match.not === true ? "! " : ""}${option} ${port}`];
    }
    case "ports-from":
      // Behind a match that names the transport: a rule can do so once.
      return [`-m ${match.transport} --dport ${match.port}:65535`];
    case "connection":
      return [`-m connmark ${match.not === true ? "! " : ""}--mark ${under(match.mark)}`];
    case "packet":
      return [`-m mark --mark ${under(match.mark)}`];
    case "interface":
      return [`${match.end === "src" ? "-i" : "-o"} ${match.name.replace(/\*$/, "+")}`];
    case "address":
      return [`${match.end === "src" ? "-s" : "-d"} ${match.prefix}`];
    case "exempt": {
      const { v4, v6 } = sortAddresses(options.exempt);
      return (match.family === 4 ? v4 : v6).flatMap((prefix) => [`-s ${prefix}`, `-d ${prefix}`]);
    }
    case "exempt-mac":
      return sortAddresses(options.exempt).macs.map((mac) => `-m mac --mac-source ${mac}`);
    case "set":
      return [
        `-m set --match-set ftwall_${match.set}${match.family} ${
          match.set === "locked" ? match.end : `${match.end},${match.end}`
        }`,
      ];
    case "rate":
      return [rateText(match.chain, options.renewRate, features)];
    case "sample":
      return [`-m limit --limit ${match.rate}/sec --limit-burst ${match.rate}`];
    case "above-budget":
      return [aboveBudget(match.end, options.clientRate)];
    case "reply":
      return ["-m conntrack --ctdir REPLY"];
    case "begins": {
      const payload = match.family === 4 ? "0>>22&0x3c@12>>26&0x3c@0" : "4>>8&0xff=6&&52>>26&0x3c@40";
      const cut = match.bytes === 4 ? "" : `>>${32 - 8 * match.bytes}`;
      return [`-m u32 --u32 "${payload}${cut}=${hex(match.value)}"`];
    }
    case "short":
      return [
        `-m u32 --u32 "${match.family === 4 ? `0&0xffff=0:${match.bytes}` : `4>>16=0:${match.bytes - IPV6_HEADER}`}"`,
      ];
    case "new":
      return ["-m conntrack --ctstate NEW"];
    case "early":
      return [
        `-p ${match.transport} -m conntrack --ctdir ${match.way.toUpperCase()} -m connbytes ` +
        `--connbytes 0:${match.packets} --connbytes-dir ${match.way} --connbytes-mode packets`,
      ];
    case "syn":
      return ["-p tcp --tcp-flags FIN,SYN,RST,ACK SYN"];
    case "empty":
      return [EMPTY[match.family]];
    case "bare":
      return [`-p tcp --tcp-flags FIN,RST,ACK ACK ${EMPTY[match.family]}`];
  }
}

function rateText(chain: string, rate: number, { hashlimit }: IptablesFeatures): string {
  if (!hashlimit) return `-m limit --limit ${rate}/sec --limit-burst ${rate * 2}`;
  return `-m hashlimit --hashlimit-upto ${rate}/sec --hashlimit-burst ${rate * 2} --hashlimit-mode srcip ` +
    `--hashlimit-htable-max ${MOST_CLIENTS} --hashlimit-name ftwall_${chain}`;
}

/** Clients that are counted at once; one that is left alone for a second leaves. The match drops what finds no room. */
const MOST_CLIENTS = 524_288;

/** The kernel finds a table by its name alone, so with another rate it has another name. */
function aboveBudget(end: End, rate: number): string {
  return `-m hashlimit --hashlimit-above ${rate}/sec --hashlimit-burst ${rate} --hashlimit-mode ${end}ip ` +
    `--hashlimit-htable-max ${MOST_CLIENTS} --hashlimit-name ftwall_${end}_${rate}`;
}
