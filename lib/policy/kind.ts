/**
 * The kinds of values that keys may have: how each is checked and read (valibot), described, and written back as TOML.
 * @module
 */
import * as v from "valibot";
import { formatDuration, parseDuration } from "./duration.ts";
import { formatMark, isMarkMask, LARGEST_MARK } from "./marks.ts";
import { nearest } from "./nearest.ts";
import { formatSize, parseSize } from "./size.ts";

/** A kind of value whose inner form is `T`. */
export interface Kind<T> {
  /** Checks and reads a value as the TOML library gives it. An issue's message says what is amiss, or is empty. */
  readonly schema: v.GenericSchema<unknown, T>;
  /** What is allowed, for problems and the reference. */
  readonly allowed: string;
  /** Writes a value as TOML. */
  write(value: T): string;
  /** Of lists: the kind of the elements. */
  readonly element?: Kind<unknown>;
  /** What was most likely meant, as TOML. */
  suggest?(found: unknown): string | undefined;
}

/** A TOML string. JSON's escapes are a subset of TOML's, but for DEL, which TOML wants escaped. */
export function writeText(text: string): string {
  return JSON.stringify(text).replaceAll("\u007f", "\\u007f");
}

/**
 * A kind read by one function: `read` gives the inner value, null where the value is not of this kind, or an Error whose
 * message says what is amiss.
 */
export function custom<T extends NonNullable<unknown>>(
  allowed: string,
  read: (value: unknown) => T | Error | null,
  write: (value: T) => string,
  suggest?: (found: unknown) => string | undefined,
): Kind<T> {
  const schema = v.pipe(
    v.unknown(),
    v.rawTransform<unknown, T>(({ dataset, addIssue, NEVER }) => {
      const result = read(dataset.value);
      if (result instanceof Error) addIssue({ message: result.message });
      else if (result === null) addIssue({ message: "" });
      else return result;
      return NEVER;
    }),
  );
  return { schema, allowed, write, ...(suggest === undefined ? {} : { suggest }) };
}

/** true or false. */
export const flag: Kind<boolean> = {
  schema: v.boolean(""),
  allowed: "true, false",
  write: String,
  suggest: (found) => {
    const text = String(found).toLowerCase();
    if (["true", "yes", "on", "1"].includes(text)) return "true";
    return ["false", "no", "off", "0"].includes(text) ? "false" : undefined;
  },
};

/** One of some words. */
export function word<const T extends string>(words: readonly T[]): Kind<T> {
  return {
    schema: v.picklist(words, ""),
    allowed: words.map(writeText).join(", "),
    write: writeText,
    suggest: (found) => {
      const word = typeof found === "string" ? nearest(found, words) : undefined;
      return word === undefined ? undefined : writeText(word);
    },
  };
}

function unquoted(found: unknown, least: number, most: number): string | undefined {
  if (typeof found === "string" && !/^-?(\d+|0x[0-9a-f]+)$/i.test(found)) return undefined;
  const number = Number(found);
  if (typeof found !== "string" && typeof found !== "number" || !Number.isFinite(number)) return undefined;
  const near = Math.min(most, Math.max(least, Math.round(number)));
  return typeof found === "string" && near === number ? `${found} (without quotes)` : String(near);
}

/** A whole number. */
export function integer(least: number, most: number): Kind<number> {
  return {
    schema: v.pipe(v.number(""), v.integer(""), v.minValue(least, ""), v.maxValue(most, "")),
    allowed: `a whole number from ${least} to ${most}`,
    write: String,
    suggest: (found) => unquoted(found, least, most),
  };
}

/** A mark of packets and connections, written in hexadecimal. */
export const mark: Kind<number> = {
  schema: v.pipe(v.number(""), v.integer(""), v.minValue(1, ""), v.maxValue(LARGEST_MARK, "")),
  allowed: `a whole number from 0x1 to 0x${LARGEST_MARK.toString(16)}, under the mask`,
  write: formatMark,
  suggest: (found) => typeof found === "string" ? unquoted(found, 1, LARGEST_MARK) : undefined,
};

/** The bits that marks may use, written in hexadecimal. */
export const markMask: Kind<number> = custom(
  "two or more bits side by side below bit 31, such as 0x0f000000",
  (value) => {
    if (typeof value !== "number" || !Number.isInteger(value) || value < 1) return null;
    return isMarkMask(value) ? value : new Error(formatMark(value));
  },
  formatMark,
  (found) => {
    const meant = typeof found === "string" ? unquoted(found, 1, LARGEST_MARK) : undefined;
    return isMarkMask(Number(found)) ? meant : undefined;
  },
);

/** `"10 min"`, `"5 Minutes"` and the like, as we would write them; the nearest of the lengths (ms) that are allowed. */
function suggestDuration(found: unknown, least: number, most: number): string | undefined {
  const match = typeof found === "string" ? /^\s*(\d{1,9})\s*(s|m|h|d)[a-z]*\s*$/i.exec(found) : null;
  const ms = parseDuration(match === null ? found : `${match[1]}${match[2]!.toLowerCase()}`);
  return ms === null ? undefined : writeText(formatDuration(Math.min(most, Math.max(least, ms))));
}

/** A length of time in ms. */
export function duration(least: number, most: number): Kind<number> {
  return custom(
    `a duration from "${formatDuration(least)}" to "${
      formatDuration(most)
    }" such as "90s", "10m", "1h30m", or a number of seconds`,
    (value) => {
      const ms = parseDuration(value);
      return ms !== null && ms >= least && ms <= most ? ms : null;
    },
    (ms) => writeText(formatDuration(ms)),
    (found) => suggestDuration(found, least, most),
  );
}

/** A length of time in seconds. */
export function seconds(most: number): Kind<number> {
  return custom(
    `a number of seconds from 0 to ${most}, or a duration such as "10m"`,
    (value) => {
      const ms = parseDuration(value);
      return ms !== null && ms <= most * 1000 ? ms / 1000 : null;
    },
    String,
    (found) => unquoted(found, 0, most) ?? suggestDuration(found, 0, most * 1000),
  );
}

/** A size in bytes. */
export function size(least: number, most: number): Kind<number> {
  return custom(
    `a size from "${formatSize(least)}" to "${formatSize(most)}" such as "4096", "64K", "32M"`,
    (value) => {
      const bytes = parseSize(value);
      return bytes !== null && bytes >= least && bytes <= most ? bytes : null;
    },
    (bytes) => bytes < 1024 ? String(bytes) : writeText(formatSize(bytes)),
  );
}

/** A text that `read` accepts, in the spelling that it gives. Of `suggest` only what `read` accepts is told. */
export function text(
  allowed: string,
  read: (text: string) => string | Error | null,
  suggest?: (found: string) => string | undefined,
): Kind<string> {
  return custom(
    allowed,
    (value) => typeof value === "string" ? read(value) : null,
    writeText,
    suggest && ((found) => {
      const meant = typeof found === "string" ? suggest(found) : undefined;
      return meant === undefined || typeof read(meant) !== "string" ? undefined : writeText(meant);
    }),
  );
}

/** A list of one kind. */
export function list<T>(element: Kind<T>, most: number): Kind<readonly T[]> {
  return {
    // The length comes first: of a list that is too long no element is looked at.
    schema: v.pipe(v.array(v.unknown(), ""), v.maxLength(most, `more than ${most}`), v.array(element.schema, "")),
    allowed: `a list of: ${element.allowed}`,
    element,
    write: (values) => `[${values.map((value) => element.write(value)).join(", ")}]`,
    suggest: (found) => {
      const read = v.safeParse(element.schema, found);
      return read.success ? `[${element.write(read.output)}]` : undefined;
    },
  };
}

/** A kind whose key may be left out, which is then null. It cannot be written as null. */
export function optional<T>(kind: Kind<T>): Kind<T | null> {
  const inner: Kind<T | null> = {
    schema: kind.schema,
    allowed: kind.allowed,
    write: (value) => value === null ? "" : kind.write(value),
  };
  const suggest = kind.suggest;
  return suggest === undefined ? inner : { ...inner, suggest: (found) => suggest(found) };
}
