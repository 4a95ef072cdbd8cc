/**
 * Lossless throughput and latency of what is queued, held against C.
 * @module
 */
import { ADDRESSES, type Background, hasTool } from "../live/topology.ts";
import { writePayloads } from "./captures.ts";
import { type Bench, type Consumer, type Flood, pinned } from "./consumers.ts";
import { fullState, hundredBytes } from "./footprint.ts";
import { processFacts } from "./machine.ts";
import { absolute, compared, type Figure, inTurn, median } from "./pairs.ts";
import type { Plan, Series } from "./plan.ts";

/** What one flood showed. */
export interface Passage {
  /** Packets a second that arrived. */
  readonly rate: number;
  /** Microseconds of processor time that the consumer took for each. */
  readonly cpu: number;
}

/** One flood through a fresh consumer. Throws where a flood with a window lost a packet. */
export async function through(
  bench: Bench,
  consumer: Consumer,
  flood: Flood,
  args: readonly string[] = [],
): Promise<Passage> {
  await bench.queueEverything(consumer !== "none");
  // Fails closed: what found the queue full must not arrive as if it had been judged.
  const config = 'memory = "256M"\n[queue]\nfail = "closed"';
  const running = await bench.start(consumer, config, args, "", flood.cores?.rest);
  const before = running === null ? 0 : processFacts(running.pid).cpuSeconds;
  const answer = await bench.flood(flood);
  const cpu = running === null ? 0 : (processFacts(running.pid).cpuSeconds - before) * 1e6 / answer.received;
  await running?.stop();
  if (flood.window !== 0 && answer.received !== answer.sent) {
    throw new Error(`Cannot measure ${consumer}: of ${answer.sent} packets ${answer.received} arrived`);
  }
  return { rate: answer.rate, cpu };
}

/** 100-byte datagrams in 50 flows: at the rate at which none is lost, and with more sent than anybody can take. */
export async function udp(bench: Bench, plan: Plan): Promise<Figure[]> {
  const equal: Flood = { packets: plan.quick ? 100_000 : 400_000, flows: 50, bytes: 100 };
  const figures = await heldAgainstC(bench, plan, "lossless", equal);
  const free: Flood = { ...equal, packets: plan.quick ? 300_000 : 1_500_000, window: 0 };
  figures.push(...await heldAgainstC(bench, plan, "free flood", free));
  const cores = navigator.hardwareConcurrency;
  if (cores > 1) {
    const apart: Flood = { ...free, cores: { sender: "0", rest: cores > 2 ? `1-${cores - 1}` : "1" } };
    figures.push(...await heldAgainstC(bench, plan, "free flood from a core of its own", apart));
  }
  if (hasTool("dhcpoptinj")) figures.push(await heldAgainstOther(bench, plan, free));
  return figures;
}

/** Beside a program of the distribution. Its queue is a short one, so it loses what comes in bursts. */
async function heldAgainstOther(bench: Bench, plan: Plan, flood: Flood): Promise<Figure> {
  const rates = await inTurn(
    ["ftwall", "dhcpoptinj"] as const,
    plan.rounds,
    async (name) => (await through(bench, name, flood)).rate,
  );
  const about = { bench: "udp", name: "100-byte UDP, 50 flows, free flood", unit: "packets/s", against: "dhcpoptinj" };
  return compared(about, rates.ftwall, rates.dhcpoptinj);
}

async function heldAgainstC(bench: Bench, plan: Plan, what: string, flood: Flood): Promise<Figure[]> {
  const cpu: Record<string, number[]> = {};
  const rates = await inTurn(["ftwall", "batch", "single"] as const, plan.rounds, async (name) => {
    const { rate, cpu: took } = await through(bench, name, flood);
    (cpu[name] ??= []).push(took);
    return rate;
  });
  const about = { bench: "udp", name: `100-byte UDP, 50 flows, ${what}`, unit: "packets/s" };
  const taken = { bench: "udp", name: `processor time, consumer, ${what}`, unit: "µs/packet" };
  return [
    compared({ ...about, against: "batch", least: 0.95 }, rates.ftwall, rates.batch),
    compared({ ...about, against: "single", least: 1.5 }, rates.ftwall, rates.single),
    compared({ ...taken, against: "batch" }, cpu["ftwall"]!, cpu["batch"]!),
    compared({ ...taken, against: "single" }, cpu["ftwall"]!, cpu["single"]!),
  ];
}

/** Real payloads from as many machines as it takes. */
export async function flows(bench: Bench, plan: Plan): Promise<Figure[]> {
  return [await manyFlows(bench, plan, { bench: "flows", name: "100,000 flows, real payloads, lossless", least: 0.8 })];
}

/** The same beside a program on each core that empties the caches. */
export async function neighbour(bench: Bench, plan: Plan): Promise<Figure[]> {
  const { topology, workshop } = bench;
  const strangers = Array.from(
    { length: navigator.hardwareConcurrency },
    (_, core) => topology.startOutside([...pinned(String(core)), workshop.tool("thrash")]),
  );
  try {
    for (const stranger of strangers) await stranger.prints(/ready/);
    const name = "100,000 flows, the caches emptied each 2 ms";
    return [await manyFlows(bench, plan, { bench: "neighbour", name, least: 0.9 })];
  } finally {
    for (const stranger of strangers) await stranger.stop();
  }
}

async function manyFlows(
  bench: Bench,
  plan: Plan,
  about: { readonly bench: string; readonly name: string; readonly least: number },
): Promise<Figure> {
  const payloads = `${bench.workshop.dir}/payloads`;
  const count = writePayloads(payloads, 60_000);
  const flood: Flood = { packets: plan.quick ? 100_000 : 400_000, flows: 100_000, payloads };
  const rates = await inTurn(["ftwall", "batch"] as const, plan.rounds, async (name) => {
    // What would be refused has to arrive as well: dry-run judges all the same.
    return (await through(bench, name, flood, name === "ftwall" ? ["--dry-run"] : [])).rate;
  });
  const note = `${count} payloads from captures`;
  return compared({ ...about, unit: "packets/s", note, against: "batch" }, rates.ftwall, rates.batch);
}

/** Processor time a packet with many flows against few, everything included. */
export async function flowCost(bench: Bench, plan: Plan): Promise<Figure[]> {
  const payloads = await hundredBytes(bench);
  const packets = plan.quick ? 200_000 : 1_500_000;
  const many = plan.quick ? 100_000 : 1_000_000;
  const costs = await inTurn(["few", "many"] as const, plan.quick ? 1 : 3, async (name) => {
    return (await through(bench, "ftwall", { packets, flows: name === "few" ? 1000 : many, payloads })).cpu;
  });
  const name = `cost a packet, ${many.toLocaleString("en")} flows against 1,000`;
  return [
    compared({ bench: "flow-cost", name, unit: "µs/packet", against: "1,000 flows", most: 1.5 }, costs.many, costs.few),
  ];
}

/** What udp_ping tells, in microseconds. */
export interface RoundTrips {
  readonly answered: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  readonly histogram: readonly (readonly [bound: number, inside: number])[];
}

/** So many round trips at a rate, through whoever has the queue, to {@link startEcho}. */
export async function roundTrips(bench: Bench, count: number, rate: number): Promise<RoundTrips> {
  const command = [bench.workshop.tool("udp_ping"), ADDRESSES.server.v4, String(count), String(rate)];
  return JSON.parse(await bench.topology.must("client1", command, { limit: 120_000 })) as RoundTrips;
}

/** Starts what answers the pings; to be stopped. */
export async function startEcho(bench: Bench): Promise<Background> {
  const echo = bench.topology.start("server", [bench.workshop.tool("udp_ping"), "echo"]);
  await echo.prints(/ready/);
  return echo;
}

/** Packets a second at which round trips are measured. */
const RATES: readonly number[] = [1000, 10_000, 50_000];

/** Round trips at several rates, alone and beside a program that computes on the consumer's core. */
export async function latency(bench: Bench, plan: Plan): Promise<Figure[]> {
  await using _ = await startEcho(bench);
  const figures = await latencyAtRest(bench, plan);
  const core = String(navigator.hardwareConcurrency - 1);
  for (const busy of [false, true]) {
    for (const rate of busy ? RATES : RATES.slice(1)) {
      const tails: Record<string, number[]> = {};
      const medians = await inTurn(["ftwall", "single"] as const, plan.rounds, async (name) => {
        await bench.queueEverything(true);
        const neighbour = busy
          ? bench.topology.start("router", ["taskset", "-c", core, "sh", "-c", "while :; do :; done"])
          : null;
        const running = await bench.start(name, "", [], "", busy ? core : "");
        await warm(bench, plan, rate);
        const { p50, p99 } = await roundTrips(bench, plan.quick ? 2000 : Math.max(5000, 2 * rate), rate);
        await running?.stop();
        await neighbour?.stop();
        (tails[name] ??= []).push(p99);
        return p50;
      });
      const where = `${rate.toLocaleString("en")} a second${busy ? ", its core busy" : ""}`;
      const about = { bench: "latency", unit: "µs", against: "single" };
      figures.push(
        compared({ ...about, name: `round trip at ${where}, median`, most: 1.1 }, medians.ftwall, medians.single),
        compared({ ...about, name: `the same, 99th percentile`, most: 1.25 }, tails["ftwall"]!, tails["single"]!),
      );
    }
  }
  return figures;
}

/** What udp_ping counts at most. */
const MOST_TRIPS = 200_000;

/** As a router is, which runs for weeks: for some seconds at its rate code is compiled, and what the start left given back. */
export async function warm(bench: Bench, plan: Plan, rate: number): Promise<void> {
  const seconds = plan.quick ? 1 : 8;
  for (let left = seconds * rate; left > 0; left -= MOST_TRIPS) {
    await roundTrips(bench, Math.min(left, MOST_TRIPS), rate);
  }
}

/** At 1,000 a second also beside the C program that batches and beside no queue, for the plot. */
async function latencyAtRest(bench: Bench, plan: Plan): Promise<Figure[]> {
  const count = plan.quick ? 2000 : 5000;
  const tails: Record<string, number[]> = {};
  const histograms: Record<string, Map<number, number>> = {};
  const names = ["ftwall", "single", "batch", "none"] as const;
  const medians = await inTurn(names, plan.rounds, async (name) => {
    await bench.queueEverything(name !== "none");
    const running = await bench.start(name);
    await warm(bench, plan, 1000);
    const answer = await roundTrips(bench, count, 1000);
    await running?.stop();
    (tails[name] ??= []).push(answer.p99);
    const histogram = histograms[name] ??= new Map();
    for (const [bound, inside] of answer.histogram) histogram.set(bound, (histogram.get(bound) ?? 0) + inside);
    return answer.p50;
  });
  for (const name of names) {
    const points = [...histograms[name]!].sort((a, b) => a[0] - b[0]);
    const all = points.reduce((sum, [, inside]) => sum + inside, 0);
    let below = 0;
    const shares = points.map(([bound, inside]) => [bound, (below += inside) / all] as const);
    plan.series.push({ plot: "latency", name, points: shares });
  }
  const about = { bench: "latency", unit: "µs", against: "single" };
  const path = median(medians.none);
  const added = (values: readonly number[]) => values.map((value) => value - path);
  const note = `without a queue ${path.toFixed(0)} µs, accept_all batch ${median(medians.batch).toFixed(0)} µs`;
  const name = "round trip at 1,000 a second";
  return [
    compared({ ...about, name: `${name}, median`, most: 1.1, note }, medians.ftwall, medians.single),
    compared({ ...about, name: "the same, 99th percentile", most: 1.25 }, tails["ftwall"]!, tails["single"]!),
    compared({ ...about, name: "added to it, median" }, added(medians.ftwall), added(medians.single)),
  ];
}

/** Milliseconds: how many round trips took longer. */
const PAUSES: readonly number[] = [1, 5, 10, 20];

/** While round trips are measured the usual loop holds the queue. */
const USUAL = "the usual loop";
/** ftwall has just said that it is ready; else it has run for some seconds. */
const STARTED = "right after the start";
/** What is asked of it once a second. */
const ASKED: Readonly<Record<string, ((bench: Bench, config: string) => Promise<unknown>) | null>> = {
  [USUAL]: null,
  [STARTED]: null,
  nothing: null,
  "its state file": null,
  status: (bench) => bench.status(),
  "another config": (bench, config) => bench.reload(config),
};

/**
 * How long packets wait while ftwall is busy with itself: full tables that are written to the state file every ten seconds,
 * told by `status`, judged anew after a reload; and right after the start, when all is done for the first time. Beside the
 * usual loop, which has nothing to do: what that shows is the machine.
 */
export async function pauses(bench: Bench, plan: Plan): Promise<Figure[]> {
  await using _ = await startEcho(bench);
  const rate = 2000;
  const count = rate * (plan.quick ? 5 : 25);
  const kinds = Object.keys(ASKED);
  const over: Record<string, number[][]> = {};
  const longest = await inTurn(kinds, plan.quick ? 1 : Math.min(plan.rounds, 3), async (kind) => {
    await bench.queueEverything(true);
    const own = kind !== USUAL;
    const interval = kind === "its state file" ? "10s" : "1d";
    const config = (turn: number) => `[state]\ninterval = "${interval}"\n[lock]\nseconds = ${100 + turn % 2}`;
    const running = await bench.start(own ? "ftwall" : "single", config(0), [], own ? fullState(100_000, 10_000) : "");
    if (kind !== STARTED) await new Promise((resolve) => setTimeout(resolve, 5000));
    let ended = false;
    const pinging = roundTrips(bench, count, rate).finally(() => ended = true);
    for (let turn = 1; !ended; turn++) {
      await new Promise((resolve) => setTimeout(resolve, 1000));
      if (!ended) await ASKED[kind]?.(bench, config(turn));
    }
    const { max, histogram } = await pinging;
    await running?.stop();
    (over[kind] ??= []).push(
      PAUSES.map((bound) => histogram.reduce((sum, [to, inside]) => sum + (to > bound * 1000 ? inside : 0), 0)),
    );
    return max / 1000;
  });
  return kinds.map((kind) => {
    const counts = PAUSES.map((bound, i) => `over ${bound} ms ${median(over[kind]!.map((each) => each[i]!))}`);
    const note = `of ${count.toLocaleString("en")} round trips: ${counts.join(", ")}`;
    const about = { bench: "pauses", name: `longest round trip: ${kind}`, unit: "ms", note };
    const goal = kind === USUAL || kind === STARTED ? {} : { most: 20 };
    return absolute({ ...about, ...goal }, [Math.max(...longest[kind]!)]);
  });
}

/** For the plots: throughput against packet size and against the number of flows (about six minutes). */
export async function sweeps(bench: Bench, plan: Plan): Promise<Figure[]> {
  const names = ["ftwall", "batch", "single"] as const;
  const packets = plan.quick ? 50_000 : 100_000;
  const points: Record<string, [number, number][]> = {};
  const at = async (plot: Series["plot"], x: number, flood: Flood) => {
    const rates = await inTurn(names, plan.quick ? 1 : 3, async (name) => (await through(bench, name, flood)).rate);
    for (const name of names) (points[`${plot} ${name}`] ??= []).push([x, median(rates[name])]);
  };
  for (const bytes of [16, 100, 400, 800, 1400]) await at("size", bytes, { packets, flows: 50, bytes });
  const payloads = await hundredBytes(bench);
  for (const count of plan.quick ? [1, 1000, 100_000] : [1, 100, 1000, 10_000, 100_000, 1_000_000]) {
    await at("flows", count, { packets: Math.max(packets, count), flows: count, payloads });
  }
  for (const plot of ["size", "flows"] as const) {
    for (const name of names) plan.series.push({ plot, name, points: points[`${plot} ${name}`]! });
  }
  return [];
}
