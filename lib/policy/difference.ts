/**
 * What changed between two configs, for the log and the operator.
 * @module
 */
import type { Config } from "./config.ts";
import type { Change } from "./field.ts";
import { writtenTables } from "./write.ts";

export type { Change } from "./field.ts";

type Flat = Map<string, { readonly value: string; readonly shown: string; readonly change: Change | undefined }>;

function flatten(config: Config): Flat {
  const flat: Flat = new Map();
  for (const { name, entries } of writtenTables(config)) {
    for (const { key, value, shown, field } of entries) {
      flat.set(name === "" ? key : `${name}.${key}`, { value, shown, change: field.change });
    }
  }
  return flat;
}

/** One key that differs. */
export interface Difference {
  /** Dotted key. */
  readonly key: string;
  /** As TOML; empty where the key was or is left out. */
  readonly before: string;
  /** As `before`. */
  readonly after: string;
  /** What must happen for it to take effect; null: a reload is enough. */
  readonly needs: Change | null;
}

/** Keys that differ between two configs. */
export function differences(before: Config, after: Config): readonly Difference[] {
  const old = flatten(before);
  const now = flatten(after);
  const keys = [...new Set([...old.keys(), ...now.keys()])];
  return keys.filter((key) => (old.get(key)?.value ?? "") !== (now.get(key)?.value ?? "")).map((key) => ({
    key,
    before: old.get(key)?.shown ?? "",
    after: now.get(key)?.shown ?? "",
    needs: now.get(key)?.change ?? old.get(key)?.change ?? null,
  }));
}

function short(value: string): string {
  if (value === "") return "(none)";
  return value.length > 80 ? `${value.slice(0, 79)}…` : value;
}

/** Most lines of {@link changeLines}: they go into one event. */
const MOST_LINES = 100;

/** What changed, a line a key: `lock.seconds: 120 → 60`. */
export function changeLines(found: readonly Difference[]): readonly string[] {
  const lines = found.map((entry) => `${entry.key}: ${short(entry.before)} → ${short(entry.after)}`);
  return lines.length <= MOST_LINES ? lines : [...lines.slice(0, MOST_LINES), `and ${lines.length - MOST_LINES} more`];
}

/** A changed key that a reload alone cannot put into effect, and the command that does. */
export interface Needed {
  /** Dotted key. */
  readonly key: string;
  /** What it needs. */
  readonly needs: Change;
  /** What to run. */
  readonly command: string;
}

/** Keys of which the rules tell too. */
const IN_RULES = /^(?:queue|lock)\./;

/** Changed keys that need new firewall rules or a new start; empty where the reload did all. */
export function needsRestart(found: readonly Difference[]): readonly Needed[] {
  return found.flatMap(({ key, needs }) =>
    needs === null ? [] : [{
      key,
      needs,
      command: needs === "rules"
        ? "ftwall rules --apply, then ftwall reload"
        : `${IN_RULES.test(key) ? "ftwall rules --apply, then " : ""}restart ftwall`,
    }]
  );
}
