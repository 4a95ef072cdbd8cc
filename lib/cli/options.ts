/**
 * Options that several commands have, and how their values are read. The readers throw a RangeError that says what is
 * expected.
 * @module
 */
import { isRead } from "../policy/kind.ts";
import { type QueueNumbers, queueNumbers } from "../policy/spelling.ts";
import { parseDuration } from "../policy/units.ts";
import { DEFAULT_CONTROL } from "../report/control_protocol.ts";

/** Reads `90`, `45s`, `10m`, `2h`, `1h30m`, `7d` as whole seconds. */
export function readSeconds(text: string): number {
  const seconds = (parseDuration(/^\d+$/.test(text) ? Number(text) : text) ?? 0) / 1000;
  if (seconds < 1 || seconds > 366 * 86400) {
    throw new RangeError("Expected a time of 1 s to 366 d such as 90, 45s, 10m, 2h or 1h30m.");
  }
  return seconds;
}

/** Takes any path but an empty one. */
export function readPath(text: string): string {
  if (text === "") throw new RangeError("Expected a path, but it is empty.");
  return text;
}

/** Reads `N` or `N:M`, as the config does. */
export function readQueues(text: string): QueueNumbers {
  const numbers = queueNumbers.read(text);
  if (!isRead(numbers)) throw new RangeError(`Expected ${queueNumbers.allowed}.`);
  return numbers;
}

/** `--config`. */
export const CONFIG = {
  short: "c",
  value: "path",
  text: "config file; the default is /etc/ftwall/ftwall.toml, or built-in defaults where that is absent",
} as const;

/** `--queue`. */
export const QUEUE = {
  value: "numbers",
  text: "queue N, or queues N:M; overrides the config",
  read: readQueues,
} as const;

/** `--control` of commands that ask the daemon. */
export const CONTROL = {
  value: "path",
  text: "control socket of the daemon",
  read: readPath,
  preset: DEFAULT_CONTROL,
} as const;

/** How cron's lines call ftwall: its own PATH has no sbin, wherever ftwall was installed. */
export const CRON = "PATH=/usr/local/sbin:/usr/sbin:$PATH ftwall";

/** `--json`. */
export const JSON_OUTPUT = { text: "print JSON for programs" } as const;
