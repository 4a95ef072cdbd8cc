/**
 * Who put our firewall rules in place: a note beside the kernel, which forgets it at a reboot as it forgets rules. `run` takes
 * away only what it made itself, and puts nothing back that an operator took away.
 * @module
 */
import { writeAnew } from "../report/own_file.ts";

/** `made`: by `ftwall run`; `removed`: an operator took them away; null: by an operator, or there are none. */
export type RulesOrigin = "made" | "removed" | null;

const FOLDER = "/run/ftwall";

/** The note of this network namespace. Nothing in here throws: without a note rules are an operator's. */
export class RulesNote {
  readonly #path: string;

  /** Each network namespace has rules, and a note, of its own. */
  constructor(folder: string = FOLDER) {
    this.#path = `${folder}/rules-${networkNamespace()}`;
  }

  /** What it says. */
  read(): RulesOrigin {
    try {
      const text = Deno.lstatSync(this.#path).isFile ? Deno.readTextFileSync(this.#path).slice(0, 16).trim() : "";
      return text === "made" || text === "removed" ? text : null;
    } catch {
      return null;
    }
  }

  /** Writes it, or takes it away. */
  write(origin: RulesOrigin): void {
    try {
      if (origin === null) return Deno.removeSync(this.#path);
      Deno.mkdirSync(this.#path.slice(0, this.#path.lastIndexOf("/")), { recursive: true, mode: 0o755 });
      writeAnew(this.#path, `${origin}\n`, 0o600);
    } catch {
      // There was none, or a read-only /run.
    }
  }
}

/** Number of the network namespace that this process is in; "0" where it is not known. */
export function networkNamespace(): string {
  try {
    return /\d+/.exec(Deno.readLinkSync("/proc/self/ns/net"))?.[0] ?? "0";
  } catch {
    return "0";
  }
}
