/**
 * Text for people: quantities, tables, and text from outside made safe to print, as a DNS name or an operator's reason must
 * not steer the reader's terminal or forge a log line.
 * @module
 */
import { type LocalClock, systemClock } from "../policy/week.ts";

// C0 controls, DEL, C1 controls, line and paragraph separators, bidirectional overrides and isolates, byte-order mark.
// deno-lint-ignore no-control-regex
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/g;

/** Text with every control and direction character written as `\u{…}`; unchanged (same string) where there is none. */
export function plain(text: string): string {
  return text.replace(UNSAFE, (c) => `\\u{${c.charCodeAt(0).toString(16)}}`);
}

/** One line of JSON in which control characters beyond those JSON itself escapes are escaped too. */
export function jsonLine(value: unknown): string {
  return JSON.stringify(value).replace(UNSAFE, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** RFC 3339 in UTC with milliseconds; `time` is milliseconds since 1970. The largest and least dates are clamped. */
export function rfc3339(time: number): string {
  const bounded = Number.isFinite(time) ? Math.min(Math.max(time, 0), 253402300799999) : 0;
  return new Date(bounded).toISOString();
}

/** A time for people: RFC 3339 in local time with its offset, to the second; `time` is milliseconds since 1970. */
export function localTime(time: number, clock: LocalClock = systemClock): string {
  const utc = Date.parse(rfc3339(time));
  const minutes = Math.round((clock(utc) - utc) / 60_000);
  return `${rfc3339(utc + minutes * 60_000).slice(0, 19)}${offsetText(minutes)}`;
}

/** The same from RFC 3339; a text that is none stays as it is. */
export function localText(text: string, clock: LocalClock = systemClock): string {
  const time = Date.parse(text);
  return Number.isNaN(time) ? text : localTime(time, clock);
}

/** An offset from UTC as `+01:00`. */
export function offsetText(minutes: number): string {
  const two = (value: number) => String(Math.floor(value)).padStart(2, "0");
  return `${minutes < 0 ? "-" : "+"}${two(Math.abs(minutes) / 60)}:${two(Math.abs(minutes) % 60)}`;
}

/** A count with its noun: `1 lock`, `2 000 locks`, and with the ending `es`: `2 addresses`. */
export function counted(count: number, noun: string, ending: string = "s"): string {
  return `${grouped(count)} ${noun}${count === 1 ? "" : ending}`;
}

/** A duration in seconds as people write it: `45s`, `2m 5s`, `3h 10m`, `4d 2h`. */
export function duration(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s}s`;
  if (s < 3600) return s % 60 === 0 ? `${s / 60}m` : `${Math.floor(s / 60)}m ${s % 60}s`;
  if (s < 86400) {
    const m = Math.floor(s / 60) % 60;
    return m === 0 ? `${Math.floor(s / 3600)}h` : `${Math.floor(s / 3600)}h ${m}m`;
  }
  const h = Math.floor(s / 3600) % 24;
  return h === 0 ? `${Math.floor(s / 86400)}d` : `${Math.floor(s / 86400)}d ${h}h`;
}

/** One column: its heading, and whether it holds numbers (right-aligned). */
export interface Column {
  readonly title: string;
  readonly right?: boolean;
}

/** Lines of a table with a heading, two spaces between columns, no trailing blanks. Cells are made plain. */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[], indent = ""): string[] {
  const cells = rows.map((row) => columns.map((_, i) => plain(row[i] ?? "")));
  const widths = columns.map((column, i) =>
    cells.reduce((width, row) => Math.max(width, (row[i] ?? "").length), column.title.length)
  );
  const line = (row: readonly string[]) =>
    (indent + columns.map((column, i) => {
      const cell = row[i] ?? "";
      const width = widths[i] ?? 0;
      return column.right === true ? cell.padStart(width) : cell.padEnd(width);
    }).join("  ")).trimEnd();
  return [line(columns.map((column) => column.title)), ...cells.map(line)];
}

/** A whole number with thin groups of three: `1 234 567`, read alike in every language. */
export function grouped(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+(?!\d))/g, " ");
}

/** Bytes with a binary unit. */
export function bytes(count: number): string {
  if (count < 1024) return `${count} B`;
  if (count < 1048576) return `${(count / 1024).toFixed(1)} KiB`;
  if (count < 1073741824) return `${(count / 1048576).toFixed(1)} MiB`;
  return `${(count / 1073741824).toFixed(1)} GiB`;
}
