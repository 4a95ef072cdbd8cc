/**
 * All tables: everything that ftwall remembers. Made once; a new policy does not replace it.
 * @module
 */
import { AddressTable } from "./address_table.ts";
import { FLOW_WORDS, FlowTable } from "./flow_table.ts";
import { OWN_MEMORY, type TableMemory } from "./table_memory.ts";
import { FanOuts } from "./fan_outs.ts";
import { Locks } from "./locks.ts";
import { Scores } from "./scores.ts";
import { STREAM_BYTES, Streams } from "./streams.ts";

/** How many entries each table holds. */
export interface Capacity {
  /** Flows. */
  readonly flows: number;
  /** TCP flows whose first bytes are kept. */
  readonly streams: number;
  /** Peers on the block list. */
  readonly peers: number;
  /** Trained addresses. */
  readonly trained: number;
  /** Endpoints, confirmed and advertised. */
  readonly endpoints: number;
  /** Locked clients. */
  readonly locks: number;
  /** Clients with a score, for each protocol. */
  readonly scores: number;
  /** Clients whose encrypted conversations are counted, for each protocol. */
  readonly fanOuts: number;
  /** DNS questions that wait for their answer. */
  readonly questions: number;
  /** Addresses that DNS answered for names of no interest. */
  readonly resolved: number;
  /** Rate limits: of each client and kind of event. */
  readonly rateLimits: number;
}

/** Column of a peer or trained address: number of the protocol. */
export const PROTOCOL = 0;
/** Column of a peer: its port, for the record. Of a trained address: number of the wildcard. */
export const DETAIL = 1;
/** Column of a peer or trained address: 1 where it is held back (shared hosting). */
export const HELD = 2;
/** Column of an endpoint: ADVERTISED or CONFIRMED. */
export const KIND = 1;
/** Kind of an endpoint: named by somebody else (DHT, tracker, peer exchange). As anybody can name anybody, it only raises scores. */
export const ADVERTISED = 1;
/** Kind of an endpoint: took part in a confirmed conversation, or is a node that the protocol's own structure proves. */
export const CONFIRMED = 2;
/** Column of an endpoint: hash of the client in whose flow it was confirmed, 0 where the endpoint itself spoke. */
export const WITNESS = 2;

const FLOW_BYTES = FLOW_WORDS * 4 + 12;
const ROW_BYTES = 20 + 8 + 12 + 4 + 8;

/**
 * Divides `bytes` among the tables: half to the flows, a fifth to the block list, the rest to what is learned beside it.
 * With 32 MiB: 155,000 flows, 129,000 peers.
 */
export function capacityFor(bytes: number): Capacity {
  const share = (part: number, each: number, least: number, most: number) =>
    Math.max(least, Math.min(most, Math.floor(bytes * part / each)));
  return {
    flows: share(0.5, FLOW_BYTES, 1024, 1 << 23),
    streams: share(0.06, STREAM_BYTES + 21, 64, 8192),
    peers: share(0.2, ROW_BYTES, 1024, 1 << 22),
    trained: share(0.03, ROW_BYTES, 256, 1 << 20),
    endpoints: share(0.08, ROW_BYTES, 1024, 1 << 22),
    locks: share(0.04, 112, 256, 1 << 17),
    scores: share(0.02, 184, 256, 1 << 17),
    fanOuts: share(0.02, 236, 512, 1 << 17),
    questions: share(0.01, ROW_BYTES, 256, 1 << 16),
    resolved: share(0.03, ROW_BYTES, 256, 1 << 20),
    rateLimits: share(0.01, ROW_BYTES, 256, 1 << 16),
  };
}

/** The tables. */
export class State {
  /** Sizes. */
  readonly capacity: Capacity;

  // The tables are for the engine and the daemon, not for users of the library.
  /**
   * All flows.
   * @ignore
   */
  readonly flows: FlowTable;
  /**
   * First bytes of undecided TCP flows.
   * @ignore
   */
  readonly streams: Streams;
  /**
   * The block list: public addresses refused for everybody; key word 0.
   * @ignore
   */
  readonly peers: AddressTable;
  /**
   * Addresses that DNS answers trained; key word 0.
   * @ignore
   */
  readonly trained: AddressTable;
  /**
   * Endpoints of encrypted-capable networks; key word is the port.
   * @ignore
   */
  readonly endpoints: AddressTable;
  /**
   * Time-locks.
   * @ignore
   */
  readonly locks: Locks;
  /**
   * Scores of clients.
   * @ignore
   */
  readonly scores: Scores;
  /**
   * To how many hosts clients had encrypted conversations.
   * @ignore
   */
  readonly fanOuts: FanOuts;
  /**
   * DNS questions waiting for their answer; key word is port × 65536 + id.
   * @ignore
   */
  readonly questions: AddressTable;
  /**
   * Addresses that answer for names of no interest (shared hosting); key word 0.
   * @ignore
   */
  readonly resolved: AddressTable;
  /**
   * Rate limits: what happened lately; key word is the kind.
   * @ignore
   */
  readonly rateLimits: AddressTable;
  /**
   * Hardware addresses of clients, as last seen; key word 0, columns high and low.
   * @ignore
   */
  readonly neighbours: AddressTable;
  /**
   * Clients that the operator allowed for a time; key word 0.
   * @ignore
   */
  readonly allowances: AddressTable;

  readonly #changes: Int32Array;

  /**
   * Makes empty tables. `seed` is secret in the daemon and fixed in tests. All tables but flows and their streams lie in
   * `memory`: threads that divide the flows among them share everything that was learned.
   */
  constructor(capacity: Capacity, seed: number, memory: TableMemory = OWN_MEMORY) {
    this.capacity = capacity;
    this.flows = new FlowTable(capacity.flows, seed);
    this.streams = new Streams(capacity.streams);
    this.peers = new AddressTable(capacity.peers, 3, seed, memory);
    this.trained = new AddressTable(capacity.trained, 3, seed, memory);
    this.endpoints = new AddressTable(capacity.endpoints, 3, seed, memory);
    this.locks = new Locks(capacity.locks, seed, memory);
    this.scores = new Scores(capacity.scores, seed, memory);
    this.fanOuts = new FanOuts(capacity.fanOuts, seed, memory);
    this.questions = new AddressTable(capacity.questions, 2, seed, memory);
    this.resolved = new AddressTable(capacity.resolved, 3, seed, memory);
    this.rateLimits = new AddressTable(capacity.rateLimits, 3, seed, memory);
    this.neighbours = new AddressTable(capacity.locks, 2, seed, memory);
    this.allowances = new AddressTable(256, 0, seed, memory);
    this.#changes = memory.int32(1);
  }

  /** Changes with every new lock, peer or trained address, and with their ends. */
  get changes(): number {
    return this.#changes[0]!;
  }

  set changes(count: number) {
    this.#changes[0] = count;
  }
}
