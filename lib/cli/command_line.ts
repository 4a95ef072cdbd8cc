/**
 * The command tree, and what becomes of a command line that does not fit it.
 * @module
 */
import { Command, CommanderError, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { actionCommands } from "./clients.ts";
import { checkCommand } from "./check.ts";
import { completionsCommand } from "./completions.ts";
import { doctorCommand } from "./doctor.ts";
import { explainCommand } from "./explain.ts";
import { nearest } from "../policy/nearest.ts";
import { DONE, Failure, USAGE } from "../report/failure.ts";
import { print } from "../report/output.ts";
import { reloadCommand } from "./reload.ts";
import { replayCommand } from "./replay.ts";
import { rulesCommand } from "./rules.ts";
import { runCommand } from "./run.ts";
import { statusCommand } from "./status.ts";
import { topCommand } from "./top.ts";
import { VERSION } from "../daemon/version.ts";
import { versionCommand } from "./version.ts";

/** Where a command leaves its exit code. */
export interface Ended {
  code: number;
}

const AFTER = `
Examples:
  ftwall --dry-run             say what would be refused, let everything pass
  ftwall rules --apply         put the firewall rules in place, then: ftwall
  ftwall status                who is locked now, and why: ftwall explain CLIENT
  ftwall replay capture.pcap   what ftwall recognises in a capture
  ftwall doctor                what is missing on this machine, and how to mend it

Exit codes: 0 done, 1 failed or refused, 2 usage or config error, 3 something needed is missing.
The config is /etc/ftwall/ftwall.toml; "ftwall check" shows what is in force.`;

/** The whole tree. `ended` takes the exit code of the command that runs. */
export function commandTree(ended: Ended): CommandUnknownOpts {
  const program = new Command("ftwall")
    .description("Stops peer-to-peer file sharing on a router; everything else goes on.")
    .version(`ftwall ${VERSION}`, "-V, --version", "print the version")
    .helpOption("-h, --help", "print help")
    .helpCommand("help [command]", "print help for a command")
    .showSuggestionAfterError(true)
    .addHelpText("after", AFTER)
    .exitOverride();
  // Errors come back as exceptions and are worded by us; help is printed as it is.
  program.configureOutput({
    writeOut: (text) => print(text.replace(/\n$/, "")),
    writeErr: () => {},
    getOutHelpWidth: () => helpWidth(),
  });
  const commands = [
    runCommand(ended),
    checkCommand(ended),
    rulesCommand(ended),
    reloadCommand(ended),
    statusCommand(ended),
    topCommand(ended),
    ...actionCommands(ended),
    replayCommand(ended),
    explainCommand(ended),
    doctorCommand(ended),
    completionsCommand(ended, () => program),
    versionCommand(ended),
  ];
  for (const command of commands) {
    command.copyInheritedSettings(program);
    program.addCommand(command, { isDefault: command.name() === "run" });
  }
  return program;
}

/** Runs the command that `argv` names; answers its exit code. */
export async function runProgram(argv: readonly string[]): Promise<number> {
  const ended: Ended = { code: DONE };
  const program = commandTree(ended);
  refuseUnknownCommand(program, argv);
  try {
    await program.parseAsync([...argv], { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0 || error.code === "commander.help") return DONE;
    if (error.code === "commander.excessArguments") refuseOptionsAhead(program, argv);
    throw new Failure(USAGE, usage(error.message, argv, program));
  }
  return ended.code;
}

/** An unknown first word would go to the default command as a surplus argument; that would not be understood by anybody. */
function refuseUnknownCommand(program: CommandUnknownOpts, argv: readonly string[]): void {
  const word = argv[0] === "help" ? argv[1] : argv[0];
  if (word === undefined || word.startsWith("-") || word === "help") return;
  const names = program.commands.map((command) => command.name());
  if (names.includes(word)) return;
  const near = nearest(word, names);
  throw new Failure(
    USAGE,
    `Cannot run the command "${word}": there is none of that name${
      near === undefined ? "" : `; did you mean "${near}"?`
    }\n` +
      `Commands: ${names.join(", ")}. Try "ftwall --help"`,
  );
}

/** Options ahead of a command are taken for those of the default command, to which the command's name is one word too many. */
function refuseOptionsAhead(program: CommandUnknownOpts, argv: readonly string[]): void {
  const at = argv.findIndex((word) => program.commands.some((command) => command.name() === word));
  if (at <= 0) return;
  const right = ["ftwall", argv[at], ...argv.slice(0, at), ...argv.slice(at + 1)].join(" ");
  throw new Failure(
    USAGE,
    `Cannot understand the command line: options stand behind the command, as in: ${right}\n` +
      `Try "ftwall ${argv[at]} --help"`,
  );
}

/** Turns the library's complaint into a sentence of ours. */
function usage(message: string, argv: readonly string[], program: CommandUnknownOpts): string {
  const words = message.replace(/^error: /, "").replaceAll("'", '"');
  const [what = "", ...suggestion] = words.split("\n");
  const hint = suggestion.join(" ").replace(/^\((.*)\)$/, "$1");
  const named = argv.find((word) => program.commands.some((command) => command.name() === word));
  const help = named === undefined ? "ftwall run --help" : `ftwall ${named} --help`;
  return `Cannot understand the command line: ${what}${hint === "" ? "" : `; ${lower(hint)}`}\nTry "${help}"`;
}

function lower(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

function helpWidth(): number {
  try {
    return Deno.stdout.isTerminal() ? Math.min(Deno.consoleSize().columns, 110) : 100;
  } catch {
    return 100;
  }
}
