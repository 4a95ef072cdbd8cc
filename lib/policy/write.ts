/**
 * {@link Config} → TOML that the loader reads back to the same config.
 * @module
 */
import type { Config, ProtocolOverride } from "./config.ts";
import { type Field, type Fields, tomlKey } from "./field.ts";
import { BEFORE_PROTOCOLS, CLIENTS, OVERRIDE, PROTOCOL, SCHEDULE, type SectionName, SECTIONS, TOP } from "./schema.ts";

/** Width that lists are broken at. */
const WIDTH = 118;

/** One key of a table, ready to be written. */
export interface Entry {
  /** TOML key. */
  readonly key: string;
  /** TOML; empty where the key is left out. */
  readonly value: string;
  /** What the schema says of it. */
  readonly field: Field<unknown>;
}

/** One table of the document. */
export interface Written {
  /** Header with its brackets; empty for the keys before the first table. */
  readonly header: string;
  /** Dotted name that differences carry. */
  readonly name: string;
  /** Which part of the document it belongs to. */
  readonly section: SectionName | "top" | "protocols" | "clients" | "schedule";
  /** Its keys. */
  readonly entries: readonly Entry[];
}

function entries(
  fields: Fields,
  values: object,
  leave: (property: string, value: unknown) => boolean = () => false,
): Entry[] {
  const all = new Map(Object.entries(values));
  return Object.entries(fields).filter(([name]) => !leave(name, all.get(name))).map(([name, field]) => ({
    key: tomlKey(name),
    value: field.kind.write(all.get(name)),
    field,
  }));
}

function overrides(kind: "clients" | "schedule", name: string, list: readonly ProtocolOverride[]): Written[] {
  return list.map((entry) => ({
    header: `[${kind}.protocols.${entry.name}]`,
    name: `${name}.protocols.${entry.name}`,
    section: kind,
    entries: entries(OVERRIDE, entry, (_, value) => value === null),
  }));
}

/** All tables of a config, in the order of the reference. */
export function writtenTables(config: Config): readonly Written[] {
  const section = (name: SectionName): Written => ({
    header: `[${name}]`,
    name,
    section: name,
    entries: entries(SECTIONS[name].fields, config[name]),
  });
  const protocols = config.protocols.map((protocol): Written => ({
    header: `[protocols.${protocol.name}]`,
    name: `protocols.${protocol.name}`,
    section: "protocols",
    entries: entries(PROTOCOL, protocol, (name, value) => name === "allowInfoHashes" && value === null),
  }));
  const clients = config.clients.flatMap((group): Written[] => {
    const name = `clients.${group.name}`;
    return [
      { header: "[[clients]]", name, section: "clients", entries: entries(CLIENTS, group) },
      ...overrides("clients", name, group.protocols),
    ];
  });
  const schedule = config.schedule.flatMap((plan, index): Written[] => {
    const name = plan.name === "" ? `schedule[${index + 1}]` : `schedule.${JSON.stringify(plan.name)}`;
    return [
      { header: "[[schedule]]", name, section: "schedule", entries: entries(SCHEDULE, plan) },
      ...overrides("schedule", name, plan.protocols),
    ];
  });
  const names = Object.keys(SECTIONS) as SectionName[];
  return [
    { header: "", name: "", section: "top", entries: entries(TOP, config) },
    ...BEFORE_PROTOCOLS.map(section),
    ...protocols,
    ...names.filter((name) => !BEFORE_PROTOCOLS.includes(name)).map(section),
    ...clients,
    ...schedule,
  ];
}

/** `key = value`, with long lists broken into lines. No element of a list holds a comma with a blank. */
export function formatEntry(key: string, value: string): string {
  const line = `${key} = ${value}`;
  if (line.length <= WIDTH || !value.startsWith("[")) return line;
  const rows: string[] = [];
  for (const element of value.slice(1, -1).split(", ")) {
    const last = rows.at(-1);
    if (last !== undefined && last.length + element.length + 2 <= WIDTH) rows[rows.length - 1] = `${last} ${element},`;
    else rows.push(`  ${element},`);
  }
  return `${key} = [\n${rows.join("\n")}\n]`;
}

/** The effective config as TOML: every key, defaults included. */
export function formatEffective(config: Config): string {
  return writtenTables(config).map(({ header, entries }) => {
    const lines = entries.filter(({ value }) => value !== "").map(({ key, value }) => formatEntry(key, value));
    return [...(header === "" ? [] : [header]), ...lines].join("\n");
  }).join("\n\n") + "\n";
}
