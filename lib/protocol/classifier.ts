/**
 * The seam between the engine and the protocols: what a classifier sees, and what it may answer.
 *
 * A classifier is pure: bytes and flow in, one answer out. It reads no clock, keeps no state of its own beyond the flow's
 * two note words, allocates nothing and does not throw: every byte it reads lies in `look.start … look.end`, and
 * `look.end - look.start >= classifier.least` was checked before it was asked.
 * @module
 */
import { ADVERTISED } from "../state/state.ts";
import type { LengthRule } from "./message_lengths.ts";
import { type EndpointKind, NamedEndpoints } from "./named_endpoints.ts";
import type { Call, Question } from "./question.ts";

export { ADVERTISED, CONFIRMED } from "../state/state.ts";
export { NamedEndpoints } from "./named_endpoints.ts";
export type { EndpointKind } from "./named_endpoints.ts";

/** How sure a piece of evidence is: certain (false-positive odds below 1e-6 a flow), strong, weak; 0 where there is none. */
export type Certainty = 0 | 1 | 2 | 3;
/** Never acts alone; adds to the client's score. */
export const WEAK = 1;
/** Rests on two independent facts. */
export const STRONG = 2;
/** Exact structure: acts at once. */
export const CERTAIN = 3;

/** The names of the certainties as they stand in config and events, indexed by {@link Certainty}. */
export const CERTAINTY_NAMES: readonly string[] = ["none", "weak", "strong", "certain"];

/** What has to be known beside an evidence, see {@link Evidence.needs}. */
export type Needs = 0 | 1 | 2;
/** The client or one of the endpoints. */
export const KNOWN_END = 1;
/** One of the endpoints, address and port. */
export const KNOWN_ENDPOINT = 2;

/** What a classifier answers. All answers are of this one class, declared once at module level, and compared by identity. */
export class Evidence {
  /** Stable short name, e.g. `udp-ping`; part of the interface contract. */
  readonly name: string;
  /** How sure this evidence is. */
  readonly certainty: Certainty;
  /** What `explain` says it rests on: which bytes, from which source, with which odds. */
  readonly because: string;
  /** An encrypted-looking flow: to a known endpoint of an encrypting network it counts as `known-peer`. */
  readonly encrypted: boolean;
  /** What has to be known of an encrypted-looking flow's ends for this to count at all: 0 (nothing), KNOWN_END or KNOWN_ENDPOINT. */
  readonly needs: Needs;
  /** An encrypted-looking flow in which something showed that no other cipher is known to have. */
  readonly marked: boolean;
  /** Tells one evidence from another in the flow table: 1, 2, 3 … in order of making. */
  readonly number: number;
  static #made = 0;
  /** Makes an answer; only at module level, never per packet. */
  constructor(
    name: string,
    certainty: Certainty,
    because: string,
    encrypted = false,
    needs: Needs = 0,
    marked = false,
  ) {
    this.name = name;
    this.certainty = certainty;
    this.because = because;
    this.encrypted = encrypted;
    this.needs = needs;
    this.marked = marked;
    this.number = ++Evidence.#made;
  }
}

/** Makes a match answer: call once at module level. `because` names bytes, offsets, source and odds. */
export function evidence(name: string, certainty: Certainty, because: string, encrypted = false): Evidence {
  return new Evidence(name, certainty, because, encrypted);
}

/** The same for an encrypted-looking flow with a mark of its own, see {@link Evidence.marked}. */
export function markedEvidence(name: string, certainty: Certainty, because: string, needs: Needs = 0): Evidence {
  return new Evidence(name, certainty, because, true, needs, true);
}

/**
 * Makes an answer for a flow whose looks say nothing by themselves, not even weakly: `known-peer` or, where it `needs` no
 * more than a known end, `known-client`; else nothing.
 */
export function besideEvidence(name: string, because: string, needs: Needs): Evidence {
  return new Evidence(name, WEAK, because, true, needs);
}

/** This flow is not of this protocol: do not ask this classifier about it again. */
export const UNRELATED: Evidence = new Evidence("unrelated", 0, "");
/** Cannot tell yet: ask again with the flow's next packet. */
export const UNDECIDED: Evidence = new Evidence("undecided", 0, "");

/** What a classifier is shown: one reused object, valid only during the call. */
export class Look {
  /** The bytes; only `start … end` may be read. */
  bytes: Uint8Array = new Uint8Array(0);
  /** The same bytes for multi-byte reads. */
  view: DataView = new DataView(new ArrayBuffer(0));
  /** First byte of the datagram (UDP), or of what is kept of this direction's stream (TCP). */
  start = 0;
  /** One past the last captured byte. */
  end = 0;
  /** Bytes on the wire of the datagram (UDP), or of `start … end` (TCP): more than `end - start` where the capture is cut. */
  length = 0;
  /** TCP or UDP. */
  tcp = false;
  /** Sent by the client (towards the public side). */
  fromClient = false;
  /** Sent by the side that opened the flow. */
  fromOpener = false;
  /** `start` is the first byte of this direction's stream (always true for UDP); false in mid-stream pick-up. */
  first = false;
  /** Where in `start … end` the bytes of the packet at hand begin (TCP; earlier bytes were seen before). */
  fresh = 0;
  /** Data packets of this direction so far, this one included. */
  nth = 0;
  /** Data packets of the other direction so far. */
  otherNth = 0;
  /** The first four payload bytes of this direction, big-endian int32, zero padded; 0 where there were none yet. */
  ownFirst = 0;
  /** The same for the other direction. */
  otherFirst = 0;
  /** Length of this direction's first payload in bytes as sent (one segment or datagram); 0 where there was none yet. */
  ownLength = 0;
  /** The same for the other direction. */
  otherLength = 0;
  /** Port of the client. Never evidence: only for excluding named collisions. */
  clientPort = 0;
  /** Port of the peer. Never evidence: only for excluding named collisions. */
  peerPort = 0;
  /** First note word of this flow, kept between its packets. Valid after {@link claim} answered true. */
  note0 = 0;
  /** Second note word of this flow. */
  note1 = 0;
  /** Which classifier owns the notes: its number in the list plus one; 0 is nobody. */
  owner = 0;
  /** Number of the classifier being asked, plus one; set by the engine. */
  asked = 0;
  /** Peers that the payload names. */
  readonly found: NamedEndpoints = new NamedEndpoints();

  /** Takes the flow's note words for the classifier being asked; false where another one owns them. */
  claim(): boolean {
    if (this.owner === 0) {
      this.owner = this.asked;
      this.note0 = 0;
      this.note1 = 0;
    }
    return this.owner === this.asked;
  }

  /** True where the classifier being asked owns the notes. */
  get owned(): boolean {
    return this.owner === this.asked;
  }

  /** Reports an endpoint found in the payload, see {@link Found.peer}. */
  peer(w0: number, w1: number, w2: number, w3: number, port: number, kind: EndpointKind = ADVERTISED): void {
    this.found.peer(w0, w1, w2, w3, port, kind);
  }
}

/** First payload bytes that a classifier can match at a stream's start or a datagram's: every byte, or these. */
export type FirstBytes = "any" | readonly number[];

/** Multicast groups in which clients look for each other. */
export interface DiscoveryGroups {
  /** The 4 bytes of its address. */
  readonly ipv4: readonly number[];
  /** The 16 bytes of its address. */
  readonly ipv6: readonly number[];
  /** The UDP port. One protocol at most has one: a rule of iptables names a port once. */
  readonly port: number;
}

/** One protocol, and all that is its own beside how its packets are told. One folder beside this file; its name is `name`. */
export interface Protocol {
  /** Name of its folder; config key, log label and counter. */
  readonly name: string;
  /** Name as people write it, for docs and tables. */
  readonly title: string;
  /** What is done about it where the config is silent (default `drop`). */
  readonly action?: "log" | "lock";
  /** The least certainty that acts where the config is silent (default `strong`). */
  readonly require?: "certain";
  /** DNS wildcards, where the config is silent: contact with an address that answers for one is refused. */
  readonly names?: readonly string[];
  /** DNS and TLS names that, where the config is silent, raise the client's score. */
  readonly hints?: readonly string[];
  /** Its payloads show info-hashes: the config key `allow_info_hashes` is for it. */
  readonly showsInfoHashes?: boolean;
  /** Multicast groups in which its clients look for each other. */
  readonly discovery?: DiscoveryGroups;
  /** The protocol that ftwall 1 was for: the peers in its store are of this one. */
  readonly ofFtwall1?: boolean;
  /**
   * How its programs call themselves where they ask the router for a port (UPnP's description), each as far as it is always
   * the same; letters compare without case.
   */
  readonly mappings?: readonly string[];
  /** The answers to a client's datagram in its peer's name, in order; none where this datagram gets none. UDP over IPv4. */
  readonly decoys?: (this: void, bytes: Uint8Array, start: number, end: number) => readonly Uint8Array[];
  /** What a suspected client's UDP port is asked, all at once. */
  readonly questions?: readonly Question[];
  /** How a suspected client's listening TCP port is called. */
  readonly call?: Call;
  /** ftwall's own question to a locked client's UDP port. */
  readonly probe?: (this: void) => Uint8Array;
}

/** A protocol whose packets are told. */
export interface Classifier extends Protocol {
  /** Wants TCP payloads. */
  readonly tcp: boolean;
  /** Wants UDP payloads. */
  readonly udp: boolean;
  /** Fewest payload bytes worth a look. */
  readonly least: number;
  /**
   * First byte of a datagram or of a stream that can belong to this protocol. For TCP this is asked of the first byte of
   * either direction's stream: once neither side can match, the classifier is dropped for the flow.
   */
  readonly first: FirstBytes;
  /** TCP only: also asked about flows whose start was not seen (mid-stream pick-up, `look.first` is false). */
  readonly midstream?: boolean;
  /**
   * Its peers go on the block list: their addresses are refused for everybody. For networks whose nodes do nothing else;
   * of the others only endpoints (address and port) are remembered.
   */
  readonly blocksPeers?: boolean;
  /** Data packets per direction after which the engine stops asking (default 8). */
  readonly patience?: number;
  /** TCP only: how flows that look encrypted are told by the lengths of their packets. */
  readonly lengths?: LengthRule;
  /** Answers UNRELATED, UNDECIDED or a module-level Evidence. Called as a bare function. */
  classify(this: void, look: Look): Evidence;
}
