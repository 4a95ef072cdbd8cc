/**
 * A Gnutella servent for live tests, byte-exact after the 0.6 handshake, the binary messages and the transfers as
 * gtk-gnutella speaks them: no servent is packaged.
 *
 * `share PORT BYTES` takes handshakes, answers pings over UDP and queries over TCP, and serves its file.
 * `fetch PEER` pings over UDP, shakes hands, queries, and fetches the file that the answer names; without an answer it goes
 * through its host cache again, and it fetches from the sources of its download list at once (`direct`). Every achievement is
 * a JSON line: `pong`, `handshake`, `hit`, `payload`.
 * @module
 */
import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { connect, createServer } from "node:net";
import { type Endpoint, readEndpoints, tell } from "./options.ts";

const PING = 0x00;
const PONG = 0x01;
const QUERY = 0x80;
const HIT = 0x81;
const URN = "urn:sha1:PLSTHIPQGSSZTS5FJUPAKUZWUGYQYPFB";
/** Milliseconds: patience for a connection, pause before the next round. */
const PATIENCE = 5000;
const PAUSE = 2000;

/** Header: identifier (byte 8 FF and byte 15 0 in modern servents), function, TTL, hops, length. */
function message(kind: number, payload: Buffer, ttl = 1): Buffer {
  const header = Buffer.alloc(23);
  randomBytes(16).copy(header);
  header[8] = 0xff;
  header[15] = 0;
  header[16] = kind;
  header[17] = ttl;
  header.writeUInt32LE(payload.length, 19);
  return Buffer.concat([header, payload]);
}

const handshake = [
  "GNUTELLA CONNECT/0.6",
  "Node: 10.91.1.20:6346",
  "User-Agent: gtk-gnutella/1.2.2 (2022-02-25; GTK2; Linux x86_64)",
  "Pong-Caching: 0.1",
  "GGEP: 0.5",
  "X-Ultrapeer: False",
  "Accept-Encoding: deflate",
  "",
  "",
].join("\r\n");
const answer = ["GNUTELLA/0.6 200 OK", "User-Agent: gtk-gnutella/1.2.2", "X-Ultrapeer: True", "GGEP: 0.5", "", ""].join(
  "\r\n",
);
const request = [
  `GET /uri-res/N2R?${URN} HTTP/1.1`,
  "Host: 198.51.100.2:6346",
  "User-Agent: gtk-gnutella/1.2.2",
  "X-Gnutella-Content-URN: " + URN,
  "Range: bytes=0-",
  "",
  "",
].join("\r\n");

function share(port: number, bytes: number): void {
  const file = Buffer.alloc(bytes, "This is no film. ");
  const udp = createSocket("udp4");
  udp.on("message", (ping, from) => {
    if (ping.length < 23 || ping[16] !== PING) return;
    const pong = Buffer.alloc(14);
    pong.writeUInt16LE(port);
    udp.send(message(PONG, pong), from.port, from.address);
  });
  udp.bind(port);
  createServer((socket) => {
    let kept: Buffer = Buffer.alloc(0);
    socket.on("error", () => socket.destroy());
    socket.on("data", (part: Buffer) => {
      kept = Buffer.concat([kept, part]);
      const text = kept.toString("latin1");
      if (text.startsWith("GNUTELLA CONNECT") && text.endsWith("\r\n\r\n")) {
        kept = Buffer.alloc(0);
        socket.write(answer);
      } else if (text.startsWith("GET ") && text.endsWith("\r\n\r\n")) {
        kept = Buffer.alloc(0);
        socket.write(
          `HTTP/1.1 200 OK\r\nServer: gtk-gnutella/1.2.2\r\nContent-Type: application/binary\r\n` +
            `Content-Length: ${bytes}\r\nX-Gnutella-Content-URN: ${URN}\r\n\r\n`,
        );
        socket.write(file);
      } else if (text.startsWith("GNUTELLA/0.6 200 OK")) {
        const end = text.indexOf("\r\n\r\n") + 4;
        if (end < 4 || kept.length < end + 23 || kept[end + 16] !== QUERY) return;
        kept = Buffer.alloc(0);
        socket.write(message(HIT, Buffer.alloc(60)));
      }
    });
  }).listen(port, "0.0.0.0", () => tell("ready"));
}

function transfer(peer: Endpoint, head: string, again: () => void): void {
  const socket = connect({ host: peer.address, port: peer.port });
  const late = setTimeout(() => socket.destroy(), PATIENCE);
  let received = -1;
  let text = "";
  socket.on("connect", () => socket.write(head));
  socket.on("data", (bytes: Buffer) => {
    clearTimeout(late);
    if (received >= 0) tell("payload", { received: received += bytes.length });
    else {
      text += bytes.toString("latin1");
      const end = text.indexOf("\r\n\r\n");
      if (end >= 0) tell("payload", { received: received = text.length - end - 4 });
    }
  });
  socket.on("error", () => socket.destroy());
  socket.on("close", () => {
    clearTimeout(late);
    again();
  });
}

function network(peer: Endpoint): void {
  const socket = connect({ host: peer.address, port: peer.port });
  const late = setTimeout(() => socket.destroy(), PATIENCE);
  let shaken = false;
  socket.on("connect", () => socket.write(handshake));
  socket.on("data", (bytes: Buffer) => {
    clearTimeout(late);
    if (!shaken && bytes.toString("latin1").startsWith("GNUTELLA/0.6 200")) {
      shaken = true;
      tell("handshake");
      // Minimum speed, what is looked for.
      const query = Buffer.concat([Buffer.from([0, 0x80]), Buffer.from("holiday film\0", "latin1")]);
      socket.write(Buffer.concat([Buffer.from("GNUTELLA/0.6 200 OK\r\n\r\n"), message(QUERY, query, 4)]));
    } else if (shaken && bytes.length >= 23 && bytes[16] === HIT) {
      tell("hit");
      transfer(peer, request, () => {});
    }
  });
  socket.on("error", () => socket.destroy());
  socket.on("close", () => {
    clearTimeout(late);
    setTimeout(() => network(peer), PAUSE);
  });
}

function fetchAll(peer: Endpoint, direct: boolean): void {
  const udp = createSocket("udp4");
  udp.on("message", (pong) => pong[16] === PONG && tell("pong"));
  udp.bind(0, () => {
    // GGEP SCP: supports cached pongs.
    const ping = () =>
      udp.send(message(PING, Buffer.from([0xc3, 0x83, 0x53, 0x43, 0x50, 0x41, 0x02])), peer.port, peer.address);
    ping();
    setInterval(ping, PAUSE);
  });
  if (!direct) return network(peer);
  const again = () => setTimeout(() => transfer(peer, request, again), PAUSE);
  transfer(peer, request, again);
}

if (import.meta.main) {
  const [what = "", first = "", second = ""] = Deno.args;
  if (what === "share") share(Number(first), Number(second));
  else if (what === "fetch") fetchAll(readEndpoints(first)[0]!, second === "direct");
  else throw new TypeError(`Cannot do "${what}": not a word of this program`);
}
