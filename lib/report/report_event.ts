/**
 * Every event that can stand in the log, the engine's about traffic and the daemon's about itself, and how each is treated:
 * how much it matters, how often it may be printed.
 * @module
 */
import type { TrafficEvent } from "../learn/event.ts";
import { ERROR, INFO, type LogLevel, NOTICE, threshold, WARNING } from "./severity.ts";

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
  readonly level: Exclude<LogLevel, "off">;
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
  /** Name of the client, where it has one. */
  readonly client_name?: string;
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

/** How often events of one name may be printed. */
export interface Rate {
  /** Events a second in the long run. */
  readonly perSecond: number;
  /** How many at once. */
  readonly burst: number;
}

/** What is done with the events of one name. */
interface Treatment {
  readonly severity: number;
  /** About traffic: it carries `dry_run`. */
  readonly traffic?: true;
  /** At most so often; absent: always printed. */
  readonly rate?: Rate;
  /** Rare, and needed: it finds room in the log's buffer where a flood of other events has filled the rest. */
  readonly kept?: true;
}

const USUAL: Rate = { perSecond: 20, burst: 200 };

const TREATMENT: Readonly<Record<EventName, Treatment>> = {
  detected: { severity: INFO, traffic: true, rate: USUAL },
  locked: { severity: NOTICE, traffic: true, rate: USUAL },
  renewed: { severity: INFO, traffic: true, rate: USUAL },
  released: { severity: NOTICE, traffic: true, rate: USUAL },
  "peer-learned": { severity: INFO, traffic: true, rate: USUAL },
  trained: { severity: INFO, traffic: true, rate: USUAL },
  untrained: { severity: INFO, traffic: true, rate: USUAL },
  refused: { severity: INFO, traffic: true, rate: { perSecond: 5, burst: 50 } },
  "decoy-sent": { severity: INFO, traffic: true, rate: USUAL },
  "probe-sent": { severity: INFO, traffic: true, rate: USUAL },
  "over-budget": { severity: WARNING, traffic: true, rate: USUAL },
  "port-mapped": { severity: INFO, traffic: true, rate: USUAL },
  ready: { severity: NOTICE, kept: true },
  reloaded: { severity: NOTICE, kept: true },
  "reload-refused": { severity: ERROR, kept: true },
  stopping: { severity: NOTICE, kept: true },
  audit: { severity: NOTICE, kept: true },
  "rules-made": { severity: NOTICE, kept: true },
  "rules-removed": { severity: NOTICE, kept: true },
  "rules-lost": { severity: ERROR, kept: true },
  "rules-restored": { severity: NOTICE, kept: true },
  "rules-failed": { severity: ERROR, kept: true },
  "rules-silent": { severity: WARNING, kept: true },
  "queue-overrun": { severity: WARNING, rate: { perSecond: 0.2, burst: 3 } },
  note: { severity: INFO, rate: { perSecond: 5, burst: 50 } },
};

/** The names of all events. */
export const EVENT_NAMES: readonly EventName[] = Object.keys(TREATMENT) as EventName[];

/** What is done with the events of this name. */
export function treatmentOf(name: EventName): Treatment {
  return TREATMENT[name];
}

/** Severity of an event; a note says its own. */
export function severityOf(event: ReportEvent): number {
  return event.event === "note" ? threshold(event.level) : TREATMENT[event.event].severity;
}

/** True for events about traffic. */
export function isTraffic(event: ReportEvent): event is TrafficEvent {
  return TREATMENT[event.event].traffic === true;
}
