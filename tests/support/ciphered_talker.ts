/**
 * Conversations of `encrypted_flights.ts` over real TCP, random bytes in the lengths that the format has. Both sides draw
 * them from the caller's port.
 *
 * `--role serve|call`, `--name "MTProto, obfuscated"`, `--hosts 198.51.100.60-64:443,…`, `--seconds 60`, `--each 2`
 * (connections to each host). Told by the caller: `whole` and `broken` conversations.
 * @module
 */
import { Buffer } from "node:buffer";
import { connect, createServer, type Socket } from "node:net";
import { Draw, TALKERS, type Write } from "./encrypted_flights.ts";
import { readEndpoints, readOptions, tell } from "./options.ts";

const DEFAULTS = { role: "call", name: "", hosts: "", seconds: "60", each: "2" };
const options = readOptions(Deno.args, DEFAULTS);
const talker = TALKERS.find(({ name }) => name === options["name"]);
if (talker === undefined) throw new TypeError(`Cannot talk as "${options["name"]}": no such conversation`);

/** Goes through a conversation; false where the other side falls silent. */
function talk(socket: Socket, writes: readonly Write[], asOpener: boolean): Promise<boolean> {
  let [received, due, at] = [0, 0, 0];
  return new Promise((resolve) => {
    const end = (whole: boolean) => {
      clearTimeout(patience);
      resolve(whole);
    };
    let patience = setTimeout(end, 10_000, false);
    const next = (): void => {
      clearTimeout(patience);
      patience = setTimeout(end, 10_000, false);
      while (at < writes.length && writes[at]!.fromOpener !== asOpener) due += writes[at++]!.size;
      if (received < due) return;
      const write = writes[at++];
      if (write === undefined) return end(true);
      const bytes = crypto.getRandomValues(Buffer.alloc(write.size));
      if (write.lengthBytes > 0) bytes.writeUIntBE(write.size - write.lengthBytes, 0, write.lengthBytes);
      setTimeout(() => {
        socket.write(bytes);
        next();
      }, write.after);
    };
    socket.setNoDelay(true);
    socket.on("error", () => end(false));
    socket.on("close", () => end(received >= due && at >= writes.length));
    let waiting = false;
    socket.on("data", (bytes: Buffer) => {
      waiting = received < due;
      received += bytes.length;
      if (waiting && received >= due) next();
    });
    next();
  });
}

const hosts = readEndpoints(options["hosts"]!);
if (options["role"] === "serve") {
  for (const { address, port } of hosts) {
    createServer((socket) => {
      void talk(socket, talker.talk(new Draw(socket.remotePort ?? 0), port), false).then(() => socket.end());
    }).listen(port, address);
  }
  tell("ready");
} else {
  const seconds = Number(options["seconds"]);
  const calls = hosts.flatMap((host) => Array.from({ length: Number(options["each"]) }, () => host));
  const pause = seconds * 1000 / calls.length / 2;
  const running: Promise<void>[] = [];
  for (const { address, port } of calls) {
    const socket = connect({ host: address, port });
    running.push((async () => {
      const connected = await new Promise<boolean>((resolve) => {
        socket.on("connect", () => resolve(true)).on("error", () => resolve(false));
        setTimeout(resolve, 5000, false);
      });
      const whole = connected && await talk(socket, talker.talk(new Draw(socket.localPort ?? 0), port), true);
      socket.destroy();
      tell(whole ? "whole" : "broken", { address, port });
    })());
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
  await Promise.all(running);
  tell("finished");
  Deno.exit(0);
}
