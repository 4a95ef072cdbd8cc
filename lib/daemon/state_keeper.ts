/**
 * When the state file is read and written: at the start, soon after a lock, at intervals, at the end.
 * @module
 */
import type { Engine } from "../judge/engine.ts";
import type { LockEvent, TrafficEvent } from "../learn/event.ts";
import { errorText } from "../net/error_text.ts";
import type { StateConfig } from "../policy/config.ts";
import { stateContext, StateStore } from "./state_store.ts";

/** Milliseconds after which a new lock, or the end of one, is written to the state file at the earliest. */
const SAVE_SOON = 2000;

/** See the module's text. */
export class StateKeeper {
  readonly #engine: Engine;
  readonly #store: StateStore;
  readonly #import: string;
  readonly #note: (level: "info" | "warning", text: string) => void;
  #lastSave: number;
  #saidFailure = "";
  #unsaved = false;

  /** Keeps the state of `engine` in `path`; empty keeps none. `note` is told what an administrator should know. */
  constructor(
    engine: Engine,
    path: string,
    { import: imported }: StateConfig,
    now: number,
    note: (level: "info" | "warning", text: string) => void,
  ) {
    this.#engine = engine;
    this.#store = new StateStore(path);
    this.#import = imported;
    this.#lastSave = now;
    this.#note = note;
  }

  /** Follows an event of the engine: who kills ftwall must not set clients free. */
  follow(event: TrafficEvent): void {
    if (event.event === "locked" || event.event === "released") this.#unsaved = true;
  }

  /** Call about once a second; `interval` is how often the file is written in any case, milliseconds. */
  beat(now: number, interval: number): void {
    const age = now - this.#lastSave;
    // Locks are saved soon, but never for more than a fiftieth of the time.
    const soon = this.#unsaved && age >= Math.max(SAVE_SOON, 50 * this.#store.cost);
    if ((!soon && age < interval) || this.#store.saving) return;
    this.#unsaved = false;
    this.#lastSave = now;
    const { state } = this.#engine;
    this.#store.save(state, this.#context(), (act) => this.#engine.hold(act)).then(() => this.#told());
  }

  /** Writes the file at once, for a stop. Never throws. */
  save(): void {
    this.#store.saveNow(this.#engine.state, this.#context());
    this.#told();
  }

  /** Says once that the file cannot be written. */
  #told(): void {
    if (this.#store.failure === this.#saidFailure) return;
    this.#saidFailure = this.#store.failure;
    if (this.#saidFailure !== "") this.#note("warning", this.#saidFailure);
  }

  /** Reads the file, and what is to be imported, into the tables; answers the locks in force, as events. Never throws. */
  restore(): LockEvent[] {
    const { state } = this.#engine;
    for (const path of this.#import === "" ? [""] : ["", this.#import]) {
      try {
        const context = this.#context();
        const evicted = state.locks.table.evicted;
        const found = this.#engine.learner.timeLocks.fill(() =>
          path === "" ? this.#store.load(state, context) : this.#store.importFrom(path, state, context)
        );
        if (found === null) continue;
        const crowded = state.locks.table.evicted - evicted;
        for (const problem of found.problems) this.#note("warning", `State file: skipped ${problem}`);
        const more = found.bad - found.problems.length;
        if (more > 0) this.#note("warning", `State file: skipped ${more} further lines`);
        if (found.locks + found.peers + found.trained + found.endpoints > 0) {
          const kept = [
            many(found.locks - crowded, "lock"),
            many(found.peers, "peer"),
            many(found.trained, "trained address", "es"),
            many(found.endpoints, "endpoint"),
          ];
          const lost = crowded === 0 ? "" : `, for ${many(crowded, "lock")} there was no room`;
          this.#note("info", `State file: ${kept.join(", ")}; ${found.ended} had ended${lost}`);
        }
      } catch (error) {
        this.#note("warning", errorText(error));
      }
    }
    return this.#engine.learner.timeLocks.restored();
  }

  #context() {
    const { clock, trainer, policy } = this.#engine;
    return stateContext(policy, (number) => trainer.pattern(number), clock.now, clock.wallOffset);
  }
}

function many(count: number, word: string, ending = "s"): string {
  return `${count} ${word}${count === 1 ? "" : ending}`;
}
