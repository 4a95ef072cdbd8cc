/**
 * The rules as nft reads them: one table for IPv4 and IPv6.
 * @module
 */
import {
  type Action,
  type Chain,
  chainRules,
  CHAINS,
  type End,
  type Family,
  type Match,
  product,
  type Rule,
} from "./chains.ts";
import { IPV6_HEADER } from "../wire/ip.ts";
import { checkOptions, fingerprint, hasBudgets, hex, type RulesOptions, sortAddresses } from "./options.ts";

/** The one table that is ours; nothing outside it is read or written. */
export const NFT_TABLE = "inet ftwall";

/** The flowtable of settled flows. */
export const FLOWTABLE = "settled_flows";
const ADD_FLOW = `flow add @${FLOWTABLE}`;

/** Entries a kernel set may hold; as many as the largest documented block list, rounded up. */
export const SET_SIZE = 131072;

/** Seconds for which a server counts as one that answers in the ordinary way; then it is looked at again. */
export const ORDINARY_SECONDS = 600;
/** Most such servers, in each family. */
export const ORDINARY_SIZE = 65535;

/**
 * The whole table as one transaction for `nft -f`. Loading it again is harmless: base chains are added only when
 * missing (deleting a hooked chain drops every packet that waits in any queue), the rest is flushed and filled anew.
 * Locked clients and blocked peers keep their entries. `flowtable` says that one of ours is there: it goes, and the flows
 * in it are forwarded by the long way again.
 */
export function nftText(options: RulesOptions, flowtable: boolean = false): string {
  checkOptions(options);
  const rules = nftRules(options);
  const lines = ["# ftwall: also needs sysctl net.netfilter.nf_conntrack_acct=1", `add table ${NFT_TABLE}`];
  for (const [name, spec] of nftSets(options)) lines.push(`add set ${NFT_TABLE} ${name} { ${spec} }`);
  for (const [name, hook, priority] of HOOKS) {
    lines.push(`add chain ${NFT_TABLE} ${name} { type filter hook ${hook} priority ${priority}; policy accept; }`);
  }
  for (const name of INNER) lines.push(`add chain ${NFT_TABLE} ${name}`);
  for (const [name] of HOOKS) lines.push(`flush chain ${NFT_TABLE} ${name}`);
  for (const name of INNER) lines.push(`flush chain ${NFT_TABLE} ${name}`);
  // An entry would keep the rate with which it was made.
  if (hasBudgets(options)) { for (const [name] of BUDGET_SETS) lines.push(`flush set ${NFT_TABLE} ${name}`); }
  const exempt = sortAddresses(options.exempt);
  for (const [name, list] of [["exempt4", exempt.v4], ["exempt6", exempt.v6], ["exemptmac", exempt.macs]] as const) {
    lines.push(`flush set ${NFT_TABLE} ${name}`);
    if (list.length > 0) lines.push(`add element ${NFT_TABLE} ${name} { ${list.join(", ")} }`);
  }
  // Over the elements too: who is exempt stands in no rule.
  const offload = options.offload === "off" ? [] : [options.offload];
  const stamp = fingerprint([...lines, ...offload, ...rules.map((rule) => rule.join(" "))].join("\n"));
  // Which interfaces there are is no part of the stamp: they come and go.
  if (flowtable) lines.push(`delete flowtable ${NFT_TABLE} ${FLOWTABLE}`);
  if (options.offload !== "off") lines.push(flowtableLine(options));
  rules.forEach(([chain, rule], at) => {
    lines.push(`add rule ${NFT_TABLE} ${chain} ${rule}${at === 0 ? ` comment "ftwall:${stamp}"` : ""}`);
  });
  return lines.join("\n") + "\n";
}

/** Makes the flowtable anew, with the interfaces of today: every flow in it is forwarded by the long way again. */
export function nftRenewText(options: RulesOptions): string {
  return [
    `flush chain ${NFT_TABLE} shortcut`,
    `delete flowtable ${NFT_TABLE} ${FLOWTABLE}`,
    flowtableLine(options),
    `add rule ${NFT_TABLE} shortcut ${ADD_FLOW}`,
    "",
  ].join("\n");
}

/** With `counter` the kernel goes on counting each connection's packets and bytes. */
function flowtableLine({ offload, devices }: RulesOptions): string {
  const quoted = devices.map((name) => `"${name}"`).join(", ");
  const flags = offload === "hardware" ? " flags offload;" : "";
  const between = devices.length === 0 ? "" : ` devices = { ${quoted} };`;
  return `add flowtable ${NFT_TABLE} ${FLOWTABLE} { hook ingress priority 0;${between}${flags} counter; }`;
}

/** Removes the table if it is there; for `nft -f`. The first line makes the second one succeed in any case. */
export function nftRemoveText(): string {
  return `add table ${NFT_TABLE}\ndelete table ${NFT_TABLE}\n`;
}

// After mangle, where QoS marks, and before filter, where established connections are accepted. On the way out before mangle:
// what others ask there must not meet our bits of the packet's mark.
const HOOKS = [
  ["forward", "forward", -5],
  ["input", "input", -5],
  ["output", "output", -5],
  ["post", "postrouting", -155],
] as const;
/** Each header length of TCP without payload has a rule of its own in these two. */
const BARE_CHAINS = ["bare4", "bare6"];
/** The chains that no hook leads to. */
const INNER = CHAINS.map(nameOf).filter((name) => !HOOKS.some(([hooked]) => hooked === name))
  .flatMap((name) => name === "bare" ? [name, ...BARE_CHAINS] : [name]);

/** TCP header lengths in 32-bit words, those of an ACK with and without timestamps first. */
const TCP_HEADERS = [8, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15];

/** Budgets of who sends, and of whom packets go to. */
const BUDGET_SETS = [
  ["sendsmac", "ether_addr"],
  ...[4, 6].flatMap((family) =>
    ["sends", "receives"].map((name) => [`${name}${family}`, `ipv${family}_addr`] as const)
  ),
] as const;
/** A budget that was left alone for a second is whole again. */
const BUDGET = "flags dynamic, timeout; timeout 10s; size 65535;";

function nftSets(options: RulesOptions): [string, string][] {
  const sets: [string, string][] = [
    ["exempt4", "type ipv4_addr; flags interval; auto-merge;"],
    ["exempt6", "type ipv6_addr; flags interval; auto-merge;"],
    ["exemptmac", "type ether_addr;"],
  ];
  // The rates of each sender, for each chain; entries leave by themselves, and what finds no room is simply not counted.
  for (const chain of ["heard", ...(options.sets ? ["locked", "blocked"] : [])]) {
    sets.push([`rate_${chain}4`, "type ipv4_addr; flags dynamic, timeout; timeout 1m; size 65535;"]);
    sets.push([`rate_${chain}6`, "type ipv6_addr; flags dynamic, timeout; timeout 1m; size 65535;"]);
  }
  if (hasBudgets(options)) {
    sets.push(...BUDGET_SETS.map(([name, type]): [string, string] => [name, `type ${type}; ${BUDGET}`]));
  }
  if (options.sets) {
    const ordinary = `flags dynamic, timeout; timeout ${ORDINARY_SECONDS}s; size ${ORDINARY_SIZE};`;
    for (const family of [4, 6]) {
      sets.push([`locked${family}`, `type ipv${family}_addr; flags timeout; size ${SET_SIZE};`]);
      sets.push([`ordinary${family}`, `type ipv${family}_addr . inet_service; ${ordinary}`]);
      sets.push([`peers${family}`, `type ipv${family}_addr . inet_service; flags timeout; size ${SET_SIZE};`]);
    }
  }
  return sets;
}

/** Every rule as [chain, text], in order. */
export function nftRules(options: RulesOptions): [chain: string, rule: string][] {
  const write = writer(options);
  return chainRules(options, { families: [4, 6], bare: true, budgets: true }).flatMap((block) => {
    const rules = block.flatMap((rule) => write(rule).map((text): [string, string] => [nameOf(rule.chain), text]));
    return block.some(({ match }) => match.some(({ is }) => is === "bare")) ? [...rules, ...bareRules()] : rules;
  });
}

/** The name that tables in force have: with another one the old chain would be left behind. */
function nameOf(chain: Chain): string {
  return chain === "heard" ? "input_home" : chain;
}

/**
 * All TCP packets without payload have a length that their own offset says: a table of pairs, as no rule can subtract. (A
 * set of pairs would be one rule, but nft 1.0.6 ends with an assertion when it lists one with a field of four bits.)
 */
function bareRules(): [chain: string, rule: string][] {
  return [
    ...TCP_HEADERS.flatMap((words): [string, string][] => [
      ["bare4", `${emptyText(4, words)} goto bare`],
      ["bare6", `${emptyText(6, words)} goto bare`],
    ]),
    ["bare4", "goto sort"],
    ["bare6", "goto sort"],
  ];
}

/** TCP with a header of so many words, right behind the IP header, and no payload: with options in that it would be longer. */
function emptyText(family: Family, words: number): string {
  return `${family === 4 ? `ip length ${20 + 4 * words}` : `ip6 length ${4 * words}`} tcp doff ${words}`;
}

/** Writes a rule of the neutral form as one or more of nft's. */
function writer(options: RulesOptions): (rule: Rule) => string[] {
  const under = hex(options.mark.mask);
  const rest = hex(~options.mark.mask);
  const [first, last] = options.queues;
  // The older spelling, which every nft since 0.8 reads.
  const queue = `queue num ${first === last ? first : `${first}-${last}`}`;
  const action = (action: Action): readonly string[] => {
    if (action === "reject") {
      return ["meta l4proto tcp reject with tcp reset", "reject with icmpx type port-unreachable", "drop"];
    }
    if (action === "offload") return [ADD_FLOW];
    if (action === "clear") return [`meta mark set meta mark & ${rest}`];
    if (typeof action === "string") return [action];
    if ("goto" in action) return [`goto ${nameOf(action.goto)}`];
    if ("queue" in action) return [action.queue === "bypass" ? `${queue} bypass` : queue];
    if ("add" in action) return [`add @${action.add}${action.family} { ${endpoint(action.family, "src")} }`];
    if ("mark" in action) return [`meta mark set meta mark & ${rest} | ${hex(action.mark)}`];
    return [`ct mark set ct mark & ${rest} | ${hex(action.save)}`];
  };
  return ({ match, actions }) => {
    const bare = match.find((one) => one.is === "bare");
    const ends = bare === undefined ? actions.map(action) : [[`goto bare${bare.family}`]];
    return product([...match.map((one) => matchText(one, options, under)), ...ends]);
  };
}

function matchText(match: Match, options: RulesOptions, under: string): readonly string[] {
  switch (match.is) {
    case "transport":
      return [`meta l4proto ${match.of.length === 1 ? match.of[0] : `{ ${match.of.join(", ")} }`}`];
    case "port": {
      const ports = typeof match.port === "number" ? match.port : `{ ${match.port.join(", ")} }`;
      return [
        `${match.transport} ${portOf(match.end)} ${match.not === true ? "!= " : ""}${ports}`,
      ];
    }
    case "ports-from":
      return [`${match.transport} dport >= ${match.port}`];
    case "connection":
    case "packet": {
      const value = match.mark === 0 ? "0" : hex(match.mark);
      const not = match.is === "connection" && match.not === true;
      return [`${match.is === "packet" ? "meta" : "ct"} mark & ${under} ${not ? "!=" : "=="} ${value}`];
    }
    case "interface":
      return [`${match.end === "src" ? "iifname" : "oifname"} "${match.name.replace(/\+$/, "*")}"`];
    case "address":
      return [`${addressOf(match.family, match.end)} ${match.prefix}`];
    case "exempt":
      return (["src", "dst"] as const).map((end) => `${addressOf(match.family, end)} @exempt${match.family}`);
    case "exempt-mac":
      return ["ether saddr @exemptmac"];
    case "set":
      return [
        `${match.set === "locked" ? addressOf(match.family, match.end) : endpoint(match.family, match.end)} ` +
        `@${match.set}${match.family}`,
      ];
    case "rate": {
      const { renewRate } = options;
      const rate = `limit rate ${renewRate}/second burst ${renewRate * 2} packets`;
      return [`update @rate_${match.chain}${match.family} { ${addressOf(match.family, "src")} ${rate} }`];
    }
    case "sample":
      return [`limit rate ${match.rate}/second burst ${match.rate} packets`];
    case "above-budget":
      return aboveBudget(match, options);
    case "reply":
      return ["ct direction reply"];
    case "begins":
      // Where the payload is depends on the header's length, as in bareRules(); families do not differ.
      return match.family === 6
        ? []
        : TCP_HEADERS.map((words) => `tcp doff ${words} @th,${32 * words},${8 * match.bytes} ${hex(match.value)}`);
    case "short":
      return [match.family === 4 ? `ip length <= ${match.bytes}` : `ip6 length <= ${match.bytes - IPV6_HEADER}`];
    case "new":
      return ["ct state new"];
    case "early":
      return [`meta l4proto ${match.transport} ct direction ${match.way} ct ${match.way} packets <= ${match.packets}`];
    case "syn":
      return ["tcp flags & (fin | syn | rst | ack) == syn"];
    case "empty":
      return TCP_HEADERS.map((words) => emptyText(match.family, words));
    case "bare":
      return [
        `${match.family === 4 ? "ip hdrlength 5 ip length <= 80" : "ip6 nexthdr tcp ip6 length <= 60"} ` +
        "tcp flags & (fin | rst | ack) == ack",
      ];
  }
}

/**
 * Who sends is told by the MAC, so that made-up addresses share one budget, and by the address on links without one. A packet
 * whose client finds no room in the set is not above its budget.
 */
function aboveBudget({ family, end }: { family: Family; end: End }, { clientRate }: RulesOptions): string[] {
  const rate = `limit rate over ${clientRate}/second burst ${clientRate} packets`;
  const address = addressOf(family, end);
  if (end === "dst") return [`update @receives${family} { ${address} ${rate} }`];
  const byAddress = `meta iiftype != ether update @sends${family} { ${address} ${rate} }`;
  // No MAC is of one family.
  return family === 4 ? [`update @sendsmac { ether saddr ${rate} }`, byAddress] : [byAddress];
}

function endpoint(family: Family, end: End): string {
  return `${addressOf(family, end)} . tcp ${portOf(end)}`;
}

function portOf(end: End): string {
  return end === "src" ? "sport" : "dport";
}

function addressOf(family: Family, end: End): string {
  return `${family === 4 ? "ip" : "ip6"} ${end === "src" ? "saddr" : "daddr"}`;
}
