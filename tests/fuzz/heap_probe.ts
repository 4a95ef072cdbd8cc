/**
 * Measures what the heap gains over 200,000 golden packets through `engine.judge`. Run with `--v8-flags=--expose-gc`; prints
 * the bytes gained. `--leak` keeps a reference for each packet, to show that the measure can tell.
 * @module
 */
import { CLASSIFIERS } from "../../lib/classify/mod.ts";
import { Engine } from "../../lib/engine/engine.ts";
import { capacityFor, State } from "../../lib/state/state.ts";
import { OK, type Outcome, Packet } from "../../lib/wire/packet.ts";
import { GOLDENS, packetsOf } from "../golden/make.ts";
import { HOME } from "../support/desk.ts";
import { policyOf } from "../support/story.ts";

const collect = (globalThis as { gc?: () => void }).gc;
if (collect === undefined) throw new Error("Cannot measure the heap: run with --v8-flags=--expose-gc");

const parts = GOLDENS.flatMap((golden) => packetsOf(golden).map(({ bytes }) => bytes));
const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
const view = new DataView(bytes.buffer);
const bounds: number[] = [0];
for (const part of parts) {
  bytes.set(part, bounds.at(-1)!);
  bounds.push(bounds.at(-1)! + part.length);
}

let events = 0;
const state = new State(capacityFor(1 << 20), 1);
const engine = new Engine({ policy: policyOf(HOME), state, classifiers: CLASSIFIERS, emit: () => void events++ });
const packet = new Packet();
const leak: number[][] | null = Deno.args.includes("--leak") ? [] : null;
let now = 1_000_000;

function run(packets: number): void {
  for (let i = 0; i < packets; i++) {
    const at = i % parts.length;
    now += 0.25;
    if (i % 4000 === 0) {
      engine.tick(now, now);
      engine.outbox.take();
    }
    const start = bounds[at]!;
    const end = bounds[at + 1]!;
    // Another client each round, so that flows begin anew: the second byte of the address at home.
    bytes[start + (bytes[start + 12] === 10 ? 13 : 17)] = Math.floor(i / parts.length) & 255;
    const outcome: Outcome = packet.decode(bytes, view, start, end, end - start);
    if (outcome !== OK) throw new Error(`Cannot decode golden packet ${at}`);
    engine.judge(packet, outcome, now);
    leak?.push([i]);
  }
}

function used(): number {
  collect!();
  collect!();
  return Deno.memoryUsage().heapUsed;
}

run(100_000);
const before = used();
run(200_000);
const gained = used() - before;
Deno.stdout.writeSync(
  new TextEncoder().encode(
    JSON.stringify({ gained, events, packets: engine.counters.packets, refused: engine.counters.refused }),
  ),
);
