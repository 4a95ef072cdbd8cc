/**
 * What `ftwall replay` prints.
 * @module
 */
import { endpoint } from "../report/event_format.ts";
import type { FlowLine, FlowRecorder } from "./flow_record.ts";
import { duration, grouped, jsonLine, plain, table } from "../report/plain.ts";

/** What was counted besides the flows; times are the capture's, in milliseconds since 1970. */
export interface PlayedFacts {
  readonly files: readonly string[];
  /** Packets judged, with and without a flow, and how many of them were refused. */
  readonly packets: number;
  readonly refused: number;
  /** Time of the first and the last packet, null where there was none. */
  readonly first: number | null;
  readonly last: number | null;
  /** Packets that were not IP or could not be decoded. */
  readonly undecodable: number;
  /** Packets cut short by the capture's snapshot length. */
  readonly truncated: number;
  /** Time-locks begun, peers blocked and addresses trained on the way. */
  readonly locked: number;
  readonly peers: number;
  readonly trained: number;
  /** What stopped a file from being read to its end, and link types that are not known, in words. */
  readonly problems: readonly string[];
}

/** The last object of `ftwall replay --json`. */
export interface ReplaySummary {
  readonly files: readonly string[];
  readonly packets: number;
  readonly accepted: number;
  readonly refused: number;
  readonly flows: number;
  readonly recognised: number;
  /** Flows, packets and refused packets by protocol. */
  readonly by_protocol: Readonly<Record<string, ProtocolSummary>>;
  /** Flows refused for an earlier fact alone, by fact. */
  readonly refused_because: Readonly<Record<string, number>>;
  readonly without_flow: number;
  readonly undecodable: number;
  readonly truncated: number;
  readonly locked: number;
  readonly peers: number;
  readonly trained: number;
  readonly seconds: number;
  readonly flows_not_listed?: number;
  readonly problems: readonly string[];
}

/** One protocol's share. */
export interface ProtocolSummary {
  readonly flows: number;
  readonly packets: number;
  readonly accepted: number;
  readonly refused: number;
  readonly evidence: Readonly<Record<string, number>>;
}

/** Recognised flows that the text form lists one by one; `--json` lists all. */
const LISTED = 200;

/** Prints one JSON object for each flow, then `{"summary": …}`. */
export function replayJson(recorder: FlowRecorder, facts: PlayedFacts, print: (line: string) => void): ReplaySummary {
  const sum = new Sum();
  for (const line of recorder.lines()) {
    sum.add(line);
    print(jsonLine(line));
  }
  const summary = sum.summary(recorder, facts);
  print(jsonLine({ summary }));
  return summary;
}

/** Prints recognised and refused flows, a table by protocol, and the sums. */
export function replayText(recorder: FlowRecorder, facts: PlayedFacts, print: (line: string) => void): ReplaySummary {
  const sum = new Sum();
  let listed = 0;
  let unlisted = 0;
  for (const line of recorder.lines()) {
    sum.add(line);
    if (line.protocol === null && line.refused === 0) continue;
    if (listed >= LISTED) {
      unlisted++;
      continue;
    }
    listed++;
    print(flowSentence(line));
    if (line.explain !== undefined) { for (const part of reasonLines(line)) print(part); }
  }
  if (unlisted > 0) print(`… and ${grouped(unlisted)} more flows; --json lists all of them`);
  const summary = sum.summary(recorder, facts);
  if (listed > 0) print("");
  const rows = Object.entries(summary.by_protocol).sort((a, b) => b[1].flows - a[1].flows);
  if (rows.length > 0) {
    const lines = table(
      [
        { title: "PROTOCOL" },
        { title: "FLOWS", right: true },
        { title: "PACKETS", right: true },
        { title: "REFUSED", right: true },
        { title: "EVIDENCE" },
      ],
      rows.map(([name, p]) => [
        name,
        grouped(p.flows),
        grouped(p.packets),
        grouped(p.refused),
        Object.entries(p.evidence).sort((a, b) => b[1] - a[1]).map(([e, n]) => `${e} ${n}`).join(", "),
      ]),
    );
    for (const line of lines) print(line);
    print("");
  }
  print(
    `${grouped(summary.packets)} packets in ${grouped(summary.flows)} flows over ${duration(summary.seconds)}: ` +
      `${grouped(summary.recognised)} flows recognised, ${grouped(summary.refused)} packets refused`,
  );
  if (recorder.unrecorded > 0) {
    print(
      `There was no room to record ${grouped(recorder.unrecorded)} flows more; their packets were judged and counted`,
    );
  }
  const earlier = Object.entries(summary.refused_because).map(([fact, n]) => `${n} ${fact}`);
  if (earlier.length > 0) print(`Flows refused for earlier facts alone: ${earlier.join(", ")}`);
  print(
    `${grouped(summary.locked)} clients locked, ${grouped(summary.peers)} peers blocked, ` +
      `${grouped(summary.trained)} addresses trained; ${grouped(summary.without_flow)} packets without a flow, ` +
      `${grouped(summary.undecodable)} undecodable, ${grouped(summary.truncated)} cut short by the capture`,
  );
  return summary;
}

function flowSentence(line: FlowLine): string {
  const f = line.flow;
  const ends = `${f.transport} ${endpoint(f.client, f.client_port)} → ${endpoint(f.peer, f.peer_port)}`;
  const what = line.protocol === null
    ? `refused: ${line.refused_because ?? "unknown reason"}`
    : `${line.protocol} ${line.evidence ?? ""} (${line.certainty ?? ""}) at packet ${line.packet ?? 0}`;
  return plain(`${ends}  ${what}  ${line.packets} packets, ${line.refused} refused`);
}

function reasonLines(line: FlowLine): string[] {
  const e = line.explain;
  if (e === undefined) return [];
  const lines = [plain(`    ${line.evidence ?? ""}: ${e.because}`)];
  if (e.bytes !== undefined) {
    for (let i = 0; i < e.bytes.length; i += 32) {
      const row = e.bytes.slice(i, i + 32);
      lines.push(
        `    ${e.from ?? ""} ${(i / 2).toString(16).padStart(4, "0")}  ${
          (row.match(/../g) ?? []).join(" ").padEnd(47)
        }  ${printable(row)}`,
      );
    }
  }
  if (e.score_after !== undefined) lines.push(`    score ${e.score_before ?? 0} → ${e.score_after}`);
  return lines;
}

function printable(hex: string): string {
  return Array.from(Uint8Array.fromHex(hex), (b) => b >= 0x20 && b < 0x7f ? String.fromCharCode(b) : ".").join("");
}

interface Share {
  flows: number;
  packets: number;
  accepted: number;
  refused: number;
  evidence: Record<string, number>;
}

class Sum {
  readonly #protocols = new Map<string, Share>();
  readonly #facts = new Map<string, number>();
  #recognised = 0;

  add(line: FlowLine): void {
    if (line.protocol === null) {
      const fact = line.refused_because;
      if (fact !== undefined) this.#facts.set(fact, (this.#facts.get(fact) ?? 0) + 1);
      return;
    }
    this.#recognised++;
    let share = this.#protocols.get(line.protocol);
    if (share === undefined) {
      share = { flows: 0, packets: 0, accepted: 0, refused: 0, evidence: {} };
      this.#protocols.set(line.protocol, share);
    }
    share.flows++;
    share.packets += line.packets;
    share.accepted += line.accepted;
    share.refused += line.refused;
    const name = line.evidence ?? "";
    share.evidence[name] = (share.evidence[name] ?? 0) + 1;
  }

  summary(recorder: FlowRecorder, facts: PlayedFacts): ReplaySummary {
    return {
      files: facts.files,
      packets: facts.packets,
      accepted: facts.packets - facts.refused,
      refused: facts.refused,
      flows: recorder.flows,
      recognised: this.#recognised,
      by_protocol: Object.fromEntries(this.#protocols),
      refused_because: Object.fromEntries(this.#facts),
      without_flow: Math.max(0, facts.packets - recorder.packets),
      undecodable: facts.undecodable,
      truncated: facts.truncated,
      locked: facts.locked,
      peers: facts.peers,
      trained: facts.trained,
      seconds: facts.first === null || facts.last === null
        ? 0
        : Math.max(0, Math.round(facts.last - facts.first)) / 1000,
      ...(recorder.unrecorded > 0 ? { flows_not_listed: recorder.unrecorded } : {}),
      problems: facts.problems,
    };
  }
}
