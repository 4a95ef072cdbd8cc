/**
 * The words that the text and the page of a report share.
 * @module
 */
import { bytes, counted, duration, offsetText } from "../report/plain.ts";
import { MANY } from "./tally.ts";
import type { Amount, ClientSummary, Summary } from "./summary.ts";

/** Days and months as they are written short. */
const WEEKDAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** Minutes whose text is remembered at once: a week. */
const MINUTES = 7 * 24 * 60;

/** Writes times as people read them. */
export interface Wording {
  /** `Mon 5 Jan 14:05`, local, of RFC 3339 or milliseconds since 1970. */
  readonly time: (time: string | number) => string;
  /** The same without the weekday: `5 Jan 14:05`. */
  readonly date: (rfc3339: string) => string;
  /** Offset of the local time at the end of the report, as `+01:00`. */
  readonly offset: string;
}

/** Wording in the time zone of this machine, or in another one: `shift` answers its offset in minutes east of UTC. */
export function wordingOf(until: string, shift: (time: number) => number): Wording {
  const write = (at: number) => {
    const date = new Date(at + shift(at) * 60_000);
    return `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]} ${date.toISOString().slice(11, 16)}`;
  };
  // A log has tens of thousands of times within few minutes, and asking for a zone takes long.
  const minutes = new Map<number, string>();
  const time = (at: number): string => {
    const minute = Math.floor(at / 60_000);
    let text = minutes.get(minute);
    if (text === undefined) {
      if (minutes.size >= MINUTES) minutes.clear();
      minutes.set(minute, text = `${WEEKDAYS[new Date(at + shift(at) * 60_000).getUTCDay()]} ${write(at)}`);
    }
    return text;
  };
  const given = (text: string | number) => typeof text === "number" ? text : Date.parse(text);
  const orNothing = (at: number, tell: (at: number) => string) => Number.isFinite(at) ? tell(at) : "";
  return {
    time: (text) => orNothing(given(text), time),
    date: (text) => orNothing(given(text), write),
    offset: offsetText(shift(Date.parse(until))),
  };
}

/** A day of the heat map, as `Mon 5 Jan`. */
export function dayText(day: string): string {
  const date = new Date(`${day}T12:00:00Z`);
  return `${WEEKDAYS[date.getUTCDay()]} ${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]}`;
}

/** Whether a day is a Saturday or Sunday. */
export function isWeekend(day: string): boolean {
  const weekday = new Date(`${day}T12:00:00Z`).getUTCDay();
  return weekday === 0 || weekday === 6;
}

/** What a client is called: its name where it has one, and what stands for those that are not kept apart. */
export function called({ client, name }: { readonly client: string; readonly name: string }): string {
  if (client === "") return "clients not kept";
  if (client === MANY) return "many others";
  return name === "" ? client : name;
}

/** The amounts together: for order and scale. */
export function together(a: { readonly refused: Amount; readonly would_refuse: Amount }): Amount {
  return {
    packets: a.refused.packets + a.would_refuse.packets,
    bytes: a.refused.bytes + a.would_refuse.bytes,
  };
}

/** Over columns that hold what was refused: said with care, as in a dry run nothing was. */
export function refusedTitle(dryRun: Summary["dry_run"]): string {
  return dryRun === "all" ? "would refuse" : dryRun === "some" ? "refused*" : "refused";
}

/** The same before a noun: "packets refused", or that would have been. */
export function packetsRefused(dryRun: Summary["dry_run"]): string {
  return dryRun === "all" ? "packets that would have been refused" : `packets ${refusedTitle(dryRun)}`;
}

/** The same over locks. */
export function locksTitle(dryRun: Summary["dry_run"]): string {
  return dryRun === "all" ? "would lock" : dryRun === "some" ? "locks*" : "locks";
}

/** What the star of the titles means; empty where there is none. */
export function starText(dryRun: Summary["dry_run"]): string {
  return dryRun === "some" ? "* With what only would have been, in the dry run." : "";
}

/** The report in a sentence or two. */
export function headline(summary: Summary): string[] {
  const { totals, dry_run: dryRun } = summary;
  if (summary.begins === null) {
    return ["There is no history yet: it begins with the first event after ftwall was started with [history]."];
  }
  if (totals.detected + together(totals).packets + totals.locks + totals.would_lock === 0) {
    return ["Nothing was recognised in this time."];
  }
  const lines = [
    `${counted(totals.clients, "client")} shared files, by ${counted(summary.protocols.length, "protocol")}: ` +
    `${counted(totals.detected, "flow")} ${totals.detected === 1 ? "was" : "were"} recognised.`,
  ];
  const { refused, would_refuse: would } = totals;
  if (refused.packets > 0 || totals.locks > 0) {
    lines.push(`Refused: ${amount(refused)}; ${counted(totals.locks, "lock")}.`);
  }
  if (would.packets > 0 || totals.would_lock > 0) {
    const all = dryRun === "all" ? "It was a dry run: nothing was refused. " : "Part of it was a dry run. ";
    lines.push(`${all}${amount(would)} would have been refused, and ${counted(totals.would_lock, "lock")} set.`);
  }
  return lines;
}

function amount({ packets, bytes: size }: Amount): string {
  return counted(packets, "packet") + (size === 0 ? "" : ` (${bytes(size)})`);
}

/** Says so where the history is shorter than what was asked for. */
export function shortHistory(summary: Summary): string {
  const { begins, since, until } = summary;
  if (begins === null || begins <= since) return "";
  return `The history begins within this time: it covers ${duration((Date.parse(until) - Date.parse(begins)) / 1000)}.`;
}

/** What a client did besides what columns say. */
export function lockedFor(client: ClientSummary): string {
  return client.locked_seconds === 0 ? "" : duration(client.locked_seconds);
}

/** Where a count lies between few (0) and the most (1); by the root, so that a quiet hour still shows beside a loud one. */
export function heatOf(count: number, most: number): number {
  return Math.sqrt(count / Math.max(1, most));
}
