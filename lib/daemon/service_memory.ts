/**
 * What a service remembers from one start to the next, beside its state file: the last config that was good, and whether it is
 * still in its dry run. A router that starts again at night after a power failure must neither be without ftwall for a typing
 * error, nor begin to refuse because its package was upgraded.
 * @module
 */
import { errorText } from "../net/error_text.ts";
import { ReplacedFile } from "./replaced_file.ts";

/** Only says what it would do, or does it. */
export type Mode = "dry-run" | "enforcing";

/** The state file where nobody says otherwise; its folder is the service's. */
export const DEFAULT_STATE = "/var/lib/ftwall/state";

/** Largest file that is read. */
const LARGEST = 1 << 20;

/** See the module's text. What cannot be read is not there; a failure to write is answered as a sentence. */
export class ServiceMemory {
  /** Where the last good config is. */
  readonly config: string;
  readonly #mode: string;

  /** In the folder of this state file. */
  constructor(state: string) {
    const folder = state.slice(0, Math.max(1, state.lastIndexOf("/")));
    this.config = `${folder}/config.good`;
    this.#mode = `${folder}/mode`;
  }

  /** Whether there is a good config. */
  get hasConfig(): boolean {
    return read(this.config) !== null;
  }

  /** The config at `path` is good: keeps a copy. */
  keepConfig(path: string): string {
    const text = read(path);
    return text === null || text === read(this.config) ? "" : this.#write(this.config, text);
  }

  /** In which mode it ran last; null where none is remembered. */
  get mode(): Mode | null {
    const text = read(this.#mode)?.trim();
    return text === "dry-run" || text === "enforcing" ? text : null;
  }

  /** It runs in this mode from now on. */
  keepMode(mode: Mode): string {
    return this.mode === mode ? "" : this.#write(this.#mode, `${mode}\n`);
  }

  #write(path: string, text: string): string {
    try {
      using file = new ReplacedFile(path);
      file.write(new TextEncoder().encode(text));
      file.syncNow();
      file.finish();
      file.syncFolderNow();
      return "";
    } catch (error) {
      return `Cannot write "${path}": ${errorText(error)}`;
    }
  }
}

function read(path: string): string | null {
  try {
    const { isFile, size } = Deno.statSync(path);
    return isFile && size <= LARGEST ? Deno.readTextFileSync(path) : null;
  } catch {
    return null;
  }
}
