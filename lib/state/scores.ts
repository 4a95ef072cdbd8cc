/**
 * Scores of clients: what weak facts add up to. A score belongs to one client and one protocol, halves with each half-life,
 * and remembers the last sixteen distinct peers that raised it.
 * @module
 */
import { AddressTable } from "./address_table.ts";
import { TICK_MS } from "./flow_table.ts";
import { OwnTableMemory, type TableMemory } from "./table_memory.ts";

const SCORE = 0;
const SEEN = 1;
const NEXT = 2;
const PEERS = 3;
/** Distinct peers remembered with each score. */
export const REMEMBERED_PEERS = 16;
const AGES = PEERS + REMEMBERED_PEERS;

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

  /**
   * Fan-out, for the next {@link add} alone: {@link fanOutPeers} distinct peers within this many ticks make its fact count
   * for {@link fanOutPoints}. 0 leaves it out.
   */
  fanOutTicks = 0;
  /** See {@link fanOutTicks}. */
  fanOutPeers = 0;
  /** See {@link fanOutTicks}. */
  fanOutPoints = 0;
  /** The last {@link add} found such a fan-out. */
  fannedOut = false;

  /** Makes room for `capacity` scores. */
  constructor(capacity: number, seed: number, memory: TableMemory = new OwnTableMemory()) {
    this.table = new AddressTable(capacity, AGES + REMEMBERED_PEERS, seed, memory);
  }

  /**
   * Adds `points` for a fact about one peer (`peer` is a hash of it, not 0). `tick` is the engine's time in ticks;
   * half-life and window are in ticks too. Results are in {@link before}, {@link after} and {@link peers}.
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
    const row = this.table.insert(w0, w1, w2, w3, protocol, now + window * TICK_MS);
    const values = this.table.values;
    const at = row * this.table.columns;
    const age = this.table.created ? 0 : tick - values[at + SEEN]!;
    this.before = values[at + SCORE]! / 100 * (age > 0 ? 2 ** (-age / halfLife) : 1);
    let place = -1;
    let distinct = 0;
    let close = 1;
    for (let i = 0; i < REMEMBERED_PEERS; i++) {
      const known = values[at + PEERS + i]!;
      if (known === peer) place = i;
      else if (known !== 0) {
        const past = tick - values[at + AGES + i]!;
        if (past <= window) distinct++;
        if (past <= this.fanOutTicks) close++;
      }
    }
    // One peer raises the score once in a window: a flow of many packets is still one fact.
    const again = place >= 0 && tick - values[at + AGES + place]! <= window;
    if (place < 0) {
      place = values[at + NEXT]!;
      values[at + NEXT] = (place + 1) % REMEMBERED_PEERS;
      values[at + PEERS + place] = peer;
    }
    values[at + AGES + place] = tick;
    this.peers = Math.min(REMEMBERED_PEERS, distinct + 1);
    this.fannedOut = this.fanOutTicks > 0 && close >= this.fanOutPeers;
    const worth = this.fannedOut ? Math.max(points, this.fanOutPoints) : points;
    this.fanOutTicks = 0;
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
