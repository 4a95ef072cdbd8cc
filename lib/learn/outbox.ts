/**
 * What ftwall wants to send, as data: a sink sends it, or records it. Packets are only ever meant for home clients.
 * @module
 */

/** An answer in a peer's name (decoy) or ftwall's own question (probe). Addresses are four words each. */
export interface Sending {
  /** An answer in a peer's name, or a question of our own. */
  readonly kind: "decoy" | "probe";
  /** Address of the client. */
  readonly client: readonly [number, number, number, number];
  /** Port of the client. */
  readonly clientPort: number;
  /** The peer in whose name a decoy goes; of a probe the same as the client (it goes from the router's own address). */
  readonly peer: readonly [number, number, number, number];
  /** Port of the peer. */
  readonly peerPort: number;
  /** UDP payload. */
  readonly payload: Uint8Array;
  /** Name of the protocol. */
  readonly protocol: string;
}

/** At most this many wait; a sink empties it after each burst. */
const CAPACITY = 256;

/** A bounded list of sendings. */
export class Outbox {
  /** Left out because too many waited. */
  omitted = 0;
  #waiting: Sending[] = [];

  /** Adds one. */
  put(sending: Sending): boolean {
    if (this.#waiting.length === CAPACITY) {
      this.omitted++;
      return false;
    }
    this.#waiting.push(sending);
    return true;
  }

  /** How many wait. */
  get size(): number {
    return this.#waiting.length;
  }

  /** Takes all that wait. */
  take(): Sending[] {
    const taken = this.#waiting;
    this.#waiting = [];
    return taken;
  }
}
