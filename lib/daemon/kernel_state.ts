/**
 * The daemon's side towards the kernel, beside the queue: its hand, the sets it keeps, the rules and interfaces it watches.
 * In dry-run it only watches.
 * @module
 */
import type { Engine } from "../judge/engine.ts";
import type { TrafficEvent } from "../learn/event.ts";
import { type Offload, type RulesOptions, runCommand, type Runner } from "../firewall/mod.ts";
import type { Config } from "../policy/config.ts";
import { compile, type Policy } from "../policy/policy.ts";
import type { KernelStatus } from "../report/status.ts";
import { Errands } from "./errands.ts";
import type { KernelHand } from "./connection_actions.ts";
import { type LanFacts, readLan } from "./lan_watch.ts";
import { RulesWatch } from "./rules.ts";
import { SetKeeper } from "./set_keeper.ts";
import { KernelRunner } from "./set_transport.ts";

/** Milliseconds between looks at the interfaces. */
const LAN_EVERY = 60_000;

/** What it is made from. */
export interface KernelSideOptions {
  readonly engine: Engine;
  readonly hand: KernelHand;
  readonly config: Config;
  readonly lan: LanFacts;
  readonly dryRun: boolean;
  /** What rules this config asks for. */
  readonly rules: (config: Config) => RulesOptions;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** Puts a policy in force whose home changed with the interfaces. */
  readonly adopt: (policy: Policy) => void;
  /** Told what an administrator should know. */
  readonly note: (text: string) => void;
}

/** See the module's text. */
export class KernelSide implements AsyncDisposable {
  readonly #options: KernelSideOptions;
  readonly #errands = new Errands();
  readonly #tool: Runner = (...words) => this.#errands.run(() => runCommand(...words));
  readonly #runner = new KernelRunner(this.#tool);
  readonly #keeper: SetKeeper;
  readonly #watch: RulesWatch;
  #config: Config;
  #lan: LanFacts;
  #lastLan: number;
  #table: number;

  /** Ready; {@link start} begins. */
  constructor(options: KernelSideOptions) {
    const { engine, config, lan, now, rules } = options;
    this.#options = options;
    this.#config = config;
    this.#lan = lan;
    this.#lastLan = now();
    this.#table = engine.learner.table;
    this.#keeper = new SetKeeper(engine, this.#runner);
    this.#watch = new RulesWatch(this.#keeper, this.#tool, rules, now, config);
  }

  /** After `ready`, as tools have to be asked: looks for rules, fills the sets, hears local service discovery. */
  async start(): Promise<void> {
    const { hand, dryRun, note } = this.#options;
    this.#table = this.#options.engine.learner.table;
    if (dryRun) return;
    hand.listen(this.#lan.interfaces);
    await this.#watch.look();
    if (this.#config.lock.kernelSets === "on" && this.#watch.sets !== "") note(`No kernel sets: ${this.#watch.sets}`);
  }

  /** Whether a tool is under way. */
  get busy(): boolean {
    return this.#errands.underWay;
  }

  /** The policy of a config, with what is on-link at the interfaces towards home. */
  compile(config: Config): Policy {
    return compile(config, undefined, readLan(config.network.lan).prefixes);
  }

  /** A config came into force, by a reload. */
  adopt(config: Config): void {
    this.#config = config;
    this.#lan = readLan(config.network.lan);
    if (this.#options.dryRun) return;
    const { hand } = this.#options;
    hand.adopt(config);
    hand.listen(this.#lan.interfaces);
    hand.unsettle();
    this.#watch.adopt(config);
  }

  /** Whether the rules in force are those that this config asks for. */
  async fit(config: Config): Promise<boolean> {
    return await this.#watch.fit(config);
  }

  /** Follows an event of the engine. */
  follow(event: TrafficEvent): void {
    if (this.#options.dryRun) return;
    this.#options.hand.follow(event);
    this.#keeper.follow(event);
  }

  /** An operator allowed a client: what the kernel refuses of it is looked at again. */
  allowed(client: string): void {
    this.#options.hand.reopen(client);
  }

  /** Call about once a second. */
  beat(now: number): void {
    const { engine, hand, dryRun } = this.#options;
    if (now - this.#lastLan >= LAN_EVERY) this.lookAtLan();
    if (dryRun) return;
    if (engine.learner.table !== this.#table) {
      // Another hour, another answer: also for what was settled before.
      this.#table = engine.learner.table;
      hand.unsettle();
    }
    this.#keeper.beat();
    this.#watch.beat();
  }

  /** Takes what the interfaces towards home tell now. */
  lookAtLan(): void {
    this.#lastLan = this.#options.now();
    const before = this.#lan;
    this.#lan = readLan(this.#config.network.lan);
    this.#options.hand.listen(this.#lan.interfaces);
    if (before.prefixes.join() === this.#lan.prefixes.join()) return;
    this.#options.note(`Home changed with the interfaces: ${this.#lan.prefixes.join(", ") || "no prefix is on-link"}`);
    this.#options.adopt(compile(this.#config, undefined, this.#lan.prefixes));
  }

  /** Looks again where what {@link facts} would say is old. */
  async fresh(): Promise<void> {
    if (!this.#options.dryRun) await this.#watch.fresh();
  }

  /** For `status`. */
  facts(): KernelStatus {
    const { hand, dryRun } = this.#options;
    const { facts } = this.#watch;
    const counters = this.#keeper.counters;
    const way = this.#runner.way;
    const why = dryRun ? "not used in dry-run" : this.#watch.sets;
    return {
      rules: facts === null ? null : {
        present: facts.rules.present,
        backend: facts.rules.backend,
        differs: facts.rules.differs,
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
        in_use: hand.state.conntrack === "",
        ...(hand.state.conntrack === "" ? {} : { why: hand.state.conntrack }),
        accounting: facts?.accounting ?? null,
        ...hand.connections,
      },
      sender: {
        in_use: hand.state.sender === "",
        ...(hand.state.sender === "" ? {} : { why: hand.state.sender }),
      },
      lan: {
        interfaces: this.#lan.interfaces,
        missing: this.#lan.missing,
        prefixes: this.#lan.prefixes,
        listening: hand.listening,
      },
      ...pastRules(facts?.offloads ?? []),
    };
  }

  /** Waits for what is under way. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#watch.settled();
    await this.#keeper[Symbol.asyncDispose]();
    await this.#runner[Symbol.asyncDispose]();
  }
}

/** For `status`: what goes past the rules, and whether bridged traffic, which could, does not. */
export function pastRules(offloads: readonly Offload[]): Pick<KernelStatus, "offload" | "bridged"> {
  return {
    offload: offloads.filter(({ name }) => name !== "bridge").map(({ found }) => found),
    bridged: offloads.some(({ name }) => name === "bridge"),
  };
}
