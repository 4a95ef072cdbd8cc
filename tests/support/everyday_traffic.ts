/**
 * Traffic that looks like peer-to-peer and is none, for live tests, with what was lost of it.
 *
 * `serve FOLDER` (with cert.pem, key.pem): HTTP 8080, HTTPS 8443 (`/large`: 40 MB), QUIC 4433. `echo`: a call 40000, WireGuard 51820,
 * OpenVPN 1194. `visit SERVER SECONDS FOLDER web|talk|dns` uses all of a kind at once, `dns` a resolver at port 53 with a
 * thousand questions a second, and prints one JSON line with counts.
 * @module
 */
import { Buffer } from "node:buffer";
import { createHash, randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { createServer as createHttp, get as httpGet } from "node:http";
import { createServer as createHttps, get as httpsGet } from "node:https";

const PAGE = 500_000;
/** Bytes of what is downloaded to see how fast that goes. */
const LARGE = 40_000_000;
const body = Buffer.alloc(PAGE, "No peer was asked for this. ");
const encode = (text: string) => new TextEncoder().encode(text);

/** What a UDP program says first, and then again and again; what it is answered. */
interface Talk {
  readonly port: number;
  readonly milliseconds: number;
  /** The datagram of this number; the number stands where its kind has a counter. */
  datagram(number: number): Buffer;
}

/** RTP of 160 bytes of voice at 50 a second, between STUN bindings (RFC 3550, RFC 8489). */
const call: Talk = {
  port: 40_000,
  milliseconds: 20,
  datagram(number) {
    if (number % 100 === 0) {
      const stun = Buffer.concat([Buffer.from("000100002112a442", "hex"), randomBytes(12)]);
      stun.writeUInt32BE(number, 16);
      return stun;
    }
    const rtp = Buffer.concat([Buffer.from("8060", "hex"), Buffer.alloc(10), randomBytes(160)]);
    rtp.writeUInt16BE(number & 0xffff, 2);
    rtp.writeUInt32BE(number * 160, 4);
    rtp.writeUInt32BE(0x1234567, 8);
    return rtp;
  },
};

/** WireGuard: initiation of 148 bytes, then data with a counter, padded to 16. */
const wireguard: Talk = {
  port: 51_820,
  milliseconds: 10,
  datagram(number) {
    if (number % 500 === 0) return Buffer.concat([Buffer.from("01000000", "hex"), randomBytes(144)]);
    const data = Buffer.concat([Buffer.from("04000000", "hex"), Buffer.alloc(12), randomBytes(16 * (2 + number % 80))]);
    data.writeUInt32LE(7, 4);
    data.writeUInt32LE(number, 8);
    return data;
  },
};

/** OpenVPN: hard reset (opcode 7), control, then data version 2 (opcode 9, peer, counter, tag, cipher text). */
const openvpn: Talk = {
  port: 1194,
  milliseconds: 10,
  datagram(number) {
    if (number === 0) return Buffer.concat([Buffer.from("38", "hex"), Buffer.alloc(8, 0x5a), Buffer.alloc(5)]);
    if (number < 4) {
      const control = Buffer.concat([
        Buffer.from("20", "hex"),
        Buffer.alloc(8, 0x5a),
        Buffer.alloc(5),
        randomBytes(180),
      ]);
      control.writeUInt32BE(number, 10);
      return control;
    }
    const data = Buffer.concat([Buffer.from("48000001", "hex"), Buffer.alloc(4), randomBytes(60 + number % 1200)]);
    data.writeUInt32BE(number, 4);
    return data;
  },
};

const TALKS: Readonly<Record<string, Talk>> = { call, wireguard, openvpn };

function serve(folder: string): void {
  const cert = Deno.readTextFileSync(`${folder}/cert.pem`);
  const key = Deno.readTextFileSync(`${folder}/key.pem`);
  const large = Buffer.alloc(LARGE, "No peer was asked for this either. ");
  const answer = (url = "") => url === "/large" ? large : body;
  createHttp((request, response) => response.end(answer(request.url))).listen(8080);
  createHttps({ cert, key }, (request, response) => response.end(answer(request.url))).listen(8443);
  quicServe(cert, key);
  Deno.stdout.writeSync(encode("ready\n"));
}

function echo(): void {
  for (const { port } of Object.values(TALKS)) {
    const socket = createSocket({ type: "udp4", recvBufferSize: 1 << 20 });
    socket.on("message", (bytes, from) => {
      const answer = Buffer.from(bytes);
      // The other side's words: STUN success, WireGuard response of 92 bytes, OpenVPN's reset by the server.
      if (answer[0] === 0 && answer[1] === 1) answer[0] = 1;
      const size = answer[0] === 1 && answer.length === 148 ? 92 : answer.length;
      if (size === 92) answer[0] = 2;
      if (answer[0] === 0x38) answer[0] = 0x40;
      socket.send(answer.subarray(0, size), from.port, from.address);
    });
    socket.bind(port);
  }
  Deno.stdout.writeSync(encode("ready\n"));
}

async function quicServe(cert: string, key: string): Promise<void> {
  const listener = new Deno.QuicEndpoint({ hostname: "0.0.0.0", port: 4433 }).listen({
    cert,
    key,
    alpnProtocols: ["h3"],
  });
  for await (const incoming of listener) {
    (async () => {
      const connection = await incoming.accept();
      for await (const stream of connection.incomingBidirectionalStreams) {
        const writer = stream.writable.getWriter();
        await writer.write(body);
        await writer.close();
      }
    })().catch(() => {});
  }
}

async function quicVisit(server: string): Promise<number> {
  const connection = await Deno.connectQuic({
    hostname: server,
    port: 4433,
    alpnProtocols: ["h3"],
    caCerts: [Deno.readTextFileSync(`${Deno.args[3]}/cert.pem`)],
    serverName: "hub.example",
  });
  const stream = await connection.createBidirectionalStream();
  const writer = stream.writable.getWriter();
  await writer.write(encode("GET /\r\n"));
  let bytes = 0;
  for await (const part of stream.readable) bytes += part.length;
  connection.close({ closeCode: 0, reason: "" });
  return bytes;
}

function fetchPage(url: string): Promise<string> {
  return new Promise((resolve) => {
    const hash = createHash("sha256");
    const get = url.startsWith("https") ? httpsGet : httpGet;
    const request = get(url, { rejectUnauthorized: false, timeout: 5000, agent: false }, (response) => {
      response.on("data", (part: Buffer) => hash.update(part));
      response.on("end", () => resolve(hash.digest("hex")));
      response.on("error", () => resolve("broken"));
    });
    request.on("error", () => resolve("refused"));
    request.on("timeout", () => request.destroy());
  });
}

async function visit(server: string, seconds: number, kind: string): Promise<void> {
  const found: Record<string, unknown> = {};
  const end = performance.now() + seconds * 1000;
  const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));
  const whole = createHash("sha256").update(body).digest("hex");
  const pages = async (name: string, url: string) => {
    const count = { ok: 0, failed: 0 };
    while (performance.now() < end) {
      if (await fetchPage(url) === whole) count.ok++;
      else count.failed++;
      await pause(300);
    }
    found[name] = count;
  };
  const quic = async () => {
    const count = { ok: 0, failed: 0, error: "" };
    while (performance.now() < end) {
      try {
        if (await quicVisit(server) === PAGE) count.ok++;
        else count.failed++;
      } catch (error) {
        count.failed++;
        count.error = (error as Error).message;
      }
      await pause(500);
    }
    found["quic"] = count;
  };
  const talk = async (name: string, { port, milliseconds, datagram }: Talk) => {
    const socket = createSocket({ type: "udp4", recvBufferSize: 1 << 20 });
    let answered = 0;
    socket.on("message", () => answered++);
    await new Promise<void>((resolve) => socket.bind(0, resolve));
    const begun = performance.now();
    let sent = 0;
    while (performance.now() < end) {
      for (; sent <= (performance.now() - begun) / milliseconds; sent++) socket.send(datagram(sent), port, server);
      await pause(5);
    }
    await pause(500);
    socket.close();
    found[name] = { sent, answered };
  };
  const flood = async () => {
    const socket = createSocket({ type: "udp4", recvBufferSize: 1 << 22 });
    let answered = 0;
    socket.on("message", () => answered++);
    await new Promise<void>((resolve) => socket.bind(0, resolve));
    const begun = performance.now();
    let sent = 0;
    while (performance.now() < end) {
      for (; sent <= performance.now() - begun; sent++) {
        const head = Buffer.from([sent >> 8 & 255, sent & 255, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
        socket.send(
          Buffer.concat([head, Buffer.from("\x03www\x07example\x03org\0\0\x01\0\x01", "latin1")]),
          53,
          server,
        );
      }
      await pause(2);
    }
    await pause(500);
    socket.close();
    found["dns"] = { sent, answered };
  };
  if (kind === "web") {
    await Promise.all([pages("http", `http://${server}:8080/`), pages("https", `https://${server}:8443/`), quic()]);
  } else if (kind === "dns") await flood();
  else await Promise.all(Object.entries(TALKS).map(([name, one]) => talk(name, one)));
  Deno.stdout.writeSync(encode(JSON.stringify(found) + "\n"));
}

if (import.meta.main) {
  const [what, first = "", second = "", , kind = ""] = Deno.args;
  if (what === "serve") serve(first);
  else if (what === "echo") echo();
  else if (what === "visit") {
    await visit(first, Number(second), kind);
    Deno.exit(0);
  } else throw new TypeError(`Cannot do "${what}": not a word of this program`);
}
