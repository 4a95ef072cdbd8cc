/**
 * How much a TOML text asks a parser to build, told before it is parsed. A key of one letter takes hundreds of bytes of
 * heap, so a file within the limit of bytes could take more than the daemon has (128 MiB), and running out of heap ends
 * the process: no error could be caught.
 *
 * Only signs outside of strings and comments count. Every part of a key, table or list has one of its own, and every
 * further element of a list has a comma, so the counts hold for any text that a parser takes, and for what it reads of a
 * text until its first error.
 * @module
 */

import type { Problem } from "./problem.ts";

/**
 * Most parts of keys, tables and lists. Three keys of each of 25 protocols in all of 64 groups and 32 schedules, written
 * in the longest way, make 22,000.
 */
export const MOST_PARTS = 32_768;
/** Most elements of all lists and inline tables. All lists that the schema allows, full, have some 65,000. */
export const MOST_ELEMENTS = 100_000;

/** What is too much, the line at which its limit is passed, and the limit. */
export type Excess = Pick<Problem, "line" | "found" | "allowed">;

/** Where the string that begins at `at` ends: after its last mark, or at the end of the line or text that cuts it off. */
function endOfString(text: string, at: number): number {
  const mark = text[at]!;
  const long = text.startsWith(mark.repeat(3), at);
  let end = at + (long ? 3 : 1);
  for (; end < text.length; end++) {
    const sign = text[end];
    if (sign === "\\" && mark === '"' && (long || text[end + 1] !== "\n")) end++;
    else if (sign === "\n" && !long) return end;
    else if (sign === mark && !long) return end + 1;
    else if (sign === mark && text.startsWith(mark.repeat(3), end)) break;
  }
  // A string of several lines may end in up to two more of its own marks.
  for (let i = 0; i < 5 && text[end] === mark; i++) end++;
  return end;
}

function excess(text: string, at: number, most: number, what: string): Excess {
  let line = 1;
  for (let i = text.indexOf("\n"); i >= 0 && i < at; i = text.indexOf("\n", i + 1)) line++;
  return { line, found: `more than ${most} ${what}`, allowed: `at most ${most} in a file` };
}

/** The first thing that a text has too much of, null where it may be parsed. Never throws. */
export function excessOf(text: string): Excess | null {
  let parts = 0;
  let elements = 0;
  for (let at = 0; at < text.length; at++) {
    const sign = text[at]!;
    if (sign === '"' || sign === "'") at = endOfString(text, at) - 1;
    else if (sign === "#") { while (at + 1 < text.length && text[at + 1] !== "\n") at++; }
    else if (sign === ",") elements++;
    else if (sign === "=" || sign === "." || sign === "[" || sign === "{") parts++;
    if (parts > MOST_PARTS) return excess(text, at, MOST_PARTS, "parts of keys, tables and lists");
    if (elements > MOST_ELEMENTS) return excess(text, at, MOST_ELEMENTS, "elements of lists and tables");
  }
  return null;
}
