/**
 * `deno task fuzz [--parser NAME]… [--runs N] [--minutes M] [--seed S]`: coverage-guided fuzzing of everything that reads
 * what others wrote, until so many runs or minutes are over. Prints a line for each parser; inputs that did harm, and those
 * that take longest, are written to `dist/fuzz`. Exit code 1 where any did harm. `--guided --json` is for tests: no clock, no files.
 * @module
 */
import { parseArgs } from "node:util";
import { BlockCoverage } from "./block_coverage.ts";
import { type Costly, type Found, Fuzzer, type Parser } from "./fuzzer.ts";
import type { Work } from "./plain_worker.ts";

const { values } = parseArgs({
  args: Deno.args,
  options: {
    parser: { type: "string", multiple: true, default: [] },
    runs: { type: "string" },
    minutes: { type: "string" },
    seed: { type: "string", default: "1" },
    guided: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    from: { type: "string", default: "parsers.ts" },
  },
});

/** So much of the runs, and of the time, is guided; the rest changes what was found, much faster. */
const GUIDED = values.guided ? { runs: 1, time: 1 } : { runs: 1 / 50, time: 1 / 3 };
/** Guided runs at least. */
const LEAST_GUIDED = 20_000;

const root = new URL("../../", import.meta.url).href;
const watched = (url: string) =>
  url.startsWith(`${root}lib/`) || url.startsWith(`${root}ffi/`) || url.endsWith("/planted.ts");
const coverage = await BlockCoverage.start(watched);
const { PARSERS } = await import(`./${values.from}`) as { readonly PARSERS: readonly Parser[] };
const parsers = PARSERS.filter(({ name }) => values.parser.length === 0 || values.parser.includes(name));
if (parsers.length === 0) {
  throw new Error(`There is no such parser; there are ${PARSERS.map(({ name }) => name).join(", ")}`);
}
// What ran while all was imported is nobody's.
await coverage.look();
const all: Found[] = [];
for (const parser of parsers) {
  const found = await fuzz(parser);
  all.push(found);
  if (!values.json) print(line(found));
  for (const { error, input } of found.faults) {
    complain(
      `${found.parser}: ${error}\n  input in ${values.json ? "no file" : keep(`fault-${found.parser}`, input)}`,
    );
  }
}
await coverage[Symbol.asyncDispose]();
if (values.json) {
  print(JSON.stringify(all.map(({ costly: _, faults, ...rest }) => ({ ...rest, faults: faults.length }))));
}
if (all.some(({ faults }) => faults.length > 0)) Deno.exitCode = 1;

async function fuzz(parser: Parser): Promise<Found> {
  const seed = Number(values.seed);
  const units = values.runs === undefined ? Infinity : Number(values.runs);
  const minutes = values.minutes ?? (values.runs === undefined ? "10" : "Infinity");
  const milliseconds = Number(minutes) * 60_000 / parsers.length;
  const fuzzer = new Fuzzer(parser, coverage, {
    seed,
    units: Math.max(Math.min(units, LEAST_GUIDED), units * GUIDED.runs),
    milliseconds: milliseconds * GUIDED.time,
    timed: false,
  });
  const guided = await fuzzer.run(heap);
  if (values.guided) return guided;
  const plain = await goOn({
    ...{ from: values.from, parser: parser.name, corpus: fuzzer.corpus },
    wanted: {
      seed: seed + 1,
      units: units - guided.units,
      milliseconds: milliseconds - guided.seconds * 1000,
      timed: true,
    },
  });
  return {
    ...plain,
    ...{ units: guided.units + plain.units, inputs: guided.inputs + plain.inputs, covered: guided.covered },
    ...{ seconds: guided.seconds + plain.seconds, steps: guided.steps, faults: [...guided.faults, ...plain.faults] },
  };
}

/** Goes on in an isolate without counters. */
async function goOn(work: Work): Promise<Found> {
  const worker = new Worker(new URL("plain_worker.ts", import.meta.url), { type: "module" });
  try {
    return await new Promise<Found>((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data as Found);
      worker.onerror = ({ message }) => reject(new Error(message));
      worker.postMessage(work);
    });
  } finally {
    worker.terminate();
  }
}

function print(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}

function complain(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${text}\n`));
}

function heap(): number {
  const { gc } = globalThis as { gc?: () => void };
  gc?.();
  gc?.();
  return Deno.memoryUsage().heapUsed;
}

function line({ parser, units, unit, faults, costly, corpus, covered, seconds, steps, gained }: Found): string {
  const [worst] = costly;
  const cells = [
    parser,
    `${units.toLocaleString("en")} ${unit}`,
    `${faults.length}`,
    worst === undefined ? "" : `${shown(worst)}: ${keep(`worst-${parser}`, worst.input)}`,
    steps.toFixed(1),
    `${corpus}`,
    covered.toLocaleString("en"),
    `${(gained / 1e6).toFixed(1)} MB`,
    `${Math.round(units / seconds).toLocaleString("en")}`,
  ];
  return `| ${cells.join(" | ")} |`;
}

function shown({ us, input }: Costly): string {
  return `${us < 10 ? us.toFixed(1) : us.toFixed(0)} µs, ${input.length} bytes`;
}

/** Writes an input where it can be looked at, named by its bytes. */
function keep(name: string, input: Uint8Array): string {
  const folder = new URL("../../dist/fuzz/", import.meta.url);
  Deno.mkdirSync(folder, { recursive: true });
  let hash = 0x811c9dc5;
  for (const byte of input) hash = Math.imul(hash ^ byte, 0x01000193);
  const file = `${name}-${(hash >>> 0).toString(16).padStart(8, "0")}`;
  Deno.writeFileSync(new URL(file, folder), input);
  return `dist/fuzz/${file}`;
}
