/**
 * A tracker for live tests that names the same peers to everybody: HTTP, HTTPS and UDP (BEP 3, 15, 23), whatever torrent.
 *
 * Options: `--address 198.51.100.2`, `--port 6969` (HTTP and UDP; HTTPS one above), `--peers 198.51.100.60-67:41000,…`,
 * `--cert FILE`, `--key FILE`. JSON lines: `ready`, `announced` (by).
 * @module
 */
import { Buffer } from "node:buffer";
import { createSocket } from "node:dgram";
import { createServer, type RequestListener } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { readEndpoints, readOptions, tell } from "./options.ts";

const DEFAULTS = { address: "198.51.100.2", port: "6969", peers: "", cert: "", key: "" };
/** Seconds between announcements. */
const INTERVAL = 120;

const options = readOptions(Deno.args, DEFAULTS);
const peers = Buffer.concat(
  readEndpoints(options["peers"]!).map(({ address, port }) =>
    Buffer.from([...address.split(".").map(Number), port >> 8, port & 255])
  ),
);
const port = Number(options["port"]);
const answer: RequestListener = (request, response) => {
  tell("announced", { by: "http", from: request.socket.remoteAddress });
  const head = `d8:completei${peers.length / 6}e8:intervali${INTERVAL}e5:peers${peers.length}:`;
  response.end(Buffer.concat([Buffer.from(head), peers, Buffer.from("e")]));
};
const address = options["address"]!;
createServer(answer).listen(port, address);
if (options["cert"] !== "") {
  const material = { cert: Deno.readTextFileSync(options["cert"]!), key: Deno.readTextFileSync(options["key"]!) };
  createSecureServer(material, answer).listen(port + 1, address);
}
const socket = createSocket("udp4");
socket.on("message", (asked: Buffer, from) => {
  if (asked.length < 16) return;
  const action = asked.readUInt32BE(8);
  const head = Buffer.alloc(action === 0 ? 16 : 20);
  head.writeUInt32BE(action, 0);
  asked.copy(head, 4, 12, 16);
  if (action === 0) head.writeUInt32BE(0xc0ffee, 8);
  else {
    head.writeUInt32BE(INTERVAL, 8);
    head.writeUInt32BE(peers.length / 6, 16);
    tell("announced", { by: "udp", from: from.address });
  }
  socket.send(action === 1 ? Buffer.concat([head, peers]) : head, from.port, from.address, () => {});
});
socket.bind(port, address, () => tell("ready", {}));
