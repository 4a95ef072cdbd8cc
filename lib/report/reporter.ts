/**
 * The log: events in, lines out.
 * @module
 */
import { type LocalClock } from "../policy/week.ts";
import { eventFormat, type FormatEvent, type LogFormat } from "./event_format.ts";
import { FloodGate, type GateKind } from "./flood_gate.ts";
import { History } from "./history.ts";
import type { LineWriter } from "./log_output.ts";
import { type EventName, type NoteEvent, type ReportEvent, severityOf, treatmentOf } from "./report_event.ts";
import { type LogLevel, threshold } from "./severity.ts";

/** What a reporter needs. */
export interface ReporterOptions {
  readonly format: LogFormat;
  readonly level: LogLevel;
  /** Colours in the text format. */
  readonly colour: boolean;
  /** Said on every event about traffic. */
  readonly dryRun: boolean;
  /** Wall clock in milliseconds since 1970. */
  readonly clock: () => number;
  readonly writer: LineWriter;
  /** Local time of sentences; that of the system unless the config names another zone. */
  readonly localClock?: LocalClock;
}

/** What else follows the events. */
export interface Listener {
  /** Takes an event, also one that the level keeps out of the log; `time` is milliseconds since 1970. */
  readonly take: (event: ReportEvent, time: number) => void;
  /** Name of a client, empty where it has none. */
  readonly nameOf: (client: string, mac: string) => string;
}

/** Turns events into lines. */
export class Reporter {
  readonly #writer: LineWriter;
  readonly #clock: () => number;
  readonly #gate = new FloodGate();
  readonly #admitted: Uint8Array = new Uint8Array(32);
  readonly #dryRun: boolean;
  #format: FormatEvent;
  #threshold: number;
  /** The last events about clients, also those that the level keeps out of the log. */
  readonly history: History = new History();
  /** Follows the events as they are told, before what the flood gate held back is added to them; null where nobody does. */
  listener: Listener | null = null;

  /** Writes to `options.writer`. */
  constructor(options: ReporterOptions) {
    this.#writer = options.writer;
    this.#clock = options.clock;
    this.#dryRun = options.dryRun;
    this.#format = eventFormat(options.format, options.colour, options.localClock);
    this.#threshold = threshold(options.level);
  }

  /** Prints one event where level and flood gate let it through. Bound, so that it can be handed to the engine as it is. */
  readonly emit = (event: ReportEvent): void => {
    const severity = severityOf(event);
    const time = this.#clock();
    // An operator's action is always written down, whatever the level.
    if (severity > this.#threshold && event.event !== "audit") {
      this.history.add(event, time);
      this.listener?.take(event, time);
      return;
    }
    const kind = event.event === "detected" && event.certainty === "weak" ? "weak" : event.event;
    const i = FloodGate.number(kind);
    let out = event;
    if (i >= 0) {
      if (this.#admitted[i] === 1) this.#admitted[i] = 0;
      else if (!this.#gate.admit(i, time)) return;
      const held = this.#gate.taken(i);
      if (held > 0) {
        const before = "suppressed" in event ? event.suppressed ?? 0 : 0;
        out = { ...event, suppressed: before + held } as ReportEvent;
      }
    }
    this.listener?.take(event, time);
    out = this.#named(out);
    this.history.add(out, time);
    this.#writer.write(this.#format(out, time, this.#dryRun), treatmentOf(event.event).kept === true);
  };

  /** The event with the name of its client, where it has one. */
  #named(event: ReportEvent): ReportEvent {
    if (this.listener === null || !("client" in event) || event.client === undefined) return event;
    const client_name = this.listener.nameOf(event.client, "mac" in event ? event.mac ?? "" : "");
    return client_name === "" ? event : { ...event, client_name };
  }

  /**
   * Asks before an event of this kind is built; takes its token, so that the {@link emit} which follows is printed. Costs
   * no allocation: for the packet path. A false answer is counted and shows as `suppressed` in the next event of the kind.
   */
  admit(kind: GateKind): boolean {
    const name: EventName = kind === "weak" ? "detected" : kind;
    if (treatmentOf(name).severity > this.#threshold) return false;
    const i = FloodGate.number(kind);
    if (i < 0 || this.#admitted[i] === 1) return true;
    if (!this.#gate.admit(i, this.#clock())) return false;
    this.#admitted[i] = 1;
    return true;
  }

  /** Whether the level lets events of this name through: those below it are only kept in the history. */
  prints(name: EventName): boolean {
    return treatmentOf(name).severity <= this.#threshold;
  }

  /** Prints a sentence that is not about traffic. */
  note(level: NoteEvent["level"], message: string): void {
    this.emit({ event: "note", level, message });
  }

  /** Takes a new level and format, as after a reload. */
  change(format: LogFormat, level: LogLevel, colour: boolean, localClock?: LocalClock): void {
    this.#format = eventFormat(format, colour, localClock);
    this.#threshold = threshold(level);
  }

  /** Events held back by the flood gate since the start. */
  get suppressed(): number {
    return this.#gate.suppressed;
  }

  /** Lines that could not be written since the start. */
  get unwritten(): number {
    return this.#writer.dropped + this.#writer.lost;
  }

  /** Waits at most `milliseconds` until all lines taken so far are out. */
  async close(milliseconds: number): Promise<void> {
    await this.#writer.flush(milliseconds);
  }
}
