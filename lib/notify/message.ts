/**
 * A message: what happened, in words and as data. Names and texts in it may come from hostile machines; here they lose what
 * could steer a terminal, and each form (`webhook.ts`, `mail.ts`) writes them so that they stay text.
 * @module
 */
import type { LocalClock } from "../policy/week.ts";
import { eventFields, formatText } from "../report/event_format.ts";
import { jsonLine, localTime, plain, rfc3339 } from "../report/plain.ts";
import { severityOf } from "../report/report_event.ts";
import { ERROR } from "../report/severity.ts";
import type { Digest, Row } from "./digest.ts";

/** A message that is to be sent. */
export interface Message {
  /** The same for each try to send it. */
  readonly id: string;
  /** When it was made, milliseconds since 1970. */
  readonly time: number;
  /** Name of this machine. */
  readonly host: string;
  /** What happened: fixed words and numbers, and the name of this machine. */
  readonly subject: string;
  /** What happened, a sentence a line. */
  readonly lines: readonly string[];
  /** Something is broken. */
  readonly urgent: boolean;
  /** All of it as JSON on one line. */
  readonly json: string;
}

/** What all messages of this daemon have in common. */
export interface Letterhead {
  readonly host: string;
  readonly dryRun: boolean;
  readonly clock: LocalClock;
}

/** Characters of a sentence: a refused config may have 200 problems. */
const LONGEST = 1000;

/** The message that tells of what was gathered; `time` is milliseconds since 1970. */
export function messageOf(
  { rows, more }: ReturnType<Digest["take"]>,
  time: number,
  { host, dryRun, clock }: Letterhead,
): Message {
  const lines = rows.map(({ event, count, first, last }) => {
    const text = formatText(event, last, dryRun, clock);
    return cut(text, LONGEST) + (count === 1 ? "" : ` (${count} times since ${localTime(first, clock)})`);
  });
  if (more > 0) lines.push(`and ${more} more`);
  const events = rows.map(({ event, count, first, last }) => {
    // The first bytes of somebody's traffic leave this machine for nobody.
    const { bytes, ...fields } = eventFields(event, last, dryRun);
    const kept = typeof bytes === "number" ? { ...fields, bytes } : fields;
    return count === 1 ? kept : { ...kept, count, first_time: rfc3339(first) };
  });
  const urgent = rows.some(({ event }) => severityOf(event) <= ERROR);
  return written(`${kinds(rows)}${dryRun ? " [dry run]" : ""}`, lines, time, { host, urgent, dryRun, events, more });
}

/** A message that shows that messages arrive. */
export function testMessage(time: number, { host, dryRun, clock }: Letterhead): Message {
  const lines = [`${localTime(time, clock)} a test: what ftwall on ${plain(host)} tells arrives here`];
  return written("test", lines, time, { host, urgent: false, dryRun, events: [], more: 0 });
}

function written(
  what: string,
  lines: readonly string[],
  time: number,
  { host, urgent, dryRun, events, more }: {
    readonly host: string;
    readonly urgent: boolean;
    readonly dryRun: boolean;
    readonly events: readonly unknown[];
    readonly more: number;
  },
): Message {
  const id = crypto.randomUUID();
  const subject = `ftwall on ${plain(host)}: ${what}`;
  const json = jsonLine({ id, time: rfc3339(time), host, subject, dry_run: dryRun, urgent, lines, events, more });
  return { id, time, host, subject, lines, urgent, json };
}

/** `locked 3, rules-lost`. */
function kinds(rows: readonly Row[]): string {
  const counts = new Map<string, number>();
  for (const { event, count } of rows) counts.set(event.event, (counts.get(event.event) ?? 0) + count);
  return [...counts].map(([kind, count]) => count === 1 ? kind : `${kind} ${count}`).join(", ");
}

/** The first characters of a text that is too long. */
function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}

/** As many lines as fit into so many bytes of UTF-8, with a line that says how many were left out. */
export function fitting(lines: readonly string[], bytes: number): readonly string[] {
  const encoder = new TextEncoder();
  let room = bytes - 32;
  const kept: string[] = [];
  for (const line of lines) {
    room -= encoder.encode(line).length + 1;
    if (room < 0) return [...kept, `and ${lines.length - kept.length} more lines`];
    kept.push(line);
  }
  return kept;
}
