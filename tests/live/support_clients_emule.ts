/**
 * aMule for live tests: one node shares a file, another wants it by a link that names the first; both are in Kad, which
 * each begins with the other as its only contact.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { Home } from "./support_clients_homes.ts";
import { type Background, type Host, type Topology, until } from "./topology.ts";

/** What is needed, by Debian's package names. */
export const EMULE_TOOLS: readonly (readonly [tool: string, debian: string])[] = [
  ["amuled", "amule-daemon"],
  ["amulecmd", "amule-utils"],
  ["tcpdump", "tcpdump"],
];

/** Bytes of the shared file: aMule gives a new peer a few KiB a second. */
export const EMULE_BYTES = 100_000;

const SECRET = "secret";

/** Where a node is, and what it is called in Kad. */
export interface EmuleSettings {
  readonly host: Host | Home;
  readonly address: string;
  readonly port: number;
  /** 1 to 15. */
  readonly number: number;
  /** Protocol obfuscation: off, used where it can be (what aMule does unless told), or required of everybody. */
  readonly obfuscation: "off" | "usual" | "required";
  /** Takes no part in Kad. */
  readonly noKad?: boolean;
  /** The eDonkey server that it uses; `hidden` is the port for obfuscated connections. */
  readonly server?: { readonly address: string; readonly port: number; readonly hidden: number };
}

/** A running amuled. */
export class EmuleNode implements AsyncDisposable {
  readonly settings: EmuleSettings;
  readonly dir: string = Deno.makeTempDirSync({ prefix: "ftwall-emule-" });
  readonly #topology: Topology;
  #background: Background | null = null;

  constructor(topology: Topology, settings: EmuleSettings) {
    this.#topology = topology;
    this.settings = settings;
  }

  /** Starts it with these contacts, and waits until it can be commanded. */
  async start(contacts: readonly EmuleSettings[]): Promise<void> {
    const { port, number, obfuscation, address, server, noKad } = this.settings;
    const used = obfuscation === "off" ? 0 : 1;
    const dir = this.dir;
    for (const name of ["Incoming", "Temp"]) Deno.mkdirSync(`${dir}/${name}`, { recursive: true });
    Deno.writeTextFileSync(
      `${dir}/amule.conf`,
      `[eMule]
Nick=node${number}
Address=${address}
Port=${port}
UDPPort=${port + 10}
UDPEnable=1
ConnectToKad=${noKad === true ? 0 : 1}
ConnectToED2K=${server === undefined ? 0 : 1}
Autoconnect=1
Reconnect=1
SafeServerConnect=0
FilterLanIPs=0
ParanoidFiltering=0
FilterLevel=0
TempDir=${dir}/Temp
IncomingDir=${dir}/Incoming
[ExternalConnect]
AcceptExternalConnections=1
ECAddress=127.0.0.1
ECPort=${port + 20}
ECPassword=${createHash("md5").update(SECRET).digest("hex")}
IpFilterClients=0
[Obfuscation]
IsClientCryptLayerSupported=${used}
IsCryptLayerRequested=${used}
IsClientCryptLayerRequired=${obfuscation === "required" ? 1 : 0}
`,
    );
    // Its own choice of a user's hash is the same for all that are started within a second; with eMule's marks.
    const user = crypto.getRandomValues(new Uint8Array(16));
    user[5] = 0x0e;
    user[14] = 0x6f;
    Deno.writeFileSync(`${dir}/preferences.dat`, new Uint8Array([0x14, ...user]));
    Deno.writeFileSync(`${dir}/preferencesKad.dat`, new Uint8Array([0, 0, 0, 0, 0, 0, ...kadId(number), 0]));
    Deno.writeFileSync(`${dir}/nodes.dat`, nodesFile(contacts));
    if (server !== undefined) Deno.writeFileSync(`${dir}/server.met`, serversFile(server));
    // Of many that are started at once one may never open the port for its commands.
    for (let tries = 1; !await this.#launch(); tries++) {
      assert.ok(tries < 3, `amuled does not start: ${this.#background!.stdout.slice(-2000)}`);
      await this.#background!.stop();
    }
  }

  /** Starts amuled; false where it does not come to listen. */
  async #launch(): Promise<boolean> {
    const { dir, settings: { host, port } } = this;
    this.#background = this.#topology.start(nameOf(host), ["amuled", "-c", dir, "-o"], { env: { HOME: dir } });
    try {
      await this.#topology.listening(nameOf(host), "tcp", port, 20_000);
      await this.#topology.listening(nameOf(host), "tcp", port + 20, 20_000);
      return true;
    } catch {
      return false;
    }
  }

  /** Runs a command of amulecmd; a busy amuled does not always let it in. */
  async command(text: string): Promise<string> {
    const command = ["amulecmd", "-h", "127.0.0.1", "-p", String(this.settings.port + 20), "-P", SECRET, "-c", text];
    let output = "";
    await until(
      `amulecmd "${text}"`,
      async () => {
        output = (await this.#topology.run(nameOf(this.settings.host), command)).stdout;
        return output.includes("Succeeded");
      },
      20_000,
      () => output,
    );
    return output;
  }

  /** The link of a file that is shared here, as web pages have it: name, size and hash. */
  async page(name: string, size: number): Promise<string> {
    let hash: string | undefined;
    await until("the shared file", async () => {
      hash = /([0-9A-F]{32}) .*/.exec(await this.command("show shared"))?.[1];
      return hash !== undefined;
    }, 20_000);
    return `ed2k://|file|${name}|${size}|${hash}|/`;
  }

  /** The same with this node as a source. Names the user's hash where connections are obfuscated. */
  async link(name: string, size: number): Promise<string> {
    const page = await this.page(name, size);
    const user = Deno.readFileSync(`${this.dir}/preferences.dat`).slice(1, 17);
    const hex = Array.from(user, (byte) => byte.toString(16).padStart(2, "0")).join("");
    const { address, port, obfuscation } = this.settings;
    return `${page}|sources,${address}:${port}${obfuscation === "off" ? "" : `:131:${hex}`}|/`;
  }

  /** Bytes on its disk that equal the file's. */
  received(content: Uint8Array): number {
    let most = 0;
    for (const dir of ["Temp", "Incoming"]) {
      for (const entry of Deno.readDirSync(`${this.dir}/${dir}`)) {
        if (!entry.isFile || /\.(met|bak|backup|seeds)$/.test(entry.name)) continue;
        try {
          const bytes = Deno.readFileSync(`${this.dir}/${dir}/${entry.name}`);
          let count = 0;
          for (let at = 0; at < bytes.length; at++) if (bytes[at] === content[at] && bytes[at] !== 0) count++;
          most = Math.max(most, count);
        } catch {
          // Renamed meanwhile.
        }
      }
    }
    return most;
  }

  /** What it wrote lately. */
  get tail(): string {
    return Deno.readTextFileSync(`${this.dir}/logfile`).slice(-1500);
  }

  /** Ends it, so that it can be started again as another one. */
  async stop(): Promise<void> {
    await this.#background?.stop("SIGKILL");
    this.#background = null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    Deno.removeSync(this.dir, { recursive: true });
  }
}

function nameOf(host: Host | Home): Host {
  return typeof host === "string" ? host : host.name;
}

/** The same bytes in whatever order the file has them. */
function kadId(number: number): number[] {
  return Array<number>(16).fill(number * 17 + 3);
}

/** nodes.dat, version 2: each contact with its identifier, address (last byte first), ports, version of Kad, no key. */
function nodesFile(contacts: readonly EmuleSettings[]): Uint8Array {
  const bytes = [0, 0, 0, 0, 2, 0, 0, 0, contacts.length, 0, 0, 0];
  for (const { number, address, port } of contacts) {
    bytes.push(...kadId(number), ...address.split(".").map(Number).reverse());
    for (const each of [port + 10, port]) bytes.push(each & 255, each >> 8);
    bytes.push(8, 0, 0, 0, 0, 0, 0, 0, 0, 1);
  }
  return new Uint8Array(bytes);
}

/** server.met: one server, with the flags and the port of obfuscated connections (tags 92 and 97). */
function serversFile({ address, port, hidden }: NonNullable<EmuleSettings["server"]>): Uint8Array {
  const bytes = [0x0e, 1, 0, 0, 0, ...address.split(".").map(Number), port & 255, port >> 8, 2, 0, 0, 0];
  for (const [name, value] of [[0x92, 0x400], [0x97, hidden]] as const) {
    bytes.push(3, 1, 0, name, value & 255, value >> 8, 0, 0);
  }
  return new Uint8Array(bytes);
}
