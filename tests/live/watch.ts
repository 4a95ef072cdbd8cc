/**
 * How long live tests watch that nothing crosses (a short while in every run, as long as wanted by hand), and what they tell
 * and keep of it.
 */
import type { Capture } from "./support_clients_capture.ts";

/** Seconds to watch: `FTWALL_WATCH` where it is set, never less than `short`, which programs need for their first tries. */
export function watchSeconds(short: number): number {
  const text = Deno.env.get("FTWALL_WATCH") ?? "0";
  const seconds = Number(text);
  if (!Number.isFinite(seconds)) throw new TypeError(`Cannot watch for FTWALL_WATCH="${text}" seconds: not a number`);
  return Math.max(short, seconds);
}

/** Tells of figures on stderr where `FTWALL_LIVE_VERBOSE` is set. */
export function say(text: string): void {
  if (Deno.env.get("FTWALL_LIVE_VERBOSE") !== undefined) Deno.stderr.writeSync(new TextEncoder().encode(text + "\n"));
}

/** Keeps a capture for golden ones (tests/golden/cut_live.ts) in the folder that `FTWALL_KEEP_CAPTURES` names. */
export function keep(capture: Capture, name: string): void {
  const dir = Deno.env.get("FTWALL_KEEP_CAPTURES");
  if (dir !== undefined) Deno.copyFileSync(capture.path, `${dir}/${name}.pcap`);
}
