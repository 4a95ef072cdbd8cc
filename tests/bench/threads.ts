/**
 * Several queues on several threads against one thread.
 *
 * Of two queues that are full already: how soon is everything in them judged, while nobody sends and nobody receives? That is
 * what threads gain. And of a flood with its sender and receiver beside it, as in the other benches: on two cores that shows
 * what threads cost where there is no core for them.
 * @module
 */
import type { Background } from "../live/topology.ts";
import { writePayloads } from "./captures.ts";
import type { Bench, Flood } from "./consumers.ts";
import { processFacts } from "./machine.ts";
import { compared, type Figure, inTurn, median } from "./pairs.ts";
import type { Plan } from "./plan.ts";

/** What is measured: queues, and threads that they are spread over. */
const WAYS = {
  "one queue": { queues: 1, threads: 1 },
  "1 thread": { queues: 2, threads: 1 },
  "2 threads": { queues: 2, threads: 2 },
} as const;
type Way = keyof typeof WAYS;

function configOf(way: Way, more: string): string {
  const { queues, threads } = WAYS[way];
  return `memory = "256M"\n[queue]\nnumbers = "0:${queues - 1}"\nthreads = ${threads}\n${more}`;
}

/** Packets a second, processor time of ftwall for each, and its memory. */
export async function threads(bench: Bench, plan: Plan): Promise<Figure[]> {
  const payloads = `${bench.workshop.dir}/payloads`;
  writePayloads(payloads, 60_000);
  const took: Partial<Record<Way, { cpu: number[]; rss: number[] }>> = {};
  const flood: Flood = { packets: plan.quick ? 100_000 : 200_000, flows: 100_000, payloads };
  const rates = await inTurn(["one queue", "1 thread", "2 threads"], plan.rounds, async (way) => {
    await bench.queueEverything(true, WAYS[way].queues);
    const running = (await bench.start("ftwall", configOf(way, ""), ["--dry-run"]))!;
    // Each thread has machine code of its own to be made first.
    await bench.flood({ ...flood, packets: 100_000 });
    const before = processFacts(running.pid).cpuSeconds;
    const answer = await bench.flood(flood);
    const facts = processFacts(running.pid);
    await running.stop();
    if (answer.received !== answer.sent) {
      throw new Error(`Cannot measure ${way}: of ${answer.sent} packets ${answer.received} arrived`);
    }
    const of = took[way] ??= { cpu: [], rss: [] };
    of.cpu.push((facts.cpuSeconds - before) * 1e6 / flood.packets);
    of.rss.push(facts.rssMiB);
    return answer.rate;
  });
  await bench.topology.must("server", ["iptables", "-t", "raw", "-A", "PREROUTING", "-p", "udp", "-j", "DROP"]);
  const drained = await inTurn(["1 thread", "2 threads", "C, 1 queue", "C, 2 queues"], plan.rounds, (way) => {
    if (way === "C, 1 queue" || way === "C, 2 queues") {
      return drainYardstick(bench, way === "C, 1 queue" ? 1 : 2, payloads);
    }
    return drainFtwall(bench, way, payloads);
  });
  const about = { bench: "threads", against: "1 thread" };
  const rate = { ...about, name: "2 queues, 2 threads, sender and receiver beside them", unit: "packets/s" };
  const [one, two] = [took["1 thread"]!, took["2 threads"]!];
  return [
    compared(
      { ...about, name: "2 full queues, 2 threads, nothing beside them", unit: "packets/s" },
      drained["2 threads"],
      drained["1 thread"],
    ),
    compared(
      {
        ...about,
        name: "batch: 2 full queues, 2 programs, nothing beside them",
        unit: "packets/s",
        against: "1 program",
      },
      drained["C, 2 queues"],
      drained["C, 1 queue"],
    ),
    compared(rate, rates["2 threads"], rates["1 thread"]),
    compared({ ...rate, against: "one queue" }, rates["2 threads"], rates["one queue"]),
    compared({ ...about, name: "processor time, the same", unit: "µs/packet" }, two.cpu, one.cpu),
    compared({ ...about, name: "resident, the same", unit: "MiB" }, two.rss, one.rss),
  ];
}

/** Times that queues are filled and emptied before it counts: each thread has machine code of its own to be made. */
const WARM = 4;
const COUNTED = 3;

/**
 * Fills the queues while those who hold them are stopped, then lets them go on, again and again: packets a second until
 * the queues are empty. The yardstick is C programs that share nothing, one a queue.
 */
async function drain(
  bench: Bench,
  queues: number,
  payloads: string,
  start: () => Promise<Background[]>,
): Promise<number> {
  const wanted = 40_000;
  await bench.queueEverything(true, queues);
  const running = await start();
  const waiting = () => {
    const text = Deno.readTextFileSync(`/proc/${running[0]!.pid}/net/netfilter/nfnetlink_queue`);
    return text.trim().split("\n").reduce((sum, line) => sum + Number(line.trim().split(/\s+/)[2]), 0);
  };
  const rates: number[] = [];
  for (let i = 0; i < WARM + COUNTED; i++) {
    for (const program of running) program.kill("SIGSTOP");
    await bench.pour({ packets: wanted, flows: 20_000, payloads });
    const full = waiting();
    if (full < wanted * 0.9) throw new Error(`Cannot measure ${queues} queues: only ${full} packets wait`);
    const begun = performance.now();
    for (const program of running) program.kill("SIGCONT");
    while (waiting() > full / 50) await new Promise((resolve) => setTimeout(resolve, 2));
    if (i >= WARM) rates.push(full * 1000 / (performance.now() - begun));
  }
  for (const program of running) await program.stop();
  return median(rates);
}

async function drainFtwall(bench: Bench, way: Way, payloads: string): Promise<number> {
  const config = configOf(way, 'length = 65535\nbuffer = "256M"\nfail = "closed"\nwatchdog = "0s"\n');
  return await drain(
    bench,
    WAYS[way].queues,
    payloads,
    async () => [(await bench.start("ftwall", config, ["--dry-run"]))!],
  );
}

async function drainYardstick(bench: Bench, programs: number, payloads: string): Promise<number> {
  const numbers = Array.from({ length: programs }, (_, number) => String(number));
  return await drain(
    bench,
    programs,
    payloads,
    () => Promise.all(numbers.map(async (number) => (await bench.start("batch", "", [number, "4096", "65535"]))!)),
  );
}
