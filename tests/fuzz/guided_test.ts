/** The short part of the fuzzing (`deno task fuzz` is the long one), and that it would find what it looks for. */
import assert from "node:assert/strict";
import type { Found } from "./fuzzer.ts";

type Told = Omit<Found, "faults" | "costly"> & { readonly faults: number };

const main = new URL("main.ts", import.meta.url).pathname;

async function fuzz(...words: readonly string[]): Promise<{ found: Map<string, Told>; errors: string }> {
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--cached-only", "--v8-flags=--expose-gc", main, "--guided", "--json", ...words],
    stdout: "piped",
    stderr: "piped",
  }).output();
  const errors = new TextDecoder().decode(stderr);
  const text = new TextDecoder().decode(stdout);
  assert.ok(text !== "", errors);
  return { found: new Map((JSON.parse(text) as Told[]).map((one) => [one.parser, one])), errors };
}

Deno.test("fuzzing finds a fault behind three bytes, reading beyond the input, slow loops and leaks; and none where there is none", async () => {
  const { found, errors } = await fuzz("--from", "planted.ts", "--runs", "60000");
  const one = (name: string) => found.get(name)!;
  assert.ok(one("throws").faults > 0, "throws");
  assert.ok(one("beyond").faults > 0, "beyond");
  assert.match(errors, /throws: Error: planted/);
  assert.deepEqual(["slow", "leaks", "sound"].map((name) => one(name).faults), [0, 0, 0]);
  assert.ok(one("slow").steps > 10 * one("sound").steps, `${one("slow").steps} steps a byte`);
  assert.ok(one("leaks").gained > 300_000 && one("sound").gained < 100_000, `${one("leaks").gained} bytes`);
});

Deno.test("whatever a parser reads, it throws nothing, reads nothing beyond, and takes steps by the length of what it read", async () => {
  const { PARSERS } = await import("./parsers.ts");
  // Those of single classifiers are for the long run.
  const parsers = PARSERS.filter(({ name }) => !name.startsWith("flows-"));
  const names = parsers.map(({ name }) => name);
  const { found, errors } = await fuzz("--runs", "1000", ...names.flatMap((name) => ["--parser", name]));
  assert.deepEqual([...found.keys()], names);
  for (const { parser, faults, steps, covered, units } of found.values()) {
    assert.equal(faults, 0, `${parser}: ${errors}`);
    assert.ok(units >= 1000 && covered > 500, `${parser}: ${units} runs covered ${covered} characters`);
    assert.ok(steps < (parsers.find(({ name }) => name === parser)!.steps ?? 200), `${parser}: ${steps} steps a byte`);
  }
});
