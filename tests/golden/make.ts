/**
 * Makes the golden captures from specifications: a protocol's samples, each a flow of its own, beside them its near misses,
 * and whole sessions. `FTWALL_UPDATE=1 deno test -A tests/golden` writes captures, provenance and expectations anew.
 * @module
 */
import { PcapWriter } from "../../lib/replay/pcap.ts";
import { LINK_RAW } from "../../lib/replay/link.ts";
import { ACK, FIN, PSH, SYN } from "../../lib/wire/transport.ts";
import { COLLECTION } from "../protocol/collection.ts";
import type { Flow } from "../protocol/sample.ts";
import { join } from "../support/conversation.ts";
import { Connection, readEnd, udpPacket } from "../support/packets.ts";

/** One capture. */
export interface Golden {
  /** Folder's name. */
  readonly name: string;
  /** What it shows and where its bytes come from. */
  readonly about: string;
  readonly flows: readonly Flow[];
}

/** All captures that are made. */
export const GOLDENS: readonly Golden[] = COLLECTION.flatMap(({ classifier: { name }, samples }) => {
  const beside = `What each flow is stands in lib/protocol/${name}/samples.ts.`;
  const { recognised, nearMisses, names = [], session } = samples;
  const about = `${samples.about}\n\n${beside}`;
  return [
    { name, about, flows: [...recognised, ...names] },
    {
      name: `${name}_near_misses`,
      about: `Near misses of it: almost, but not quite.\n\n${about}`,
      flows: nearMisses,
    },
    ...(session === undefined
      ? []
      : [{ name: `${name}_session`, about: `${session.about}\n\n${beside}`, flows: session.flows }]),
  ];
});

/** 2026-05-04 10:00:00 UTC. */
const START = 1_777_888_800_000;
/** Longest payload of one segment. */
const SEGMENT = 1400;

/** The packets of a golden capture: each flow between a client and a peer of its own, 10 ms a packet, one flow a second. */
export function packetsOf(golden: Golden): { readonly bytes: Uint8Array; readonly milliseconds: number }[] {
  return golden.flows.flatMap((flow, number) => {
    const low = 1 + (number & 127);
    const six = flow.ipv6 === true;
    const client = readEnd(`${six ? `[fd00::${number >> 7}:${low}]` : `10.0.${number >> 7}.${low}`}:${40000 + number}`);
    const address = six ? `[2001:db8::${number >> 7}:${low}]` : `198.51.${100 + (number >> 7)}.${low}`;
    const peer = readEnd(`${address}:${flow.port ?? 50000 + number}`);
    return conversation(flow, flow.inbound === true ? [peer, client] : [client, peer]).map((bytes, index) => ({
      bytes,
      milliseconds: START + number * 1000 + index * 10,
    }));
  });
}

type End = ReturnType<typeof readEnd>;

function conversation(flow: Flow, [opener, responder]: readonly [End, End]): Uint8Array[] {
  if (!flow.tcp) {
    return flow.turns.map(([arrow, bytes]) =>
      arrow === ">" ? udpPacket(opener, responder, bytes) : udpPacket(responder, opener, bytes)
    );
  }
  const line = new Connection(opener, responder);
  const packets: Uint8Array[] = [];
  if (flow.midstream !== true) {
    packets.push(line.segment(0, SYN), line.segment(1, SYN | ACK), line.segment(0, ACK));
  }
  for (const [arrow, bytes] of flow.turns) {
    const size = flow.segment ?? SEGMENT;
    for (let at = 0; at < bytes.length; at += size) {
      packets.push(line.segment(arrow === ">" ? 0 : 1, ACK | PSH, bytes.slice(at, at + size)));
    }
  }
  if (flow.midstream !== true) packets.push(line.segment(0, FIN | ACK), line.segment(1, FIN | ACK));
  return packets;
}

/** A golden capture as a pcap file of raw IP packets. */
export function captureOf(golden: Golden): Uint8Array {
  const parts: Uint8Array[] = [];
  const writer = new PcapWriter((bytes) => void parts.push(bytes.slice()), LINK_RAW);
  for (const { bytes, milliseconds } of packetsOf(golden)) writer.write(bytes, 0, bytes.length, milliseconds);
  return join(...parts);
}

/** What its PROVENANCE.md says. */
export function provenanceOf(golden: Golden): string {
  return `# ${golden.name}\n\nMade by \`tests/golden/make.ts\` from specifications; no traffic of anybody is in it.\n\n${golden.about}\n`;
}
