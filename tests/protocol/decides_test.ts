/** What decides in each sample is what is written beside it: see decides.ts. */
import assert from "node:assert/strict";
import { ASKED } from "./collection.ts";
import { decidesText } from "./decides.ts";

for (const collected of ASKED) {
  const { name } = collected.classifier;
  Deno.test(`what decides in the samples of ${name} is what decides.txt says (FTWALL_UPDATE=1 writes it)`, () => {
    const path = new URL(`../../lib/protocol/${name}/decides.txt`, import.meta.url);
    const text = decidesText(collected);
    if (Deno.env.get("FTWALL_UPDATE") === "1") Deno.writeTextFileSync(path, text);
    const old = Deno.readTextFileSync(path).split("\n");
    assert.deepEqual(text.split("\n").filter((line, at) => line !== old[at]), []);
    assert.equal(text, old.join("\n"));
  });
}
