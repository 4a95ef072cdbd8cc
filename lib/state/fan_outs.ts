/**
 * To how many hosts a client lately had conversations whose lengths are those of one ciphered protocol: the last sixteen
 * hosts of each client and protocol, with the lengths of both first flights.
 *
 * A protocol that pads at random never shows two hosts the same pair of lengths; a program whose messages have lengths of
 * their own (a pool of proxies, a messenger's data centres) shows every host the same. So hosts whose flights are as long as
 * another's, or as their own of before, do not count.
 * @module
 */
import { AddressTable } from "./address_table.ts";
import { TICK_MS } from "./flow_table.ts";
import { OwnTableMemory, type TableMemory } from "./table_memory.ts";

/** Hosts that are remembered of each client and protocol. */
export const FAN_OUT_HOSTS = 16;

const NEXT = 0;
const HOST = 1;
const AGE = HOST + FAN_OUT_HOSTS;
const FACTS = AGE + FAN_OUT_HOSTS;
const COLUMNS = FACTS + FAN_OUT_HOSTS;

// A host's facts: both lengths, ten bits each, and:
const LENGTH_BITS = 10;
const LENGTH_MASK = (1 << LENGTH_BITS) - 1;
/** The flow went on as the protocol does. */
const MARKED = 1 << 20;
/** An earlier flow to this host had the same lengths. */
const REPEATED = 1 << 21;
/** It may still go on so: one side of the handshake ended as the protocol's does. */
const OPEN = 1 << 22;

/** See the module's text. One entry has 196 bytes of values. */
export class FanOuts {
  /** Keyed by client and protocol number. */
  readonly table: AddressTable;
  /** Hosts that the last {@link count} found. */
  hosts = 0;
  /** Those whose conversations went on as the protocol's do. */
  marked = 0;

  /** Makes room for `capacity` clients and protocols. */
  constructor(capacity: number, seed: number, memory: TableMemory = new OwnTableMemory()) {
    this.table = new AddressTable(capacity, COLUMNS, seed, memory);
  }

  /**
   * Takes note of a conversation with a host (`host` is a hash of its address, not 0) whose first flights have these
   * lengths, `first` the opener's, each at most 1,023. Lengths no more than `near` apart are the same. `tick` is the
   * engine's time in eighths of a second; what is older than `memory` of them is forgotten. `open` where one side of the
   * handshake already ended as the protocol's does.
   */
  met(
    w0: number,
    w1: number,
    w2: number,
    w3: number,
    protocol: number,
    host: number,
    first: number,
    second: number,
    open: boolean,
    near: number,
    tick: number,
    memory: number,
    now: number,
  ): void {
    const row = this.table.insert(w0, w1, w2, w3, protocol, now + memory * TICK_MS);
    const values = this.table.values;
    const at = row * COLUMNS;
    const facts = (first & LENGTH_MASK) | ((second & LENGTH_MASK) << LENGTH_BITS);
    let place = this.#placeOf(at, host);
    const known = place >= 0;
    if (!known) {
      place = values[at + NEXT]!;
      values[at + NEXT] = (place + 1) % FAN_OUT_HOSTS;
      values[at + HOST + place] = host;
    }
    const before = values[at + FACTS + place]!;
    const recent = tick - values[at + AGE + place]! <= memory;
    const same = isNear(before, facts, near) || (before & REPEATED) !== 0;
    const repeated = known && recent && same ? REPEATED : 0;
    values[at + AGE + place] = tick;
    values[at + FACTS + place] = facts | repeated | (open ? OPEN : 0);
  }

  /** The last conversation with this host went on as the protocol's do. */
  mark(w0: number, w1: number, w2: number, w3: number, protocol: number, host: number): void {
    const row = this.table.find(w0, w1, w2, w3, protocol);
    if (row < 0) return;
    const at = row * COLUMNS;
    const place = this.#placeOf(at, host);
    if (place >= 0) this.table.values[at + FACTS + place]! |= MARKED;
  }

  /**
   * Counts the hosts of conversations within `window` eighths of a second, each unlike all others within `memory` (see the
   * module's text): {@link hosts}, and {@link marked} of them.
   */
  count(
    w0: number,
    w1: number,
    w2: number,
    w3: number,
    protocol: number,
    near: number,
    tick: number,
    window: number,
    memory: number,
  ): void {
    this.hosts = 0;
    this.marked = 0;
    const row = this.table.find(w0, w1, w2, w3, protocol);
    if (row < 0) return;
    const values = this.table.values;
    const at = row * COLUMNS;
    for (let i = 0; i < FAN_OUT_HOSTS; i++) {
      const facts = values[at + FACTS + i]!;
      if (values[at + HOST + i] === 0 || (facts & REPEATED) !== 0 || tick - values[at + AGE + i]! > window) continue;
      if (this.#hasTwin(at, i, near, tick, memory)) continue;
      this.hosts++;
      if ((facts & MARKED) !== 0) this.marked++;
    }
  }

  /**
   * Whether the last conversation with this host is one of several of a kind, as far as the client's others within `memory`
   * tell: unlike all of them, and fewer of them went on otherwise than as the protocol's do. What a tunnel has once by chance
   * stands among many that have it not.
   */
  agrees(
    w0: number,
    w1: number,
    w2: number,
    w3: number,
    protocol: number,
    host: number,
    near: number,
    tick: number,
    memory: number,
  ): boolean {
    const row = this.table.find(w0, w1, w2, w3, protocol);
    if (row < 0) return false;
    const values = this.table.values;
    const at = row * COLUMNS;
    const place = this.#placeOf(at, host);
    if (place < 0 || (values[at + FACTS + place]! & REPEATED) !== 0) return false;
    if (this.#hasTwin(at, place, near, tick, memory)) return false;
    let balance = 1;
    for (let i = 0; i < FAN_OUT_HOSTS; i++) {
      if (i === place || values[at + HOST + i] === 0 || tick - values[at + AGE + i]! > memory) continue;
      const facts = values[at + FACTS + i]!;
      if ((facts & MARKED) !== 0) balance++;
      else if ((facts & OPEN) === 0) balance--;
    }
    return balance > 0;
  }

  #hasTwin(at: number, place: number, near: number, tick: number, memory: number): boolean {
    const values = this.table.values;
    const facts = values[at + FACTS + place]!;
    for (let i = 0; i < FAN_OUT_HOSTS; i++) {
      if (i === place || values[at + HOST + i] === 0 || tick - values[at + AGE + i]! > memory) continue;
      if (isNear(facts, values[at + FACTS + i]!, near)) return true;
    }
    return false;
  }

  #placeOf(at: number, host: number): number {
    const values = this.table.values;
    for (let i = 0; i < FAN_OUT_HOSTS; i++) if (values[at + HOST + i] === host) return i;
    return -1;
  }
}

/** Both lengths are the same, or nearly. */
function isNear(one: number, other: number, near: number): boolean {
  const first = Math.abs((one & LENGTH_MASK) - (other & LENGTH_MASK));
  const second = Math.abs(((one >> LENGTH_BITS) & LENGTH_MASK) - ((other >> LENGTH_BITS) & LENGTH_MASK));
  return Math.max(first, second) <= near;
}
