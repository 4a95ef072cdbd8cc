import assert from "node:assert/strict";

/** Functions whose compiled code V8 gave up after the probe's collection, each with the reason. */
async function givenUp(...args: string[]): Promise<string[]> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--cached-only", `--v8-flags=${FLAGS}`, probe, ...args],
    stdout: "piped",
    stderr: "piped",
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  const [before, after] = new TextDecoder().decode(stdout).split(/testing; GC in old space requested/);
  assert.match(before!, /bailout/, "V8's trace says something");
  const line = /bailout \(kind: [^,]+, reason: (.*?)\): begin\. deoptimizing \S+ <JSFunction ([^ >]*)/g;
  return [...after!.matchAll(line)]
    .map(([, reason, name]) => `${name}: ${reason}`)
    // The probe's own loop, going over to better code.
    .filter((one) => !one.includes("on stack replacement"));
}

const FLAGS = "--trace-deopt,--expose-gc,--trace-gc";
const probe = new URL("deopt_probe.ts", import.meta.url).pathname;

Deno.test("once compiled, the path of all protocols' packets stays compiled, and the measure would see it if not", async () => {
  const [steady, surprised] = await Promise.all([givenUp(), givenUp("--surprise")]);
  // Two for what a busy machine compiled late; what swings to and fro would be met again and again.
  assert.ok(steady.length <= 2, steady.join("\n"));
  assert.deepEqual(steady.filter((one) => /wrong map|not a/.test(one)), []);
  assert.ok(surprised.filter((one) => one.includes("wrong map")).length >= 2, surprised.join("\n"));
});
