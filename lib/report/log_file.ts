/**
 * The log as a file: bounded, every line in it whole. At its largest size it is put aside as `NAME.1`, in the place of an earlier
 * one, and begun anew.
 * @module
 */
import { unusable } from "./failure.ts";
import type { ByteSink } from "./log_output.ts";
import { checkOwn, openOwn } from "./own_file.ts";

const LINE_FEED = 0x0a;

/** See the module's text. */
export class LogFile implements ByteSink, Disposable {
  readonly #path: string;
  readonly #limit: number;
  #file: Deno.FsFile;
  #size = 0;
  /** The last byte in the file ends no line. */
  #cut = false;
  #failed = false;

  /** Opens `path` for appending, mode 0600. Throws a Failure, also where somebody else laid a link there. */
  constructor(path: string, limit: number) {
    this.#path = path;
    this.#limit = limit;
    this.#file = this.#open();
  }

  /** Writes some of the bytes, answers how many; first closes a line that was cut off. */
  async write(bytes: Uint8Array): Promise<number> {
    try {
      // The rest of a line that was cut off went to standard error, or nowhere.
      if (this.#failed && this.#cut) await this.#file.write(Uint8Array.of(LINE_FEED));
      this.#failed = false;
      if (this.#size >= this.#limit && !this.#cut) this.#putAside();
      const count = await this.#file.write(bytes);
      this.#size += count;
      this.#cut = bytes[count - 1] !== LINE_FEED;
      return count;
    } catch (error) {
      this.#failed = true;
      throw error;
    }
  }

  /** Opens it anew after rotation; throws a Failure, and keeps the old one then. */
  reopen(): void {
    const fresh = this.#open();
    this.#file.close();
    this.#file = fresh;
  }

  #putAside(): void {
    checkOwn(this.#path);
    // Through a link of root's: it stays one.
    const file = Deno.realPathSync(this.#path);
    Deno.renameSync(file, `${file}.1`);
    this.reopen();
  }

  #open(): Deno.FsFile {
    try {
      // Read too, for the last byte: power that failed may have cut a line off.
      const file = openOwn(this.#path, { read: true, append: true });
      const { isFile, size } = file.statSync();
      this.#size = isFile ? size : -Infinity;
      this.#cut = isFile && size > 0 && lastByte(file) !== LINE_FEED;
      this.#failed = this.#cut;
      return file;
    } catch (error) {
      throw unusable(`Cannot open the log "${this.#path}"`, error, "Make its directory, or change [log] file");
    }
  }

  /** Closes it. */
  [Symbol.dispose](): void {
    this.#file.close();
  }
}

function lastByte(file: Deno.FsFile): number | undefined {
  const last = new Uint8Array(1);
  file.seekSync(-1, Deno.SeekMode.End);
  file.readSync(last);
  return last[0];
}
