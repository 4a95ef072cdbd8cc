/** Loads texts that ask for as much as the limits allow. Started by bulk_test.ts with a small heap. */
import { MOST_ELEMENTS, MOST_PARTS } from "../../lib/policy/toml.ts";
import { parseConfig } from "../../lib/policy/load.ts";
import { PROTOCOLS } from "./parse_config.ts";

const repeat = (count: number, line: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => line(i)).join("\n");
const wide = `[${Array(16).fill("k".repeat(128)).join(".")}]\n`;
const numbers = `x = [${"1,".repeat(MOST_ELEMENTS - 1)}]\n`;

/** Each within the limits; none is a config. */
const TEXTS: readonly string[] = [
  repeat(MOST_PARTS / 8, (i) => `a${i}.b.c.d.e.f.g.h = 1`),
  `${Array(MOST_PARTS).fill("a").join(".")} = 1`,
  repeat(MOST_PARTS, (i) => `[a${i}]`),
  repeat(MOST_PARTS / 2, (i) => `[[a${i}]]`),
  `a = ${"{a=".repeat(MOST_PARTS / 2 - 1)}1`,
  `a = ${"[".repeat(MOST_PARTS - 1)}`,
  `a = [${"{},".repeat(MOST_PARTS - 2)}]`,
  wide + repeat(MOST_PARTS - 32, (i) => `a${i} = 1`),
  wide + numbers,
  numbers + repeat(MOST_PARTS - 32, (i) => `a${i} = 1`),
  // A list that ends in a line that is left out: what follows must not be taken for its elements.
  `x = [ b, "]"\ny = """\n${"z\n".repeat(500_000)}"""`,
];

for (const text of TEXTS) {
  const { config, problems } = parseConfig(text, "f", PROTOCOLS);
  // deno-lint-ignore no-console -- a program of its own
  console.log(config === null, problems[0]?.found.startsWith("more than"));
}
