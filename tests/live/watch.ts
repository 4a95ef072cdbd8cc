/**
 * How long live tests watch that nothing crosses (a short while in every run, as long as wanted by hand), and what they tell
 * and keep of it.
 */
import assert from "node:assert/strict";
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

/** A client that wants a file in some way. */
export interface Wanting<Way> {
  readonly way: Way;
  readonly label: string;
  /** Whether as much came as is wanted. */
  readonly came: () => boolean;
  /** What it says of itself where it did not. */
  readonly report: () => string | Promise<string>;
}

/** Seconds within which a file comes, and how often that is tried: a client that missed its peers asks again after minutes. */
const COMES = 60;
const ATTEMPTS = 3;

/** Starts clients until each has got what it wants, or throws with their reports and `more`. */
export async function arrive<Way>(
  ways: readonly Way[],
  start: (clients: AsyncDisposableStack, ways: readonly Way[]) => Promise<readonly Wanting<Way>[]>,
  more: () => string = () => "",
): Promise<void> {
  let wanted = ways;
  let report: string[] = [];
  for (let attempt = 1; wanted.length > 0 && attempt <= ATTEMPTS; attempt++) {
    await using clients = new AsyncDisposableStack();
    const open = new Set(await start(clients, wanted));
    const begun = performance.now();
    while (open.size > 0 && performance.now() - begun < COMES * 1000) {
      await new Promise((resolve) => setTimeout(resolve, 500));
      for (const one of open) {
        if (!one.came()) continue;
        open.delete(one);
        say(`${one.label}: came after ${((performance.now() - begun) / 1000).toFixed(1)} s`);
      }
    }
    report = await Promise.all([...open].map(async (one) => `${one.label}: ${await one.report()}`));
    for (const line of report) say(`attempt ${attempt}: ${line}`);
    wanted = [...open].map(({ way }) => way);
  }
  assert.ok(wanted.length === 0, `files that did not come in ${ATTEMPTS} attempts: ${report.join("\n")}\n${more()}`);
}
