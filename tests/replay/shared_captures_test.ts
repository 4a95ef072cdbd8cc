import assert from "node:assert/strict";
import { openCapture } from "../../lib/replay/capture.ts";
import { Link } from "../../lib/replay/link.ts";
import { CaptureError } from "../../lib/replay/source.ts";
import { OK } from "../../lib/wire/outcome.ts";
import { Packet } from "../../lib/wire/packet.ts";

/** Where captures of real traffic lie, if anywhere: they are not the project's to ship. */
function captures(): string | null {
  const beside = new URL("../../../shared", import.meta.url).pathname;
  const folder = `${Deno.env.get("FTWALL_SHARED") ?? beside}/captures`;
  try {
    return Deno.statSync(`${folder}/provenance.csv`).isFile ? folder : null;
  } catch {
    return null;
  }
}

/**
 * Two files hold three sections of one packet each, the middle one of format version 2.0. Its packets are counted in the
 * provenance, but a higher major version says that no reader of version 1 can know what its blocks hold.
 */
const FOREIGN: readonly string[] = ["benign/gopacket/test901.pcapng", "benign/gopacket/le_test901.pcapng"];

const folder = captures();

Deno.test({
  name: `every shared capture has as many packets as its provenance says${
    folder === null ? " (skipped: no captures found, set FTWALL_SHARED)" : ""
  }`,
  ignore: folder === null,
  fn() {
    const packet = new Packet();
    const link = new Link();
    let files = 0;
    let decoded = 0;
    const wrong: string[] = [];
    for (const line of Deno.readTextFileSync(`${folder}/provenance.csv`).trim().split(/\r?\n/).slice(1)) {
      const file = line.slice(0, line.indexOf(","));
      const said = /,(\d+),[^,]*$/.exec(line)?.[1]; // a row may leave it open: then only reading is checked
      let count = 0;
      let broken = "";
      try {
        using source = openCapture(`${folder}/${file}`);
        while (source.next()) {
          count++;
          const at = link.decode(source.bytes, source.view, source.start, source.end, source.linkType);
          if (at < 0) continue;
          const wire = source.wireLength - (at - source.start);
          if (packet.decode(source.bytes, source.view, at, source.end, wire) === OK) decoded++;
        }
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) continue;
        if (!(error instanceof CaptureError)) throw error;
        broken = error.message;
      }
      files++;
      const expected = said === undefined ? count : Number(said) - (FOREIGN.includes(file) ? 1 : 0);
      if (count !== expected || broken !== "") {
        wrong.push(`${file}: ${count} of ${expected} ${broken}`);
      }
    }
    assert.ok(files > 0);
    assert.ok(decoded > 0);
    assert.deepEqual(wrong, []);
  },
});
