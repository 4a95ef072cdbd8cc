/**
 * Puts the firewall rules in place where there are none, notices when they or their sets go, and puts them back; takes what it
 * made away at a clean stop. Rules of an operator or a service manager are left as they are, and only compared.
 * @module
 */
import {
  applyRules,
  type Checked,
  foreignQueueRule,
  removeRules,
  type RulesOptions,
  type Runner,
} from "../firewall/mod.ts";
import { errorText } from "../net/error_text.ts";
import type { NoteEvent, RulesEvent } from "../report/report_event.ts";
import type { RulesNote } from "./rules_note.ts";

/** What the guard works with. */
export interface RulesGuardParts {
  /** Starts a tool. */
  readonly run: Runner;
  /** The rules that the config in force asks for. */
  readonly options: () => RulesOptions;
  /** Asks the tools what is in force. */
  readonly look: () => Promise<Checked>;
  /** Fills the kernel's sets anew. */
  readonly refill: () => Promise<void>;
  /** Whether the sets still hold what was put into them; true where none are kept. */
  readonly setsWhole: () => Promise<boolean>;
  /** Whether the kernel has chains of ours, without asking a tool. */
  readonly present: () => boolean;
  /** Whether rules went since the last call; `legacy` asks the old tables of iptables too. */
  readonly news: (legacy: boolean) => boolean;
  readonly note: RulesNote;
  readonly emit: (event: RulesEvent | NoteEvent) => void;
  /** `[queue] rules`: make them where there are none. */
  readonly make: boolean;
  /** `[queue] keep_rules`: put them back where they go. */
  readonly keep: () => boolean;
}

/** For `status` and metrics. */
export interface RulesGuardFacts {
  /** They are there because `run` made them. */
  readonly made: boolean;
  /** Times that they, or their sets, went. */
  readonly lost: number;
  /** Times that they were put back. */
  readonly restored: number;
}

/** Milliseconds between looks into the sets. */
const SETS_EVERY = 5000;
/** Milliseconds between two times of putting back, at least. */
const REST = 10_000;
/** Times within {@link LONG} after which somebody is thought to mean it. */
const MOST = 5;
const LONG = 600_000;

const KEEP_THEM = "to keep them: ftwall rules --apply; to do without: ftwall run --no-rules";

/** See the module's text. */
export class RulesGuard {
  readonly #parts: RulesGuardParts;
  #made = false;
  #lost = 0;
  #restored = 0;
  /** Found by the last look: there, and nothing of them missing. */
  #whole = false;
  #legacy = false;
  #failure = "";
  /** A rule of somebody else that brings packets to our queues. */
  #foreign = "";
  #lastSets = -Infinity;
  /** When they were put back, of the last {@link LONG}. */
  #times: number[] = [];
  #checking: Promise<void> | null = null;

  /** Asks nothing yet. */
  constructor(parts: RulesGuardParts) {
    this.#parts = parts;
  }

  /** For `status` and metrics. */
  get facts(): RulesGuardFacts {
    return { made: this.#made, lost: this.#lost, restored: this.#restored };
  }

  /** Before packets are judged: makes the rules if there are none. */
  async make(): Promise<void> {
    const { make, note, present } = this.#parts;
    const origin = note.read();
    // Whoever starts ftwall wants packets to come, whatever was done before.
    if (origin === "removed") note.write(null);
    if (!make || present()) {
      this.#made = make && origin === "made";
      return;
    }
    const foreign = await foreignQueueRule(this.#parts.run, this.#parts.options().queues);
    if (foreign !== null) {
      this.#foreign = foreign;
      return;
    }
    try {
      const { backend, notes } = await this.#apply();
      note.write("made");
      this.#made = true;
      const found = notes.length === 0 ? "" : ` (${notes.join("; ")})`;
      this.#say("rules-made", `There were no rules of ftwall: made them with ${backend}${found}`, backend);
    } catch (error) {
      this.#failure = errorText(error);
    }
  }

  /** After `ready`: says what became of the rules, and begins to watch them. */
  async begin(): Promise<void> {
    const { emit, look } = this.#parts;
    for (const event of this.#unsaid.splice(0)) emit(event);
    if (this.#failure !== "") this.#fail();
    if (this.#foreign !== "") {
      const message = `A rule of yours brings packets, so none were made: ${this.#foreign}`;
      emit({ event: "note", level: "info", message });
    }
    // What is told of the time before is no news.
    this.#parts.news(false);
    const found = await look();
    this.#note(found);
    if (!found.present || found.differs.length === 0) return;
    // An earlier `run` made them and left them, as it was killed.
    if (await this.remake(this.#parts.options())) return;
    const message = `The firewall rules in force are not those of this config: ${found.differs.join("; ")}`;
    emit({ event: "note", level: "warning", message: `${message}; run: ftwall rules --apply` });
  }

  /** Makes rules that `run` made fit other options; false where they are somebody else's, and left as they are. */
  async remake(options: RulesOptions): Promise<boolean> {
    const { look, refill, note, run } = this.#parts;
    if (!this.#made || note.read() !== "made") return false;
    await applyRules("auto", options, run);
    await refill();
    this.#note(await look());
    return true;
  }

  /** Call about once a second; `now` is monotonic milliseconds. */
  beat(now: number): void {
    if (this.#checking !== null) return;
    const told = this.#parts.news(this.#legacy);
    const sets = now - this.#lastSets >= SETS_EVERY;
    if (sets) this.#lastSets = now;
    const again = !this.#whole && this.#lost > this.#restored && this.#mayRestore(now) && this.#wanted();
    if (!told && !sets && !again) return;
    this.#checking = this.#check(now, told || again).catch((error: unknown) => {
      this.#failure = errorText(error);
      this.#fail();
    }).finally(() => this.#checking = null);
  }

  /** Waits for what is under way. */
  async settled(): Promise<void> {
    await this.#checking;
  }

  /** A clean stop, after the queues were given back: packets that wait in one are lost with the rules. */
  async end(): Promise<void> {
    const { note, run, emit } = this.#parts;
    if (!this.#made || note.read() !== "made") return;
    this.#made = false;
    try {
      await removeRules(run);
      note.write(null);
      emit({ event: "rules-removed", message: "Took away the rules that were made at the start" });
    } catch (error) {
      emit({ event: "rules-failed", message: `${errorText(error)}; run: ftwall rules --remove` });
    }
  }

  async #check(now: number, rules: boolean): Promise<void> {
    const { look, setsWhole, refill } = this.#parts;
    if (!rules) {
      if (!this.#whole || await setsWhole()) return;
      this.#lost++;
      this.#say("rules-lost", "The sets of locked clients and blocked peers were emptied by another program");
      await refill();
      this.#restored++;
      this.#say("rules-restored", "The sets are filled again");
      return;
    }
    const before = this.#whole;
    const found = await look();
    this.#note(found);
    if (this.#whole) return;
    const what = found.present ? found.differs.join("; ") : "none is left";
    if (before) {
      this.#lost++;
      this.#say("rules-lost", `The firewall rules were changed by another program: ${what}. ${this.#outlook(now)}`);
    }
    if (this.#lost === this.#restored || !this.#wanted() || !this.#mayRestore(now)) return;
    this.#times.push(now);
    const { backend } = await this.#apply();
    await refill();
    this.#note(await look());
    this.#restored = this.#lost;
    this.#say("rules-restored", `The rules are in place again (${backend})`, backend);
  }

  /** What happens now, for the one who reads of the loss. */
  #outlook(now: number): string {
    if (this.#parts.note.read() === "removed") return "An operator did: ftwall rules --apply puts them back";
    if (!this.#parts.keep()) {
      return "No packet may come any more; run: ftwall rules --apply ([queue] keep_rules is off)";
    }
    if (this.#mayRestore(now)) return "Putting them back";
    return `That happened ${this.#times.length} times within ten minutes: two programs may be at it. Trying later`;
  }

  #wanted(): boolean {
    return this.#parts.keep() && this.#parts.note.read() !== "removed";
  }

  #mayRestore(now: number): boolean {
    this.#times = this.#times.filter((time) => now - time < LONG);
    return this.#times.length < MOST && now - (this.#times.at(-1) ?? -Infinity) >= REST;
  }

  #note(found: Checked): void {
    this.#whole = found.present && found.whole;
    this.#legacy = found.legacy;
  }

  #apply() {
    const { options, run } = this.#parts;
    return applyRules("auto", options(), run);
  }

  /** Before `ready` nothing is said. */
  readonly #unsaid: RulesEvent[] = [];

  #say(event: RulesEvent["event"], message: string, backend?: string): void {
    const said: RulesEvent = { event, message, ...(backend === undefined ? {} : { backend }) };
    if (event === "rules-made") {
      this.#unsaid.push({ ...said, message: `${message}. They go with a clean stop; ${KEEP_THEM}` });
    } else this.#parts.emit(said);
  }

  #fail(): void {
    const message = `${this.#failure}. No packet comes without rules; mend that, then run: ftwall rules --apply`;
    this.#failure = "";
    this.#parts.emit({ event: "rules-failed", message });
  }
}
