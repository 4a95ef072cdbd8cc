/**
 * {@link Config} → TOML that the loader reads back to the same config.
 * @module
 */
import type { Config, NotifyConfig, ProtocolOverride } from "./config.ts";
import { type Field, type Fields, tomlKey } from "./field.ts";
import {
  BEFORE_PROTOCOLS,
  CLIENTS,
  NOTIFY,
  OF_SOME,
  OVERRIDE,
  PROTOCOL,
  SCHEDULE,
  type SectionName,
  SECTIONS,
  TOP,
} from "./schema.ts";

/** Width that lists are broken at. */
const WIDTH = 118;

/** One key of a table, ready to be written. */
export interface Entry {
  /** TOML key. */
  readonly key: string;
  /** TOML; empty where the key is left out. */
  readonly value: string;
  /** The same as it may be shown: without secrets. */
  readonly shown: string;
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
  readonly section: SectionName | "top" | "protocols" | "clients" | "schedule" | "notify";
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
    ...written(field, all.get(name)),
    field,
  }));
}

function written({ kind, shown }: Field<unknown>, value: unknown): Pick<Entry, "value" | "shown"> {
  const text = kind.write(value);
  return { value: text, shown: shown === undefined || value === "" ? text : kind.write(shown(value)) };
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
    entries: entries(
      PROTOCOL,
      protocol,
      (name, value) => (OF_SOME as readonly string[]).includes(name) && value === null,
    ),
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
  const notify = config.notify.map((target): Written => ({
    header: "[[notify]]",
    name: `notify.${target.name}`,
    section: "notify",
    entries: entries(NOTIFY, target),
  }));
  const names = Object.keys(SECTIONS) as SectionName[];
  return [
    { header: "", name: "", section: "top", entries: entries(TOP, config) },
    ...BEFORE_PROTOCOLS.map(section),
    ...protocols,
    ...names.filter((name) => !BEFORE_PROTOCOLS.includes(name)).map(section),
    ...clients,
    ...schedule,
    ...notify,
  ];
}

/** `key = value`, with long lists broken into lines. */
export function formatEntry(key: string, value: string): string {
  const line = `${key} = ${value}`;
  if (line.length <= WIDTH || !value.startsWith("[")) return line;
  const rows: string[] = [];
  for (const element of value.slice(1, -1).match(/(?:"(?:[^"\\]|\\.)*"|[^,"\s])+/g) ?? []) {
    const last = rows.at(-1);
    if (last !== undefined && last.length + element.length + 2 <= WIDTH) rows[rows.length - 1] = `${last} ${element},`;
    else rows.push(`  ${element},`);
  }
  return `${key} = [\n${rows.join("\n")}\n]`;
}

/** The effective config as TOML: every key, defaults included, secrets hidden. */
export function formatEffective(config: Config): string {
  return writtenTables(config).map(({ header, entries }) => {
    const lines = entries.filter(({ shown }) => shown !== "").map(({ key, shown }) => formatEntry(key, shown));
    return [...(header === "" ? [] : [header]), ...lines].join("\n");
  }).join("\n\n") + "\n";
}

/** The config with its secrets hidden, for programs. */
export function withoutSecrets(config: Config): Config {
  const hidden = (target: NotifyConfig): NotifyConfig => ({
    ...target,
    webhook: target.webhook === "" ? "" : NOTIFY.webhook.shown!(target.webhook),
    token: target.token === "" ? "" : NOTIFY.token.shown!(target.token),
  });
  return { ...config, notify: config.notify.map(hidden) };
}
