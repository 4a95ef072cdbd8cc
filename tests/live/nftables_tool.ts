/**
 * Changes nft's sets as the daemon does, for live tests. `run` carries out the scripts of a JSON array on standard input, all
 * asked for at once; `fill N` locks N clients one after the other and blocks N peers together. Prints what came of it.
 */
import { Missing } from "../../ffi/missing.ts";
import { Nftables } from "../../ffi/nftables.ts";
import { SetTransport } from "../../lib/daemon/set_transport.ts";
import { KernelSets, runCommand } from "../../lib/firewall/mod.ts";

async function run(): Promise<unknown> {
  const scripts = JSON.parse(await new Response(Deno.stdin.readable).text()) as string[];
  await using nftables = Nftables.open();
  const answers = await Promise.all(scripts.map((script) => nftables.run(script)));
  // A call that was made before the end is carried out, one after it is refused.
  const last = nftables.run("list tables");
  const closing = nftables.close();
  const late = await nftables.run("list tables");
  await closing;
  return { answers, last: await last, late };
}

async function fill(count: number): Promise<unknown> {
  await using transport = new SetTransport(runCommand);
  const pace = transport.use("nft");
  const sets = new KernelSets("nft", transport.run, pace);
  const single: number[] = [];
  for (let n = 0; n < count; n++) {
    const began = performance.now();
    sets.put({ kind: "locked", address: `10.0.${n >> 8}.${n & 255}`, port: 0 }, 600);
    await sets.settled();
    single.push(performance.now() - began);
  }
  let longest = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
  }, 1);
  const began = performance.now();
  for (let n = 0; n < count; n++) sets.put({ kind: "peers", address: `57.0.${n >> 8}.${n & 255}`, port: 1214 }, 600);
  await sets.settled();
  const together = performance.now() - began;
  clearInterval(timer);
  single.sort((a, b) => a - b);
  return { way: transport.way, pace, state: sets.state, median: single[count >> 1], together, longest };
}

async function main(): Promise<void> {
  let answer: unknown;
  try {
    answer = Deno.args[0] === "run" ? await run() : await fill(Number(Deno.args[1]));
  } catch (error) {
    if (!(error instanceof Missing)) throw error;
    answer = { error: error.message, kind: error.kind };
  }
  Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify(answer) + "\n"));
}

await main();
