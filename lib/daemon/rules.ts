/**
 * The firewall rules: those that a config asks for, those that are in force, and the warning where the two differ.
 * @module
 */
import { within } from "../net/timer.ts";
import { checkRules, findOffloads } from "../firewall/mod.ts";
import type { Checked, Offload, Runner } from "../firewall/mod.ts";
import { RULES_DEFAULTS, type RulesOptions } from "../firewall/options.ts";
import type { Config, QueueNumbers } from "../policy/config.ts";
import { freeMarks } from "../policy/marks.ts";
import type { SetKeeper } from "./set_keeper.ts";

/** The rules that this config asks for; `queues` overrides its queue numbers. */
export function rulesOptions(config: Config, queues?: QueueNumbers): RulesOptions {
  const { queue, network, lock, detect } = config;
  const numbers = queues ?? queue.numbers;
  return {
    ...RULES_DEFAULTS,
    lan: network.lan,
    home: network.home,
    exempt: network.exempt,
    queues: [numbers.first, numbers.last],
    failOpen: queue.fail === "open",
    clientRate: queue.clientRate,
    packetsTcp: queue.packetsTcp,
    packetsUdp: queue.packetsUdp,
    mappings: detect.portMappings,
    mark: {
      mask: queue.mask,
      accepted: queue.mark,
      refused: queue.refuseMark,
      ...freeMarks(queue.mask, queue.mark, queue.refuseMark),
    },
    refuse: lock.refuse,
    sets: lock.kernelSets !== "off",
    offload: queue.offload,
    cut: lock.cut,
  };
}

/** Whether both configs ask for the same rules. */
export function sameRules(before: Config, after: Config): boolean {
  return JSON.stringify(rulesOptions(before)) === JSON.stringify(rulesOptions(after));
}

/** Milliseconds between two looks while there are no rules, or a change of a set failed since the last look. */
const SOON = 60_000;
/** Milliseconds between two looks otherwise: each starts a dozen programs. */
const LATER = 600_000;
/** Milliseconds after which `status` has the tools asked again. */
const FRESH = 30_000;

/** Milliseconds for which `status` waits for them; then it tells what was known before. */
const FRESH_WAIT = 300;

/** What the last look found. */
export interface RulesFacts {
  readonly rules: Checked;
  readonly offloads: readonly Offload[];
  /** Whether the kernel counts packets of connections; null where it tracks none. */
  readonly accounting: boolean | null;
}

/** What the watch works with. */
export interface RulesWatchParts {
  readonly keeper: SetKeeper;
  /** Starts a tool. */
  readonly run: Runner;
  /** The rules that a config asks for. */
  readonly options: (config: Config) => RulesOptions;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  readonly config: Config;
  /** Only what is in force is looked at: no sets are kept. */
  readonly watchOnly: boolean;
}

/**
 * Asks the firewall tools which rules are in force and what takes packets past them: at the start, after a reload, for
 * `status`, and seldom in between. From the answer it decides whether sets are kept.
 */
export class RulesWatch {
  /** What the last look found; null before the first. */
  facts: RulesFacts | null = null;
  /** Why no sets are kept, in words; empty where they are. */
  noSets = "not looked for yet";
  readonly #parts: RulesWatchParts;
  #config: Config;
  #last = -Infinity;
  #attached = "";
  #failed = 0;
  #looking: Promise<void> | null = null;

  /** Begins with no look; see {@link look}. */
  constructor(parts: RulesWatchParts) {
    this.#parts = parts;
    this.#config = parts.config;
  }

  /** Takes a new config and asks the tools. */
  adopt(config: Config): void {
    this.#config = config;
    this.#last = -Infinity;
    this.beat();
  }

  /** Call about once a second: asks the tools when it is time. */
  beat(): void {
    const failed = this.#parts.keeper.counters?.failed ?? 0;
    const well = this.facts?.rules.present === true && failed === this.#failed;
    if (this.#parts.now() - this.#last >= (well ? LATER : SOON)) this.look().catch(() => {});
  }

  /** Asks the tools if the last answer is old, and waits for them for a short time: under load they take seconds. */
  async fresh(): Promise<void> {
    if (this.#parts.now() - this.#last < FRESH) return;
    const look = this.look().catch(() => {});
    await within(look, FRESH_WAIT);
  }

  /** Whether the rules in force are those that this config asks for. */
  async fit(config: Config): Promise<boolean> {
    const found = await checkRules(this.#parts.options(config), this.#parts.run);
    return found.present && found.differs.length === 0;
  }

  /** Asks the tools now; a call while they are asked waits for the same answer. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => this.#looking = null);
    return this.#looking;
  }

  /** Fills the sets anew, as they lost what they held. */
  async refill(): Promise<void> {
    this.#attached = "";
    await this.#looking?.catch(() => {});
    await this.look();
  }

  /** Waits for tools that are being asked. */
  async settled(): Promise<void> {
    await this.#looking?.catch(() => {});
  }

  async #look(): Promise<void> {
    this.#last = this.#parts.now();
    const config = this.#config;
    const options = this.#parts.options(config);
    const rules = await checkRules(options, this.#parts.run);
    const offloads = await findOffloads(this.#parts.run, options.mark);
    this.facts = { rules, offloads, accounting: readAccounting() };
    if (!this.#parts.watchOnly) await this.#decide(config, rules);
  }

  async #decide(config: Config, rules: Checked): Promise<void> {
    this.noSets = whyNot(config, rules);
    if (this.noSets !== "") {
      const unwanted = rules.backend !== null && rules.sets;
      if (unwanted && this.#attached !== "none") await this.#parts.keeper.empty(rules.backend);
      this.#parts.keeper.detach();
      this.#attached = unwanted ? "none" : "";
      return;
    }
    const failed = this.#parts.keeper.counters?.failed ?? 0;
    const found = `${rules.backend} ${rules.stamp}`;
    // Rules that were made anew have empty sets, and sets lack each change that failed.
    if (found === this.#attached && failed === this.#failed) return;
    this.#attached = found;
    this.#failed = failed;
    if (rules.backend !== null) this.#parts.keeper.attach(rules.backend);
  }
}

/** Why no sets are kept under this config and these rules, in words; empty where they are. */
export function whyNot(config: Config, rules: Checked): string {
  if (config.lock.kernelSets === "off") return "switched off by [lock] kernel_sets";
  // A set refuses everything that a locked client sends.
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

const WARNING = "The firewall rules in force are not those of this config; run: ftwall rules --apply";

/**
 * The warning that the rules in force are those of an earlier config: given by the reload that asks for others, and by each
 * further one until the rules are applied.
 */
export class StaleRules {
  readonly #fit: (config: Config) => Promise<boolean>;
  readonly #warn: (text: string) => void;
  #stale = false;

  /** `fit` tells whether the rules in force are those of a config; `warn` gets the warning where they are not. */
  constructor(fit: (config: Config) => Promise<boolean>, warn: (text: string) => void) {
    this.#fit = fit;
    this.#warn = warn;
  }

  /**
   * Call after a reload that left `config` in force; `changed` means that it asks for other rules than the config before.
   * Answers the warning, or nothing. Asks no tool where the rules cannot be outdated.
   */
  async look(config: Config, changed: boolean): Promise<string[]> {
    if (!changed && !this.#stale) return [];
    // Without an answer of the tools there is no warning.
    this.#stale = !(await this.#fit(config).catch(() => true));
    if (!this.#stale) return [];
    this.#warn(WARNING);
    return [WARNING];
  }
}
