/**
 * How a program asks its router to map a port to it: UPnP (SOAP over HTTP, WANIPConnection and WANPPPConnection), NAT-PMP
 * (RFC 6886) and PCP (RFC 6887). All three are in clear.
 * @module
 */
import { exactly, HttpHead, startsWith } from "./http.ts";

/** UDP port of a router that answers NAT-PMP and PCP. */
export const MAPPING_PORT = 5351;

/** The bytes are no request for a mapping. */
const NO_MAPPING = 0;
/** They may become one. */
export const MAPPING_CUT = 1;
/** They are one. */
export const MAPPING = 2;
/** {@link NO_MAPPING}, {@link MAPPING_CUT} or {@link MAPPING}. */
export type MappingOutcome = 0 | 1 | 2;

/** The ways to ask. */
export type MappedBy = "upnp" | "nat-pmp" | "pcp";

/** Seconds of a mapping that has no end. */
export const FOREVER = 0x7fffffff;

const NAT_PMP_LENGTH = 12;
const PCP_HEAD = 24;
const PCP_MAP_LENGTH = 60;
const PCP_LONGEST = 1100;
const PCP_MAP = 1;
const PCP_THIRD_PARTY = 1;
/** Longest description that is kept, in bytes; those of real programs have up to 60. */
const LONGEST_DESCRIPTION = 96;
/** Longest number in decimal digits. */
const DIGITS = 10;

/** A request for a mapping, or for the end of one; a reused object, valid as long as the bytes. */
export class PortMapping {
  /** How it was asked for. */
  by: MappedBy = "upnp";
  /** Of a TCP port (else UDP). */
  tcp = false;
  /** The port of the machine at home; where UPnP ends a mapping, the router's port, which is usually the same. */
  port = 0;
  /** How long it is to last, in seconds: 0 ends it, {@link FOREVER} has no end. */
  seconds = 0;
  /** First byte of what the program says of itself (UPnP only). */
  description = 0;
  /** One past it; equal to `description` where it says nothing. */
  descriptionEnd = 0;
  /** First byte of the machine's address as text (UPnP only). */
  machine = 0;
  /** One past it. */
  machineEnd = 0;

  readonly #head = new HttpHead();
  #from = 0;
  #to = 0;

  /** Reads a datagram sent to {@link MAPPING_PORT}. False for everything that asks for no mapping of the sender's own. */
  readDatagram(bytes: Uint8Array, view: DataView, start: number, end: number): boolean {
    const size = end - start;
    this.description =
      this.descriptionEnd =
      this.machine =
      this.machineEnd =
        start;
    if (size === NAT_PMP_LENGTH && bytes[start] === 0) {
      const opcode = bytes[start + 1]!;
      if (opcode !== 1 && opcode !== 2) return false;
      return this.#take("nat-pmp", opcode === 2, view.getUint16(start + 4), view.getUint32(start + 8));
    }
    if (size < PCP_MAP_LENGTH || size > PCP_LONGEST || bytes[start] !== 2 || bytes[start + 1] !== PCP_MAP) return false;
    const protocol = bytes[start + PCP_HEAD + 12]!;
    if (protocol !== 6 && protocol !== 17) return false;
    for (let at = start + PCP_MAP_LENGTH; at + 4 <= end; at += 4 + (view.getUint16(at + 2) + 3 & ~3)) {
      // In the name of another machine: a router refuses it unless it was set up for that.
      if (bytes[at] === PCP_THIRD_PARTY) return false;
    }
    return this.#take("pcp", protocol === 6, view.getUint16(start + PCP_HEAD + 16), view.getUint32(start + 4));
  }

  /** Reads an HTTP request to a router, from its first byte on. */
  readRequest(bytes: Uint8Array, start: number, end: number): MappingOutcome {
    if (!exactly(bytes, start, end, "POST ".slice(0, Math.max(1, end - start)))) return NO_MAPPING;
    const head = this.#head;
    head.read(bytes, start, end);
    const body = head.findBody();
    if (body < 0) return MAPPING_CUT;
    if (!head.find("soapaction")) return NO_MAPPING;
    const adds = this.#isAction(bytes, "addportmapping") || this.#isAction(bytes, "addanyportmapping");
    if (!adds && !this.#isAction(bytes, "deleteportmapping")) return NO_MAPPING;
    const length = head.find("content-length") ? number(bytes, head.value, head.valueEnd) : -1;
    const whole = length >= 0 && end - body >= length;
    // The last argument, by the order that UPnP demands.
    const last = this.#element(bytes, body, end, adds ? "newleaseduration" : "newprotocol");
    if (!last && !whole) return MAPPING_CUT;
    const seconds = adds && last ? number(bytes, this.#from, this.#to) : 0;
    if (!this.#element(bytes, body, end, "newprotocol")) return NO_MAPPING;
    const tcp = startsWith(bytes, this.#from, this.#to, "tcp");
    if (!tcp && !startsWith(bytes, this.#from, this.#to, "udp")) return NO_MAPPING;
    if (!this.#element(bytes, body, end, adds ? "newinternalport" : "newexternalport")) return NO_MAPPING;
    const port = number(bytes, this.#from, this.#to);
    const lasting = !adds ? 0 : seconds <= 0 ? FOREVER : seconds;
    this.#element(bytes, body, end, "newinternalclient");
    this.machine = this.#from;
    this.machineEnd = this.#to;
    this.#element(bytes, body, end, "newportmappingdescription");
    this.description = this.#from;
    this.descriptionEnd = Math.min(this.#to, this.#from + LONGEST_DESCRIPTION);
    return this.#take("upnp", tcp, port, lasting) ? MAPPING : NO_MAPPING;
  }

  #take(by: MappedBy, tcp: boolean, port: number, seconds: number): boolean {
    this.by = by;
    this.tcp = tcp;
    this.port = port;
    this.seconds = Math.min(seconds, FOREVER);
    return port > 0 && port <= 0xffff;
  }

  /** Whether the header at hand names this action (given in lower case) of a service that maps ports. */
  #isAction(bytes: Uint8Array, action: string): boolean {
    const { value, valueEnd } = this.#head;
    const from = bytes[value] === 0x22 ? value + 1 : value;
    if (!startsWith(bytes, from, valueEnd, "urn:schemas-upnp-org:service:wan")) return false;
    let hash = from;
    while (hash < valueEnd && bytes[hash] !== 0x23) hash++;
    const end = bytes[valueEnd - 1] === 0x22 ? valueEnd - 1 : valueEnd;
    return end - hash - 1 === action.length && startsWith(bytes, hash + 1, end, action);
  }

  /** Finds the text of an element (name in lower case): `#from` to `#to`, empty where it is not there or not complete. */
  #element(bytes: Uint8Array, start: number, end: number, name: string): boolean {
    this.#from = this.#to = start;
    for (let at = start; at + name.length + 2 < end; at++) {
      if (bytes[at] !== 0x3c || !startsWith(bytes, at + 1, end, name)) continue;
      const behind = bytes[at + 1 + name.length]!;
      if (behind !== 0x3e && behind !== 0x20) continue;
      let from = at + 1 + name.length;
      while (from < end && bytes[from] !== 0x3e) from++;
      let to = from + 1;
      while (to < end && bytes[to] !== 0x3c) to++;
      if (to >= end) return false;
      this.#from = from + 1;
      this.#to = to;
      return true;
    }
    return false;
  }
}

/** A decimal number; -1 where these bytes are none. */
function number(bytes: Uint8Array, from: number, to: number): number {
  if (from === to || to - from > DIGITS) return -1;
  let value = 0;
  for (let at = from; at < to; at++) {
    const digit = bytes[at]! - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}
