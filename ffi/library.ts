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

/** Opens the first of `names` that loads and has all symbols. Throws {@link MissingLibrary} naming each attempt. */
export function openLibrary<const T extends Deno.ForeignLibraryInterface>(
  library: string,
  names: readonly string[],
  symbols: T,
  advice: string,
): Deno.DynamicLibrary<T> {
  const tried: string[] = [];
  for (const name of names) {
    try {
      return Deno.dlopen(name, symbols);
    } catch (error) {
      const found = errorText(error);
      // The loader repeats the name, and Deno adds it once more: keep the reason alone.
      const reason = found.replace(/^Could not open library: /, "").replace(`${name}: `, "").split("\n", 1)[0]!;
      tried.push(`"${name}" (${reason})`);
    }
  }
  throw new MissingLibrary(library, tried, advice);
}

/** Opens libnetfilter_queue. A file named in {@link LIBRARY_VARIABLE} is the only one tried. */
export function openQueueLibrary<const T extends Deno.ForeignLibraryInterface>(symbols: T): Deno.DynamicLibrary<T> {
  return openLibrary("libnetfilter_queue", namesOf("libnetfilter_queue.so.1", LIBRARY_VARIABLE), symbols, QUEUE_ADVICE);
}

/** Opens libnftables. A file named in {@link NFTABLES_VARIABLE} is the only one tried. */
export function openNftablesLibrary<const T extends Deno.ForeignLibraryInterface>(symbols: T): Deno.DynamicLibrary<T> {
  return openLibrary("libnftables", namesOf("libnftables.so.1", NFTABLES_VARIABLE), symbols, NFTABLES_ADVICE);
}

function namesOf(file: string, variable: string): readonly string[] {
  const chosen = Deno.env.get(variable);
  return chosen === undefined || chosen === "" ? libraryNames(file, Deno.build.arch) : [chosen];
}
