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
  /** Interfaces towards the public side, for the firewall rules; empty = every interface that is not in `lan`. */
  readonly public: readonly string[];
}

/** Queue numbers `first` to `last`, both included. */
export interface QueueNumbers {
  readonly first: number;
  readonly last: number;
}

/** `[queue]` */
export interface QueueConfig {
  readonly numbers: QueueNumbers;
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
  readonly probe: boolean;
  readonly decoy: boolean;
  /** Decoys for one client in one second, at most. */
  readonly decoyRate: number;
  readonly refuse: "drop" | "reject";
  /** Refuse the UDP packets of recognised clients (the original's `-n` is false). */
  readonly blockUdp: boolean;
  /** Delete the conntrack entries of a client that becomes locked. */
  readonly cut: boolean;
  readonly kernelSets: "auto" | "on" | "off";
}

/** What a group or a schedule may override of a protocol; `null` where it is silent. */
export interface ProtocolOverride {
  /** Name of the protocol. */
  readonly name: string;
  readonly action: ActionName | null;
  readonly require: RequireName | null;
  /** Time-lock in seconds. */
  readonly lock: number | null;
}

/** `[protocols.NAME]` */
export interface ProtocolConfig {
  readonly name: string;
  readonly action: ActionName;
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
  readonly window: number;
  readonly halfLife: number;
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
  readonly detect: boolean;
  readonly knownPeer: boolean;
  readonly advertised: boolean;
  readonly fanOut: boolean;
  /** Distinct hosts within `fanOutWindow` that count as a fan-out. */
  readonly fanOutHosts: number;
  readonly fanOutWindow: number;
}

/** `[dns]` */
export interface DnsConfig {
  readonly train: boolean;
  /** Least time an address stays trained, whatever its TTL. */
  readonly floor: number;
  /** Longest time an address stays trained without a new answer. */
  readonly ceiling: number;
  /** Added to TTL or floor. */
  readonly grace: number;
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
  readonly name: string;
  readonly addresses: readonly string[];
  readonly macs: readonly string[];
  readonly protocols: readonly ProtocolOverride[];
}

/** Minutes of the day; `to <= from` crosses midnight; `to` may be 1440. */
export interface Slot {
  readonly from: number;
  readonly to: number;
}

/** `[[schedule]]` */
export interface ScheduleConfig {
  readonly name: string;
  /** Days on which slots begin: 0 = Sunday … 6 = Saturday, ascending. */
  readonly days: readonly number[];
  readonly hours: readonly Slot[];
  /** Names of groups it is for ("default" = clients of no group); empty = all. */
  readonly clients: readonly string[];
  readonly protocols: readonly ProtocolOverride[];
}

/** `[log]` */
export interface LogConfig {
  readonly format: "text" | "json" | "syslog";
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
  readonly interval: number;
  /** Storefile of ftwall 1 or 2; empty = none. */
  readonly import: string;
}

/** `[control]` */
export interface ControlConfig {
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
  readonly network: NetworkConfig;
  readonly queue: QueueConfig;
  readonly lock: LockConfig;
  /** In the order that the caller gave; the index is the protocol number of {@link Policy}. */
  readonly protocols: readonly ProtocolConfig[];
  readonly score: ScoreConfig;
  readonly encrypted: EncryptedConfig;
  readonly dns: DnsConfig;
  readonly peers: PeersConfig;
  readonly clients: readonly ClientsConfig[];
  readonly schedule: readonly ScheduleConfig[];
  readonly log: LogConfig;
  readonly metrics: MetricsConfig;
  readonly state: StateConfig;
  readonly control: ControlConfig;
}

/** What the caller tells the loader about each protocol it knows; the order gives the protocol numbers. */
export interface ProtocolDefaults {
  /** File name of the classifier; config key. */
  readonly name: string;
  readonly action: ActionName;
  readonly require: RequireName;
  readonly names: readonly string[];
  readonly hints: readonly string[];
}
