/**
 * {@link Config} → TOML that the loader reads back to the same config.
 * @module
 */
import type { Config, ProtocolOverride } from "./config.ts";
import { type Field, type Fields, tomlKey } from "./field.ts";
import { CLIENTS, ONLY_FOR, OVERRIDE, PROTOCOL, SCHEDULE, type SectionName, SECTIONS, TOP } from "./schema.ts";

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

function entries<C>(
  fields: Fields<C>,
  values: C,
  leave: (property: string, value: unknown) => boolean = () => false,
): Entry[] {
  return (Object.keys(fields) as (keyof C & string)[]).filter((name) => !leave(name, values[name])).map((name) => {
    const field = fields[name];
    const value = values[name];
    return { key: tomlKey(name), value: value === null ? "" : field.kind.write(value), field: field as Field<unknown> };
  });
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
  const section = <K extends SectionName>(name: K): Written => ({
    header: `[${name}]`,
    name,
    section: name,
    entries: entries(SECTIONS[name].fields as Fields<Config[K]>, config[name]),
  });
  const protocols = config.protocols.map((protocol): Written => ({
    header: `[protocols.${protocol.name}]`,
    name: `protocols.${protocol.name}`,
    section: "protocols",
    entries: entries(PROTOCOL, protocol, (name) => !(ONLY_FOR.get(name)?.includes(protocol.name) ?? true)),
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
  const { network, queue, lock, ...others } = SECTIONS;
  const head = Object.keys({ network, queue, lock }) as SectionName[];
  return [
    { header: "", name: "", section: "top", entries: entries(TOP, config) },
    ...head.map(section),
    ...protocols,
    ...(Object.keys(others) as SectionName[]).map(section),
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
