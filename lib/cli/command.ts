/**
 * What a command is, and how its command line is read. The help and the completions are made from the same description.
 * @module
 */
import { errorText } from "../net/error_text.ts";
import { nearest } from "../policy/nearest.ts";
import { Failure, USAGE } from "../report/failure.ts";

/** An option. Its key names it: `logFormat` is `--log-format`. */
export interface Option {
  readonly text: string;
  /** Its letter. */
  readonly short?: string;
  /** The word that stands for its value in the help; an option without one takes no value, and is `true` where it is given. */
  readonly value?: string;
  /** The only values allowed. */
  readonly choices?: readonly string[];
  /** Makes something of the value. Throws an error that says what is expected. */
  readonly read?: (text: string) => unknown;
  /** The value where the option is not given. */
  readonly preset?: unknown;
}

/** The options of a command by their keys. */
export type Options = Readonly<Record<string, Option>>;

/** The words behind a command that are no options. */
export interface Argument {
  /** `<one>`, `[optional]` or `<many...>`. */
  readonly usage: string;
  readonly text: string;
  readonly choices?: readonly string[];
}

/** The values of options as they were read; undefined for those that were not given and have no preset. */
export type Given<O extends Options> = string extends keyof O ? Readonly<Record<string, unknown>> : {
  readonly [K in keyof O]: ValueOf<O[K]> | (O[K] extends { readonly preset: unknown } ? never : undefined);
};

type ValueOf<O extends Option> = O extends { readonly read: (text: string) => infer T } ? T
  : O extends { readonly choices: readonly (infer C)[] } ? C
  : O extends { readonly value: string } ? string
  : true;

/** A command of ftwall. */
export interface Command<O extends Options = Options> {
  readonly text: string;
  readonly argument?: Argument;
  readonly options: O;
  /** What the help says below the options. */
  readonly after?: string;
  /** Does it; answers the exit code. */
  run(given: Given<O>, words: readonly string[]): number | Promise<number>;
}

/** A command, its `run` typed by its options. */
export function command<const O extends Options>(description: Command<O>): Command {
  return description;
}

/** What a command line says. */
export interface CommandLine {
  readonly given: Readonly<Record<string, unknown>>;
  readonly words: readonly string[];
  /** Words that look like options of another command. */
  readonly unknown: readonly string[];
}

/** The long name of an option. */
export function longName(key: string): string {
  return `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** An option as the help writes it: `-c, --config <path>`. */
export function usageOf(key: string, { short, value }: Option): string {
  return `${short === undefined ? "" : `-${short}, `}${longName(key)}${value === undefined ? "" : ` <${value}>`}`;
}

/** Reads the words behind a command's name. Throws a {@link Failure} for a value that is missing or not allowed. */
export function readCommandLine(name: string, { options }: Command, argv: readonly string[]): CommandLine {
  const keys = new Map<string, string>();
  const given: Record<string, unknown> = {};
  for (const [key, { short, preset }] of Object.entries(options)) {
    keys.set(longName(key), key);
    if (short !== undefined) keys.set(`-${short}`, key);
    given[key] = preset;
  }
  const words: string[] = [];
  const unknown: string[] = [];
  const rest = [...argv];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === "--") {
      words.push(...rest);
      break;
    }
    // --name=value, -nvalue, or -ab for -a -b.
    const [, flag = word, joined] = /^(--[^=]+)=(.*)$/s.exec(word) ?? /^(-[^-])(.+)$/s.exec(word) ?? [];
    const key = keys.get(flag);
    const option = key === undefined ? undefined : options[key];
    if (key === undefined || option === undefined || (option.value === undefined && /^--.*=/s.test(word))) {
      (/^-./s.test(word) ? unknown : words).push(word);
    } else if (option.value === undefined) {
      given[key] = true;
      if (joined !== undefined) rest.unshift(`-${joined}`);
    } else {
      const text = joined ?? rest.shift();
      if (text === undefined) throw usageError(name, `option "${usageOf(key, option)}" argument missing`);
      try {
        given[key] = allowed(text, option.choices, option.read);
      } catch (error) {
        throw usageError(name, `option "${usageOf(key, option)}" argument "${text}" is invalid. ${errorText(error)}`);
      }
    }
  }
  return { given, words, unknown };
}

/** Refuses what the command does not take. Throws a {@link Failure}. */
export function checkCommandLine(name: string, { argument, options }: Command, { words, unknown }: CommandLine): void {
  const [flag] = unknown;
  if (flag !== undefined) {
    const names = ["help", "version", ...Object.keys(options).map((key) => longName(key).slice(2))];
    const near = flag.startsWith("--") ? nearest(flag.slice(2), names) : undefined;
    throw usageError(name, `unknown option "${flag}"${near === undefined ? "" : `; did you mean --${near}?`}`);
  }
  const { usage = "", choices } = argument ?? {};
  const what = usage.replace(/\W/g, "");
  if (usage.startsWith("<") && words.length === 0) throw usageError(name, `missing required argument "${what}"`);
  const most = argument === undefined ? 0 : usage.includes("...") ? Infinity : 1;
  if (words.length > most) {
    const expected = `Expected ${most} ${most === 1 ? "argument" : "arguments"} but got ${words.length}`;
    throw usageError(name, `too many arguments for "${name}". ${expected}: ${words.join(", ")}.`);
  }
  for (const word of words) {
    try {
      allowed(word, choices);
    } catch (error) {
      const found = `command-argument value "${word}" is invalid for argument "${what}"`;
      throw usageError(name, `${found}. ${errorText(error)}`);
    }
  }
}

function allowed(text: string, choices?: readonly string[], read: (text: string) => unknown = (text) => text): unknown {
  if (choices?.includes(text) === false) throw new RangeError(`Allowed choices are ${choices.join(", ")}.`);
  return read(text);
}

function usageError(name: string, found: string): Failure {
  return new Failure(USAGE, `Cannot understand the command line: ${found}\nTry "ftwall ${name} --help"`);
}
