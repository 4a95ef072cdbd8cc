/**
 * Has offloaded flows meet the rules again: with nft the flowtable is made anew, with iptables the kernel's timeouts of
 * offloaded flows are 0 for a while.
 * @module
 */
import { within } from "../net/timer.ts";
import { type Backend, FlowTimeouts, renewOffload, type RulesOptions, type Runner } from "../firewall/mod.ts";
import { errorText } from "../net/error_text.ts";

/** What it works with. */
export interface OffloadRenewalParts {
  readonly run: Runner;
  /** The rules that the config asks for. */
  readonly options: () => RulesOptions;
  /** The tool that made the rules in force; null where there are none, or nobody has looked. */
  readonly backend: () => Backend | null;
  /** Writes to the log. */
  readonly note: (text: string) => void;
}

/** Renews once at a time, and once more for all that was asked for meanwhile. */
export class OffloadRenewal implements AsyncDisposable {
  readonly #parts: OffloadRenewalParts;
  readonly #timeouts: FlowTimeouts;
  #asked = false;
  #ended = false;
  #working: Promise<void> | null = null;
  #wake: () => void = () => {};

  /** Does nothing until something changed. */
  constructor(parts: OffloadRenewalParts) {
    this.#parts = parts;
    this.#timeouts = new FlowTimeouts(parts.run);
  }

  /** ftwall was started, maybe after one that was killed while it had the timeouts at 0. */
  async started(): Promise<void> {
    const { backend, options } = this.#parts;
    if (options().offload !== "off" && backend() === "iptables" && await this.#timeouts.left()) this.#ask();
  }

  /** Connections were deleted or marked. A deleted one the kernel takes out of iptables' flowtable by itself. */
  changed(what: "deleted" | "marked"): void {
    if (what === "marked" || this.#parts.backend() !== "iptables") this.#ask();
  }

  /** Interfaces came or went. The flowtable of nft has those that there were; iptables' takes them in by itself. */
  interfacesChanged(): void {
    if (this.#parts.backend() !== "iptables") this.#ask();
  }

  #ask(): void {
    if (this.#parts.options().offload === "off" && !this.#timeouts.used) return;
    this.#asked = true;
    this.#wake();
    this.#working ??= this.#renew();
  }

  async #renew(): Promise<void> {
    const note = (error: unknown) => this.#parts.note(errorText(error));
    while (this.#asked && !this.#ended) {
      this.#asked = false;
      const { backend, options, run } = this.#parts;
      if (backend() !== "iptables") await renewOffload(options(), run).catch(note);
      // Flows outlast the rules that offloaded them.
      if (backend() === "iptables" || this.#timeouts.used) {
        await this.#timeouts.expire().then((time) => this.#pause(time), note);
      }
    }
    await this.#timeouts.restore().catch(note);
    this.#working = null;
    if (this.#asked && !this.#ended) this.#ask();
  }

  /** Waits so many milliseconds, or until it is asked again or ends. */
  async #pause(time: number): Promise<void> {
    if (time === 0 || this.#asked || this.#ended) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    await within(promise, time);
  }

  /** Puts back what is changed for a while, and waits for it. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true;
    this.#wake();
    await this.#working;
  }
}
