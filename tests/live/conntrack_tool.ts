/**
 * One request to the connection table, for live tests: `forget ADDRESS`, `mark MASK VALUE` or `mark MASK VALUE ADDRESS`, with an
 * address as four comma-separated words. Prints the tally.
 */
import { Conntrack } from "../../ffi/conntrack.ts";
import { Libc } from "../../ffi/libc.ts";
import { Missing } from "../../ffi/missing.ts";

async function run(table: Conntrack): Promise<unknown> {
  const [command, ...rest] = Deno.args;
  const [mask = 0, value = 0] = command === "mark" ? rest.splice(0, 2).map(Number) : [];
  if (rest.length === 0) return await table.markAgain(mask, value, 0);
  const [w0, w1, w2, w3] = rest[0]!.split(",").map(Number) as [number, number, number, number];
  return command === "forget"
    ? await table.forget(w0, w1, w2, w3)
    : await table.markAgainOf(mask, value, w0, w1, w2, w3);
}

async function main(): Promise<void> {
  using libc = Libc.open();
  let text: string;
  try {
    using table = Conntrack.open(libc);
    await table.markAgain(0, 0, 0); // matches nothing: compiles the code, so that what is measured below is the work
    const start = performance.now();
    let longest = 0;
    let last = start;
    const timer = setInterval(() => {
      const now = performance.now();
      longest = Math.max(longest, now - last - 1);
      last = now;
    }, 1);
    const tally = await run(table);
    clearInterval(timer);
    text = JSON.stringify({ tally, milliseconds: performance.now() - start, longest });
  } catch (error) {
    if (!(error instanceof Missing)) throw error;
    text = JSON.stringify({ error: error.message, kind: error.kind });
  }
  Deno.stdout.writeSync(new TextEncoder().encode(text + "\n"));
}

await main();
