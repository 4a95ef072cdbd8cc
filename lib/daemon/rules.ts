/**
 * Which firewall rules are in force and what takes packets past them: asked of the tools at the start, after a reload, when
 * somebody wants to know, and seldom in between, as each look starts a dozen programs. Decides whether sets are kept.
 * @module
 */
import {
  type Checked,
  checkRules,
  findOffloads,
  type Offload,
  type RulesOptions,
  type Runner,
} from "../firewall/mod.ts";
import type { Config } from "../policy/config.ts";
import type { SetKeeper } from "./set_keeper.ts";

/** Milliseconds between looks while there are no rules or a set refused something … */
const SOON = 60_000;
/** … and while all is well. */
const LATER = 600_000;
/** Age of what `status` shows at most, milliseconds. */
const FRESH = 30_000;

/** What the last look found. */
export interface RulesFacts {
  readonly rules: Checked;
  readonly offloads: readonly Offload[];
  /** Whether the kernel counts packets of connections; null where it tracks none. */
  readonly accounting: boolean | null;
}

/** See the module's text. */
export class RulesWatch {
  /** What the last look found; null before the first. */
  facts: RulesFacts | null = null;
  /** Why no sets are kept, in words; empty where they are. */
  sets = "not looked for yet";
  readonly #keeper: SetKeeper;
  readonly #run: Runner;
  readonly #options: (config: Config) => RulesOptions;
  readonly #now: () => number;
  #config: Config;
  #last = -Infinity;
  #attached = "";
  #failed = 0;
  #looking: Promise<void> | null = null;

  /** Watches for the rules that `options` makes of a config. */
  constructor(
    keeper: SetKeeper,
    run: Runner,
    options: (config: Config) => RulesOptions,
    now: () => number,
    config: Config,
  ) {
    this.#keeper = keeper;
    this.#run = run;
    this.#options = options;
    this.#now = now;
    this.#config = config;
  }

  /** Takes a new config and looks. */
  adopt(config: Config): void {
    this.#config = config;
    this.#last = -Infinity;
    this.beat();
  }

  /** Call about once a second: looks when it is time. */
  beat(): void {
    const failed = this.#keeper.counters?.failed ?? 0;
    const well = this.facts?.rules.present === true && failed === this.#failed;
    if (this.#now() - this.#last >= (well ? LATER : SOON)) this.look().catch(() => {});
  }

  /** What is known, looked up again where it is old and can be seen. */
  async fresh(): Promise<void> {
    if (this.#now() - this.#last >= FRESH) await this.look().catch(() => {});
  }

  /** Whether the rules in force are those that this config asks for. */
  async fit(config: Config): Promise<boolean> {
    const found = await checkRules(this.#options(config), this.#run);
    return found.present && found.differs.length === 0;
  }

  /** Looks now; one look at a time. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => this.#looking = null);
    return this.#looking;
  }

  /** Waits for a look that is under way. */
  async settled(): Promise<void> {
    await this.#looking?.catch(() => {});
  }

  async #look(): Promise<void> {
    this.#last = this.#now();
    const config = this.#config;
    const rules = await checkRules(this.#options(config), this.#run);
    const offloads = await findOffloads(this.#run);
    this.facts = { rules, offloads, accounting: readAccounting() };
    await this.#decide(config, rules);
  }

  async #decide(config: Config, rules: Checked): Promise<void> {
    this.sets = whyNot(config, rules);
    if (this.sets !== "") {
      const unwanted = rules.backend !== null && rules.sets;
      if (unwanted && this.#attached !== "none") await this.#keeper.empty(rules.backend);
      this.#keeper.detach();
      this.#attached = unwanted ? "none" : "";
      return;
    }
    const failed = this.#keeper.counters?.failed ?? 0;
    const found = `${rules.backend} ${rules.stamp}`;
    // Rules made anew have empty sets, and what failed is missing in them.
    if (found === this.#attached && failed === this.#failed) return;
    this.#attached = found;
    this.#failed = failed;
    if (rules.backend !== null) this.#keeper.attach(rules.backend);
  }
}

/** Why no sets are kept under this config and these rules, in words; empty where they are. */
export function whyNot(config: Config, rules: Checked): string {
  if (config.lock.kernelSets === "off") return "switched off by [lock] kernel_sets";
  // A set refuses all that a locked client sends.
  if (!config.lock.blockUdp) return "not used while [lock] block_udp is false: a set cannot spare UDP";
  if (!rules.present) return "there are no rules of ftwall: run ftwall rules --apply";
  if (!rules.sets) {
    return "the rules were made without sets: run ftwall rules --apply, which tells what is missing, if anything";
  }
  return "";
}

/** Whether the kernel counts packets of connections; null where it tracks none. */
export function readAccounting(): boolean | null {
  try {
    return Deno.readTextFileSync("/proc/sys/net/netfilter/nf_conntrack_acct").trim() === "1";
  } catch {
    return null;
  }
}
