import assert from "node:assert/strict";

/** V8 tiers code up and keeps feedback while it runs; a leak of one small object a packet would be 3 MB and more. */
const TOLERANCE = 600_000;

async function measure(
  ...args: string[]
): Promise<{ gained: number; events: number; packets: number; refused: number }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--cached-only", "--v8-flags=--expose-gc", probe, ...args],
    stdout: "piped",
    stderr: "piped",
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

const probe = new URL("heap_probe.ts", import.meta.url).pathname;

Deno.test("200,000 packets leave nothing on the heap, and the measure would see it if they did", async () => {
  const [clean, leaking] = await Promise.all([measure(), measure("--leak")]);
  assert.equal(clean.packets, 300_000);
  assert.ok(clean.refused > 10_000 && clean.events > 100, "the packets were real work");
  assert.ok(clean.gained < TOLERANCE, `the heap gained ${clean.gained} bytes`);
  assert.ok(leaking.gained > 3 * TOLERANCE, `a leak on purpose gained only ${leaking.gained} bytes`);
});
