/**
 * What the schema is made of.
 * @module
 */
import type { Kind } from "./kind.ts";

/** What must happen for a changed key to take effect; absent: a reload is enough. */
export type Change = "restart" | "rules";

/** One key. */
export interface Field<T> {
  /** What values it takes. */
  readonly kind: Kind<T>;
  /** Its value where the config is silent. */
  readonly default: T;
  /** What it does, for the reference; lines are broken when it is written. */
  readonly doc: string;
  /** What a change needs. */
  readonly change?: Change;
  /** Of a secret: what may be shown of a value that is not empty. */
  shown?(value: T): string;
}

/** The keys of a table, by property name; the TOML key is the same in snake_case. The order is that of the reference. */
export type Fields = Readonly<Record<string, Field<unknown>>>;

/** The values of these keys. */
export type Values<F extends Fields> = { readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never };

/** A table of the config. */
export interface Section {
  /** What it is about, for the reference. */
  readonly doc: string;
  /** Its keys. */
  readonly fields: Fields;
}

/** Makes a field. */
export function field<T>(
  kind: Kind<T>,
  value: NoInfer<T>,
  doc: string,
  change?: Change,
  shown?: (value: NoInfer<T>) => string,
): Field<T> {
  return {
    kind,
    default: value,
    doc,
    ...(change === undefined ? {} : { change }),
    ...(shown === undefined ? {} : { shown }),
  };
}

/** Keys that were asked for: as many as the schema has. */
const KEYS = new Map<string, string>();

/** The TOML key of a property of the schema. */
export function tomlKey(property: string): string {
  let key = KEYS.get(property);
  if (key === undefined) {
    key = property.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    KEYS.set(property, key);
  }
  return key;
}
