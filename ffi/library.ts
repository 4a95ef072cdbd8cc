/**
 * Lazy opening of shared libraries: nothing is loaded before a command asks for it, and a failure names all that was tried.
 * @module
 */
import { MissingLibrary } from "./missing.ts";

/** Names the file to load instead of the names below. */
export const LIBRARY_VARIABLE = "FTWALL_LIBNETFILTER_QUEUE";

const QUEUE_ADVICE = "Install the package libnetfilter-queue1 (Debian, Ubuntu), libnetfilter-queue (OpenWrt), " +
  `libnetfilter_queue (Alpine, Fedora, Arch), or name the file in ${LIBRARY_VARIABLE}`;

/** Where libnetfilter_queue may be: the loader's own search first, then the folders that musl's loader does not search. */
export function queueLibraryNames(arch: string): readonly string[] {
  return [
    "libnetfilter_queue.so.1",
    `/usr/lib/${arch}-linux-gnu/libnetfilter_queue.so.1`,
    "/usr/lib64/libnetfilter_queue.so.1",
    "/usr/lib/libnetfilter_queue.so.1",
    "/usr/local/lib/libnetfilter_queue.so.1",
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
      const found = error instanceof Error ? error.message : String(error);
      // The loader repeats the name, and Deno prefixes it once more: keep the part that tells something.
      const reason = found.replace(/^Could not open library: /, "").replace(`${name}: `, "").split("\n", 1)[0]!;
      tried.push(`"${name}" (${reason})`);
    }
  }
  throw new MissingLibrary(library, tried, advice);
}

/** Opens libnetfilter_queue. A file named in {@link LIBRARY_VARIABLE} is the only one tried. */
export function openQueueLibrary<const T extends Deno.ForeignLibraryInterface>(symbols: T): Deno.DynamicLibrary<T> {
  const chosen = Deno.env.get(LIBRARY_VARIABLE);
  const names = chosen === undefined || chosen === "" ? queueLibraryNames(Deno.build.arch) : [chosen];
  return openLibrary("libnetfilter_queue", names, symbols, QUEUE_ADVICE);
}
