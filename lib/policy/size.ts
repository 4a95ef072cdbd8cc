/**
 * Sizes as the config writes them: `4096`, `"4K"`, `"32M"`, `"1G"`, in steps of 1024.
 * @module
 */

const UNITS = "KMG";
const WRITTEN = /^(\d{1,12})([KMG]?)(?:iB|B)?$/i;

/** Reads a size in bytes: a whole number, or text with a unit; null where it is anything else. */
export function parseSize(value: unknown): number | null {
  if (typeof value === "number") return Number.isSafeInteger(value) && value >= 0 ? value : null;
  if (typeof value !== "string") return null;
  const match = WRITTEN.exec(value);
  if (match === null) return null;
  const unit = match[2]!.toUpperCase();
  const bytes = Number(match[1]) * (unit === "" ? 1 : 1024 ** (UNITS.indexOf(unit) + 1));
  return Number.isSafeInteger(bytes) ? bytes : null;
}

/** Writes bytes with the largest unit that divides them. */
export function formatSize(bytes: number): string {
  for (let power = UNITS.length; power > 0; power--) {
    const unit = 1024 ** power;
    if (bytes > 0 && bytes % unit === 0) return `${bytes / unit}${UNITS[power - 1]}`;
  }
  return String(bytes);
}
