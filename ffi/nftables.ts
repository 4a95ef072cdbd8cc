/**
 * Changes nftables without starting a program: libnftables, which the `nft` tool is made of, in this process.
 *
 * A call takes a tenth of a millisecond for one element and some twenty for thousands, so it happens on another thread: the
 * event loop, and with it packets, never wait for it. A context of the library serves one call at a time.
 * @module
 */
import { type OpenLibrary, openNftablesLibrary } from "./library.ts";
import { Missing } from "./missing.ts";

const SYMBOLS = {
  // struct nft_ctx *nft_ctx_new(uint32_t flags);
  nft_ctx_new: { parameters: ["u32"], result: "pointer" },
  // void nft_ctx_free(struct nft_ctx *ctx);
  nft_ctx_free: { parameters: ["pointer"], result: "void" },
  // int nft_ctx_buffer_output(struct nft_ctx *ctx);
  nft_ctx_buffer_output: { parameters: ["pointer"], result: "i32" },
  // int nft_ctx_buffer_error(struct nft_ctx *ctx);
  nft_ctx_buffer_error: { parameters: ["pointer"], result: "i32" },
  // const char *nft_ctx_get_output_buffer(struct nft_ctx *ctx);
  nft_ctx_get_output_buffer: { parameters: ["pointer"], result: "pointer" },
  // const char *nft_ctx_get_error_buffer(struct nft_ctx *ctx);
  nft_ctx_get_error_buffer: { parameters: ["pointer"], result: "pointer" },
  // int nft_run_cmd_from_buffer(struct nft_ctx *nft, const char *buf);   (since libnftables.so.1)
  nft_run_cmd_from_buffer: { parameters: ["pointer", "buffer"], result: "i32", nonblocking: true },
} as const satisfies Deno.ForeignLibraryInterface;

const NFT_CTX_DEFAULT = 0;

/** What the library answered. */
export interface NftablesAnswer {
  /** 0 where all commands were carried out; otherwise none was. */
  readonly code: number;
  /** What `nft` prints to standard output. */
  readonly output: string;
  /** What it prints to standard error. */
  readonly error: string;
}

/** A context of libnftables. It works in the network namespace in which it was opened. */
export class Nftables implements AsyncDisposable {
  readonly #library: OpenLibrary<typeof SYMBOLS>;
  readonly #context: Deno.PointerObject;
  // What C reads while a call is under way: without a reference from here it may be collected.
  #commands: Uint8Array<ArrayBuffer> | null = null;
  #last: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | null = null;

  /** Loads the library and makes a context. Throws MissingLibrary, or {@link Missing} where none can be made. */
  static open(): Nftables {
    const library = openNftablesLibrary(SYMBOLS);
    const lib = library.symbols;
    const context = lib.nft_ctx_new(NFT_CTX_DEFAULT);
    // Without buffers the library would write to our standard output.
    if (context !== null && lib.nft_ctx_buffer_output(context) === 0 && lib.nft_ctx_buffer_error(context) === 0) {
      return new Nftables(library, context);
    }
    if (context !== null) lib.nft_ctx_free(context);
    library.close();
    throw new Missing("library", "Cannot make a context of libnftables: it answered with none; is memory short?");
  }

  private constructor(library: OpenLibrary<typeof SYMBOLS>, context: Deno.PointerObject) {
    this.#library = library;
    this.#context = context;
  }

  /** Carries out commands as `nft -f` does: all of them in one transaction, or none. Calls queue up; never throws. */
  run(commands: string): Promise<NftablesAnswer> {
    if (this.#closing !== null) return Promise.resolve({ code: -1, output: "", error: "libnftables was closed" });
    const answer = this.#last.then(() => this.#run(commands));
    this.#last = answer;
    return answer;
  }

  async #run(commands: string): Promise<NftablesAnswer> {
    const lib = this.#library.symbols;
    // On a buffer of its own, which does not move, and with the NUL that C wants.
    const bytes = new Uint8Array(new ArrayBuffer(3 * commands.length + 1));
    new TextEncoder().encodeInto(commands, bytes);
    this.#commands = bytes;
    const code = await lib.nft_run_cmd_from_buffer(this.#context, this.#commands);
    this.#commands = null;
    // Both each time: reading a buffer is what empties it.
    const output = textAt(lib.nft_ctx_get_output_buffer(this.#context));
    const error = textAt(lib.nft_ctx_get_error_buffer(this.#context));
    return { code, output, error: error.trim() };
  }

  /** Waits for the calls that were made, then frees the context and unloads the library. Can be called again. */
  close(): Promise<void> {
    this.#closing ??= this.#last.then(() => {
      this.#library.symbols.nft_ctx_free(this.#context);
      this.#library.close();
    });
    return this.#closing;
  }

  /** The same as {@link close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function textAt(text: Deno.PointerObject | null): string {
  return text === null ? "" : Deno.UnsafePointerView.getCString(text);
}
