/**
 * Decides when the state file is read and written: at the start, soon after a lock, at intervals, at the end.
 * @module
 */
import type { Engine } from "../judge/engine.ts";
import type { LockEvent, TrafficEvent } from "../learn/event.ts";
import { errorText } from "../net/error_text.ts";
import { counted } from "../report/plain.ts";
import { stateContext, StateStore } from "./state_store.ts";

/** Milliseconds between two writes at least, where locks have begun or ended. */
const SAVE_SOON = 2000;

/** What the keeper works with. */
export interface StateKeeperParts {
  readonly engine: Engine;
  /** The state file; empty keeps none. */
  readonly path: string;
  /** A state file of ftwall 1 that is read once more at each start; empty for none. */
  readonly importPath: string;
  /** Monotonic milliseconds. */
  readonly now: number;
  /** Writes to the log. */
  readonly note: (level: "info" | "warning", text: string) => void;
}

/** See the module's text. */
export class StateKeeper {
  readonly #engine: Engine;
  readonly #store: StateStore;
  readonly #importPath: string;
  readonly #note: StateKeeperParts["note"];
  #lastSave: number;
  #warnedOf = "";
  #unsaved = false;
  #saving: Promise<void> = Promise.resolve();
  #prepared = false;
  #ended = false;

  /** Reads and writes nothing yet. */
  constructor({ engine, path, importPath, now, note }: StateKeeperParts) {
    this.#engine = engine;
    this.#store = new StateStore(path);
    this.#importPath = importPath;
    this.#lastSave = now;
    this.#note = note;
  }

  /** Notes that locks changed, so that they are saved soon: killing ftwall must not set clients free. */
  follow(event: TrafficEvent): void {
    if (event.event === "locked" || event.event === "released") this.changed();
  }

  /** An operator changed something, which is saved as soon. */
  changed(): void {
    this.#unsaved = true;
  }

  /** Call about once a second; `interval` is the time between two writes where no lock changed, milliseconds. */
  beat(now: number, interval: number): void {
    const age = now - this.#lastSave;
    // Changed locks are saved soon, but saving never takes more than a fiftieth of the time.
    const soon = this.#unsaved && age >= Math.max(SAVE_SOON, 50 * this.#store.cost);
    if ((!soon && age < interval) || this.#store.saving) return;
    this.#lastSave = now;
    this.#saving = this.#save();
  }

  async #save(): Promise<void> {
    this.#unsaved = false;
    await this.#store.save(this.#engine.state, this.#context(), (act) => this.#engine.hold(act));
    this.#warn();
  }

  /** Writes the file for a stop while packets are still judged. Never rejected. */
  async prepare(): Promise<void> {
    await this.#saving;
    // A stop that did not wait for this has written the file meanwhile, which may be a successor's by now.
    if (this.#ended) return;
    await this.#save();
    this.#prepared = this.#store.failure === "";
  }

  /** Whether a write is under way. */
  get saving(): boolean {
    return this.#store.saving;
  }

  /** Writes the file at once, for a stop; not where that was prepared and no lock has changed since. Never throws. */
  save(): void {
    this.#ended = true;
    if (this.#prepared && !this.#unsaved) return;
    this.#store.saveNow(this.#engine.state, this.#context());
    this.#warn();
  }

  /** Warns that the file cannot be written: once for each reason. */
  #warn(): void {
    if (this.#store.failure === this.#warnedOf) return;
    this.#warnedOf = this.#store.failure;
    if (this.#warnedOf !== "") this.#note("warning", this.#warnedOf);
  }

  /** Reads the state file, and then the imported one, into the tables; answers the locks in force, as events. Never throws. */
  restore(): LockEvent[] {
    const { state } = this.#engine;
    for (const path of this.#importPath === "" ? [""] : ["", this.#importPath]) {
      try {
        const context = this.#context();
        const evicted = state.locks.table.evicted;
        const found = this.#engine.learner.timeLocks.fill(() =>
          path === "" ? this.#store.load(state, context) : this.#store.importFrom(path, state, context)
        );
        if (found === null) continue;
        if (found.newer !== undefined) {
          const aside = path === "" ? `; it is kept as ${this.#store.keepAside(found.newer)}` : "";
          this.#note(
            "warning",
            `State file: of the newer version ${found.newer}, lines that are known were read${aside}`,
          );
        }
        const crowded = state.locks.table.evicted - evicted;
        for (const problem of found.problems) this.#note("warning", `State file: skipped ${problem}`);
        const more = found.bad - found.problems.length;
        if (more > 0) this.#note("warning", `State file: skipped ${more} further lines`);
        if (found.locks + found.peers + found.trained + found.endpoints > 0) {
          const kept = [
            counted(found.locks - crowded, "lock"),
            counted(found.peers, "peer"),
            counted(found.trained, "trained address", "es"),
            counted(found.endpoints, "endpoint"),
          ];
          const lost = crowded === 0 ? "" : `, for ${counted(crowded, "lock")} there was no room`;
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
