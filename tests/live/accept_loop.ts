/**
 * A bare consumer for live tests and measurements: every packet gets one verdict. Prints `ready` with what the kernel
 * granted, then serves until SIGTERM, then prints its counters.
 *
 * accept_loop.ts QUEUES [sync] [drop] [mark=N] [copy=N] [length=N] [buffer=N] [closed] [late=MS] [heap]
 *
 * sync waits on its own thread while there is traffic; late holds each burst's verdicts back for some milliseconds; heap
 * reports how much the heap grew after the first 50,000 packets.
 */
import { Libc } from "../../ffi/libc.ts";
import { Missing } from "../../ffi/missing.ts";
import { Queues } from "../../ffi/queues.ts";
import { NF_ACCEPT, NF_DROP, PACKET } from "../../lib/wire/nfqueue.ts";

const numbers = Deno.args[0]!.split(",").map(Number);
const options = new Set(Deno.args.slice(1));
const option = (name: string) => Deno.args.find((each) => each.startsWith(`${name}=`))?.slice(name.length + 1);
const mark = option("mark") === undefined ? -1 : Number(option("mark"));
const late = Number(option("late") ?? "0");
const code = options.has("drop") ? NF_DROP : NF_ACCEPT;
const settings = {
  copyRange: Number(option("copy") ?? "256"),
  length: Number(option("length") ?? "16384"),
  receiveBuffer: Number(option("buffer") ?? `${4 << 20}`),
  failOpen: !options.has("closed"),
  gso: true,
};

function print(to: { writeSync(bytes: Uint8Array): number }, line: string): void {
  to.writeSync(new TextEncoder().encode(line + "\n"));
}

function open(libc: Libc): Queues {
  try {
    return Queues.open(libc, numbers, settings);
  } catch (error) {
    if (!(error instanceof Missing)) throw error;
    print(Deno.stderr, error.message);
    Deno.exit(error.exitCode);
  }
}

async function main(): Promise<void> {
  using libc = Libc.open();
  const queues = open(libc);
  let stopping = false;
  const stop = () => {
    stopping = true;
    queues.wake();
  };
  Deno.addSignalListener("SIGTERM", stop);
  print(Deno.stdout, JSON.stringify({ ready: true, effective: queues.effective }));
  const heapBefore: number[] = [];
  let packets = 0;
  let idle = 0;
  let turn = 0;
  const list = queues.list;
  while (!stopping) {
    let bursts = 0;
    let got = 0;
    do {
      got = 0;
      for (let q = 0; q < list.length; q++) {
        const queue = list[q]!;
        const count = queue.receive();
        if (count < 0) throw new Error(`Cannot receive: ${libc.describe(queue.counters.lastErrno)}`);
        for (let i = 0; i < count; i++) {
          if (queue.read(i) !== PACKET) continue;
          packets++;
          if (mark >= 0) queue.verdictMarked(queue.message.packetId, code, mark);
          else queue.verdict(queue.message.packetId, code);
        }
        if (late > 0 && count > 0) await new Promise((resolve) => setTimeout(resolve, late));
        queue.flush();
        got += count;
      }
    } while (got > 0 && ++bursts < 256);
    if (options.has("heap") && packets >= 50_000 && heapBefore.length === 0) {
      heapBefore.push(Deno.memoryUsage().heapUsed);
    }
    if (bursts > 0) idle = 0;
    // Under load a short wait on this thread, and a turn for signals now and then; when quiet the event loop waits.
    const due = performance.now() >= turn;
    if (due) turn = performance.now() + 50;
    if (!options.has("sync") || bursts === 256 || due) await queues.wait(bursts > 0 ? 0 : 1000);
    else if (queues.waitSync(2)) idle = 0;
    else if (++idle > 10) await queues.wait(1000);
  }
  const heap = options.has("heap") ? Deno.memoryUsage().heapUsed - heapBefore[0]! : 0;
  const overflows = list.map((queue) => queue.overflows());
  queues.close();
  Deno.removeSignalListener("SIGTERM", stop);
  print(
    Deno.stdout,
    JSON.stringify({ counters: list.map((queue) => queue.counters), overflows, heap, rss: Deno.memoryUsage().rss }),
  );
}

await main();
