/**
 * Lengths of time as the config writes them: `90`, `"90s"`, `"10m"`, `"1h30m"`, `"2d"`.
 * @module
 */

const UNITS: readonly (readonly [string, number])[] = [["d", 86_400_000], ["h", 3_600_000], ["m", 60_000], ["s", 1000]];
const WRITTEN = /^(?:(\d{1,9})d)?(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s)?$/;

/** Reads a duration in milliseconds: a whole number of seconds, or text with units in falling order; null where it is anything else. */
export function parseDuration(value: unknown): number | null {
  if (typeof value === "number") return Number.isSafeInteger(value) && value >= 0 ? value * 1000 : null;
  if (typeof value !== "string" || value === "") return null;
  const match = WRITTEN.exec(value);
  if (match === null) return null;
  return UNITS.reduce((sum, [, ms], i) => sum + Number(match[i + 1] ?? 0) * ms, 0);
}

/** Writes milliseconds (whole seconds) as {@link parseDuration} reads them. */
export function formatDuration(ms: number): string {
  let left = Math.round(ms / 1000) * 1000;
  if (left === 0) return "0s";
  let text = "";
  for (const [unit, size] of UNITS) {
    const count = Math.floor(left / size);
    if (count > 0) text += `${count}${unit}`;
    left -= count * size;
  }
  return text;
}
