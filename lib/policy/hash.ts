/**
 * A name for the content of a configuration: reloading the same content is a no-op.
 * @module
 */
import type { Config } from "./config.ts";
import { sha256 } from "./sha256.ts";

/** JSON with the keys of every object in order, so that equal content gives equal text. */
function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, canonical(inner)]));
}

/** SHA-256 of the canonical content, 64 hex digits. Comments, blanks, order of keys and spelling of values do not matter. */
export function hashConfig(config: Config): string {
  return sha256(JSON.stringify(canonical(config)));
}
