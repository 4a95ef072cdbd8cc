/**
 * The warning that the firewall rules in force are those of a config before: from the reload that left them behind, at each
 * further one, until they are applied again.
 * @module
 */
import type { Config } from "../policy/config.ts";

const WARNING = "The firewall rules in force are not those of this config; run: ftwall rules --apply";

/** See the module's text. */
export class StaleRules {
  readonly #fit: (config: Config) => Promise<boolean>;
  readonly #warn: (text: string) => void;
  #stale = false;

  /** Asks `fit` whether the rules in force are those of a config; `warn` is told where they are not. */
  constructor(fit: (config: Config) => Promise<boolean>, warn: (text: string) => void) {
    this.#fit = fit;
    this.#warn = warn;
  }

  /**
   * A reload left `config` in force; `changed` where it asks for other rules than the one before. Answers the warnings, one
   * or none. Asks no tool where the rules could not have been left behind.
   */
  async look(config: Config, changed: boolean): Promise<string[]> {
    if (!changed && !this.#stale) return [];
    // Rules that cannot be read are not said to be wrong.
    this.#stale = !(await this.#fit(config).catch(() => true));
    if (!this.#stale) return [];
    this.#warn(WARNING);
    return [WARNING];
  }
}
