/**
 * What ends: locks and entries whose time is over (locks are probed before), and what a new policy exempts. Deadlines are
 * compared in {@link Keeper.tick}; nothing sleeps.
 * @module
 */
import { formatAddress } from "../net/address.ts";
import { LOCK, type Policy } from "../policy/policy.ts";
import { TICK_MS } from "../state/flow_table.ts";
import type { State } from "../state/state.ts";
import type { Clock } from "./clock.ts";
import type { Emit } from "./event.ts";
import type { Learner } from "./learner.ts";
import type { Outbox } from "./outbox.ts";
import type { TimeLocks } from "./time_locks.ts";

/** Ticks after which an unseen flow is forgotten; the kernel's own conntrack forgets UDP after 120 s. */
const IDLE = 300_000 / TICK_MS;
/** Ticks after which a flow with a FIN or RST is forgotten: long enough for retransmissions. */
const CLOSED = 30_000 / TICK_MS;
/** Milliseconds in which the calls of {@link Keeper.tick} look at each row once, and least between two of them. */
const ROUND = 60_000;
const LEAST_BETWEEN = 250;
/** Milliseconds after which a probe without an answer is repeated … */
const PROBE_AGAIN = 10_000;
/** … up to this many in all, as UDP may be lost. */
const PROBES = 3;

/** See the module's text. */
export class Keeper {
  readonly #state: State;
  readonly #clock: Clock;
  readonly #learner: Learner;
  readonly #outbox: Outbox;
  readonly #emit: Emit;
  #lastTick = -Infinity;

  /** Ends what is over in `state`. */
  constructor(state: State, clock: Clock, learner: Learner, outbox: Outbox, emit: Emit) {
    this.#state = state;
    this.#clock = clock;
    this.#learner = learner;
    this.#outbox = outbox;
    this.#emit = emit;
  }

  /**
   * To be called about once a second; more often does no harm. In a minute of calls each row is looked at once. Without
   * `ownsSharedTables` only flows end: another thread's engine sees to the other tables.
   */
  tick(ownsSharedTables: boolean = true): void {
    const now = this.#clock.now;
    if (ownsSharedTables) {
      this.#locks(now);
      this.#learner.prober.tick();
    }
    const since = Math.max(0, Math.min(ROUND, now - this.#lastTick));
    if (since < LEAST_BETWEEN) return;
    this.#lastTick = now;
    const part = since / ROUND;
    const tick = this.#clock.tick;
    const {
      flows,
      peers,
      trained,
      endpoints,
      scores,
      fanOuts,
      questions,
      everyday,
      rateLimits,
      allowances,
      neighbours,
      bindings,
      spared,
      mappings,
      probes,
    } = this.#state;
    flows.sweep(tick - IDLE, tick - CLOSED, budget(flows.reach, part));
    if (!ownsSharedTables) return;
    for (
      const table of [
        peers,
        trained,
        endpoints,
        scores.table,
        fanOuts.table,
        questions,
        everyday,
        rateLimits,
        neighbours,
        bindings,
        spared,
        mappings,
        probes,
      ]
    ) {
      table.sweep(now, budget(table.capacity, part));
    }
    const allowed = allowances.count;
    allowances.sweep(now, allowances.capacity);
    if (allowances.count !== allowed) this.#learner.epoch++;
  }

  #locks(now: number): void {
    const { locks } = this.#state;
    if (locks.count === 0) return;
    locks.table.each((row) => {
      const deadline = locks.table.deadline[row]!;
      if (deadline <= now) {
        this.#learner.timeLocks.release(row);
        return;
      }
      const lock = locks.at(row);
      if (lock.probeAt > now || lock.probes >= PROBES || lock.port === 0) return;
      const { policy, table: hours } = this.#learner;
      if (!policy.config.lock.probe) return;
      const { table } = locks;
      const client = [table.key(row, 0), table.key(row, 1), table.key(row, 2), table.key(row, 3)] as const;
      // The client may come from a state file or from an older config; nothing is ever sent to addresses outside home.
      if (!policy.isHome(...client)) return;
      const group = policy.groupOf(...client, lock.macHigh, lock.macLow);
      // A reload or the schedule may have taken the action `lock` from this protocol: then the lock just runs out.
      if (policy.action(hours, group, lock.protocol) !== LOCK) return;
      const payload = this.#learner.protocol(lock.protocolName)?.probe?.();
      if (payload === undefined) return;
      lock.probes++;
      lock.probeAt = now + PROBE_AGAIN;
      const put = this.#outbox.put({
        kind: "probe",
        client,
        clientPort: lock.port,
        peer: client,
        peerPort: lock.port,
        payload,
        protocol: lock.protocolName,
      });
      if (!put) return;
      const address = formatAddress(...client);
      this.#emit({ event: "probe-sent", client: address, peer: address, protocol: lock.protocolName });
    });
  }
}

function budget(rows: number, part: number): number {
  return Math.ceil(rows * part) + 64;
}

/** Ends locks of clients that a new policy exempts, and forgets peers and trained addresses that it exempts or has at home. */
export function forgetExempted(state: State, before: Policy, policy: Policy, timeLocks: TimeLocks): void {
  // Through 10,000 locks and 100,000 peers it takes milliseconds in which packets wait.
  if (whoIsSpared(before) === whoIsSpared(policy)) return;
  const { locks, peers, trained } = state;
  locks.table.each((row) => {
    const lock = locks.at(row);
    const key = (word: number) => locks.table.key(row, word);
    if (policy.isExempt(key(0), key(1), key(2), key(3), lock.macHigh, lock.macLow)) timeLocks.release(row, "config");
  });
  for (const table of [peers, trained]) {
    table.each((row) => {
      const key = (word: number) => table.key(row, word);
      const home = policy.isHome(key(0), key(1), key(2), key(3));
      if (home || policy.isExempt(key(0), key(1), key(2), key(3), 0, 0)) table.remove(row);
    });
  }
}

/** What {@link forgetExempted} goes by, as text. */
function whoIsSpared({ config, lan }: Policy): string {
  return JSON.stringify([config.network.home, config.network.exempt, lan]);
}
