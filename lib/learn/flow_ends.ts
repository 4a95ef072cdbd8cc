/**
 * Client and peer of the flow at hand, in one object that is reused for each packet.
 * @module
 */
import { formatAddress } from "../net/address.ts";
import { FLAGS, FLOW_WORDS, type FlowTable, IS_TCP, OPENER_IS_CLIENT, PORTS } from "../state/flow_table.ts";
import type { Target } from "../wire/proxy.ts";

/** Client and peer of a flow. */
export class FlowEnds {
  /** Row of the flow. */
  row = 0;
  /** TCP (1) or UDP (0). */
  tcp = 0;
  /** The packet at hand goes from the client to the peer. */
  fromClient = false;
  /** The client opened the flow. */
  clientOpened = false;
  /** Client's address. */
  c0 = 0;
  /** Client's address, second word. */
  c1 = 0;
  /** Client's address, third word. */
  c2 = 0;
  /** Client's address, last word. */
  c3 = 0;
  /** Peer's address. */
  p0 = 0;
  /** Peer's address, second word. */
  p1 = 0;
  /** Peer's address, third word. */
  p2 = 0;
  /** Peer's address, last word. */
  p3 = 0;
  /** Hardware address that the packet at hand came from, where it is the client's; 0 where that is not known. */
  macHigh = 0;
  /** Its low 32 bits. */
  macLow = 0;
  /** Client's port. */
  clientPort = 0;
  /** Peer's port. */
  peerPort = 0;
  /** Name of the peer where the client asked a proxy for it by name; the peer's address is then the proxy's. */
  name = "";

  /** Reads the flow. `target` is that of a flow through a proxy, and then counts as the peer. */
  read(flows: FlowTable, row: number, fromOpener: boolean, target: Target | undefined): void {
    const words = flows.words;
    const flow = row * FLOW_WORDS;
    const flags = words[flow + FLAGS]!;
    const ports = words[flow + PORTS]!;
    const openerIsClient = (flags & OPENER_IS_CLIENT) !== 0;
    const c = openerIsClient ? flow : flow + 4;
    const p = openerIsClient ? flow + 4 : flow;
    this.row = row;
    this.tcp = flags & IS_TCP;
    this.fromClient = fromOpener === openerIsClient;
    this.clientOpened = openerIsClient;
    this.c0 = words[c]!;
    this.c1 = words[c + 1]!;
    this.c2 = words[c + 2]!;
    this.c3 = words[c + 3]!;
    this.p0 = words[p]!;
    this.p1 = words[p + 1]!;
    this.p2 = words[p + 2]!;
    this.p3 = words[p + 3]!;
    this.clientPort = openerIsClient ? ports >>> 16 : ports & 0xffff;
    this.peerPort = openerIsClient ? ports & 0xffff : ports >>> 16;
    this.name = "";
    if (target !== undefined) this.#aim(target);
  }

  #aim(target: Target): void {
    this.peerPort = target.port;
    this.name = target.name;
    if (target.name !== "") return;
    this.p0 = target.words[0];
    this.p1 = target.words[1];
    this.p2 = target.words[2];
    this.p3 = target.words[3];
  }

  /** Client's address as text. */
  get client(): string {
    return formatAddress(this.c0, this.c1, this.c2, this.c3);
  }

  /** Peer's address as text. */
  get peer(): string {
    return formatAddress(this.p0, this.p1, this.p2, this.p3);
  }

  /** Transport as events name it. */
  get transport(): "tcp" | "udp" {
    return this.tcp !== 0 ? "tcp" : "udp";
  }
}

/** The packet at hand comes from outside, in a flow that began there: its source address may be forged. */
export function isStranger(ends: FlowEnds): boolean {
  return !ends.fromClient && !ends.clientOpened;
}
