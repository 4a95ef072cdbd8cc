/**
 * Keeps the kernel's sets equal to the engine's tables. The kernel refuses what is in a set by itself, also while ftwall
 * restarts; only renewals of locks still reach user space.
 *
 * A set knows no client groups, hours or allowances. So it only holds what the engine would refuse for every client.
 * @module
 */
import type { Engine } from "../judge/engine.ts";
import type { TrafficEvent } from "../learn/event.ts";
import { type Backend, KernelSets, SET_SIZE, type SetEntry, type SetsState } from "../firewall/mod.ts";
import { parseAddress } from "../net/address.ts";
import { DROP } from "../policy/policy.ts";
import type { Lock } from "../state/locks.ts";
import type { AddressTable } from "../state/address_table.ts";
import { PROTOCOL } from "../state/state.ts";
import { addressAt } from "./status.ts";
import type { SetTransport } from "./set_transport.ts";

/** Rows of the block list that a beat looks at: with 32 MiB of memory, a full list takes half a minute. */
const ROWS = 4096;
/** The most peers in the kernel's set. A full set would make whole batches fail. */
const MOST_PEERS = Math.floor(SET_SIZE * 0.9);
/** An entry is renewed at the latest when it has so many milliseconds left. */
const MARGIN = 60_000;

/** Milliseconds that an entry must have left to stand for its set. */
const SAMPLE_MARGIN = 10_000;

/** See the module's text. */
export class SetKeeper implements AsyncDisposable {
  readonly #engine: Engine;
  readonly #transport: SetTransport;
  #sets: KernelSets | null = null;
  #backend: Backend | null = null;
  /** When the kernel's entry of each lock ends, and the announced end of the lock at the time it was made. */
  readonly #locks = new WeakMap<Lock, { announced: number; until: number }>();
  /** When the kernel's entry for each row of the block list ends, in seconds of the engine's time; 0 for no entry. */
  #peers: Uint32Array = new Uint32Array(0);
  #peersHeld = 0;
  #nextRow = 0;
  #blockable: boolean[] = [];
  #policy: unknown = null;
  #table = -1;
  #allowing = false;

  /** Keeps the sets of `engine`, through `transport`. */
  constructor(engine: Engine, transport: SetTransport) {
    this.#engine = engine;
    this.#transport = transport;
    const { peers } = engine.state;
    peers.onEvict = (row) => this.#forgetPeer(row);
  }

  /** The firewall tool whose sets are kept; null while none are. */
  get backend(): Backend | null {
    return this.#sets === null ? null : this.#backend;
  }

  /** Counters of the sets in use. */
  get counters(): SetsState | null {
    return this.#sets?.state ?? null;
  }

  /** Why no blocked peers are in a set although locked clients are; empty where they are. */
  get peersLeftOut(): string {
    if (this.#allowing) return "a client is allowed for a time, which a set cannot tell";
    return this.#blockable.some((each) => each) ? "" : "no protocol is refused for every group of clients at this hour";
  }

  /** Call when rules with sets are in force, and again when they were made anew: fills the sets from the tables. */
  attach(backend: Backend): void {
    if (this.#sets === null || this.#backend !== backend) this.#sets = this.#setsOf(backend);
    this.#backend = backend;
    if (this.#peers.length === 0) this.#peers = new Uint32Array(this.#engine.state.peers.capacity);
    this.#sets.clear("locked");
    this.#engine.hold(() => {
      this.#eachLock((row, lock) => this.#putLock(row, lock));
      this.#beginPeers();
    });
  }

  /** Keeps no sets from now on. */
  detach(): void {
    this.#sets = null;
  }

  /** Keeps no sets from now on, and empties those that the rules still ask. */
  async empty(backend: Backend): Promise<void> {
    this.detach();
    const sets = this.#setsOf(backend);
    sets.clear("locked");
    sets.clear("peers");
    await sets.settled();
  }

  /**
   * Entries that the kernel's sets must hold now, one of each set that holds any: where one is missing, somebody emptied
   * it. None while changes are under way.
   */
  samples(): SetEntry[] {
    if (this.#sets === null || this.#sets.state.pending > 0) return [];
    const soon = this.#engine.clock.now + SAMPLE_MARGIN;
    const found: SetEntry[] = [];
    const take = (entry: SetEntry) => {
      const six = entry.address.includes(":");
      if (!found.some((one) => one.kind === entry.kind && one.address.includes(":") === six)) found.push(entry);
    };
    this.#eachLock((row, lock) => {
      if (this.#locks.get(lock) !== undefined && this.#lockUntil(lock) > soon) {
        take(client(addressAt(this.#engine.state.locks.table, row)));
      }
    });
    for (let row = 0; row < Math.min(ROWS, this.#peers.length); row++) {
      if (this.#peers[row]! * 1000 > soon) take(peerAt(this.#engine.state.peers, row));
    }
    return found;
  }

  /** Follows an event of the engine. */
  follow(event: TrafficEvent): void {
    if (this.#sets === null) return;
    const { locks, peers } = this.#engine.state;
    switch (event.event) {
      case "locked":
      case "renewed": {
        const words = parseAddress(event.client);
        const row = words === null ? -1 : locks.table.find(...words, 0);
        if (row >= 0) this.#putLock(row, locks.at(row));
        break;
      }
      case "released":
        this.#sets.remove(client(event.client));
        break;
      case "peer-learned": {
        const words = parseAddress(event.peer);
        const row = words === null ? -1 : peers.find(...words, event.peer_port);
        if (row < 0) break;
        this.#noteRemoved(row);
        this.#keepPeer(row);
        break;
      }
    }
  }

  /** Call about once a second: renews entries of the kernel before they end, and follows changes of the policy. */
  beat(): void {
    if (this.#sets === null) return;
    const now = this.#engine.clock.now;
    const { policy, learner, state } = this.#engine;
    const allowing = state.allowances.count > 0;
    if (policy !== this.#policy || learner.table !== this.#table || allowing !== this.#allowing) this.#beginPeers();
    if (state.locks.count > 0) {
      this.#eachLock((row, lock) => {
        const until = this.#lockUntil(lock);
        if (state.locks.table.deadline[row]! > until && until - now < Math.min(MARGIN, lock.length / 2)) {
          this.#putLock(row, lock);
        }
      });
    }
    for (let i = Math.min(ROWS, this.#peers.length); i > 0; i--) {
      if (this.#nextRow >= this.#peers.length) {
        this.#nextRow = 0;
        break;
      }
      this.#keepPeer(this.#nextRow++);
    }
  }

  #setsOf(backend: Backend): KernelSets {
    return new KernelSets(backend, this.#transport.run, this.#transport.use(backend));
  }

  #eachLock(visit: (row: number, lock: Lock) => void): void {
    const { locks } = this.#engine.state;
    const now = this.#engine.clock.now;
    locks.table.each((row) => {
      if (locks.table.deadline[row]! > now) visit(row, locks.at(row));
    });
  }

  #lockUntil(lock: Lock): number {
    const known = this.#locks.get(lock);
    // After an operator has shortened a lock, the entry lasts until the newly announced end.
    return known === undefined || known.announced !== lock.announced ? lock.announced : known.until;
  }

  #putLock(row: number, lock: Lock): void {
    const { table } = this.#engine.state.locks;
    const until = table.deadline[row]!;
    this.#locks.set(lock, { announced: lock.announced, until });
    this.#sets?.put(client(addressAt(table, row)), (until - this.#engine.clock.now) / 1000);
  }

  /** Empties the set of peers; the next beats fill it again. */
  #beginPeers(): void {
    const { policy, learner, state } = this.#engine;
    this.#policy = policy;
    this.#table = learner.table;
    this.#allowing = state.allowances.count > 0;
    const groups = policy.groups.map((_, group) => group);
    this.#blockable = policy.protocols.map((_, protocol) =>
      groups.every((group) => policy.action(learner.table, group, protocol) >= DROP)
    );
    this.#peers.fill(0);
    this.#peersHeld = 0;
    this.#nextRow = 0;
    this.#sets?.clear("peers");
  }

  /** Puts a row of the block list into the set, if it belongs there and has no entry that lasts long enough. */
  #keepPeer(row: number): void {
    const { peers } = this.#engine.state;
    if (this.#sets === null) return;
    const now = this.#engine.clock.now;
    const deadline = peers.holds(row) ? peers.deadline[row]! : 0;
    if (deadline <= now) {
      this.#noteRemoved(row);
      return;
    }
    const kernel = this.#peers[row]! * 1000;
    if (this.#allowing || (kernel > now && (deadline - kernel < 2000 || kernel - now > MARGIN))) {
      return;
    }
    const at = row * peers.columns;
    if (this.#blockable[peers.values[at + PROTOCOL]!] !== true) return;
    if (kernel === 0) {
      if (this.#peersHeld >= MOST_PEERS) return;
      this.#peersHeld++;
    }
    this.#peers[row] = Math.floor(deadline / 1000);
    this.#sets.put(peerAt(peers, row), (deadline - now) / 1000);
  }

  #noteRemoved(row: number): void {
    if (this.#peers[row] !== 0) this.#peersHeld--;
    this.#peers[row] = 0;
  }

  #forgetPeer(row: number): void {
    if (this.#sets === null || this.#peers[row] === 0) return;
    this.#noteRemoved(row);
    this.#sets.remove(peerAt(this.#engine.state.peers, row));
  }

  /** Waits for changes that are under way. Entries stay: they refuse while ftwall is down, and end by themselves. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sets?.settled();
  }
}

function client(address: string): SetEntry {
  return { kind: "locked", address, port: 0 };
}

function peerAt(peers: AddressTable, row: number): SetEntry {
  return { kind: "peers", address: addressAt(peers, row), port: peers.key(row, 4) };
}
