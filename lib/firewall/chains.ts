/**
 * The rules in neutral form: chains, what a packet must be, what is done with it. `nft.ts` and `iptables.ts` write them
 * down for their tools; README.md in this folder describes the way of a packet through the chains.
 * @module
 */
import { PROTOCOLS } from "../protocol/mod.ts";
import { hasBudgets, type RulesOptions, sortAddresses } from "./options.ts";
import type { KernelSet } from "./sets.ts";

/** Our chains, in the order in which they are declared. */
export const CHAINS = [
  ...["forward", "sort", "settled", "shortcut", "lan", "fromhome", "tohome", "locked", "blocked"] as const,
  ...["judge", "bare", "opens", "begins", "first", "answer", "answered"] as const,
  ...["budget", "sends", "receives", "above", "tell", "unheard"] as const,
  ...["accepted", "refuse", "input", "heard", "output", "post"] as const,
] as const;

/** Name of a chain. */
export type Chain = (typeof CHAINS)[number];

/** IPv4 or IPv6. */
export type Family = 4 | 6;

/** Which end of a packet is meant. */
export type End = "src" | "dst";

/** The transports that are judged. */
export type Transport = "tcp" | "udp";

/** Something that a packet must be. What has a family holds for packets of that family only. */
export type Match = Readonly<
  /** Of one of these transports. */
  | { is: "transport"; of: readonly Transport[] }
  /** From or to a port, or any but that; two ports are IPv4's and IPv6's. */
  | { is: "port"; transport: Transport; end: End; port: number | readonly [four: number, six: number]; not?: boolean }
  /** To a port from this one on. */
  | { is: "ports-from"; transport: Transport; port: number }
  /** Of a connection with this mark under the mask, or with any but that. */
  | { is: "connection"; mark: number; not?: boolean }
  /** With this packet mark under the mask. */
  | { is: "packet"; mark: number }
  /** Come in by this interface (`src`) or going out by it (`dst`); a `*` or `+` at the end matches any ending. */
  | { is: "interface"; end: End; name: string }
  /** From or to an address of the prefix, one that is exempt, or one (but for locked clients with its TCP port) in a kernel set. */
  | { is: "address"; family: Family; end: End; prefix: string }
  | { is: "exempt"; family: Family }
  | { is: "set"; family: Family; set: KernelSet; end: End }
  /** From an exempt hardware address. */
  | { is: "exempt-mac" }
  /** Within the rate of its sender, in a chain, or within one rate over all packets, per second. */
  | { is: "rate"; family: Family; chain: Chain }
  | { is: "sample"; rate: number }
  /** Above the budget of the client that it is from (`src`) or goes to (`dst`). */
  | { is: "above-budget"; family: Family; end: End }
  /** In answer to whom opened the connection. */
  | { is: "reply" }
  /** TCP whose payload begins with these two or four bytes. */
  | { is: "begins"; family: Family; bytes: number; value: number }
  /** Of this many bytes at most, from the IP header on. */
  | { is: "short"; family: Family; bytes: number }
  /** The first of its connection, or among the first of its direction. */
  | { is: "new" }
  | { is: "early"; transport: Transport; way: "original" | "reply"; packets: number }
  /** TCP's SYN: it opens a connection; and TCP without payload, with no options in the IP header. */
  | { is: "syn" }
  | { is: "empty"; family: Family }
  /** TCP that does nothing but acknowledge: no payload, and it neither opens a connection (SYN without ACK) nor ends one. */
  | { is: "bare"; family: Family }
>;

/**
 * What is done with a packet: leave our chains, drop it, refuse it with a TCP reset or ICMP error, clear our bits of its
 * mark, give its flow to the flowtable, go on in another chain, hand it to ftwall (`bypass`: it passes where nobody
 * listens), save a mark to the connection, mark the packet, put where it comes from into a kernel set unless it is there.
 */
export type Action =
  | "return"
  | "drop"
  | "reject"
  | "clear"
  | "offload"
  | Readonly<{ goto: Chain }>
  | Readonly<{ queue: "bypass" | "hold" }>
  | Readonly<{ save: number }>
  | Readonly<{ mark: number }>
  | Readonly<{ add: "ordinary"; family: Family }>;

/** A rule: where all of `match` holds, all actions are done in this order. */
export interface Rule {
  readonly chain: Chain;
  readonly match: readonly Match[];
  readonly actions: readonly Action[];
}

const MULTICAST: Readonly<Record<Family, string>> = { 4: "224.0.0.0/4", 6: "ff00::/8" };
/** None of the UDP ports at which clients look for each other in multicast groups. */
const UNDISCOVERED = PROTOCOLS.flatMap(({ discovery }): Match[] =>
  discovery === undefined ? [] : [{ is: "port", transport: "udp", end: "dst", port: discovery.port, not: true }]
);

/** Both directions of a connection. */
const WAYS = ["original", "reply"] as const;

/**
 * Most bytes of a packet that may be a short message by itself: with headers and TCP's timestamps 76 of payload (IPv6: 56).
 * Whoever downloads sends hardly anything else, and such messages tell hidden protocols, so they have a sample of their own.
 */
const SHORT = 128;
/** How many times larger that sample is. */
const SHORT_SAMPLE = 4;

/** Packets a second that tell of clients above their budgets, of all of them together. */
const TOLD = 10;

/** The first port behind the well-known ones. */
const FIRST_HIGH_PORT = 1024;

/** What a back end can do. */
export interface Abilities {
  /** The families of its tables. */
  readonly families: readonly Family[];
  /** Whether it can tell packets by their lengths, and so TCP without payload. */
  readonly bare: boolean;
  /** Whether it can count each client's packets. */
  readonly budgets: boolean;
}

/**
 * Every rule, in blocks of chains that belong together. Within a chain the order is that of the rules; between chains it is
 * of no account.
 */
export function chainRules(options: RulesOptions, abilities: Abilities): readonly (readonly Rule[])[] {
  const { families, bare } = abilities;
  const budgets = abilities.budgets && hasBudgets(options);
  return [
    ...forwarded(options, families, bare),
    ...(options.sets ? asked(options, families) : []),
    ...(letsBy(options, abilities) ? opens(options, families) : []),
    [
      rule("locked", [], goto("refuse")),
      rule("blocked", [], goto("refuse")),
      rule("fromhome", [], goto("judge")),
      rule("tohome", [], goto("judge")),
    ],
    judge(options),
    first(options, abilities, budgets ? goto("budget") : toQueue(options)),
    budgets ? spent(options, families) : [],
    left(options),
    input(options, families, budgets),
    output(options, families, budgets),
  ];
}

function rule(chain: Chain, match: readonly Match[], ...actions: readonly Action[]): Rule {
  return { chain, match, actions };
}

const TCP: Match = { is: "transport", of: ["tcp"] };
const UDP: Match = { is: "transport", of: ["udp"] };
// To and from the router itself packets are only listened to: a dead ftwall must not take the router's DNS with it.
const HEARD: Action = { queue: "bypass" };

/** To the queue with what is forwarded. */
function toQueue({ failOpen }: RulesOptions): Action {
  return { queue: failOpen ? "bypass" : "hold" };
}

function goto(chain: Chain): Action {
  return { goto: chain };
}

function connection(mark: number): Match {
  return { is: "connection", mark };
}

function packet(mark: number): Match {
  return { is: "packet", mark };
}

function set(set: KernelSet, end: End, family: Family): Match {
  return { is: "set", family, set, end };
}

function port(transport: Transport, end: End, port: number): Match {
  return { is: "port", transport, end, port };
}

function multicast(family: Family): Match {
  return { is: "address", family, end: "dst", prefix: MULTICAST[family] };
}

/** One match for each way a packet can come from (`src`), or go to, a client. */
function home(options: RulesOptions, families: readonly Family[], end: End): Match[] {
  if (options.lan.length > 0) return options.lan.map((name) => ({ is: "interface", end, name }));
  const { v4, v6 } = sortAddresses(options.home);
  const prefixes = { 4: v4, 6: v6 };
  return families.flatMap((family) =>
    prefixes[family].map((prefix): Match => ({ is: "address", family, end, prefix }))
  );
}

function exempt(chain: Chain, families: readonly Family[]): Rule[] {
  return families.map((family) => rule(chain, [{ is: "exempt", family }], "return"));
}

/**
 * What becomes of a packet that the consumer sent round again to be refused. Of a packet without a connection nft's rule ends
 * where it is to be saved, so what must be done in any case has a rule of its own.
 */
function again(chain: Chain, { mark }: RulesOptions): Rule[] {
  return [
    rule(chain, [packet(mark.refused)], { save: mark.refused }),
    rule(chain, [packet(mark.refused)], goto("refuse")),
  ];
}

/** How a settled packet passes. Its flow is in our flowtable before any later chain can put it into another. */
function passesBy({ offload }: RulesOptions): Action {
  return offload === "off" ? "return" : goto("shortcut");
}

function forwarded(options: RulesOptions, families: readonly Family[], bare: boolean): Rule[][] {
  const { accepted, refused, own } = options.mark;
  const locks = options.sets && options.cut;
  const passes = passesBy(options);
  return [
    [
      // Nearly all packets are of settled connections: they leave by the shortest way. Only a lock ends what its client had.
      rule("forward", [connection(accepted), packet(0)], locks ? goto("settled") : passes),
      // Most others only acknowledge, which tells nothing: they pass, but of a refused connection or a locked client. What ends
      // a connection must not overtake data that waits in the queue.
      ...(bare ? families : []).map((family) => rule("forward", [{ is: "bare", family }], goto("bare"))),
      rule("forward", [{ is: "transport", of: ["tcp", "udp"] }], goto("sort")),
    ],
    !bare ? [] : [
      rule("bare", [connection(refused)], goto("sort")),
      ...(options.sets ? families : []).flatMap((family) => [
        rule("bare", [set("locked", "src", family)], goto("sort")),
        rule("bare", [set("locked", "dst", family)], goto("sort")),
      ]),
    ],
    !locks ? [] : [
      ...families.flatMap((family) => [
        rule("settled", [set("locked", "src", family)], goto("locked")),
        rule("settled", [set("locked", "dst", family)], "drop"),
      ]),
      ...(options.offload === "off" ? [] : [rule("settled", [], passes)]),
    ],
    options.offload === "off" ? [] : [rule("shortcut", [], "offload")],
    [
      rule("sort", [connection(own)], "return"),
      ...families.map((family) => rule("sort", [multicast(family)], "return")),
      ...exempt("sort", families),
      // Replies carry another machine's MAC, so the connection remembers whose it is.
      rule("sort", [{ is: "exempt-mac" }], { save: own }),
      rule("sort", [{ is: "exempt-mac" }], "return"),
      ...home(options, families, "src").map((match) => rule("sort", [match], goto("lan"))),
      ...home(options, families, "dst").map((match) => rule("sort", [match], goto("tohome"))),
      ...home(options, families, "dst").map((match) => rule("lan", [match], "return")),
      rule("lan", [], goto("fromhome")),
    ],
  ];
}

/** What the kernel sets are asked. */
function asked(options: RulesOptions, families: readonly Family[]): Rule[][] {
  const { accepted } = options.mark;
  const uncut: Match[] = options.cut ? [] : [{ is: "connection", mark: accepted, not: true }];
  return [
    // Before the sets, which would queue a packet that came round again a second time.
    [...again("fromhome", options), ...again("tohome", options)],
    [
      ...families.flatMap((family) => [
        rule("fromhome", [set("locked", "src", family), ...uncut], goto("locked")),
        rule("tohome", [set("locked", "dst", family), ...uncut], "drop"),
      ]),
      // A lock ends what its client had; the block list leaves alone what was let through, for a client that is exempt.
      rule("fromhome", [connection(accepted)], "return"),
      ...families.map((family) => rule("fromhome", [TCP, set("peers", "dst", family)], goto("blocked"))),
    ],
    families.flatMap((family) => [
      // No bypass: a lock holds while ftwall restarts, and ends by its own timeout.
      rule("locked", [UDP, { is: "rate", family, chain: "locked" }], { queue: "hold" }),
      // Only ftwall knows who is allowed there for a time.
      rule("blocked", [{ is: "rate", family, chain: "blocked" }], { queue: "hold" }),
    ]),
  ];
}

/** Whether some SYNs are let by: where the sets are kept, and what is let by can be told from what has payload. */
function letsBy({ sets, mark }: RulesOptions, { bare }: Abilities): boolean {
  return sets && bare && mark.begun !== 0 && mark.awaiting !== 0;
}

/**
 * The SYN to a server that has just answered others in the ordinary way is let by. What comes behind it is judged like any
 * other first packet: see `begins`.
 */
function opens({ mark }: RulesOptions, families: readonly Family[]): Rule[][] {
  return [[
    ...families.map((family) =>
      rule("fromhome", [{ is: "syn" }, { is: "new" }, set("ordinary", "dst", family)], goto("opens"))
    ),
    ...families.map((family) => rule("opens", [{ is: "empty", family }], { save: mark.begun }, "return")),
    rule("opens", [], goto("judge")),
  ]];
}

/** The first packet that comes up of a connection whose SYN was let by tells that: only so is it known to be the first. */
function begins({ mark: { begun } }: RulesOptions, judged: Action): Rule[] {
  return [
    rule("first", [connection(begun), TCP], goto("begins")),
    rule("begins", [], { save: 0 }),
    rule("begins", [], { mark: begun }, judged),
  ];
}

function judge(options: RulesOptions): Rule[] {
  const { accepted, refused } = options.mark;
  return [
    rule("judge", [connection(accepted)], "return"),
    rule("judge", [connection(refused)], goto("refuse")),
    ...again("judge", options),
    rule("judge", [packet(accepted)], goto("accepted")),
    rule("judge", [], goto("first")),
  ];
}

/** What a connection that awaits an answer is ordinarily answered by: a TLS hello in its record, an HTTP status line. */
const ORDINARY = [{ bytes: 2, value: 0x1603 }, { bytes: 4, value: 0x48545450 }];

function first(options: RulesOptions, abilities: Abilities, judged: Action): Rule[] {
  const { families, bare } = abilities;
  const { accepted, awaiting } = options.mark;
  const { packetsTcp, packetsUdp, sample } = options;
  const answers = bare && awaiting !== 0;
  const noted = letsBy(options, abilities);
  return [
    ...(noted ? begins(options, judged) : []),
    ...(answers ? [rule("first", [connection(awaiting), TCP, { is: "reply" }], goto("answer"))] : []),
    ...(answers ? families : []).flatMap((family) =>
      ORDINARY.map((begin) => rule("answer", [{ is: "begins", family, ...begin }], goto("answered")))
    ),
    rule("answer", [], judged),
    ...(noted ? families : []).map((family) => rule("answered", [], { add: "ordinary", family })),
    rule("answered", [], { save: accepted }, passesBy(options)),
    rule("first", [{ is: "connection", mark: 0, not: true }], judged),
    ...WAYS.map((way) => rule("first", [{ is: "early", transport: "tcp", way, packets: packetsTcp }], judged)),
    rule("first", [port("udp", "src", 53)], judged),
    rule("first", [port("udp", "dst", 53)], judged),
    rule("first", [UDP, { is: "new" }], judged),
    ...WAYS.map((way) => rule("first", [{ is: "early", transport: "udp", way, packets: packetsUdp }], judged)),
    ...(sample === 0 ? [] : [
      ...(bare ? families : []).map((family) =>
        rule("first", [{ is: "short", family, bytes: SHORT }, { is: "sample", rate: sample * SHORT_SAMPLE }], judged)
      ),
      rule("first", [{ is: "sample", rate: sample }], judged),
    ]),
  ];
}

/**
 * What each client may have queued. Most of what a queued packet costs is the kernel's way to user space and back, so what is
 * above the budget must not come there; it meets what it would without ftwall. A few of these packets do come, to tell of it.
 */
function spent(options: RulesOptions, families: readonly Family[]): Rule[] {
  const judged = toQueue(options);
  return [
    ...home(options, families, "src").map((match) => rule("budget", [match], goto("sends"))),
    rule("budget", [], goto("receives")),
    ...families.map((family) => rule("sends", [{ is: "above-budget", family, end: "src" }], goto("above"))),
    rule("sends", [], judged),
    ...families.map((family) => rule("receives", [{ is: "above-budget", family, end: "dst" }], goto("above"))),
    rule("receives", [], judged),
    rule("above", [{ is: "sample", rate: TOLD }], goto("tell")),
    rule("above", [], options.failOpen ? "return" : "drop"),
    rule("unheard", [{ is: "sample", rate: TOLD }], goto("tell")),
    rule("tell", [], { mark: options.mark.above }, judged),
  ];
}

/** Packets to (`dst`) or from (`src`) the router's own port for DNS, as far as the budget of the client at the other end goes. */
function routersDns(chain: Chain, match: readonly Match[], end: End, families: readonly Family[]): Rule[] {
  const client = end === "dst" ? "src" : "dst";
  return (["udp", "tcp"] as const).flatMap((transport) => {
    const dns = [...match, port(transport, end, 53)];
    return [
      ...families.map((family) => rule(chain, [...dns, { is: "above-budget", family, end: client }], goto("unheard"))),
      rule(chain, dns, HEARD),
    ];
  });
}

/** How a packet leaves our chains. */
function left({ mark: { accepted, refused, again, awaiting }, refuse }: RulesOptions): Rule[] {
  return [
    rule("accepted", [], { save: accepted }),
    rule("accepted", [], "clear"),
    rule("refuse", [], refuse),
    rule("post", [packet(0)], "return"),
    // With iptables only where another program emptied the filter table: what is refused must not leave.
    rule("post", [packet(refused)], "drop"),
    rule("post", [packet(accepted)], { save: accepted }),
    ...(awaiting === 0 ? [] : [awaiting, again].map((mark) => rule("post", [packet(mark)], { save: mark }))),
    rule("post", [], "clear"),
  ];
}

function input(options: RulesOptions, families: readonly Family[], budgets: boolean): Rule[] {
  const linkLocal: Match = { is: "address", family: 6, end: "src", prefix: "fe80::/10" };
  const clients = [
    ...home(options, families, "src"),
    ...(options.lan.length === 0 && families.includes(6) ? [linkLocal] : []),
  ];
  return [
    rule("input", [{ is: "interface", end: "src", name: "lo" }], "return"),
    ...exempt("input", families),
    ...clients.map((match) => rule("input", [match], goto("heard"))),
    // DHCP and DHCPv6.
    rule("heard", [{ is: "port", transport: "udp", end: "dst", port: [67, 547] }], "return"),
    rule("heard", [{ is: "exempt-mac" }], "return"),
    ...routersDns("heard", [], "dst", budgets ? families : []),
    ...(options.mappings ? mappings(options, families) : []),
    ...families.map((family) =>
      rule(
        "heard",
        [multicast(family), ...UNDISCOVERED],
        "return",
      )
    ),
    ...families.map((family) => rule("heard", [UDP, { is: "rate", family, chain: "heard" }], HEARD)),
  ];
}

/**
 * UPnP's requests for port mappings. Which port the router's service has is its own choice, and it tells only whom it
 * answers, so the first packets to any port above the well-known ones are looked at; NAT-PMP and PCP come as UDP does.
 */
function mappings({ packetsTcp }: RulesOptions, families: readonly Family[]): Rule[] {
  return families.map((family) =>
    rule("heard", [
      { is: "early", transport: "tcp", way: "original", packets: packetsTcp },
      { is: "ports-from", transport: "tcp", port: FIRST_HIGH_PORT },
      { is: "rate", family, chain: "heard" },
    ], HEARD)
  );
}

function output(options: RulesOptions, families: readonly Family[], budgets: boolean): Rule[] {
  return [
    rule("output", [{ is: "interface", end: "dst", name: "lo" }], "return"),
    rule("output", [packet(options.mark.own)], "return"),
    ...exempt("output", families),
    ...home(options, families, "dst").flatMap((match) => {
      // What is of one family meets that family's budget: nft refuses to load a rule that asks for both.
      const own = match.is === "address" ? [match.family] : families;
      return routersDns("output", [match], "src", budgets ? own : []);
    }),
  ];
}

/** A rule for each choice of one text from every list: a match that a tool writes in several ways is several rules. */
export function product(parts: readonly (readonly string[])[]): string[] {
  return parts.reduce<string[]>(
    (texts, part) => texts.flatMap((text) => part.map((one) => text === "" ? one : `${text} ${one}`)),
    [""],
  );
}
