/**
 * Every key of the config: its kind, its default, what it does. The types of `config.ts`, the loader, the reference, `check`
 * and the comparison of two configs all follow from these tables; a new key is one entry here.
 *
 * Names of properties are the TOML keys in camelCase. Durations are milliseconds and sizes bytes, unless a name says
 * otherwise.
 * @module
 */
import { REMEMBERED_PEERS } from "../state/scores.ts";
import { NAME_FILES, POPULAR, RESOLVERS } from "./defaults.ts";
import {
  duration,
  durationOrNone,
  flag,
  integer,
  list,
  mark,
  markMask,
  optional,
  seconds,
  size,
  word,
} from "./kind.ts";
import { field, type Fields, type Section } from "./field.ts";
import * as spelling from "./spelling.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const KIB = 1024;
const MIB = 1024 * KIB;
const NONE: readonly string[] = [];

/** Most elements of one list of prefixes, and of all together. */
export const MAX_PREFIXES = 10_000;
/** Most wildcards of one list. */
const MAX_NAMES = 1000;
/** Most client groups: the packet path asks them one after the other. */
export const MAX_GROUPS = 64;
/** Most targets of notifications. */
export const MAX_TARGETS = 16;
/** Longest time-lock: a week. */
const MAX_LOCK_SECONDS = 604_800;

/** What may be done about a protocol, in ascending order of severity; the index is the number that a Policy answers. */
export const ACTION_NAMES = ["off", "log", "drop", "lock"] as const;
/** What firewalls and others call them. */
const OTHER_ACTIONS: ReadonlyMap<string, (typeof ACTION_NAMES)[number]> = new Map([
  ...["block", "deny", "reject", "refuse", "stop"].map((word) => [word, "drop"] as const),
  ...["ban", "quarantine", "timelock"].map((word) => [word, "lock"] as const),
  ...["alert", "notice", "warn", "report", "monitor", "detect"].map((word) => [word, "log"] as const),
  ...["accept", "allow", "ignore", "none", "pass", "permit"].map((word) => [word, "off"] as const),
]);
/** The certainties that `require` may name. */
const REQUIRE_NAMES = ["certain", "strong", "weak"] as const;

/** Forms of the log. */
export const LOG_FORMATS = ["text", "json", "syslog"] as const;
/** Levels of the log, least important first. */
export const LOG_LEVELS = ["debug", "info", "warning", "error"] as const;

/** How the history keeps a client: by its address, MAC and name; by a keyed hash of its address; or only counted. */
export const PRIVACY_NAMES = ["plain", "hashed", "none"] as const;

/** What a notification may tell of. */
export const NOTICES = [
  "lock",
  "release",
  "detected",
  "rules",
  "config",
  "reload",
  "overrun",
  "start",
  "operator",
  "error",
] as const;
/** Forms of the text that a webhook gets. */
const WEBHOOK_FORMS = ["json", "slack", "matrix", "ntfy"] as const;

/** Keys before the first table. */
export const TOP = {
  memory: field(
    size(4 * MIB, 2048 * MIB),
    32 * MIB,
    "What all tables (flows, peers, locks, trained addresses) may take together; the oldest entries go when it is used up. The program takes up to 56 MiB beside them, and 20 for each thread beyond the first. With 2G the tables of flows (8.4 million) and peers (4.2 million) are as large as they can be.",
    "restart",
  ),
  timezone: field(
    spelling.timezone,
    "",
    "Zone of the schedules. Set it where the system's zone is unknown to ftwall, as on OpenWrt: a schedule in the wrong zone is worse than none.",
  ),
  clientFiles: field(
    spelling.path,
    "",
    "Directory in which a file for each locked client comes and goes, named after its address; it says protocol, evidence and end of the lock: for scripts.",
  ),
} satisfies Fields;

/** The tables with fixed keys, in the order of the reference. */
export const SECTIONS = {
  network: {
    doc: "Who is who.",
    fields: {
      home: field(
        list(spelling.prefix, MAX_PREFIXES),
        ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"],
        "Whose P2P clients are acted on. The prefixes that the interfaces of `lan` have on-link are added by themselves, so public IPv6 prefixes of your network need not be named; `ftwall replay` knows only these.",
      ),
      exempt: field(list(spelling.client, MAX_PREFIXES), NONE, "Clients that are never acted on, whatever they do."),
      lan: field(
        list(spelling.networkInterface, 64),
        ["br-lan"],
        "Interfaces towards home, for `ftwall rules`; their own prefixes are home too, looked up every minute. Where none of them is there, clients are recognised by `home` alone.",
        "rules",
      ),
    },
  },
  queue: {
    doc: "How packets come from the kernel.",
    fields: {
      numbers: field(
        spelling.queueNumbers,
        { first: 0, last: 0 },
        "Queue, or range of queues that share the flows.",
        "restart",
      ),
      threads: field(
        spelling.threads,
        "auto",
        "Threads that the queues are spread over: auto takes one for each queue, but leaves one processor core to the kernel. What one thread learns is in force on all.",
        "restart",
      ),
      fail: field(
        word(["open", "closed"]),
        "open",
        "What happens to packets when ftwall is dead, hung or overrun: open lets them pass, closed drops them.",
        "restart",
      ),
      clientRate: field(
        integer(0, 1_000_000),
        20_000,
        "Packets a second of one client, in each direction, that may be queued, so that nobody fills the queue for all: what is above meets what `fail` says, and is told. A client is told by its MAC with nft, by its address with iptables (match hashlimit). 0: as many as it likes; none has one either where `mask` has two bits only, as no mark is left to tell of it.",
        "rules",
      ),
      length: field(
        integer(16, 65_535),
        16384,
        "Packets that may wait in each queue. The kernel's own 1024 overflow in bursts; more than this only adds delay.",
        "restart",
      ),
      copy: field(
        size(256, 65_535),
        4 * KIB,
        "How much of each packet the kernel copies. Classifiers want the first 2 to 4 KiB of a header block.",
        "restart",
      ),
      buffer: field(size(64 * KIB, 512 * MIB), 4 * MIB, "Receive buffer of each queue's socket.", "restart"),
      packetsTcp: field(
        integer(4, 1000),
        16,
        "First packets of a TCP flow, in each direction, that ftwall sees: handshake, and enough data for protocols that hide their hello behind it.",
        "rules",
      ),
      packetsUdp: field(
        integer(1, 1000),
        8,
        "The same for UDP; P2P flows there are short, DHT has one packet a flow.",
        "rules",
      ),
      settle: field(
        flag,
        true,
        "Let the kernel carry out the verdict of a decided flow by itself, by a connection mark.",
        "restart",
      ),
      mask: field(
        markMask,
        0x0f000000,
        "Bits of the packet and connection marks that are ftwall's. The default stays clear of mwan3 (0x3f00), pbr and Tailscale (0xff0000), WireGuard (low 16 bits), QoS scripts (low 8) and zapret (0x60000000).",
        "restart",
      ),
      mark: field(mark, 0x01000000, "Mark, within the mask, of a settled flow that is accepted.", "restart"),
      refuseMark: field(mark, 0x02000000, "Mark, within the mask, of a settled flow that is refused.", "restart"),
      gso: field(
        flag,
        true,
        "Take merged packets whole; off makes the kernel split them first, at a tenth of the speed.",
        "restart",
      ),
      rules: field(
        word(["auto", "manual"]),
        "auto",
        "auto: `ftwall run` puts the firewall rules in place where there are none of ftwall's, and takes what it made away at a clean stop; manual: it never does.",
        "restart",
      ),
      keepRules: field(
        flag,
        true,
        "Put the rules, and what the kernel's sets held, back when another program takes them away; at most once in ten seconds and five times in ten minutes.",
      ),
      offload: field(
        word(["off", "software", "hardware"]),
        "off",
        "Settled, accepted flows leave the kernel's long path by a flowtable, which costs less than forwarding without ftwall: software, or hardware where the network card can. Needs nft and the kernel module nf_flow_table (OpenWrt kmod-nft-offload), or iptables on OpenWrt 23.05 or later (kmod-ipt-offload, software alone); not for traffic that is shaped or counted on the way.",
        "rules",
      ),
      watchdog: field(
        durationOrNone(2 * SECOND, MINUTE),
        2 * SECOND,
        "The kernel ends ftwall when packets wait and no verdict is given for so long, also where it is stopped or hangs: then `fail` holds, and the service manager starts it again. On a busy machine it waits up to five times as long.",
        "restart",
      ),
      priority: field(
        word(["normal", "high", "realtime"]),
        "high",
        "high: before other programs where the processor is short (nice -10); realtime: before all that are not real-time too (SCHED_RR).",
        "restart",
      ),
    },
  },
  lock: {
    doc: "The time-lock of a recognised client.",
    fields: {
      seconds: field(
        seconds(MAX_LOCK_SECONDS),
        120,
        "How long a client is cut off from the public side after the last evidence; 0 turns locks off.",
      ),
      probe: field(
        flag,
        true,
        "Ask the client at half time whether its program still runs; an answer renews the lock.",
      ),
      decoy: field(
        flag,
        true,
        "Answer a client's pings in the peer's name, where the protocol has an answer, so that the client shows its whole peer list. Only ever sent to clients.",
      ),
      requireNeighbour: field(
        flag,
        false,
        "Lock a client only where a DHCP lease in [names] files, or else the kernel's neighbour table (ARP, IPv6 neighbour discovery), has the MAC that its packet came from for its address: then nobody is locked by packets in his name. Not where clients are behind another router, whose MAC all of them have.",
      ),
      decoyRate: field(
        integer(1, 10_000),
        100,
        "Decoys for one machine (its MAC, where that is known) in one second, at most; for all together 1000.",
      ),
      refuse: field(
        word(["drop", "reject"]),
        "drop",
        "How the kernel refuses: silently, or with a TCP reset or ICMP error that programs notice at once.",
        "rules",
      ),
      blockUdp: field(flag, true, "Refuse recognised UDP packets; false only learns from them (ftwall 1 and 2: -n)."),
      cut: field(
        flag,
        true,
        "Cut the connections that a client has at the moment it becomes locked; false leaves alone those that were found harmless.",
        "rules",
      ),
      kernelSets: field(
        word(["auto", "on", "off"]),
        "auto",
        "Keep locks and peers in kernel sets too, so that they cost nothing and hold while ftwall restarts; auto: where available.",
        "rules",
      ),
    },
  },
  score: {
    doc:
      "Weak evidence adds up for each client. A fact counts once for each peer and kind of evidence within the window, and loses half its points every half_life.",
    fields: {
      act: field(flag, true, "Act at the threshold, as the protocol with the most points says; false only reports it."),
      window: field(duration(10 * SECOND, DAY), 10 * MINUTE, "How long a fact counts."),
      halfLife: field(duration(SECOND, DAY), 5 * MINUTE, "Time in which a fact loses half its points."),
      threshold: field(integer(1, 1_000_000), 100, "Points at which a client is acted on."),
      weak: field(integer(0, 1_000_000), 10, "Points of one weak fact."),
      strong: field(
        integer(0, 1_000_000),
        40,
        "Points of one strong fact, where `require` keeps it from acting alone.",
      ),
      peers: field(
        integer(1, REMEMBERED_PEERS),
        4,
        "Distinct peers that the facts must speak of; fewer never act, however many points there are.",
      ),
    },
  },
  encrypted: {
    doc: "Encrypted clients, recognised by what leaks around them.",
    fields: {
      detect: field(flag, true, "Look for flows that are random bytes from the first on."),
      knownPeer: field(
        flag,
        true,
        "Such a flow to an endpoint that a confirmed conversation taught is of its protocol.",
      ),
      knownClient: field(
        flag,
        true,
        "Such a flow of a client whose other flows were recognised with certainty within score.window is of that protocol, where over TCP its lengths or its peer speak for it too (never to ports 53, 80, 443).",
      ),
      advertised: field(
        flag,
        true,
        "Such a flow to an endpoint that was only advertised raises the score (never on ports 53, 80, 443).",
      ),
      fanOut: field(
        flag,
        true,
        "Such flows to many distinct hosts on high ports in little time, whose lengths are those of the protocol, end.",
      ),
      fanOutHosts: field(
        integer(2, REMEMBERED_PEERS),
        4,
        "Distinct hosts that make a fan-out. No more than the last 16 of a client are remembered.",
      ),
      fanOutWindow: field(duration(SECOND, HOUR), MINUTE, "Time in which they must be met."),
    },
  },
  detect: {
    doc: "What else is looked at beside the flows that cross the router.",
    fields: {
      portMappings: field(
        flag,
        true,
        "Read what clients ask the router itself for by UPnP, NAT-PMP and PCP: a port of their own. A program that names itself there is known by it.",
        "rules",
      ),
    },
  },
  probe: {
    doc: "Questions to ports of suspected clients. An answer in a protocol's structure proves the protocol.",
    fields: {
      ask: field(
        flag,
        true,
        "Ask a port that weak evidence, a call from outside or a port mapping speaks of, a few times and only towards home, what speaks there. `probe` in a protocol's table switches it off for that protocol.",
      ),
      dryRun: field(flag, false, "Ask in a dry run too.", "restart"),
    },
  },
  dns: {
    doc: "Addresses trained by DNS answers to clients; the wildcards are `names` of the protocols.",
    fields: {
      train: field(flag, true, "Learn addresses from answers."),
      floor: field(duration(0, DAY), 10 * MINUTE, "Least time an address stays trained, whatever its TTL."),
      ceiling: field(duration(MINUTE, 30 * DAY), DAY, "Longest time an address stays trained without a new answer."),
      grace: field(duration(0, DAY), 5 * MINUTE, "Added to it, for clients that hold on to an answer."),
      holdShared: field(
        flag,
        true,
        "Train no address, and no longer, that serves others too: two other names or a popular one lead there, it answers DNS questions for two others, or a TLS, HTTP or SSH connection to it was let through within a day.",
      ),
      spare: field(
        list(spelling.prefix, MAX_PREFIXES),
        RESOLVERS,
        "Addresses that are never trained and never blocked, whatever a name server or a peer list says: by default the public name servers. What one of these answers trains for all clients, as what one at home or one that several machines ask does; any other trains for the machine that asked alone.",
      ),
      popular: field(list(spelling.wildcard, MAX_NAMES), POPULAR, "The popular names."),
    },
  },
  peers: {
    doc: "The block list of recognised peers.",
    fields: {
      lifetime: field(duration(MINUTE, 365 * DAY), DAY, "How long a peer is known after it was last seen as one."),
      advertised: field(
        duration(SECOND, 30 * DAY),
        30 * MINUTE,
        "The same for endpoints that others only named (DHT, trackers, peer exchange).",
      ),
    },
  },
  log: {
    doc: "Events and messages.",
    fields: {
      format: field(
        word(LOG_FORMATS),
        "text",
        "text for people, json for programs (one object a line), syslog with priorities for a supervisor.",
        "restart",
      ),
      level: field(word(LOG_LEVELS), "info", "The least level that is written.", "restart"),
      file: field(spelling.path, "", "File to append to; empty: standard output.", "restart"),
      size: field(
        size(64 * KIB, 2048 * MIB),
        64 * MIB,
        "Size at which `file` is put aside as `file`.1, in the place of an earlier one, and begun anew: all that the log can take is twice this.",
        "restart",
      ),
      refused: field(
        duration(0, HOUR),
        10 * SECOND,
        "At most one `refused` event for a client and reason in this time; the next one says how many were left out.",
      ),
    },
  },
  metrics: {
    doc: "Prometheus metrics over HTTP.",
    fields: { listen: field(spelling.listen, "", "Where to serve them; empty: nowhere.", "restart") },
  },
  web: {
    doc: "The page for a browser: what happens, and who is locked. See docs/web.md.",
    fields: {
      listen: field(spelling.webListen, "", "Where it is; empty: nowhere.", "restart"),
      group: field(
        spelling.unixGroup,
        "",
        "Group that may use its Unix socket besides root, such as that of a web server.",
        "restart",
      ),
      hosts: field(
        list(spelling.webHost, 32),
        NONE,
        "Names by which browsers ask for it. Addresses and localhost are always answered, any other name is refused, as it may be a stranger's that leads here.",
        "restart",
      ),
      tokenFile: field(
        spelling.path,
        "/etc/ftwall/web.token",
        "File with the token of 20 characters or more that lets its reader lock, unlock and allow clients. Only its owner may read it; where there is none, the page is for reading.",
        "restart",
      ),
      read: field(
        word(["anyone", "token"]),
        "anyone",
        "Who may read it: anyone who can reach it, or only who has the token.",
        "restart",
      ),
    },
  },
  state: {
    doc: "What survives a restart.",
    fields: {
      path: field(spelling.path, "/var/lib/ftwall/state", "The state file; empty: none.", "restart"),
      interval: field(duration(10 * SECOND, DAY), 5 * MINUTE, "How often it is written; also at every stop."),
      import: field(
        spelling.path,
        "",
        "Storefile of ftwall 1 or 2 (a line for each peer, ip:port) to read at start.",
        "restart",
      ),
    },
  },
  history: {
    doc:
      "What is remembered for `ftwall report`, `log` and `explain --since`, beside the state file; none without one.",
    fields: {
      keep: field(duration(0, 366 * DAY), 14 * DAY, "How long; 0 keeps nothing."),
      size: field(
        size(256 * KIB, 512 * MIB),
        8 * MIB,
        "What all of it may take on disk; the oldest goes when it is used up. Enough for two weeks of 10 clients that share files all day.",
      ),
      clients: field(
        word(PRIVACY_NAMES),
        "plain",
        "How clients are kept: plain by address, MAC and name; hashed by a name that only this machine can make of the address; none: only counted.",
      ),
    },
  },
  names: {
    doc: "Names of clients, for the log, status and reports, and in place of addresses in commands.",
    fields: {
      files: field(
        list(spelling.path, 32),
        NAME_FILES,
        "Leases of dnsmasq, Kea and ISC dhcpd, and files like hosts and ethers, best ones first; those that are not there are passed by.",
      ),
      reverseDns: field(
        flag,
        false,
        "Ask the name server for names of addresses at home that no file names; each at most once an hour.",
      ),
    },
  },
  control: {
    doc: "The socket for `ftwall status`, `reload`, `lock` and the like.",
    fields: {
      path: field(spelling.socketPath, "/run/ftwall/control.sock", "Where it is.", "restart"),
      group: field(spelling.unixGroup, "", "Group that may use it besides root.", "restart"),
    },
  },
} satisfies Readonly<Record<string, Section>>;

/** Name of a table with fixed keys. */
export type SectionName = keyof typeof SECTIONS;

/** Those that are written before the tables of the protocols; the rest comes after these. */
export const BEFORE_PROTOCOLS: readonly SectionName[] = ["network", "queue", "lock"];

/** Keys of `[protocols.NAME]`; the defaults of a protocol replace those here. */
export const PROTOCOL = {
  action: field(
    word(ACTION_NAMES, OTHER_ACTIONS),
    "drop",
    "off: do not look; log: report; drop: refuse the flow; lock: refuse it and lock the client.",
  ),
  require: field(word(REQUIRE_NAMES), "strong", "The least certainty that acts."),
  lock: field(
    optional(seconds(MAX_LOCK_SECONDS)),
    null,
    "Time-lock of this protocol; left out: as [lock] seconds says.",
  ),
  names: field(
    list(spelling.wildcard, MAX_NAMES),
    NONE,
    "DNS names whose addresses are trained: contact with one is refused.",
  ),
  hints: field(list(spelling.wildcard, MAX_NAMES), NONE, "DNS and TLS names that only raise the client's score."),
  allowInfoHashes: field(
    optional(list(spelling.infoHash, MAX_PREFIXES)),
    null,
    "Torrents that are let through where their hash is visible, version 1 or 2; of a hybrid torrent name both",
  ),
  probe: field(optional(flag), null, "Ask suspected clients for it, see [probe]"),
} satisfies Fields;

/** Keys of PROTOCOL that only some protocols have: those whose defaults have a value. */
export const OF_SOME = ["allowInfoHashes", "probe"] as const;

/** Keys of `[clients.protocols.NAME]` and `[schedule.protocols.NAME]`. */
export const OVERRIDE = {
  action: field(optional(PROTOCOL.action.kind), null, PROTOCOL.action.doc),
  require: field(optional(PROTOCOL.require.kind), null, PROTOCOL.require.doc),
  lock: PROTOCOL.lock,
} satisfies Fields;

/** Keys of `[[clients]]` beside `protocols`. */
export const CLIENTS = {
  name: field(
    spelling.groupName,
    "",
    "Name of the group; of a group of one address or one MAC it is the name of that client too.",
  ),
  addresses: field(list(spelling.prefix, MAX_PREFIXES), NONE, "Its addresses and prefixes."),
  macs: field(
    list(spelling.mac, MAX_PREFIXES),
    NONE,
    "Its MAC addresses; they follow a client that changes its address.",
  ),
  history: field(
    optional(word(PRIVACY_NAMES)),
    null,
    "How the history keeps its clients; left out: as [history] clients says.",
  ),
} satisfies Fields;

/** Keys of `[[schedule]]` beside `protocols`. */
export const SCHEDULE = {
  name: field(spelling.label, "", "A name, for the log."),
  days: field(spelling.days, [0, 1, 2, 3, 4, 5, 6], "Days on which the slots begin."),
  hours: field(spelling.hours, [{ from: 0, to: 1440 }], "Slots of local time."),
  clients: field(list(spelling.groupReference, MAX_GROUPS + 1), NONE, "Groups it is for; empty: all clients."),
} satisfies Fields;

/** Keys of `[[notify]]`: where messages go. */
export const NOTIFY = {
  name: field(spelling.targetName, "", "Name of the target, for log, status and metrics."),
  command: field(
    list(spelling.argument, 32),
    NONE,
    "A program, by its absolute path, and its arguments. It gets the message as JSON on standard input, runs as `user`, and is tried again later where it ends with another status than 0.",
  ),
  webhook: field(
    spelling.webhook,
    "",
    "Where to send the message over HTTP. Of a Matrix room the path that ends in /send/m.room.message, of ntfy the topic.",
    undefined,
    (url) => url.replace(/^(\w+:\/\/[^/?]*).*$/, "$1/…"),
  ),
  form: field(
    word(WEBHOOK_FORMS),
    "json",
    "What the webhook understands; slack: Mattermost, Rocket.Chat and Discord too.",
  ),
  token: field(spelling.token, "", "Sent along as `Authorization: Bearer`.", undefined, () => "…"),
  ca: field(spelling.path, "", "File with certificates (PEM) of authorities to trust besides the public ones."),
  mail: field(list(spelling.mailAddress, 16), NONE, "Who gets the message as a mail."),
  sender: field(
    optional(spelling.mailAddress),
    null,
    "From whom that mail is; left out: ftwall at this machine's name.",
  ),
  sendmail: field(
    spelling.program,
    "/usr/sbin/sendmail",
    "The program that mail is given to; it runs as `user`. It cannot get rights by itself, as those of Postfix and Exim need: with them name `smtp`.",
  ),
  smtp: field(
    spelling.mailServer,
    "",
    "In place of that program: mail server of this machine or network, that takes mail without login.",
  ),
  user: field(spelling.unixUser, "nobody", "The user of the system that programs run as, never root."),
  on: field(
    list(word(NOTICES), NOTICES.length),
    ["lock", "rules", "config", "overrun", "error"],
    "What to tell of. lock, release: time-locks; detected: clients and what they use, also where that is only logged; rules: rules that went, were put back or failed; config: a config that was refused; reload: one that came into force; overrun: packets passed unseen; start: starts and stops; operator: what operators did; error: other trouble.",
  ),
  interval: field(
    duration(10 * SECOND, DAY),
    MINUTE,
    "At most one message in this time; what happens meanwhile is told in the next one.",
  ),
  timeout: field(duration(SECOND, 5 * MINUTE), 30 * SECOND, "How long a program, or a server, may take."),
} satisfies Fields;
