/** Every story of this folder: what is written under each step is what came of it. FTWALL_UPDATE=1 writes it anew. */
import assert from "node:assert/strict";
import { tellStory } from "../support/story.ts";

const folder = new URL(".", import.meta.url);
const stories = [...Deno.readDirSync(folder)].map((entry) => entry.name).filter((name) => name.endsWith(".txt")).sort();

for (const name of stories) {
  Deno.test(`story: ${name.slice(0, -4).replaceAll("_", " ")}`, () => {
    const path = new URL(name, folder);
    const written = Deno.readTextFileSync(path);
    const told = tellStory(written);
    if (Deno.env.get("FTWALL_UPDATE") === "1" && told !== written) Deno.writeTextFileSync(path, told);
    else assert.equal(told, written);
  });
}

Deno.test("there are stories, and each of them expects something of most of its steps", () => {
  assert.ok(stories.length >= 20);
  for (const name of stories) {
    const lines = Deno.readTextFileSync(new URL(name, folder)).split("\n");
    const steps = lines.filter((line) => line.startsWith("at ")).length;
    const expected = lines.filter((line) => line.startsWith("  ")).length;
    assert.ok(expected * 2 >= steps, `${name}: ${expected} lines for ${steps} steps`);
  }
});
