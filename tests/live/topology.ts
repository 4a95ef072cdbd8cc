/**
 * Routers and clients in network namespaces for live tests: real packets, no packet leaves the machine.
 *
 *     client1 ─┐
 *              br-lan (router) wan ── server
 *     client2 ─┘
 */

/** What a command in a namespace answered. */
export interface Answer {
  /** Exit status; 124 after the time limit. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Options of a command in a namespace. */
export interface CommandOptions {
  readonly stdin?: string;
  /** Milliseconds until it is killed; 20,000 unless told. */
  readonly limit?: number;
  readonly env?: Record<string, string>;
  readonly cwd?: string;
}

/** The namespaces of one topology. */
export type Host = "client1" | "client2" | "router" | "server";

/** Addresses: LAN 10.91.1.0/24 and fd91:1::/64, outside 198.51.100.0/24 and 2001:db8:91::/64 (documentation ranges). */
export const ADDRESSES = {
  client1: { v4: "10.91.1.11", v6: "fd91:1::11", mac: "02:91:01:00:00:11" },
  client2: { v4: "10.91.1.12", v6: "fd91:1::12", mac: "02:91:01:00:00:12" },
  router: { v4: "10.91.1.1", v6: "fd91:1::1", wan4: "198.51.100.1", wan6: "2001:db8:91::1" },
  server: { v4: "198.51.100.2", v6: "2001:db8:91::2" },
} as const;

/** The LAN bridge of the router, named as on most routers, and its outside interface. */
export const LAN = "br-lan";
export const WAN = "wan";

/** Files of tests run side by side in one process: their namespaces differ by this. */
const run = `${Deno.pid.toString(36)}${crypto.getRandomValues(new Uint16Array(1))[0]!.toString(36)}`;
let made = 0;

/** Why live tests cannot run here, or null when they can. Put it into the test's name with `ignore: reason !== null`. */
export function skipReason(tools: readonly string[] = ["ip", "iptables"]): string | null {
  if (Deno.build.os !== "linux") return "not Linux";
  if (Deno.uid() !== 0) return "not root";
  for (const tool of tools) if (!hasTool(tool)) return `no ${tool}`;
  const name = `fwprobe${run}`;
  if (!runSync(["ip", "netns", "add", name]).success) return "no network namespaces";
  runSync(["ip", "netns", "del", name]);
  return null;
}

/** Whether a program is in the usual directories. */
export function hasTool(tool: string): boolean {
  for (const dir of [...(Deno.env.get("PATH") ?? "").split(":"), "/usr/sbin", "/sbin", "/usr/bin", "/bin"]) {
    try {
      if (Deno.statSync(`${dir}/${tool}`).isFile) return true;
    } catch {
      // Not in this one.
    }
  }
  return false;
}

/** A program running in the background of a namespace; ended with the topology at the latest. */
export class Background implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #readers: readonly ReadableStreamDefaultReader<string>[];
  readonly #reading: readonly Promise<void>[];
  #out = "";
  #err = "";
  #ended = false;
  /** Exit status, when it has ended. */
  readonly status: Promise<Deno.CommandStatus>;

  constructor(child: Deno.ChildProcess) {
    this.#child = child;
    const [out, err] = [child.stdout, child.stderr].map((pipe) =>
      pipe.pipeThrough(new TextDecoderStream()).getReader()
    );
    this.#readers = [out!, err!];
    this.#reading = [drain(out!, (text) => this.#out += text), drain(err!, (text) => this.#err += text)];
    this.status = child.status.then((status) => {
      this.#ended = true;
      return status;
    });
  }

  /** Everything it has written to standard output until now. */
  get stdout(): string {
    return this.#out;
  }

  /** Everything it has written to standard error until now. */
  get stderr(): string {
    return this.#err;
  }

  /** Whether it has ended. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Its process id: of the program itself, since `ip netns exec` becomes it. */
  get pid(): number {
    return this.#child.pid;
  }

  /** Sends a signal; nothing happens when it has ended. */
  kill(signal: Deno.Signal): void {
    try {
      this.#child.kill(signal);
    } catch {
      // It was quicker.
    }
  }

  /** Waits until what it printed (either way) matches. */
  async prints(pattern: RegExp | string, limit = 10_000): Promise<string> {
    const find = () => (this.#out + this.#err).match(pattern)?.[0];
    await until(`output "${pattern}"`, () => find() !== undefined || this.#ended, limit, () => this.#out + this.#err);
    const found = find();
    if (found === undefined) {
      throw new Error(`Waited for "${pattern}", but the program ended: ${this.#out}${this.#err}`);
    }
    return found;
  }

  /** Asks it to end, insists after some seconds, and waits until its output is read, unless what it started holds that. */
  async stop(signal: Deno.Signal = "SIGTERM"): Promise<Deno.CommandStatus> {
    if (!this.#ended) this.kill(signal);
    const insist = setTimeout(() => this.kill("SIGKILL"), 2000 * PATIENCE * crowd());
    const status = await this.status;
    clearTimeout(insist);
    const held = setTimeout(() => this.#readers.forEach((reader) => void reader.cancel()), 2000 * PATIENCE * crowd());
    await Promise.all(this.#reading);
    clearTimeout(held);
    return status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** Client, client, router and server, wired and routed over IPv4 and IPv6. `await using` takes all of it away again. */
export class Topology implements AsyncDisposable {
  /** What all its names begin with. */
  readonly prefix: string;
  readonly #running: Background[] = [];

  private constructor(prefix: string) {
    this.prefix = prefix;
  }

  /**
   * Builds it. `masquerade` hides the LAN behind the router's outside address, as most routers do (IPv4); a `believing` router
   * takes packets of the LAN in anybody's name.
   */
  static async create(
    options: { prefix?: string; masquerade?: boolean; believing?: boolean } = {},
  ): Promise<Topology> {
    const topology = new Topology(`${options.prefix ?? "fw"}${run}x${made++}`);
    try {
      await topology.#build(options.masquerade ?? false);
      if (options.believing ?? false) await topology.#believe();
    } catch (error) {
      await topology[Symbol.asyncDispose]();
      throw error;
    }
    return topology;
  }

  /** The name of a host's namespace. */
  netns(host: Host): string {
    return `${this.prefix}-${host}`;
  }

  /** Runs a command in a host and waits. */
  async run(host: Host, command: readonly string[], options: CommandOptions = {}): Promise<Answer> {
    return await execute(["ip", "netns", "exec", this.netns(host), ...command], options);
  }

  /** Runs a command in a host; an exit status other than 0 is an error. Returns its output. */
  async must(host: Host, command: readonly string[], options: CommandOptions = {}): Promise<string> {
    const answer = await this.run(host, command, options);
    if (answer.code !== 0) {
      throw new Error(`Cannot run "${command.join(" ")}" in ${host}: ${answer.code}: ${answer.stderr}${answer.stdout}`);
    }
    return answer.stdout;
  }

  /** Starts a program in a host and leaves it running. */
  start(host: Host, command: readonly string[], options: Omit<CommandOptions, "stdin" | "limit"> = {}): Background {
    const background = new Background(spawn(["ip", "netns", "exec", this.netns(host), ...command], options, "null"));
    this.#running.push(background);
    return background;
  }

  /** Starts a program on this machine itself, which ends with the topology. */
  startOutside(command: readonly string[], options: Omit<CommandOptions, "stdin" | "limit"> = {}): Background {
    const background = new Background(spawn(command, options, "null"));
    this.#running.push(background);
    return background;
  }

  /** A runner for lib/firewall that works inside a host. */
  runner(host: Host): (command: string, args: readonly string[], stdin?: string) => Promise<Answer> {
    return async (command, args, stdin) => {
      const answer = await this.run(host, [command, ...args], stdin === undefined ? {} : { stdin });
      return { ...answer, stderr: answer.stderr.trim() };
    };
  }

  /** Waits until something listens on the port of a host. */
  async listening(host: Host, transport: "tcp" | "udp", port: number, limit = 10_000): Promise<void> {
    const hex = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
    const state = transport === "tcp" ? "0A" : "07";
    const files = [`/proc/net/${transport}`, `/proc/net/${transport}6`];
    await until(`${transport} port ${port} of ${host}`, async () => {
      const { stdout } = await this.run(host, ["cat", ...files]);
      return stdout.split("\n").some((line) => {
        const field = line.trim().split(/\s+/);
        return field[1]?.endsWith(hex) === true && field[3] === state;
      });
    }, limit);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#running.map((background) => background.stop("SIGKILL")));
    for (const host of HOSTS) {
      // What a program left behind in the namespace would keep it alive.
      const { stdout } = await execute(["ip", "netns", "pids", this.netns(host)], {});
      for (const pid of stdout.split("\n").filter((line) => line !== "")) {
        try {
          Deno.kill(Number(pid), "SIGKILL");
        } catch {
          // It was quicker.
        }
      }
      await execute(["ip", "netns", "del", this.netns(host)], {});
    }
  }

  async #believe(): Promise<void> {
    for (const where of ["all", "default", LAN]) {
      await this.must("router", ["sysctl", "-qw", `net.ipv4.conf.${where}.rp_filter=0`]);
    }
  }

  async #build(masquerade: boolean): Promise<void> {
    const ns = (host: Host) => this.netns(host);
    const { client1, client2, router, server } = ADDRESSES;
    for (const host of HOSTS) await must(["ip", "netns", "add", ns(host)]);
    // Before any address exists, so that none has to be found free first.
    for (const host of HOSTS) {
      await must(["ip", "netns", "exec", ns(host), "sh", "-c", HARDEN + (host === "router" ? ROUTE : "")]);
    }
    const inside = async (host: Host, ...commands: string[]) => {
      await must(["ip", "-n", ns(host), "-batch", "-"], { stdin: commands.join("\n") + "\n" });
    };
    await inside(
      "router",
      "link set lo up",
      `link add ${LAN} type bridge stp_state 0 forward_delay 0 mcast_snooping 0`,
      `link add lan1 type veth peer name eth0 netns ${ns("client1")}`,
      `link add lan2 type veth peer name eth0 netns ${ns("client2")}`,
      `link add ${WAN} type veth peer name eth0 netns ${ns("server")}`,
      `link set lan1 master ${LAN}`,
      `link set lan2 master ${LAN}`,
      ...["lan1", "lan2", LAN, WAN].map((name) => `link set ${name} up`),
      `addr add ${router.v4}/24 dev ${LAN}`,
      `addr add ${router.v6}/64 dev ${LAN} nodad`,
      `addr add ${router.wan4}/24 dev ${WAN}`,
      `addr add ${router.wan6}/64 dev ${WAN} nodad`,
    );
    for (const [host, own] of [["client1", client1], ["client2", client2]] as const) {
      await inside(
        host,
        "link set lo up",
        `link set eth0 address ${own.mac}`,
        "link set eth0 up",
        `addr add ${own.v4}/24 dev eth0`,
        `addr add ${own.v6}/64 dev eth0 nodad`,
        `route add default via ${router.v4}`,
        `route add ::/0 via ${router.v6}`,
      );
    }
    await inside(
      "server",
      "link set lo up",
      "link set eth0 up",
      `addr add ${server.v4}/24 dev eth0`,
      `addr add ${server.v6}/64 dev eth0 nodad`,
      `route add default via ${router.wan4}`,
      `route add ::/0 via ${router.wan6}`,
    );
    if (masquerade) {
      await this.must("router", ["iptables", "-t", "nat", "-A", "POSTROUTING", "-o", WAN, "-j", "MASQUERADE"]);
    }
  }
}

/** How many times longer everything may take here than on a machine with a processor of its own (emulation: 5 or so). */
export const PATIENCE = Number(Deno.env.get("FTWALL_PATIENCE") ?? 1);

/** How many programs want each core, at least 1: what is waited for takes as many times longer. */
export function crowd(): number {
  return Math.max(1, Deno.loadavg()[0]! / navigator.hardwareConcurrency);
}

/** Waits until a condition holds; the error at the deadline says what was waited for and shows `context`. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  limit = 10_000,
  context: () => string = () => "",
): Promise<void> {
  const start = performance.now();
  while (!(await condition())) {
    if (performance.now() > start + limit * PATIENCE * crowd()) {
      throw new Error(`Waited ${limit} ms in vain for ${what}: ${context()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

const HOSTS: readonly Host[] = ["client1", "client2", "router", "server"];
const HARDEN = "for f in all default; do echo 0 >/proc/sys/net/ipv6/conf/$f/accept_dad; " +
  "echo 0 >/proc/sys/net/ipv6/conf/$f/accept_ra; done 2>/dev/null; ";
const ROUTE = "echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding; ";

function spawn(
  command: readonly string[],
  options: CommandOptions,
  stdin: "piped" | "null",
): Deno.ChildProcess {
  const path = `${Deno.env.get("PATH") ?? ""}:/usr/sbin:/sbin:/usr/bin:/bin`;
  return new Deno.Command(command[0]!, {
    args: command.slice(1),
    // A namespace has no way out, and a test that counts packets wants none but its own.
    env: { PATH: path, LC_ALL: "C", DENO_NO_UPDATE_CHECK: "1", ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    stdin,
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Runs a command on this machine itself and waits; killed at the limit. */
export async function execute(command: readonly string[], options: CommandOptions = {}): Promise<Answer> {
  const child = spawn(command, options, options.stdin === undefined ? "null" : "piped");
  let late = false;
  const limit = setTimeout(() => {
    late = true;
    try {
      child.kill("SIGKILL");
    } catch {
      // It was quicker.
    }
  }, (options.limit ?? 20_000) * PATIENCE * crowd());
  const output = child.output();
  if (options.stdin !== undefined) {
    const writer = child.stdin.getWriter();
    try {
      await writer.write(new TextEncoder().encode(options.stdin));
      await writer.close();
    } catch {
      await writer.abort().catch(() => {});
    }
  }
  const { code, stdout, stderr } = await output;
  clearTimeout(limit);
  const text = new TextDecoder();
  return { code: late ? 124 : code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}

async function must(command: readonly string[], options: CommandOptions = {}): Promise<void> {
  const answer = await execute(command, options);
  if (answer.code !== 0) throw new Error(`Cannot run "${command.join(" ")}": ${answer.stderr}`);
}

function runSync(command: readonly string[]): { success: boolean } {
  try {
    const path = `${Deno.env.get("PATH") ?? ""}:/usr/sbin:/sbin:/usr/bin:/bin`;
    return new Deno.Command(command[0]!, {
      args: command.slice(1),
      env: { PATH: path },
      stdout: "null",
      stderr: "null",
    })
      .outputSync();
  } catch {
    return { success: false };
  }
}

async function drain(reader: ReadableStreamDefaultReader<string>, take: (text: string) => void): Promise<void> {
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) take(piece.value);
}
