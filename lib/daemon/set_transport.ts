/**
 * The way of set changes into the kernel: through libnftables where nft's sets are kept and the library is there, else
 * through a tool that is started for each batch.
 * @module
 */
import { Missing } from "../../ffi/missing.ts";
import { Nftables } from "../../ffi/nftables.ts";
import { type Backend, LIBRARY_PACE, type Ran, type Runner, type SetsPace, TOOL_PACE } from "../firewall/mod.ts";

/** Which way it is, for `status`. */
export interface SetsWay {
  /** A library in this process, or a program for each batch. */
  readonly through: "library" | "tool";
  /** Why it is not the library; empty where it is, or where there is none. */
  readonly why: string;
}

/** See the module's text. */
export class KernelRunner implements AsyncDisposable {
  readonly #tool: Runner;
  #library: Nftables | null = null;
  #missing = "";
  #backend: Backend | null = null;

  /** Starts tools by `tool`. */
  constructor(tool: Runner) {
    this.#tool = tool;
  }

  /** Sets of this back end are to be kept: loads the library where there is one for it, once. Answers the pace it bears. */
  use(backend: Backend): SetsPace {
    this.#backend = backend;
    if (backend === "nft" && this.#library === null) this.#open();
    return this.#direct ? LIBRARY_PACE : TOOL_PACE;
  }

  /** Runs what lib/firewall asks for. */
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
