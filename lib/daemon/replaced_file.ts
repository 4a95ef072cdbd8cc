/**
 * A file that is replaced as a whole: what is new is written beside it, brought to the disk and renamed over it, so that after
 * a power failure either the old one is there or the new one.
 * @module
 */
import { checkOwn } from "../report/own_file.ts";

/** See the module's text. Closed before {@link finish}, it leaves the old file as it is. */
export class ReplacedFile implements Disposable {
  /** The file that is replaced: that of the path, also through links. */
  readonly target: string;
  #file: Deno.FsFile | null;

  /** Begins the new file, and makes the folder where there is none. Throws where the path leads to no regular file. */
  constructor(path: string) {
    const slash = path.lastIndexOf("/");
    if (slash > 0) Deno.mkdirSync(path.slice(0, slash), { recursive: true, mode: 0o700 });
    this.target = fileBehind(path);
    const fresh = `${this.target}.new`;
    try {
      // Left by a process that was killed, or a link that somebody laid there.
      if (!Deno.lstatSync(fresh).isDirectory) Deno.removeSync(fresh);
    } catch {
      // There is none.
    }
    this.#file = Deno.openSync(fresh, { write: true, createNew: true, mode: 0o600 });
  }

  /** Adds to the new file. */
  write(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) at += this.#file!.writeSync(bytes.subarray(at));
  }

  /** Brings the new file to the disk, on another thread. */
  async sync(): Promise<void> {
    await this.#file!.sync();
  }

  /** The same on this thread. */
  syncNow(): void {
    this.#file!.syncSync();
  }

  /** Puts it in the place of the old one, which goes to `aside` first where that is not empty. */
  finish(aside: string = ""): void {
    if (aside !== "") Deno.renameSync(this.target, aside);
    Deno.renameSync(`${this.target}.new`, this.target);
    this.#file!.close();
    this.#file = null;
  }

  /** Brings the new name to the disk, on another thread: a file that no folder names is lost with the power. */
  async syncFolder(): Promise<void> {
    const folder = Deno.openSync(this.#folder);
    using _ = folder;
    await folder.sync();
  }

  /** The same on this thread. */
  syncFolderNow(): void {
    const folder = Deno.openSync(this.#folder);
    using _ = folder;
    folder.syncSync();
  }

  get #folder(): string {
    const slash = this.target.lastIndexOf("/");
    return slash < 0 ? "." : slash === 0 ? "/" : this.target.slice(0, slash);
  }

  /** Removes the new file where it is not finished. Can be called again. */
  [Symbol.dispose](): void {
    if (this.#file === null) return;
    this.#file.close();
    this.#file = null;
    try {
      Deno.removeSync(`${this.target}.new`);
    } catch {
      // The next one begins it anew.
    }
  }
}

/** The file that a path leads to, also through links of ours. Throws where it is no regular file, as it must not be replaced then. */
function fileBehind(path: string): string {
  try {
    const found = checkOwn(path);
    if (found === null) return path;
    if (!found.isFile) throw new Error("it is no regular file");
    return Deno.realPathSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return path;
    throw error;
  }
}
