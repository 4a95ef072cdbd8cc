/**
 * How long live tests watch that nothing crosses: a short while in every run, as long as wanted by hand.
 */

/** Seconds to watch: `FTWALL_WATCH` where it is set, never less than `short`, which programs need for their first tries. */
export function watchSeconds(short: number): number {
  const text = Deno.env.get("FTWALL_WATCH") ?? "0";
  const seconds = Number(text);
  if (!Number.isFinite(seconds)) throw new TypeError(`Cannot watch for FTWALL_WATCH="${text}" seconds: not a number`);
  return Math.max(short, seconds);
}
