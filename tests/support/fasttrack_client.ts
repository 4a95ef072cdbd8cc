/**
 * A FastTrack client for live tests: behaves as Kazaa did when a firewall was in its way (`--as kazaa`), as giFT or as
 * mldonkey do, and shares nothing. Kazaa:
 *
 * 1. UDP: one payload to many peers from one port, at most ten unanswered at a time, 20 s of patience for each. As long as
 *    anybody answers it walks on through its list, and opens TCP only to peers that answered as supernodes (0x28).
 * 2. When nobody answers any more: TCP to the same peers, many at once.
 * 3. When that fails too: TCP one by one, each on its own port and then on the ports of `--ports`; then from the beginning.
 *
 * It answers pings from anywhere all the time; the other two answer none.
 *
 * giFT (giFT-FastTrack 0.8.9): TCP to the first of its list, one after the other, which takes it off the list; at each such
 * turn, unless pings still wait, it pings the first ten. Who answers 0x28 or 0x29 comes to the front of the list, who answers
 * anything else to the back, who answers nothing is forgotten where anybody answered, else comes to the back.
 *
 * mldonkey (3.1.7): a ping and a TCP connection to each of its list in turn, some at once, whatever comes back.
 *
 * Run by `deno run -A --no-check`; every achievement is a JSON line:
 * `started`, `phase`, `ping` (first to that peer), `pong`, `probed`, `walked`, `connected`, `session`, `payload`, `finished`.
 *
 * Options: `--peers 198.51.100.10-209:1214,…`, `--udp-port 1214`, `--network KaZaA`, `--ports 80`, `--scale 1` (all times
 * are multiplied), `--seconds 0` (end by itself, not scaled), `--transfer no` (ask a peer that took a connection for a
 * file), `--phases udp,parallel,serial`, `--as kazaa|gift|mldonkey`.
 * @module
 */
import { Buffer } from "node:buffer";
import { createSocket, type Socket as DatagramSocket } from "node:dgram";
import { connect as connectTo, isIPv6, type Socket } from "node:net";
import {
  LEAST_ENCRYPTION,
  NETWORKS,
  NODE_PONG,
  PING,
  pingNetwork,
  PONG,
  writeNodePong,
  writePing,
} from "../../lib/protocol/fasttrack/messages.ts";
import { type Endpoint, readEndpoints, readOptions, tell } from "./options.ts";

const DEFAULTS = {
  peers: "",
  "udp-port": "1214",
  network: "KaZaA",
  ports: "80",
  scale: "1",
  seconds: "0",
  transfer: "no",
  phases: "udp,parallel,serial",
  as: "kazaa",
};

/** Most pings that wait for an answer (giFT-FastTrack). */
const BATCH = 10;
/** Milliseconds: patience for a pong, for a TCP connection, for its handshake (giFT-FastTrack); pause between batches. */
const PONG_PATIENCE = 20_000;
const CONNECT_PATIENCE = 15_000;
const HANDSHAKE_PATIENCE = 10_000;
const PAUSE = 1_000;
/** Batches without any answer after which UDP counts as blocked. */
const SILENT_BATCHES = 2;
/** TCP connections tried at once in the second phase. */
const PARALLEL = 20;
/** The hash that is asked for. */
const HASH = "d67e5427fe7476d124cf656b7f5b20e0ff4ffbff";

/** What was achieved, told at the end. */
interface Totals {
  pings: number;
  pinged: number;
  pongs: number;
  supernodes: number;
  probes: number;
  attempts: number;
  connected: number;
  sessions: number;
  payload: number;
}

class Client {
  readonly #peers: readonly Endpoint[];
  readonly #ports: readonly number[];
  readonly #phases: readonly string[];
  readonly #as: string;
  readonly #scale: number;
  readonly #transfer: boolean;
  readonly #ping: Buffer;
  readonly #sockets = new Map<4 | 6, DatagramSocket>();
  readonly #waiting = new Map<string, (type?: number) => void>();
  readonly #pinged = new Set<string>();
  readonly #met = new Set<string>();
  readonly #stop = new AbortController();
  readonly #totals: Totals = {
    pings: 0,
    pinged: 0,
    pongs: 0,
    supernodes: 0,
    probes: 0,
    attempts: 0,
    connected: 0,
    sessions: 0,
    payload: 0,
  };

  constructor(options: Record<string, string>) {
    this.#peers = readEndpoints(options["peers"]!);
    this.#ports = options["ports"]!.split(",").filter((port) => port !== "").map(Number);
    this.#phases = options["phases"]!.split(",");
    this.#as = options["as"]!;
    this.#scale = Number(options["scale"]);
    this.#transfer = options["transfer"] === "yes";
    const network = NETWORKS.indexOf(options["network"]!);
    if (network < 0) throw new TypeError(`Cannot take network "${options["network"]}": known are ${NETWORKS}`);
    const ping = new Uint8Array(64);
    this.#ping = Buffer.from(ping.slice(0, writePing(ping, 0, LEAST_ENCRYPTION, network)));
    for (const family of [4, 6] as const) {
      const socket = createSocket({
        type: family === 4 ? "udp4" : "udp6",
        ...(family === 6 ? { ipv6Only: true } : {}),
      });
      socket.on("message", (payload, from) => this.#receive(family, payload, from));
      // A host without IPv6 has no such socket; refused datagrams (ICMP) are silence to this client.
      socket.on("error", () => {});
      socket.bind(Number(options["udp-port"]));
      this.#sockets.set(family, socket);
    }
  }

  /** Goes through the phases until stopped. */
  async run(): Promise<void> {
    tell("started", { peers: this.#peers.length });
    if (this.#as === "gift") await this.#asGift();
    if (this.#as === "mldonkey") await this.#asMldonkey();
    while (!this.#stop.signal.aborted) {
      for (const phase of this.#phases) {
        if (this.#stop.signal.aborted) break;
        tell("phase", { phase });
        if (phase === "udp") await this.#walk();
        else if (phase === "parallel") await this.#parallel();
        else await this.#serial();
      }
      await this.#sleep(PAUSE);
    }
    tell("finished", { ...this.#totals });
  }

  /** Ends the program. */
  stop(): void {
    this.#stop.abort();
    for (const settle of this.#waiting.values()) settle();
  }

  async #asGift(): Promise<void> {
    const list = this.#peers.slice();
    let pending = 0;
    let works = false;
    while (!this.#stop.signal.aborted && list.length > 0) {
      const next = list.shift()!;
      const session = this.#session(next, "session");
      for (const peer of pending > 0 ? [] : list.slice(0, BATCH)) {
        pending++;
        void this.#pingOne(peer).then((answer) => {
          pending--;
          works ||= answer >= 0;
          const at = list.indexOf(peer);
          // It may be the one that a session was tried with meanwhile: giFT puts that back as well.
          if (at >= 0) list.splice(at, 1);
          if (answer === PONG || answer === NODE_PONG) list.unshift(peer);
          else if (answer >= 0 || !works) list.push(peer);
        });
      }
      await session;
    }
  }

  async #asMldonkey(): Promise<void> {
    const queue = this.#peers.slice();
    await Promise.all(Array.from({ length: BATCH }, async () => {
      for (let peer = queue.shift(); peer !== undefined && !this.#stop.signal.aborted; peer = queue.shift()) {
        void this.#pingOne(peer);
        await this.#session(peer, "session");
        queue.push(peer);
      }
    }));
  }

  /** First phase; returns when UDP seems to be blocked. */
  async #walk(): Promise<void> {
    let silent = 0;
    while (!this.#stop.signal.aborted && silent < SILENT_BATCHES) {
      let answers = 0;
      for (let at = 0; at < this.#peers.length && silent < SILENT_BATCHES; at += BATCH) {
        if (this.#stop.signal.aborted) return;
        const before = this.#totals.pongs;
        await Promise.all(this.#peers.slice(at, at + BATCH).map((peer) => this.#pingOne(peer)));
        const pongs = this.#totals.pongs - before;
        answers += pongs;
        silent = pongs === 0 ? silent + 1 : 0;
        await this.#sleep(PAUSE);
      }
      tell("walked", { pinged: this.#pinged.size, answers });
      if (this.#peers.length === 0) return;
    }
  }

  /** Pings one peer; settles with the type of its answer, or with -1 when patience ends. */
  #pingOne(peer: Endpoint): Promise<number> {
    const key = `${peer.address} ${peer.port}`;
    if (!this.#pinged.has(key)) {
      this.#pinged.add(key);
      this.#totals.pinged++;
      tell("ping", { peer: peer.address });
    }
    this.#totals.pings++;
    return new Promise((resolve) => {
      const settle = (type = -1) => {
        clearTimeout(timer);
        this.#waiting.delete(key);
        resolve(type);
      };
      const timer = setTimeout(() => settle(), PONG_PATIENCE * this.#scale);
      this.#waiting.set(key, settle);
      this.#sockets.get(isIPv6(peer.address) ? 6 : 4)!.send(this.#ping, peer.port, peer.address, () => {});
    });
  }

  #receive(family: 4 | 6, payload: Uint8Array, from: { address: string; port: number }): void {
    if (payload[0] === PING && pingNetwork(payload, 0, payload.length) >= 0) {
      if (this.#as !== "kazaa") return;
      this.#totals.probes++;
      const pong = new Uint8Array(13);
      writeNodePong(pong, 0, LEAST_ENCRYPTION, 0x0badcafe);
      this.#sockets.get(family)!.send(Buffer.from(pong), from.port, from.address, () => {});
      tell("probed", { from: from.address });
      return;
    }
    const settle = this.#waiting.get(`${from.address} ${from.port}`);
    if (settle === undefined) return;
    if (this.#as !== "kazaa") return settle(payload[0]);
    if (payload[0] !== PONG && payload[0] !== NODE_PONG) return;
    this.#totals.pongs++;
    tell("pong", { peer: from.address, type: payload[0] });
    settle();
    // One session a peer: a client that has one does not open it anew with each pong.
    if (payload[0] === PONG && !this.#met.has(from.address)) {
      this.#totals.supernodes++;
      void this.#session({ address: from.address, port: from.port }, "udp");
    }
  }

  /** Second phase: the same peers by TCP, many at once. */
  async #parallel(): Promise<void> {
    const queue = this.#peers.slice();
    const worker = async () => {
      for (let peer = queue.shift(); peer !== undefined && !this.#stop.signal.aborted; peer = queue.shift()) {
        await this.#session(peer, "parallel");
      }
    };
    await Promise.all(Array.from({ length: PARALLEL }, worker));
  }

  /** Third phase: one by one, also on ports that every firewall lets out. */
  async #serial(): Promise<void> {
    for (const { address, port } of this.#peers) {
      for (const tried of new Set([port, ...this.#ports])) {
        if (this.#stop.signal.aborted) return;
        await this.#session({ address, port: tried }, "serial");
      }
    }
  }

  /** Connects and exchanges the 12-byte hello; then asks for a file where that is wanted. */
  async #session(peer: Endpoint, phase: string): Promise<void> {
    const hello = Buffer.alloc(12);
    crypto.getRandomValues(hello);
    // The free clients have a constant there. A first byte of "G" would be an HTTP request to the other side.
    hello.writeUInt32BE(this.#as === "kazaa" ? 0x9d000000 : 0xfa00b62b, 0);
    const received = await this.#exchange(peer, phase, hello, 8, HANDSHAKE_PATIENCE);
    if (received < 8) return;
    this.#totals.sessions++;
    this.#met.add(peer.address);
    tell("session", { peer: peer.address, port: peer.port, phase });
    if (!this.#transfer) return;
    const request = `GET /.hash=${HASH} HTTP/1.1\r\nHost: ${peer.address}:${peer.port}\r\n` +
      "UserAgent: KazaaClient Nov  3 2002 20:29:03\r\nX-Kazaa-Username: tester\r\nX-Kazaa-Network: KaZaA\r\n" +
      `X-Kazaa-IP: 192.0.2.1:1214\r\nX-Kazaa-SupernodeIP: ${peer.address}:${peer.port}\r\nConnection: close\r\n\r\n`;
    const payload = await this.#exchange(
      peer,
      "transfer",
      Buffer.from(request, "latin1"),
      Infinity,
      HANDSHAKE_PATIENCE,
    );
    this.#totals.payload += payload;
    tell("payload", { peer: peer.address, bytes: payload });
  }

  /** Sends bytes on a new connection; how many came back before `enough`, the end or the end of patience. */
  #exchange(peer: Endpoint, phase: string, request: Buffer, enough: number, patience: number): Promise<number> {
    this.#totals.attempts++;
    return new Promise((resolve) => {
      let received = 0;
      const socket: Socket = connectTo({ host: peer.address, port: peer.port });
      const finish = () => {
        clearTimeout(timer);
        this.#stop.signal.removeEventListener("abort", finish);
        socket.destroy();
        resolve(received);
      };
      let timer = setTimeout(finish, CONNECT_PATIENCE * this.#scale);
      this.#stop.signal.addEventListener("abort", finish);
      socket.on("error", finish);
      socket.on("close", finish);
      socket.on("connect", () => {
        this.#totals.connected++;
        tell("connected", { peer: peer.address, port: peer.port, phase });
        clearTimeout(timer);
        timer = setTimeout(finish, patience * this.#scale);
        socket.write(request);
      });
      socket.on("data", (bytes: Uint8Array) => {
        received += bytes.length;
        if (received >= enough) finish();
      });
    });
  }

  #sleep(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const { signal } = this.#stop;
      const wake = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", wake);
        resolve();
      };
      const timer = setTimeout(wake, milliseconds * this.#scale);
      signal.addEventListener("abort", wake);
      if (signal.aborted) wake();
    });
  }
}

async function main(): Promise<void> {
  const options = readOptions(Deno.args, DEFAULTS);
  const client = new Client(options);
  Deno.addSignalListener("SIGTERM", () => client.stop());
  Deno.addSignalListener("SIGINT", () => client.stop());
  const seconds = Number(options["seconds"]);
  if (seconds > 0) setTimeout(() => client.stop(), seconds * 1000);
  await client.run();
  Deno.exit(0);
}

if (import.meta.main) await main();
