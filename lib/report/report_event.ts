/**
 * What the daemon tells about itself, beside the engine's events about traffic: the rest of the event stream.
 * @module
 */
import type { TrafficEvent } from "../learn/event.ts";

/** Packets will be judged from now on. */
export interface ReadyEvent {
  readonly event: "ready";
  readonly queues: readonly number[];
  /** Path of the config file, or null where the built-in defaults are used. */
  readonly config: string | null;
  /** What the kernel granted: fail-open, GSO, buffer sizes. */
  readonly effective: unknown;
  readonly version?: string;
  readonly pid?: number;
  readonly dry_run?: boolean;
  /** Threads that the queues are spread over, where there are several. */
  readonly threads?: number;
}

/** A new config is in force. */
export interface ReloadedEvent {
  readonly event: "reloaded";
  readonly hash: string;
  readonly changes: readonly string[];
}

/** A new config was refused; the old one stays in force. */
export interface ReloadRefusedEvent {
  readonly event: "reload-refused";
  readonly hash?: string;
  readonly problems: readonly string[];
}

/** The kernel dropped or passed packets because the queue or its socket was full. */
export interface QueueOverrunEvent {
  readonly event: "queue-overrun";
  readonly queue: number;
  readonly queue_dropped: number;
  readonly user_dropped: number;
  /** Packets that found no room in the socket, dropped or let pass. */
  readonly missed: number;
}

/** The daemon ends; the counters of its whole life. */
export interface StoppingEvent {
  readonly event: "stopping";
  readonly signal?: string;
  readonly counters: Readonly<Record<string, unknown>>;
}

/** What became of the firewall rules. */
export interface RulesEvent {
  readonly event: "rules-made" | "rules-removed" | "rules-lost" | "rules-restored" | "rules-failed";
  readonly message: string;
  readonly backend?: string;
}

/** No packet came within a minute of the start. */
export interface RulesSilentEvent {
  readonly event: "rules-silent";
  /** What to look at. */
  readonly message: string;
}

/** Something to know that is not about traffic: `level` says how bad it is. */
export interface NoteEvent {
  readonly event: "note";
  readonly level: "debug" | "info" | "warning" | "error";
  readonly message: string;
}

/** Who asked through the control socket. */
export interface Who {
  /** User id and process id as the kernel gives them; absent where they could not be had. */
  readonly uid?: number;
  readonly pid?: number;
  /** What the asking side says of itself (`SUDO_USER` or `USER`): a hint, never proof. */
  readonly user?: string;
}

/** An operator did something: the audit log. */
export interface AuditEvent {
  readonly event: "audit";
  readonly action: "reload" | "lock" | "unlock" | "allow";
  readonly who: Who;
  readonly client?: string;
  readonly seconds?: number;
  readonly reason?: string;
  readonly outcome: "done" | "refused";
  readonly found?: string;
}

/** Everything about the daemon itself. */
export type DaemonEvent =
  | ReadyEvent
  | ReloadedEvent
  | ReloadRefusedEvent
  | QueueOverrunEvent
  | StoppingEvent
  | RulesEvent
  | RulesSilentEvent
  | NoteEvent
  | AuditEvent;

/** Every event that can stand in the log. */
export type ReportEvent = TrafficEvent | DaemonEvent;

/** The names of all events. */
export type EventName = ReportEvent["event"];

const TRAFFIC: ReadonlySet<EventName> = new Set<EventName>([
  "detected",
  "locked",
  "renewed",
  "released",
  "peer-learned",
  "trained",
  "refused",
  "decoy-sent",
  "probe-sent",
]);

/** True for events about traffic: these carry `dry_run`. */
export function isTraffic(event: ReportEvent): event is TrafficEvent {
  return TRAFFIC.has(event.event);
}
