/**
 * Keeps the kernel's sets like the engine's tables: locked clients and blocked peers cost user space nothing but what their
 * renewal needs, and are held while ftwall restarts.
 *
 * A set knows no client groups, hours or allowances. So it only ever holds what the engine would refuse for everybody; the
 * rest the engine refuses by itself.
 * @module
 */
import type { Engine } from "../judge/engine.ts";
import type { TrafficEvent } from "../learn/event.ts";
import { type Backend, KernelSets, SET_SIZE, type SetKind, type SetsState } from "../firewall/mod.ts";
import { parseAddress } from "../net/address.ts";
import { DROP } from "../policy/policy.ts";
import type { Lock } from "../state/locks.ts";
import { HELD, PROTOCOL } from "../state/state.ts";
import { addressAt } from "./status.ts";
import type { SetTransport } from "./set_transport.ts";

/** Rows of the block list looked at in a beat: a full one of 32 MiB of memory is gone through in half a minute. */
const ROWS = 4096;
/** Peers that are held in the kernel at most, so that a set is never full, which would fail whole batches. */
const MOST_PEERS = Math.floor(SET_SIZE * 0.9);
/** Milliseconds that an entry has left when it is set anew at the latest. */
const MARGIN = 60_000;

/** Milliseconds that an entry must have left to stand for its set. */
const SAMPLE_MARGIN = 10_000;

/** See the module's text. */
export class SetKeeper implements AsyncDisposable {
  readonly #engine: Engine;
  readonly #transport: SetTransport;
  #sets: KernelSets | null = null;
  #backend: Backend | null = null;
  /** When the kernel's entry of each lock ends, and the announced end that this was set by. */
  readonly #locks = new WeakMap<Lock, { announced: number; until: number }>();
  /** Second of the engine's time at which the kernel's entry of each row of the block list ends; 0 where there is none. */
  #peers: Uint32Array = new Uint32Array(0);
  #peersHeld = 0;
  #hand = 0;
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

  /** Back end whose sets are kept; null while none is. */
  get backend(): Backend | null {
    return this.#sets === null ? null : this.#backend;
  }

  /** Counters of the sets in use. */
  get counters(): SetsState | null {
    return this.#sets?.state ?? null;
  }

  /** Why blocked peers are in no set although locked clients are; empty where they are. */
  get peersLeftOut(): string {
    if (this.#allowing) return "a client is allowed for a time, which a set cannot tell";
    return this.#blockable.some((each) => each) ? "" : "no protocol is refused for every group of clients at this hour";
  }

  /** Rules with sets are in force: fills them from the tables. Again for rules that were made anew. */
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

  /** There are no sets to keep any more. */
  detach(): void {
    this.#sets = null;
  }

  /** Empties the sets, which are to be used no more though the rules still ask them. */
  async empty(backend: Backend): Promise<void> {
    this.detach();
    const sets = this.#setsOf(backend);
    sets.clear("locked");
    sets.clear("blocked");
    await sets.settled();
  }

  /**
   * Addresses that the kernel's sets must hold now, one of each set that holds any: where one is missing, somebody emptied
   * it. None while changes are under way.
   */
  samples(): { readonly kind: SetKind; readonly address: string }[] {
    if (this.#sets === null || this.#sets.state.pending > 0) return [];
    const soon = this.#engine.clock.now + SAMPLE_MARGIN;
    const found: { kind: SetKind; address: string }[] = [];
    const take = (kind: SetKind, address: string) => {
      const six = address.includes(":");
      if (!found.some((one) => one.kind === kind && one.address.includes(":") === six)) found.push({ kind, address });
    };
    this.#eachLock((row, lock) => {
      if (this.#locks.get(lock) !== undefined && this.#lockUntil(lock) > soon) {
        take("locked", addressAt(this.#engine.state.locks.table, row));
      }
    });
    for (let row = 0; row < Math.min(ROWS, this.#peers.length); row++) {
      if (this.#peers[row]! * 1000 > soon) take("blocked", addressAt(this.#engine.state.peers, row));
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
        this.#sets.remove("locked", event.client);
        break;
      case "peer-learned": {
        const words = parseAddress(event.peer);
        const row = words === null ? -1 : peers.find(...words, 0);
        if (row < 0) break;
        // What is held back is refused at one port only, which a set cannot tell.
        if (event.held === true) this.#forgetPeer(row);
        else {
          this.#noteGone(row);
          this.#keepPeer(row);
        }
        break;
      }
    }
  }

  /** Call about once a second: silent renewals reach the kernel before its entries end, and changes of policy too. */
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
      if (this.#hand >= this.#peers.length) {
        this.#hand = 0;
        break;
      }
      this.#keepPeer(this.#hand++);
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
    // An operator may shorten a lock: then the announcement counts, not what was set before.
    return known === undefined || known.announced !== lock.announced ? lock.announced : known.until;
  }

  #putLock(row: number, lock: Lock): void {
    const { table } = this.#engine.state.locks;
    const until = table.deadline[row]!;
    this.#locks.set(lock, { announced: lock.announced, until });
    this.#sets?.put("locked", addressAt(table, row), (until - this.#engine.clock.now) / 1000);
  }

  /** Empties the set of peers and lets the beats fill it again. */
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
    this.#hand = 0;
    this.#sets?.clear("blocked");
  }

  /** Sets a row of the block list in the kernel where it belongs there and its entry ends before its time. */
  #keepPeer(row: number): void {
    const { peers } = this.#engine.state;
    if (this.#sets === null) return;
    const now = this.#engine.clock.now;
    const deadline = peers.holds(row) ? peers.deadline[row]! : 0;
    if (deadline <= now) {
      this.#noteGone(row);
      return;
    }
    const kernel = this.#peers[row]! * 1000;
    if (this.#allowing || (kernel > now && (deadline - kernel < 2000 || kernel - now > MARGIN))) {
      return;
    }
    const at = row * peers.columns;
    if (peers.values[at + HELD] === 1 || this.#blockable[peers.values[at + PROTOCOL]!] !== true) return;
    if (kernel === 0) {
      if (this.#peersHeld >= MOST_PEERS) return;
      this.#peersHeld++;
    }
    this.#peers[row] = Math.floor(deadline / 1000);
    this.#sets.put("blocked", addressAt(peers, row), (deadline - now) / 1000);
  }

  #noteGone(row: number): void {
    if (this.#peers[row] !== 0) this.#peersHeld--;
    this.#peers[row] = 0;
  }

  #forgetPeer(row: number): void {
    if (this.#sets === null || this.#peers[row] === 0) return;
    this.#noteGone(row);
    this.#sets.remove("blocked", addressAt(this.#engine.state.peers, row));
  }

  /** Waits for what is under way. Entries stay: they hold while ftwall is down, and end by themselves. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sets?.settled();
  }
}
