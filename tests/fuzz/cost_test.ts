/** No kind of hostile packet costs user space much more than a neighbour's: who sends more has more, and no more than that. */
import assert from "node:assert/strict";

/** Times what a packet of an ordinary page costs. The dearest is the middle of a stream, which many classifiers look at. */
const MOST = 8;

Deno.test("a packet of a flood costs no more than some of a page's packets, whatever its kind", async () => {
  const probe = new URL("cost_probe.ts", import.meta.url).pathname;
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--cached-only", probe],
    stdout: "piped",
    stderr: "piped",
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  const steps = JSON.parse(new TextDecoder().decode(stdout)) as Record<string, number>;
  const { page, ...floods } = steps;
  assert.ok(page! > 100 && Object.keys(floods).length === 8, JSON.stringify(steps));
  for (const [kind, cost] of Object.entries(floods)) {
    assert.ok(cost < MOST * page!, `${kind}: ${JSON.stringify(steps)}`);
  }
});
