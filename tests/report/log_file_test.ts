/** Where the log goes: bounded, whole lines, and standard error where it cannot go there. */
import assert from "node:assert/strict";
import { LogFile } from "../../lib/report/log_file.ts";
import { type ByteSink, LineWriter, openLog } from "../../lib/report/log_output.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

async function inFolder(work: (path: string) => Promise<void>): Promise<void> {
  const folder = Deno.makeTempDirSync();
  try {
    await work(`${folder}/log`);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

/** Keeps what it is given. */
class Spare implements ByteSink {
  text = "";

  write(piece: Uint8Array): Promise<number> {
    this.text += new TextDecoder().decode(piece);
    return Promise.resolve(piece.length);
  }
}

Deno.test("the file is for its owner alone, and all that it takes is twice its size", async () => {
  await inFolder(async (path) => {
    using file = new LogFile(path, 1000);
    for (let line = 0; line < 500; line++) await file.write(bytes(`line ${line} of a log that is bounded\n`));
    const [now, before] = [path, `${path}.1`].map((name) => Deno.readTextFileSync(name));
    assert.ok(now!.length <= 1040 && before!.length <= 1040, `${now!.length}, ${before!.length}`);
    assert.match(before! + now!, /^line \d+ of [\s\S]*line 499 of a log that is bounded\n$/);
    assert.deepEqual([...Deno.readDirSync(path.replace(/\/log$/, ""))].length, 2);
    assert.equal(Deno.statSync(path).mode! & 0o777, 0o600);
  });
});

Deno.test("a line that lost its end to a crash is closed before the next one", async () => {
  await inFolder(async (path) => {
    Deno.writeTextFileSync(path, "whole\nhalf a li");
    using file = new LogFile(path, 1e6);
    await file.write(bytes("next\n"));
    assert.equal(Deno.readTextFileSync(path), "whole\nhalf a li\nnext\n");
  });
});

Deno.test({
  name: "a full disk: lines go to standard error, which is said once, and back to the file when there is room",
  ignore: Deno.uid() !== 0,
  async fn() {
    await inFolder(async (path) => {
      const folder = path.replace(/\/log$/, "");
      const mount = (...args: string[]) => new Deno.Command("mount", { args }).outputSync().success;
      if (!mount("-t", "tmpfs", "-o", "size=16k", "tmpfs", folder)) return;
      try {
        const spare = new Spare();
        using log = openLog(path, 1e6, spare);
        const writer = new LineWriter(log);
        const rest = `${folder}/rest`;
        writer.write("first");
        await writer.flush(1000);
        Deno.writeTextFileSync(rest, "x".repeat(12 << 10));
        for (let i = 0; i < 3; i++) {
          writer.write(`${i} ${"y".repeat(4000)}`);
          await writer.flush(1000);
        }
        assert.equal(spare.text.match(/^ftwall: Cannot write the log ".*": No space left/gm)?.length, 1);
        assert.match(spare.text, /\n2 y+\n$/);
        assert.equal(writer.lost, 0);
        Deno.removeSync(rest);
        writer.write("last");
        await writer.flush(1000);
        const lines = Deno.readTextFileSync(path).split("\n");
        assert.deepEqual([lines[0], lines.at(-2), lines.at(-1)], ["first", "last", ""]);
      } finally {
        new Deno.Command("umount", { args: [folder] }).outputSync();
      }
    });
  },
});
