/**
 * What bundle and package are both made of.
 * @module
 */
import { output } from "./command.ts";
import type { Arch } from "./parts.ts";

/** The repository. */
export const root: string = new URL("../../", import.meta.url).pathname;

/** What is to be built, and where. */
export interface Order {
  readonly arch: Arch;
  readonly executable: string;
  /** Where there is no executable: Deno itself for the architecture, which runs the program from one file. */
  readonly deno: string | null;
  readonly out: string;
}

/** The word after an option, where it is given. */
export function valueOf(args: readonly string[], name: string): string | undefined {
  const at = args.indexOf(name);
  return at < 0 ? undefined : args[at + 1];
}

/** Reads a command line. Throws for an architecture without bundle. */
export function orderOf(args: readonly string[]): Order {
  const value = (name: string) => valueOf(args, name);
  const arch = value("--arch") ?? Deno.build.arch;
  if (arch !== "x86_64" && arch !== "aarch64") throw new Error(`there is no bundle for ${arch}`);
  return {
    arch,
    executable: value("--executable") ?? `${root}dist/ftwall`,
    deno: value("--deno") ?? null,
    out: value("--out") ?? `${root}dist`,
  };
}

/** The version of ftwall, from deno.json. */
export function version(): string {
  return (JSON.parse(Deno.readTextFileSync(`${root}deno.json`)) as { version: string }).version;
}

/** The packages of npm that the executable holds: what deno.json imports outside its tests. */
export interface Npm {
  readonly name: string;
  readonly version: string;
  readonly licence: string;
  /** Text of its licence file. */
  readonly text: string;
}

/** See {@link Npm}; they must be in Deno's cache. */
export async function npmPackages(): Promise<Npm[]> {
  const { imports } = JSON.parse(Deno.readTextFileSync(`${root}deno.json`)) as { imports: Record<string, string> };
  const { npmCache } = JSON.parse(await output(Deno.execPath(), ["info", "--json"])) as { npmCache: string };
  return Object.entries(imports).filter(([name]) => name !== "fast-check").map(([name, specifier]) => {
    const version = specifier.slice(specifier.lastIndexOf("@") + 1);
    const folder = `${npmCache}/registry.npmjs.org/${name}/${version}`;
    const about = JSON.parse(Deno.readTextFileSync(`${folder}/package.json`)) as { license: string };
    const file = [...Deno.readDirSync(folder)].find((entry) => /^licen[cs]e/i.test(entry.name));
    if (file === undefined) throw new Error(`${name} ${version} has no licence file`);
    return { name, version, licence: about.license, text: Deno.readTextFileSync(`${folder}/${file.name}`) };
  });
}

/** Copies a file and gives it a mode. */
export async function copy(from: string, to: string, mode: number): Promise<void> {
  await Deno.copyFile(from, to);
  await Deno.chmod(to, mode);
}

/** Writes a file with a mode. */
export async function write(path: string, text: string, mode = 0o644): Promise<void> {
  await Deno.writeTextFile(path, text);
  await Deno.chmod(path, mode);
}

/** Words for Deno that run ftwall from source. */
export const RUN_FROM_SOURCE: readonly string[] = ["run", "-A", "--no-check", "--cached-only", `${root}main.ts`];

/** What ftwall, run from source, answers to a command. */
export async function ftwall(...args: string[]): Promise<string> {
  return `${await output(Deno.execPath(), [...RUN_FROM_SOURCE, ...args])}\n`;
}

/** Man pages, where the project has some. */
export function manPages(): string[] {
  try {
    return [...Deno.readDirSync(`${root}docs/man`)].map(({ name }) => `${root}docs/man/${name}`)
      .filter((path) => /\.[1-8]$/.test(path));
  } catch {
    return [];
  }
}
