/**
 * From a captured frame to its IP header. Numbers of link types: the tcpdump group's registry.
 * @module
 */

/** BSD loopback, address family in the writer's byte order. */
const LINK_NULL = 0;
/** Ethernet. */
export const LINK_ETHERNET = 1;
/** PPP, with or without its HDLC framing bytes. */
const LINK_PPP = 9;
/** Begins with the IP header. */
export const LINK_RAW = 101;
/** BSD loopback, address family in network byte order. */
const LINK_LOOP = 108;
/** Linux cooked capture, version 1: what capturing on "any" made. */
const LINK_COOKED = 113;
/** Packets that a firewall rule logged: what `tcpdump -i nflog:N` writes. */
const LINK_NFLOG = 239;
/** Linux cooked capture, version 2. */
const LINK_COOKED2 = 276;

// Attributes of LINK_NFLOG (linux/netfilter/nfnetlink_log.h).
const NFULA_HWADDR = 8;
const NFULA_PAYLOAD = 9;

/** Most tags in front of the type; real networks stack two. */
const MOST_TAGS = 8;
/** Most link types that are told as unknown. */
const MOST_UNKNOWN = 8;

/** Finds a frame's IP header and its sender's MAC address. One reused object. */
export class Link {
  /** First 16 bits of the sender's MAC address; 0 where the link has none. */
  macHigh = 0;
  /** Last 32 bits of it as a signed word. */
  macLow = 0;
  /** Link types that were met and are not known; the first few. */
  readonly unknown: Set<number> = new Set();

  /**
   * Offset of the IP header in the frame `bytes[start … end)`; -1 where it holds none, or its link type is not known.
   * What lies there is checked only by `Packet.decode`.
   */
  decode(bytes: Uint8Array, view: DataView, start: number, end: number, linkType: number): number {
    this.macHigh = this.macLow = 0;
    switch (linkType) {
      case LINK_ETHERNET:
        if (end - start < 14) return -1;
        this.#mac(view, start + 6);
        return afterType(bytes, view, start + 14, end, view.getUint16(start + 12));
      case LINK_RAW:
      case 12: // DLT_RAW of most systems, found in old files
      case 14: // DLT_RAW of OpenBSD
      case 228: // IPv4 only
      case 229: // IPv6 only
        return start < end ? start : -1;
      case LINK_COOKED:
        if (end - start < 16) return -1;
        if (view.getUint16(start + 4) === 6) this.#mac(view, start + 6);
        return afterType(bytes, view, start + 16, end, view.getUint16(start + 14));
      case LINK_COOKED2:
        if (end - start < 20) return -1;
        if (bytes[start + 11] === 6) this.#mac(view, start + 12);
        return afterType(bytes, view, start + 20, end, view.getUint16(start));
      case LINK_NULL:
      case LINK_LOOP:
        return loopback(view, start, end);
      case LINK_PPP:
      case 50: // PPP in HDLC framing
        return ppp(bytes, view, start, end);
      case 51: // PPPoE session, no Ethernet header
        return afterPppoe(bytes, view, start, end);
      case 104: // Cisco HDLC: address, control, Ethernet type
        return end - start < 4 ? -1 : afterType(bytes, view, start + 4, end, view.getUint16(start + 2));
      case LINK_NFLOG: {
        // Attributes are in the byte order of the host that wrote them, which the frame does not tell.
        const little = this.#nflog(bytes, view, start, end, true);
        return little >= 0 ? little : this.#nflog(bytes, view, start, end, false);
      }
      default:
        if (this.unknown.size < MOST_UNKNOWN) this.unknown.add(linkType);
        return -1;
    }
  }

  /** A family, a version and a group number, 4 bytes; then attributes: length with this header, type, value, padding to 4. */
  #nflog(bytes: Uint8Array, view: DataView, start: number, end: number, little: boolean): number {
    this.macHigh = this.macLow = 0;
    if (end - start < 4 || bytes[start + 1] !== 0) return -1;
    for (let at = start + 4; at + 4 <= end;) {
      const length = view.getUint16(at, little);
      const type = view.getUint16(at + 2, little);
      if (length < 4) return -1;
      // Bridges log other families too: what the payload is shows its first byte.
      if (type === NFULA_PAYLOAD) return at + 4 < end && isVersion(bytes[at + 4]!) ? at + 4 : -1;
      if (type === NFULA_HWADDR && length >= 14 && at + 14 <= end && view.getUint16(at + 4) === 6) {
        this.#mac(view, at + 8);
      }
      at += (length + 3) & ~3;
    }
    return -1;
  }

  #mac(view: DataView, at: number): void {
    this.macHigh = view.getUint16(at);
    this.macLow = view.getInt32(at + 2);
  }
}

/** Where the IP header is, given an Ethernet type and where what it describes begins. */
function afterType(bytes: Uint8Array, view: DataView, at: number, end: number, type: number): number {
  for (let tags = 0; tags <= MOST_TAGS; tags++) {
    if (at >= end) return -1;
    switch (type) {
      case 0x0800:
      case 0x86dd:
        return at;
      case 0x8100: // IEEE 802.1Q
      case 0x88a8: // IEEE 802.1ad
      case 0x9100: // QinQ before its standard
      case 0x9200:
        if (at + 4 > end) return -1;
        type = view.getUint16(at + 2);
        at += 4;
        continue;
      case 0x8864:
        return afterPppoe(bytes, view, at, end);
      case 0x8847: // MPLS
      case 0x8848:
        return afterMpls(bytes, at, end);
    }
    // Lengths stand where types do (IEEE 802.3): LLC with SNAP may carry a type again (RFC 1042).
    if (type > 1500 || at + 8 > end) return -1;
    if (view.getUint32(at) !== 0xaaaa0300 || view.getUint16(at + 4) !== 0) return -1;
    type = view.getUint16(at + 6);
    at += 8;
  }
  return -1;
}

/** PPPoE session header (RFC 2516 section 4): six bytes, then PPP. */
function afterPppoe(bytes: Uint8Array, view: DataView, at: number, end: number): number {
  if (at + 8 > end || bytes[at] !== 0x11 || bytes[at + 1] !== 0) return -1;
  return ppp(bytes, view, at + 6, end);
}

/** PPP (RFC 1661), protocol field of one byte or two, HDLC address and control (RFC 1662) where they are there. */
function ppp(bytes: Uint8Array, view: DataView, at: number, end: number): number {
  if (at + 2 <= end && view.getUint16(at) === 0xff03) at += 2;
  if (at >= end) return -1;
  let protocol = bytes[at++]!;
  if ((protocol & 1) === 0) { // an even byte is the high one: the low one is always odd
    if (at >= end) return -1;
    protocol = (protocol << 8) | bytes[at++]!;
  }
  return (protocol === 0x21 || protocol === 0x57) && at < end ? at : -1;
}

/** Skips the label stack (RFC 3032). What follows has no type: its first four bits say the IP version. */
function afterMpls(bytes: Uint8Array, at: number, end: number): number {
  for (let labels = 0; labels < MOST_TAGS; labels++) {
    if (at + 5 > end) return -1;
    const bottom = (bytes[at + 2]! & 1) !== 0;
    at += 4;
    if (bottom) return isVersion(bytes[at]!) ? at : -1;
  }
  return -1;
}

/** Whether an IP header, of either version, can begin with this byte. */
function isVersion(byte: number): boolean {
  return byte >>> 4 === 4 || byte >>> 4 === 6;
}

/** Address family of the writer's system, in either byte order: 2 is IPv4 everywhere, IPv6 is 10, 24, 28 or 30. */
function loopback(view: DataView, at: number, end: number): number {
  if (at + 5 > end) return -1;
  let family = view.getUint32(at);
  if (family > 0xffff) family = view.getUint32(at, true);
  const known = family === 2 || family === 10 || family === 24 || family === 28 || family === 30;
  return known ? at + 4 : -1;
}
