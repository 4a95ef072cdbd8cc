/**
 * All benches in one run, each figure beside its yardstick. Wants root, a C compiler, libnetfilter_queue's header, iptables.
 * @module
 */
import { errorText } from "../../lib/net/error_text.ts";
import { execute, skipReason } from "../live/topology.ts";
import { before } from "./before.ts";
import { Bench } from "./consumers.ts";
import { engine, hour, idle, memory, minutes, start } from "./footprint.ts";
import { build, machineFacts } from "./machine.ts";
import { type Figure, reached, table } from "./pairs.ts";
import type { Plan } from "./plan.ts";
import { replay } from "./replay_speed.ts";
import { bulk, connections, lockedFlood } from "./settled.ts";
import { threads } from "./threads.ts";
import { flowCost, flows, latency, neighbour, pauses, sweeps, udp } from "./throughput.ts";

const BENCHES: Readonly<Record<string, (bench: Bench, plan: Plan) => Promise<Figure[]>>> = {
  start,
  udp,
  flows,
  neighbour,
  latency,
  pauses,
  "flow-cost": flowCost,
  threads,
  engine,
  memory,
  hour,
  minutes,
  idle,
  bulk,
  connections,
  "locked-flood": lockedFlood,
  replay,
  before,
  sweeps,
};

const USAGE = `usage: deno task bench [option]

  --only NAME[,NAME]  one of: ${Object.keys(BENCHES).join(" ")}
  --quick             little of everything: does it work at all
  --rounds N          pairs of each (5)
  --json FILE         writes the figures there too
  --merge             keeps what FILE already holds of other benches
  --executable FILE   measures this ftwall instead of building one
  --before FILE       an older ftwall, for the bench of that name

Builds on the denort in DENORT_BIN where that is set.`;

/** Options of the command line. */
interface Options {
  readonly only: readonly string[];
  readonly quick: boolean;
  readonly rounds: number;
  readonly json: string;
  readonly merge: boolean;
  readonly executable: string | null;
  readonly before: string;
}

function readArguments(args: readonly string[]): Options | string {
  const options = {
    only: Object.keys(BENCHES),
    quick: false,
    rounds: 5,
    json: "",
    merge: false,
    executable: null as string | null,
    before: "",
  };
  const rest = args.flatMap((word) => word.startsWith("--") ? word.split(/=(.*)/s, 2) : [word]);
  while (rest.length > 0) {
    const word = rest.shift()!;
    if (word === "--quick") options.quick = true;
    else if (word === "--merge") options.merge = true;
    else if (["--only", "--json", "--rounds", "--executable", "--before"].includes(word)) {
      const value = rest.shift();
      if (value === undefined) return `"${word}" wants a value`;
      if (word === "--only") options.only = value.split(",");
      else if (word === "--json") options.json = value;
      else if (word === "--executable") options.executable = value;
      else if (word === "--before") options.before = value;
      else options.rounds = Number(value);
    } else return `Unknown option "${word}"`;
  }
  const unknown = options.only.find((name) => !(name in BENCHES));
  if (unknown !== undefined) return `Unknown bench "${unknown}"`;
  if (!Number.isInteger(options.rounds) || options.rounds < 1) return "--rounds wants a whole number from 1";
  return options;
}

async function main(args: readonly string[]): Promise<number> {
  const options = readArguments(args);
  if (typeof options === "string") {
    print(`${options}\n\n${USAGE}`);
    return 2;
  }
  const reason = skipReason();
  if (reason !== null) {
    print(`Cannot measure: ${reason}`);
    return 3;
  }
  const dir = await Deno.makeTempDir({ prefix: "ftwall-bench-" });
  const figures: Figure[] = [];
  let failures = 0;
  const plan: Plan = {
    quick: options.quick,
    rounds: options.quick ? Math.min(2, options.rounds) : options.rounds,
    before: options.before,
    series: [],
    say: (line) => print(`# ${line}`),
  };
  try {
    const machine = await machineFacts();
    const workshop = await build(dir, options.executable, plan.say);
    for (const name of options.only) {
      plan.say(name);
      // Namespaces of its own for each: nothing that one leaves behind is in the way of the next.
      await using bench = await Bench.create(workshop);
      try {
        const found = await BENCHES[name]!(bench, plan);
        figures.push(...found);
        if (found.length > 0) print(table(found));
      } catch (error) {
        failures++;
        plan.say(`${name} failed: ${errorText(error)}`);
      }
    }
    print(table(figures));
    if (options.json !== "") await write(options, { machine, figures, series: plan.series });
  } finally {
    await execute(["rm", "-rf", dir], {});
  }
  return failures > 0 ? 1 : 0;
}

async function write(
  options: Options,
  run: { machine: unknown; figures: Figure[]; series: Plan["series"] },
): Promise<void> {
  let { figures, series } = run;
  if (options.merge) {
    const before = JSON.parse(await Deno.readTextFile(options.json).catch(() => '{"figures":[],"series":[]}'));
    const ours = new Set(options.only);
    const plots = new Set(series.map(({ plot }) => plot));
    figures = [...before.figures.filter((figure: Figure) => !ours.has(figure.bench)), ...figures];
    series = [...before.series.filter((line: Plan["series"][number]) => !plots.has(line.plot)), ...series];
  }
  const missed = figures.filter((figure) => !reached(figure)).map(({ bench, name }) => `${bench}: ${name}`);
  const text = JSON.stringify({ machine: run.machine, missed, figures, series }, null, 1);
  await Deno.writeTextFile(options.json, `${text}\n`);
}

function print(text: string): void {
  // deno-lint-ignore no-console -- a program for the terminal
  console.log(text);
}

if (import.meta.main) Deno.exit(await main(Deno.args));
