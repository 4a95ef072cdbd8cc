/**
 * How much an event matters: the log levels and the priorities of RFC 5424.
 * @module
 */
import type { EventName, ReportEvent } from "./report_event.ts";

/** Levels an administrator can choose; `off` prints nothing but the audit log. */
export type LogLevel = "debug" | "info" | "warning" | "error" | "off";

/** All levels, least important first. */
export const LOG_LEVELS: readonly LogLevel[] = ["debug", "info", "warning", "error", "off"];

/** Severities of RFC 5424 section 6.2.1, table 2: smaller is worse. */
export const ERROR = 3;
/** Something to look at soon. */
export const WARNING = 4;
/** Normal but significant: locks and operators' actions. */
export const NOTICE = 5;
/** Informational. */
export const INFO = 6;
/** For finding faults. */
export const DEBUG = 7;

/** Severity of every event by its name; a note says its own. */
const SEVERITY: Readonly<Record<EventName, number>> = {
  ready: NOTICE,
  detected: INFO,
  locked: NOTICE,
  renewed: INFO,
  released: NOTICE,
  "peer-learned": INFO,
  trained: INFO,
  refused: INFO,
  "decoy-sent": INFO,
  "probe-sent": INFO,
  reloaded: NOTICE,
  "reload-refused": ERROR,
  "queue-overrun": WARNING,
  stopping: NOTICE,
  "rules-made": NOTICE,
  "rules-removed": NOTICE,
  "rules-lost": ERROR,
  "rules-restored": NOTICE,
  "rules-failed": ERROR,
  "rules-silent": WARNING,
  note: INFO,
  audit: NOTICE,
};

/** Severity of an event. */
export function severityOf(event: ReportEvent): number {
  return event.event === "note" ? noteSeverity(event.level) : SEVERITY[event.event];
}

/** Severity of all events of one name; for asking before an event is built. */
export function severityOfName(name: EventName): number {
  return SEVERITY[name];
}

function noteSeverity(level: "debug" | "info" | "warning" | "error"): number {
  return level === "error" ? ERROR : level === "warning" ? WARNING : level === "info" ? INFO : DEBUG;
}

/** The largest severity number that a level lets through. */
export function threshold(level: LogLevel): number {
  switch (level) {
    case "debug":
      return DEBUG;
    case "info":
      return INFO;
    case "warning":
      return WARNING;
    case "error":
      return ERROR;
    case "off":
      return -1;
  }
}

/** True where `text` names a level. */
export function isLogLevel(text: string): text is LogLevel {
  return (LOG_LEVELS as readonly string[]).includes(text);
}
