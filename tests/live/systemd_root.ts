/**
 * Debian with systemd as the router of a topology: a minimal root made once, a layer of its own over it for each test, and
 * a way to Debian's and npm's registries.
 */
import assert from "node:assert/strict";
import { noExecutable } from "./bundle_file.ts";
import { missing } from "./missing_tools.ts";
import { ADDRESSES, type Answer, type Background, execute, type Topology, until, WAN } from "./topology.ts";

const repository = new URL("../../", import.meta.url).pathname;
const ROOTS = `${repository}dist/roots`;
const MIRROR = "http://deb.debian.org/debian";
/** What a router has before ftwall comes: firewall tools that this kernel has queues for, and addresses. */
const PACKAGES = "systemd,systemd-sysv,iptables,iproute2,cron,git,ca-certificates";

/** What a package manager and systemd keep of what they did, and files of the log and of the machine's own. */
export const KEPT =
  /^-?\/(var\/(lib\/(apt|dpkg|systemd|ucf)|log|cache\/(apt|ldconfig|debconf))|etc\/(ld\.so\.cache|machine-id|resolv\.conf|\.pwd\.lock))/;

/** Name of a test that installs into such a root; it is skipped where a tool is missing, or nothing to install. */
export const named = (name: string, other: string | null = null): ReturnType<ReturnType<typeof missing>> =>
  missing(TOOLS, noExecutable() ?? other)(name);

const TOOLS: readonly (readonly [tool: string, debian: string])[] = [
  ["debootstrap", "debootstrap"],
  ["systemd-nspawn", "systemd-container"],
  ["slirp4netns", "slirp4netns"],
  ["nsenter", "util-linux"],
];

/** Directories whose content is the machine's and not an installation's. */
const VOLATILE = /^\/(dev|proc|run|sys|tmp)\//;

async function must(...command: string[]): Promise<string> {
  const answer = await execute(command, { limit: 600_000 });
  if (answer.code !== 0) throw new Error(`${command.join(" ")}: ${answer.stderr}${answer.stdout}`);
  return answer.stdout;
}

/** Path of a minimal Debian with these packages, made the first time: not to be changed, but the lower layer of others. */
export async function minimal(name: string, packages: string): Promise<string> {
  const root = `${ROOTS}/bookworm-${name}`;
  await Deno.mkdir(ROOTS, { recursive: true });
  using lock = await Deno.open(`${ROOTS}/making`, { create: true, write: true });
  await lock.lock(true);
  try {
    await Deno.stat(root);
    return root;
  } catch {
    // The first time.
  }
  await execute(["rm", "-rf", `${root}.new`]);
  await must("debootstrap", "--variant=minbase", `--include=${packages}`, "bookworm", `${root}.new`, MIRROR);
  // Certificates that this machine trusts, for a registry behind a proxy of its own.
  const own = "/etc/ssl/certs/ca-certificates.crt";
  await execute(["cp", own, `${root}.new${own}`]);
  await Deno.rename(`${root}.new`, root);
  return root;
}

/** See the module's text. `await using` powers it off and removes its layer. */
export class SystemdRoot implements AsyncDisposable {
  readonly #topology: Topology;
  readonly #dir: string;
  readonly #lower: string;
  #machine: Background | null = null;
  #leader = 0;

  private constructor(topology: Topology, dir: string, lower: string) {
    this.#topology = topology;
    this.#dir = dir;
    this.#lower = lower;
  }

  /** Makes and boots it as the router. `prepare` gets the path of the root before that. */
  static async boot(topology: Topology, prepare: (path: string) => Promise<void>): Promise<SystemdRoot> {
    const lower = await minimal("systemd", PACKAGES);
    const root = new SystemdRoot(topology, await Deno.makeTempDir({ prefix: "ftwall-systemd-" }), lower);
    try {
      for (const name of ["upper", "work", "root"]) await Deno.mkdir(`${root.#dir}/${name}`);
      const options = `lowerdir=${lower},upperdir=${root.#dir}/upper,workdir=${root.#dir}/work`;
      await must("mount", "-t", "overlay", "overlay", "-o", options, root.path);
      await Deno.writeTextFile(`${root.path}/etc/resolv.conf`, "nameserver 10.0.2.3\n");
      await prepare(root.path);
      const slirp = ["slirp4netns", "--netns-type=path", "--configure", "--mtu=1500", "--disable-host-loopback"];
      const out = topology.startOutside([...slirp, `/run/netns/${topology.netns("router")}`, "tap0"]);
      await out.prints("received tapfd");
      // As on any router, the way out is the outside interface; what the router itself fetches comes by the other one.
      const way = ["ip", "route", "add", "default", "via", ADDRESSES.server.v4, "dev", WAN, "metric", "500"];
      await topology.must("router", way);
      await root.#start();
      return root;
    } catch (error) {
      await root[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The root, seen from outside. */
  get path(): string {
    return `${this.#dir}/root`;
  }

  /** Starts the machine and waits until systemd has started everything. */
  async #start(): Promise<void> {
    const network = `/run/netns/${this.#topology.netns("router")}`;
    this.#machine = this.#topology.startOutside([
      ...["systemd-nspawn", "--quiet", "--boot", "--directory", this.path, "--machine", this.#topology.prefix],
      ...["--register=no", "--keep-unit", "--resolv-conf=off", "--link-journal=no", "--console=pipe"],
      ...["--network-namespace-path", network, "--system-call-filter=@pkey"],
      "--capability=CAP_NET_ADMIN,CAP_NET_RAW",
    ], { env: { SYSTEMD_NSPAWN_API_VFS_WRITABLE: "network" } });
    const said = () => this.#machine?.stdout.slice(-2000) ?? "";
    await until(
      "a running system",
      async () => {
        const { stdout } = await execute(["ps", "--ppid", String(this.#machine!.pid), "-o", "pid="]);
        this.#leader = Number(stdout.trim().split(/\s+/)[0]);
        if (!(this.#leader > 0)) return false;
        const answer = await this.run("systemctl is-system-running");
        return /running|degraded/.test(answer.stdout);
      },
      60_000,
      said,
    );
  }

  /** Reboots; `meanwhile` is done when the old system is gone. */
  async reboot(meanwhile: () => Promise<unknown>): Promise<void> {
    await this.run("systemctl reboot");
    // It asks to be started again by its exit status.
    assert.equal((await this.#machine!.status).code, 133);
    await meanwhile();
    await this.#start();
  }

  /** The command line that runs a shell command inside. */
  command(script: string): string[] {
    const env = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LC_ALL=C"];
    const inside = ["env", "-i", ...env, "sh", "-c", `cd /root && ${script}`];
    return ["nsenter", "-t", String(this.#leader), "-m", "-u", "-i", "-n", "-p", "-C", "--", ...inside];
  }

  /** Runs a shell command inside, in root's home. */
  async run(script: string): Promise<Answer> {
    return await execute(this.command(script), { limit: 600_000 });
  }

  /** The same; an exit status other than 0 is an error. */
  async must(script: string): Promise<string> {
    const { code, stdout, stderr } = await this.run(script);
    if (code !== 0) throw new Error(`"${script}" ended with ${code}: ${stdout}${stderr}`);
    return stdout + stderr;
  }

  /** Installed packages. */
  async packages(): Promise<string[]> {
    return (await this.must("dpkg-query -W -f '${Package} ${Status}\\n'")).trim().split("\n").sort();
  }

  /** Everything that differs from the minimal root: paths of what was changed, made, or (with `-` before) removed. */
  async changes(): Promise<string[]> {
    await this.must("sync");
    const found: string[] = [];
    const walk = (folder: string) => {
      for (const entry of Deno.readDirSync(`${this.#dir}/upper${folder}`)) {
        const path = `${folder}/${entry.name}`;
        if (VOLATILE.test(`${path}/`)) continue;
        const info = Deno.lstatSync(`${this.#dir}/upper${path}`);
        if (info.isCharDevice && info.rdev === 0) {
          if (exists(this.#lower + path)) found.push(`-${path}`);
        } else if (entry.isDirectory) {
          if (!exists(this.#lower + path)) found.push(`${path}/`);
          walk(path);
        } else if (!same(this.#lower + path, `${this.#dir}/upper${path}`)) found.push(path);
      }
    };
    walk("");
    return found.sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#leader > 0 && this.#machine !== null && !this.#machine.ended) {
      await this.run("systemctl poweroff --force --force");
      const late = setTimeout(() => this.#machine?.kill("SIGKILL"), 10_000);
      await this.#machine.status;
      clearTimeout(late);
    }
    await execute(["umount", this.path]);
    await execute(["rm", "-rf", this.#dir]);
  }
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

function same(one: string, other: string): boolean {
  try {
    const [a, b] = [Deno.lstatSync(one), Deno.lstatSync(other)];
    if (a.isSymlink || b.isSymlink) {
      return a.isSymlink && b.isSymlink && Deno.readLinkSync(one) === Deno.readLinkSync(other);
    }
    if (a.size !== b.size || a.mode !== b.mode) return false;
    const [left, right] = [Deno.readFileSync(one), Deno.readFileSync(other)];
    return left.every((byte, at) => byte === right[at]);
  } catch {
    return false;
  }
}
