/**
 * TOML text → plain data, with every error of syntax and not the first only.
 *
 * The library stops at its first error. Where that error lies in a line that is a whole `key = value` by itself, the line
 * is blanked and the rest is read on, so that ten slips take one run to find; the name of a table that lacks a bracket is
 * read as it was meant. An error anywhere else ends the reading: what
 * follows could belong to another table.
 *
 * What the parser would have to build is counted before it parses. A key of one letter takes hundreds of bytes of heap,
 * so a file within the limit of bytes could take more than the daemon has (128 MiB), and running out of heap ends the
 * process: no error could be caught.
 * @module
 */
import { parse, TomlError } from "smol-toml";
import { DEEPEST, endOfText } from "./line_index.ts";
import type { Fields } from "./field.ts";
import { type Problem, quote, SECRET } from "./problem.ts";
import { NOTIFY } from "./schema.ts";

/** A TOML table as the library gives it: no prototype. */
export type Table = Readonly<Record<string, unknown>>;

/** Most errors of syntax that are looked for. */
const MAX_ERRORS = 20;

/**
 * Most parts of keys, tables and lists. Three keys of each of 25 protocols in all of 64 groups and 32 schedules, written
 * in the longest way, make 22,000.
 */
export const MOST_PARTS = 32_768;
/** Most elements of all lists and inline tables. All lists that the schema allows, full, have some 65,000. */
export const MOST_ELEMENTS = 100_000;

/** What {@link readToml} gives. */
export interface TomlResult {
  /** The data; null where reading ended at an error. With problems present, the lines they name are left out of it. */
  readonly table: Table | null;
  /** The text that the data are of: as it was given, with the lines that problems name left empty or mended. */
  readonly text: string;
  readonly problems: readonly Problem[];
}

/** Reads a TOML text. Never throws. */
export function readToml(text: string, file: string): TomlResult {
  const excess = excessOf(text);
  if (excess !== null) return { table: null, text, problems: [{ severity: "error", file, key: "", ...excess }] };
  const problems: Problem[] = [];
  const lines = text.split("\n");
  let rest = text;
  for (;;) {
    try {
      return { table: parse(rest, { maxDepth: DEEPEST }), text: rest, problems };
    } catch (error) {
      if (!(error instanceof TomlError)) {
        const found = `text that cannot be read (${error instanceof Error ? error.name : "unknown"})`;
        problems.push({ severity: "error", file, line: 0, key: "", found, allowed: "TOML" });
        return { table: null, text: rest, problems };
      }
      const at = Math.min(Math.max(1, error.line), lines.length);
      const line = lines[at - 1]!;
      const secret = SECRETS.test(statementOf(text, at));
      const heading = secret ? null : mendedHeading(line);
      problems.push(
        heading === null ? syntaxProblem(file, at, error, line, secret) : headingProblem(file, at, line, heading),
      );
      if (problems.length >= MAX_ERRORS || (heading === null && !standsAlone(line))) {
        return { table: null, text: rest, problems };
      }
      lines[at - 1] = heading ?? "";
      rest = lines.join("\n");
    }
  }
}

/** Keys whose values are secrets. They are words of one part, so they are the same in TOML. */
const SECRETS = new RegExp(
  `\\b(?:${Object.entries<Fields[string]>(NOTIFY).flatMap(([name, { shown }]) => shown ? [name] : []).join("|")})\\b`,
);

/**
 * What a line belongs to: from where its key, or the name of its table, begins to the end of the line. A value goes on over
 * lines in a list, a table in braces and a string in three marks, and where a line ends before it.
 */
function statementOf(text: string, line: number): string {
  const end = text.split("\n").slice(0, line).join("\n").length;
  let begin = 0;
  let depth = 0;
  let last = "";
  for (let at = 0; at < end; at++) {
    const sign = text[at]!;
    const after = endOfText(text, at);
    if (after > at) at = after - 1;
    else if (sign === "\n") {
      if (last !== "=" && (depth <= 0 || /^\s*\[/.test(text.slice(begin, at)))) [begin, depth] = [at + 1, 0];
    } else if (sign === "[" || sign === "{") depth++;
    else if (sign === "]" || sign === "}") depth--;
    if (sign > " " && sign !== "#") last = sign;
  }
  return text.slice(begin, end);
}

function syntaxProblem(file: string, line: number, error: TomlError, text: string, secret: boolean): Problem {
  const reason = /^Invalid TOML document: (.*)/.exec(error.message)?.[1] ?? "invalid";
  const column = Math.max(1, error.column);
  const found = `${secret ? SECRET : quote(text.trim())} (${reason.replace(/[.\s]+$/, "")})`;
  const problem: Problem = { severity: "error", file, line, column, key: "", found, allowed: "TOML" };
  const nearest = secret ? undefined : quoted(text);
  return nearest === undefined ? problem : { ...problem, nearest };
}

/** The name of a table whose brackets do not match, as it was most likely meant; null for any other line. */
function mendedHeading(line: string): string | null {
  const [, open, name, close] =
    /^\s*(\[{1,2})\s*([\w-]{1,64}(?:\.[\w-]{1,64}){0,8})\s*(\]{0,2})\s*(?:#.*)?$/.exec(line) ?? [];
  if (open === undefined || open.length === close?.length) return null;
  return `${open}${name}${"]".repeat(open.length)}`;
}

function headingProblem(file: string, line: number, text: string, nearest: string): Problem {
  const shut = text.includes("]") ? "its brackets do not match" : "its bracket is not closed";
  const found = `${quote(text.trim())} (${shut})`;
  return { severity: "error", file, line, key: "", found, allowed: "the name of a table in brackets", nearest };
}

/** A line that holds one key and all of its value, so that leaving it out changes nothing else. */
function standsAlone(line: string): boolean {
  const value = /^\s*[\w.-]+\s*=(.*)$/.exec(line)?.[1];
  if (value === undefined || /'''|"""/.test(value)) return false;
  let depth = 0;
  for (const sign of value) depth += sign === "[" || sign === "{" ? 1 : sign === "]" || sign === "}" ? -1 : 0;
  return depth === 0;
}

/** `key = word` as it was most likely meant: with quotes. */
function quoted(line: string): string | undefined {
  const match = /^\s*([\w.-]{1,40})\s*=\s*([^"'\[\]{}#,=]{1,40}?)\s*(?:#.*)?$/.exec(line);
  if (match === null || match[2]! === "" || /^[+-]?\d+$/.test(match[2]!)) return undefined;
  if (/^(true|false|yes|no)$/i.test(match[2]!)) return `${match[1]} = ${/^(true|yes)$/i.test(match[2]!)}`;
  return /^[\x20-\x7e]+$/.test(match[2]!) ? `${match[1]} = ${JSON.stringify(match[2])}` : undefined;
}

/** What is too much, the line at which its limit is passed, and the limit. */
export type Excess = Pick<Problem, "line" | "found" | "allowed">;

function excess(text: string, at: number, most: number, what: string): Excess {
  let line = 1;
  for (let i = text.indexOf("\n"); i >= 0 && i < at; i = text.indexOf("\n", i + 1)) line++;
  return { line, found: `more than ${most} ${what}`, allowed: `at most ${most} in a file` };
}

/**
 * The first thing that a text has too much of, null where it may be parsed. Never throws.
 *
 * Only signs outside of strings and comments count. Every part of a key, table or list has one of its own, and every
 * further element of a list has a comma, so the counts hold for any text that a parser takes, and for what it reads of a
 * text until its first error.
 */
export function excessOf(text: string): Excess | null {
  let parts = 0;
  let elements = 0;
  for (let at = 0; at < text.length; at++) {
    const sign = text[at]!;
    const after = endOfText(text, at);
    if (after > at) at = after - 1;
    else if (sign === ",") elements++;
    else if (sign === "=" || sign === "." || sign === "[" || sign === "{") parts++;
    if (parts > MOST_PARTS) return excess(text, at, MOST_PARTS, "parts of keys, tables and lists");
    if (elements > MOST_ELEMENTS) return excess(text, at, MOST_ELEMENTS, "elements of lists and tables");
  }
  return null;
}
