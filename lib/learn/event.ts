/**
 * What the engine reports: one event for each thing that was learned or done, as the interface documents it (`time` and
 * `dry_run` are added where it is written), and to an observer each flow.
 * @module
 */
import type { Certainty, Look } from "../protocol/classifier.ts";
import type { Packet } from "../wire/packet.ts";

/** Who caused a lock, or its end: `config` one that was loaded and exempts the client. */
export type By = "detector" | "operator" | "state-file" | "config";

/** Names of the transports in events. */
export type Transport = "tcp" | "udp";

/** A classifier recognised a flow. */
export interface DetectedEvent {
  /** Name of the event. */
  readonly event: "detected";
  /** Name of the protocol. */
  readonly protocol: string;
  /** Address of the client. */
  readonly client: string;
  /** Name of the client, where it has one; added when the event is told. */
  readonly client_name?: string;
  /** Address of the peer. */
  readonly peer: string;
  /** Port of the peer. */
  readonly peer_port: number;
  /** How it was sent. */
  readonly transport: Transport;
  /** Short name of the evidence. */
  readonly evidence: string;
  /** How sure the evidence is. */
  readonly certainty: "certain" | "strong" | "weak";
  /** What the config says to do. */
  readonly action: "off" | "log" | "drop" | "lock";
  /** MAC of the client, where it is known. */
  readonly mac?: string;
  /** Group of the config that the client belongs to. */
  readonly group?: string;
  /** Client's score for this protocol before and after, where the evidence is scored. */
  readonly score_before?: number;
  /** Score after it. */
  readonly score_after?: number;
  /** What the evidence rests on. */
  readonly because?: string;
  /** First bytes of the payload that decided, in hex. */
  readonly bytes?: string;
  /** Events of this kind about this client that were left out before this one. */
  readonly suppressed?: number;
}

/** A client's time-lock began, was renewed, or ended. */
export interface LockEvent {
  /** Name of the event. */
  readonly event: "locked" | "renewed" | "released";
  /** Address of the client. */
  readonly client: string;
  /** Name of the client, where it has one; added when the event is told. */
  readonly client_name?: string;
  /** Name of the protocol. */
  readonly protocol: string;
  /** Short name of the evidence. */
  readonly evidence: string;
  /** When it ends, RFC 3339. */
  readonly until?: string;
  /** How long the lock was in force. */
  readonly held_seconds?: number;
  /** Who caused it. */
  readonly by: By;
  /** Why. */
  readonly reason?: string;
  /** MAC of the client, where it is known. */
  readonly mac?: string;
}

/** A peer went on the block list. */
export interface PeerLearnedEvent {
  /** Name of the event. */
  readonly event: "peer-learned";
  /** Name of the protocol. */
  readonly protocol: string;
  /** Address of the peer. */
  readonly peer: string;
  /** Port of the peer. */
  readonly peer_port: number;
  /** Address of the client. */
  readonly client?: string;
  /** Name of the client, where it has one; added when the event is told. */
  readonly client_name?: string;
  /** When it ends, RFC 3339. */
  readonly until: string;
}

/** A DNS answer trained an address. */
export interface TrainedEvent {
  /** Name of the event. */
  readonly event: "trained";
  /** Name of the protocol. */
  readonly protocol: string;
  /** The name that was asked for. */
  readonly name: string;
  /** The address that was trained. */
  readonly address: string;
  /** The wildcard that the name matches. */
  readonly pattern: string;
  /** When it ends, RFC 3339. */
  readonly until: string;
  /** Address of the client. */
  readonly client?: string;
  /** Name of the client, where it has one; added when the event is told. */
  readonly client_name?: string;
}

/** A trained address turned out to serve others too, and is trained no more. */
export interface UntrainedEvent {
  /** Name of the event. */
  readonly event: "untrained";
  /** Name of the protocol. */
  readonly protocol: string;
  /** The address that was trained. */
  readonly address: string;
  /** The wildcard by which it was trained. */
  readonly pattern: string;
}

/** A packet was refused. Rate-limited. */
export interface RefusedEvent {
  /** Name of the event. */
  readonly event: "refused";
  /** Address of the client. */
  readonly client: string;
  /** Name of the client, where it has one; added when the event is told. */
  readonly client_name?: string;
  /** Address of the peer. */
  readonly peer: string;
  /** Port of the peer. */
  readonly peer_port: number;
  /** How it was sent. */
  readonly transport: Transport | "other";
  /** Why. */
  readonly reason: string;
  /** Name of the protocol. */
  readonly protocol?: string;
  /** Name of the evidence that ended a running flow. */
  readonly evidence?: string;
  /** Refused packets, for this reason and client, that were left out since the last such event. */
  readonly suppressed: number;
  /** Payload bytes of all of these packets. */
  readonly bytes?: number;
}

/** ftwall sent a decoy or a probe. */
export interface SentEvent {
  /** Name of the event. */
  readonly event: "decoy-sent" | "probe-sent";
  /** Address of the client. */
  readonly client: string;
  /** Name of the client, where it has one; added when the event is told. */
  readonly client_name?: string;
  /** Address of the peer. */
  readonly peer: string;
  /** Name of the protocol. */
  readonly protocol: string;
  /** The client's port that a probe of its protocol went to, and of which transport it is. */
  readonly port?: number;
  /** See {@link port}. */
  readonly transport?: Transport;
}

/** A client had the router map a port to it. */
export interface PortMappedEvent {
  /** Name of the event. */
  readonly event: "port-mapped";
  /** Address of the client. */
  readonly client: string;
  /** Name of the client, where it has one; added when the event is told. */
  readonly client_name?: string;
  /** The client's port. */
  readonly port: number;
  /** Of which transport the port is. */
  readonly transport: Transport;
  /** How it was asked for. */
  readonly by: "upnp" | "nat-pmp" | "pcp";
  /** For how long; absent where it has no end. */
  readonly seconds?: number;
  /** What the program says of itself. */
  readonly description?: string;
  /** The protocol that this names. */
  readonly protocol?: string;
}

/** A client has more packets that would be queued than `[queue] client_rate` lets it: those above are not judged. */
export interface OverBudgetEvent {
  /** Name of the event. */
  readonly event: "over-budget";
  /** Address of the client: the last one in whose name it sent, or that packets go to. */
  readonly client: string;
  /** Name of the client, where it has one; added when the event is told. */
  readonly client_name?: string;
  /** MAC of the client, where it is known. */
  readonly mac?: string;
  /** Whether the packets are from it or go to it. */
  readonly direction: "from" | "to";
  /** Packets a second that it has. */
  readonly client_rate: number;
  /** Seconds in which it had more since the last such event about it. */
  readonly seconds: number;
}

/** Any event about traffic. */
export type TrafficEvent =
  | DetectedEvent
  | LockEvent
  | PeerLearnedEvent
  | TrainedEvent
  | UntrainedEvent
  | RefusedEvent
  | SentEvent
  | PortMappedEvent
  | OverBudgetEvent;

/** Where the engine's events go. */
export type Emit = (event: TrafficEvent) => void;

/** Kinds of events that come in floods: the receiver is asked first, so that none is made that it would not print. */
export type FrequentEvent = "detected" | "weak" | "refused";

/** A score as events show it, with two decimals. */
export function rounded(score: number): number {
  return Math.round(score * 100) / 100;
}

/** The first 24 bytes of the payload that decided, in hex. */
export function firstBytes({ bytes, start, end }: Look): string {
  return hexOf(bytes, start, end);
}

/** The first 24 bytes of `bytes[start … end)` in hex. */
export function hexOf(bytes: Uint8Array, start: number, end: number): string {
  return bytes.subarray(start, Math.min(end, start + 24)).toHex();
}

/** The earlier fact for which a flow is refused in which nothing was recognised. */
export type Because = "client-locked" | "peer-blocked" | "name-trained";

/** What a classifier, or what is known of one of its ends, says about a flow. */
export interface Classification {
  /** Name of the protocol. */
  readonly protocol: string;
  /** Short name of the evidence. */
  readonly evidence: string;
  /** How sure the evidence is. */
  readonly certainty: Certainty;
  /** What the evidence rests on. */
  readonly because: string;
  /** Score of the client for this protocol before; equal to the score after where nothing was scored. */
  readonly scoreBefore: number;
  /** Score of the client for this protocol after. */
  readonly scoreAfter: number;
}

/** Is told about every flow, packet by packet, as `ftwall replay` needs. A row may be reused: `opened` begins a new flow. */
export interface FlowObserver {
  /** A packet opened a flow; its source is the opener. */
  opened(row: number, packet: Packet): void;
  /** A packet of the flow was judged. */
  judged(row: number, refused: boolean): void;
  /** The flow was classified. `look` is valid during the call only; it is null where a known end of the flow decided. */
  classified(row: number, found: Classification, look: Look | null): void;
  /** A packet was refused because of an earlier fact. */
  because(row: number, reason: Because): void;
}
