/**
 * The kinds of values that keys may have: how each is checked and read, described, and written back as TOML.
 * @module
 */
import { formatMark, isMarkMask, LARGEST_MARK } from "./marks.ts";
import { nearest } from "./nearest.ts";
import { formatDuration, formatSize, parseDuration, parseSize } from "./units.ts";

/** A kind of value whose inner form is `T`. */
export interface Kind<T> {
  /** What is allowed, for problems and the reference. */
  readonly allowed: string;
  /** Of lists: the kind of the elements. */
  readonly element?: Kind<unknown>;
  /**
   * Reads a value as the TOML library gives it: the inner form, null where the value is not of this kind, an Error where it
   * nearly is, whose message says what is amiss. Never throws.
   */
  read(value: unknown): T | Error | null;
  /** Writes a value as TOML. */
  write(value: T): string;
  /** What was most likely meant, as TOML. Never throws. */
  suggest?(found: unknown): string | undefined;
}

/** A TOML string. JSON's escapes are a subset of TOML's, but for DEL, which TOML wants escaped. */
export function writeText(text: string): string {
  return JSON.stringify(text).replaceAll("\u007f", "\\u007f");
}

/** true or false. */
export const flag: Kind<boolean> = {
  allowed: "true, false",
  read: (value) => typeof value === "boolean" ? value : null,
  write: String,
  suggest: (found) => {
    const text = typeof found === "string" || typeof found === "number" ? String(found).toLowerCase() : "";
    if (["true", "yes", "on", "1"].includes(text)) return "true";
    return ["false", "no", "off", "0"].includes(text) ? "false" : undefined;
  },
};

/** One of some words; `meant` has words of other programs, with ours for them. */
export function word<const T extends string>(
  words: readonly T[],
  meant: ReadonlyMap<string, NoInfer<T>> = new Map(),
): Kind<T> {
  return {
    allowed: words.map(writeText).join(", "),
    read: (value) => words.find((word) => word === value) ?? null,
    write: writeText,
    suggest: (found) => {
      const word = typeof found === "string" ? meant.get(found.toLowerCase()) ?? nearest(found, words) : undefined;
      return word === undefined ? undefined : writeText(word);
    },
  };
}

/** A whole number in these bounds, null for anything else. */
export function wholeNumber(value: unknown, least: number, most: number): number | null {
  return typeof value === "number" && Number.isInteger(value) && value >= least && value <= most ? value : null;
}

function unquoted(found: unknown, least: number, most: number): string | undefined {
  if (typeof found !== "string" && typeof found !== "number") return undefined;
  if (typeof found === "string" && !/^-?(\d+|0x[0-9a-f]+)$/i.test(found)) return undefined;
  const number = Number(found);
  if (!Number.isFinite(number)) return undefined;
  const near = Math.min(most, Math.max(least, Math.round(number)));
  return typeof found === "string" && near === number ? `${found} (without quotes)` : String(near);
}

/** A whole number. */
export function integer(least: number, most: number): Kind<number> {
  return {
    allowed: `a whole number from ${least} to ${most}`,
    read: (value) => wholeNumber(value, least, most),
    write: String,
    suggest: (found) => unquoted(found, least, most),
  };
}

/** A mark of packets and connections, written in hexadecimal. */
export const mark: Kind<number> = {
  allowed: `a whole number from 0x1 to 0x${LARGEST_MARK.toString(16)}, under the mask`,
  read: (value) => wholeNumber(value, 1, LARGEST_MARK),
  write: formatMark,
  suggest: (found) => typeof found === "string" ? unquoted(found, 1, LARGEST_MARK) : undefined,
};

/** The bits that marks may use, written in hexadecimal. */
export const markMask: Kind<number> = {
  allowed: "two or more bits side by side below bit 31, such as 0x0f000000",
  read: (value) => {
    const mask = wholeNumber(value, 1, Infinity);
    return mask === null || isMarkMask(mask) ? mask : new Error(formatMark(mask));
  },
  write: formatMark,
  suggest: (found) =>
    typeof found === "string" && isMarkMask(Number(found)) ? unquoted(found, 1, LARGEST_MARK) : undefined,
};

/** `"10 min"`, `"5 Minutes"` and the like, as we would write them; the nearest of the lengths (ms) that are allowed. */
function suggestDuration(found: unknown, least: number, most: number): string | undefined {
  const match = typeof found === "string" ? /^\s*(\d{1,9})\s*(s|m|h|d)[a-z]*\s*$/i.exec(found) : null;
  const ms = parseDuration(match === null ? found : `${match[1]}${match[2]!.toLowerCase()}`);
  return ms === null ? undefined : writeText(formatDuration(Math.min(most, Math.max(least, ms))));
}

/** A length of time in ms. */
export function duration(least: number, most: number): Kind<number> {
  const from = formatDuration(least);
  const to = formatDuration(most);
  return {
    allowed: `a duration from "${from}" to "${to}" such as "90s", "10m", "1h30m", or a number of seconds`,
    read: (value) => wholeNumber(parseDuration(value), least, most),
    write: (ms) => writeText(formatDuration(ms)),
    suggest: (found) => suggestDuration(found, least, most),
  };
}

/** A length of time in seconds. */
export function seconds(most: number): Kind<number> {
  return {
    allowed: `a number of seconds from 0 to ${most}, or a duration such as "10m"`,
    read: (value) => {
      const ms = wholeNumber(parseDuration(value), 0, most * 1000);
      return ms === null ? null : ms / 1000;
    },
    write: String,
    suggest: (found) => unquoted(found, 0, most) ?? suggestDuration(found, 0, most * 1000),
  };
}

/** {@link duration}, or "0s" for none at all. Value: milliseconds. */
export function durationOrNone(least: number, most: number): Kind<number> {
  const { allowed, read, write, suggest } = duration(least, most);
  return {
    allowed: `"0s" for none, ${allowed}`,
    read: (value) => parseDuration(value) === 0 ? 0 : read(value),
    write,
    ...(suggest === undefined ? {} : { suggest }),
  };
}

/** A size in bytes. */
export function size(least: number, most: number): Kind<number> {
  return {
    allowed: `a size from "${formatSize(least)}" to "${formatSize(most)}" such as "4096", "64K", "32M"`,
    read: (value) => wholeNumber(parseSize(value), least, most),
    write: (bytes) => bytes < 1024 ? String(bytes) : writeText(formatSize(bytes)),
  };
}

/** A text that `read` accepts, in the spelling that it gives. What `suggest` gives is offered only if `read` accepts it. */
export function text(
  allowed: string,
  read: (text: string) => string | Error | null,
  suggest: (found: string) => string | undefined = () => undefined,
): Kind<string> {
  return {
    allowed,
    read: (value) => typeof value === "string" ? read(value) : null,
    write: writeText,
    suggest: (found) => {
      const meant = typeof found === "string" ? suggest(found) : undefined;
      return meant === undefined || typeof read(meant) !== "string" ? undefined : writeText(meant);
    },
  };
}

/** A list of one kind. Read as null where it is no list, or where an element is not of the kind. */
export function list<T>(element: Kind<T>, most: number): Kind<readonly T[]> {
  return {
    allowed: `a list of: ${element.allowed}`,
    element,
    read: (value) => {
      if (!Array.isArray(value)) return null;
      // Of a list that is too long no element is looked at.
      if (value.length > most) return new Error(`more than ${most}`);
      const read = value.map((entry: unknown) => element.read(entry));
      return read.every((entry) => isRead(entry)) ? read : null;
    },
    write: (values) => `[${values.map((value) => element.write(value)).join(", ")}]`,
    suggest: (found) => {
      const read = element.read(found);
      return isRead(read) ? `[${element.write(read)}]` : undefined;
    },
  };
}

/** Whether {@link Kind.read} gave a value. */
export function isRead<T>(read: T | Error | null): read is T {
  return read !== null && !(read instanceof Error);
}

/** A kind whose key may be left out, which is then null. It cannot be written as null. */
export function optional<T>(kind: Kind<T>): Kind<T | null> {
  return { ...kind, write: (value) => value === null ? "" : kind.write(value) };
}
