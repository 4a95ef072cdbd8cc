/**
 * Endpoints that a payload names, collected during one classification.
 * @module
 */

import type { ADVERTISED, CONFIRMED } from "../state/state.ts";

/** How an endpoint became known. */
export type EndpointKind = typeof ADVERTISED | typeof CONFIRMED;

const CAPACITY = 64;
const STRIDE = 6;

/** Up to 64 endpoints; more are counted and left out, so that one packet cannot fill a table. */
export class NamedEndpoints {
  /** Endpoints held. */
  count = 0;
  /** Endpoints left out because there was no room. */
  omitted = 0;
  /** Six words an endpoint: four of the address, port, kind. */
  readonly words: Int32Array = new Int32Array(CAPACITY * STRIDE);
  /** 20-byte info-hash seen in this payload, valid where `hasInfoHash`. */
  readonly infoHash: Uint8Array = new Uint8Array(20);
  /** An info-hash was seen. */
  hasInfoHash = false;
  /** This payload begins an exchange in which an info-hash is shown before anything is moved. */
  hashFollows = false;
  /** This payload only keeps its net together: what moves files shows an info-hash. */
  isUpkeep = false;
  /** The peers that this payload names are for its receiver to connect to, not a list that anybody may fill. */
  invites = false;

  /** Forgets all. */
  clear(): void {
    this.count = 0;
    this.omitted = 0;
    this.hasInfoHash = false;
    this.hashFollows = false;
    this.isUpkeep = false;
    this.invites = false;
  }

  /** Adds an endpoint: four address words (IPv4 mapped) and a port (0 = any port of that address). */
  peer(w0: number, w1: number, w2: number, w3: number, port: number, kind: EndpointKind): void {
    if (this.count === CAPACITY) {
      this.omitted++;
      return;
    }
    const at = this.count++ * STRIDE;
    this.words[at] = w0;
    this.words[at + 1] = w1;
    this.words[at + 2] = w2;
    this.words[at + 3] = w3;
    this.words[at + 4] = port;
    this.words[at + 5] = kind;
  }

  /** Copies the 20 bytes at `offset` as this payload's info-hash. */
  hash(bytes: Uint8Array, offset: number): void {
    for (let i = 0; i < 20; i++) this.infoHash[i] = bytes[offset + i]!;
    this.hasInfoHash = true;
  }
}
