/**
 * The compiled executable that live tests run, made once for all files of a run.
 */

const root = new URL("../../", import.meta.url).pathname;
const FLAGS = ["--optimize-for-size", "--max-old-space-size=128", "--max-semi-space-size=2"];

/** How to start ftwall, and what that is: the executable, or why it runs from source. */
export interface Executable {
  readonly command: readonly string[];
  readonly kind: string;
}

let made: Executable | null = null;

/**
 * Compiles `dist/live/ftwall` unless it is newer than every source. Where no denort can be had the program runs from source,
 * which is said.
 */
export function executable(): Executable {
  made ??= make();
  return made;
}

function make(): Executable {
  const deno = Deno.execPath();
  const path = `${root}dist/live/ftwall`;
  if (modified(path) > newest()) return { command: [path], kind: "compiled" };
  const runtime = [Deno.env.get("DENORT_BIN"), `${Deno.env.get("FTWALL_SHARED") ?? `${root}../shared`}/runtime/denort`]
    .find((candidate) => candidate !== undefined && modified(candidate) > 0);
  Deno.mkdirSync(`${root}dist/live`, { recursive: true });
  const { code, stderr } = new Deno.Command(deno, {
    args: [
      ...["compile", "-A", "--no-prompt", "--no-code-cache", "--exclude-unused-npm", "--no-check"],
      `--v8-flags=${FLAGS.join(",")}`,
      ...["-o", path, "main.ts"],
    ],
    cwd: root,
    env: { NO_COLOR: "1", ...(runtime === undefined ? {} : { DENORT_BIN: runtime }) },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).outputSync();
  if (code === 0) return { command: [path], kind: "compiled" };
  const lines = new TextDecoder().decode(stderr).split("\n");
  const reason = lines.find((line) => line.startsWith("error")) ?? lines[0] ?? "";
  const kind = `source, as it could not be compiled: ${reason}`;
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
  for (const file of ["main.ts", "deno.json", "deno.lock"]) latest = Math.max(latest, modified(`${root}${file}`));
  return latest;
}
