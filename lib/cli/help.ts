/**
 * The text of `--help`.
 * @module
 */
import { type Argument, type Command, type Option, usageOf } from "./command.ts";

/** What stands at the end of the help of ftwall. */
export const AFTER = `
Examples:
  ftwall --dry-run             say what would be refused, let everything pass
  ftwall rules --apply         put the firewall rules in place, then: ftwall
  ftwall status                who is locked now, and why: ftwall explain CLIENT
  ftwall replay capture.pcap   what ftwall recognises in a capture
  ftwall doctor                what is missing on this machine, and how to mend it

Exit codes: 0 done, 1 failed or refused, 2 usage or config error, 3 something needed is missing.
The config is /etc/ftwall/ftwall.toml; "ftwall check" shows what is in force.`;

/** A term and what it means. */
type Item = readonly [term: string, text: string];

const HELP: Item = ["-h, --help", "print help"];

/** The help of a command. */
export function commandHelp(name: string, { text, argument, options, after }: Command): string {
  return page(`ftwall ${usageLine(name, argument, true)}`, text, {
    Arguments: argument === undefined ? [] : [[argument.usage.replace(/\W/g, ""), withChoices(argument)]],
    Options: [
      ...Object.entries(options).map(([key, option]): Item => [usageOf(key, option), withChoices(option)]),
      HELP,
    ],
  }, after === undefined ? "" : `\n${after}`);
}

/** The help of ftwall. */
export function programHelp(commands: ReadonlyMap<string, Command>): string {
  return page("ftwall [options] [command]", "Stops peer-to-peer file sharing on a router; everything else goes on.", {
    Options: [["-V, --version", "print the version"], HELP],
    Commands: [
      ...[...commands].map(([name, { text, argument, options }]): Item => [
        usageLine(name, argument, Object.keys(options).length > 0),
        text,
      ]),
      ["help [command]", "print help for a command"],
    ],
  }, AFTER);
}

function usageLine(name: string, argument: Argument | undefined, options: boolean): string {
  return `${name}${options ? " [options]" : ""}${argument === undefined ? "" : ` ${argument.usage}`}`;
}

function withChoices({ text, choices, preset }: Argument & Pick<Option, "preset"> | Option): string {
  const more = [
    ...(choices === undefined ? [] : [`choices: ${choices.map((choice) => JSON.stringify(choice)).join(", ")}`]),
    ...(preset === undefined ? [] : [`default: ${JSON.stringify(preset)}`]),
  ];
  return more.length === 0 ? text : `${text} (${more.join(", ")})`;
}

function page(usage: string, text: string, sections: Readonly<Record<string, readonly Item[]>>, after: string): string {
  const width = helpWidth();
  const column = Math.max(...Object.values(sections).flat().map(([term]) => term.length));
  const lines = [`Usage: ${usage}`, "", ...wrap(text, width)];
  for (const [title, items] of Object.entries(sections)) {
    if (items.length === 0) continue;
    lines.push("", `${title}:`);
    for (const [term, meaning] of items) {
      const [first, ...more] = wrap(meaning, width - column - 4);
      lines.push(`  ${term.padEnd(column)}  ${first}`, ...more.map((line) => " ".repeat(column + 4) + line));
    }
  }
  return [...lines, ...(after === "" ? [] : [after])].join("\n");
}

/** Breaks a text into lines; one that would have less than 40 columns is left whole. */
function wrap(text: string, width: number): string[] {
  const lines = [""];
  for (const word of text.split(" ")) {
    const line = lines.at(-1)!;
    if (line === "") lines[lines.length - 1] = word;
    else if (width < 40 || line.length + 1 + word.length <= width) lines[lines.length - 1] += ` ${word}`;
    else lines.push(word);
  }
  return lines;
}

function helpWidth(): number {
  try {
    return Deno.stdout.isTerminal() ? Math.min(Deno.consoleSize().columns, 110) : 100;
  } catch {
    return 100;
  }
}
