/**
 * Packets that ftwall wants to send, as data; a caller sends or records them. They only ever go to clients at home.
 * @module
 */

/**
 * An answer in a peer's name (decoy), ftwall's own question (probe), or a conversation over TCP (call). Addresses are four
 * words each.
 */
export interface Sending {
  /** Which of them. */
  readonly kind: "decoy" | "probe" | "call";
  /** Address of the client. */
  readonly client: readonly [number, number, number, number];
  /** Port of the client. */
  readonly clientPort: number;
  /** Address of the peer in whose name a decoy is sent. A probe comes from the router's own address, and has the client's here. */
  readonly peer: readonly [number, number, number, number];
  /** Port of the peer. */
  readonly peerPort: number;
  /** UDP payload; nothing for a call. */
  readonly payload: Uint8Array;
  /** Name of the protocol. */
  readonly protocol: string;
}

/** Most that wait; the list is emptied after each burst. */
const CAPACITY = 256;

/** A bounded list of sendings. */
export class Outbox {
  /** Sendings left out because too many waited. */
  omitted = 0;
  #waiting: Sending[] = [];

  /** Adds one; false where too many wait. */
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
