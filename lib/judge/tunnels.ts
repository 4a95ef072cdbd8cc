/**
 * Flows through a proxy whose handshake is in clear: the target that the client asked for counts as the peer.
 * @module
 */
import {
  NEED_MORE,
  NOT_PROXY,
  ProxyTarget,
  TARGET,
  type Target,
  TO_CONNECT,
  TO_RELAY,
  unwrap,
  UNWRAPPED,
} from "../wire/proxy.ts";
import {
  FLAGS,
  FLOW_WORDS,
  type FlowTable,
  NO_PROXY,
  OPENER_BASE,
  PROXIED,
  RESPONDER_BASE,
  SLOTS,
} from "../state/flow_table.ts";
import { STREAM_BYTES, type Streams } from "../state/streams.ts";

/** Most flows whose target is remembered. Beyond it the oldest is forgotten, and its proxy counts as the peer again. */
const MOST = 4096;

/** Bit among a TCP flow's candidates, above those of all classifiers: the flow may still begin with a proxy handshake. */
export const TUNNEL = 1 << 31;

/** What {@link Tunnels.step} found: nothing new, the target, or the end of the handshake. */
export type Step = 0 | 1 | 2;
/** Nothing new. */
export const SAME = 0;
/** The target became known: {@link Tunnels.of}. */
export const KNOWN = 1;
/** Both streams now begin behind the handshake. */
const INSIDE = 2;

/** See the module's text. */
export class Tunnels {
  readonly #flows: FlowTable;
  readonly #streams: Streams;
  readonly #target = new ProxyTarget();
  readonly #targets = new Map<number, Target>();

  /** Reads the streams of these flows. */
  constructor(flows: FlowTable, streams: Streams) {
    this.#flows = flows;
    this.#streams = streams;
  }

  /** First bytes of an opener that may speak to a proxy: SOCKS 4, SOCKS 5, CONNECT. */
  static mayBegin(first: number): boolean {
    return first === 0x04 || first === 0x05 || first === 0x43;
  }

  /** Target of a flow, or undefined. */
  of(row: number): Target | undefined {
    return this.#targets.size === 0 ? undefined : this.#targets.get(row);
  }

  /** Port that counts as the peer's: the target's, or `port` where the flow has none. */
  portOf(row: number, port: number): number {
    return this.of(row)?.port ?? port;
  }

  /** Forgets the target of a flow that ended. */
  forget(row: number): void {
    if (this.#targets.size > 0) this.#targets.delete(row);
  }

  /** Reads the handshake in what is kept of both streams; behind its end both streams begin anew. */
  step(row: number): Step {
    const words = this.#flows.words;
    const flow = row * FLOW_WORDS;
    const slots = words[flow + SLOTS]!;
    const opener = (slots & 0xffff) - 1;
    const responder = (slots >>> 16) - 1;
    if (opener < 0) return SAME;
    const streams = this.#streams;
    const target = this.#target;
    const from = opener * STREAM_BYTES;
    const back = responder < 0 ? 0 : responder * STREAM_BYTES;
    const state = unwrap(
      streams.bytes,
      from,
      from + streams.filled[opener]!,
      streams.bytes,
      back,
      responder < 0 ? back : back + streams.filled[responder]!,
      target,
    );
    if (state === NEED_MORE) return SAME;
    if (state === NOT_PROXY || target.command === TO_RELAY) {
      words[flow + FLAGS]! |= NO_PROXY;
      return SAME;
    }
    // BIND and UDP ASSOCIATE do not say who will connect: the proxy stays the peer.
    const fresh = target.command === TO_CONNECT && !this.#targets.has(row);
    if (fresh) this.#remember(row);
    if (state === TARGET) return fresh ? KNOWN : SAME;
    words[flow + FLAGS]! |= NO_PROXY;
    if (state !== UNWRAPPED) return fresh ? KNOWN : SAME;
    words[flow + FLAGS]! |= PROXIED;
    words[flow + OPENER_BASE] = (words[flow + OPENER_BASE]! + target.openerInner) | 0;
    words[flow + RESPONDER_BASE] = (words[flow + RESPONDER_BASE]! + target.responderInner) | 0;
    streams.drop(opener, target.openerInner);
    if (responder >= 0) streams.drop(responder, target.responderInner);
    return INSIDE;
  }

  #remember(row: number): void {
    const target = this.#target;
    let name = "";
    for (let at = target.nameStart; at < target.nameEnd; at++) name += String.fromCharCode(this.#streams.bytes[at]!);
    if (this.#targets.size >= MOST) this.#targets.delete(this.#targets.keys().next().value!);
    this.#targets.set(row, {
      words: [target.w0, target.w1, target.w2, target.w3],
      port: target.port,
      name: name.toLowerCase(),
    });
  }
}
