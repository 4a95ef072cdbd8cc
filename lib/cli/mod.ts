/**
 * The command line: arguments in, exit code out.
 * @module
 */
import { VERSION } from "../daemon/version.ts";
import { errorText } from "../net/error_text.ts";
import { nearest } from "../policy/nearest.ts";
import { DONE, exitCodeOf, Failure, isForeseen, USAGE } from "../report/failure.ts";
import { complain, print, ReaderGone } from "../report/output.ts";
import { checkCommandLine, readCommandLine } from "./command.ts";
import { allCommands, COMMANDS } from "./commands.ts";

/** Runs ftwall with these arguments (program name left out) and answers its exit code. Never throws. */
export async function main(argv: readonly string[]): Promise<number> {
  try {
    return await runCommand(argv);
  } catch (error) {
    if (error instanceof ReaderGone) return error.exitCode;
    if (isForeseen(error)) {
      complain(`ftwall: ${error.message}`);
    } else {
      complain(`ftwall: Cannot go on: ${errorText(error)}. This is a fault of ftwall; FTWALL_TRACE=1 shows where`);
      if (Deno.env.get("FTWALL_TRACE") === "1" && error instanceof Error) complain(error.stack ?? "");
    }
    return exitCodeOf(error);
  }
}

/** Runs the command that is named first; without a name `run`. */
async function runCommand(argv: readonly string[]): Promise<number> {
  const [first = "--", second = "--"] = argv;
  if (first === "help") return await printHelp(commandNamed(second));
  const named = commandNamed(first);
  const name = named ?? "run";
  const command = await COMMANDS.get(name)!();
  const line = readCommandLine(name, command, named === null ? argv : argv.slice(1));
  if (line.unknown.some((word) => word === "-V" || word === "--version")) {
    print(`ftwall ${VERSION}`);
    return DONE;
  }
  if (line.unknown.some((word) => word === "-h" || word === "--help")) return await printHelp(named);
  const late = line.words.find((word) => COMMANDS.has(word));
  if (named === null && line.unknown.length === 0 && late !== undefined) throw optionsAhead(argv, late);
  checkCommandLine(name, command, line);
  return await command.run(line.given, line.words);
}

/** The command of this name; null for an option. Throws a {@link Failure} for a name that no command has. */
function commandNamed(word: string): string | null {
  if (COMMANDS.has(word)) return word;
  if (word.startsWith("-") || word === "help") return null;
  const names = [...COMMANDS.keys()];
  const near = nearest(word, names);
  throw new Failure(
    USAGE,
    `Cannot run the command "${word}": there is none of that name` +
      `${near === undefined ? "" : `; did you mean "${near}"?`}\nCommands: ${names.join(", ")}. Try "ftwall --help"`,
  );
}

function optionsAhead(argv: readonly string[], command: string): Failure {
  const at = argv.indexOf(command);
  const right = ["ftwall", command, ...argv.slice(0, at), ...argv.slice(at + 1)].join(" ");
  return new Failure(
    USAGE,
    `Cannot understand the command line: options stand behind the command, as in: ${right}\n` +
      `Try "ftwall ${command} --help"`,
  );
}

async function printHelp(name: string | null): Promise<number> {
  const { commandHelp, programHelp } = await import("./help.ts");
  print(name === null ? programHelp(await allCommands()) : commandHelp(name, await COMMANDS.get(name)!()));
  return DONE;
}
