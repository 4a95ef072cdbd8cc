/**
 * Quantities as the config writes them. Lengths of time: `90`, `"90s"`, `"10m"`, `"1h30m"`, `"2d"`; sizes: `4096`, `"4K"`,
 * `"32M"`, `"1G"`, in steps of 1024.
 * @module
 */

const TIMES: readonly (readonly [string, number])[] = [["d", 86_400_000], ["h", 3_600_000], ["m", 60_000], ["s", 1000]];
const DURATION = /^(?:(\d{1,9})d)?(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s)?$/;

/** Reads a duration in milliseconds: a whole number of seconds, or text with units in falling order; null where it is anything else. */
export function parseDuration(value: unknown): number | null {
  if (typeof value === "number") return Number.isSafeInteger(value) && value >= 0 ? value * 1000 : null;
  if (typeof value !== "string" || value === "") return null;
  const match = DURATION.exec(value);
  if (match === null) return null;
  return TIMES.reduce((sum, [, ms], i) => sum + Number(match[i + 1] ?? 0) * ms, 0);
}

/** Writes milliseconds (whole seconds) as {@link parseDuration} reads them. */
export function formatDuration(ms: number): string {
  let left = Math.round(ms / 1000) * 1000;
  if (left === 0) return "0s";
  let text = "";
  for (const [unit, size] of TIMES) {
    const count = Math.floor(left / size);
    if (count > 0) text += `${count}${unit}`;
    left -= count * size;
  }
  return text;
}

const SIZES = "KMG";
const SIZE = /^(\d{1,12})([KMG]?)(?:iB|B)?$/i;

/** Reads a size in bytes: a whole number, or text with a unit; null where it is anything else. */
export function parseSize(value: unknown): number | null {
  if (typeof value === "number") return Number.isSafeInteger(value) && value >= 0 ? value : null;
  if (typeof value !== "string") return null;
  const match = SIZE.exec(value);
  if (match === null) return null;
  const unit = match[2]!.toUpperCase();
  const bytes = Number(match[1]) * (unit === "" ? 1 : 1024 ** (SIZES.indexOf(unit) + 1));
  return Number.isSafeInteger(bytes) ? bytes : null;
}

/** Writes bytes with the largest unit that divides them. */
export function formatSize(bytes: number): string {
  for (let power = SIZES.length; power > 0; power--) {
    const unit = 1024 ** power;
    if (bytes > 0 && bytes % unit === 0) return `${bytes / unit}${SIZES[power - 1]}`;
  }
  return String(bytes);
}
