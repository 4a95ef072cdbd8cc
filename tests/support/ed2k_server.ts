/**
 * An eDonkey server for live tests, as no package of the distribution has one: `ed2k_server.ts ADDRESS PORT [HIDDEN]`.
 *
 * Logs clients in (with a high ID where their port can be reached), takes their offers, answers searches and questions for
 * sources, and passes on calls back to clients with a low ID. At HIDDEN it speaks the same under eMule's protocol
 * obfuscation. Frames: E3, length as u32le of what follows, opcode, body; numbers are little-endian. JSON lines: `ready`,
 * `login`, `offer`, `search`, `sources`, `callback`.
 * @module
 */
import { Buffer } from "node:buffer";
import { createHash, randomBytes } from "node:crypto";
import { connect, createServer, type Socket } from "node:net";
import { tell } from "./options.ts";
import { Rc4 } from "./rc4.ts";

const LOGIN = 0x01;
const OFFER_FILES = 0x15;
const SEARCH = 0x16;
const GET_SOURCES = 0x19;
const CALLBACK = 0x1c;
const GET_SOURCES_HIDDEN = 0x23;
const SEARCH_RESULT = 0x33;
const STATUS = 0x34;
const CALLBACK_REQUESTED = 0x35;
const CALLBACK_FAILED = 0x36;
const MESSAGE = 0x38;
const ID_CHANGE = 0x40;
const FOUND_SOURCES = 0x42;
const FOUND_SOURCES_HIDDEN = 0x44;
/** Tags of files and of logins; types of their values. */
const TAG_NAME = 0x01;
const TAG_SIZE = 0x02;
const TAG_SOURCES = 0x15;
const TAG_FLAGS = 0x20;
const TYPE_TEXT = 2;
const TYPE_U32 = 3;
/** What the server says that it can do: name users' hashes to those who obfuscate. */
const FLAG_OBFUSCATION = 0x400;
/** A client's own flags: supports, requests, requires obfuscation. */
const CLIENT_CRYPT_SHIFT = 9;
/** IDs below this are low: the client cannot be called. */
const LOW = 0x1000000;

interface Client {
  readonly send: (frame: Buffer) => void;
  readonly address: string;
  hash: Buffer;
  id: number;
  port: number;
  crypt: number;
}

interface File {
  readonly hash: Buffer;
  readonly name: string;
  readonly size: number;
  readonly owners: Set<Client>;
}

const u16 = (value: number) => Buffer.from([value & 255, value >> 8 & 255]);

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return bytes;
}

function frame(opcode: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat([Buffer.from([opcode]), ...parts]);
  return Buffer.concat([Buffer.from([0xe3]), u32(body.length), body]);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, "utf8");
  return Buffer.concat([u16(bytes.length), bytes]);
}

/** A tag with a name of one byte, in the old form. */
function tag(name: number, value: string | number): Buffer {
  const head = Buffer.from([typeof value === "string" ? TYPE_TEXT : TYPE_U32, 1, 0, name]);
  return Buffer.concat([head, typeof value === "string" ? text(value) : u32(value)]);
}

/** Reads a list of tags; unknown types end it. Answers where it ends. */
function readTags(bytes: Buffer, at: number, take: (name: number, value: string | number) => void): number {
  let next = at + 4;
  for (let left = bytes.readUInt32LE(at); left > 0; left--) {
    const type = bytes[next]! & 0x7f;
    // The high bit: the name is one byte, without its length.
    const short = (bytes[next]! & 0x80) !== 0;
    const length = short ? 1 : bytes.readUInt16LE(next + 1);
    const name = bytes[next + (short ? 1 : 3)]!;
    next += (short ? 1 : 3) + length;
    if (type === TYPE_TEXT) {
      const size = bytes.readUInt16LE(next);
      take(name, bytes.toString("utf8", next + 2, next + 2 + size));
      next += 2 + size;
    } else if (type > 0x10 && type <= 0x20) {
      take(name, bytes.toString("utf8", next, next + type - 0x10));
      next += type - 0x10;
    } else {
      const size = { 3: 4, 4: 4, 8: 2, 9: 1, 11: 8 }[type];
      if (size === undefined) throw new RangeError(`Cannot read a tag of type ${type}: not known`);
      take(name, size === 8 ? Number(bytes.readBigUInt64LE(next)) : bytes.readUIntLE(next, size));
      next += size;
    }
  }
  return next;
}

class Server {
  readonly #clients = new Set<Client>();
  readonly #files = new Map<string, File>();
  #low = 1;

  join(address: string, send: (frame: Buffer) => void): Client {
    const client = { send, address, hash: Buffer.alloc(16), id: 0, port: 0, crypt: 0 };
    this.#clients.add(client);
    return client;
  }

  leave(client: Client): void {
    this.#clients.delete(client);
    for (const file of this.#files.values()) file.owners.delete(client);
  }

  async handle(client: Client, opcode: number, body: Buffer): Promise<void> {
    if (opcode === LOGIN) await this.#login(client, body);
    else if (opcode === OFFER_FILES) this.#offer(client, body);
    else if (opcode === SEARCH) this.#search(client, body);
    else if (opcode === GET_SOURCES || opcode === GET_SOURCES_HIDDEN) {
      this.#sources(client, body.subarray(0, 16), opcode === GET_SOURCES_HIDDEN);
    } else if (opcode === CALLBACK) this.#callback(client, body.readUInt32LE(0));
  }

  async #login(client: Client, body: Buffer): Promise<void> {
    client.hash = Buffer.from(body.subarray(0, 16));
    client.port = body.readUInt16LE(20);
    readTags(body, 22, (name, value) => {
      if (name === TAG_FLAGS) client.crypt = Number(value) >> CLIENT_CRYPT_SHIFT & 7;
    });
    const open = await reachable(client.address, client.port);
    client.id = open ? Buffer.from(client.address.split(".").map(Number)).readUInt32LE(0) : this.#low++;
    client.send(frame(MESSAGE, text("Test server")));
    client.send(frame(ID_CHANGE, u32(client.id), u32(FLAG_OBFUSCATION)));
    client.send(frame(STATUS, u32(this.#clients.size), u32(this.#files.size)));
    tell("login", { address: client.address, port: client.port, high: open, crypt: client.crypt });
  }

  #offer(client: Client, body: Buffer): void {
    let at = 4;
    for (let left = body.readUInt32LE(0); left > 0; left--) {
      const hash = Buffer.from(body.subarray(at, at + 16));
      let name = "";
      let size = 0;
      at = readTags(body, at + 22, (tagName, value) => {
        if (tagName === TAG_NAME) name = String(value);
        if (tagName === TAG_SIZE) size = Number(value);
      });
      const key = hash.toString("hex");
      let file = this.#files.get(key);
      if (file === undefined) this.#files.set(key, file = { hash, name, size, owners: new Set() });
      file.owners.add(client);
      tell("offer", { name, size, by: client.address });
    }
  }

  /** Understands one string, which is what its tests search for: 01, length, text. */
  #search(client: Client, body: Buffer): void {
    if (body[0] !== 1) return;
    const wanted = body.toString("utf8", 3, 3 + body.readUInt16LE(1)).toLowerCase();
    const found = [...this.#files.values()].filter(({ name, owners }) =>
      owners.size > 0 && name.toLowerCase().includes(wanted)
    );
    const entries = found.map(({ hash, name, size, owners }) => {
      const [owner] = owners;
      const tags = [tag(TAG_NAME, name), tag(TAG_SIZE, size), tag(TAG_SOURCES, owners.size)];
      return Buffer.concat([hash, u32(owner!.id), u16(owner!.port), u32(tags.length), ...tags]);
    });
    client.send(frame(SEARCH_RESULT, u32(entries.length), ...entries));
    tell("search", { wanted, found: found.length });
  }

  #sources(client: Client, hash: Buffer, hidden: boolean): void {
    const owners = [...this.#files.get(hash.toString("hex"))?.owners ?? []].filter((owner) => owner !== client);
    const entries = owners.map(({ id, port, crypt, hash: user }) => {
      const place = [u32(id), u16(port)];
      // The high bit: the user's hash follows, without which nobody can speak obfuscated to him.
      return Buffer.concat(
        hidden
          ? [...place, Buffer.from([crypt | (crypt === 0 ? 0 : 0x80)]), crypt === 0 ? Buffer.alloc(0) : user]
          : place,
      );
    });
    client.send(frame(hidden ? FOUND_SOURCES_HIDDEN : FOUND_SOURCES, hash, Buffer.from([entries.length]), ...entries));
    tell("sources", { to: client.address, count: owners.length, hidden });
  }

  #callback(client: Client, id: number): void {
    const called = [...this.#clients].find((one) => one.id === id && id < LOW);
    tell("callback", { id, found: called !== undefined });
    if (called === undefined) return client.send(frame(CALLBACK_FAILED));
    const place = [u32(Buffer.from(client.address.split(".").map(Number)).readUInt32LE(0)), u16(client.port)];
    const crypt = client.crypt === 0 ? [] : [Buffer.from([client.crypt | 0x80]), client.hash];
    called.send(frame(CALLBACK_REQUESTED, ...place, ...crypt));
  }
}

/** Whether a connection to a client's port comes about. */
function reachable(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (open: boolean) => {
      clearTimeout(late);
      socket.destroy();
      resolve(open);
    };
    const late = setTimeout(() => end(false), 1500);
    socket.on("connect", () => end(true));
    socket.on("error", () => end(false));
  });
}

/** Cuts a stream into frames. */
function frames(client: Client, server: Server): (part: Buffer) => void {
  let kept: Buffer = Buffer.alloc(0);
  let turn = Promise.resolve();
  return (part) => {
    kept = Buffer.concat([kept, part]);
    while (kept.length >= 6 && kept.length >= 5 + kept.readUInt32LE(1)) {
      const end = 5 + kept.readUInt32LE(1);
      const opcode = kept[5]!;
      const body = Buffer.from(kept.subarray(6, end));
      kept = kept.subarray(end);
      turn = turn.then(() => server.handle(client, opcode, body)).catch((error) =>
        tell("error", { error: `${error}` })
      );
    }
  };
}

function addressOf(socket: Socket): string {
  return (socket.remoteAddress ?? "").replace("::ffff:", "");
}

function serve(server: Server, socket: Socket): void {
  const client = server.join(addressOf(socket), (bytes) => socket.write(bytes));
  socket.on("data", frames(client, server));
  socket.on("error", () => socket.destroy());
  socket.on("close", () => server.leave(client));
}

/** The prime of eMule's obfuscated server connections (768 bits, base 2), as every eMule has it. */
const PRIME = BigInt(
  "0xf2bf52c55f587add5371a936e886eb3c6217a33ec34cb40dc73a41a643affce721fc286366535bdbce259f2286da4a91" +
    "b207cbaa5255d4f61cceaed45ad5e0747df7781828105f340f762387f88b289142fb42688f05150f548b5f436af70df3",
);
const KEY_BYTES = 96;
/** What both sides prove to have the key by, and what tells their keys apart. */
const SYNC = 0x835e6fc4;
const FROM_CLIENT = 34;
const FROM_SERVER = 203;

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  for (let square = base % PRIME; exponent > 0n; exponent >>= 1n, square = square * square % PRIME) {
    if (exponent & 1n) result = result * square % PRIME;
  }
  return result;
}

const toBytes = (value: bigint) => Buffer.from(value.toString(16).padStart(KEY_BYTES * 2, "0"), "hex");
const toNumber = (bytes: Buffer) => BigInt(`0x${bytes.toString("hex")}`);

/**
 * The obfuscated handshake. The client: a byte, its half of the key (96 bytes), a length and as many random bytes. The
 * server: its half, then ciphered SYNC, two methods, length, random bytes. The client ciphered: SYNC, method, length, random
 * bytes, and frames from there on.
 */
function serveHidden(server: Server, socket: Socket): void {
  let kept: Buffer = Buffer.alloc(0);
  let input: Rc4 | null = null;
  let take: ((part: Buffer) => void) | null = null;
  let client: Client | null = null;
  socket.on("data", (part: Buffer) => {
    if (take !== null) return take(input!.apply(part));
    kept = Buffer.concat([kept, input === null ? part : input.apply(part)]);
    if (input === null) {
      if (kept.length < 2 + KEY_BYTES || kept.length < 2 + KEY_BYTES + kept[1 + KEY_BYTES]!) return;
      const secret = toNumber(randomBytes(16));
      const shared = toBytes(power(toNumber(kept.subarray(1, 1 + KEY_BYTES)), secret));
      const cipher = (whose: number) =>
        new Rc4(createHash("md5").update(shared).update(Buffer.from([whose])).digest(), 1024);
      const output = cipher(FROM_SERVER);
      input = cipher(FROM_CLIENT);
      kept = input.apply(kept.subarray(2 + KEY_BYTES + kept[1 + KEY_BYTES]!));
      const padding = randomBytes(5);
      const proof = Buffer.concat([u32(SYNC), Buffer.from([0, 0, padding.length]), padding]);
      socket.write(Buffer.concat([toBytes(power(2n, secret)), output.apply(proof)]));
      client = server.join(addressOf(socket), (bytes) => socket.write(output.apply(bytes)));
    }
    if (kept.length < 6 || kept.length < 6 + kept[5]!) return;
    if (kept.readUInt32LE(0) !== SYNC) return void socket.destroy();
    take = frames(client!, server);
    take(kept.subarray(6 + kept[5]!));
  });
  socket.on("error", () => socket.destroy());
  socket.on("close", () => client !== null && server.leave(client));
}

async function main(): Promise<void> {
  const [address = "", port = "", hidden = ""] = Deno.args;
  const server = new Server();
  const listen = (at: number, take: (server: Server, socket: Socket) => void) =>
    new Promise<void>((resolve) => createServer((socket) => take(server, socket)).listen(at, address, resolve));
  await listen(Number(port), serve);
  if (hidden !== "") await listen(Number(hidden), serveHidden);
  tell("ready");
}

if (import.meta.main) await main();
