/**
 * A household at the engine's desk: machines that talk to the world in whole conversations, on the default config.
 * @module
 */
import { CLASSIFIERS } from "../../lib/protocol/mod.ts";
import { REFUSE, type Verdict } from "../../lib/judge/engine.ts";
import type { Capacity } from "../../lib/state/state.ts";
import { Packet } from "../../lib/wire/packet.ts";
import { ACK, PSH, SYN } from "../../lib/wire/transport.ts";
import type { Turn } from "../support/conversation.ts";
import { Desk, HOME } from "../support/desk.ts";
import { Connection, decode, readEnd, udpPacket } from "../support/packets.ts";

/** Seeded random numbers (xorshift32). */
export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = Math.imul(seed | 1, 0x9e3779b1) | 1;
  }

  /** A number from 0 to below `most`. */
  below(most: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) % most;
  }

  /** A number from `least` to `most`. */
  between(least: number, most: number): number {
    return least + this.below(most - least + 1);
  }

  /** Random bytes. */
  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let i = 0; i < length; i++) bytes[i] = this.below(1 << 16) >>> 5;
    return bytes;
  }
}

/** See the module's text. */
export class Household extends Desk {
  /** Packets that were refused, as told by their conversation. */
  readonly refused: string[] = [];
  #port = 20_000;

  constructor(config: string = HOME, capacity: Partial<Capacity> = {}) {
    super(CLASSIFIERS, config, capacity);
  }

  /** Judges one packet and takes note of a refusal. */
  see(what: string, bytes: Uint8Array, hook = 2): Verdict {
    const verdict = this.judge(bytes, hook);
    if ((verdict & REFUSE) !== 0) this.refused.push(what);
    return verdict;
  }

  /** Judges one packet that came from this hardware address. */
  judgeWith(bytes: Uint8Array, hook: number, macHigh: number, macLow: number): Verdict {
    const packet = new Packet();
    packet.hook = hook;
    packet.macHigh = macHigh;
    packet.macLow = macLow;
    return this.engine.judge(packet, decode(packet, bytes), this.now);
  }

  /** The next port of a client's. */
  port(): number {
    this.#port = this.#port >= 60_000 ? 20_000 : this.#port + 1;
    return this.#port;
  }

  /** Time passes, in seconds, with a tick each. */
  pass(seconds: number): void {
    for (let i = 0; i < seconds; i++) {
      this.now += 1000;
      this.engine.tick(this.now, 1_800_000_000_000 + this.now);
      this.engine.outbox.take();
    }
  }

  /** A TCP connection with its handshake, one segment a turn. */
  tcp(what: string, opener: string, responder: string, turns: readonly Turn[]): void {
    const connection = new Connection(readEnd(opener), readEnd(responder));
    this.see(what, connection.segment(0, SYN));
    this.see(what, connection.segment(1, SYN | ACK));
    this.see(what, connection.segment(0, ACK));
    for (const [arrow, bytes] of turns) {
      this.now += 5;
      for (let at = 0; at < bytes.length; at += 1400) {
        this.see(what, connection.segment(arrow === ">" ? 0 : 1, ACK | PSH, bytes.subarray(at, at + 1400)));
      }
    }
  }

  /** Datagrams between two ends. */
  udp(what: string, opener: string, responder: string, turns: readonly Turn[]): void {
    const [from, to] = [readEnd(opener), readEnd(responder)];
    for (const [arrow, bytes] of turns) {
      this.now += 5;
      this.see(what, arrow === ">" ? udpPacket(from, to, bytes) : udpPacket(to, from, bytes));
    }
  }

  /** What was detected, one line each, in order: certainty, protocol, evidence. */
  get detected(): string[] {
    return this.events.flatMap((event) =>
      event.event === "detected" ? [`${event.certainty} ${event.protocol} ${event.evidence}`] : []
    );
  }
}
