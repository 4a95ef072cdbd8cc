/**
 * From a file, or a text, to a frozen {@link Config} or the list of everything that is wrong with it. `run`, `check` and a
 * reload all come through here.
 * @module
 */
import { errorText } from "../net/error_text.ts";
import type { Config, ProtocolDefaults } from "./config.ts";
import { indexLines } from "./line_index.ts";
import { Findings, type Problem } from "./problem.ts";
import { Reader } from "./read.ts";
import { checkSense } from "./sense.ts";
import { readToml } from "./toml.ts";

/** Where the config is when nobody says otherwise. */
export const DEFAULT_PATH = "/etc/ftwall/ftwall.toml";
/** Largest config file, in bytes. */
export const MAX_BYTES = 1024 * 1024;

/** What became of a config. */
export interface Loaded {
  /** The config; null where a problem of severity `error` is among the problems. */
  readonly config: Config | null;
  /** Errors and warnings, by line. */
  readonly problems: readonly Problem[];
  /** The file that was, or would have been, read. */
  readonly path: string;
  /** The default file is absent, and the config is the built-in defaults. */
  readonly missingDefault: boolean;
}

/** Freezes data and all that it holds. */
function freeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) freeze(inner);
  }
  return value;
}

/** Reads a config text; `file` is the name that problems carry. Never throws. */
export function parseConfig(
  text: string,
  file: string,
  protocols: readonly ProtocolDefaults[],
): Pick<Loaded, "config" | "problems"> {
  const toml = readToml(text, file);
  if (toml.table === null) return { config: null, problems: toml.problems };
  const findings = new Findings(file, indexLines(toml.text));
  const config = new Reader(findings, protocols).read(toml.table);
  // Lines that were left out for their syntax may have held what other keys depend on.
  if (toml.problems.length === 0) checkSense(config, findings);
  const problems = [...toml.problems, ...findings.sorted()].sort((a, b) => order(a) - order(b));
  return { config: findings.failed || toml.problems.length > 0 ? null : freeze(config), problems };
}

/** By line, what concerns the whole file last. */
function order(problem: Problem): number {
  return problem.line === 0 ? Infinity : problem.line;
}

/** The config that an empty file gives. */
export function defaultConfig(protocols: readonly ProtocolDefaults[]): Config {
  const { config, problems } = parseConfig("", "built-in defaults", protocols);
  if (config === null) throw new Error(`Cannot make the built-in config: ${problems[0]?.key} ${problems[0]?.found}`);
  return config;
}

/**
 * Loads a config file. A `path` given by hand must exist; without one {@link DEFAULT_PATH} is tried, and where it is absent
 * the built-in defaults are used and `missingDefault` says so. Never throws for anything that a file can be or hold.
 */
export function loadConfig(options: {
  readonly path?: string | undefined;
  readonly protocols: readonly ProtocolDefaults[];
  /** Replaces {@link DEFAULT_PATH}, for tests. */
  readonly defaultPath?: string;
}): Loaded {
  const path = options.path ?? options.defaultPath ?? DEFAULT_PATH;
  const given = options.path !== undefined;
  const text = readText(path);
  if (typeof text === "string") {
    const { config, problems } = parseConfig(text, path, options.protocols);
    return { config, problems: [...problems, ...exposed(config, path)], path, missingDefault: false };
  }
  if (!given && text.absent) {
    return { config: defaultConfig(options.protocols), problems: [], path, missingDefault: true };
  }
  const { found, allowed } = text;
  const problem: Problem = { severity: "error", file: path, line: 0, key: "", found, allowed };
  return { config: null, problems: [problem], path, missingDefault: false };
}

/** A secret in a file that everybody may read. */
function exposed(config: Config | null, file: string): Problem[] {
  // Whoever knows the path of a webhook can send there, and of a topic read there.
  const secret = config?.notify.find(({ token, webhook }) => token !== "" || /^\w+:\/\/[^/?]+(?:\/.|\?)/.test(webhook));
  const mode = modeOf(file);
  if (secret === undefined || (mode & 0o004) === 0) return [];
  const found = `a secret, in a file that everybody may read (mode ${(mode & 0o777).toString(8)})`;
  return [{ severity: "warning", file, line: 0, key: `notify.${secret.name}`, found, allowed: `chmod o= ${file}` }];
}

function modeOf(file: string): number {
  try {
    return Deno.statSync(file).mode ?? 0;
  } catch {
    return 0;
  }
}

/** Why a file cannot be read. */
interface Unreadable {
  readonly found: string;
  readonly allowed: string;
  readonly absent: boolean;
}

function readText(path: string): string | Unreadable {
  const unreadable = (found: string, allowed: string, absent = false): Unreadable => ({ found, allowed, absent });
  try {
    const { isFile, isDirectory } = Deno.statSync(path);
    // Opening a FIFO would wait for a writer, reading a device might never end.
    if (!isFile) return unreadable(isDirectory ? "a directory" : "no regular file", "a TOML file");
    const file = Deno.openSync(path, { read: true });
    using _ = file;
    // Room for one byte too many: a file may grow while it is read.
    const bytes = new Uint8Array(MAX_BYTES + 1);
    let length = 0;
    while (length < bytes.length) {
      const count = file.readSync(bytes.subarray(length));
      if (count === null) break;
      length += count;
    }
    if (length > MAX_BYTES) return unreadable("more than 1 MiB", "at most 1 MiB");
    return decode(bytes.subarray(0, length)) ?? unreadable("bytes that are not UTF-8", "a text file in UTF-8");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return unreadable("no such file", "an existing file", true);
    if (error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotCapable) {
      return unreadable("no permission to read it", "a file that this user may read");
    }
    return unreadable(errorText(error), "a readable file");
  }
}

function decode(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}
