import assert from "node:assert/strict";
import fc from "fast-check";
import { formatMac } from "../../lib/net/address.ts";
import { Link } from "../../lib/replay/link.ts";

function hex(text: string): Uint8Array {
  return Uint8Array.from(text.replace(/\s+/g, "").match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

const link = new Link();
function offset(linkType: number, bytes: Uint8Array): number {
  const buffer = new Uint8Array(bytes.length + 32).fill(0x45);
  buffer.set(bytes, 16);
  const at = link.decode(buffer, new DataView(buffer.buffer), 16, 16 + bytes.length, linkType);
  return at < 0 ? at : at - 16;
}

const MACS = "ffffffffffff 02005e100001";
const IP = "45000014";

Deno.test("the IP header is found behind every link layer that carries it", () => {
  const table: [string, number, string, number][] = [
    ["Ethernet", 1, MACS + "0800" + IP, 14],
    ["Ethernet, IPv6", 1, MACS + "86dd 60000000", 14],
    ["VLAN", 1, MACS + "8100 0064 0800" + IP, 18],
    ["VLAN in VLAN", 1, MACS + "88a8 0064 8100 00c8 0800" + IP, 22],
    ["VLAN in VLAN before the standard", 1, MACS + "9100 0064 8100 00c8 86dd 60000000", 22],
    ["PPPoE", 1, MACS + "8864 1100 0001 0006 0021" + IP, 22],
    ["PPPoE in VLAN, IPv6", 1, MACS + "8100 0007 8864 1100 0001 0006 0057 60000000", 26],
    ["PPPoE with a one-byte protocol", 1, MACS + "8864 1100 0001 0006 21" + IP, 21],
    ["MPLS, two labels", 1, MACS + "8847 00010040 00020140" + IP, 22],
    ["LLC with SNAP", 1, MACS + "0020 aaaa03 000000 0800" + IP, 22],
    ["ARP", 1, MACS + "0806 0001", -1],
    ["LLC without SNAP", 1, MACS + "0026 424203 0000000000", -1],
    ["PPPoE discovery", 1, MACS + "8863 1109 0000 0000 0000", -1],
    ["PPP control protocol", 1, MACS + "8864 1100 0001 0006 c021 0101", -1],
    ["MPLS with something else", 1, MACS + "8847 00010140 00000000", -1],
    ["VLAN cut", 1, MACS + "8100 00", -1],
    ["Ethernet cut", 1, MACS + "08", -1],
    ["Ethernet with nothing in it", 1, MACS + "0800", -1],
    ["tags without end", 1, MACS + "8100 0064 ".repeat(1) + "8100 0064".repeat(20), -1],
    ["raw", 101, IP, 0],
    ["raw, old number", 12, IP, 0],
    ["raw, OpenBSD's number", 14, IP, 0],
    ["raw IPv4", 228, IP, 0],
    ["raw IPv6", 229, "60000000", 0],
    ["raw, empty", 101, "", -1],
    ["cooked", 113, "0000 0001 0006 02005e100001 0000 0800" + IP, 16],
    ["cooked with VLAN", 113, "0000 0001 0006 02005e100001 0000 8100 0064 0800" + IP, 20],
    ["cooked, cut", 113, "0000 0001 0006 02005e100001 0000 08", -1],
    ["cooked 2", 276, "86dd 0000 00000002 0001 00 06 02005e100001 0000 60000000", 20],
    ["cooked 2, ARP", 276, "0806 0000 00000002 0001 00 06 02005e100001 0000 60000000", -1],
    ["null, little-endian", 0, "02000000" + IP, 4],
    ["null, big-endian", 0, "00000002" + IP, 4],
    ["null, IPv6 of macOS", 0, "1e000000 60000000", 4],
    ["loop, IPv6 of OpenBSD", 108, "00000018 60000000", 4],
    ["null, something else", 0, "07000000" + IP, -1],
    ["PPP", 9, "0021" + IP, 2],
    ["PPP in HDLC", 9, "ff03 0021" + IP, 4],
    ["PPP with HDLC's number", 50, "ff03 0057 60000000", 4],
    ["PPPoE without Ethernet", 51, "1100 0001 0006 0021" + IP, 8],
    ["Cisco HDLC", 104, "0f00 0800" + IP, 4],
    ["NFLOG", 239, "02000000 0800 0100 08000200 0800 0900" + IP, 16],
    ["NFLOG, padded prefix, big-endian writer", 239, "0a000007 0006 000a 6100 0000 0008 0009 60000000", 16],
    ["NFLOG, a bridge's ARP", 239, "03000000 0800 0900 00010800", -1],
    ["NFLOG, an attribute without length", 239, "02000000 0000 0100" + IP, -1],
    ["NFLOG, cut before the payload", 239, "02000000 0800 0100 08000200 0800 0900", -1],
    ["NFLOG of another version", 239, "02010000 0800 0900" + IP, -1],
    ["IEEE 802.11", 105, IP, -1],
  ];
  for (const [name, type, bytes, expected] of table) assert.equal(offset(type, hex(bytes)), expected, name);
});

Deno.test("the sender's hardware address is told where the link has one", () => {
  offset(1, hex(MACS + "0800" + IP));
  assert.equal(formatMac(link.macHigh, link.macLow), "02:00:5e:10:00:01");
  offset(113, hex("0000 0001 0006 02005e100002 0000 0800" + IP));
  assert.equal(formatMac(link.macHigh, link.macLow), "02:00:5e:10:00:02");
  offset(276, hex("86dd 0000 00000002 0001 00 06 02005e100003 0000 60000000"));
  assert.equal(formatMac(link.macHigh, link.macLow), "02:00:5e:10:00:03");
  offset(239, hex("02000000 1000 0800 0006 0000 02005e100004 0000 0800 0900" + IP));
  assert.equal(formatMac(link.macHigh, link.macLow), "02:00:5e:10:00:04");
  offset(101, hex(IP));
  assert.deepEqual([link.macHigh, link.macLow], [0, 0]);
});

Deno.test("no frame of any link type makes it throw, or find IP outside the frame", () => {
  const types = fc.constantFrom(0, 1, 9, 12, 14, 50, 51, 101, 104, 105, 108, 113, 228, 229, 239, 276);
  const pieces = fc.array(
    fc.constantFrom("8100", "8864", "1100", "8847", "0800", "aaaa", "0300", "0021", "ff03", "0001", "0000"),
    { maxLength: 24 },
  )
    .map((list) => hex(list.join("")));
  fc.assert(
    fc.property(types, fc.oneof(pieces, fc.uint8Array({ maxLength: 40 })), (type, bytes) => {
      const at = offset(type, bytes);
      assert.ok(at >= -1 && at < Math.max(bytes.length, 0), `${at}`);
    }),
    { numRuns: 5000 },
  );
});
