/**
 * What crossed: a capture at the receiving machine, looked through for a file's bytes and for the volume of each flow.
 */
import { readFileSync } from "node:fs";
import type { Background, Host, Topology } from "./topology.ts";
import { until } from "./topology.ts";

/** TCP or UDP payload bytes of one direction of a flow. */
export interface FlowVolume {
  readonly transport: "tcp" | "udp";
  readonly from: string;
  readonly to: string;
  /** Payload bytes, repetitions included. */
  bytes: number;
  packets: number;
}

/** Distance of the places of a file that are looked for: a packet with this many bytes and 15 more of it holds one. */
const STRIDE = 32;
const WORD = 16;

/** tcpdump on one interface of a host. */
export class Capture implements AsyncDisposable {
  /** Path of the capture. */
  readonly path: string;
  readonly #background: Background;

  private constructor(path: string, background: Background) {
    this.path = path;
    this.#background = background;
  }

  /** Starts it and waits until it listens. `filter` is tcpdump's. */
  static async start(topology: Topology, host: Host, device = "eth0", filter = "tcp or udp"): Promise<Capture> {
    const path = Deno.makeTempFileSync({ prefix: "ftwall-capture-", suffix: ".pcap" });
    const background = topology.start(host, [
      "tcpdump",
      ...["-i", device, "-U", "-s", "0", "-Z", "root", "-B", "32768", "-w", path, filter],
    ]);
    await background.prints(/listening on/);
    return new Capture(path, background);
  }

  /** Ends it, so that the file is whole. */
  async end(): Promise<void> {
    await until("tcpdump to have written", () => true);
    await this.#background.stop("SIGINT");
  }

  /** All packets so far, as Ethernet frames. */
  *frames(): Generator<{ frame: Uint8Array; seconds: number; record: Uint8Array }> {
    const file = readFileSync(this.path);
    const view = new DataView(file.buffer, file.byteOffset, file.length);
    for (let at = 24; at + 16 <= file.length;) {
      const size = view.getUint32(at + 8, true);
      if (at + 16 + size > file.length) return;
      yield {
        frame: file.subarray(at + 16, at + 16 + size),
        seconds: view.getUint32(at, true) + view.getUint32(at + 4, true) / 1e6,
        record: file.subarray(at, at + 16 + size),
      };
      at += 16 + size;
    }
  }

  /** Volume of every flow and direction. */
  volumes(): FlowVolume[] {
    const flows = new Map<string, FlowVolume>();
    for (const { frame } of this.frames()) {
      const packet = readFrame(frame);
      if (packet === null) continue;
      const from = `${packet.source}:${packet.sport}`;
      const to = `${packet.destination}:${packet.dport}`;
      const key = `${packet.transport} ${from} ${to}`;
      let flow = flows.get(key);
      if (flow === undefined) flows.set(key, flow = { transport: packet.transport, from, to, bytes: 0, packets: 0 });
      flow.bytes += packet.payload.length;
      flow.packets++;
    }
    return [...flows.values()];
  }

  /** For each file, how many of its marked places (one in {@link STRIDE} bytes) were seen on the wire. */
  marks(files: readonly Uint8Array[]): number[] {
    const places = new Map<number, [file: number, at: number]>();
    files.forEach((file, number) => {
      for (let at = 0; at + WORD <= file.length; at += STRIDE) places.set(word(file, at), [number, at]);
    });
    const seen = files.map(() => new Set<number>());
    for (const { frame } of this.frames()) {
      const payload = readFrame(frame)?.payload;
      if (payload === undefined) continue;
      for (let at = 0; at + WORD <= payload.length; at++) {
        const place = places.get(word(payload, at));
        if (place === undefined) continue;
        const [number, from] = place;
        let same = 4;
        while (same < WORD && payload[at + same] === files[number]![from + same]) same++;
        if (same === WORD) seen[number]!.add(from);
      }
    }
    return seen.map((set) => set.size);
  }

  /** Writes the first `most` packets that `wanted` takes as a capture of its own (a golden one). */
  cut(path: string, most: number, wanted: (packet: FramePacket) => boolean): number {
    const header = readFileSync(this.path).subarray(0, 24);
    const parts: Uint8Array[] = [header];
    for (const { frame, record } of this.frames()) {
      const packet = readFrame(frame);
      if (packet === null || !wanted(packet)) continue;
      parts.push(record);
      if (parts.length > most) break;
    }
    const size = parts.reduce((sum, part) => sum + part.length, 0);
    const all = new Uint8Array(size);
    let at = 0;
    for (const part of parts) {
      all.set(part, at);
      at += part.length;
    }
    Deno.writeFileSync(path, all);
    return parts.length - 1;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#background.stop("SIGINT");
    Deno.removeSync(this.path);
  }
}

/** A TCP or UDP packet of a capture. */
export interface FramePacket {
  readonly transport: "tcp" | "udp";
  readonly source: string;
  readonly destination: string;
  readonly sport: number;
  readonly dport: number;
  readonly payload: Uint8Array;
}

/** Ethernet, IPv4, TCP or UDP; null for anything else. */
export function readFrame(frame: Uint8Array): FramePacket | null {
  if (frame.length < 42 || frame[12] !== 8 || frame[13] !== 0) return null;
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  const ip = 14;
  const transport = frame[ip + 9] === 6 ? "tcp" : frame[ip + 9] === 17 ? "udp" : null;
  if (transport === null || (view.getUint16(ip + 6) & 0x1fff) !== 0) return null;
  const end = Math.min(frame.length, ip + view.getUint16(ip + 2));
  const head = ip + (frame[ip]! & 15) * 4;
  const payload = head + (transport === "udp" ? 8 : (frame[head + 12]! >> 4) * 4);
  return {
    transport,
    source: frame.subarray(ip + 12, ip + 16).join("."),
    destination: frame.subarray(ip + 16, ip + 20).join("."),
    sport: view.getUint16(head),
    dport: view.getUint16(head + 2),
    payload: frame.subarray(Math.min(payload, end), end),
  };
}

function word(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}
