/**
 * The daemon's numbers for `status` and metrics: read when somebody asks, nothing is prepared.
 * @module
 */
import { readQueueStates } from "../../ffi/queue_state.ts";
import type { Queues } from "../../ffi/queues.ts";
import type { Engine } from "../engine/engine.ts";
import type { Pump } from "../engine/pump.ts";
import { formatAddress, formatMac } from "../net/address.ts";
import type { Config } from "../policy/config.ts";
import type { Loaded } from "../policy/load.ts";
import type { Policy } from "../policy/policy.ts";
import { formatProblem } from "../policy/problem.ts";
import type { Reporter } from "../report/reporter.ts";
import type {
  AllowedFacts,
  ConfigFacts,
  Counters,
  KernelStatus,
  LockFacts,
  PeerFacts,
  QueueStatus,
  StatusSource,
  TrainedFacts,
} from "../report/status.ts";
import type { VerdictTimes } from "../report/verdict_times.ts";
import type { AddressTable } from "../state/address_table.ts";
import { DETAIL, HELD, PROTOCOL } from "../state/state.ts";
import { isDecodeError } from "../wire/outcome.ts";
import type { KernelHand } from "./kernel_hand.ts";
import type { KernelSide } from "./kernel_side.ts";
import { VERSION } from "./version.ts";

/** See the module's text. */
export class DaemonStatus implements StatusSource {
  /** Version of this program. */
  readonly version: string = VERSION;
  /** Process id. */
  readonly pid: number = Deno.pid;
  /** Only says what it would do. */
  readonly dryRun: boolean;
  /** Times between receiving a burst and sending its verdicts. */
  readonly verdictTimes: VerdictTimes;
  readonly #engine: Engine;
  readonly #pump: Pump;
  readonly #queues: Queues;
  readonly #reporter: Reporter;
  readonly #hand: KernelHand;
  readonly #kernel: KernelSide;
  readonly #started = performance.now();
  readonly #failOpen: boolean;
  #config: ConfigFacts;

  /** Reads these parts. */
  constructor(
    dryRun: boolean,
    engine: Engine,
    pump: Pump,
    queues: Queues,
    reporter: Reporter,
    times: VerdictTimes,
    hand: KernelHand,
    kernel: KernelSide,
    config: Config,
  ) {
    this.dryRun = dryRun;
    this.#engine = engine;
    this.#pump = pump;
    this.#queues = queues;
    this.#reporter = reporter;
    this.verdictTimes = times;
    this.#hand = hand;
    this.#kernel = kernel;
    this.#failOpen = config.queue.fail === "open";
    const at = Date.now();
    this.#config = {
      path: null,
      hash: engine.policy.hash,
      loadedAt: at,
      lastReload: { ok: true, at, problems: [] },
    };
  }

  /** A config came into force. That of the start counts as the first reload, so that programs find the same fields always. */
  loaded(loaded: Loaded, policy: Policy): void {
    const at = Date.now();
    this.#config = {
      path: loaded.missingDefault ? null : loaded.path,
      hash: policy.hash,
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
    return this.#config;
  }

  /** What is done in the kernel beside the queues. */
  kernel(): KernelStatus {
    return this.#kernel.facts();
  }

  /** Looks again at what is asked of tools, where it is old. */
  async fresh(): Promise<void> {
    await this.#kernel.fresh();
  }

  /** The queues, with the kernel's own counters. */
  queues(): QueueStatus[] {
    const states = readQueueStates() ?? [];
    return this.#queues.list.map((queue, i) => {
      const effective = this.#queues.effective[i]!;
      const state = states.find((candidate) => candidate.number === queue.number);
      return {
        number: queue.number,
        waiting: state?.waiting ?? 0,
        queue_dropped: state?.queueDropped ?? 0,
        user_dropped: state?.userDropped ?? 0,
        fail_open: { requested: this.#failOpen, effective: effective.failOpen },
        gso: effective.gso,
        length: effective.length,
        receive_buffer: effective.receiveBuffer,
        copy_range: effective.copyRange,
        packets: queue.counters.packets,
        overruns: queue.counters.overruns,
        missed: queue.counters.missed,
      };
    });
  }

  /** Locks in force; they may change while they are told. */
  *locks(): Generator<LockFacts> {
    const { clock, state } = this.#engine;
    for (const row of state.locks.table.rows(clock.now)) yield this.lock(row);
  }

  /** One lock by its row. */
  lock(row: number): LockFacts {
    const { locks } = this.#engine.state;
    const lock = locks.at(row);
    return {
      client: addressAt(locks.table, row),
      ...((lock.macHigh | lock.macLow) === 0 ? {} : { mac: formatMac(lock.macHigh, lock.macLow) }),
      protocol: lock.protocolName,
      evidence: lock.evidence,
      since: this.#wall(lock.since),
      until: this.#wall(locks.table.deadline[row]!),
      renewals: lock.renewals,
      by: lock.by,
      ...(lock.reason === "" ? {} : { reason: lock.reason }),
    };
  }

  /** Clients that an operator allowed. */
  allowed(): AllowedFacts[] {
    return this.#rows(this.#engine.state.allowances, (table, row) => ({
      client: addressAt(table, row),
      until: this.#wall(table.deadline[row]!),
    }), 1000);
  }

  /** The block list. */
  peers(): { count: number; capacity: number; entries: PeerFacts[] } {
    const { peers } = this.#engine.state;
    const entries = this.#rows(peers, (table, row) => ({
      peer: addressAt(table, row),
      peer_port: table.values[row * table.columns + DETAIL]!,
      protocol: this.#engine.policy.protocols[table.values[row * table.columns + PROTOCOL]!] ?? "unknown",
      until: this.#wall(table.deadline[row]!),
    }), 1000);
    return { count: peers.count, capacity: peers.capacity, entries };
  }

  /** Trained addresses by the pattern that trained them. */
  trained(): { count: number; names: TrainedFacts[] } {
    const { trained } = this.#engine.state;
    const names = new Map<string, string[]>();
    this.#rows(trained, (table, row) => {
      const pattern = this.#engine.trainer.pattern(table.values[row * table.columns + DETAIL]!);
      const held = table.values[row * table.columns + HELD] === 1 ? " (held back)" : "";
      const list = names.get(pattern) ?? [];
      list.push(addressAt(table, row) + held);
      names.set(pattern, list);
      return null;
    }, 10_000);
    return { count: trained.count, names: [...names].map(([pattern, addresses]) => ({ pattern, addresses })) };
  }

  /** The flow table. */
  flows(): { count: number; capacity: number } {
    const { flows } = this.#engine.state;
    return { count: flows.count, capacity: flows.capacity };
  }

  /** Everything counted. */
  counters(): Counters {
    const { counters, learner, policy, state, asker, trainer, outbox } = this.#engine;
    let errors = 0;
    counters.decode.forEach((count, outcome) => {
      if (isDecodeError(outcome)) errors += count;
    });
    const sum = (name: "missing" | "rejected" | "malformed" | "sendFailures" | "truncated") =>
      this.#queues.list.reduce((total, queue) => total + queue.counters[name], 0);
    return {
      packets: counters.packets,
      accepted: this.dryRun ? counters.packets : counters.accepted,
      refused: this.dryRun ? 0 : counters.refused,
      would_refuse: this.dryRun ? counters.refused : 0,
      offloaded: this.#pump.settled,
      decode_errors: errors,
      by_protocol: Object.fromEntries(
        policy.protocols.flatMap((name, i) =>
          learner.byProtocol[i] === undefined ? [] : [[name, learner.byProtocol[i]!]]
        ),
      ),
      by_reason: Object.fromEntries(Object.entries(counters.byReason).filter(([, count]) => count > 0)),
      events_suppressed: learner.notices.total + this.#reporter.suppressed,
      log_lines_lost: this.#reporter.unwritten,
      exceptions: this.#pump.exceptions + asker.failures,
      verdicts_returned: this.#pump.returned,
      verdicts_missing: sum("missing"),
      verdicts_rejected: sum("rejected"),
      send_failures: sum("sendFailures"),
      messages_malformed: sum("malformed"),
      flows_evicted: state.flows.evicted,
      streams_evicted: state.streams.evicted,
      peers_evicted: state.peers.evicted,
      locks_evicted: state.locks.table.evicted,
      dns_unasked: trainer.unasked,
      addresses_held: trainer.held,
      sendings: this.#hand.sent,
      sendings_failed: this.#hand.failed + outbox.omitted,
    };
  }

  /** Resident memory. */
  rss(): number {
    return Deno.memoryUsage().rss;
  }

  #wall(at: number): number {
    return at + this.#engine.clock.wallOffset;
  }

  #rows<T>(table: AddressTable, read: (table: AddressTable, row: number) => T, most: number): T[] {
    const found: T[] = [];
    table.each((row) => {
      if (found.length < most && table.deadline[row]! > this.#engine.clock.now) found.push(read(table, row));
    });
    return found;
  }
}

/** Address of a row as text. */
export function addressAt(table: AddressTable, row: number): string {
  return formatAddress(table.key(row, 0), table.key(row, 1), table.key(row, 2), table.key(row, 3));
}
