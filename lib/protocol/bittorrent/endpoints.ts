/**
 * Endpoints as BitTorrent writes them: compact lists of 6 bytes for IPv4 (BEP 23) and 18 for IPv6 (BEP 7), with a node id
 * before them in DHT answers (BEP 5), and the sender's own listening port.
 * @module
 */
import type { Look } from "../classifier.ts";
import { ADVERTISED, CONFIRMED } from "../../state/state.ts";

/**
 * Reports the endpoints in `at … end` as advertised, records of `stride` bytes: 6 or 18 bare, 26 or 38 behind a 20-byte
 * node id. Port 0 and the unspecified address are noise that trackers do send; a record cut short is left out.
 */
export function endpoints(look: Look, at: number, end: number, stride: 6 | 18 | 26 | 38): void {
  const { view } = look;
  const six = stride === 18 || stride === 38;
  const lead = stride === 26 || stride === 38 ? 20 : 0;
  for (let record = at; record + stride <= end; record += stride) {
    const address = record + lead;
    const port = view.getUint16(address + (six ? 16 : 4));
    if (port === 0) continue;
    if (six) {
      const w0 = view.getInt32(address);
      // Zero in the first word is unspecified, loopback or mapped: none of them a peer of an IPv6 list.
      if (w0 === 0) continue;
      look.peer(
        w0,
        view.getInt32(address + 4),
        view.getInt32(address + 8),
        view.getInt32(address + 12),
        port,
        ADVERTISED,
      );
    } else {
      const w3 = view.getInt32(address);
      if (w3 !== 0) look.peer(0, 0, 0xffff, w3, port, ADVERTISED);
    }
  }
}

/**
 * Reports the port on which the sender says it listens, under the unspecified address `0,0,0,0`: the engine puts the
 * sender's address there. A client's word about itself is confirmed; from outside it could be spoofed, so it is advertised.
 */
export function listeningPort(look: Look, port: number): void {
  if (port > 0 && port < 65536) look.peer(0, 0, 0, 0, port, look.fromClient ? CONFIRMED : ADVERTISED);
}
