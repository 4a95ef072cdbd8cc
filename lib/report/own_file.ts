/**
 * Files of ours in folders where others may have prepared something: links of theirs are not followed, nor are files of
 * theirs written to. Links that root laid are what an administrator wants.
 * @module
 */

/** Not ours, nor root's. */
function isForeign({ uid }: Deno.FileInfo): boolean {
  return uid !== null && uid !== 0 && uid !== Deno.uid();
}

/**
 * Throws where somebody else laid a link at `path`, or prepared a file there in a folder that everybody may write to. Answers
 * what is there, through links; null where there is nothing.
 */
export function checkOwn(path: string): Deno.FileInfo | null {
  let found: Deno.FileInfo;
  try {
    found = Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
  if (isForeign(found)) {
    if (found.isSymlink) throw new Error(`user ${found.uid} laid a link there. Remove it`);
    const folder = Deno.statSync(path.slice(0, path.lastIndexOf("/") + 1) || ".");
    if (((folder.mode ?? 0) & 0o002) !== 0) {
      throw new Error(`user ${found.uid} made that file, in a folder that everybody may write to. Use another folder`);
    }
  }
  if (!found.isSymlink) return found;
  try {
    return Deno.statSync(path);
  } catch (error) {
    // What root's link leads to may be made yet.
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/**
 * Opens a file of ours to read it, or to append to it, mode 0600 where it is made. Throws as {@link checkOwn}, and where what
 * is there was exchanged meanwhile.
 */
export function openOwn(path: string, options: { readonly read?: boolean; readonly append?: boolean }): Deno.FsFile {
  const found = checkOwn(path);
  if (found === null) return options.append === true ? makeOwn(path, options) : Deno.openSync(path, options);
  const file = Deno.openSync(path, options);
  const { dev, ino } = file.statSync();
  if (dev === found.dev && ino === found.ino) return file;
  file.close();
  throw new Error("somebody exchanged it while it was opened");
}

function makeOwn(path: string, options: Deno.OpenOptions): Deno.FsFile {
  try {
    // Through no link.
    return Deno.openSync(path, { ...options, createNew: true, mode: 0o600 });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists) || isForeign(Deno.lstatSync(path))) throw error;
    return Deno.openSync(path, { ...options, create: true, mode: 0o600 });
  }
}

/** Writes a small file anew: what had its name, a link too, is removed, not written to. */
export function writeAnew(path: string, text: string, mode: number): void {
  try {
    if (!Deno.lstatSync(path).isDirectory) Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  Deno.writeTextFileSync(path, text, { createNew: true, mode });
}
