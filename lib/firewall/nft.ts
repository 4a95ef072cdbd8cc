import { checkOptions, fingerprint, hex, type RulesOptions, sortAddresses } from "./options.ts";

/** The one table that is ours; nothing outside it is read or written. */
export const NFT_TABLE = "inet ftwall";

/** Entries a kernel set may hold; as many as the largest documented block list, rounded up. */
export const SET_SIZE = 131072;

/**
 * The whole table as one transaction for `nft -f`. Loading it again is harmless: base chains are added only when
 * missing (deleting a hooked chain drops every packet that waits in any queue), the rest is flushed and filled anew.
 * Locked clients and blocked peers keep their entries.
 */
export function nftText(options: RulesOptions): string {
  checkOptions(options);
  const rules = nftRules(options);
  const lines = ["# ftwall: also needs sysctl net.netfilter.nf_conntrack_acct=1", `add table ${NFT_TABLE}`];
  for (const [name, spec] of nftSets(options)) lines.push(`add set ${NFT_TABLE} ${name} { ${spec} }`);
  for (const [name, hook, priority] of HOOKS) {
    lines.push(`add chain ${NFT_TABLE} ${name} { type filter hook ${hook} priority ${priority}; policy accept; }`);
  }
  for (const name of CHAINS) lines.push(`add chain ${NFT_TABLE} ${name}`);
  for (const [name] of HOOKS) lines.push(`flush chain ${NFT_TABLE} ${name}`);
  for (const name of CHAINS) lines.push(`flush chain ${NFT_TABLE} ${name}`);
  const exempt = sortAddresses(options.exempt);
  for (const [name, list] of [["exempt4", exempt.v4], ["exempt6", exempt.v6], ["exemptmac", exempt.macs]] as const) {
    lines.push(`flush set ${NFT_TABLE} ${name}`);
    if (list.length > 0) lines.push(`add element ${NFT_TABLE} ${name} { ${list.join(", ")} }`);
  }
  // Over the elements too: who is exempt stands in no rule.
  const stamp = fingerprint([...lines, ...rules.map((rule) => rule.join(" "))].join("\n"));
  rules.forEach(([chain, rule], at) => {
    lines.push(`add rule ${NFT_TABLE} ${chain} ${rule}${at === 0 ? ` comment "ftwall:${stamp}"` : ""}`);
  });
  return lines.join("\n") + "\n";
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
const CHAINS = [
  "sort",
  "settled",
  "lan",
  "fromhome",
  "tohome",
  "locked",
  "blocked",
  "judge",
  "bare",
  "bare4",
  "bare6",
  "first",
  "accepted",
  "refuse",
  "input_home",
];

/** TCP header lengths in 32-bit words, those of an ACK with and without timestamps first. */
const TCP_HEADERS = [8, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15];

function nftSets(options: RulesOptions): [string, string][] {
  const sets: [string, string][] = [
    ["exempt4", "type ipv4_addr; flags interval; auto-merge;"],
    ["exempt6", "type ipv6_addr; flags interval; auto-merge;"],
    ["exemptmac", "type ether_addr;"],
    // Per-client rates; entries leave by themselves, and what finds no room is simply not counted.
    ["rate4", "type ipv4_addr; flags dynamic, timeout; timeout 1m; size 65535;"],
    ["rate6", "type ipv6_addr; flags dynamic, timeout; timeout 1m; size 65535;"],
  ];
  if (options.sets) {
    for (const name of ["locked", "blocked"]) {
      sets.push([`${name}4`, `type ipv4_addr; flags timeout; size ${SET_SIZE};`]);
      sets.push([`${name}6`, `type ipv6_addr; flags timeout; size ${SET_SIZE};`]);
    }
  }
  return sets;
}

/** Every rule as [chain, text], in order. */
export function nftRules(options: RulesOptions): [chain: string, rule: string][] {
  const { mask, accepted, refused, own } = options.mark;
  const M = hex(mask);
  const rest = hex(~mask);
  const [first, last] = options.queues;
  // The older spelling, which every nft since 0.8 reads.
  const queue = `queue num ${first === last ? first : `${first}-${last}`}`;
  const judged = options.failOpen ? `${queue} bypass` : queue;
  // To and from the router itself packets are only listened to: a dead ftwall must not take the router's DNS with it.
  const heard = `${queue} bypass`;
  const save = (value: number) => `ct mark set ct mark & ${rest} | ${hex(value)}`;
  const perClient = (family: 4 | 6) =>
    `update @rate${family} { ip${family === 6 ? "6" : ""} saddr limit rate ${options.renewRate}/second burst ${
      options.renewRate * 2
    } packets }`;
  const rules: [string, string][] = [];
  const add = (chain: string, ...list: string[]) => list.forEach((rule) => rules.push([chain, rule]));

  const families = [["ip", 4], ["ip6", 6]] as const;
  // Nearly all packets are of settled connections: they leave by the shortest way. Only a lock ends what its client had.
  const locks = options.sets && options.cut;
  add("forward", `ct mark & ${M} == ${hex(accepted)} meta mark & ${M} == 0 ${locks ? "goto settled" : "return"}`);
  add("forward", "meta l4proto { tcp, udp } goto sort");
  if (locks) {
    for (const [ip, n] of families) {
      add("settled", `${ip} saddr @locked${n} goto locked`, `${ip} daddr @locked${n} drop`);
    }
  }
  add(
    "sort",
    `ct mark & ${M} == ${hex(own)} return`,
    "ip daddr 224.0.0.0/4 return",
    "ip6 daddr ff00::/8 return",
    ...exemptRules(),
    // Replies carry another machine's MAC, so the connection remembers whose it is.
    `ether saddr @exemptmac ${save(own)} return`,
    ...side(options, "from", "goto lan"),
    ...side(options, "to", "goto tohome"),
  );
  add("lan", ...side(options, "to", "return"), "goto fromhome");
  // A packet that the consumer sent round again: here before the sets, which would queue it a second time.
  const told = `meta mark & ${M} == ${hex(refused)} ${save(refused)} goto refuse`;
  if (options.sets) {
    add("fromhome", told);
    add("tohome", told);
    const uncut = options.cut ? "" : `ct mark & ${M} != ${hex(accepted)} `;
    // A lock ends what its client had; the block list leaves alone what was let through, for a client that is exempt.
    const passed = `ct mark & ${M} == ${hex(accepted)} return`;
    for (const [ip, n] of families) {
      add("fromhome", `${ip} saddr @locked${n} ${uncut}goto locked`);
      add("tohome", `${ip} daddr @locked${n} ${uncut}drop`);
    }
    add("fromhome", passed, ...families.map(([ip, n]) => `${ip} daddr @blocked${n} goto blocked`));
    add("tohome", passed, ...families.map(([ip, n]) => `${ip} saddr @blocked${n} goto blocked`));
    // No bypass: a lock holds while ftwall restarts, and ends by its own timeout.
    for (const n of [4, 6] as const) {
      add("locked", `meta l4proto udp ${perClient(n)} ${queue}`);
      // All of it, and both ways: only ftwall knows who is allowed there for a time.
      add("blocked", `${perClient(n)} ${queue}`);
    }
  }
  add("locked", "goto refuse");
  add("blocked", "goto refuse");
  add("fromhome", "goto judge");
  add("tohome", "goto judge");
  add(
    "judge",
    `ct mark & ${M} == ${hex(accepted)} return`,
    `ct mark & ${M} == ${hex(refused)} goto refuse`,
    told,
    `meta mark & ${M} == ${hex(accepted)} goto accepted`,
    "meta l4proto tcp goto bare",
    "goto first",
  );
  // Of packets without payload only the one that opens a connection tells anything. All headers of the others have a
  // length that their own offset says: a table of pairs, as no rule can subtract. (A set of pairs would be one rule, but
  // nft 1.0.6 ends with an assertion when it lists one with a field of four bits.)
  add(
    "bare",
    "tcp flags & (syn | ack) == syn goto first",
    "ip hdrlength 5 ip length <= 80 goto bare4",
    "ip6 nexthdr tcp ip6 length <= 60 goto bare6",
    "goto first",
  );
  for (const words of TCP_HEADERS) {
    add("bare4", `ip length ${20 + 4 * words} tcp doff ${words} return`);
    add("bare6", `ip6 length ${4 * words} tcp doff ${words} return`);
  }
  add("bare4", "goto first");
  add("bare6", "goto first");
  add(
    "first",
    `ct mark & ${M} != 0 ${judged}`,
    `udp sport 53 ${judged}`,
    `udp dport 53 ${judged}`,
    `meta l4proto udp ct state new ${judged}`,
    ...(["original", "reply"] as const).flatMap((way) => [
      `meta l4proto tcp ct direction ${way} ct ${way} packets <= ${options.packetsTcp} ${judged}`,
      `meta l4proto udp ct direction ${way} ct ${way} packets <= ${options.packetsUdp} ${judged}`,
    ]),
  );
  if (options.sample > 0) {
    add("first", `limit rate ${options.sample}/second burst ${options.sample} packets ${judged}`);
  }
  add("accepted", save(accepted), `meta mark set meta mark & ${rest}`);
  if (options.refuse === "reject") {
    add("refuse", "meta l4proto tcp reject with tcp reset", "reject with icmpx type port-unreachable");
  }
  add("refuse", "drop");
  add(
    "post",
    `meta mark & ${M} == 0 return`,
    `meta mark & ${M} == ${hex(refused)} drop`,
    `meta mark & ${M} == ${hex(accepted)} ${save(accepted)}`,
    `meta mark set meta mark & ${rest}`,
  );
  add("input", 'iifname "lo" return', ...exemptRules(), ...side(options, "from", "goto input_home"));
  if (options.lan.length === 0) add("input", "ip6 saddr fe80::/10 goto input_home");
  add(
    "input_home",
    "udp dport { 67, 547 } return",
    "ether saddr @exemptmac return",
    `udp dport 53 ${heard}`,
    `tcp dport 53 ${heard}`,
    "ip daddr 224.0.0.0/4 udp dport != 6771 return",
    "ip6 daddr ff00::/8 udp dport != 6771 return",
    `meta l4proto udp ${perClient(4)} ${heard}`,
    `meta l4proto udp ${perClient(6)} ${heard}`,
  );
  add("output", 'oifname "lo" return', `meta mark & ${M} == ${hex(own)} return`, ...exemptRules());
  for (const part of side(options, "to", "")) {
    add("output", `${part} udp sport 53 ${heard}`, `${part} tcp sport 53 ${heard}`);
  }
  return rules;
}

function exemptRules(): string[] {
  return ["ip saddr @exempt4", "ip daddr @exempt4", "ip6 saddr @exempt6", "ip6 daddr @exempt6"].map((r) =>
    `${r} return`
  );
}

/** One rule for each way a packet can come from, or go to, a client. */
function side(options: RulesOptions, way: "from" | "to", verdict: string): string[] {
  const tail = verdict === "" ? "" : ` ${verdict}`;
  if (options.lan.length > 0) {
    const key = way === "from" ? "iifname" : "oifname";
    return options.lan.map((name) => `${key} "${name.replace(/\+$/, "*")}"${tail}`);
  }
  const { v4, v6 } = sortAddresses(options.home);
  const key = way === "from" ? "saddr" : "daddr";
  return [...v4.map((prefix) => `ip ${key} ${prefix}${tail}`), ...v6.map((prefix) => `ip6 ${key} ${prefix}${tail}`)];
}
