/**
 * All tables: everything that ftwall remembers. Made once; a new policy does not replace it.
 * @module
 */
import type { Mac } from "../net/address.ts";
import { AddressTable } from "./address_table.ts";
import { FLOW_WORDS, FlowTable } from "./flow_table.ts";
import { OwnTableMemory, type TableMemory } from "./table_memory.ts";
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
  /** Addresses and endpoints that serve everyday traffic. */
  readonly everyday: number;
  /** Rate limits: of each client and kind of event. */
  readonly rateLimits: number;
}

/** Column of a peer or trained address: number of the protocol. */
export const PROTOCOL = 0;
/** Column of a trained address: number of the wildcard. */
export const PATTERN = 1;
/** Column of an everyday address: hash of the name that it last answered for. */
export const NAME = 0;
/** Column of an everyday address: how many names it answers for, no more than {@link SEVERAL}. */
export const NAMES = 1;
/** Names or clients from which on an everyday address counts as one. One is too few: anybody can give a name to anybody's address. */
export const SEVERAL = 2;
/** Column of an everyday address: hash of the machine that showed it, or {@link MANY_CLIENTS}. */
export const SHOWN_BY = 2;
/** More clients than one showed an everyday address. */
export const MANY_CLIENTS = 0;
/** Column of an endpoint: ADVERTISED or CONFIRMED. */
export const KIND = 1;
/** Kind of an endpoint: named by somebody else (DHT, tracker, peer exchange). As anybody can name anybody, it only raises scores. */
export const ADVERTISED = 1;
/** Kind of an endpoint: took part in a confirmed conversation, or is a node that the protocol's own structure proves. */
export const CONFIRMED = 2;
/**
 * Column of an endpoint: hash of the client in whose flow it was confirmed, 0 where the endpoint itself spoke. Of a trained
 * address: hash of the machine for which alone it counts, 0 where it counts for everybody.
 */
export const WITNESS = 2;

/** Counts of machines; beyond it they share some. A flood of made-up machines fills it, so it is no larger than is needed. */
const QUOTAS = 1024;
/** Port mappings: programs ask for two to four, of which machines at home run few. */
const MAPPINGS = 2048;
/** Ports that were asked what speaks there, for each protocol: few are suspected at a time. */
const PROBES = 1024;
/** In the key word of a client's port: of TCP (else UDP). */
export const OF_TCP = 0x10000;
/** Ports that are remembered of one client's mappings: in columns 1 and up of its row, where the key word is 0. */
export const CLIENT_PORTS = 4;
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
    everyday: share(0.03, ROW_BYTES, 256, 1 << 20),
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
   * The block list: public endpoints refused for everybody; key word is the port.
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
   * Addresses that serve others than file sharing: names of no interest lead there, or everyday traffic goes there; key word
   * 0, or the port of an endpoint that serves everyday traffic.
   * @ignore
   */
  readonly everyday: AddressTable;
  /**
   * Rate limits: what happened lately; key word is the kind.
   * @ignore
   */
  readonly rateLimits: AddressTable;
  /**
   * What machines at home may still cause: see learn/quotas.ts; key word is the kind, the one column what they did.
   * @ignore
   */
  readonly quotas: AddressTable;
  /**
   * Hardware addresses of clients, as last seen; key word 0, columns high and low.
   * @ignore
   */
  readonly neighbours: AddressTable;
  /**
   * Hardware addresses that the kernel saw together with an address; columns as in {@link State.neighbours}.
   * @ignore
   */
  readonly bindings: AddressTable;
  /**
   * Addresses that are never locked: the router's own, and machines of operators.
   * @ignore
   */
  readonly spared: AddressTable;
  /**
   * Clients that the operator allowed for a time; key word 0.
   * @ignore
   */
  readonly allowances: AddressTable;
  /**
   * Ports that the router was asked to map to clients; key word is the port, plus {@link OF_TCP}. First column: number plus one
   * of the protocol that the program named, 0 for none. A client's row of key word 0 has its ports, see {@link CLIENT_PORTS}.
   * @ignore
   */
  readonly mappings: AddressTable;
  /**
   * Clients' ports that were asked what speaks there, see learn/prober.ts.
   * @ignore
   */
  readonly probes: AddressTable;

  readonly #changes: Int32Array;
  readonly #secret: Int32Array;

  /**
   * Makes empty tables. `seed` is secret in the daemon and fixed in tests. All tables but flows and their streams lie in
   * `memory`: threads that divide the flows among them share everything that was learned. `secret` goes into questions that
   * clients see, so it has nothing to do with the seed; whoever comes to the memory later has the first one's.
   */
  constructor(
    capacity: Capacity,
    seed: number,
    memory: TableMemory = new OwnTableMemory(),
    secret: number = crypto.getRandomValues(new Int32Array(1))[0]!,
  ) {
    this.capacity = capacity;
    this.flows = new FlowTable(capacity.flows, seed);
    this.streams = new Streams(capacity.streams);
    this.peers = new AddressTable(capacity.peers, 1, seed, memory);
    this.trained = new AddressTable(capacity.trained, 3, seed, memory);
    this.endpoints = new AddressTable(capacity.endpoints, 3, seed, memory);
    this.locks = new Locks(capacity.locks, seed, memory);
    this.scores = new Scores(capacity.scores, seed, memory);
    this.fanOuts = new FanOuts(capacity.fanOuts, seed, memory);
    this.questions = new AddressTable(capacity.questions, 2, seed, memory);
    this.everyday = new AddressTable(capacity.everyday, 3, seed, memory);
    // One client can show as many addresses as it likes: those that others showed too are evicted last.
    this.everyday.rank = (row) => this.everyday.values[row * this.everyday.columns + SHOWN_BY] === MANY_CLIENTS ? 1 : 0;
    this.rateLimits = new AddressTable(capacity.rateLimits, 3, seed, memory);
    this.quotas = new AddressTable(QUOTAS, 1, seed, memory);
    this.neighbours = new AddressTable(capacity.locks, 2, seed, memory);
    this.bindings = new AddressTable(capacity.locks, 2, seed, memory);
    this.spared = new AddressTable(256, 0, seed, memory);
    this.allowances = new AddressTable(256, 0, seed, memory);
    this.mappings = new AddressTable(MAPPINGS, 1 + CLIENT_PORTS, seed, memory);
    this.probes = new AddressTable(PROBES, 2, seed, memory);
    this.#secret = memory.int32(1);
    if (this.#secret[0] === 0) this.#secret[0] = secret;
    this.#changes = memory.int32(1);
  }

  /**
   * Hardware address that an address was last seen with; zeros where none. Makes an object: not for what each packet asks.
   * @ignore
   */
  macOf(w0: number, w1: number, w2: number, w3: number): Mac {
    const { neighbours } = this;
    const row = neighbours.find(w0, w1, w2, w3, 0);
    return row < 0 ? [0, 0] : [neighbours.values[row * 2]!, neighbours.values[row * 2 + 1]!];
  }

  /**
   * What makes questions to clients unpredictable.
   * @ignore
   */
  get secret(): number {
    return this.#secret[0]!;
  }

  /** Changes with every new lock, peer or trained address, and with their ends. */
  get changes(): number {
    return this.#changes[0]!;
  }

  set changes(count: number) {
    this.#changes[0] = count;
  }
}
