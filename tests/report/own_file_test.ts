/** Links and files that somebody else prepared where ftwall writes. */
import assert from "node:assert/strict";
import { LogFile } from "../../lib/report/log_file.ts";
import { openOwn, writeAnew } from "../../lib/report/own_file.ts";

const STRANGER = 65_534;
const text = (line: string) => new TextEncoder().encode(line);

function inFolder(name: string, work: (folder: string) => void | Promise<void>): void {
  Deno.test({
    name,
    // Only root can make files that are somebody else's.
    ignore: Deno.uid() !== 0,
    async fn() {
      const folder = Deno.makeTempDirSync();
      try {
        Deno.writeTextFileSync(`${folder}/precious`, "precious\n");
        await work(folder);
        assert.equal(Deno.readTextFileSync(`${folder}/precious`), "precious\n");
      } finally {
        Deno.removeSync(folder, { recursive: true });
      }
    },
  });
}

/** A link that somebody else laid: `chown` follows links, `cp -a` and `ln` do not change owners. */
function layLink(target: string, link: string): void {
  Deno.symlinkSync(target, link);
  const { success } = new Deno.Command("chown", { args: ["-h", `${STRANGER}`, link] }).outputSync();
  assert.ok(success && Deno.lstatSync(link).uid === STRANGER);
}

inFolder("a link that somebody else laid in the place of the log is not followed, and said", (folder) => {
  layLink(`${folder}/precious`, `${folder}/log`);
  assert.throws(() => new LogFile(`${folder}/log`, 1000), /Cannot open the log ".*log": user 65534 laid a link there/);
  // Nor one that leads to nothing yet.
  layLink(`${folder}/not-there`, `${folder}/other`);
  assert.throws(() => new LogFile(`${folder}/other`, 1000), /laid a link there/);
  assert.throws(() => Deno.lstatSync(`${folder}/not-there`), Deno.errors.NotFound);
});

inFolder("nor is it when the log is opened anew, or begun anew at its largest size", async (folder) => {
  using log = new LogFile(`${folder}/log`, 10);
  await log.write(text("first line\n"));
  Deno.renameSync(`${folder}/log`, `${folder}/kept`);
  layLink(`${folder}/precious`, `${folder}/log`);
  assert.throws(() => log.reopen(), /laid a link there/);
  await assert.rejects(() => log.write(text("second line\n")));
  assert.equal(Deno.readTextFileSync(`${folder}/kept`), "first line\n");
});

inFolder("a link of root's stays one, also when the log is begun anew", async (folder) => {
  Deno.mkdirSync(`${folder}/disk`);
  Deno.symlinkSync(`${folder}/disk/real`, `${folder}/log`);
  using log = new LogFile(`${folder}/log`, 10);
  for (const line of ["first line\n", "second line\n"]) await log.write(text(line));
  assert.ok(Deno.lstatSync(`${folder}/log`).isSymlink);
  assert.equal(Deno.readTextFileSync(`${folder}/disk/real`), "second line\n");
  assert.equal(Deno.readTextFileSync(`${folder}/disk/real.1`), "first line\n");
});

inFolder("a file that somebody else made is used only in a folder that not everybody may write to", (folder) => {
  Deno.writeTextFileSync(`${folder}/log`, "");
  Deno.chownSync(`${folder}/log`, STRANGER, null);
  openOwn(`${folder}/log`, { append: true }).close();
  Deno.chmodSync(folder, 0o1777);
  assert.throws(() => openOwn(`${folder}/log`, { append: true }), /user 65534 made that file, in a folder/);
});

inFolder("what is written anew goes through no link, whoever laid it, and replaces no folder", (folder) => {
  Deno.symlinkSync(`${folder}/precious`, `${folder}/note`);
  writeAnew(`${folder}/note`, "note\n", 0o644);
  assert.ok(Deno.lstatSync(`${folder}/note`).isFile);
  assert.equal(Deno.readTextFileSync(`${folder}/note`), "note\n");
  Deno.mkdirSync(`${folder}/folder`);
  assert.throws(() => writeAnew(`${folder}/folder`, "note\n", 0o644));
  assert.ok(Deno.lstatSync(`${folder}/folder`).isDirectory);
});
