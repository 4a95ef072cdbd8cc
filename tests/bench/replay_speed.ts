/**
 * How fast captures are replayed, held against nDPI's reader on the same capture and core.
 * @module
 */
import { execute, hasTool } from "../live/topology.ts";
import { writeLargeCapture } from "./captures.ts";
import type { Bench } from "./consumers.ts";
import { compared, type Figure, inTurn } from "./pairs.ts";
import type { Plan } from "./plan.ts";

/** Packets a second of one core, from start to end of the program. */
export async function replay(bench: Bench, plan: Plan): Promise<Figure[]> {
  if (!hasTool("ndpiReader") || !hasTool("taskset")) {
    plan.say("replay: skipped, no ndpiReader (Debian: libndpi-bin) or no taskset");
    return [];
  }
  const figures: Figure[] = [];
  // Of a short replay the start and the compiling are a good part; a day's capture is a long one.
  for (const least of plan.quick ? [100_000] : [1_000_000, 4_000_000]) {
    const capture = `${bench.workshop.dir}/large.pcap`;
    const packets = writeLargeCapture(capture, least);
    const commands = {
      ftwall: replayOf(bench.workshop.ftwall, capture),
      ndpiReader: ["ndpiReader", "-q", "-i", capture],
    };
    const rates = await inTurn(["ftwall", "ndpiReader"] as const, plan.rounds, async (name) => {
      return packets / await timeOf(commands[name]);
    });
    await Deno.remove(capture);
    const name = `replay on one core, ${least.toLocaleString("en")} packets`;
    const about = { bench: "replay", name, unit: "packets/s", against: "ndpiReader", least: 1.5 };
    figures.push(compared({ ...about, note: `${packets} packets` }, rates.ftwall, rates.ndpiReader));
  }
  return figures;
}

/** The command that replays a capture. */
export function replayOf(ftwall: string, capture: string): string[] {
  return [ftwall, "replay", "--home", "any", capture];
}

/** Seconds that a command takes on one core. */
export async function timeOf(command: readonly string[]): Promise<number> {
  const began = performance.now();
  const answer = await execute(["taskset", "-c", "1", ...command], { limit: 120_000 });
  const took = (performance.now() - began) / 1000;
  if (answer.code !== 0) throw new Error(`Cannot run "${command.join(" ")}": ${answer.stderr.slice(0, 500)}`);
  return took;
}
