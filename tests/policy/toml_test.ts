import assert from "node:assert/strict";
import { excessOf, MOST_ELEMENTS, MOST_PARTS } from "../../lib/policy/toml.ts";
import { MAX_BYTES, parseConfig } from "../../lib/policy/load.ts";
import { DEFAULTS } from "../support/story.ts";
import { problemsOf } from "./parse_config.ts";

const probe = new URL("toml_probe.ts", import.meta.url).pathname;
const PARTS = `found more than ${MOST_PARTS} parts of keys, tables and lists; allowed: at most ${MOST_PARTS} in a file`;
const ELEMENTS =
  `found more than ${MOST_ELEMENTS} elements of lists and tables; allowed: at most ${MOST_ELEMENTS} in a file`;

Deno.test("a text that would take the daemon's heap is one problem and not parsed", () => {
  const dotted = Array(400_000).fill("a").join(".");
  const texts: readonly (readonly [text: string, problem: string])[] = [
    [Array.from({ length: 45_000 }, (_, i) => `a${i}.b.c.d.e.f.g.h=1`).join("\n"), `f:${MOST_PARTS / 8 + 1}: ${PARTS}`],
    [`# one\n${dotted}=1`, `f:2: ${PARTS}`],
    [`\n\n[${dotted}]`, `f:3: ${PARTS}`],
    ["[[a]]\n".repeat(100_000), `f:${MOST_PARTS / 2 + 1}: ${PARTS}`],
    [`a = ${"{a=".repeat(300_000)}`, `f:1: ${PARTS}`],
    [`a = ${"[".repeat(500_000)}`, `f:1: ${PARTS}`],
    [`a = [\n${"1,\n".repeat(300_000)}]`, `f:${MOST_ELEMENTS + 2}: ${ELEMENTS}`],
  ];
  for (const [text, problem] of texts) {
    assert.ok(text.length < MAX_BYTES);
    assert.deepEqual(problemsOf(text), [problem], text.slice(0, 40));
  }
});

Deno.test("signs in strings and comments do not count, those after them do", () => {
  const signs = "=.[{,".repeat(MOST_ELEMENTS);
  for (
    const hidden of [
      `# ${signs}`,
      `a = "\\"${signs}\\\\"`,
      `a = '${signs}\\'`,
      `a = """${signs}\\"""\n${signs}""""" `,
      `a = '''${signs}\n''${signs}\\''''`,
      `"${signs}" = 1`,
    ]
  ) {
    assert.equal(excessOf(hidden), null, hidden.slice(0, 20));
    assert.equal(excessOf(`${hidden}\n${signs}`)?.line, hidden.split("\n").length + 1, hidden.slice(0, 20));
  }
  // A string that its line cuts off ends there, as it does for the parser once that line is left out.
  for (const open of ['a = "', 'a = "\\', "a = '"]) assert.equal(excessOf(`${open}\n${signs}`)?.line, 2, open);
});

Deno.test("what the limits let through is loaded with half of the daemon's heap", async () => {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--cached-only", "--v8-flags=--max-old-space-size=64", probe],
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr).slice(0, 400));
  assert.match(new TextDecoder().decode(stdout), /^(true false\n){11}$/);
});

Deno.test("a config of everything that there may be is within the limits", () => {
  const lists = (name: string): string =>
    ["names", "hints"].map((key) => `${key} = [${Array.from({ length: 900 }, (_, i) => `"${key}${i}.${name}.org"`)}]\n`)
      .join("");
  const rules = DEFAULTS.map(({ name }) =>
    `protocols.${name}.action = "log"\nprotocols.${name}.require = "weak"\nprotocols.${name}.lock = 60\n`
  ).join("");
  const text = [
    `[network]\nexempt = [${Array.from({ length: 9000 }, (_, i) => `"10.${i >> 8}.${i & 255}.0/24"`)}]\n`,
    ...DEFAULTS.map(({ name }) => `[protocols.${name}]\n${lists(name)}`),
    ...Array.from({ length: 64 }, (_, i) => `[[clients]]\nname = "g${i}"\naddresses = ["10.0.${i}.0/24"]\n${rules}`),
    ...Array.from({ length: 32 }, (_, i) => `[[schedule]]\nhours = "08:00-10:00"\nclients = ["g${i}"]\n${rules}`),
  ].join("");
  const { config, problems } = parseConfig(text, "f", DEFAULTS);
  assert.deepEqual(problems, []);
  assert.equal(config?.clients.length, 64);
});
