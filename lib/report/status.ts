/**
 * The object that `ftwall status --json` prints, as the interface contract has it, and what it is made from.
 * @module
 */
import { rfc3339 } from "./plain.ts";
import type { VerdictTimes } from "./verdict_times.ts";

/** One queue of the kernel, `waiting` and the drop counters as in /proc/net/netfilter/nfnetlink_queue. */
export interface QueueStatus {
  readonly number: number;
  readonly waiting: number;
  readonly queue_dropped: number;
  readonly user_dropped: number;
  readonly fail_open: { readonly requested: boolean; readonly effective: boolean };
  readonly gso: boolean;
  /** Packets that may wait in the queue. */
  readonly length?: number;
  /** Bytes of the socket's receive buffer as granted. */
  readonly receive_buffer?: number;
  /** Bytes of each packet that are copied here. */
  readonly copy_range?: number;
  /** Packets from this queue so far. */
  readonly packets?: number;
  /** Times the socket had no room (ENOBUFS). */
  readonly overruns?: number;
  /** Packets that found no room in the socket, by the gaps in their numbers: also those that a queue which fails open let pass. */
  readonly missed?: number;
}

/** One time-lock; times are wall clock in milliseconds. */
export interface LockFacts {
  readonly client: string;
  readonly client_name?: string;
  readonly mac?: string;
  readonly protocol: string;
  readonly evidence: string;
  readonly since: number;
  readonly until: number;
  readonly renewals: number;
  readonly by: string;
  readonly reason?: string;
}

/** One client that an operator allowed; `until` is wall clock in milliseconds. */
export interface AllowedFacts {
  readonly client: string;
  readonly until: number;
}

/** One entry of the block list; `until` is wall clock in milliseconds. */
export interface PeerFacts {
  readonly peer: string;
  readonly peer_port: number;
  readonly protocol: string;
  readonly until: number;
}

/** The addresses that one wildcard name has trained. */
export interface TrainedFacts {
  readonly pattern: string;
  readonly addresses: readonly string[];
}

/** Counters since the start. */
export interface Counters {
  readonly packets: number;
  readonly accepted: number;
  readonly refused: number;
  readonly offloaded: number;
  readonly decode_errors: number;
  readonly by_protocol: Readonly<Record<string, number>>;
  readonly by_reason: Readonly<Record<string, number>>;
  /** Anything else that is counted (events not printed, log lines lost, exceptions in classifiers …). */
  readonly [more: string]: number | Readonly<Record<string, number>>;
}

/** The config in force and the last attempt to replace it; times are wall clock in milliseconds. */
export interface ConfigFacts {
  /** Null where the built-in defaults are in force. */
  readonly path: string | null;
  readonly hash: string;
  readonly loadedAt: number;
  /** The last attempt to load it; before any reload that of the start. */
  readonly lastReload: { readonly ok: boolean; readonly at: number; readonly problems: readonly string[] };
}

/** Something optional in the kernel: in use, or why not. */
export interface Optional {
  /** Whether it is in use. */
  readonly in_use: boolean;
  /** Why not. */
  readonly why?: string;
}

/** What ends a daemon whose verdicts stand still, and what is known of the one before. */
export interface WatchdogStatus extends Optional {
  /** Seconds for which verdicts may stand still. */
  readonly limit_seconds?: number;
  /** Whether a service manager asked to be told. */
  readonly service_manager: boolean;
  /** The process before this one, where it did not stop by itself. */
  readonly earlier?: {
    readonly pid: number;
    /** From its last verdicts to the first of this one. */
    readonly stood_still_seconds: number;
    /** It stood still for as long as the watchdog bears. */
    readonly watchdog: boolean;
  } | undefined;
}

/** What this process may do. */
export interface RightsStatus {
  /** Capabilities that any of its threads has. */
  readonly capabilities: readonly string[];
  /** Whether no program that it starts can have more. */
  readonly no_new_privs: boolean;
  /** Whether dangerous system calls are refused to it. */
  readonly calls_refused: boolean;
  /** Why it has more than it needs. */
  readonly why?: string;
}

/** What ftwall has and does in the kernel beside its queues. */
export interface KernelStatus {
  /** The firewall rules in force; null where nobody looked (dry-run, or just started). */
  readonly rules: {
    readonly present: boolean;
    readonly backend: string | null;
    /** In what they are not those of the config. */
    readonly differs: readonly string[];
    /** They are there because `run` made them, and go with its clean stop. */
    readonly made?: boolean;
    /** Times that another program took them, or what the sets held, away. */
    readonly lost?: number;
    /** Times that they were put back. */
    readonly restored?: number;
  } | null;
  /** Sets of locked clients and blocked peers; counters are entries. */
  readonly sets: Optional & {
    /** Why blocked peers are left out of them. */
    readonly peers_left_out?: string;
    readonly pending?: number;
    readonly sent?: number;
    readonly failed?: number;
    readonly discarded?: number;
    /** Changed through a library in this process, or by a tool that is started for it. */
    readonly through?: "library" | "tool";
    /** Why it is not the library, where there would be one. */
    readonly through_why?: string;
    readonly last_error?: string;
  };
  /** The connection table: entries cut, looked at again, and changes that failed. */
  readonly conntrack: Optional & {
    /** Whether the kernel counts packets of connections (nf_conntrack_acct). */
    readonly accounting: boolean | null;
    readonly cut: number;
    readonly again: number;
    readonly failed: number;
  };
  /** Decoys and probes. */
  readonly sender: Optional;
  /** The interfaces towards home. */
  readonly lan: {
    readonly interfaces: readonly string[];
    readonly missing: readonly string[];
    /** On-link prefixes, which are home beside those of the config. */
    readonly prefixes: readonly string[];
    /** Interfaces on which local service discovery is heard. */
    readonly listening: readonly string[];
  };
  /** What takes packets past ftwall. */
  readonly offload: readonly string[];
  /** Whether traffic between clients on one bridge passes the rules, which let it through. */
  readonly bridged: boolean;
}

/** What the daemon offers for `status`; everything is read when somebody asks, nothing is prepared. */
export interface StatusSource {
  readonly version: string;
  readonly pid: number;
  readonly dryRun: boolean;
  /** Milliseconds since the daemon was ready. */
  uptime(): number;
  config(): ConfigFacts;
  queues(): Iterable<QueueStatus>;
  locks(): Iterable<LockFacts>;
  /** Optional: clients that an operator allowed. */
  allowed?(): Iterable<AllowedFacts>;
  peers(): { readonly count: number; readonly capacity: number; readonly entries: Iterable<PeerFacts> };
  trained(): { readonly count: number; readonly names: Iterable<TrainedFacts> };
  flows(): { readonly count: number; readonly capacity: number };
  counters(): Counters;
  readonly verdictTimes: VerdictTimes;
  /** Optional: what is done in the kernel beside the queues. */
  kernel?(): KernelStatus;
  /** Optional: what ends a daemon whose verdicts stand still. */
  watchdog?(): WatchdogStatus;
  /** Optional: what this process may do. */
  rights?(): RightsStatus;
  /** Optional: the history on disk; null where none is kept. */
  history?(): HistoryStatus | null;
  /** Optional: the targets of notifications; empty where there are none. */
  notify?(): readonly NotifyStatus[];
  /** Optional: where the page is; empty where there is none. */
  readonly web?: string;
  /** Resident memory in bytes. */
  rss(): number;
}

/** The history on disk. */
export interface HistoryStatus {
  /** Folder of its files. */
  readonly path: string;
  /** Bytes of its files; 0 before the first write. */
  readonly bytes: number;
  /** Records that found no room or could not be written. */
  readonly dropped: number;
  /** Why it cannot be written. */
  readonly failure?: string;
}

/** A target of notifications; times are wall clock in milliseconds. */
export interface NotifyStatus {
  readonly name: string;
  /** How it is reached, without secrets. */
  readonly way: string;
  /** What it is told of. */
  readonly on: readonly string[];
  /** Messages that arrived. */
  readonly sent: number;
  /** Tries that failed. */
  readonly failed: number;
  /** Events that found no room in a message, and messages that were given up. */
  readonly dropped: number;
  /** Something is to be told. */
  readonly waiting: boolean;
  readonly last_sent?: number;
  /** When the first try failed after which none succeeded, and why the last one did. */
  readonly failing_since?: number;
  readonly failure?: string;
}

/** The same with its times as text, RFC 3339. */
type InText<T> = {
  readonly [K in keyof T]: K extends "since" | "until" | "last_sent" | "failing_since" ? string : T[K];
};

/** A time-lock in the answer. */
export type LockStatus = InText<LockFacts>;
/** An entry of the block list in the answer. */
export type PeerStatus = InText<PeerFacts>;

/** The object that `ftwall status --json` prints. */
export interface Status {
  readonly version: string;
  readonly pid: number;
  readonly uptime_seconds: number;
  readonly dry_run: boolean;
  readonly config: {
    readonly path: string | null;
    readonly hash: string;
    readonly loaded_at: string;
    readonly last_reload: { readonly ok: boolean; readonly at: string; readonly problems: readonly string[] };
  };
  readonly queues: readonly QueueStatus[];
  readonly locks: readonly LockStatus[];
  readonly allowed: readonly InText<AllowedFacts>[];
  readonly peers: { readonly count: number; readonly capacity: number; readonly sample: readonly PeerStatus[] };
  readonly trained: { readonly count: number; readonly names: readonly TrainedFacts[] };
  readonly flows: { readonly count: number; readonly capacity: number };
  readonly counters: Counters;
  readonly kernel?: KernelStatus;
  readonly watchdog?: WatchdogStatus;
  readonly rights?: RightsStatus;
  readonly history?: HistoryStatus;
  readonly notify?: readonly InText<NotifyStatus>[];
  /** Where the page is. */
  readonly web?: string;
  readonly verdict_microseconds: { readonly p50: number; readonly p99: number; readonly max: number };
  readonly memory: { readonly rss_bytes: number };
}

/** Entries of the block list shown; the whole of it can be hundreds of thousands. */
const PEER_SAMPLE = 20;
/** Trained names shown. */
const NAME_SAMPLE = 256;
/** Addresses shown of each trained name. */
export const ADDRESS_SAMPLE = 64;
/** Locks shown; more clients than this are not locked at once on any network that one queue can serve. */
const LOCK_SAMPLE = 8192;

/** Builds the answer, with so many locks at most. */
export function buildStatus(source: StatusSource, locks: number = LOCK_SAMPLE): Status {
  const steps = statusOf(source, first(source.locks(), locks).map(lockStatus));
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

const NO_LOCKS = '"locks":[]';

/**
 * The same as JSON, in pieces: with thousands of locks neither they nor their text are ever in memory together. Some are
 * empty, so that whoever takes them may let packets be judged between any two.
 */
export function* statusPieces(source: StatusSource): Generator<string, void> {
  const text = JSON.stringify(yield* statusOf(source, []));
  // A quotation mark within a string would have a backslash before it.
  const at = text.indexOf(NO_LOCKS) + NO_LOCKS.length - 1;
  yield text.slice(0, at);
  let count = 0;
  for (const lock of source.locks()) {
    yield `${count === 0 ? "" : ","}${JSON.stringify(lockStatus(lock))}`;
    if (++count === LOCK_SAMPLE) break;
  }
  yield text.slice(at);
}

/** A time-lock as the answer has it. */
export function lockStatus(lock: LockFacts): LockStatus {
  return { ...lock, since: rfc3339(lock.since), until: rfc3339(lock.until) };
}

function notifyStatus({ last_sent, failing_since, ...rest }: NotifyStatus): InText<NotifyStatus> {
  return {
    ...rest,
    ...(last_sent === undefined ? {} : { last_sent: rfc3339(last_sent) }),
    ...(failing_since === undefined ? {} : { failing_since: rfc3339(failing_since) }),
  };
}

/** Some of what ends, as the answer has it. */
function ending<T extends { readonly until: number; readonly since?: never }>(
  all: Iterable<T>,
  most: number,
): InText<T>[] {
  return first(all, most).map((facts) => ({ ...facts, until: rfc3339(facts.until) }) as InText<T>);
}

/** Reads one thing after the other, with an empty piece after each that takes long. */
function* statusOf(source: StatusSource, locks: readonly LockStatus[]): Generator<string, Status> {
  const config = source.config();
  yield "";
  const peers = source.peers();
  const trained = source.trained();
  yield "";
  const flows = source.flows();
  const counters = source.counters();
  yield "";
  const queues = [...source.queues()];
  yield "";
  const kernel = source.kernel?.();
  const times = source.verdictTimes;
  const history = source.history?.() ?? null;
  const notify = source.notify?.() ?? [];
  return {
    version: source.version,
    pid: source.pid,
    uptime_seconds: Math.floor(source.uptime() / 1000),
    dry_run: source.dryRun,
    config: {
      path: config.path,
      hash: config.hash,
      loaded_at: rfc3339(config.loadedAt),
      last_reload: {
        ok: config.lastReload.ok,
        at: rfc3339(config.lastReload.at),
        problems: [...config.lastReload.problems],
      },
    },
    queues,
    locks,
    allowed: ending(source.allowed?.() ?? [], LOCK_SAMPLE),
    peers: {
      count: peers.count,
      capacity: peers.capacity,
      sample: ending(peers.entries, PEER_SAMPLE),
    },
    trained: {
      count: trained.count,
      names: first(trained.names, NAME_SAMPLE).map((name) => ({
        pattern: name.pattern,
        addresses: name.addresses.slice(0, ADDRESS_SAMPLE),
      })),
    },
    flows: { count: flows.count, capacity: flows.capacity },
    counters,
    ...(kernel === undefined ? {} : { kernel }),
    ...(source.watchdog === undefined ? {} : { watchdog: source.watchdog() }),
    ...(source.rights === undefined ? {} : { rights: source.rights() }),
    ...(history === null ? {} : { history }),
    ...(notify.length === 0 ? {} : { notify: notify.map(notifyStatus) }),
    ...(source.web === undefined || source.web === "" ? {} : { web: source.web }),
    verdict_microseconds: { p50: times.quantile(0.5), p99: times.quantile(0.99), max: times.max },
    memory: { rss_bytes: source.rss() },
  };
}

function first<T>(items: Iterable<T>, most: number): T[] {
  const taken: T[] = [];
  for (const item of items) {
    if (taken.length >= most) break;
    taken.push(item);
  }
  return taken;
}
