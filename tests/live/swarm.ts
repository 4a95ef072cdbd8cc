/**
 * Two BitTorrent programs of the distribution on either side of the router: transmission has a file, aria2 wants it.
 */
import { createServer } from "node:http";
import { ADDRESSES, type Background, execute, type Host, type Topology, until } from "./topology.ts";
import { program } from "./everyday.ts";

/** What the programs need, by Debian's package names. */
export const SWARM_TOOLS: readonly (readonly [tool: string, debian: string])[] = [
  ["transmission-cli", "transmission-cli"],
  ["transmission-create", "transmission-cli"],
  ["aria2c", "aria2"],
];

/** Which way and how they talk. */
export interface SwarmSettings {
  readonly seeder: Host;
  readonly leecher: Host;
  readonly family: 4 | 6;
  /** Both insist on encryption that hides the protocol. */
  readonly encrypted?: boolean;
  /** Where the tracker is; with the leecher unless told, so that only what the two say to each other passes the router. */
  readonly tracker?: Host;
}

const MEGABYTES = 4;
/** Programs of several swarms may live in one namespace. */
let ports = 51413;

/** A file, its torrent, and both programs. */
export class Swarm implements AsyncDisposable {
  readonly #topology: Topology;
  readonly #settings: SwarmSettings;
  readonly #dir: string;
  readonly #port = ports++;
  readonly #listen = ports++;
  readonly #track = ports++;
  #seeder: Background | null = null;
  #leecher: Background | null = null;
  #tracker: Background | null = null;

  private constructor(topology: Topology, settings: SwarmSettings) {
    this.#topology = topology;
    this.#settings = settings;
    this.#dir = Deno.makeTempDirSync({ prefix: "ftwall-swarm-" });
  }

  /** Makes the file and starts the tracker. */
  static async create(topology: Topology, settings: SwarmSettings): Promise<Swarm> {
    const swarm = new Swarm(topology, settings);
    try {
      await swarm.#prepare();
      return swarm;
    } catch (error) {
      await swarm[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #prepare(): Promise<void> {
    const have = `${this.#dir}/have`;
    Deno.mkdirSync(have);
    const bytes = new Uint8Array(MEGABYTES * 1_000_000);
    for (let at = 0; at < bytes.length; at += 65_536) {
      crypto.getRandomValues(bytes.subarray(at, Math.min(bytes.length, at + 65_536)));
    }
    Deno.writeFileSync(`${have}/file.bin`, bytes);
    const { seeder, leecher, family, tracker = leecher } = this.#settings;
    const at = tracker === leecher ? "127.0.0.1" : this.#address(tracker, family);
    const url = `http://${at.includes(":") ? `[${at}]` : at}:${this.#track}/announce`;
    const made = await execute([
      "transmission-create",
      "-p",
      "-t",
      url,
      "-o",
      `${this.#dir}/file.torrent`,
      `${have}/file.bin`,
    ]);
    if (made.code !== 0) throw new Error(`Cannot make a torrent: ${made.stderr}${made.stdout}`);
    const peer = this.#address(seeder, family);
    this.#tracker = this.#topology.start(tracker, program("swarm.ts", "tracker", this.#track, peer, this.#port));
    await this.#tracker.prints("ready");
  }

  #address(host: Host, family: 4 | 6): string {
    const address = ADDRESSES[host];
    return family === 4 ? address.v4 : address.v6;
  }

  /** Starts both programs, without any memory of each other; the leecher has nothing of the file. */
  async start(): Promise<void> {
    await Promise.all([this.#seeder?.stop("SIGKILL"), this.#leecher?.stop("SIGKILL")]);
    const { encrypted, seeder } = this.#settings;
    const config = Deno.makeTempDirSync({ dir: this.#dir });
    this.#seeder = this.#topology.start(seeder, [
      // It says what it does on a pipe only when 4 KiB are full.
      ...["stdbuf", "-o0", "transmission-cli", "-g", config, "-w", `${this.#dir}/have`, "-p", String(this.#port)],
      ...["-M", "-B", encrypted === true ? "-er" : "-et", `${this.#dir}/file.torrent`],
    ], { env: { HOME: this.#dir } });
    await this.#topology.listening(seeder, "tcp", this.#port);
    // It takes connections before it has looked at the file; then it would say that it has nothing.
    await this.#seeder.prints(/Seeding/, 20_000);
    Deno.mkdirSync(`${this.#dir}/want`);
    const crypt = this.#settings.encrypted === true
      ? ["--bt-require-crypto=true", "--bt-min-crypto-level=arc4"]
      : ["--bt-require-crypto=false", "--bt-min-crypto-level=plain"];
    this.#leecher = this.#topology.start(this.#settings.leecher, [
      "aria2c",
      ...["--no-conf", "--enable-dht=false", "--enable-dht6=false", "--bt-enable-lpd=false", "--seed-time=0"],
      ...["--file-allocation=none", "--disk-cache=0", "--summary-interval=1", "--disable-ipv6=false"],
      ...["--bt-tracker-interval=2", "--bt-max-peers=10", `--listen-port=${this.#listen}`, ...crypt],
      ...["-d", `${this.#dir}/want`, `${this.#dir}/file.torrent`],
    ], { env: { HOME: this.#dir } });
  }

  /** Waits until the leecher has all of the file, and takes that away again. */
  async complete(limit = 40_000): Promise<void> {
    const leecher = this.#leecher!;
    await until(
      "the whole file",
      () => leecher.ended,
      limit,
      () => `${this.received} bytes; ${leecher.stdout.slice(-800)}`,
    );
    const [want, have] = ["want", "have"].map((dir) => Deno.readFileSync(`${this.#dir}/${dir}/file.bin`));
    if (want!.length !== have!.length || want!.some((byte, at) => byte !== have![at])) {
      throw new Error("The file that came is another one");
    }
    Deno.removeSync(`${this.#dir}/want`, { recursive: true });
  }

  /** Bytes of the file that the leecher has; it is random, so that a byte which is not zero came from the seeder. */
  get received(): number {
    try {
      const bytes = Deno.readFileSync(`${this.#dir}/want/file.bin`);
      let count = 0;
      for (const byte of bytes) if (byte !== 0) count++;
      return count;
    } catch {
      return 0;
    }
  }

  /** How many times the leecher asked for peers: it is alive and knows where to go. */
  get announces(): number {
    return this.#tracker?.stdout.split("announce").length ?? 1;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#seeder, this.#leecher, this.#tracker].map((one) => one?.stop("SIGKILL")));
    Deno.removeSync(this.#dir, { recursive: true });
  }
}

/** A tracker that always names one peer (BEP 3, compact as in BEP 23 and BEP 7). */
function track(port: number, peer: string, peerPort: number): void {
  const colon = peer.includes(":");
  const bytes = new Uint8Array(colon ? 18 : 6);
  if (colon) {
    const [head = "", tail = ""] = peer.split("::");
    const left = head.split(":").filter((part) => part !== "");
    const right = tail.split(":").filter((part) => part !== "");
    const parts = [...left, ...Array<string>(8 - left.length - right.length).fill("0"), ...right];
    parts.forEach((part, at) => {
      const value = parseInt(part, 16);
      bytes[at * 2] = value >> 8;
      bytes[at * 2 + 1] = value & 255;
    });
  } else peer.split(".").forEach((part, at) => bytes[at] = Number(part));
  bytes[bytes.length - 2] = peerPort >> 8;
  bytes[bytes.length - 1] = peerPort & 255;
  const key = colon ? "e5:peers0:6:peers618:" : "e5:peers6:";
  const text = (part: string) => Uint8Array.from(part, (letter) => letter.charCodeAt(0));
  const parts = [text(`d8:intervali2e12:min intervali1${key}`), bytes, text("e")];
  const body = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    body.set(part, at);
    at += part.length;
  }
  const note = (line: string) => Deno.stdout.writeSync(new TextEncoder().encode(line + "\n"));
  createServer((request, response) => {
    note(`announce ${request.url}`);
    response.end(body);
  }).listen(port, "::", () => note("ready"));
}

if (import.meta.main && Deno.args[0] === "tracker") track(Number(Deno.args[1]), Deno.args[2]!, Number(Deno.args[3]));
