/**
 * What the page knows: asked of the daemon through the control socket as any command asks, and read from the history on disk.
 * However many look, the daemon is asked the same once a second at most, and the history is read once in a while.
 * @module
 */
import { ask } from "../cli/control_client.ts";
import { logLines, summaryOf } from "../cli/history.ts";
import { localClock } from "../cli/zone.ts";
import type { Summary } from "../history/summary.ts";
import type { Wording } from "../history/report_words.ts";
import type { LocalClock } from "../policy/week.ts";
import type {
  ActionAnswer,
  ClientRow,
  ControlAnswers,
  ControlRequest,
  ExplainAnswer,
} from "../report/control_protocol.ts";
import { FAILED, Failure } from "../report/failure.ts";
import type { Remembered } from "../report/history.ts";
import type { Status } from "../report/status.ts";
import { MOST_ROWS } from "./parts.ts";

/** Milliseconds for which an answer of the daemon, and what was read from the history, is good enough for the next reader. */
const FRESH = 1000;
const FRESH_HISTORY = 30_000;
/** Answers that are kept. */
const MOST_KEPT = 16;

/** A change that an operator asks for. */
export type Change = Extract<ControlRequest, { readonly command: "lock" | "unlock" | "allow" }>;

/** What the pages are made of. Everything may throw a {@link Failure}. */
export interface Source {
  status(): Promise<Status>;
  clients(): Promise<readonly ClientRow[]>;
  /** The last events, oldest first. */
  events(): Promise<readonly Remembered[]>;
  explain(client: string): Promise<ExplainAnswer>;
  /** Carries out a change for the operator at address `from`, empty where that is unknown. */
  act(change: Change, from: string): Promise<ActionAnswer>;
  /** What a report of the last `seconds` is made of. */
  report(seconds: number): Promise<{ readonly summary: Summary; readonly wording: Wording }>;
  /** What the history has of a client in the last `seconds`, oldest first: the last {@link MOST_ROWS} lines. */
  log(client: string, seconds: number): Promise<readonly string[]>;
  /** The local time of the config. */
  clock(): Promise<LocalClock>;
}

/** See the module's text. */
export class DaemonSource implements Source {
  readonly #control: string;
  readonly #now: () => number;
  /** Answers by what was asked for, oldest first. */
  readonly #kept = new Map<string, { readonly until: number; readonly answer: Promise<unknown> }>();

  /** Asks the daemon at the socket `control`; `now` is milliseconds. */
  constructor(control: string, now: () => number) {
    this.#control = control;
    this.#now = now;
  }

  /** An answer that is still fresh, else a new one, for which all who ask meanwhile wait together. */
  #keep<T>(key: string, fresh: number, make: () => Promise<T>): Promise<T> {
    const now = this.#now();
    const kept = this.#kept.get(key);
    if (kept !== undefined && now < kept.until) return kept.answer as Promise<T>;
    const answer = make();
    this.#kept.delete(key);
    this.#kept.set(key, { until: now + fresh, answer });
    if (this.#kept.size > MOST_KEPT) this.#kept.delete(this.#kept.keys().next().value!);
    // What failed is tried again by the next reader.
    answer.catch(() => this.#kept.delete(key));
    return answer;
  }

  #ask<C extends "status" | "clients" | "events">(command: C): Promise<ControlAnswers[C]> {
    return this.#keep<ControlAnswers[C]>(command, FRESH, () => ask(this.#control, { command }, undefined, NOBODY));
  }

  status(): Promise<Status> {
    return this.#ask("status");
  }

  async clients(): Promise<readonly ClientRow[]> {
    return (await this.#ask("clients")).clients;
  }

  async events(): Promise<readonly Remembered[]> {
    return (await this.#ask("events")).events;
  }

  explain(client: string): Promise<ExplainAnswer> {
    return this.#keep<ExplainAnswer>(
      `explain ${client}`,
      FRESH,
      () => ask(this.#control, { command: "explain", client }, undefined, NOBODY),
    );
  }

  async act(change: Change, from: string): Promise<ActionAnswer> {
    const asker = { user: `the page${from === "" ? "" : `, from ${from}`}`.slice(0, 64), from: from || undefined };
    const answer = await ask<"lock" | "unlock" | "allow">(this.#control, change, undefined, asker);
    this.#kept.clear();
    return answer;
  }

  report(seconds: number): Promise<{ readonly summary: Summary; readonly wording: Wording }> {
    return this.#keep(`report ${seconds}`, FRESH_HISTORY, async () => {
      const { history, config } = await this.status();
      if (history === undefined) {
        throw new Failure(FAILED, "There is no history: see [history] and [state] in the config");
      }
      return summaryOf(history.path, seconds, config.path ?? undefined);
    });
  }

  log(client: string, since: number): Promise<readonly string[]> {
    return this.#keep(`log ${since} ${client}`, FRESH_HISTORY, async () => {
      const { history, config } = await this.status();
      if (history === undefined) return [];
      const query = { directory: history.path, client, since, json: false, config: config.path ?? undefined };
      const last: string[] = [];
      for (const line of logLines(query)) {
        if (last.length === 2 * MOST_ROWS) last.splice(0, MOST_ROWS);
        last.push(line);
      }
      return last.slice(-MOST_ROWS);
    });
  }

  async clock(): Promise<LocalClock> {
    const { config } = await this.status();
    return await this.#keep(
      `clock ${config.hash}`,
      Infinity,
      () => Promise.resolve(localClock(config.path ?? undefined)),
    );
  }
}

/** Who only reads is no operator. */
const NOBODY = { user: "the page", from: undefined };
