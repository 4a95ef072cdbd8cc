/**
 * The self-extracting file that tests try, and roots that hold nothing but busybox to try it in.
 */
import { execute, type Host, type Topology } from "./topology.ts";
import { executable } from "./executable.ts";

const root = new URL("../../", import.meta.url).pathname;
const BUSYBOX = "/bin/busybox";

/** Why the bundle cannot be tried here, or null. */
export function noBundle(): string | null {
  if (Deno.uid() !== 0) return "not root";
  try {
    // A static busybox is not linked to anything, which the loader says when asked.
    const listed = new Deno.Command("ldd", { args: [BUSYBOX], stdout: "null", stderr: "null" }).outputSync();
    if (listed.code === 0) return "no static busybox, package busybox-static";
  } catch {
    return "no ldd";
  }
  return noExecutable();
}

/** Why there is no bundle, or null. */
export function noExecutable(): string | null {
  return executable().kind === "compiled" ? null : "no executable could be built";
}

let built: Promise<string> | null = null;

/** Path of the bundle, built unless it is newer than what it is made of. */
export function bundle(): Promise<string> {
  built ??= (async () => {
    const { kind } = executable();
    if (kind !== "compiled") throw new Error(`there is no bundle: ftwall runs from ${kind}`);
    const { version } = JSON.parse(Deno.readTextFileSync(`${root}deno.json`)) as { version: string };
    const path = `${root}dist/ftwall-${version}-linux-${Deno.build.arch}.run`;
    using lock = Deno.openSync(`${root}dist/building`, { create: true, write: true });
    lock.lockSync(true);
    const sources = [...Deno.readDirSync(`${root}lib/bundle`)].map(({ name }) => `${root}lib/bundle/${name}`);
    const parts = [`${root}dist/ftwall`, `${root}install.sh`, ...sources];
    if (modified(path) > Math.max(...parts.map(modified))) return path;
    const answer = await execute([Deno.execPath(), "run", "-A", "--no-check", `${root}lib/bundle/run_file.ts`], {
      limit: 600_000,
    });
    if (answer.code !== 0) throw new Error(answer.stderr);
    return path;
  })();
  return built;
}

function modified(path: string): number {
  try {
    return Deno.statSync(path).mtime?.getTime() ?? 0;
  } catch {
    return 0;
  }
}

/** The bundle with other words of the same length in its head, and the sum that belongs to them. */
export async function altered(path: string, from: RegExp, to: string): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = await Deno.readFile(path);
  const head = new TextDecoder("latin1").decode(bytes.subarray(0, 16384));
  const found = from.exec(head);
  if (found === null || found[0].length !== to.length) throw new Error(`${from} is not as long as ${to}`);
  bytes.set(new TextEncoder().encode(to), found.index);
  const sum = head.search(/^sum=/m);
  const end = head.indexOf("\n", sum) + 1;
  const rest = await new Blob([bytes.subarray(0, sum), bytes.subarray(end)]).arrayBuffer();
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", rest)).toHex();
  bytes.set(new TextEncoder().encode(digest), sum + "sum=".length);
  return bytes;
}

/** A directory that holds busybox, the bundle as /root/ftwall.run and two devices, to be a root of its own. */
export class BareRoot implements AsyncDisposable {
  readonly path: string;
  readonly #topology: Topology | null;

  private constructor(path: string, topology: Topology | null) {
    this.path = path;
    this.#topology = topology;
  }

  /** Makes it; what runs in it runs in the router of this topology, where one is given. */
  static async create(topology: Topology | null = null): Promise<BareRoot> {
    const bare = new BareRoot(await Deno.makeTempDir({ prefix: "ftwall-root-" }), topology);
    for (const dir of ["bin", "proc", "sys", "dev", "tmp", "root"]) await Deno.mkdir(`${bare.path}/${dir}`);
    await Deno.copyFile(BUSYBOX, `${bare.path}/bin/busybox`);
    await Deno.chmod(`${bare.path}/bin/busybox`, 0o755);
    await execute(["chroot", bare.path, "/bin/busybox", "--install", "-s", "/bin"]);
    await execute(["mknod", "-m", "666", `${bare.path}/dev/null`, "c", "1", "3"]);
    await execute(["mknod", "-m", "666", `${bare.path}/dev/urandom`, "c", "1", "9"]);
    await Deno.copyFile(await bundle(), `${bare.path}/root/ftwall.run`);
    return bare;
  }

  /**
   * The command line that runs a shell command in it, with /proc mounted for as long as it runs. `before` are commands
   * outside, in the same mount namespace.
   */
  command(script: string, before = `mount -t proc proc ${this.path}/proc`): string[] {
    const inside =
      `exec chroot ${this.path} /bin/busybox env -i PATH=/bin:/usr/sbin:/usr/bin HOME=/root /bin/sh -c "$1"`;
    const command = ["sh", "-c", `${before}; ${inside}`, "sh", script];
    return this.#topology === null ? ["unshare", "-m", ...command] : command;
  }

  /** Runs a shell command in it; answers the exit code and all that was said. */
  async run(script: string, before?: string): Promise<{ readonly code: number; readonly said: string }> {
    const options = { limit: 120_000 };
    const command = this.command(script, before);
    const answer = this.#topology === null
      ? await execute(command, options)
      : await this.#topology.run(ROUTER, command, options);
    return { code: answer.code, said: answer.stdout + answer.stderr };
  }

  /** Everything in it, less what is mounted: names, and contents of small files. */
  list(): string[] {
    const found: string[] = [];
    const walk = (folder: string) => {
      for (const entry of Deno.readDirSync(this.path + folder)) {
        const path = `${folder}/${entry.name}`;
        found.push(path);
        if (entry.isDirectory && path !== "/proc") walk(path);
      }
    };
    walk("");
    return found.sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

const ROUTER: Host = "router";
