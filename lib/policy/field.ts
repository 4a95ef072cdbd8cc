/**
 * What the schema is made of.
 * @module
 */
import type { Kind } from "./kind.ts";

/** What must happen for a changed key to take effect; absent: a reload is enough. */
export type Change = "restart" | "rules";

/** One key. */
export interface Field<T> {
  readonly kind: Kind<T>;
  readonly default: T;
  /** What it does, for the reference; lines are broken when it is written. */
  readonly doc: string;
  readonly change?: Change;
}

/** The keys of a table, by property name; the TOML key is the same in snake_case. The order is that of the reference. */
export type Fields<C> = { readonly [K in keyof C]-?: Field<C[K]> };

/** A table of the config. */
export interface Section<C> {
  readonly doc: string;
  readonly fields: Fields<C>;
}

/** Makes a field. */
export function field<T>(kind: Kind<T>, value: NoInfer<T>, doc: string, change?: Change): Field<T> {
  return { kind, default: value, doc, ...(change === undefined ? {} : { change }) };
}

/** The TOML key of a property. */
export function tomlKey(property: string): string {
  return property.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
