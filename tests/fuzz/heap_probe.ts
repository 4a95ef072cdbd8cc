/**
 * Measures what the heap gains over 200,000 golden packets through `engine.judge`. Run with `--v8-flags=--expose-gc`; prints
 * the bytes gained. `--leak` keeps a reference for each packet, to show that the measure can tell.
 * @module
 */
import { GoldenRun } from "./golden_run.ts";

const collect = (globalThis as { gc?: () => void }).gc;
if (collect === undefined) throw new Error("Cannot measure the heap: run with --v8-flags=--expose-gc");

const golden = new GoldenRun();
const leak: number[][] | null = Deno.args.includes("--leak") ? [] : null;
const keep = leak === null ? () => {} : (i: number) => void leak.push([i]);

function used(): number {
  collect!();
  collect!();
  return Deno.memoryUsage().heapUsed;
}

golden.run(100_000, keep);
const before = used();
golden.run(200_000, keep);
const gained = used() - before;
const { counters } = golden.engine;
Deno.stdout.writeSync(
  new TextEncoder().encode(
    JSON.stringify({ gained, events: golden.events, packets: counters.packets, refused: counters.refused }),
  ),
);
