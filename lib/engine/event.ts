/**
 * What the engine tells the outside: one object for each thing that was learned or done. The interface contract names the
 * fields; `time` and `dry_run` are added where the event is written.
 * @module
 */

/** How a flow or client came to be treated as it was. */
export type By = "detector" | "operator" | "state-file";

/** Names of the transports in events. */
export type Transport = "tcp" | "udp";

/** A classifier recognised a flow. */
export interface DetectedEvent {
  readonly event: "detected";
  readonly protocol: string;
  readonly client: string;
  readonly peer: string;
  readonly peer_port: number;
  readonly transport: Transport;
  readonly evidence: string;
  readonly certainty: "certain" | "strong" | "weak";
  readonly action: "off" | "log" | "drop" | "lock";
  readonly mac?: string;
  readonly group?: string;
  /** Client's score for this protocol before and after, where the evidence is scored. */
  readonly score_before?: number;
  readonly score_after?: number;
  /** What the evidence rests on. */
  readonly because?: string;
  /** First bytes of the payload that decided, in hex. */
  readonly bytes?: string;
  /** How many alike were not printed before this one. */
  readonly suppressed?: number;
}

/** A client's time-lock began, was renewed, or ended. */
export interface LockEvent {
  readonly event: "locked" | "renewed" | "released";
  readonly client: string;
  readonly protocol: string;
  readonly evidence: string;
  readonly until?: string;
  readonly held_seconds?: number;
  readonly by: By;
  readonly reason?: string;
  readonly mac?: string;
}

/** A peer went on the block list. */
export interface PeerLearnedEvent {
  readonly event: "peer-learned";
  readonly protocol: string;
  readonly peer: string;
  readonly peer_port: number;
  readonly client?: string;
  readonly until: string;
}

/** A DNS answer trained an address. */
export interface TrainedEvent {
  readonly event: "trained";
  readonly protocol: string;
  readonly name: string;
  readonly address: string;
  readonly pattern: string;
  readonly until: string;
  readonly client?: string;
  /** Held back: the address also answers for names of no interest. */
  readonly held?: boolean;
}

/** A packet was refused; rate-limited, `suppressed` counts those not printed since the last one. */
export interface RefusedEvent {
  readonly event: "refused";
  readonly client: string;
  readonly peer: string;
  readonly peer_port: number;
  readonly transport: Transport | "other";
  readonly reason: string;
  readonly protocol?: string;
  readonly suppressed: number;
}

/** ftwall sent something itself. */
export interface SentEvent {
  readonly event: "decoy-sent" | "probe-sent";
  readonly client: string;
  readonly peer: string;
  readonly protocol: string;
}

/** Everything about traffic. */
export type TrafficEvent = DetectedEvent | LockEvent | PeerLearnedEvent | TrainedEvent | RefusedEvent | SentEvent;

/** Where the engine's events go. */
export type Emit = (event: TrafficEvent) => void;
