import assert from "node:assert/strict";
import { MarkerFiles } from "../../lib/cli/marker_files.ts";
import { TOP } from "../../lib/policy/schema.ts";

Deno.test("a locked client's file says what the reference says that it does, and goes with the lock", () => {
  const directory = Deno.makeTempDirSync({ prefix: "ftwall-markers-" });
  try {
    const files = new MarkerFiles(directory);
    const lock = { client: "10.0.0.5", protocol: "fasttrack", evidence: "udp-ping", by: "detector" } as const;
    const until = "2026-05-04T10:02:00.000Z";
    files.follow({ ...lock, event: "locked", until });
    assert.equal(Deno.readTextFileSync(`${directory}/10.0.0.5`), `fasttrack udp-ping ${until}\n`);
    assert.match(TOP.clientFiles.doc, /named after its address; it says protocol, evidence and end of the lock/);
    files.follow({ ...lock, event: "released" });
    assert.deepEqual([...Deno.readDirSync(directory)], []);
    assert.equal(files.failures, 0);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});
