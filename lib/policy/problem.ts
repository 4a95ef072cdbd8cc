/**
 * What is wrong with a config file, in a form that people can act on and programs can read.
 * @module
 */
import type { LineIndex, Path } from "./line_index.ts";

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
  /** Dotted key, e.g. `lock.seconds`; empty where the file as a whole or its syntax is meant. */
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

/** What problems say in place of a secret: the log, mails and the page tell of them. */
export const SECRET = "a secret, which is not shown";

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

/** Most errors that are kept: nobody reads more, and a hostile file could have one a line. */
const MAX_ERRORS = 200;
/** Most warnings that are kept, counted apart so that they cannot crowd out an error. */
const MAX_WARNINGS = 50;

/** A dotted key as people write it: list positions count from 1, odd names are quoted. */
export function formatPath(path: Path): string {
  let text = "";
  for (const part of path) {
    if (typeof part === "number") text += `[${part + 1}]`;
    else {
      const name = /^[\w-]{1,64}$/.test(part) ? part : JSON.stringify(part.slice(0, 40));
      text += text === "" ? name : `.${name}`;
    }
  }
  return text;
}

/** Collects problems with their places. */
export class Findings {
  /** What was found so far. */
  readonly problems: Problem[] = [];
  /** True once anything keeps the config from being used. */
  failed = false;
  readonly #file: string;
  readonly #lines: LineIndex;
  readonly #kept = { error: 0, warning: 0 };
  readonly #omitted = { error: 0, warning: 0 };

  /** `lines` has the lines of the keys in `file`. */
  constructor(file: string, lines: LineIndex) {
    this.#file = file;
    this.#lines = lines;
  }

  /** The config cannot be used. */
  error(path: Path, found: string, allowed: string, nearest?: string): void {
    this.failed = true;
    this.#add("error", path, found, allowed, nearest);
  }

  /** The config can be used, but hardly means what was meant. */
  warn(path: Path, found: string, allowed: string, nearest?: string): void {
    this.#add("warning", path, found, allowed, nearest);
  }

  #add(severity: Problem["severity"], path: Path, found: string, allowed: string, nearest?: string): void {
    if (this.#kept[severity] >= (severity === "error" ? MAX_ERRORS : MAX_WARNINGS)) {
      this.#omitted[severity]++;
      return;
    }
    this.#kept[severity]++;
    const place = { severity, file: this.#file, line: this.#lines.line(path), key: formatPath(path), found, allowed };
    this.problems.push(nearest === undefined ? place : { ...place, nearest });
  }

  /** True once further errors are only counted, so that nothing need be worked out for them. */
  get full(): boolean {
    return this.#kept.error >= MAX_ERRORS;
  }

  /** True where something at or below the dotted key keeps the config from being used. */
  failedAt(key: string): boolean {
    return this.problems.some((problem) =>
      problem.severity === "error" &&
      (problem.key === key || problem.key.startsWith(`${key}.`) || problem.key.startsWith(`${key}[`))
    );
  }

  /** All problems in the order of their lines. */
  sorted(): readonly Problem[] {
    const list = [...this.problems].sort((a, b) => a.line - b.line);
    for (const severity of ["error", "warning"] as const) {
      if (this.#omitted[severity] === 0) continue;
      const found = `${this.#omitted[severity]} more ${severity}s`;
      list.push({ severity, file: this.#file, line: 0, key: "", found, allowed: "mend these first" });
    }
    return list;
  }
}
