/**
 * The executable that live tests run: the one that is installed, built once for all files of a run.
 */
import { dirname } from "node:path";

const root = new URL("../../", import.meta.url).pathname;

/** How to start ftwall, and what that is: the executable, or why it runs from source. */
export interface Executable {
  readonly command: readonly string[];
  readonly kind: string;
}

let made: Executable | null = null;

/**
 * Builds `dist/ftwall` unless it is newer than every source. Where no denort can be had the program runs from source, which
 * is said.
 */
export function executable(): Executable {
  made ??= make();
  return made;
}

function make(): Executable {
  const path = `${root}dist/ftwall`;
  Deno.mkdirSync(`${root}dist`, { recursive: true });
  // Test files run side by side; whoever comes second finds it built.
  using lock = Deno.openSync(`${root}dist/building`, { create: true, write: true });
  lock.lockSync(true);
  if (modified(path) > newest()) return { command: [path], kind: "compiled" };
  const deno = Deno.execPath();
  const runtime = [Deno.env.get("DENORT_BIN"), `${Deno.env.get("FTWALL_SHARED") ?? `${root}../shared`}/runtime/denort`]
    .find((candidate) => candidate !== undefined && modified(candidate) > 0);
  const { code, stdout, stderr } = new Deno.Command("sh", {
    args: ["install.sh", "--compile"],
    cwd: root,
    env: {
      PATH: `${dirname(deno)}:${Deno.env.get("PATH") ?? ""}`,
      ...(runtime === undefined ? {} : { DENORT_BIN: runtime }),
    },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).outputSync();
  if (code === 0) return { command: [path], kind: "compiled" };
  const text = new TextDecoder();
  const reason = (text.decode(stdout) + text.decode(stderr)).trim().split("\n").at(-1) ?? "";
  const kind = `source, as it could not be built: ${reason}`;
  Deno.stderr.writeSync(new TextEncoder().encode(`live tests run ftwall from ${kind}\n`));
  return { command: [deno, "run", "-A", "--no-check", "--cached-only", `${root}main.ts`], kind };
}

/** Time of the last change, 0 where there is no such file. */
function modified(path: string): number {
  try {
    return Deno.statSync(path).mtime?.getTime() ?? 0;
  } catch {
    return 0;
  }
}

function newest(): number {
  let latest = 0;
  const walk = (dir: string) => {
    for (const entry of Deno.readDirSync(dir)) {
      if (entry.isDirectory) walk(`${dir}/${entry.name}`);
      else latest = Math.max(latest, modified(`${dir}/${entry.name}`));
    }
  };
  for (const dir of ["lib", "ffi"]) walk(`${root}${dir}`);
  for (const file of ["main.ts", "mod.ts", "deno.json", "deno.lock", ".dvmrc"]) {
    latest = Math.max(latest, modified(`${root}${file}`));
  }
  return latest;
}
