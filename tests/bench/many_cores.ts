/**
 * How far one ftwall goes on more cores than a test machine has: a discrete simulation of threads that each empty a queue
 * of their own and share the tables, fed with what was measured on two cores.
 *
 * ```sh
 * deno run -A tests/bench/many_cores.ts [--one 358025] [--two 562720] [--c-one N --c-two N] [--judged 111]
 * ```
 *
 * The rates are those of bench `threads` (packets a second of full queues, one thread and two, of ftwall and of the C
 * program), `judged` is nanoseconds a packet from bench `engine`. How long a cache line takes from core to core is
 * measured here.
 * @module
 */
// deno-lint-ignore-file no-console -- it prints
import { parseArgs } from "node:util";

/** What the simulated threads do; times in nanoseconds. */
export interface Costs {
  /** Receiving a packet and sending its verdict, with the packet's way on that the kernel goes meanwhile. */
  readonly kernel: number;
  /** Share of that which no two cores do at once. */
  readonly serial: number;
  /** A packet while the tables' lock is held. */
  readonly judged: number;
  /** Acquiring the lock where another core held it last: the lines of memory that both write. */
  readonly handover: number;
  /** Packets a burst. */
  readonly burst: number;
  /** Locks that share the tables among them: one today. */
  readonly locks: number;
}

/** After so long a thread sleeps that waits for the lock (lib/state/table_lock.ts), and is woken after so long. */
const SPIN = 24_000;
const WAKE = 20_000;
/** Simulated nanoseconds, of which the first tenth does not count. */
const SPAN = 400_000_000;

/** Something that one thread has at a time; who comes first has it first. */
class Resource {
  #free = 0;
  #last = -1;

  /**
   * Answers when a thread that asks at `now` is done with it. `handover` is added where another had it last. A sleeper is
   * late by the time that it takes to wake it; meanwhile others have the resource.
   */
  use(thread: number, now: number, time: number, handover: number, sleeps: boolean): number {
    const wait = Math.max(0, this.#free - now);
    this.#free = now + wait + time + (this.#last === thread ? 0 : handover);
    this.#last = thread;
    return this.#free + (sleeps && wait > SPIN ? WAKE : 0);
  }
}

/** Packets a second that so many threads judge, each with a queue that is always full and a core of its own. */
export function simulate(threads: number, costs: Costs): number {
  const { kernel, serial, judged, handover, burst, locks } = costs;
  const path = new Resource();
  const tables = Array.from({ length: locks }, () => new Resource());
  // Half of the kernel's part is before the lock, half behind it; how long it takes varies by a quarter.
  let state = 0x5eed;
  const vary = () => 0.75 + ((state = Math.imul(state, 1664525) + 1013904223 >>> 0) / 2 ** 32) / 2;
  const clocks = Array.from({ length: threads }, (_, thread) => thread * kernel * burst / threads);
  const steps = new Array<number>(threads).fill(0);
  let done = 0;
  for (;;) {
    let thread = 0;
    for (let i = 1; i < threads; i++) if (clocks[i]! < clocks[thread]!) thread = i;
    const now = clocks[thread]!;
    if (now > SPAN) return done * 1e9 / (SPAN * 0.9);
    const half = kernel * burst / 2;
    const step = steps[thread]!;
    steps[thread] = (step + 1) % 5;
    if (step === 0 || step === 3) clocks[thread] = now + half * (1 - serial) * vary();
    else if (step === 1 || step === 4) clocks[thread] = path.use(thread, now, half * serial, 0, false);
    else {
      const lock = locks === 1 ? 0 : Math.floor(vary() * 2 * locks) % locks;
      clocks[thread] = tables[lock]!.use(thread, now, judged * burst, handover, true);
      if (now > SPAN * 0.1) done += burst;
    }
  }
}

/** The serial share of the kernel's part with which two simulated threads gain as much over one as was measured. */
export function fitted(gain: number, costs: Omit<Costs, "serial">): number {
  let [low, high] = [0, 1];
  for (let i = 0; i < 30; i++) {
    const serial = (low + high) / 2;
    if (simulate(2, { ...costs, serial }) / simulate(1, { ...costs, serial }) > gain) low = serial;
    else high = serial;
  }
  return (low + high) / 2;
}

/** Nanoseconds that a line of memory takes from one core to another: two threads answer each other by turns. */
async function lineTransfer(): Promise<number> {
  const turns = 2000;
  const source = `
    self.onmessage = ({ data: { memory, parity, turns } }) => {
      const word = new Int32Array(memory);
      for (let i = parity; i < turns; i += 2) {
        while (Atomics.load(word, 0) !== i);
        Atomics.store(word, 0, i + 1);
      }
      self.postMessage(null);
    };`;
  const memory = new SharedArrayBuffer(64);
  const workers = [0, 1].map(() =>
    new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })), { type: "module" })
  );
  const run = (count: number) => {
    new Int32Array(memory)[0] = 0;
    const ends = workers.map((worker) => new Promise((resolve) => worker.onmessage = resolve));
    const began = performance.now();
    workers.forEach((worker, parity) => worker.postMessage({ memory, parity, turns: count }));
    return Promise.all(ends).then(() => (performance.now() - began) * 1e6 / count);
  };
  // The quickest of many: in the others one of the two had to wait for its core.
  let best = Infinity;
  for (let i = 0; i < 300; i++) best = Math.min(best, await run(turns));
  for (const worker of workers) worker.terminate();
  return best;
}

const CORES = [1, 2, 4, 8, 16, 32, 64];

/** A line of the table; `dearer` is how many times as much the kernel's part costs with more than one core. */
function rowOf(name: string, costs: Costs, dearer = 1): string {
  const beside = { ...costs, kernel: costs.kernel * dearer };
  const rates = CORES.map((cores) => simulate(cores, cores === 1 ? costs : beside));
  return `| ${name} | ${rates.map((rate) => (rate / 1e6).toFixed(2)).join(" | ")} |`;
}

async function main(): Promise<void> {
  const text = { type: "string" } as const;
  const { values } = parseArgs({ options: { one: text, two: text, "c-one": text, "c-two": text, judged: text } });
  const one = Number(values.one ?? 358_025);
  const two = Number(values.two ?? 562_720);
  const judged = Number(values.judged ?? 111);
  const line = await lineTransfer();
  // The lock's word, the news beside it, the clock and counters of the tables: some eight lines that the last holder wrote.
  const rest = { kernel: 1e9 / one - judged, judged, handover: 8 * line, burst: 64, locks: 1 };
  const gain = two / one;
  const serial = fitted(gain, rest);
  console.log(`a line of memory from core to core: ${line.toFixed(0)} ns; two threads gain ${gain.toFixed(2)}`);
  console.log(`with which ${(serial * 100).toFixed(0)} % of the kernel's part would be one core's at a time`);
  const costs = { ...rest, serial };
  const parallel = { ...rest, serial: 0 };
  console.log(`\n| million packets a second by cores | ${CORES.join(" | ")} |`);
  console.log(`| --- |${CORES.map(() => " --: |").join("")}`);
  console.log(rowOf("what two cores lose is waiting for each other", costs));
  console.log(rowOf("the same, tables with 16 locks", { ...costs, locks: 16 }));
  if (values["c-one"] !== undefined && values["c-two"] !== undefined) {
    const ofC = fitted(Number(values["c-two"]) / Number(values["c-one"]), { ...rest, judged: 0 });
    console.log(rowOf("the C program, whose processes share nothing", { ...rest, judged: 0, serial: ofC }));
  }
  console.log(rowOf("what two cores lose is dearer memory, no waiting in the kernel", parallel, 2 / gain));
  console.log(rowOf("the same, tables with 16 locks", { ...parallel, locks: 16 }, 2 / gain));
}

if (import.meta.main) await main();
