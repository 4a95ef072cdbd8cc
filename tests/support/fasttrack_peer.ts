/**
 * FastTrack's other side for live tests: supernodes or ordinary nodes on any number of addresses.
 *
 * Answers UDP pings from the address that was pinged (0x28 or 0x29), session hellos with 8 bytes and 6 more, and
 * `GET /.hash=…` with a file of `--bytes` and Kazaa's headers. JSON lines: `ready`, `pinged`, `accepted`, `served`.
 *
 * Options: `--listen 198.51.100.10-209:1214,…`, `--answer 28|29|none`, `--bytes 100000`, `--network KaZaA`.
 * @module
 */
import { Buffer } from "node:buffer";
import { createSocket } from "node:dgram";
import { createServer, isIPv6 } from "node:net";
import { LEAST_ENCRYPTION, PING, pingNetwork, writeNodePong } from "../../lib/protocol/fasttrack/messages.ts";
import { type Endpoint, readEndpoints, readOptions, tell } from "./options.ts";

const DEFAULTS = { listen: "", answer: "28", bytes: "100000", network: "KaZaA" };

/** The pong that this peer gives: a supernode's, an ordinary node's, or none. */
function pong(answer: string, network: string): Buffer | null {
  if (answer === "none") return null;
  if (answer === "29") {
    const bytes = new Uint8Array(13);
    writeNodePong(bytes, 0, LEAST_ENCRYPTION, 0x12345678);
    return Buffer.from(bytes);
  }
  return Buffer.concat([
    Buffer.from("2800000029007b3c133c0f", "hex"),
    Buffer.from(`${network}\0`, "latin1"),
  ]);
}

function listenUdp({ address, port }: Endpoint, answer: Buffer | null): Promise<void> {
  const socket = createSocket(isIPv6(address) ? "udp6" : "udp4");
  socket.on("message", (payload, from) => {
    if (payload[0] !== PING || pingNetwork(payload, 0, payload.length) < 0) return;
    tell("pinged", { address, from: from.address });
    if (answer !== null) socket.send(answer, from.port, from.address, () => {});
  });
  return new Promise((resolve, reject) => {
    socket.on("error", reject);
    socket.bind(port, address, () => resolve());
  });
}

function listenTcp({ address, port }: Endpoint, bytes: number): Promise<void> {
  const file = Buffer.alloc(bytes, "ID3");
  const server = createServer((socket) => {
    tell("accepted", { address, port, from: socket.remoteAddress });
    let request = Buffer.alloc(0);
    socket.on("error", () => socket.destroy());
    socket.on("data", (part: Buffer) => {
      request = Buffer.concat([request, part]);
      if (request.length > 8192) return void socket.destroy();
      if (request[0] !== 0x47) {
        if (request.length < 12) return;
        socket.write(Buffer.from("313375a014042029" + "dc1be4773ad2", "hex"));
        return;
      }
      if (!request.includes("\r\n\r\n")) return;
      const head = `HTTP/1.1 200 OK\r\nServer: KazaaClient Nov  3 2002 20:29:03\r\nX-Kazaa-Username: peer\r\n` +
        `X-Kazaa-Network: KaZaA\r\nX-Kazaa-IP: ${address}:${port}\r\nX-Kazaa-SupernodeIP: ${address}:${port}\r\n` +
        `Content-Length: ${bytes}\r\nConnection: close\r\n\r\n`;
      socket.write(head);
      socket.end(file, () => tell("served", { address, to: socket.remoteAddress, bytes }));
    });
  });
  return new Promise((resolve, reject) => {
    server.on("error", reject);
    server.listen(port, address, () => resolve());
  });
}

async function main(): Promise<void> {
  const options = readOptions(Deno.args, DEFAULTS);
  const endpoints = readEndpoints(options["listen"]!);
  const answer = pong(options["answer"]!, options["network"]!);
  for (const endpoint of endpoints) {
    await listenUdp(endpoint, answer);
    await listenTcp(endpoint, Number(options["bytes"]));
  }
  Deno.addSignalListener("SIGTERM", () => Deno.exit(0));
  tell("ready", { endpoints: endpoints.length });
}

if (import.meta.main) await main();
