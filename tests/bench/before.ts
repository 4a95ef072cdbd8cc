/**
 * This ftwall against an older one, in turn in one run: has anything become worse?
 * @module
 */
import { writeLargeCapture } from "./captures.ts";
import type { Bench, Flood } from "./consumers.ts";
import { startFull } from "./footprint.ts";
import { processFacts } from "./machine.ts";
import { compared, type Figure, inTurn } from "./pairs.ts";
import type { Plan } from "./plan.ts";
import { replayOf, timeOf } from "./replay_speed.ts";
import { roundTrips, startEcho, through, warm } from "./throughput.ts";

/** What one of the two showed in one round. */
interface Shown {
  readonly name: string;
  readonly unit: string;
  readonly value: number;
}

/** Throughput, latency, replay and memory of both. */
export async function before(bench: Bench, plan: Plan): Promise<Figure[]> {
  if (plan.before === "") {
    plan.say("before: skipped, no --before FILE");
    return [];
  }
  const benches = { now: bench, before: bench.of(plan.before) };
  const capture = `${bench.workshop.dir}/large.pcap`;
  const packets = writeLargeCapture(capture, plan.quick ? 100_000 : 1_000_000);
  const shown = { now: [] as Shown[], before: [] as Shown[] };
  await inTurn(["now", "before"] as const, plan.rounds, async (who) => {
    shown[who].push(...await each(benches[who], plan, capture, packets));
    return 0;
  });
  const names = [...new Set(shown.now.map(({ name }) => name))];
  return names.map((name) => {
    const of = (who: "now" | "before") => shown[who].filter((one) => one.name === name).map(({ value }) => value);
    const { unit } = shown.now.find((one) => one.name === name)!;
    return compared({ bench: "before", name, unit, against: "before" }, of("now"), of("before"));
  });
}

async function each(bench: Bench, plan: Plan, capture: string, packets: number): Promise<Shown[]> {
  const flood: Flood = { packets: plan.quick ? 100_000 : 400_000, flows: 50, bytes: 100 };
  const { rate, cpu } = await through(bench, "ftwall", flood);
  await using _ = await startEcho(bench);
  const running = (await bench.start("ftwall"))!;
  await warm(bench, plan, 1000);
  const { p50, p99 } = await roundTrips(bench, plan.quick ? 1000 : 3000, 1000);
  await running.stop();
  const replayed = packets / await timeOf(replayOf(bench.workshop.ftwall, capture));
  await bench.queueEverything(true);
  const full = await startFull(bench);
  const { rssMiB } = processFacts(full.pid);
  await full.stop();
  return [
    { name: "100-byte UDP, 50 flows, lossless", unit: "packets/s", value: rate },
    { name: "processor time, the same", unit: "µs/packet", value: cpu },
    { name: "round trip at 1,000 a second, median", unit: "µs", value: p50 },
    { name: "the same, 99th percentile", unit: "µs", value: p99 },
    { name: "replay on one core", unit: "packets/s", value: replayed },
    { name: "resident with full tables", unit: "MiB", value: rssMiB },
  ];
}
