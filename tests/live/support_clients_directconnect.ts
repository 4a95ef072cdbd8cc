/**
 * Direct Connect for live tests: hubs, and two clients of the distribution that look for a file there and take it, ncdc
 * through a terminal and eiskaltdcpp by JSON-RPC.
 */
import { program } from "./everyday.ts";
import type { Home } from "./support_clients_homes.ts";
import { ADDRESSES, type Background, execute, type Host, type Topology, until } from "./topology.ts";

/** What is needed, by Debian's package names. */
export const DIRECT_CONNECT_TOOLS: readonly (readonly [tool: string, debian: string])[] = [
  ["ncdc", "ncdc"],
  ["eiskaltdcpp-daemon", "eiskaltdcpp-daemon"],
  ["uhub", "uhub"],
  ["tcpdump", "tcpdump"],
  ["openssl", "openssl"],
  ["curl", "curl"],
];

/** How a hub is spoken to: NMDC, ADC, ADC in TLS. */
export type Scheme = "dchub" | "adc" | "adcs";

/** Where a client is, and how it takes part. */
export interface DirectConnectSettings {
  readonly host: Host | Home;
  readonly address: string;
  /** Where it listens, TCP and UDP; the next one is for TLS. */
  readonly port: number;
  readonly nick: string;
  /** The hub's URL. */
  readonly hub: string;
  /** Takes no connections; asks others to take its own. */
  readonly passive?: boolean;
  /** Folder whose files it shares; it looks for none then. */
  readonly share?: string;
  /** Name of the file that it looks for and takes. */
  readonly wanted?: string;
}

/** A running client. */
export interface DirectConnectClient extends AsyncDisposable {
  /** Bytes on its disk that equal the file's. */
  received(content: Uint8Array): number;
  /** What it showed lately. */
  readonly tail: string;
}

/** Starts a hub on the server and answers its URL. Packages hold hubs of ADC only: that of NMDC is our own. */
export async function startHub(topology: Topology, dir: string, scheme: Scheme, port: number): Promise<string> {
  const address = ADDRESSES.server.v4;
  if (scheme === "dchub") await topology.start("server", program("../support/nmdc_hub.ts", port)).prints("ready");
  else {
    const conf = `${dir}/${scheme}.conf`;
    const tls = scheme === "adc" ? "" : await certificate(dir);
    Deno.writeTextFileSync(conf, `server_port=${port}\nserver_bind_addr=${address}\n${tls}`);
    topology.start("server", ["uhub", "-c", conf]);
    await topology.listening("server", "tcp", port);
  }
  return `${scheme}://${address}:${port}`;
}

async function certificate(dir: string): Promise<string> {
  const made = await execute([
    "openssl",
    ...["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=hub.example"],
    ...["-keyout", `${dir}/key.pem`, "-out", `${dir}/cert.pem`],
  ]);
  if (made.code !== 0) throw new Error(`Cannot make a certificate: ${made.stderr}`);
  return `tls_enable=yes\ntls_require=yes\ntls_certificate=${dir}/cert.pem\ntls_private_key=${dir}/key.pem\n`;
}

function nameOf(host: Host | Home): Host {
  return typeof host === "string" ? host : host.name;
}

/** Counts equal bytes of all files in these folders; the best file counts. */
function equalBytes(folders: readonly string[], content: Uint8Array): number {
  let most = 0;
  for (const folder of folders) {
    try {
      for (const entry of Deno.readDirSync(folder)) {
        const bytes = Deno.readFileSync(`${folder}/${entry.name}`);
        most = Math.max(most, bytes.filter((byte, at) => byte !== 0 && byte === content[at]).length);
      }
    } catch {
      // Not made yet, or renamed meanwhile.
    }
  }
  return most;
}

const NCDC = new URL("../support/ncdc_client.py", import.meta.url).pathname;

/** ncdc: types what a user would. */
export class Ncdc implements DirectConnectClient {
  readonly #dir: string = Deno.makeTempDirSync({ prefix: "ftwall-ncdc-" });
  readonly #background: Background;

  constructor(topology: Topology, settings: DirectConnectSettings) {
    const { host, address, port, nick, hub, passive, share, wanted } = settings;
    const set = [`nick ${nick}`, `active_ip ${address}`, `active_port ${port}`, `active ${passive !== true}`];
    this.#background = topology.start(nameOf(host), [
      ...["python3", NCDC, this.#dir, ...set.map((text) => `/set ${text}`)],
      ...(share === undefined ? [] : [`/share s ${share}`]),
      `/open hub ${hub}`,
      ...(wanted === undefined ? [] : [
        ...["repeat", "wait 3", `/search -all ${wanted}`, "wait 3", "key down", "key d", "wait 4", "key d", "wait 8"],
      ]),
    ], { env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" } });
  }

  received(content: Uint8Array): number {
    return equalBytes([`${this.#dir}/dl`, `${this.#dir}/inc`], content);
  }

  get tail(): string {
    return Deno.readTextFileSync(`${this.#dir}/screen`).slice(-1500);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#background.stop();
    Deno.removeSync(this.#dir, { recursive: true });
  }
}

/** One line of eiskaltdcpp's `search.getresults`. */
interface Found {
  readonly Nick: string;
  readonly Filename: string;
  readonly TTH: string;
  readonly "Real Size": string;
}

/** eiskaltdcpp's daemon: searches until it finds, then takes the other's list of files and the file. */
export class Eiskalt implements DirectConnectClient {
  readonly #dir: string = Deno.makeTempDirSync({ prefix: "ftwall-eiskalt-" });
  readonly #topology: Topology;
  readonly #settings: DirectConnectSettings;
  readonly #background: Background;
  readonly #looking: Promise<void>;
  #ended = false;
  /** How far it came, for error messages. */
  #stage = "starts";

  constructor(topology: Topology, settings: DirectConnectSettings) {
    this.#topology = topology;
    this.#settings = settings;
    for (const name of ["conf", "have", "part"]) Deno.mkdirSync(`${this.#dir}/${name}`);
    Deno.writeTextFileSync(`${this.#dir}/conf/DCPlusPlus.xml`, this.#config());
    this.#background = topology.start(nameOf(settings.host), [
      "eiskaltdcpp-daemon",
      ...["-v", "-P", String(this.#control), "-c", `${this.#dir}/conf`, "-l", `${this.#dir}/conf`],
    ], { env: { HOME: this.#dir } });
    this.#looking = this.#look();
  }

  received(content: Uint8Array): number {
    return equalBytes([`${this.#dir}/have`, `${this.#dir}/part`], content);
  }

  get tail(): string {
    return `${this.#stage}: ${(this.#background.stdout + this.#background.stderr).slice(-1500)}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true;
    await this.#background.stop("SIGKILL");
    await this.#looking;
    Deno.removeSync(this.#dir, { recursive: true });
  }

  get #control(): number {
    return this.#settings.port + 2;
  }

  #config(): string {
    const { address, port, nick, passive } = this.#settings;
    // Its own choice of an identity is the same for all that are started within a second.
    const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    const identity = Array.from(crypto.getRandomValues(new Uint8Array(38)), (byte) => letters[byte & 31]).join("");
    const settings: Readonly<Record<string, string | number>> = {
      CID: `${identity}A`,
      Nick: nick,
      DownloadDirectory: `${this.#dir}/have/`,
      TempDownloadDirectory: `${this.#dir}/part/`,
      ExternalIp: address,
      BindAddress: address,
      InPort: port,
      UDPPort: port,
      TLSPort: port + 1,
      UseTLS: 1,
      // 0: takes connections as it is; 3: passive.
      IncomingConnections: passive === true ? 3 : 0,
      // Seconds; a minute else, and a search before anybody is there would be the only one for that long.
      MinimumSearchInterval: 5,
    };
    const lines = Object.entries(settings).map(([name, value]) =>
      `<${name} type="${typeof value === "string" ? "string" : "int"}">${value}</${name}>`
    );
    return `<?xml version="1.0" encoding="utf-8"?>\n<DCPlusPlus><Settings>${lines.join("")}</Settings></DCPlusPlus>\n`;
  }

  /** Calls a method; null where it does not answer. */
  async #call(method: string, params: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
    const answer = await this.#topology.run(nameOf(this.#settings.host), [
      ...["curl", "-s", "-m", "5", "-H", "Content-Type: application/json"],
      ...["-d", JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }), `http://127.0.0.1:${this.#control}/`],
    ]);
    return answer.code === 0 ? (JSON.parse(answer.stdout) as { result: unknown }).result : null;
  }

  async #share(folder: string): Promise<void> {
    await this.#call("share.add", { directory: `${folder}/`, virtname: "s" });
    await until("the shared file's hash", async () => {
      if (this.#ended) return true;
      const hashing = await this.#call("hash.status") as { status: string; filesleft: number } | null;
      // It begins with a pause, which nothing ends; the same word ends it.
      if (hashing?.status === "pause") await this.#call("hash.pause");
      return hashing?.status === "idle" && hashing.filesleft === 0;
    }, 20_000);
    await this.#call("share.refresh");
  }

  async #look(): Promise<void> {
    const { hub, share, wanted } = this.#settings;
    await until("eiskaltdcpp", async () => this.#ended || await this.#call("show.version") !== null, 20_000);
    if (share !== undefined) await this.#share(share);
    await this.#call("hub.add", { huburl: hub, enc: "" });
    if (wanted === undefined) return;
    let queued = false;
    for (let turn = 0; !this.#ended; turn++) {
      this.#stage = queued ? "waits for the file" : "searches";
      // Answers to an earlier search are no answers any more.
      if (!queued && turn % 6 === 0) await this.#call("search.send", { searchstring: wanted });
      await new Promise((resolve) => setTimeout(resolve, 1000));
      const results = await this.#call("search.getresults", { huburl: hub }) as readonly Found[] | null;
      const found = results?.find(({ Filename }) => Filename.startsWith(wanted));
      if (found === undefined) continue;
      const magnet = `magnet:?xt=urn:tree:tiger:${found.TTH}&xl=${found["Real Size"]}&dn=${found.Filename}`;
      if (!queued) await this.#call("magnet.add", { directory: `${this.#dir}/have/`, magnet });
      // The list says who has it; a file without a source is not asked for. Lists come first: asked for again and again, they
      // keep the file from coming.
      const lists = await this.#call("list.local", { separator: ";" }) as string | null;
      if (lists?.includes(found.Nick) === true) this.#stage += ", has the list";
      else if (!queued || turn % 6 === 0) {
        await this.#call("list.download", { huburl: hub, nick: found.Nick });
      }
      queued = true;
      await this.#call("queue.matchlists");
    }
  }
}
