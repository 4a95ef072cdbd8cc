/**
 * Plain data → {@link Config}: every key checked against the schema, defaults filled in, unknown names answered with the
 * nearest known one.
 * @module
 */
import type {
  ClientsConfig,
  Config,
  NotifyConfig,
  ProtocolConfig,
  ProtocolDefaults,
  ProtocolOverride,
  ScheduleConfig,
  SectionConfigs,
} from "./config.ts";
import { isRead, type Kind } from "./kind.ts";
import type { Path } from "./line_index.ts";
import { nearest } from "./nearest.ts";
import { describe, type Findings, formatPath, SECRET } from "./problem.ts";
import { type Field, type Fields, tomlKey, type Values } from "./field.ts";
import {
  CLIENTS,
  MAX_GROUPS,
  MAX_TARGETS,
  NOTIFY,
  OF_SOME,
  OVERRIDE,
  PROTOCOL,
  SCHEDULE,
  SECTIONS,
  TOP,
} from "./schema.ts";
import type { Table } from "./toml.ts";
import { MAX_SCHEDULES } from "./week.ts";

const EMPTY: Table = {};
const TABLES: readonly string[] = [...Object.keys(SECTIONS), "protocols"];
const LISTS: readonly string[] = ["clients", "schedule", "notify"];
/** Keys of a protocol that no group and no schedule overrides. */
const FOR_EVERYBODY: readonly string[] = Object.keys(PROTOCOL).filter((name) => !(name in OVERRIDE)).map(tomlKey);

function isTable(value: unknown): value is Table {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

/** Where else a key exists, for keys that slipped into the wrong table. */
function elsewhere(key: string): string | undefined {
  if (Object.keys(TOP).some((name) => tomlKey(name) === key)) return `${key} before the first table`;
  const home = Object.entries(SECTIONS).find(([, section]) =>
    Object.keys(section.fields).some((name) => tomlKey(name) === key)
  );
  return home === undefined ? undefined : `${key} in [${home[0]}]`;
}

/** Reads whole configs; one use each. */
export class Reader {
  readonly #findings: Findings;
  readonly #protocols: readonly ProtocolDefaults[];
  readonly #names: readonly string[];

  /** `protocols` in the order that gives their numbers. */
  constructor(findings: Findings, protocols: readonly ProtocolDefaults[]) {
    this.#findings = findings;
    this.#protocols = protocols;
    this.#names = protocols.map((protocol) => protocol.name);
  }

  /** Reads the document. Where something was wrong a default stands in its place, and the findings say so. */
  read(root: Table): Config {
    this.#unknownKeys(root, [], [...Object.keys(TOP).map(tomlKey), ...TABLES, ...LISTS]);
    const top = this.#fields(TOP, root, []);
    const sections = Object.entries(SECTIONS).map(([name, { fields }]) => {
      const table = this.#table(root[name], [name]);
      this.#unknownKeys(table, [name], Object.keys(fields).map(tomlKey));
      return [name, this.#fields<Fields>(fields, table, [name])];
    });
    return {
      ...top,
      // Each table was read by its own fields.
      ...Object.fromEntries(sections) as SectionConfigs,
      protocols: this.#protocolTables(this.#table(root["protocols"], ["protocols"])),
      clients: this.#list(root["clients"], "clients", MAX_GROUPS, (table, path) => this.#clients(table, path)),
      schedule: this.#list(root["schedule"], "schedule", MAX_SCHEDULES, (table, path) => this.#schedule(table, path)),
      notify: this.#list(root["notify"], "notify", MAX_TARGETS, (table, path) => this.#notify(table, path)),
    };
  }

  #table(value: unknown, path: Path): Table {
    if (value === undefined || isTable(value)) return value ?? EMPTY;
    this.#findings.error(path, describe(value), `a table, written as [${formatPath(path)}]`);
    return EMPTY;
  }

  #list<T>(value: unknown, name: string, most: number, read: (table: Table, path: Path) => T): T[] {
    if (value === undefined) return [];
    if (!Array.isArray(value)) {
      this.#findings.error([name], describe(value), `a list of tables, each headed by [[${name}]]`, `[[${name}]]`);
      return [];
    }
    if (value.length > most) this.#findings.error([name], `${value.length} of them`, `at most ${most}`);
    return value.slice(0, most).map((entry: unknown, i) => read(this.#table(entry, [name, i]), [name, i]));
  }

  #unknownKeys(table: Table, path: Path, known: readonly string[]): void {
    for (const key of Object.keys(table)) {
      if (known.includes(key)) continue;
      const where = path.length === 0 ? "at the top level" : `in [${formatPath(path)}]`;
      const allowed = key === "ports" ? "no ports: they are never evidence" : known.join(", ");
      const near = this.#findings.full ? undefined : nearest(key, known) ?? elsewhere(key);
      const what = isTable(table[key]) ? "an unknown table" : "an unknown key";
      this.#findings.error([...path, key], `${what} ${where}`, allowed, near);
    }
  }

  /** The one step from checked values to their types, which the kinds of the fields vouch for. */
  #fields<F extends Fields>(
    fields: F,
    table: Table,
    path: Path,
    defaults: Readonly<Record<string, unknown>> = {},
  ): Values<F> {
    const read = Object.entries(fields).map(([name, field]) => {
      const fallback = name in defaults ? defaults[name] : field.default;
      const key = tomlKey(name);
      return [
        name,
        Object.hasOwn(table, key) ? this.#value(field, table[key], [...path, key], fallback) : fallback,
      ];
    });
    return Object.fromEntries(read) as Values<F>;
  }

  #value({ kind, shown }: Field<unknown>, raw: unknown, path: Path, fallback: unknown): unknown {
    const read = kind.read(raw);
    const element = kind.element;
    if (isRead(read)) {
      if (element !== undefined && Array.isArray(read)) this.#warnOfDoubles(read, path);
      return read;
    }
    if (read === null && element !== undefined && Array.isArray(raw)) {
      raw.forEach((entry: unknown, i) => this.#refuse(element, entry, element.read(entry), [...path, i]));
    } else this.#refuse(kind, raw, read, path, shown !== undefined);
    return fallback;
  }

  /** Says what is wrong with a value, where reading it gave none. A `secret` stays one. */
  #refuse(kind: Kind<unknown>, raw: unknown, read: unknown, path: Path, secret: boolean = false): void {
    if (read !== null && !(read instanceof Error)) return;
    const reason = read instanceof Error ? ` (${read.message})` : "";
    const found = secret ? SECRET : describe(raw);
    this.#findings.error(path, found + reason, kind.allowed, secret ? undefined : kind.suggest?.(raw));
  }

  #warnOfDoubles(elements: readonly unknown[], path: Path): void {
    const seen = new Set<unknown>();
    elements.forEach((element, i) => {
      if (seen.has(element)) {
        this.#findings.warn([...path, i], `${describe(element)} for the second time`, "each entry once");
      }
      seen.add(element);
    });
  }

  #protocolTables(table: Table): ProtocolConfig[] {
    this.#unknownProtocols(table, ["protocols"]);
    return this.#protocols.map(({ name, ...defaults }): ProtocolConfig => {
      const path = ["protocols", name];
      const own = this.#table(Object.hasOwn(table, name) ? table[name] : undefined, path);
      for (const property of OF_SOME) {
        const key = tomlKey(property);
        if (defaults[property] !== null || !Object.hasOwn(own, key)) continue;
        const where = this.#protocols.filter((other) => other[property] !== null);
        this.#findings.error(
          [...path, key],
          `a key that ${name} does not have`,
          `only in ${where.map(({ name }) => `[protocols.${name}]`).join(", ")}`,
        );
      }
      this.#unknownKeys(own, path, [...Object.keys(PROTOCOL).map(tomlKey)]);
      return { name, ...this.#fields(PROTOCOL, own, path, defaults) };
    });
  }

  #unknownProtocols(table: Table, path: Path): void {
    for (const key of Object.keys(table)) {
      if (this.#names.includes(key)) continue;
      this.#findings.error(
        [...path, key],
        "an unknown protocol",
        this.#names.join(", "),
        this.#findings.full ? undefined : nearest(key, this.#names),
      );
    }
  }

  #overrides(value: unknown, path: Path): ProtocolOverride[] {
    const table = this.#table(value, path);
    this.#unknownProtocols(table, path);
    return this.#names.filter((name) => Object.hasOwn(table, name)).map((name): ProtocolOverride => {
      const place = [...path, name];
      const own = this.#table(table[name], place);
      for (const key of FOR_EVERYBODY.filter((key) => Object.hasOwn(own, key))) {
        this.#findings.error([...place, key], "a key that holds for everybody", `only in [protocols.${name}]`);
      }
      const rest = Object.fromEntries(Object.entries(own).filter(([key]) => !FOR_EVERYBODY.includes(key)));
      this.#unknownKeys(rest, place, Object.keys(OVERRIDE).map(tomlKey));
      return { name, ...this.#fields(OVERRIDE, own, place) };
    });
  }

  #clients(table: Table, path: Path): ClientsConfig {
    this.#unknownKeys(table, path, [...Object.keys(CLIENTS).map(tomlKey), "protocols"]);
    const own = this.#fields(CLIENTS, table, path);
    this.#needName(table, path, "group", CLIENTS.name.kind);
    return { ...own, protocols: this.#overrides(table["protocols"], [...path, "protocols"]) };
  }

  #schedule(table: Table, path: Path): ScheduleConfig {
    this.#unknownKeys(table, path, [...Object.keys(SCHEDULE).map(tomlKey), "protocols"]);
    return {
      ...this.#fields(SCHEDULE, table, path),
      protocols: this.#overrides(table["protocols"], [...path, "protocols"]),
    };
  }

  #notify(table: Table, path: Path): NotifyConfig {
    this.#unknownKeys(table, path, Object.keys(NOTIFY).map(tomlKey));
    this.#needName(table, path, "target", NOTIFY.name.kind);
    return this.#fields(NOTIFY, table, path);
  }

  #needName(table: Table, path: Path, what: string, { allowed }: Kind<string>): void {
    if (!Object.hasOwn(table, "name")) this.#findings.error([...path, "name"], `a ${what} without a name`, allowed);
  }
}
