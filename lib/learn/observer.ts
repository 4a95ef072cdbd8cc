/**
 * Who watches single flows: the recorder of `ftwall replay`.
 * @module
 */
import type { Certainty, Look } from "../protocol/classifier.ts";
import type { Packet } from "../wire/packet.ts";

/** Why a flow is refused although nothing was recognised in it. */
export type Because = "client-locked" | "peer-blocked" | "name-trained";

/** What a classifier or a learned endpoint said of a flow. */
export interface Classification {
  /** Name of the protocol. */
  readonly protocol: string;
  /** Short name of the evidence. */
  readonly evidence: string;
  /** How sure the evidence is. */
  readonly certainty: Certainty;
  /** What the evidence rests on. */
  readonly because: string;
  /** Score of the client for this protocol before and after; equal where nothing was scored. */
  readonly scoreBefore: number;
  /** Score of the client for this protocol after it. */
  readonly scoreAfter: number;
}

/** Told of every flow, packet by packet. Rows are reused: `opened` begins a new flow. */
export interface FlowObserver {
  /** A packet opened a flow; its source is the opener. */
  opened(row: number, packet: Packet): void;
  /** A packet of the flow was judged. */
  judged(row: number, refused: boolean): void;
  /** The flow was called. The look is valid during the call only; null where a learned endpoint decided. */
  classified(row: number, found: Classification, look: Look | null): void;
  /** A packet was refused because of earlier facts. */
  because(row: number, reason: Because): void;
}
