/**
 * What is wrong with a config file, in a form that people can act on and programs can read.
 * @module
 */

/** One problem; `warning` problems do not keep the config from being used. */
export interface Problem {
  /** Whether the config can be used all the same. */
  readonly severity: "error" | "warning";
  /** Path as it was given. */
  readonly file: string;
  /** 1-based; 0 where the file as a whole is meant. */
  readonly line: number;
  /** 1-based; only for errors of syntax. */
  readonly column?: number;
  /** Dotted key, e.g. `protocols.fasttrack.action`; empty where the file as a whole or its syntax is meant. */
  readonly key: string;
  /** What was found there. */
  readonly found: string;
  /** What is allowed, or what to do. */
  readonly allowed: string;
  /** What was most likely meant. */
  readonly nearest?: string;
}

/** Longest piece of the file that a problem repeats. */
const LONGEST = 60;

/** A text from the file, quoted, cut, and without anything that could play tricks on a terminal or a log. */
export function quote(text: string): string {
  const cut = text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
  return JSON.stringify(cut).replace(
    /[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]/gu,
    "�",
  );
}

/** Any value from the file, described in a few words. */
export function describe(value: unknown): string {
  if (typeof value === "string") return quote(value);
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : `a list of ${value.length}`;
  if (value instanceof Date) return "a date or time (put it in quotes)";
  if (typeof value === "object" && value !== null) return "a table";
  return String(value);
}

/** `file:line: key: found …, allowed: …; nearest: …` on one line. */
export function formatProblem(problem: Problem): string {
  const { file, line, column, key, found, allowed, nearest, severity } = problem;
  const place = line === 0 ? file : `${file}:${line}${column === undefined ? "" : `:${column}`}`;
  const parts = [place, ...(severity === "warning" ? ["warning"] : []), ...(key === "" ? [] : [key])];
  const text = `${parts.join(": ")}: found ${found}`;
  const allow = allowed === "" ? "" : `; allowed: ${allowed}`;
  return `${text}${allow}${nearest === undefined ? "" : `; nearest: ${nearest}`}`;
}
