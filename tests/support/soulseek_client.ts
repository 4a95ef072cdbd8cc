/**
 * A Soulseek client, server and peer for live tests, byte-exact after the protocol's public description (Nicotine+'s
 * SLSKPROTOCOL): no client of it is packaged without a desktop.
 *
 * `server PORT PEER` answers logins and tells where every user is: at PEER (`address:port`).
 * `share PORT BYTES` greets, takes transfer requests, and sends that many bytes over a file connection.
 * `fetch SERVER PEER [obfuscated]` logs in, asks where the sharing user is, asks it for a file and fetches it; without a
 * server it goes to the peer at once, as it does with a user of its list. Every step has the patience of the real client and is
 * tried again. Every achievement is a JSON line: `login`, `address`, `greeted`, `payload`.
 * @module
 */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { connect, createServer, type Socket } from "node:net";
import { type Endpoint, readEndpoints, tell } from "./options.ts";

const NAME = "listener";
const SHARER = "sharer";
const PASSWORD = "secret";
const FILE = "music\\song.mp3";
const TICKET = 0x1234;
/** Milliseconds: a connection that does not come about, and the pause before the next try. */
const PATIENCE = 5000;
const PAUSE = 2000;

const u32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};
const text = (value: string) => Buffer.concat([u32(value.length), Buffer.from(value, "latin1")]);
const framed = (...parts: readonly Buffer[]) => {
  const body = Buffer.concat(parts);
  return Buffer.concat([u32(body.length), body]);
};
/** Messages with the server and between peers have codes of four bytes, greetings one of a byte. */
const message = (code: number, ...parts: readonly Buffer[]) => framed(u32(code), ...parts);
const peerInit = (name: string, type: "P" | "F" | "D") => framed(Buffer.from([1]), text(name), text(type), u32(0));
const login = () =>
  message(
    1,
    text(NAME),
    text(PASSWORD),
    u32(160),
    text(createHash("md5").update(NAME + PASSWORD).digest("hex")),
    u32(1),
  );

/** The "rotated" obfuscation: a key in front, and each word xored with the key turned left by one more bit. */
function obfuscate(plain: Buffer, key: number): Buffer {
  const out = Buffer.alloc(plain.length + 4);
  out.writeUInt32LE(key);
  for (let at = 0; at < plain.length; at += 4) {
    key = ((key << 1) | (key >>> 31)) >>> 0;
    for (let i = 0; i < 4 && at + i < plain.length; i++) out[4 + at + i] = plain[at + i]! ^ (key >>> (8 * i) & 255);
  }
  return out;
}

/** Cuts a stream into messages. */
function messages(socket: Socket, take: (body: Buffer) => void): void {
  let kept: Buffer = Buffer.alloc(0);
  socket.on("data", (bytes: Buffer) => {
    kept = Buffer.concat([kept, bytes]);
    while (kept.length >= 4 && kept.length >= 4 + kept.readUInt32LE(0)) {
      const end = 4 + kept.readUInt32LE(0);
      const body = kept.subarray(4, end);
      kept = kept.subarray(end);
      take(body);
    }
  });
  socket.on("error", () => socket.destroy());
}

function serve(port: number, peer: Endpoint): void {
  createServer((socket) =>
    messages(socket, (body) => {
      const code = body.readUInt32LE(0);
      if (code === 1) socket.write(message(1, Buffer.from([1]), text("Welcome"), u32(0x0100007f)));
      if (code === 3) {
        const address = Buffer.from(peer.address.split(".").map(Number).reverse());
        socket.write(message(3, text(SHARER), address, u32(peer.port), u32(0), u32(0)));
      }
    })
  ).listen(port, "0.0.0.0", () => tell("ready"));
}

/** Takes a greeting, plain or obfuscated; over P a request for a file, over F the file. */
function share(port: number, bytes: number): void {
  const file = Buffer.alloc(bytes, "This is no music. ");
  createServer((socket) => {
    let kept: Buffer = Buffer.alloc(0);
    let greeted = "";
    socket.on("error", () => socket.destroy());
    socket.on("data", (part: Buffer) => {
      kept = Buffer.concat([kept, part]);
      if (greeted === "") {
        // Obfuscated greetings stand alone here: a key, then the greeting under it.
        let plain: Buffer = kept;
        if (kept.length > 8 && kept.readUInt32LE(0) > 200) {
          plain = obfuscate(kept.subarray(4), kept.readUInt32LE(0)).subarray(4);
        }
        if (plain.length < 5 || plain.length < 4 + plain.readUInt32LE(0)) return;
        const end = 4 + plain.readUInt32LE(0);
        greeted = String.fromCharCode(plain[end - 5]!);
        kept = kept.subarray(end + (plain === kept ? 0 : 4));
        tell("greeted", { type: greeted });
      }
      if (greeted === "P" && kept.length >= 8 && kept.length >= 4 + kept.readUInt32LE(0)) {
        kept = Buffer.alloc(0);
        // TransferRequest (40), direction upload, ticket, file, size.
        const size = Buffer.alloc(8);
        size.writeUInt32LE(bytes);
        socket.write(message(40, u32(1), u32(TICKET), text(FILE), size));
      }
      // A file connection: ticket of four bytes, offset of eight, then the file.
      if (greeted === "F" && kept.length >= 12) {
        kept = Buffer.alloc(0);
        socket.write(file);
      }
    });
  }).listen(port, "0.0.0.0", () => tell("ready"));
}

function open(endpoint: Endpoint, begin: (socket: Socket) => void, done: () => void): void {
  const socket = connect({ host: endpoint.address, port: endpoint.port });
  const late = setTimeout(() => socket.destroy(), PATIENCE);
  socket.on("connect", () => begin(socket));
  socket.on("data", () => clearTimeout(late));
  socket.on("error", () => socket.destroy());
  socket.on("close", () => {
    clearTimeout(late);
    done();
  });
}

function fetchFrom(peer: Endpoint, hidden: boolean): void {
  const greeting = (type: "P" | "F") => hidden ? obfuscate(peerInit(NAME, type), 0x9b3c51e7) : peerInit(NAME, type);
  let received = 0;
  const again = () => setTimeout(() => fetchFrom(peer, hidden), PAUSE);
  open(peer, (socket) => {
    socket.write(greeting("P"));
    // QueueUpload (43): the file, please.
    socket.write(message(43, text(FILE)));
    messages(socket, (body) => {
      if (body.readUInt32LE(0) !== 40) return;
      socket.write(message(41, u32(TICKET), Buffer.from([1])));
      open(peer, (file) => {
        file.write(greeting("F"));
        file.write(Buffer.concat([u32(TICKET), Buffer.alloc(8)]));
        file.on("data", (bytes: Buffer) => {
          received += bytes.length;
          tell("payload", { received });
        });
      }, () => {});
    });
  }, again);
}

function run(server: Endpoint | undefined, peer: Endpoint, hidden: boolean): void {
  if (server === undefined) return fetchFrom(peer, hidden);
  let known = false;
  open(server, (socket) => {
    socket.write(login());
    messages(socket, (body) => {
      const code = body.readUInt32LE(0);
      if (code === 1) {
        tell("login");
        // SetWaitPort (2), then GetPeerAddress (3).
        socket.write(message(2, u32(2234)));
        socket.write(message(3, text(SHARER)));
      } else if (code === 3 && !known) {
        known = true;
        tell("address");
        fetchFrom(peer, hidden);
      }
    });
  }, () => setTimeout(() => known || run(server, peer, hidden), PAUSE));
}

if (import.meta.main) {
  const [what = "", first = "", second = "", third = ""] = Deno.args;
  if (what === "server") serve(Number(first), readEndpoints(second)[0]!);
  else if (what === "share") share(Number(first), Number(second));
  else if (what === "fetch") run(readEndpoints(first)[0], readEndpoints(second)[0]!, third === "obfuscated");
  else throw new TypeError(`Cannot do "${what}": not a word of this program`);
}
