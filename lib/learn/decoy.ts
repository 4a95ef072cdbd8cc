/**
 * Decoys: answers to a client in its peer's name.
 * @module
 */
import type { FlowEnds } from "./flow_ends.ts";
import type { Sending } from "./outbox.ts";

/** A decoy for the client of this flow, in its peer's name. */
export function decoySending(ends: FlowEnds, payload: Uint8Array, protocol: string): Sending {
  return {
    kind: "decoy",
    client: [ends.c0, ends.c1, ends.c2, ends.c3],
    clientPort: ends.clientPort,
    peer: [ends.p0, ends.p1, ends.p2, ends.p3],
    peerPort: ends.peerPort,
    payload,
    protocol,
  };
}
