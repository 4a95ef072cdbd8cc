/**
 * What ftwall takes while it is there: memory, start, idle, and what a packet costs inside.
 * @module
 */
import { type Background, execute } from "../live/topology.ts";
import { writePayloads } from "./captures.ts";
import type { Bench, Flood } from "./consumers.ts";
import { compileScript, processFacts, ROOT, V8_FLAGS } from "./machine.ts";
import { absolute, compared, type Figure, inTurn, median } from "./pairs.ts";
import type { Plan } from "./plan.ts";

const sleep = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds));

/** Resident memory after a million packets, with full tables, with a million flows. */
export async function memory(bench: Bench, plan: Plan): Promise<Figure[]> {
  const figures: Figure[] = [];
  await bench.queueEverything(true);
  {
    const running = (await bench.start("ftwall"))!;
    await sleep(3000);
    const packets = plan.quick ? 100_000 : 1_000_000;
    await bench.flood({ packets, flows: 50, bytes: 100 });
    await sleep(3000); // pages of code that were touched just now are given back every two
    const resident = processFacts(running.pid).rssMiB;
    await running.stop();
    figures.push(
      absolute({ bench: "memory", name: `resident after ${packets} packets`, unit: "MiB", most: 64 }, [resident]),
    );
  }
  const payloads = await hundredBytes(bench);
  {
    const running = await startFull(bench);
    const resident = processFacts(running.pid).rssMiB;
    const { flows, peers, locks } = await bench.status() as {
      flows: { count: number };
      peers: { count: number };
      locks: unknown[];
    };
    const note = `${flows.count} flows, ${peers.count} peers, ${locks.length} locks`;
    const name = "resident with 100,000 flows, 100,000 peers, 10,000 locks";
    const afterStatus = processFacts(running.pid).rssMiB;
    figures.push(absolute({ bench: "memory", name, unit: "MiB", most: 64, note }, [resident]));
    figures.push(absolute({ bench: "memory", name: "the same, just after `status`", unit: "MiB" }, [afterStatus]));
    await running.stop();
  }
  const points: [number, number][] = [];
  const steps = plan.quick ? [1, 1000, 100_000] : [1, 100, 1000, 10_000, 100_000, 250_000, 500_000, 1_000_000];
  const running = (await bench.start("ftwall", 'memory = "216M"'))!;
  await sleep(3000);
  for (const flows of steps) {
    await bench.flood({ packets: flows, flows, payloads });
    await sleep(300);
    points.push([flows, processFacts(running.pid).rssMiB]);
  }
  const { flows } = await bench.status() as { flows: { count: number } };
  await running.stop();
  plan.series.push({ plot: "memory", name: "ftwall", points });
  const most = plan.quick ? 64 : 160;
  const name = `resident with ${steps.at(-1)!.toLocaleString("en")} flows`;
  const note = `${flows.count} flows held, memory = "216M"`;
  figures.push(absolute({ bench: "memory", name, unit: "MiB", most, note }, [points.at(-1)![1]]));
  return figures;
}

/** Resident memory before, and after each of so many parts of mixed traffic: payloads of captures, one flow in ten refused. */
async function residentWhile(bench: Bench, parts: number, flood: Omit<Flood, "payloads">): Promise<number[]> {
  await bench.queueEverything(true);
  const payloads = `${bench.workshop.dir}/payloads`;
  writePayloads(payloads, 60_000);
  const running = (await bench.start("ftwall", "", ["--dry-run"]))!;
  const resident: number[] = [];
  for (let part = 0; part <= parts; part++) {
    if (part > 0) await bench.flood({ ...flood, payloads });
    await sleep(3000);
    resident.push(processFacts(running.pid).rssMiB);
  }
  await running.stop();
  return resident;
}

const readings = (resident: readonly number[]) => `resident ${resident.map((size) => size.toFixed(1)).join(", ")}`;

/**
 * An hour's packets of a router where 10,000 a second are queued, with payloads of captures and more flows than the table
 * holds. What waits for V8 to collect it goes up and down by some MiB: the middle of the second half against the first's.
 */
export async function hour(bench: Bench, plan: Plan): Promise<Figure[]> {
  const packets = plan.quick ? 100_000 : 3_000_000;
  const [, ...resident] = await residentWhile(bench, 12, { packets, flows: plan.quick ? 30_000 : 300_000 });
  const about = { bench: "hour", name: `growth, second half of ${12 * packets} packets`, unit: "MiB", most: 2 };
  const note = `more flows in turn than the table holds, payloads of captures, --dry-run; ${readings(resident)}`;
  return [absolute({ ...about, note }, [median(resident.slice(6)) - median(resident.slice(0, 6))])];
}

/** Writes a file of one payload of 100 bytes, as floods with many flows want it; answers its path. */
export async function hundredBytes(bench: Bench): Promise<string> {
  const path = `${bench.workshop.dir}/hundred`;
  const record = new Uint8Array(102);
  record[0] = 100;
  await Deno.writeFile(path, record);
  return path;
}

/** Starts ftwall and fills its tables: 100,000 flows, 100,000 peers, 10,000 locks. */
export async function startFull(bench: Bench): Promise<Background> {
  const payloads = await hundredBytes(bench);
  const running = (await bench.start("ftwall", "", [], fullState(100_000, 10_000)))!;
  await bench.flood({ packets: 120_000, flows: 100_000, payloads });
  await sleep(3000);
  return running;
}

/** Ten minutes at a rate that a busy router has, with as many flows as it may hold: what is resident each minute. */
export async function minutes(bench: Bench, plan: Plan): Promise<Figure[]> {
  const packets = plan.quick ? 10_000 : 600_000;
  const resident = await residentWhile(bench, 10, { packets, flows: packets / 10, rate: 10_000 });
  const about = { bench: "minutes", unit: "MiB" };
  const note = `payloads of captures, ${packets / 10} flows a minute, --dry-run; ${readings(resident)}`;
  return [
    absolute({ ...about, name: "resident three seconds after ready" }, [resident[0]!]),
    absolute({ ...about, name: "resident after ten minutes of 10,000 packets a second", most: 75, note }, [
      resident.at(-1)!,
    ]),
  ];
}

/** A state file with so many peers and locks. */
export function fullState(peers: number, locks: number): string {
  const lines = ["ftwall state 1"];
  const until = new Date(Date.now() + 6 * 3_600_000).toISOString();
  const since = new Date().toISOString();
  const quad = (from: number, at: number) => [from, at >>> 16 & 255, at >>> 8 & 255, at & 255].join(".");
  for (let i = 0; i < peers; i++) lines.push(`peer ${quad(57, i)} 6881 fasttrack until=${until}`);
  for (let i = 0; i < locks; i++) {
    const lock = `lock ${quad(10, i)} fasttrack udp-ping since=${since} until=${until} length=21600 renewals=0`;
    lines.push(`${lock} port=1214 by=detector`);
  }
  return lines.join("\n") + "\n";
}

/** Milliseconds from starting the executable to `ready`, and of a command, against the first line of a program of one line. */
export async function start({ topology, workshop }: Bench, plan: Plan): Promise<Figure[]> {
  const { dir, ftwall } = workshop;
  await Deno.writeTextFile(`${dir}/hello.js`, 'console.log("hello");\n');
  await compileScript(`${dir}/hello.js`, `${dir}/hello`, V8_FLAGS);
  await Deno.writeTextFile(`${dir}/bench.toml`, "");
  const files = ["--config", `${dir}/bench.toml`, "--control", `${dir}/control.sock`, "--state", `${dir}/state`];
  const commands = {
    hello: ["hello", `${dir}/hello`],
    version: ["ftwall", ftwall, "version"],
    ready: ["ready", ftwall, "run", "--no-rules", ...files],
    rules: ["ready", ftwall, "run", ...files],
  };
  const names = ["hello", "version", "ready", "rules"] as const;
  const times = await inTurn(names, plan.quick ? 3 : 2 * plan.rounds + 1, async (name) => {
    return Number(await topology.must("router", [workshop.tool("first_line"), ...commands[name]]));
  });
  const about = { bench: "start", unit: "ms", against: "one line" };
  return [
    compared({ ...about, name: "start to ready", most: 2 }, times.ready, times.hello),
    compared({ ...about, name: "the same, where rules are to be made" }, times.rules, times.hello),
    compared({ ...about, name: "version", most: 1.5 }, times.version, times.hello),
  ];
}

/** Processor time and wake-ups with no packet about. */
export async function idle(bench: Bench, plan: Plan): Promise<Figure[]> {
  await bench.queueEverything(true);
  const running = (await bench.start("ftwall"))!;
  await sleep(5000);
  const seconds = plan.quick ? 5 : 20;
  const before = processFacts(running.pid);
  await sleep(seconds * 1000);
  const after = processFacts(running.pid);
  await running.stop();
  const share = (after.cpuSeconds - before.cpuSeconds) / seconds * 100;
  const wakes = (after.switches - before.switches) / seconds;
  return [
    absolute({ bench: "idle", name: "processor time", unit: "% of a core", most: 0.2 }, [share]),
    absolute({ bench: "idle", name: "wake-ups of all threads", unit: "a second", most: 5 }, [wakes]),
  ];
}

/** What a packet costs inside, without the kernel. */
export async function engine(_bench: Bench, plan: Plan): Promise<Figure[]> {
  const many = plan.quick ? 100_000 : 1_000_000;
  const command = ["run", "-A", "--no-check", "--quiet", `--v8-flags=${V8_FLAGS},--expose-gc`];
  const program = `${ROOT}/tests/bench/engine_cost.ts`;
  const args = ["1000", String(many), String(plan.quick ? 200_000 : 2_000_000)];
  const answer = await execute([Deno.execPath(), ...command, program, ...args], { limit: 300_000, env: environment() });
  if (answer.code !== 0) throw new Error(`Cannot measure the engine: ${answer.stderr}`);
  const { heap, costs } = JSON.parse(answer.stdout) as {
    heap: { garbage: number; growth: number };
    costs: { flows: number; known: number; opening: number }[];
  };
  const of = (flows: number, field: "known" | "opening") => costs.filter((c) => c.flows === flows).map((c) => c[field]);
  const about = { bench: "engine", unit: "ns", against: "1,000 flows" };
  const name = `${many.toLocaleString("en")} flows in random order`;
  return [
    compared({ ...about, name: `decode and judge, ${name}`, most: 1.5 }, of(many, "known"), of(1000, "known")),
    compared({ ...about, name: `the same, a flow's first packet` }, of(many, "opening"), of(1000, "opening")),
    absolute({ bench: "engine", name: "heap growth", unit: "bytes/packet", most: 0.01 }, [heap.growth]),
    absolute({ bench: "engine", name: "garbage", unit: "bytes/packet", most: 0.5 }, [heap.garbage]),
  ];
}

function environment(): Record<string, string> {
  const { HOME, DENO_DIR } = Deno.env.toObject();
  return { ...(HOME === undefined ? {} : { HOME }), ...(DENO_DIR === undefined ? {} : { DENO_DIR }) };
}
