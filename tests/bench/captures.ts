/**
 * Traffic from captures: payloads to flood with, and one large capture to replay.
 * @module
 */
import { openCapture } from "../../lib/replay/capture.ts";
import { Link, LINK_RAW } from "../../lib/replay/link.ts";
import { PcapWriter } from "../../lib/replay/pcap.ts";
import { CaptureError } from "../../lib/replay/source.ts";
import { OK } from "../../lib/wire/outcome.ts";
import { Packet } from "../../lib/wire/packet.ts";
import { ROOT } from "./machine.ts";

/** Captures of the repository, and those of FTWALL_SHARED (or ../shared) where they are there. */
export function captureFiles(): string[] {
  const shared = Deno.env.get("FTWALL_SHARED") ?? `${ROOT}/../shared`;
  const files: string[] = [];
  for (const root of [`${ROOT}/tests/golden`, `${shared}/captures`]) collect(root, files);
  if (files.length === 0) throw new Error(`Cannot find captures in "${ROOT}/tests/golden"`);
  return files.sort();
}

function collect(directory: string, files: string[]): void {
  let entries: Deno.DirEntry[];
  try {
    entries = [...Deno.readDirSync(directory)];
  } catch {
    return;
  }
  for (const entry of entries) {
    const path = `${directory}/${entry.name}`;
    if (entry.isDirectory) collect(path, files);
    else if (/\.(pcap|pcapng|cap)$/.test(entry.name)) files.push(path);
  }
}

/** Calls `take` with every decodable packet of the files; what breaks off breaks off. */
function eachPacket(
  files: readonly string[],
  take: (packet: Packet, at: number, end: number, time: number) => void,
): void {
  const packet = new Packet();
  const link = new Link();
  for (const file of files) {
    try {
      using source = openCapture(file);
      while (source.next()) {
        const at = link.decode(source.bytes, source.view, source.start, source.end, source.linkType);
        if (at < 0) continue;
        const wire = source.wireLength - (at - source.start);
        if (packet.decode(source.bytes, source.view, at, source.end, wire) !== OK) continue;
        take(packet, at, source.end, source.milliseconds);
      }
    } catch (error) {
      if (!(error instanceof CaptureError)) throw error;
    }
  }
}

/** Whether a capture holds what is to be let alone. */
function isBenign(file: string): boolean {
  return /near_misses|\/benign\//.test(file);
}

/**
 * Writes UDP payloads of the captures for flow_flood, at most `most`; answers how many. One in ten is of a peer-to-peer
 * protocol, the others are not. Long ones are left out.
 */
export function writePayloads(path: string, most: number): number {
  const kinds: { benign: Uint8Array[]; p2p: Uint8Array[] } = { benign: [], p2p: [] };
  for (const file of captureFiles()) {
    const kind = isBenign(file) ? kinds.benign : kinds.p2p;
    eachPacket([file], (packet) => {
      const length = packet.payloadEnd - packet.payload;
      if (packet.transport !== 17 || length < 1 || length > 1400) return;
      const record = new Uint8Array(2 + length);
      record[0] = length & 255;
      record[1] = length >>> 8;
      record.set(packet.bytes.subarray(packet.payload, packet.payloadEnd), 2);
      kind.push(record);
    });
  }
  using file = Deno.openSync(path, { write: true, create: true, truncate: true });
  const { benign, p2p } = kinds;
  const count = Math.min(most, Math.max(benign.length, p2p.length));
  for (let i = 0; i < count; i++) {
    const kind = i % 10 === 0 || benign.length === 0 ? p2p : benign;
    // Spread over all captures: neighbours in a file are much alike.
    writeAll(file, kind[(i * 7919) % kind.length]!);
  }
  return count;
}

/**
 * Writes one capture of at least `packets` packets: all captures again and again, each time with other addresses and half an
 * hour later, IPv4 only as ndpiReader's raw-IP reader wants it. Answers the number of packets.
 */
export function writeLargeCapture(path: string, packets: number): number {
  using file = Deno.openSync(path, { write: true, create: true, truncate: true });
  const room = new Uint8Array(1 << 20);
  let filled = 0;
  const flush = () => {
    writeAll(file, room.subarray(0, filled));
    filled = 0;
  };
  const writer = new PcapWriter((bytes) => {
    if (filled + bytes.length > room.length) flush();
    if (bytes.length > room.length) writeAll(file, bytes);
    else {
      room.set(bytes, filled);
      filled += bytes.length;
    }
  }, LINK_RAW);
  const files = captureFiles();
  const start = Date.UTC(2026, 0, 1);
  let written = 0;
  for (let round = 0; written < packets; round++) {
    const before = written;
    let last = start + round * 1_800_000;
    eachPacket(files, (packet, at, end, time) => {
      if (packet.family !== 4 || packet.fragment !== 0) return;
      // Captures are years apart: within a round time only goes on, by at most 20 ms a packet.
      last += Math.max(0, Math.min(20, time - origin(time)));
      const { bytes, view } = packet;
      view.setUint32(at + 12, shifted(view.getUint32(at + 12), round));
      view.setUint32(at + 16, shifted(view.getUint32(at + 16), round));
      writer.write(bytes, at, end, last);
      written++;
    });
    if (written === before) throw new Error("Cannot make a capture: no capture holds IPv4");
  }
  flush();
  return written;

  function origin(time: number): number {
    const before = previous;
    previous = time;
    return Number.isNaN(before) ? time : before;
  }
}

let previous = Number.NaN;

/** Another address of the same kind: the second byte moves on, so private stays private. */
function shifted(address: number, round: number): number {
  const first = address >>> 24;
  if (first === 10 || (first > 0 && first < 100 && first !== 127)) {
    return ((address & 0xff00ffff) | ((((address >>> 16) + round) & 255) << 16)) >>> 0;
  }
  return ((address & 0xffff00ff) | ((((address >>> 8) + round) & 255) << 8)) >>> 0;
}

function writeAll(file: Deno.FsFile, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
}
