/**
 * Golden captures: every folder here is a capture, a config where the defaults do not do, what must come of it, and where
 * it is from. FTWALL_UPDATE=1 writes expectations, and the captures that make.ts makes.
 */
import assert from "node:assert/strict";
import { openCapture } from "../../lib/replay/capture.ts";
import { replay, replayLines } from "../support/replay.ts";
import { policyOf } from "../support/story.ts";
import { captureOf, GOLDENS, provenanceOf } from "./make.ts";

const here = new URL(".", import.meta.url).pathname;
const update = Deno.env.get("FTWALL_UPDATE") === "1";

function textOf(path: string): string | null {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

for (const golden of GOLDENS) {
  const folder = `${here}${golden.name}`;
  Deno.test(`golden ${golden.name}: the capture is what make.ts makes`, () => {
    if (update) {
      Deno.mkdirSync(folder, { recursive: true });
      Deno.writeFileSync(`${folder}/capture.pcap`, captureOf(golden));
      Deno.writeTextFileSync(`${folder}/PROVENANCE.md`, provenanceOf(golden));
    }
    assert.deepEqual(Deno.readFileSync(`${folder}/capture.pcap`), captureOf(golden));
    assert.equal(Deno.readTextFileSync(`${folder}/PROVENANCE.md`), provenanceOf(golden));
  });
}

const found = [...Deno.readDirSync(here)].filter((entry) => entry.isDirectory).map((entry) => entry.name);
const folders = [...new Set([...found, ...GOLDENS.map((golden) => golden.name)])].sort();

for (const name of folders) {
  Deno.test(`golden ${name}: replay says what is expected`, () => {
    const folder = `${here}${name}`;
    using source = openCapture(`${folder}/capture.pcap`);
    const lines = replayLines(replay(source, policyOf(textOf(`${folder}/config.toml`) ?? "")));
    if (update) Deno.writeTextFileSync(`${folder}/expected.jsonl`, lines);
    assert.equal(lines, Deno.readTextFileSync(`${folder}/expected.jsonl`));
    assert.ok((textOf(`${folder}/PROVENANCE.md`) ?? "").length > 80, "it says where it is from");
    if (name.endsWith("_near_misses")) assert.match(lines, /"refused":0,"undecodable":0,/);
  });
}
