import assert from "node:assert/strict";
import fc from "fast-check";
import { indexLines, type Path } from "../../lib/policy/line_index.ts";
import { parseConfig } from "../../lib/policy/load.ts";
import { GOOD } from "./good_configs.ts";
import { PROTOCOLS } from "./parse_config.ts";

Deno.test("every way of writing a key has its line", () => {
  const text = `a = 1
b.c = [1,
  2, # three: ]
  {x = "}",
   y = 5}]
[t."q.r"]
d = """
[not a table]
e = 1"""
'f' = 'it''s'
[[list]]
g = 1
[list.sub]
h = { i = { j = 1 }, k = [[1],
  [2]] }
[[list]]
g = 2
[[list.inner]]
[[list.inner]]
l = "\\"]"
m = 2`.replace("'it''s'", "'it s'");
  const index = indexLines(text);
  const expected: readonly (readonly [Path, number])[] = [
    [["a"], 1],
    [["b"], 2],
    [["b", "c", 0], 2],
    [["b", "c", 1], 3],
    [["b", "c", 2, "x"], 4],
    [["b", "c", 2, "y"], 5],
    [["t", "q.r", "d"], 7],
    [["t", "q.r", "f"], 10],
    [["list"], 11],
    [["list", 0, "g"], 12],
    [["list", 0, "sub"], 13],
    [["list", 0, "sub", "h", "i", "j"], 14],
    [["list", 0, "sub", "h", "k", 1, 0], 15],
    [["list", 1], 16],
    [["list", 1, "g"], 17],
    [["list", 1, "inner", 1, "l"], 20],
    [["list", 1, "inner", 1, "m"], 21],
    [["list", 1, "inner", 1, "absent"], 19],
    [["absent"], 1],
  ];
  for (const [path, line] of expected) assert.equal(index.line(path), line, path.join("."));
});

const piece = fc.constantFrom(
  "[",
  "]",
  "[[",
  "]]",
  "{",
  "}",
  '"',
  "'",
  '"""',
  "'''",
  "\\",
  "#",
  "=",
  ",",
  ".",
  "\n",
  "\r\n",
  " ",
  "a",
  "0",
  "\0",
  "é",
  "\ud800",
);

function legal(text: string): void {
  const { config, problems } = parseConfig(text, "f", PROTOCOLS);
  const lines = text.split("\n").length;
  assert.ok(problems.length <= 250);
  for (const problem of problems) {
    assert.ok(problem.line >= 0 && problem.line <= lines, `line ${problem.line} of ${lines}: ${JSON.stringify(text)}`);
  }
  const failed = problems.some((problem) => problem.severity === "error");
  assert.equal(config === null, failed, "a config exactly where there is no error");
}

Deno.test("no text makes the loader throw or name a line that does not exist", () => {
  fc.assert(fc.property(fc.array(piece, { maxLength: 80 }), (pieces) => legal(pieces.join(""))), { numRuns: 1500 });
});

Deno.test("any mutation of a good config is accepted or refused with lines that exist", () => {
  const good = fc.constantFrom(...GOOD.filter((text) => text.length > 50));
  const cut = fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(12), fc.array(piece, { maxLength: 3 }));
  fc.assert(
    fc.property(good, fc.array(cut, { minLength: 1, maxLength: 4 }), (text, cuts) => {
      let mutated = text;
      for (const [where, remove, insert] of cuts) {
        const at = Math.floor(where * mutated.length);
        mutated = mutated.slice(0, at) + insert.join("") + mutated.slice(at + remove);
      }
      legal(mutated);
    }),
    { numRuns: 1500 },
  );
});

Deno.test("deep nesting and long keys cost neither the stack nor time", () => {
  const read = (text: string): number => {
    const started = performance.now();
    assert.equal(parseConfig(text, "f", PROTOCOLS).config, null);
    indexLines(text);
    return performance.now() - started;
  };
  const deep = "a = " + "[".repeat(100_000) + "]".repeat(100_000);
  const inline = "a = " + "{b=".repeat(50_000) + "1" + "}".repeat(50_000);
  const dotted = "x.".repeat(200_000) + "x = 1";
  const long = `[${"k".repeat(500_000)}]\n` + Array.from({ length: 20_000 }, (_, i) => `k${i} = 1`).join("\n");
  const quotes = 'a = "\n'.repeat(100_000);
  const texts = [deep, inline, dotted, long, quotes];
  const size = texts.reduce((sum, { length }) => sum + length, 0);
  // As many bytes of nothing special, with one key that is not known.
  const plain = "nothing = 1\n" + "# a line of a comment\n".repeat(Math.floor(size / texts.length / 22));
  const usual = texts.reduce((sum) => sum + read(plain), 0);
  const took = texts.reduce((sum, text) => sum + read(text), 0);
  // Quadratic would be some thousand times.
  assert.ok(took < 100 * usual, `${took.toFixed(0)} ms, ${usual.toFixed(0)} ms for plain text`);
});
