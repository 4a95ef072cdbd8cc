/**
 * The manual pages, made from the descriptions of the commands, the schema of the config and the docs. In mdoc, as mandoc
 * and groff read it.
 * @module
 */
import type { Command, Option } from "../../lib/cli/command.ts";
import { longName } from "../../lib/cli/command.ts";
import { AFTER } from "../../lib/cli/help.ts";
import { protocolDefaults } from "../../lib/policy/defaults.ts";
import { type Field, type Fields, tomlKey } from "../../lib/policy/field.ts";
import { defaultConfig } from "../../lib/policy/load.ts";
import { formatReferencePage, NEEDS } from "../../lib/policy/reference.ts";
import {
  BEFORE_PROTOCOLS,
  CLIENTS,
  NOTIFY,
  OVERRIDE,
  PROTOCOL,
  SCHEDULE,
  SECTIONS,
  TOP,
} from "../../lib/policy/schema.ts";
import { PROTOCOLS } from "../../lib/protocol/mod.ts";

/** Day of the release that the pages go with. */
const DAY = "November 29, 2026";
/** Longest line of text, in characters. */
const WIDTH = 76;

const read = (path: string) => Deno.readTextFileSync(new URL(`../../${path}`, import.meta.url));

/** Text as roff takes it: no character of it is a command. */
function plain(text: string): string {
  return text.replaceAll("\\", "\\e").replaceAll("-", "\\-");
}

/** A paragraph of the docs or of the help: a line for each sentence, spans in bold, links without their target. */
function paragraph(text: string): string[] {
  const bare = text.replaceAll(/\[([^\]]+)\]\([^)]*\)/g, "$1").replaceAll(
    /(^|[\s(])[_*]{1,2}(\w[^_*]*)[_*]{1,2}/g,
    "$1$2",
  );
  const lines: string[] = [];
  let held = "";
  // A span is one word, whatever stands in it.
  for (const word of bare.match(/(?:`[^`]*`|[^\s`])+/g) ?? []) {
    const roff = word.replaceAll(
      /`([^`]*)`|[^`]+/g,
      (part, span) => span === undefined ? plain(part) : `\\fB${plain(span)}\\fR`,
    );
    if (held !== "" && held.length + roff.length >= WIDTH) {
      lines.push(held);
      held = "";
    }
    held += held === "" ? roff : ` ${roff}`;
    if (/[.!?]["')]*$/.test(word)) {
      lines.push(held);
      held = "";
    }
  }
  if (held !== "") lines.push(held);
  return lines.map((line) => /^[.']/.test(line) ? `\\&${line}` : line);
}

function literal(lines: readonly string[]): string[] {
  return [".Bd -literal -offset indent", ...lines.map((line) => plain(line).replace(/^[.']/, "\\&$&")), ".Ed"];
}

/** What stands below a command's options: indented lines are literal, others text. */
function prose(text: string): string[] {
  const out: string[] = [];
  const block: string[] = [];
  const flush = () => {
    if (block.length > 0) out.push(...literal(block.splice(0)));
  };
  // Sentences were broken into lines for a terminal.
  const whole = text.trim().replaceAll(/(?<=^\S.*[^.:\n])\n(?=\S)/gm, " ").replaceAll(/^(Example:) /gm, "$1\n  ");
  for (const line of whole.split("\n")) {
    if (/^ {2}/.test(line)) {
      block.push(line.slice(2));
    } else if (line !== "") {
      flush();
      if (!/^ /.test(out.at(-1) ?? "")) out.push(".Pp", ...paragraph(line));
    }
  }
  flush();
  return out;
}

/** A list of terms; a term is what stands behind `.It`. */
function terms(items: readonly (readonly [term: string, text: readonly string[]])[]): string[] {
  return [".Bl -tag -width Ds", ...items.flatMap(([term, text]) => [`.It ${term}`, ...text]), ".El"];
}

/** A term as arguments of a macro. */
function quoted(text: string): string {
  return `Li "${plain(text).replaceAll('"', "\\(dq")}"`;
}

function flag(key: string, { short, value }: Option, join = " , "): string {
  const names = [...short === undefined ? [] : [short], plain(longName(key).slice(1))];
  const rest = value === undefined ? "" : ` Ar ${value}`;
  return names.map((name) => `Fl ${name}${rest}`).join(join);
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

function withChoices(
  { text, choices, preset }: { text: string; choices?: readonly string[]; preset?: unknown },
): string[] {
  return [
    ...paragraph(sentence(text)),
    ...(choices === undefined ? [] : paragraph(`One of: ${choices.join(", ")}.`)),
    ...(preset === undefined || preset === "" ? [] : paragraph(`Default: ${String(preset)}.`)),
  ];
}

function optionList(options: Command["options"]): string[] {
  return terms([
    ...Object.entries(options).map(([key, option]) => [flag(key, option), withChoices(option)] as const),
    ["Fl h , Fl \\-help", ["Print help."]],
  ]);
}

function argumentOf(usage: string): string[] {
  const name = usage.replace(/\W/g, "");
  return [`.${usage.startsWith("[") ? "Op " : ""}Ar ${name}${usage.includes("...") ? " ..." : ""}`];
}

function head(name: string, section: number, text: string): string[] {
  return [
    `.Dd ${DAY}`,
    `.Dt ${name.toUpperCase()} ${section}`,
    ".Os",
    ".Sh NAME",
    `.Nm ${name}`,
    `.Nd ${text}`,
  ];
}

/** Rows of the first table below a heading of a document. */
function rows(path: string, heading: string): string[][] {
  const section = read(path).split(`\n## ${heading}\n`)[1]!.split(/\n## /)[0]!;
  return section.split("\n").filter((line) => line.startsWith("|")).slice(2)
    .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
}

/** A table of a document as a list: its first column are the terms. */
function tableList(path: string, heading: string): string[] {
  return terms(
    rows(path, heading).map(([term, text, more]) => [
      quoted(term!.replaceAll("`", "")),
      paragraph(`${sentence(text!)}${more === undefined ? "" : ` Mode ${more}.`}`),
    ]),
  );
}

function commandSection(name: string, { text, argument, options, after }: Command): string[] {
  return [
    `.Ss ftwall ${name}`,
    ".Nm",
    `.Cm ${name}`,
    ".Op Ar options",
    ...(argument === undefined ? [] : argumentOf(argument.usage)),
    ".Pp",
    ...paragraph(sentence(text)),
    ...(argument === undefined ? [] : terms([[`Ar ${argument.usage.replace(/\W/g, "")}`, withChoices(argument)]])),
    ...optionList(options),
    ...(after === undefined ? [] : prose(after)),
  ];
}

/** ftwall(8). */
export function programPage(commands: ReadonlyMap<string, Command>): string {
  const about = read("README.md").split("\n\n").slice(1, 2).join(" ").replaceAll("\n", " ");
  const examples = AFTER.split("\n\n")[0]!.split("\n").filter((line) => line.startsWith("  ")).map((line) =>
    line.slice(2)
  );
  return page([
    ...head("ftwall", 8, "stop peer-to-peer file sharing on a router"),
    ...[".Sh SYNOPSIS", ".Nm", ".Op Ar command", ".Op Ar options", ".Nm", ".Fl V | \\-version"],
    ...[".Nm", ".Cm help", ".Op Ar command"],
    ...[".Sh DESCRIPTION", ...paragraph(about)],
    ...[".Pp", "Without a command it is", ".Cm run ."],
    ...[".Pp", "The commands that ask the daemon need root, or the group that"],
    ...[".Li [control] group", "of", ".Xr ftwall.toml 5", "names."],
    ".Sh COMMANDS",
    ...[...commands].flatMap(([name, command]) =>
      name === "replay"
        ? [
          ".Ss ftwall replay",
          ...paragraph(sentence(command.text)),
          "See",
          ".Xr ftwall-replay 1 .",
        ]
        : commandSection(name, command)
    ),
    ...[".Sh SIGNALS", ...tableList("docs/operation.md", "Signals")],
    ...[".Sh FILES", ...tableList("docs/operation.md", "Files")],
    ...[".Sh EXIT STATUS", ...tableList("docs/operation.md", "Exit codes")],
    ...[".Pp", ".Nm Cm doctor", "exits as monitoring expects it: 0 ok, 1 warning, 2 broken."],
    ...[".Sh EXAMPLES", ...literal(examples)],
    ...[".Sh SEE ALSO", ".Xr ftwall-replay 1 ,", ".Xr ftwall.toml 5 ,", ".Xr iptables 8 ,", ".Xr nft 8"],
  ]);
}

/** ftwall-replay(1). */
export function replayPage({ text, argument, options, after = "" }: Command): string {
  const [first = "", ...examples] = after.split(/\nExamples:\n/);
  return page([
    ...head("ftwall-replay", 1, "judge the packets of a capture"),
    ...[".Sh SYNOPSIS", ".Nm ftwall Cm replay"],
    ...Object.entries(options).map(([key, option]) => `.Op ${flag(key, option, " | ")}`),
    ...argumentOf(argument!.usage),
    ...[".Sh DESCRIPTION", ...paragraph(sentence(text))],
    ...[
      ".Pp",
      ...paragraph(
        "It does what the daemon would have done with these packets, by the same code and config: what is recognised, on which evidence, and who would have been refused or locked. The clock is that of the capture. For each recognised flow there is one line, then a table of protocols and a summary.",
      ),
    ],
    ...terms([[`Ar ${argument!.usage.replace(/\W/g, "")} ...`, withChoices(argument!)]]),
    ...[".Pp", "The options:", ...optionList(options), ...prose(first)],
    ...[".Sh EXIT STATUS", ...tableList("docs/operation.md", "Exit codes")],
    ...[".Sh EXAMPLES", ...literal(examples.join("\n").split("\n").map((line) => line.trim()))],
    ...[".Sh SEE ALSO", ".Xr ftwall.toml 5 ,", ".Xr ftwall 8 ,", ".Xr tcpdump 8"],
  ]);
}

function fieldList(fields: Fields, values: Readonly<Record<string, unknown>> | null): string[] {
  const text = (name: string, field: Field<unknown>): string[] => {
    const value = values === null ? "" : field.kind.write(values[name]);
    const ends = /[.)]$/.test(field.doc) ? field.doc : `${field.doc}.`;
    return [
      ...paragraph(`${ends}${field.change === undefined ? "" : NEEDS[field.change]}`),
      ...[".br", ...paragraph(`Allowed: ${field.kind.allowed}.`)],
      ...(value === "" ? [] : [".br", ...paragraph(`Default: ${value}`)]),
    ];
  };
  return terms(Object.entries(fields).map(([name, field]) => [`Ic ${tomlKey(name)}`, text(name, field)]));
}

/** ftwall.toml(5). */
export function configPage(): string {
  const protocols = protocolDefaults(PROTOCOLS);
  const config = defaultConfig(protocols);
  const [, ...intro] = formatReferencePage(protocols).split("\n## ")[0]!.trim().split("\n\n");
  const names = Object.keys(SECTIONS) as (keyof typeof SECTIONS)[];
  const section = (name: keyof typeof SECTIONS) => [
    ...[`.Ss [${name}]\\&`, ...paragraph(SECTIONS[name].doc)],
    ...fieldList(SECTIONS[name].fields, config[name] as unknown as Record<string, unknown>),
  ];
  const example = read("README.md").split("\n## The config\n")[1]!.split("```toml\n")[1]!.split("```")[0]!;
  return page([
    ...head("ftwall.toml", 5, "config of ftwall"),
    ".Sh DESCRIPTION",
    ...intro.flatMap((text, i) => [...i === 0 ? [] : [".Pp"], ...paragraph(text.replaceAll("\n", " "))]),
    ...[".Sh KEYS", ".Ss Keys before the first table"],
    ...fieldList(TOP, config as unknown as Record<string, unknown>),
    ...BEFORE_PROTOCOLS.flatMap(section),
    ...[".Ss [protocols.NAME]\\&", "A table for each protocol.", "Defaults differ, see"],
    ...[".Sx PROTOCOLS .", ...fieldList(PROTOCOL, null)],
    ...names.filter((name) => !BEFORE_PROTOCOLS.includes(name)).flatMap(section),
    ...[".Ss [[clients]]\\&", ...paragraph("Groups of clients: the first that holds the client counts.")],
    ...fieldList(CLIENTS, null),
    ...[
      ".Ss [[schedule]]\\&",
      ...paragraph("Overrides that are in force at certain hours."),
      ...fieldList(SCHEDULE, null),
    ],
    ...[".Ss [clients.protocols.NAME], [schedule.protocols.NAME]\\&", ...fieldList(OVERRIDE, null)],
    ...[".Ss [[notify]]\\&", ...paragraph("A target of notifications, by one of command, webhook and mail.")],
    ...fieldList(NOTIFY, Object.fromEntries(Object.entries(NOTIFY).map(([name, field]) => [name, field.default]))),
    ...[".Sh PROTOCOLS", "Name, what is done, and the least certainty that acts:"],
    ...[".Bl -column directconnect action certain"],
    ...protocols.map(({ name, action, require }) => `.It ${name} Ta ${action} Ta ${require}`),
    ".El",
    ...[".Sh FILES", ".Pa /etc/ftwall/ftwall.toml"],
    ...[".Sh EXAMPLES", ...literal(example.trimEnd().split("\n"))],
    ...[".Sh SEE ALSO", ".Xr ftwall 8"],
  ]);
}

function page(lines: readonly string[]): string {
  return ['.\\" Made from the program; do not edit. FTWALL_UPDATE=1 deno test -A tests/docs_test.ts', ...lines, ""]
    .join("\n");
}
