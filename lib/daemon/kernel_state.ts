/**
 * What the daemon knows and changes in the kernel besides the queue: connections, sets, rules, interfaces. In dry-run it only
 * watches.
 * @module
 */
import { turn } from "./slice.ts";
import { pause, within } from "../net/timer.ts";
import type { Engine } from "../judge/engine.ts";
import type { TrafficEvent } from "../learn/event.ts";
import { type Offload, type RulesOptions, runCommand, type Runner, setsHold } from "../firewall/mod.ts";
import type { Config } from "../policy/config.ts";
import { compile, type Policy } from "../policy/policy.ts";
import type { NoteEvent, RulesEvent } from "../report/report_event.ts";
import type { KernelStatus } from "../report/status.ts";
import type { ConnectionActions } from "./connection_actions.ts";
import { type LanFacts, readLan } from "./lan_watch.ts";
import { OffloadRenewal } from "./offload_renewal.ts";
import { RulesGuard } from "./rules_guard.ts";
import { RulesNote } from "./rules_note.ts";
import { RulesWatch } from "./rules.ts";
import { SetKeeper } from "./set_keeper.ts";
import { SetTransport } from "./set_transport.ts";

/** Milliseconds between looks at the interfaces where the kernel tells nothing of them. */
const LAN_EVERY = 60_000;

/** Milliseconds that a reload waits for the connections to be marked. */
const UNSETTLING = 500;

/** What it works with. */
export interface KernelStateParts {
  readonly engine: Engine;
  readonly actions: ConnectionActions;
  readonly config: Config;
  readonly lan: LanFacts;
  readonly dryRun: boolean;
  /** The rules that a config asks for. */
  readonly rules: (config: Config) => RulesOptions;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** Puts a policy in force after the prefixes of the interfaces changed. */
  readonly adopt: (policy: Policy) => void;
  /** Writes to the log. */
  readonly note: (text: string) => void;
  /** Writes to the log what became of the rules. */
  readonly emit: (event: RulesEvent | NoteEvent) => void;
  /** Whether rules are made where there are none. */
  readonly makeRules: boolean;
  /** What the kernel tells of its rules without a tool. */
  readonly ruleset: {
    /** Whether there are chains of ours. */
    readonly present: () => boolean;
    /** Whether rules went since the last call. */
    readonly news: (legacy: boolean) => boolean;
  };
  /** Whether interfaces or their addresses changed since the last call. */
  readonly interfacesChanged: () => boolean;
}

/** Counts the tools that are under way, so that the packet loop lets the event loop run sooner while there are any. */
class PendingWork {
  #count = 0;

  get busy(): boolean {
    return this.#count > 0;
  }

  async run<T>(act: () => Promise<T>): Promise<T> {
    this.#count++;
    try {
      return await act();
    } finally {
      this.#count--;
    }
  }
}

/** See the module's text. */
export class KernelState implements AsyncDisposable {
  readonly #parts: KernelStateParts;
  readonly #pending = new PendingWork();
  readonly #tool: Runner = (...words) => this.#pending.run(() => runCommand(...words));
  readonly #transport = new SetTransport(this.#tool);
  readonly #keeper: SetKeeper;
  readonly #watch: RulesWatch;
  readonly #guard: RulesGuard;
  #config: Config;
  #lan: LanFacts;
  #lastLan: number;
  #started = false;
  #table: number;
  readonly #renewal: OffloadRenewal;

  /** Asks nothing of the kernel yet; {@link start} does. */
  constructor(parts: KernelStateParts) {
    const { engine, config, lan, now, rules, dryRun } = parts;
    this.#parts = parts;
    this.#config = config;
    this.#lan = lan;
    this.#lastLan = now();
    this.#table = engine.learner.table;
    this.#keeper = new SetKeeper(engine, this.#transport);
    this.#watch = new RulesWatch({
      keeper: this.#keeper,
      run: this.#tool,
      options: rules,
      now,
      config,
      watchOnly: dryRun,
    });
    this.#renewal = new OffloadRenewal({
      run: this.#tool,
      options: () => rules(this.#config),
      backend: () => this.#watch.facts?.rules.backend ?? null,
      note: parts.note,
    });
    if (!dryRun) parts.actions.changed = (what) => this.#renewal.changed(what);
    this.#guard = new RulesGuard({
      run: this.#tool,
      options: () => rules(this.#config),
      look: async () => {
        await this.#watch.look();
        return this.#watch.facts!.rules;
      },
      refill: () => this.#watch.refill(),
      setsWhole: () => this.#setsWhole(),
      present: parts.ruleset.present,
      news: parts.ruleset.news,
      note: new RulesNote(),
      emit: parts.emit,
      make: parts.makeRules,
      keep: () => this.#config.queue.keepRules,
    });
  }

  /** Before `ready`: makes the rules where there are none. */
  async makeRules(): Promise<void> {
    await this.#guard.make();
  }

  /** Makes the rules that `run` made fit this config; false where they are somebody else's. */
  async remakeRules(config: Config): Promise<boolean> {
    return await this.#guard.remake(this.#parts.rules(config));
  }

  /** After the queues were given back at a clean stop: takes away the rules that were made. */
  async takeRulesAway(): Promise<void> {
    await this.#guard.end();
  }

  async #setsWhole(): Promise<boolean> {
    const { backend } = this.#keeper;
    const hold = async () => backend === null || await setsHold(backend, this.#keeper.samples(), this.#transport.run);
    if (await hold()) return true;
    // A change may have been under way.
    await pause(500);
    return await hold();
  }

  /** Looks for rules, fills the sets and receives local service discovery. Tools take time: call it after `ready`. */
  async start(): Promise<void> {
    const { actions, dryRun, note } = this.#parts;
    this.#table = this.#parts.engine.learner.table;
    if (!dryRun) actions.listen(this.#lan.interfaces);
    await this.#guard.begin();
    this.#started = true;
    if (dryRun) return;
    await this.#renewal.started();
    if (this.#config.lock.kernelSets === "on" && this.#watch.noSets !== "") {
      note(`No kernel sets: ${this.#watch.noSets}`);
    }
  }

  /** Whether a tool is under way. */
  get busy(): boolean {
    return this.#pending.busy;
  }

  /** The policy of a config; the on-link prefixes of its interfaces count as home. */
  compile(config: Config): Policy {
    return compile(config, undefined, readLan(config.network.lan).prefixes);
  }

  /** A reload put this config in force. */
  async adopt(config: Config): Promise<void> {
    this.#config = config;
    this.#lan = readLan(config.network.lan);
    if (this.#parts.dryRun) return;
    const { actions } = this.#parts;
    actions.adopt(config);
    actions.listen(this.#lan.interfaces);
    // While the kernel looks through its connections, it stops packets for 10 ms where its table is large: nothing of ours
    // comes on top of it.
    await turn();
    await within(actions.unsettle(), UNSETTLING);
    this.#watch.adopt(config);
  }

  /** Whether the rules in force are those that this config asks for. */
  async fit(config: Config): Promise<boolean> {
    return await this.#watch.fit(config);
  }

  /** Follows an event of the engine. */
  follow(event: TrafficEvent): void {
    if (this.#parts.dryRun) return;
    this.#parts.actions.follow(event);
    this.#keeper.follow(event);
  }

  /** An operator allowed a client: its connections visit the queue again, also those that the kernel refuses. */
  allowed(client: string): void {
    this.#parts.actions.reopen(client);
  }

  /** Call about once a second. */
  beat(now: number): void {
    const { engine, actions, dryRun } = this.#parts;
    const changed = this.#parts.interfacesChanged();
    if (changed || now - this.#lastLan >= LAN_EVERY) this.lookAtLan();
    if (changed && this.#started && !dryRun) this.#renewal.interfacesChanged();
    if (this.#started) this.#guard.beat(now);
    if (dryRun) return;
    if (engine.learner.table !== this.#table) {
      // The schedule switched its table: flows that were left to the kernel are judged anew.
      this.#table = engine.learner.table;
      void actions.unsettle();
    }
    this.#keeper.beat();
    this.#watch.beat();
  }

  /** Reads the interfaces towards home; puts a new policy in force where their prefixes changed. */
  lookAtLan(): void {
    this.#lastLan = this.#parts.now();
    const before = this.#lan;
    this.#lan = readLan(this.#config.network.lan);
    this.#parts.actions.listen(this.#lan.interfaces);
    this.#tellInterfaces(before.missing, this.#lan.missing);
    if (before.prefixes.join() === this.#lan.prefixes.join()) return;
    this.#parts.note(`Home changed with the interfaces: ${this.#lan.prefixes.join(", ") || "no prefix is on-link"}`);
    this.#parts.adopt(compile(this.#config, undefined, this.#lan.prefixes));
  }

  #tellInterfaces(before: readonly string[], missing: readonly string[]): void {
    for (const name of missing.filter((name) => !before.includes(name))) {
      this.#parts.note(`Interface ${name} is gone: until it is back nobody is home for being behind it`);
    }
    for (const name of before.filter((name) => !missing.includes(name))) {
      this.#parts.note(`Interface ${name} is back`);
    }
  }

  /** Asks the tools again if what {@link facts} reports is old. */
  async fresh(): Promise<void> {
    await this.#watch.fresh();
  }

  /** For `status`. */
  facts(): KernelStatus {
    const { actions, dryRun } = this.#parts;
    const { facts } = this.#watch;
    const counters = this.#keeper.counters;
    const way = this.#transport.way;
    const why = dryRun ? "not used in dry-run" : this.#watch.noSets;
    return {
      rules: facts === null ? null : {
        present: facts.rules.present,
        backend: facts.rules.backend,
        differs: facts.rules.differs,
        ...this.#guard.facts,
      },
      sets: {
        in_use: why === "",
        ...(why === "" ? {} : { why }),
        ...(why !== "" || this.#keeper.peersLeftOut === "" ? {} : { peers_left_out: this.#keeper.peersLeftOut }),
        ...(counters === null ? {} : {
          pending: counters.pending,
          sent: counters.sent,
          failed: counters.failed,
          discarded: counters.discarded,
          ...(way === null ? {} : { through: way.through, ...(way.why === "" ? {} : { through_why: way.why }) }),
          ...(counters.lastError === null ? {} : { last_error: counters.lastError }),
        }),
      },
      conntrack: {
        in_use: actions.missing.conntrack === "",
        ...(actions.missing.conntrack === "" ? {} : { why: actions.missing.conntrack }),
        accounting: facts?.accounting ?? null,
        ...actions.connections,
      },
      sender: {
        in_use: actions.missing.sender === "",
        ...(actions.missing.sender === "" ? {} : { why: actions.missing.sender }),
      },
      lan: {
        interfaces: this.#lan.interfaces,
        missing: this.#lan.missing,
        prefixes: this.#lan.prefixes,
        listening: actions.listening,
      },
      ...pastRules(facts?.offloads ?? []),
    };
  }

  /** Waits until the tools that run have ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#renewal[Symbol.asyncDispose]();
    await this.#guard.settled();
    await this.#watch.settled();
    await this.#keeper[Symbol.asyncDispose]();
    await this.#transport[Symbol.asyncDispose]();
  }
}

/** For `status`: what takes packets past the rules, and whether traffic within a bridge passes through them. */
export function pastRules(offloads: readonly Offload[]): Pick<KernelStatus, "offload" | "bridged"> {
  return {
    offload: offloads.filter(({ name }) => name !== "bridge").map(({ found }) => found),
    bridged: offloads.some(({ name }) => name === "bridge"),
  };
}
