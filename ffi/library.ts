/**
 * Lazy opening of shared libraries: nothing is loaded before a command asks for it, and a failure names all that was tried.
 * @module
 */
import { errorText } from "../lib/net/error_text.ts";
import { MissingLibrary } from "./missing.ts";

/** Names the file to load instead of the names below. */
const LIBRARY_VARIABLE = "FTWALL_LIBNETFILTER_QUEUE";
/** The same for libnftables. */
const NFTABLES_VARIABLE = "FTWALL_LIBNFTABLES";

const QUEUE_ADVICE = "Install the package libnetfilter-queue1 (Debian, Ubuntu), libnetfilter-queue (OpenWrt), " +
  `libnetfilter_queue (Alpine, Fedora, Arch), or name the file in ${LIBRARY_VARIABLE}`;
const NFTABLES_ADVICE = "Install the package libnftables1 (Debian, Ubuntu), nftables (elsewhere), " +
  `or name the file in ${NFTABLES_VARIABLE}`;

/** Where a library may be: the loader's own search first, then the folders that musl's loader does not search. */
export function libraryNames(file: string, arch: string): readonly string[] {
  return [
    file,
    `/usr/lib/${arch}-linux-gnu/${file}`,
    `/usr/lib64/${file}`,
    `/usr/lib/${file}`,
    `/usr/local/lib/${file}`,
  ];
}

/** Where the C library may be: glibc's name, then musl's. */
export function libcNames(arch: string): readonly string[] {
  return ["libc.so.6", `libc.musl-${arch}.so.1`, `/lib/ld-musl-${arch}.so.1`, "libc.so"];
}

/** A library that is open: its calls under their names, and what closes it. */
export type OpenLibrary<T extends Deno.ForeignLibraryInterface> = Pick<Deno.DynamicLibrary<T>, "symbols" | "close">;

/**
 * Opens the first of `names` that loads and has all symbols. Throws {@link MissingLibrary} naming each attempt.
 *
 * Making machine code for a call takes half a millisecond, so that is done when a call is first asked for, and only for those
 * that `often` names: each other call takes 2 µs and nothing before. One that is not blocking needs none.
 */
export function openLibrary<const T extends Deno.ForeignLibraryInterface>(
  library: string,
  names: readonly string[],
  symbols: T,
  advice: string,
  often: readonly (keyof T & string)[] = [],
): OpenLibrary<T> {
  const tried: string[] = [];
  for (const name of names) {
    try {
      return new Calls(name, symbols, often) as unknown as OpenLibrary<T>;
    } catch (error) {
      const found = errorText(error);
      // The loader repeats the name, and Deno adds it once more: keep the reason alone.
      const reason = found.replace(/^Could not open library: /, "").replace(`${name}: `, "").split("\n", 1)[0]!;
      tried.push(`"${name}" (${reason})`);
    }
  }
  throw new MissingLibrary(library, tried, advice);
}

/** An {@link OpenLibrary}. */
class Calls {
  readonly symbols: Record<string, unknown> = {};
  readonly #opened: { close(): void }[] = [];

  constructor(file: string, symbols: Deno.ForeignLibraryInterface, often: readonly string[]) {
    const wanted = Object.entries(symbols).filter(([, symbol]) => "parameters" in symbol) as [string, Call][];
    const found = this.#open(
      file,
      wanted.map(([key, call]) => [key, call.nonblocking === true ? call : place(key, call)]),
    );
    for (const [key, call] of wanted) {
      const there = found[key];
      if (there === null && call.optional !== true) {
        this.close();
        throw new Error(`undefined symbol: ${call.name ?? key}`);
      }
      if (there === null || call.nonblocking === true) {
        this.symbols[key] = there;
      } else if (often.includes(key)) {
        const compile = () => this.#compile(file, key, call);
        Object.defineProperty(this.symbols, key, { configurable: true, get: compile });
      } else {
        const pointer = new Deno.UnsafeFnPointer(there as Deno.PointerObject<Call>, call);
        this.symbols[key] = (...given: []) => pointer.call(...given);
      }
    }
  }

  #compile(file: string, key: string, call: Call): unknown {
    const value = this.#open(file, [[key, call]])[key];
    Object.defineProperty(this.symbols, key, { value });
    return value;
  }

  #open(file: string, symbols: [string, Deno.ForeignLibraryInterface[string]][]): Record<string, unknown> {
    const library = Deno.dlopen(file, Object.fromEntries(symbols));
    this.#opened.push(library);
    return library.symbols;
  }

  close(): void {
    for (const library of this.#opened) library.close();
  }
}

type Call = Deno.ForeignFunction;

/** Where a call is in memory, null where it is not there. */
function place(key: string, { name = key }: Call): Deno.ForeignStatic {
  return { name, type: "pointer", optional: true };
}

/** Opens libnetfilter_queue. A file named in {@link LIBRARY_VARIABLE} is the only one tried. */
export function openQueueLibrary<const T extends Deno.ForeignLibraryInterface>(symbols: T): OpenLibrary<T> {
  return openLibrary("libnetfilter_queue", namesOf("libnetfilter_queue.so.1", LIBRARY_VARIABLE), symbols, QUEUE_ADVICE);
}

/** Opens libnftables. A file named in {@link NFTABLES_VARIABLE} is the only one tried. */
export function openNftablesLibrary<const T extends Deno.ForeignLibraryInterface>(symbols: T): OpenLibrary<T> {
  return openLibrary("libnftables", namesOf("libnftables.so.1", NFTABLES_VARIABLE), symbols, NFTABLES_ADVICE);
}

function namesOf(file: string, variable: string): readonly string[] {
  const chosen = Deno.env.get(variable);
  return chosen === undefined || chosen === "" ? libraryNames(file, Deno.build.arch) : [chosen];
}
