/**
 * Writes packets into a given buffer: decoys, probes, and packets for tests.
 *
 * Every builder writes one whole IP packet at `at`, with its checksums, and returns its length in bytes. Where the packet
 * fits neither the buffer nor the 16-bit lengths, it returns 0 and leaves the buffer as it was.
 * @module
 */
import { isIPv4 } from "../net/address.ts";
import { ipv4Checksum, transportChecksum } from "./checksum.ts";
import { IPV4_HEADER, IPV6_HEADER } from "./ip.ts";
import { PROTOCOL_TCP, PROTOCOL_UDP, TCP_HEADER, UDP_HEADER } from "./transport.ts";

/** Who sends to whom: a reused object. Both addresses are of one family. */
export class Ends {
  /** Source address, first word. */
  s0 = 0;
  /** Source address, second word. */
  s1 = 0;
  /** Source address, third word. */
  s2 = 0xffff;
  /** Source address, last word. */
  s3 = 0;
  /** Destination address, first word. */
  d0 = 0;
  /** Destination address, second word. */
  d1 = 0;
  /** Destination address, third word. */
  d2 = 0xffff;
  /** Destination address, last word. */
  d3 = 0;
  /** Source port. */
  sport = 0;
  /** Destination port. */
  dport = 0;

  /** Sets the source. */
  from(w0: number, w1: number, w2: number, w3: number, port: number): this {
    this.s0 = w0;
    this.s1 = w1;
    this.s2 = w2;
    this.s3 = w3;
    this.sport = port;
    return this;
  }

  /** Sets the destination. */
  to(w0: number, w1: number, w2: number, w3: number, port: number): this {
    this.d0 = w0;
    this.d1 = w1;
    this.d2 = w2;
    this.d3 = w3;
    this.dport = port;
    return this;
  }
}

/** TTL and hop limit of what is built: the usual initial value, so that a decoy looks like any host's answer. */
const HOPS = 64;

/** Bytes of IP header that these ends need; 0 where their families differ. */
function headerLength(ends: Ends): number {
  const four = isIPv4(ends.s0, ends.s1, ends.s2);
  if (four !== isIPv4(ends.d0, ends.d1, ends.d2)) return 0;
  return four ? IPV4_HEADER : IPV6_HEADER;
}

/** Writes the IP header in front of `segment` bytes of transport. */
function putIp(view: DataView, bytes: Uint8Array, at: number, ends: Ends, transport: number, segment: number): void {
  if (isIPv4(ends.s0, ends.s1, ends.s2)) {
    view.setUint16(at, 0x4500);
    view.setUint16(at + 2, IPV4_HEADER + segment);
    view.setUint32(at + 4, 0x00004000); // Don't Fragment, so no identification is needed (RFC 6864)
    view.setUint16(at + 8, (HOPS << 8) | transport);
    view.setUint16(at + 10, 0);
    view.setInt32(at + 12, ends.s3);
    view.setInt32(at + 16, ends.d3);
    view.setUint16(at + 10, ipv4Checksum(bytes, at));
    return;
  }
  view.setUint32(at, 0x60000000);
  view.setUint16(at + 4, segment);
  view.setUint16(at + 6, (transport << 8) | HOPS);
  view.setInt32(at + 8, ends.s0);
  view.setInt32(at + 12, ends.s1);
  view.setInt32(at + 16, ends.s2);
  view.setInt32(at + 20, ends.s3);
  view.setInt32(at + 24, ends.d0);
  view.setInt32(at + 28, ends.d1);
  view.setInt32(at + 32, ends.d2);
  view.setInt32(at + 36, ends.d3);
}

/** True where header and segment fit both the buffer and the 16-bit lengths. */
function fits(bytes: Uint8Array, at: number, ip: number, segment: number): boolean {
  return ip !== 0 && at >= 0 && at + ip + segment <= bytes.length && (ip === IPV4_HEADER ? ip : 0) + segment <= 0xffff;
}

/** Writes a UDP packet of either family from `ends` with `payload`; its length, or 0 where it does not fit. */
export function buildUdp(bytes: Uint8Array, view: DataView, at: number, ends: Ends, payload: Uint8Array): number {
  const ip = headerLength(ends);
  const segment = UDP_HEADER + payload.length;
  if (!fits(bytes, at, ip, segment)) return 0;
  putIp(view, bytes, at, ends, PROTOCOL_UDP, segment);
  const udp = at + ip;
  view.setUint16(udp, ends.sport);
  view.setUint16(udp + 2, ends.dport);
  view.setUint16(udp + 4, segment);
  view.setUint16(udp + 6, 0);
  bytes.set(payload, udp + UDP_HEADER);
  // A computed 0 is sent as all ones: 0 says "no checksum" (RFC 768), which IPv6 forbids.
  view.setUint16(udp + 6, transportChecksum(bytes, at, udp, udp + segment, PROTOCOL_UDP) || 0xffff);
  return ip + segment;
}

/** Writes a TCP segment of either family, without options; its length, or 0 where it does not fit. */
export function buildTcp(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  ends: Ends,
  flags: number,
  seq: number,
  ack: number,
  payload: Uint8Array,
): number {
  const ip = headerLength(ends);
  const segment = TCP_HEADER + payload.length;
  if (!fits(bytes, at, ip, segment)) return 0;
  putIp(view, bytes, at, ends, PROTOCOL_TCP, segment);
  const tcp = at + ip;
  view.setUint16(tcp, ends.sport);
  view.setUint16(tcp + 2, ends.dport);
  view.setInt32(tcp + 4, seq);
  view.setInt32(tcp + 8, ack);
  view.setUint16(tcp + 12, 0x5000 | (flags & 0xff));
  view.setUint16(tcp + 14, 0xffff);
  view.setUint32(tcp + 16, 0);
  bytes.set(payload, tcp + TCP_HEADER);
  view.setUint16(tcp + 16, transportChecksum(bytes, at, tcp, tcp + segment, PROTOCOL_TCP));
  return ip + segment;
}
