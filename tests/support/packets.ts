/**
 * Whole packets for the engine, made from ends and payload.
 * @module
 */
import { parseAddress, type Words } from "../../lib/net/address.ts";
import { buildTcp, buildUdp, Ends } from "../../lib/wire/build.ts";
import { Packet } from "../../lib/wire/packet.ts";

/** Address and port. */
export interface End {
  readonly words: Words;
  readonly port: number;
}

/** Reads `10.0.0.5:1214` or `[2001:db8::1]:80`. */
export function readEnd(text: string): End {
  const match = /^\[?([^\]]*?)\]?:(\d+)$/.exec(text);
  const words = match === null ? null : parseAddress(match[1]!);
  if (match === null || words === null) throw new TypeError(`Cannot read "${text}": expected address:port`);
  return { words, port: Number(match[2]) };
}

const EMPTY = new Uint8Array(0);

function ends(from: End, to: End): Ends {
  return new Ends().from(...from.words, from.port).to(...to.words, to.port);
}

/** The bytes of a UDP packet. */
export function udpPacket(from: End, to: End, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(48 + payload.length);
  return bytes.subarray(0, buildUdp(bytes, new DataView(bytes.buffer), 0, ends(from, to), payload));
}

/** The bytes of a TCP segment. */
export function tcpPacket(
  from: End,
  to: End,
  flags: number,
  seq: number,
  payload: Uint8Array = EMPTY,
  ack: number = 0,
): Uint8Array {
  const bytes = new Uint8Array(60 + payload.length);
  return bytes.subarray(0, buildTcp(bytes, new DataView(bytes.buffer), 0, ends(from, to), flags, seq, ack, payload));
}

/** Decodes bytes into a packet, as a source does. */
export function decode(packet: Packet, bytes: Uint8Array): ReturnType<Packet["decode"]> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return packet.decode(bytes, view, 0, bytes.length, bytes.length);
}

/** The two directions of one TCP connection, with their sequence numbers. */
export class Connection {
  readonly #opener: End;
  readonly #responder: End;
  readonly #next: [number, number] = [1000, 500_000];

  /** Between two ends, the first opens it. */
  constructor(opener: End, responder: End) {
    this.#opener = opener;
    this.#responder = responder;
  }

  /** Next sequence number of a side: 0 opener, 1 responder. */
  next(side: 0 | 1): number {
    return this.#next[side];
  }

  /** The next segment of a side; SYN and FIN take a number each. */
  segment(side: 0 | 1, flags: number, payload: Uint8Array = EMPTY): Uint8Array {
    const bytes = this.at(side, this.#next[side], flags, payload);
    this.#next[side] += payload.length + ((flags & 3) !== 0 ? 1 : 0);
    return bytes;
  }

  /** A segment at any sequence number. */
  at(side: 0 | 1, seq: number, flags: number, payload: Uint8Array = EMPTY, ack: number = 0): Uint8Array {
    const [from, to] = side === 0 ? [this.#opener, this.#responder] : [this.#responder, this.#opener];
    return tcpPacket(from, to, flags, seq, payload, ack);
  }
}
