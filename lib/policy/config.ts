/**
 * The configuration as data: what the loader makes of `ftwall.toml`. Property names are the TOML keys in camelCase; every
 * key is present, defaults are filled in. Durations are milliseconds, sizes are bytes, unless a name says otherwise.
 * @module
 */

/** What is done about a protocol. */
export type ActionName = "off" | "log" | "drop" | "lock";
/** The least certainty that acts. */
export type RequireName = "weak" | "strong" | "certain";

/** The actions in ascending order of severity; the index is the number that {@link Policy} answers. */
export const ACTION_NAMES: readonly ActionName[] = ["off", "log", "drop", "lock"];
/** The certainties that `require` may name. */
export const REQUIRE_NAMES: readonly RequireName[] = ["certain", "strong", "weak"];

/** `[network]` */
export interface NetworkConfig {
  /** Prefixes of the clients that ftwall acts on, canonical text. */
  readonly home: readonly string[];
  /** Clients never acted on: addresses, prefixes or MACs. */
  readonly exempt: readonly string[];
  /** Interfaces towards home, for the firewall rules. */
  readonly lan: readonly string[];
}

/** Queue numbers `first` to `last`, both included. */
export interface QueueNumbers {
  /** First queue number, 0 … 65535. */
  readonly first: number;
  /** Last queue number, not below `first`. */
  readonly last: number;
}

/** `[queue]` */
export interface QueueConfig {
  /** The queues that are bound. */
  readonly numbers: QueueNumbers;
  /** Threads that the queues are spread over. */
  readonly threads: "auto" | number;
  /** What happens to packets when ftwall is dead, hung or overrun. */
  readonly fail: "open" | "closed";
  /** Packets that may wait in the kernel, for each queue. */
  readonly length: number;
  /** Bytes of each packet that the kernel copies. */
  readonly copy: number;
  /** Receive buffer of each queue's socket, bytes. */
  readonly buffer: number;
  /** First packets of a TCP flow and direction that visit the queue. */
  readonly packetsTcp: number;
  /** First packets of a UDP flow and direction that visit the queue. */
  readonly packetsUdp: number;
  /** Let decided flows bypass the queue by a connection mark. */
  readonly settle: boolean;
  /** Bits of packet and connection mark that belong to ftwall (uint32). */
  readonly mask: number;
  /** Value under `mask` of a settled flow that is accepted (uint32). */
  readonly mark: number;
  /** Value under `mask` of a settled flow that is refused (uint32). */
  readonly refuseMark: number;
  /** Take segmentation-offloaded packets whole. */
  readonly gso: boolean;
}

/** `[lock]` */
export interface LockConfig {
  /** Time-lock in seconds; 0 = no locks. */
  readonly seconds: number;
  /** Ask a locked client at half time whether its program still runs. */
  readonly probe: boolean;
  /** Answer FastTrack pings in the peer's name. */
  readonly decoy: boolean;
  /** Decoys for one client in one second, at most. */
  readonly decoyRate: number;
  /** How the kernel refuses. */
  readonly refuse: "drop" | "reject";
  /** Refuse the UDP packets of recognised clients (the original's `-n` is false). */
  readonly blockUdp: boolean;
  /** Delete the conntrack entries of a client that becomes locked. */
  readonly cut: boolean;
  /** Keep locks and peers in kernel sets too. */
  readonly kernelSets: "auto" | "on" | "off";
}

/** What a group or a schedule may override of a protocol; `null` where it is silent. */
export interface ProtocolOverride {
  /** Name of the protocol. */
  readonly name: string;
  /** What is done about it. */
  readonly action: ActionName | null;
  /** The least certainty that acts. */
  readonly require: RequireName | null;
  /** Time-lock in seconds. */
  readonly lock: number | null;
}

/** `[protocols.NAME]` */
export interface ProtocolConfig {
  /** Name, empty where a schedule has none. */
  readonly name: string;
  /** What is done about it. */
  readonly action: ActionName;
  /** The least certainty that acts. */
  readonly require: RequireName;
  /** Time-lock in seconds; `null` = as `[lock] seconds` says. */
  readonly lock: number | null;
  /** DNS wildcards that train addresses. */
  readonly names: readonly string[];
  /** DNS and SNI wildcards that only raise the client's score. */
  readonly hints: readonly string[];
  /** Info-hashes that are let through, 40 lower-case hex digits (bittorrent only, otherwise empty). */
  readonly allowInfoHashes: readonly string[];
}

/** `[score]` */
export interface ScoreConfig {
  /** Whether a score at the threshold acts; false = only reported. */
  readonly act: boolean;
  /** How long a fact counts, ms. */
  readonly window: number;
  /** Time in which a fact loses half its points, ms. */
  readonly halfLife: number;
  /** Points at which a client is acted on. */
  readonly threshold: number;
  /** Points of one weak fact. */
  readonly weak: number;
  /** Points of one strong fact that is not acted on by itself. */
  readonly strong: number;
  /** Distinct peers within the window below which a score never acts. */
  readonly peers: number;
}

/** `[encrypted]` */
export interface EncryptedConfig {
  /** Look for flows that are random bytes from the first on. */
  readonly detect: boolean;
  /** Such a flow to a confirmed endpoint is of its protocol. */
  readonly knownPeer: boolean;
  /** Such a flow of a client that was recognised with certainty is of its protocol. */
  readonly knownClient: boolean;
  /** Such a flow to an advertised endpoint raises the score. */
  readonly advertised: boolean;
  /** Many such flows to distinct hosts raise the score. */
  readonly fanOut: boolean;
  /** Distinct hosts within `fanOutWindow` that count as a fan-out. */
  readonly fanOutHosts: number;
  /** Time in which the hosts of a fan-out must be met, ms. */
  readonly fanOutWindow: number;
}

/** `[dns]` */
export interface DnsConfig {
  /** Learn addresses from DNS answers. */
  readonly train: boolean;
  /** Least time an address stays trained, whatever its TTL. */
  readonly floor: number;
  /** Longest time an address stays trained without a new answer. */
  readonly ceiling: number;
  /** Added to TTL or floor. */
  readonly grace: number;
  /** Hold back addresses that also answer for a popular name. */
  readonly holdShared: boolean;
  /** Wildcards of popular names; an address that answers for one of them is held back. */
  readonly popular: readonly string[];
}

/** `[peers]` */
export interface PeersConfig {
  /** Time after the last sight. */
  readonly lifetime: number;
  /** The same for advertised endpoints. */
  readonly advertised: number;
}

/** `[[clients]]` */
export interface ClientsConfig {
  /** Name, empty where a schedule has none. */
  readonly name: string;
  /** Prefixes of the group, canonical text. */
  readonly addresses: readonly string[];
  /** MAC addresses of the group, `aa:bb:cc:dd:ee:ff`. */
  readonly macs: readonly string[];
  /** What is overridden, in protocol order. */
  readonly protocols: readonly ProtocolOverride[];
}

/** Minutes of the day; `to <= from` crosses midnight; `to` may be 1440. */
export interface Slot {
  /** First minute, 0 … 1439. */
  readonly from: number;
  /** Minute after the last, 1 … 1440. */
  readonly to: number;
}

/** `[[schedule]]` */
export interface ScheduleConfig {
  /** Name, empty where a schedule has none. */
  readonly name: string;
  /** Days on which slots begin: 0 = Sunday … 6 = Saturday, ascending. */
  readonly days: readonly number[];
  /** Slots of local time. */
  readonly hours: readonly Slot[];
  /** Names of groups it is for ("default" = clients of no group); empty = all. */
  readonly clients: readonly string[];
  /** What is overridden, in protocol order. */
  readonly protocols: readonly ProtocolOverride[];
}

/** `[log]` */
export interface LogConfig {
  /** Form of the lines. */
  readonly format: "text" | "json" | "syslog";
  /** The least level that is written. */
  readonly level: "debug" | "info" | "warning" | "error";
  /** Path; empty = standard output. */
  readonly file: string;
  /** At most one `refused` line for a client and reason in this time. */
  readonly refused: number;
}

/** `[metrics]` */
export interface MetricsConfig {
  /** `address:port`; empty = off. */
  readonly listen: string;
}

/** `[state]` */
export interface StateConfig {
  /** Empty = none is kept. */
  readonly path: string;
  /** How often the state file is written, ms. */
  readonly interval: number;
  /** Storefile of ftwall 1 or 2; empty = none. */
  readonly import: string;
}

/** `[control]` */
export interface ControlConfig {
  /** Where the socket is. */
  readonly path: string;
  /** Group of the system that may use the socket besides root; empty = none. */
  readonly group: string;
}

/** The whole configuration. Deeply frozen by the loader. */
export interface Config {
  /** Bytes that all tables may take together. */
  readonly memory: number;
  /** IANA time zone of the schedules; empty = the system's. */
  readonly timezone: string;
  /** Directory of marker files, one for each locked client; empty = none. */
  readonly clientFiles: string;
  /** `[network]` */
  readonly network: NetworkConfig;
  /** `[queue]` */
  readonly queue: QueueConfig;
  /** `[lock]` */
  readonly lock: LockConfig;
  /** In the order that the caller gave; the index is the protocol number of {@link Policy}. */
  readonly protocols: readonly ProtocolConfig[];
  /** `[score]` */
  readonly score: ScoreConfig;
  /** `[encrypted]` */
  readonly encrypted: EncryptedConfig;
  /** `[dns]` */
  readonly dns: DnsConfig;
  /** `[peers]` */
  readonly peers: PeersConfig;
  /** `[[clients]]`, in the order of matching. */
  readonly clients: readonly ClientsConfig[];
  /** `[[schedule]]`, the first prevails. */
  readonly schedule: readonly ScheduleConfig[];
  /** `[log]` */
  readonly log: LogConfig;
  /** `[metrics]` */
  readonly metrics: MetricsConfig;
  /** `[state]` */
  readonly state: StateConfig;
  /** `[control]` */
  readonly control: ControlConfig;
}

/** What the caller tells the loader about each protocol it knows; the order gives the protocol numbers. */
export interface ProtocolDefaults {
  /** File name of the classifier; config key. */
  readonly name: string;
  /** What is done about it. */
  readonly action: ActionName;
  /** The least certainty that acts. */
  readonly require: RequireName;
  /** DNS wildcards that train addresses. */
  readonly names: readonly string[];
  /** Wildcards that only raise the score. */
  readonly hints: readonly string[];
}
