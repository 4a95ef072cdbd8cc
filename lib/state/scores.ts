/**
 * Scores of clients: what weak facts add up to. A score belongs to one client and one protocol, loses half its worth in
 * each half-life, and remembers the last sixteen distinct peers that raised it.
 * @module
 */
import { AddressTable } from "./address_table.ts";
import { OWN_MEMORY, type TableMemory } from "./table_memory.ts";

const SCORE = 0;
const SEEN = 1;
const NEXT = 2;
const PEERS = 3;
/** Distinct peers that are remembered of each score. */
export const SLOTS = 16;
const AGES = PEERS + SLOTS;

/** See the module's text. Scores are kept in hundredths. */
export class Scores {
  /** Keyed by client and protocol number. */
  readonly table: AddressTable;
  /** Score before the last {@link add}. */
  before = 0;
  /** Score after the last {@link add}. */
  after = 0;
  /** Distinct peers within the window after the last {@link add}, at most 16. */
  peers = 0;

  /** Eighths of a second within which {@link nearPeers} distinct peers make the next fact count for {@link nearPoints}. */
  near = 0;
  /** The last {@link add} found {@link nearPeers} distinct peers that near to each other. */
  fanned = false;
  /** See {@link near}. */
  nearPeers = 0;
  /** See {@link near}. */
  nearPoints = 0;

  /** Makes room for `capacity` scores. */
  constructor(capacity: number, seed: number, memory: TableMemory = OWN_MEMORY) {
    this.table = new AddressTable(capacity, AGES + SLOTS, seed, memory);
  }

  /**
   * Adds `points` for a fact about one peer (`peer` is a hash of it, not 0). `tick` is the engine's time in eighths of a
   * second; half-life and window too. Results are in {@link before}, {@link after} and {@link peers}.
   */
  add(
    w0: number,
    w1: number,
    w2: number,
    w3: number,
    protocol: number,
    peer: number,
    points: number,
    tick: number,
    halfLife: number,
    window: number,
    now: number,
  ): void {
    const row = this.table.insert(w0, w1, w2, w3, protocol, now + window * 125);
    const values = this.table.values;
    const at = row * this.table.columns;
    const age = this.table.created ? 0 : tick - values[at + SEEN]!;
    this.before = values[at + SCORE]! / 100 * (age > 0 ? 2 ** (-age / halfLife) : 1);
    let place = -1;
    let distinct = 0;
    let close = 1;
    for (let i = 0; i < SLOTS; i++) {
      const known = values[at + PEERS + i]!;
      if (known === peer) place = i;
      else if (known !== 0) {
        const past = tick - values[at + AGES + i]!;
        if (past <= window) distinct++;
        if (past <= this.near) close++;
      }
    }
    // One peer alone cannot raise the score again and again: a chatty flow is still one fact.
    const again = place >= 0 && tick - values[at + AGES + place]! <= window;
    if (place < 0) {
      place = values[at + NEXT]!;
      values[at + NEXT] = (place + 1) % SLOTS;
      values[at + PEERS + place] = peer;
    }
    values[at + AGES + place] = tick;
    this.peers = Math.min(SLOTS, distinct + 1);
    this.fanned = this.near > 0 && close >= this.nearPeers;
    const worth = this.fanned ? Math.max(points, this.nearPoints) : points;
    this.near = 0;
    this.after = this.before + (again ? 0 : worth);
    values[at + SCORE] = Math.min(1e9, Math.round(this.after * 100));
    values[at + SEEN] = tick;
  }

  /** Score of a client for a protocol now, 0 where there is none. */
  read(
    w0: number,
    w1: number,
    w2: number,
    w3: number,
    protocol: number,
    tick: number,
    halfLife: number,
  ): number {
    const row = this.table.find(w0, w1, w2, w3, protocol);
    if (row < 0) return 0;
    const at = row * this.table.columns;
    const age = Math.max(0, tick - this.table.values[at + SEEN]!);
    return this.table.values[at + SCORE]! / 100 * 2 ** (-age / halfLife);
  }
}
