/**
 * BitTorrent clients of the distribution for live tests: each with the settings that matter, and what it has received.
 */
import { createHash } from "node:crypto";
import type { Home } from "./support_clients_homes.ts";
import { ADDRESSES, type Background, type Host, type Topology } from "./topology.ts";

/** What the programs need, by Debian's package names. */
export const TORRENT_TOOLS: readonly (readonly [tool: string, debian: string])[] = [
  ["transmission-cli", "transmission-cli"],
  ["aria2c", "aria2"],
  ["qbittorrent-nox", "qbittorrent-nox"],
  ["rtorrent", "rtorrent"],
  ["opentracker", "opentracker"],
  ["tcpdump", "tcpdump"],
];

/** A program that speaks BitTorrent. */
export type Program =
  | "transmission"
  | "aria2"
  | "libtorrent"
  | "qbittorrent"
  | "rtorrent"
  | "webtorrent"
  | "lftp"
  | "ctorrent";

/** How it is set up. */
export interface TorrentSettings {
  readonly program: Program;
  readonly host: Host | Home;
  /** Insists on encryption of headers and payload. */
  readonly encrypted?: boolean;
  /** Speaks uTP, and no TCP (libtorrent; transmission and webtorrent speak it first). */
  readonly utp?: boolean;
  readonly dht?: boolean;
  /** Sends and takes this many bytes a second at most (not lftp and ctorrent). */
  readonly rate?: number;
  /** Asks the DHT again and again, every so many seconds, as busy clients do by themselves (libtorrent only). */
  readonly asks?: number;
  /** Asks by magnet link: has no torrent file. */
  readonly magnet?: boolean;
  /** Has the router map its port, in this way (libtorrent only). */
  readonly maps?: "upnp" | "nat-pmp";
  /** Its own address where its host has several (libtorrent only). */
  readonly address?: string;
  /** One after the other at each of these addresses of its host, as that many clients (libtorrent only). */
  readonly addresses?: readonly string[];
  /** Listens here, where it did before; else at a port of its own. */
  readonly port?: number;
  /** Peers typed in by hand (libtorrent and webtorrent only), and nodes of the DHT to begin with. */
  readonly peers?: readonly (readonly [host: string, port: number])[];
  readonly nodes?: readonly (readonly [host: string, port: number])[];
}

/** Bytes of every file: enough for some blocks, little enough for a dozen transfers at once. */
export const FILE_BYTES = 1_000_000;
const PIECE = 65_536;

/** Programs of several swarms live in one namespace. */
let ports = 41_000;

/** A random file and its torrent, named by `label`, in a folder of its own. */
export class Share implements Disposable {
  readonly dir: string = Deno.makeTempDirSync({ prefix: "ftwall-share-" });
  /** The file's content: random, so that any of its bytes on the wire can be told. */
  readonly content: Uint8Array;
  /** Path of the torrent file. */
  readonly torrent: string;
  /** Its info-hash in hex. */
  readonly hash: string;
  /** The magnet link. */
  readonly magnet: string;

  /** `trackers` are announced to in this order; none for a torrent that lives by the DHT or by typed-in peers. */
  constructor(label: string, trackers: readonly string[], bytes: number = FILE_BYTES) {
    this.content = randomBytes(bytes);
    Deno.mkdirSync(`${this.dir}/have`);
    Deno.writeFileSync(`${this.dir}/have/${label}.bin`, this.content);
    const hashes: Uint8Array[] = [];
    for (let at = 0; at < bytes; at += PIECE) {
      hashes.push(createHash("sha1").update(this.content.subarray(at, at + PIECE)).digest());
    }
    const name = `${label}.bin`;
    const info = join(
      `d6:lengthi${bytes}e4:name${name.length}:${name}12:piece lengthi${PIECE}e6:pieces${hashes.length * 20}:`,
      ...hashes,
      "e",
    );
    const list = trackers.length === 0
      ? ""
      : `8:announce${trackers[0]!.length}:${trackers[0]}13:announce-listl${
        trackers.map((url) => `l${url.length}:${url}e`).join("")
      }e`;
    this.torrent = `${this.dir}/${label}.torrent`;
    Deno.writeFileSync(this.torrent, join(`d${list}4:info`, info, "e"));
    this.hash = createHash("sha1").update(info).digest("hex");
    this.magnet = `magnet:?xt=urn:btih:${this.hash}&dn=${name}${
      trackers.map((url) => `&tr=${encodeURIComponent(url)}`).join("")
    }`;
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.dir, { recursive: true });
  }
}

/** A running program: a seeder has the file, a leecher wants it. */
export class TorrentClient implements AsyncDisposable {
  /** Where it listens, TCP and UDP. */
  readonly port: number;
  readonly #background: Background;
  readonly #share: Share;
  readonly #dir: string | null;

  private constructor(background: Background, share: Share, dir: string | null, port: number) {
    this.#background = background;
    this.#share = share;
    this.#dir = dir;
    this.port = port;
  }

  /** Starts a program that has the whole file, and waits until it listens. */
  static async seed(topology: Topology, share: Share, settings: TorrentSettings): Promise<TorrentClient> {
    const port = settings.port ?? ports++;
    const dir = `${share.dir}/have`;
    const home = Deno.makeTempDirSync({ dir: share.dir, prefix: "home-" });
    const { command, env } = commandOf(share, settings, dir, home, port, true);
    const background = topology.start(nameOf(settings.host), command, { env: { HOME: home, ...env } });
    const client = new TorrentClient(background, share, null, port);
    await topology.listening(nameOf(settings.host), settings.utp === true ? "udp" : "tcp", port, 20_000);
    // It takes connections before it has looked at the file; then it would say that it has nothing.
    if (settings.program === "transmission") await background.prints(/Seeding/, 20_000);
    return client;
  }

  /** Starts a program that has nothing yet. */
  static leech(topology: Topology, share: Share, settings: TorrentSettings): TorrentClient {
    const port = ports++;
    const dir = Deno.makeTempDirSync({ dir: share.dir, prefix: "want-" });
    const home = Deno.makeTempDirSync({ dir: share.dir, prefix: "home-" });
    const { command, env } = commandOf(share, settings, dir, home, port, false);
    return new TorrentClient(
      topology.start(nameOf(settings.host), command, { env: { HOME: home, ...env } }),
      share,
      dir,
      port,
    );
  }

  /** Bytes of the file that it has, by what lies on its disk and by what it says itself, where it says so. */
  get received(): number {
    let most = 0;
    for (const line of this.#background.stdout.split("\n").reverse()) {
      if (!line.startsWith("{") || !line.endsWith("}")) continue;
      most = (JSON.parse(line) as { received: number }).received;
      break;
    }
    return Math.max(most, this.stored);
  }

  /** Bytes of the file on its disk. */
  get stored(): number {
    let most = 0;
    if (this.#dir === null) return 0;
    for (const entry of Deno.readDirSync(this.#dir)) {
      if (!entry.isFile || entry.name.endsWith(".torrent") || entry.name.endsWith(".aria2")) continue;
      try {
        const bytes = Deno.readFileSync(`${this.#dir}/${entry.name}`);
        let count = 0;
        for (let at = 0; at < bytes.length; at++) if (bytes[at] === this.#share.content[at] && bytes[at] !== 0) count++;
        most = Math.max(most, count);
      } catch {
        // Renamed meanwhile.
      }
    }
    return most;
  }

  /** True when it has all of the file (bytes that are zero cannot be counted). */
  get complete(): boolean {
    return this.stored >= this.#share.content.length * 0.99;
  }

  /** What it wrote lately. */
  get tail(): string {
    return (this.#background.stdout + this.#background.stderr).slice(-600);
  }

  /** Whether it has ended by itself. */
  get ended(): boolean {
    return this.#background.ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#background.stop("SIGKILL");
  }
}

/** Addresses of the tracker that {@link startTracker} starts on the server. */
export const TRACKER = {
  http: `http://${ADDRESSES.server.v4}:6969/announce`,
  udp: `udp://${ADDRESSES.server.v4}:6969/announce`,
} as const;

/** Starts opentracker on the server. Debian's serves what its list names, and gives up its rights before it reads it. */
export async function startTracker(topology: Topology, shares: readonly Share[]): Promise<void> {
  const dir = shares[0]!.dir;
  Deno.chmodSync(dir, 0o755);
  Deno.writeTextFileSync(`${dir}/list`, shares.map((share) => share.hash + "\n").join(""));
  topology.start("server", [
    "opentracker",
    ...["-i", ADDRESSES.server.v4, "-p", "6969", "-P", "6969", "-d", dir, "-w", "/list"],
  ]);
  await topology.listening("server", "tcp", 6969);
  await topology.listening("server", "udp", 6969);
}

/** A node of the DHT that shares nothing: where the others begin. */
export async function startNode(topology: Topology, host: Host): Promise<readonly [host: string, port: number]> {
  const port = ports++;
  const wanted = { save: "/tmp", port, settings: { enable_dht: true } };
  topology.start(host, ["/usr/bin/python3", LIBTORRENT, JSON.stringify(wanted)]);
  await topology.listening(host, "udp", port);
  return [host === "router" ? ADDRESSES.router.wan4 : ADDRESSES[host].v4, port];
}

const LIBTORRENT = new URL("../support/libtorrent_client.py", import.meta.url).pathname;

function nameOf(host: Host | Home): Host {
  return typeof host === "string" ? host : host.name;
}

interface Started {
  readonly command: readonly string[];
  readonly env?: Record<string, string>;
}

function commandOf(
  share: Share,
  settings: TorrentSettings,
  dir: string,
  home: string,
  port: number,
  seed: boolean,
): Started {
  const source = settings.magnet === true && !seed ? share.magnet : share.torrent;
  switch (settings.program) {
    case "transmission":
      return transmission(settings, source, dir, home, port);
    case "aria2":
      return aria2(settings, source, dir, home, port);
    case "libtorrent":
      return libtorrent(settings, source, dir, port, seed);
    case "qbittorrent":
      return qbittorrent(settings, source, dir, home, port);
    case "rtorrent":
      return rtorrent(settings, source, dir, home, port);
    case "webtorrent":
      return webtorrent(settings, source, dir, port, seed);
    case "lftp":
      return {
        command: ["lftp", "-c", `set torrent:port-range ${port}-${port}; torrent -O ${dir} ${source}`],
      };
    case "ctorrent":
      return { command: ["ctorrent", "-p", String(port), "-s", `${dir}/file.bin`, source] };
  }
}

function transmission(settings: TorrentSettings, source: string, dir: string, home: string, port: number): Started {
  Deno.writeTextFileSync(
    `${home}/settings.json`,
    JSON.stringify({
      "dht-enabled": settings.dht === true,
      "utp-enabled": settings.utp === true,
      ...(settings.rate === undefined ? {} : {
        "speed-limit-down": settings.rate / 1000,
        "speed-limit-down-enabled": true,
        "speed-limit-up": settings.rate / 1000,
        "speed-limit-up-enabled": true,
      }),
      "lpd-enabled": true,
      "pex-enabled": true,
      "preallocation": 0,
    }),
  );
  const crypt = settings.encrypted === true ? "-er" : "-et";
  // Trackers here have a certificate that nobody signed.
  const env = { TR_CURL_SSL_NO_VERIFY: "1" };
  return { env, command: ["transmission-cli", "-g", home, "-w", dir, "-p", String(port), "-M", "-B", crypt, source] };
}

function aria2(settings: TorrentSettings, source: string, dir: string, home: string, port: number): Started {
  const [node] = settings.nodes ?? [];
  return {
    command: [
      "aria2c",
      ...[
        "--no-conf",
        "--check-certificate=false",
        "--bt-enable-lpd=true",
        "--seed-time=600",
        "--file-allocation=none",
        "--disk-cache=0",
      ],
      ...["--summary-interval=0", "--bt-tracker-interval=5", `--listen-port=${port}`, "--follow-torrent=mem"],
      ...(settings.dht === true
        ? [
          "--enable-dht=true",
          `--dht-listen-port=${port}`,
          `--dht-file-path=${home}/dht.dat`,
          ...(node === undefined ? [] : [`--dht-entry-point=${node[0]}:${node[1]}`]),
        ]
        : ["--enable-dht=false"]),
      ...(settings.encrypted === true
        ? ["--bt-require-crypto=true", "--bt-min-crypto-level=arc4"]
        : ["--bt-require-crypto=false", "--bt-min-crypto-level=plain"]),
      ...(settings.rate === undefined
        ? []
        : [`--max-overall-download-limit=${settings.rate}`, `--max-overall-upload-limit=${settings.rate}`]),
      ...["-d", dir, source],
    ],
  };
}

function libtorrent(settings: TorrentSettings, source: string, dir: string, port: number, seed: boolean): Started {
  const encrypted = settings.encrypted === true;
  const wanted = {
    ...(source.startsWith("magnet:") ? { magnet: source } : { torrent: source }),
    save: dir,
    port,
    seed,
    peers: settings.peers ?? [],
    ...(settings.address === undefined ? {} : { address: settings.address }),
    ...(settings.addresses === undefined ? {} : { addresses: settings.addresses }),
    nodes: settings.nodes ?? [],
    ...(settings.asks === undefined ? {} : { asks: settings.asks }),
    settings: {
      enable_dht: settings.dht === true,
      enable_upnp: settings.maps === "upnp",
      enable_natpmp: settings.maps === "nat-pmp",
      validate_https_trackers: false,
      // Peers at private addresses are not held to it.
      ...(settings.rate === undefined ? {} : { upload_rate_limit: settings.rate, download_rate_limit: settings.rate }),
      ...(settings.address === undefined ? {} : { outgoing_interfaces: settings.address }),
      enable_incoming_tcp: settings.utp !== true,
      enable_outgoing_tcp: settings.utp !== true,
      enable_incoming_utp: settings.utp === true,
      enable_outgoing_utp: settings.utp === true,
      in_enc_policy: encrypted ? "forced" : "enabled",
      out_enc_policy: encrypted ? "forced" : "enabled",
      allowed_enc_level: encrypted ? "rc4" : "both",
      prefer_rc4: encrypted,
    },
  };
  return { command: ["/usr/bin/python3", LIBTORRENT, JSON.stringify(wanted)] };
}

/** Folder with `node_modules` of the clients from npm. */
export const NPM = Deno.env.get("FTWALL_NPM") ?? `${Deno.env.get("HOME") ?? "/root"}/.cache/ftwall-npm`;

function webtorrent(settings: TorrentSettings, source: string, dir: string, port: number, seed: boolean): Started {
  const { encrypted, utp, dht, rate, peers = [] } = settings;
  const wanted = {
    source,
    dir,
    port,
    seed,
    secure: encrypted === true,
    utp: utp === true,
    dht: dht === true,
    rate,
    peers,
  };
  return {
    command: ["node", new URL("../support/webtorrent_client.mjs", import.meta.url).pathname, JSON.stringify(wanted)],
    env: { FTWALL_NPM: NPM, NODE_TLS_REJECT_UNAUTHORIZED: "0", NODE_NO_WARNINGS: "1" },
  };
}

function qbittorrent(settings: TorrentSettings, source: string, dir: string, home: string, port: number): Started {
  Deno.mkdirSync(`${home}/qBittorrent/config`, { recursive: true });
  Deno.writeTextFileSync(
    `${home}/qBittorrent/config/qBittorrent.conf`,
    `[LegalNotice]
Accepted=true
[BitTorrent]
Session\\Port=${port}
Session\\Encryption=${settings.encrypted === true ? 1 : 0}
Session\\DHTEnabled=${settings.dht === true}
Session\\LSDEnabled=true
Session\\PeXEnabled=true
Session\\Preallocation=false
Session\\AddExtensionToIncompleteFiles=false
Session\\DefaultSavePath=${dir}
[Preferences]
WebUI\\Port=${port + 10_000}
WebUI\\Address=127.0.0.1
Advanced\\AnonymousMode=false
`,
  );
  return { command: ["qbittorrent-nox", `--profile=${home}`, `--save-path=${dir}`, "--skip-dialog=true", source] };
}

function rtorrent(settings: TorrentSettings, source: string, dir: string, home: string, port: number): Started {
  const settle = [
    "system.daemon.set = true",
    `session.path.set = ${home}`,
    `directory.default.set = ${dir}`,
    `network.port_range.set = ${port}-${port}`,
    "network.port_random.set = no",
    `dht.mode.set = ${settings.dht === true ? "on" : "disable"}`,
    ...(settings.dht === true ? [`dht.port.set = ${port}`] : []),
    "protocol.pex.set = yes",
    `protocol.encryption.set = ${settings.encrypted === true ? "require,require_RC4,allow_incoming" : "none"}`,
    "trackers.use_udp.set = yes",
    // The load directories of its manual; what is named on the command line is loaded before these settings hold.
    `schedule2 = load, 0, 0, "load.start=${source}"`,
  ];
  Deno.writeTextFileSync(`${home}/rtorrent.rc`, settle.join("\n") + "\n");
  return { command: ["rtorrent", "-n", "-o", `import=${home}/rtorrent.rc`] };
}

function randomBytes(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += 65_536) crypto.getRandomValues(bytes.subarray(at, Math.min(length, at + 65_536)));
  return bytes;
}

function join(...parts: readonly (string | Uint8Array)[]): Uint8Array {
  const bytes = parts.map((part) => typeof part === "string" ? new TextEncoder().encode(part) : part);
  const all = new Uint8Array(bytes.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of bytes) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
