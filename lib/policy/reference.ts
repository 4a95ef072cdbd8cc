/**
 * The config reference, made from the schema: a commented TOML file in which every key has its default. It is a config
 * file itself, and loading it changes nothing.
 * @module
 */
import type { ProtocolDefaults } from "./config.ts";
import { DEFAULT_PATH, defaultConfig } from "./load.ts";
import { type Field, type Fields, tomlKey } from "./field.ts";
import { CLIENTS, NOTIFY, OF_SOME, OVERRIDE, PROTOCOL, SCHEDULE, type SectionName, SECTIONS } from "./schema.ts";
import { formatEntry, type Written, writtenTables } from "./write.ts";

const WIDTH = 100;

/** Breaks a text into comment lines. */
function comment(text: string): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length < WIDTH) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(`# ${word}`);
  }
  return lines;
}

/** What a change of a key needs, as the reference says it. */
export const NEEDS: Readonly<Record<"restart" | "rules", string>> = {
  restart: " (A change needs a restart.)",
  rules: " (A change needs `ftwall rules --apply`.)",
};

function explain(field: Field<unknown>): string[] {
  const needs = field.change === undefined ? "" : NEEDS[field.change];
  return [...comment(`${field.doc}${needs}`), ...comment(`Allowed: ${field.kind.allowed}`)];
}

function explainAll(fields: Fields, defaults = true): string[] {
  return Object.entries(fields).flatMap(([name, field]) => {
    const [first = "#", ...rest] = explain(field);
    const value = field.kind.write(field.default);
    if (defaults && !["", '""', "[]"].includes(value)) rest.push(...comment(`Default: ${value}`));
    return [`# ${tomlKey(name)}: ${first.slice(2)}`, ...rest.map((line) => `#   ${line.slice(2)}`)];
  });
}

function fixedTable({ header, section, entries }: Written): string {
  const doc = section === "top" ? [] : comment(SECTIONS[section as SectionName].doc);
  const head = header === "" ? [] : ["", ...doc, header];
  return [...head, ...entries.flatMap(({ key, value, field }) => [...explain(field), formatEntry(key, value), ""])]
    .join("\n")
    .trimEnd();
}

/** Protocols in short: what is left out or empty is not repeated for each. */
function protocolTable({ header, entries }: Written): string {
  const shown = entries.filter(({ value }) => value !== "" && value !== "[]");
  return [header, ...shown.map(({ key, value }) => formatEntry(key, value))].join("\n");
}

const groupsExample = (protocol: string): readonly string[] => [
  "# [[clients]]",
  '# name = "staff"',
  '# addresses = ["192.168.2.0/24"]',
  `# [clients.protocols.${protocol}]`,
  '# action = "log"',
];

const scheduleExample = (protocol: string): readonly string[] => [
  "# [[schedule]]",
  '# name = "lessons"',
  '# days = ["mon-fri"]',
  '# hours = ["08:00-12:00", "13:00-16:00"]',
  `# [schedule.protocols.${protocol}]`,
  '# action = "lock"',
];

const notifyExample: readonly string[] = [
  "# [[notify]]",
  '# name = "admin"',
  '# mail = ["admin@example.org"]',
  '# smtp = "127.0.0.1"',
];

/** The reference for these protocols, as TOML. */
export function formatReference(protocols: readonly ProtocolDefaults[]): string {
  const tables = writtenTables(defaultConfig(protocols));
  const example = protocols.find(({ action }) => action === "drop")?.name ?? "NAME";
  const only = (property: (typeof OF_SOME)[number]) => {
    const having = protocols.filter((protocol) => protocol[property] !== null).map(({ name }) => name);
    return [property, { ...PROTOCOL[property], doc: `${PROTOCOL[property].doc} (${having.join(", ")} only).` }];
  };
  const keys = { ...PROTOCOL, ...Object.fromEntries(OF_SOME.map(only)) };
  const isProtocol = ({ section }: Written): boolean => section === "protocols";
  const before = tables.findIndex(isProtocol);
  return [
    ...comment(`Every key of ${DEFAULT_PATH} with its default. A key that is left out has the default given here.`),
    "",
    ...tables.slice(0, before).map(fixedTable),
    "",
    ...comment("The protocols: a table for each. Defaults differ, see the tables below."),
    ...explainAll(keys, false),
    "",
    ...tables.filter(isProtocol).map((table) => `${protocolTable(table)}\n`),
    ...tables.slice(before).filter((table) => !isProtocol(table)).map((table) => fixedTable(table).trimStart() + "\n"),
    ...comment(
      "Groups of clients: the first that holds the client counts. What a group says of a protocol prevails over the protocol's table, each key on its own. Keys of [clients.protocols.NAME] are action, require and lock.",
    ),
    ...explainAll(CLIENTS),
    ...groupsExample(example),
    "",
    ...comment(
      "Schedules: overrides that are in force at certain hours. One without clients prevails over the protocols' tables, but not over groups; one that names a group prevails over what the group says. Of two of one kind the first listed prevails.",
    ),
    ...explainAll(SCHEDULE),
    ...scheduleExample(example),
    "",
    ...comment("Notifications: a table for each target, with one of command, webhook and mail."),
    ...explainAll(NOTIFY),
    ...notifyExample,
    "",
  ].join("\n");
}

/** Breaks a paragraph as the formatter of the docs does. */
function paragraph(text: string): string {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length < 120) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines.join("\n");
}

/** A table with columns of even width, as the formatter of the docs has it. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const width = head.map((cell, i) => Math.max(cell.length, ...rows.map((row) => row[i]!.length)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, i) => cell.padEnd(width[i]!)).join(" | ")} |`;
  return [line(head), line(width.map((count) => "-".repeat(count))), ...rows.map(line)].join("\n");
}

/** The same as a page of the docs. */
export function formatReferencePage(protocols: readonly ProtocolDefaults[]): string {
  const overridable = Object.keys(OVERRIDE).map((key) => `\`${key}\``).join(", ");
  const rows = protocols.map(({ name, action, require, names }) => [
    `\`${name}\``,
    action,
    require,
    names.map((pattern) => `\`${pattern}\``).join(", "),
  ]);
  return [
    "# The config file",
    paragraph(
      `ftwall reads \`${DEFAULT_PATH}\`, or the file that \`--config\` names; a missing default file means that all defaults hold. \`ftwall check\` shows every problem and the effective config, \`ftwall check --reference\` prints every key with its default.`,
    ),
    paragraph(
      'Durations are `"90s"`, `"10m"`, `"1h30m"`, `"2d"` or a number of seconds; sizes are `"4K"`, `"32M"`, `"1G"` or a number of bytes.',
    ),
    paragraph(
      `Groups and schedules override ${overridable} of a protocol, each key on its own; the order is: the protocol's table, a schedule for everybody, the client's group, a schedule that names the group. Schedules follow local time; a slot that crosses midnight belongs to the day it begins on.`,
    ),
    "## What is done by default",
    table(["protocol", "action", "require", "names that train addresses"], rows),
    "## Every key",
    `\`\`\`toml\n${formatReference(protocols).trimEnd()}\n\`\`\`\n`,
  ].join("\n\n");
}
