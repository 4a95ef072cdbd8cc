/**
 * How much an event matters: the log levels and the priorities of RFC 5424.
 * @module
 */
import type { Config } from "../policy/config.ts";
import { LOG_LEVELS as CONFIG_LEVELS } from "../policy/schema.ts";

/** Levels an administrator can choose; `off` prints nothing but the audit log. */
export type LogLevel = Config["log"]["level"] | "off";

/** All levels, least important first. */
export const LOG_LEVELS: readonly LogLevel[] = [...CONFIG_LEVELS, "off"];

/** Severities of RFC 5424 section 6.2.1, table 2: smaller is worse. */
export const ERROR = 3;
/** Something to look at soon. */
export const WARNING = 4;
/** Normal but significant: locks and operators' actions. */
export const NOTICE = 5;
/** Informational. */
export const INFO = 6;
/** For finding faults. */
const DEBUG = 7;

/** The largest severity number that each level lets through. */
const LEVELS: Readonly<Record<LogLevel, number>> = {
  debug: DEBUG,
  info: INFO,
  warning: WARNING,
  error: ERROR,
  off: -1,
};

/** The largest severity number that a level lets through. */
export function threshold(level: LogLevel): number {
  return LEVELS[level];
}
