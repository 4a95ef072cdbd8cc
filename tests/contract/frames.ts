/**
 * Captures byte by byte, by the formats' own descriptions and not with the project's writer: pcap's file header and record
 * headers, and what each link layer puts before the IP header.
 */
import { hex, join } from "../support/conversation.ts";

/** How a frame of each link layer begins, and the number of that layer in a pcap header. */
export const LINKS: readonly (readonly [name: string, number: number, before: (ip: Uint8Array) => Uint8Array])[] = [
  ["Ethernet", 1, (ip) => join(MACS, type(ip))],
  ["VLAN", 1, (ip) => join(MACS, hex("8100 0005"), type(ip))],
  ["VLAN in VLAN", 1, (ip) => join(MACS, hex("88a8 0005 8100 0006"), type(ip))],
  ["PPPoE", 1, (ip) => join(MACS, hex("8864"), pppoe(ip))],
  ["PPPoE in VLAN", 1, (ip) => join(MACS, hex("8100 0005 8864"), pppoe(ip))],
  ["raw IP", 101, () => hex("")],
  ["raw IP (BSD's number)", 12, () => hex("")],
  ["Linux cooked v1", 113, (ip) => join(hex("0000 0001 0006 020000000001 0000"), type(ip))],
  ["Linux cooked v2", 276, (ip) => join(type(ip), hex("0000 00000002 0001 00 06 020000000001 0000"))],
  ["NFLOG", 239, (ip) => join(hex(isSix(ip) ? "0a000005" : "02000005"), hex("0500 0a00 00 000000"), nflogPayload(ip))],
  ["BSD loopback, little-endian", 0, (ip) => hex(isSix(ip) ? "1e000000" : "02000000")],
  ["BSD loopback, big-endian", 0, (ip) => hex(isSix(ip) ? "0000001e" : "00000002")],
  ["OpenBSD loopback", 108, (ip) => hex(isSix(ip) ? "00000018" : "00000002")],
];

const MACS = hex("020000000001 020000000005");

function isSix(ip: Uint8Array): boolean {
  return ip[0]! >>> 4 === 6;
}

function type(ip: Uint8Array): Uint8Array {
  return hex(isSix(ip) ? "86dd" : "0800");
}

/** The attribute of a little-endian host in which a logged packet stands. */
function nflogPayload(ip: Uint8Array): Uint8Array {
  return Uint8Array.of((ip.length + 4) & 0xff, (ip.length + 4) >>> 8, 9, 0);
}

function pppoe(ip: Uint8Array): Uint8Array {
  const head = hex("1100 0001 0000 0000");
  const view = new DataView(head.buffer);
  view.setUint16(4, ip.length + 2);
  view.setUint16(6, isSix(ip) ? 0x0057 : 0x0021);
  return head;
}

/** A pcap file of these IP packets, 100 ms apart, each cut to `snap` bytes of its frame. */
export function pcap(
  packets: readonly Uint8Array[],
  link: (typeof LINKS)[number] = LINKS[0]!,
  snap: number = 65535,
): Uint8Array<ArrayBuffer> {
  const head = new Uint8Array(24);
  const view = new DataView(head.buffer);
  view.setUint32(0, 0xa1b2c3d4, true);
  view.setUint16(4, 2, true);
  view.setUint16(6, 4, true);
  view.setUint32(16, snap, true);
  view.setUint32(20, link[1], true);
  const parts: Uint8Array[] = [head];
  packets.forEach((packet, i) => {
    const frame = join(link[2](packet), packet);
    const kept = frame.subarray(0, snap);
    const record = new Uint8Array(16);
    const fields = new DataView(record.buffer);
    fields.setUint32(0, 1_700_000_000 + Math.floor(i / 10), true);
    fields.setUint32(4, (i % 10) * 100_000, true);
    fields.setUint32(8, kept.length, true);
    fields.setUint32(12, frame.length, true);
    parts.push(record, kept);
  });
  return join(...parts) as Uint8Array<ArrayBuffer>;
}
