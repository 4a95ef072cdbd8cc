/**
 * Everyday traffic for live tests, and single odd packets; runs inside a namespace. Every line on stdout is JSON.
 *
 *     serve ADDRESS…               HTTP on port 80 (/SIZE answers that many bytes) and an echo on TCP port 22
 *     surf URL MS [PATIENCE]       fetches URL every MS and tells of each: {"ok":…,"hash":…}
 *     stream HOST MS               one TCP connection to port 22: a numbered line every MS, told when it comes back
 *     many HOST COUNT MS           COUNT TCP connections to port 22, one each MS, with a line a second; SIGTERM has each say
 *                                  one more: {"opened":…,"failed":…,"closed":…,"silent":…}
 *     resolve HOST NAME TYPE MS    asks the resolver HOST for NAME every MS: {"ok":…,"answers":[…]}
 *     flood HOST PORT RATE SOCKETS [COUNT]  numbered datagrams, RATE a second from SOCKETS ports, until COUNT or SIGTERM: {"sent":…}
 *     sink PORT                    counts them, those too that it was too slow to read; SIGUSR1 makes it tell, once none comes any more: {"received":…,"missing":…}
 *     send FROM HOST PORT HEX [MS] one datagram from port FROM (0: any), and what comes back within MS: {"answers":[…]}
 *     fake ADDRESS HEX             answers every datagram to port 53 of ADDRESS with the same bytes
 *     hear PORT                    tells of every datagram: {"from":…,"hex":…}
 *     dial HOST PORT MS HEX        connects and sends: {"connected":…,"received":…,"error":…,"took":ms}
 */
import { Buffer } from "node:buffer";
import { createSocket, type Socket } from "node:dgram";
import { Resolver } from "node:dns/promises";
import { connect, createServer, type Socket as Stream } from "node:net";
import { createServer as createHttpServer } from "node:http";
import { isIPv6 } from "node:net";
import { createHash } from "node:crypto";

const [what = "", ...rest] = Deno.args;
const encoder = new TextEncoder();

function tell(fields: Readonly<Record<string, unknown>>): void {
  Deno.stdout.writeSync(encoder.encode(JSON.stringify({ at: Date.now(), ...fields }) + "\n"));
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

async function serve(addresses: readonly string[]): Promise<void> {
  const bodies = new Map<number, Buffer>();
  for (const address of addresses) {
    const web = createHttpServer((request, response) => {
      const size = Number(request.url?.slice(1) ?? "0") || 0;
      let body = bodies.get(size);
      if (body === undefined) bodies.set(size, body = Buffer.alloc(size, "all traffic is not the same. "));
      response.writeHead(200, { "Content-Length": size, "Content-Type": "application/octet-stream" });
      response.end(body);
    });
    const shell = createServer((socket) => {
      socket.setNoDelay(true);
      socket.on("error", () => socket.destroy());
      socket.write("SSH-2.0-OpenSSH_9.6\r\n");
      socket.pipe(socket);
    });
    await new Promise<void>((resolve) => web.listen(80, address, resolve));
    await new Promise<void>((resolve) => shell.listen(22, address, resolve));
  }
  tell({ event: "ready" });
}

async function surf(url: string, every: number, patience: number): Promise<void> {
  while (true) {
    const begun = Date.now();
    try {
      // A fresh connection each time, as a blocked client must not live on an old one.
      const response = await fetch(url, {
        signal: AbortSignal.timeout(patience),
        headers: { Connection: "close" },
      });
      const body = new Uint8Array(await response.arrayBuffer());
      tell({ begun, ok: true, bytes: body.length, hash: createHash("sha256").update(body).digest("hex") });
    } catch (error) {
      tell({ begun, ok: false, error: (error as Error).name });
    }
    await pause(every);
  }
}

function stream(host: string, every: number): void {
  let sent = 0;
  let text = "";
  const socket = connect({ host, port: 22 });
  socket.setNoDelay(true);
  socket.on("connect", () => {
    tell({ event: "ready" });
    setInterval(() => socket.write(`${sent++} ${"x".repeat(sent % 97)}\n`), every);
  });
  socket.on("data", (bytes: Buffer) => {
    text += bytes.toString("latin1");
    const lines = text.split("\n");
    text = lines.pop()!;
    for (const line of lines) {
      const echoed = /^(\d+) /.exec(line);
      if (echoed !== null) tell({ echoed: Number(echoed[1]), sent });
    }
  });
  socket.on("error", (error) => tell({ error: error.message }));
  socket.on("close", () => tell({ event: "closed" }));
}

async function many(host: string, count: number, every: number): Promise<void> {
  const state = { opened: 0, failed: 0, closed: 0 };
  const echoed = new Map<Stream, boolean>();
  let ended = false;
  for (let at = 0; at < count && !ended; at++) {
    if (at === 0) Deno.addSignalListener("SIGTERM", () => ended = true);
    const socket = connect({ host, port: 22 });
    socket.setNoDelay(true);
    let open = false;
    socket.on("connect", () => {
      open = true;
      state.opened++;
      echoed.set(socket, false);
      setInterval(() => socket.write("a line\n"), 1000);
    });
    socket.on("data", (bytes: Buffer) => bytes.includes("the last") && echoed.set(socket, true));
    socket.on("error", () => {});
    socket.on("close", () => open ? state.closed++ : state.failed++);
    await pause(every);
  }
  tell({ event: "all" });
  while (!ended) await pause(50);
  for (const socket of echoed.keys()) socket.write("the last\n");
  const silent = () => [...echoed.values()].filter((heard) => !heard).length;
  // A packet of it may have to be sent again.
  for (let turn = 0; turn < 100 && silent() > 0; turn++) await pause(100);
  tell({ ...state, failed: state.failed + (count - state.opened - state.failed), silent: silent() });
  Deno.exit(0);
}

async function resolve(host: string, name: string, type: string, every: number): Promise<void> {
  while (true) {
    const resolver = new Resolver({ timeout: 1500, tries: 1 });
    resolver.setServers([isIPv6(host) ? `[${host}]` : host]);
    try {
      tell({ ok: true, answers: await resolver.resolve(name, type) });
    } catch (error) {
      tell({ ok: false, error: (error as Error).message });
    }
    if (every === 0) return;
    await pause(every);
  }
}

async function flood(host: string, port: number, rate: number, sockets: number, count: number): Promise<void> {
  const senders: Socket[] = [];
  for (let at = 0; at < sockets; at++) {
    const socket = createSocket({ type: isIPv6(host) ? "udp6" : "udp4" });
    await new Promise<void>((resolve) => socket.connect(port, host, resolve));
    socket.on("error", () => {});
    senders.push(socket);
  }
  const begun = performance.now();
  let sent = 0;
  let done = 0;
  let failed = 0;
  let ended = false;
  Deno.addSignalListener("SIGTERM", () => ended = true);
  while (!ended && sent < count) {
    const due = Math.min(count, Math.ceil((performance.now() - begun) * rate / 1000));
    for (; sent < due; sent++) {
      const bytes = Buffer.alloc(100, 0x20);
      bytes.writeUInt32BE(sent, 0);
      senders[sent % sockets]!.send(bytes, (error) => {
        done++;
        if (error !== null) failed++;
      });
    }
    await pause(2);
  }
  while (done < sent) await pause(2);
  tell({ sent, failed });
  Deno.exit(0);
}

/** Datagrams that came to the socket on this port and found its buffer full, as the kernel counts them. */
function overflowed(port: number): number {
  const local = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const lines = Deno.readTextFileSync("/proc/net/udp6").trim().split("\n").slice(1);
  const line = lines.map((text) => text.trim().split(/\s+/)).find((fields) => fields[1]!.endsWith(local));
  return Number(line?.at(-1) ?? 0);
}

/** Turns of 30 ms without a datagram after which none is on its way. */
const QUIET_TURNS = 10;

function sink(port: number): void {
  const seen = new Set<number>();
  let highest = -1;
  const socket = createSocket({ type: "udp6", recvBufferSize: 1 << 22 });
  socket.on("message", (bytes) => {
    const number = bytes.readUInt32BE(0);
    seen.add(number);
    if (number > highest) highest = number;
  });
  Deno.addSignalListener("SIGUSR1", async () => {
    // What waits in the socket is read first, however busy the machine is: turns of the loop count, not time.
    let before = -1;
    for (let quiet = 0; quiet < QUIET_TURNS; quiet = seen.size === before ? quiet + 1 : 0) {
      before = seen.size;
      await pause(30);
    }
    const received = seen.size + overflowed(port);
    tell({ received, missing: Math.max(0, highest + 1 - received) });
  });
  socket.bind(port, () => tell({ event: "ready" }));
}

async function send(from: number, host: string, port: number, hex: string, patience: number): Promise<void> {
  const socket = createSocket({ type: isIPv6(host) ? "udp6" : "udp4" });
  const answers: string[] = [];
  socket.on("error", () => {});
  socket.on("message", (bytes, peer) => answers.push(`${peer.address} ${peer.port} ${bytes.toString("hex")}`));
  await new Promise<void>((resolve) => socket.bind(from, resolve));
  await new Promise((resolve) => socket.send(Buffer.from(hex, "hex"), port, host, resolve));
  await pause(patience);
  tell({ answers });
  socket.close();
}

function hear(port: number): void {
  let open = 0;
  for (const type of ["udp4", "udp6"] as const) {
    const socket = createSocket(type === "udp6" ? { type, ipv6Only: true } : { type });
    socket.on("message", (bytes, peer) => tell({ from: peer.address, port: peer.port, hex: bytes.toString("hex") }));
    socket.bind(port, () => {
      if (++open === 2) tell({ event: "ready" });
    });
  }
}

function fake(address: string, hex: string): void {
  const socket = createSocket(isIPv6(address) ? "udp6" : "udp4");
  socket.on("message", (_, peer) => socket.send(Buffer.from(hex, "hex"), peer.port, peer.address));
  socket.bind(53, address, () => tell({ event: "ready" }));
}

function dial(host: string, port: number, patience: number, hex: string): void {
  let connected = false;
  let received = "";
  const socket = connect({ host, port });
  const began = performance.now();
  const end = (error: string | null) => {
    tell({ connected, received, error, took: performance.now() - began });
    Deno.exit(0);
  };
  setTimeout(() => end(connected ? null : "timeout"), patience);
  socket.on("connect", () => {
    connected = true;
    if (hex !== "") socket.write(Buffer.from(hex, "hex"));
  });
  socket.on("data", (bytes: Buffer) => received += bytes.toString("hex"));
  socket.on("error", (error) => end((error as { code?: string }).code ?? error.message));
}

const number = (at: number, otherwise = 0) => rest[at] === undefined ? otherwise : Number(rest[at]);
const text = (at: number) => rest[at] ?? "";
if (import.meta.main) {
  if (what === "serve") await serve(rest);
  else if (what === "surf") await surf(text(0), number(1), number(2, 2000));
  else if (what === "stream") stream(text(0), number(1));
  else if (what === "many") await many(text(0), number(1), number(2));
  else if (what === "resolve") await resolve(text(0), text(1), text(2), number(3));
  else if (what === "flood") await flood(text(0), number(1), number(2), number(3), number(4, Infinity));
  else if (what === "sink") sink(number(0));
  else if (what === "send") await send(number(0), text(1), number(2), text(3), number(4));
  else if (what === "fake") fake(text(0), text(1));
  else if (what === "hear") hear(number(0));
  else if (what === "dial") dial(text(0), number(1), number(2), text(3));
  else throw new TypeError(`Cannot do "${what}": not a word of this program`);
}
