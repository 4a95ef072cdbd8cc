/**
 * How changes of the sets reach the kernel: through libnftables for the sets of nft, where that library is installed;
 * otherwise through a tool that is started for each batch.
 * @module
 */
import { Missing } from "../../ffi/missing.ts";
import { Nftables } from "../../ffi/nftables.ts";
import { type Backend, LIBRARY_PACE, type Ran, type Runner, type SetsPace, TOOL_PACE } from "../firewall/mod.ts";

/** Which way is taken, for `status`. */
export interface SetsWay {
  /** A library in this process, or a tool that is started for each batch. */
  readonly through: "library" | "tool";
  /** Why the library is not used; empty where it is, and for iptables, which has none. */
  readonly why: string;
}

/** See the module's text. */
export class SetTransport implements AsyncDisposable {
  readonly #tool: Runner;
  #library: Nftables | null = null;
  #missing = "";
  #backend: Backend | null = null;

  /** `tool` starts a tool. */
  constructor(tool: Runner) {
    this.#tool = tool;
  }

  /** Prepares for sets of this back end: for nft it loads the library, once. Answers how fast changes may follow. */
  use(backend: Backend): SetsPace {
    this.#backend = backend;
    if (backend === "nft" && this.#library === null) this.#open();
    return this.#direct ? LIBRARY_PACE : TOOL_PACE;
  }

  /** Runs one command for lib/firewall; scripts for nft go to the library where it is loaded. */
  readonly run: Runner = async (command, args, stdin = ""): Promise<Ran> => {
    const script = command === "nft" && args.join(" ") === "-f -";
    if (!script || this.#library === null) return await this.#tool(command, args, stdin);
    const { code, output, error } = await this.#library.run(stdin);
    return { code: code === 0 ? 0 : 1, stdout: output, stderr: error };
  };

  /** Which way changes go; null before {@link use}. */
  get way(): SetsWay | null {
    if (this.#backend === null) return null;
    if (this.#direct) return { through: "library", why: "" };
    return { through: "tool", why: this.#backend === "nft" ? this.#missing : "" };
  }

  get #direct(): boolean {
    return this.#backend === "nft" && this.#library !== null;
  }

  #open(): void {
    try {
      this.#library = Nftables.open();
      this.#missing = "";
    } catch (error) {
      if (!(error instanceof Missing)) throw error;
      this.#missing = error.message;
    }
  }

  /** Waits for what is under way and unloads the library. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#library?.close();
  }
}
