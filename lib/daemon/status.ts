/**
 * The daemon's numbers for `status` and metrics, read when they are asked for.
 * @module
 */
import { readQueueStates } from "../../ffi/queue_state.ts";
import type { Queues } from "../../ffi/queues.ts";
import type { Standing } from "../history/tally.ts";
import type { Engine } from "../judge/engine.ts";
import type { Pump } from "../loop/pump.ts";
import { formatAddress, formatMac } from "../net/address.ts";
import type { Config } from "../policy/config.ts";
import type { Loaded } from "../policy/load.ts";
import { formatProblem } from "../policy/problem.ts";
import type { Reporter } from "../report/reporter.ts";
import {
  ADDRESS_SAMPLE,
  type AllowedFacts,
  type ConfigFacts,
  type Counters,
  type HistoryStatus,
  type KernelStatus,
  type LockFacts,
  type NotifyStatus,
  type PeerFacts,
  type QueueStatus,
  type RightsStatus,
  type StatusSource,
  type TrainedFacts,
  type WatchdogStatus,
} from "../report/status.ts";
import { VerdictTimes } from "../report/verdict_times.ts";
import type { AddressTable } from "../state/address_table.ts";
import { PATTERN, PROTOCOL } from "../state/state.ts";
import { type Figures, figuresOf } from "./figures.ts";
import type { HistoryKeeper } from "./history_keeper.ts";
import type { NameKeeper } from "./name_keeper.ts";
import type { NotifyKeeper } from "./notify_keeper.ts";
import type { Workers } from "./workers.ts";
import type { ConnectionActions } from "./connection_actions.ts";
import type { KernelState } from "./kernel_state.ts";
import { VERSION } from "./version.ts";
import type { VitalSigns } from "./vital_signs.ts";

/** What the numbers are read from. */
export interface DaemonStatusParts {
  readonly dryRun: boolean;
  readonly config: Config;
  readonly engine: Engine;
  readonly pump: Pump;
  readonly queues: Queues;
  readonly reporter: Reporter;
  readonly times: VerdictTimes;
  readonly actions: ConnectionActions;
  readonly kernel: KernelState;
  readonly rights: RightsStatus;
  readonly history: HistoryKeeper;
  readonly names: NameKeeper;
  readonly notify: NotifyKeeper;
}

/** See the module's text. */
export class DaemonStatus implements StatusSource {
  /** Version of this program. */
  readonly version: string = VERSION;
  /** Process id. */
  readonly pid: number = Deno.pid;
  /** Whether verdicts are only logged. */
  readonly dryRun: boolean;
  /** The other threads that judge packets; null where there are none. */
  workers: Workers | null = null;
  /** What shows that verdicts move; null before the start is over. */
  vital: VitalSigns | null = null;
  /** Where the page is; empty where there is none. */
  web: string = "";
  readonly #parts: DaemonStatusParts;
  readonly #engine: Engine;
  readonly #started = performance.now();
  #config: Omit<ConfigFacts, "hash">;

  /** Reads nothing yet. */
  constructor(parts: DaemonStatusParts) {
    this.#parts = parts;
    this.#engine = parts.engine;
    this.dryRun = parts.dryRun;
    const at = Date.now();
    this.#config = {
      path: null,
      loadedAt: at,
      lastReload: { ok: true, at, problems: [] },
    };
  }

  /** A config came into force. The one of the start counts as a reload too, so that the fields of a reload are always there. */
  loaded(loaded: Loaded): void {
    const at = Date.now();
    this.#config = {
      path: loaded.missingDefault ? null : loaded.path,
      loadedAt: at,
      lastReload: { ok: true, at, problems: loaded.problems.map(formatProblem) },
    };
  }

  /** A reload was tried. */
  reloaded(ok: boolean, problems: readonly string[]): void {
    this.#config = { ...this.#config, lastReload: { ok, at: Date.now(), problems } };
  }

  /** Milliseconds since the daemon was ready. */
  uptime(): number {
    return performance.now() - this.#started;
  }

  /** The config in force. */
  config(): ConfigFacts {
    return { ...this.#config, hash: this.#engine.policy.hash };
  }

  /** What is done in the kernel besides the queues. */
  kernel(): KernelStatus {
    return this.#parts.kernel.facts();
  }

  /** What ends a daemon whose verdicts stand still. */
  watchdog(): WatchdogStatus {
    return this.vital?.facts ?? { in_use: false, why: "not started yet", service_manager: false };
  }

  /** The history on disk. */
  history(): HistoryStatus | null {
    return this.#parts.history.status();
  }

  /** The targets of notifications. */
  notify(): NotifyStatus[] {
    return this.#parts.notify.status();
  }

  /** What this process may do. */
  rights(): RightsStatus {
    return this.#parts.rights;
  }

  /** Packets that came so far, on all threads. */
  get packets(): number {
    return sum(this.#figures(), "packets");
  }

  /** Brings old answers of tools, and the counters of the other threads, up to date. */
  async fresh(): Promise<void> {
    await Promise.all([this.#parts.kernel.fresh(), this.workers?.count()]);
  }

  /** The times from receiving a burst to sending its verdicts, of all threads. */
  get verdictTimes(): VerdictTimes {
    if (this.workers === null) return this.#parts.times;
    const all = new VerdictTimes();
    for (const { times } of this.#figures()) all.add(times);
    return all;
  }

  /** What each thread counted: this one until now, the others until they were last asked. */
  #figures(): Figures[] {
    const own = figuresOf(this.#parts, this.#parts.reporter.suppressed);
    return [own, ...this.workers?.figures() ?? []];
  }

  /** The queues, with the kernel's own counters. */
  queues(): QueueStatus[] {
    const states = readQueueStates() ?? [];
    const figures = this.#figures().flatMap(({ queues }) => queues);
    const all = [...this.#parts.queues.effective, ...this.workers?.effective ?? []].sort((a, b) => a.queue - b.queue);
    return all.map((effective) => {
      const number = effective.queue;
      const state = states.find((candidate) => candidate.number === number);
      const counters = figures.find((candidate) => candidate.number === number)?.counters;
      return {
        number,
        waiting: state?.waiting ?? 0,
        queue_dropped: state?.queueDropped ?? 0,
        user_dropped: state?.userDropped ?? 0,
        fail_open: { requested: this.#parts.config.queue.fail === "open", effective: effective.failOpen },
        gso: effective.gso,
        length: effective.length,
        receive_buffer: effective.receiveBuffer,
        copy_range: effective.copyRange,
        packets: counters?.packets ?? 0,
        overruns: counters?.overruns ?? 0,
        missed: counters?.missed ?? 0,
      };
    });
  }

  /** Locks in force; the table may change between two of them. */
  *locks(): Generator<LockFacts> {
    const { clock, state } = this.#engine;
    for (const row of state.locks.table.rows(clock.now)) yield this.lock(row);
  }

  /** Number of locks in force. */
  get locked(): number {
    const { clock, state } = this.#engine;
    let count = 0;
    for (const _ of state.locks.table.rows(clock.now)) count++;
    return count;
  }

  /** One lock by its row. */
  lock(row: number): LockFacts {
    const { locks } = this.#engine.state;
    const lock = locks.at(row);
    const client = addressAt(locks.table, row);
    const mac = (lock.macHigh | lock.macLow) === 0 ? "" : formatMac(lock.macHigh, lock.macLow);
    const client_name = this.#parts.names.of(client, mac);
    return {
      client,
      ...(client_name === "" ? {} : { client_name }),
      ...(mac === "" ? {} : { mac }),
      protocol: lock.protocolName,
      evidence: lock.evidence,
      since: this.#wall(lock.since),
      until: this.#wall(locks.table.deadline[row]!),
      renewals: lock.renewals,
      by: lock.by,
      ...(lock.reason === "" ? {} : { reason: lock.reason }),
    };
  }

  /** Name of a client; empty where it has none. */
  nameOf(client: string, mac: string): string {
    return this.#parts.names.of(client, mac);
  }

  /** Clients that an operator allowed. */
  *allowed(): Generator<AllowedFacts> {
    const { allowances } = this.#engine.state;
    for (const row of allowances.rows(this.#engine.clock.now)) {
      yield { client: addressAt(allowances, row), until: this.#wall(allowances.deadline[row]!) };
    }
  }

  /** The block list. */
  peers(): { count: number; capacity: number; entries: Iterable<PeerFacts> } {
    const { peers } = this.#engine.state;
    return { count: peers.count, capacity: peers.capacity, entries: this.#peers(peers) };
  }

  *#peers(table: AddressTable): Generator<PeerFacts> {
    for (const row of table.rows(this.#engine.clock.now)) {
      yield {
        peer: addressAt(table, row),
        peer_port: table.key(row, 4),
        protocol: this.#engine.policy.protocols[table.values[row * table.columns + PROTOCOL]!] ?? "unknown",
        until: this.#wall(table.deadline[row]!),
      };
    }
  }

  /** Trained addresses by the pattern that trained them. */
  trained(): { count: number; names: TrainedFacts[] } {
    const { trained } = this.#engine.state;
    const names = new Map<string, string[]>();
    for (const row of trained.rows(this.#engine.clock.now)) {
      const pattern = this.#engine.trainer.pattern(trained.values[row * trained.columns + PATTERN]!);
      const list = names.get(pattern) ?? [];
      if (list.length === 0) names.set(pattern, list);
      if (list.length < ADDRESS_SAMPLE) list.push(addressAt(trained, row));
    }
    return { count: trained.count, names: [...names].map(([pattern, addresses]) => ({ pattern, addresses })) };
  }

  /** The flow tables of all threads. */
  flows(): { count: number; capacity: number } {
    const figures = this.#figures();
    return { count: sum(figures, "flows"), capacity: sum(figures, "flowCapacity") };
  }

  /** Everything counted. */
  counters(): Counters {
    const { policy, state } = this.#engine;
    const figures = this.#figures();
    const queues = figures.flatMap((each) => each.queues.map(({ counters }) => counters));
    const packets = sum(figures, "packets");
    const refused = sum(figures, "refused");
    return {
      packets,
      accepted: this.dryRun ? packets : sum(figures, "accepted"),
      refused: this.dryRun ? 0 : refused,
      would_refuse: this.dryRun ? refused : 0,
      offloaded: sum(figures, "settled"),
      decode_errors: sum(figures, "decodeErrors"),
      by_protocol: Object.fromEntries(
        policy.protocols.flatMap((name, i) => {
          const counts = figures.map(({ byProtocol }) => byProtocol[i]).filter((count) => count !== undefined);
          return counts.length === 0 ? [] : [[name, counts.reduce((total, count) => total + count)]];
        }),
      ),
      by_reason: reasons(figures),
      events_suppressed: sum(figures, "suppressed"),
      log_lines_lost: this.#parts.reporter.unwritten,
      exceptions: sum(figures, "exceptions"),
      verdicts_returned: sum(figures, "returned"),
      verdicts_missing: sum(queues, "missing"),
      verdicts_rejected: sum(queues, "rejected"),
      send_failures: sum(queues, "sendFailures"),
      messages_malformed: sum(queues, "malformed"),
      flows_evicted: sum(figures, "flowsEvicted"),
      streams_evicted: sum(figures, "streamsEvicted"),
      peers_evicted: state.peers.evicted,
      locks_evicted: state.locks.table.evicted,
      dns_unasked: sum(figures, "unasked"),
      addresses_held: sum(figures, "held"),
      quotas_exceeded: sum(figures, "exceeded"),
      over_budget_seconds: sum(figures, "overBudget"),
      sendings: this.#parts.actions.sent,
      sendings_failed: this.#parts.actions.failed + sum(figures, "omitted"),
    };
  }

  /** The counters that the history keeps, as they stand since the start. */
  standing(): Standing {
    const { packets, accepted, refused, would_refuse } = this.counters();
    const times = this.verdictTimes.tally();
    // A queue that fails open counts what passed by the gaps in numbers; one that fails closed by what was dropped.
    const missed = this.queues().map((queue) => queue.queue_dropped + Math.max(queue.user_dropped, queue.missed ?? 0));
    return {
      packets,
      accepted,
      refused: refused + (typeof would_refuse === "number" ? would_refuse : 0),
      missed: missed.reduce((sum, count) => sum + count, 0),
      times: times.counts,
      sum: times.sum,
      max: times.max,
    };
  }

  /** Resident memory. */
  rss(): number {
    return Deno.memoryUsage().rss;
  }

  #wall(at: number): number {
    return at + this.#engine.clock.wallOffset;
  }
}

type NumberIn<T> = { [K in keyof T]: T[K] extends number ? K : never }[keyof T];

function sum<T extends Record<K, number>, K extends NumberIn<T>>(all: readonly T[], name: K): number {
  return all.reduce((total, each) => total + each[name], 0);
}

/** Refused packets by reason; reasons without packets are left out. */
function reasons(figures: readonly Figures[]): Record<string, number> {
  const all: Record<string, number> = {};
  for (const { byReason } of figures) {
    for (const [reason, count] of Object.entries(byReason)) if (count > 0) all[reason] = (all[reason] ?? 0) + count;
  }
  return all;
}

/** Address of a row as text. */
export function addressAt(table: AddressTable, row: number): string {
  return formatAddress(table.key(row, 0), table.key(row, 1), table.key(row, 2), table.key(row, 3));
}
