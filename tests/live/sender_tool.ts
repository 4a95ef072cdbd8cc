/**
 * Sends one decoy of each family in a stranger's name and one probe of each family from the router's own address, for live
 * tests: `sender_tool.ts MARK`. Prints the counters.
 */
import { Libc } from "../../ffi/libc.ts";
import { ProbeSender, RawSender } from "../../ffi/raw_socket.ts";

const MAPPED = 0xffff;
const CLIENT4 = (10 << 24) | (91 << 16) | (1 << 8) | 11; // 10.91.1.11
const CLIENT6 = [0xfd910001 | 0, 0, 0, 0x11] as const; // fd91:1::11
const PAYLOAD = new TextEncoder().encode("decoy");

// 203.0.113.9:6346 → 10.91.1.11:777, UDP without a checksum; the header's checksum is left to the kernel.
function decoy4(): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(28 + PAYLOAD.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 0x4500);
  view.setUint16(2, bytes.length);
  view.setUint16(8, 0x4011);
  view.setUint32(12, 0xcb007109);
  view.setInt32(16, CLIENT4);
  view.setUint16(20, 6346);
  view.setUint16(22, 777);
  view.setUint16(24, 8 + PAYLOAD.length);
  bytes.set(PAYLOAD, 28);
  return bytes;
}

// 2001:db8:aa::9:6346 → fd91:1::11:777; what carries it to the firewall's counter is the header alone.
function decoy6(): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(48 + PAYLOAD.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0x60000000);
  view.setUint16(4, 8 + PAYLOAD.length);
  view.setUint16(6, 0x1140);
  view.setUint32(8, 0x20010db8);
  view.setUint32(12, 0x00aa0000);
  view.setUint32(20, 9);
  CLIENT6.forEach((word, i) => view.setInt32(24 + 4 * i, word));
  view.setUint16(40, 6346);
  view.setUint16(42, 777);
  view.setUint16(44, 8 + PAYLOAD.length);
  bytes.set(PAYLOAD, 48);
  return bytes;
}

function main(): void {
  using libc = Libc.open();
  const mark = Number(Deno.args[0]);
  using raw = RawSender.open(libc, { mark, device: "br-lan" });
  using probe = ProbeSender.open(libc, { mark });
  // Behind other bytes, so that the offsets are used.
  const padded = new Uint8Array(200);
  padded.set(decoy4(), 50);
  raw.send(padded, 50, 50 + decoy4().length, 0, 0, MAPPED, CLIENT4);
  padded.set(decoy6(), 50);
  raw.send(padded, 50, 50 + decoy6().length, ...CLIENT6);
  probe.send(PAYLOAD, 0, 3, 0, 0, MAPPED, CLIENT4, 778);
  probe.send(PAYLOAD, 0, 3, ...CLIENT6, 778);
  const text = JSON.stringify({ raw: raw.counters, probe: probe.counters });
  Deno.stdout.writeSync(new TextEncoder().encode(text + "\n"));
}

main();
