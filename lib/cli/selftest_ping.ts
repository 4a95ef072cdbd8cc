/**
 * Sends the ping of `ftwall selftest`, within the namespace that was made for it.
 * @module
 */
import { Libc } from "../../ffi/libc.ts";
import { RawSender } from "../../ffi/raw_socket.ts";
import { parseAddress } from "../net/address.ts";
import { PROTOCOLS } from "../protocol/mod.ts";
import { FAILED, Failure, USAGE } from "../report/failure.ts";
import { buildUdp, Ends } from "../wire/build.ts";

/** Any port: the ping is told by its bytes. */
const PORT = 31214;

/** Sends the ping of a protocol; `wanted` is `PROTOCOL CLIENT PEER`. Throws a {@link Failure}. */
export function sendPing(wanted: string): void {
  const [name, client = "", peer = ""] = wanted.split(" ");
  const payload = PROTOCOLS.find((protocol) => protocol.name === name)?.probe?.();
  const from = parseAddress(client);
  const to = parseAddress(peer);
  if (payload === undefined || from === null || to === null) {
    throw new Failure(USAGE, "Cannot send the ping of the test: expected a protocol that has one, and two addresses");
  }
  const packet = new Uint8Array(new ArrayBuffer(60 + payload.length));
  const ends = new Ends().from(...from, PORT).to(...to, PORT);
  const size = buildUdp(packet, new DataView(packet.buffer), 0, ends, payload);
  const libc = Libc.open();
  using _libc = libc;
  const sender = RawSender.open(libc);
  using _ = sender;
  const errno = sender.send(packet, 0, size, ...to);
  if (errno !== 0) throw new Failure(FAILED, `Cannot send the ping of the test: ${libc.describe(errno)}`);
}
