/**
 * The history while the daemon runs: what happened, who it was, and what ftwall counted, written about once a second.
 * @module
 */
import { hashedNames } from "../history/hashed.ts";
import { historyDirectory, HistoryStore } from "../history/history_store.ts";
import { Recorder } from "../history/recorder.ts";
import type { Standing } from "../history/tally.ts";
import type { Engine } from "../judge/engine.ts";
import { formatMac, parseAddress, parseMac } from "../net/address.ts";
import { errorText } from "../net/error_text.ts";
import type { Config } from "../policy/config.ts";
import type { Policy } from "../policy/policy.ts";
import type { ReportEvent } from "../report/report_event.ts";
import type { HistoryStatus } from "../report/status.ts";

/** Milliseconds between two looks at the counters. */
const COUNT = 60_000;

/** What a keeper works with. */
export interface HistoryParts {
  readonly engine: Engine;
  readonly config: Config;
  /** Path of the state file; empty for none, and then there is no history either. */
  readonly state: string;
  readonly dryRun: boolean;
  /** Counters since the start. */
  readonly standing: () => Standing;
  readonly nameOf: (address: string, mac: string) => string;
  readonly note: (text: string) => void;
}

/** See the module's text. */
export class HistoryKeeper {
  readonly #parts: HistoryParts;
  readonly #directory: string;
  #store: HistoryStore | null = null;
  #recorder: Recorder | null = null;
  #hash: ((client: string) => string) | null = null;
  #lastCount = -Infinity;
  #said = "";

  /** Writes nothing before the first {@link beat}. */
  constructor(parts: HistoryParts) {
    this.#parts = parts;
    this.#directory = parts.state === "" ? "" : historyDirectory(parts.state);
    this.adopt(parts.config);
  }

  /** Takes a new config. */
  adopt({ history }: Config): void {
    this.#recorder?.forget();
    const bounds = { keep: history.keep, size: history.size };
    if (this.#store !== null) this.#store.bounds = bounds;
    else if (this.#directory !== "" && history.keep > 0) {
      const store = this.#store = new HistoryStore(this.#directory, bounds);
      this.#recorder = new Recorder({
        store,
        dryRun: this.#parts.dryRun,
        privacyOf: (client) => this.#privacyOf(client),
        hash: (client) => this.#hashed(client),
        identityOf: (client) => this.#identityOf(client),
      });
    }
  }

  /** Takes an event as it is reported. */
  readonly take = (event: ReportEvent, time: number): void => {
    if (this.#policy.config.history.keep > 0) this.#recorder?.take(event, time);
  };

  /** Call about once a second; `now` is monotonic milliseconds, `wall` those since 1970. */
  beat(now: number, wall: number): void {
    const store = this.#store;
    if (store === null) return;
    if (now - this.#lastCount >= COUNT) {
      this.#lastCount = now;
      this.#recorder?.count(this.#parts.standing(), wall);
    }
    void store.beat(wall);
    if (store.failure !== this.#said) {
      this.#said = store.failure;
      if (this.#said !== "") this.#parts.note(this.#said);
    }
  }

  /** Writes the rest. Never throws. */
  async close(wall: number): Promise<void> {
    this.#recorder?.count(this.#parts.standing(), wall);
    await this.#store?.close(wall);
  }

  /** What `ftwall status` says of it; null where there is none. */
  status(): HistoryStatus | null {
    const store = this.#store;
    if (store === null) return null;
    const { bytes, dropped, failure } = store;
    return { path: this.#directory, bytes, dropped, ...(failure === "" ? {} : { failure }) };
  }

  get #policy(): Policy {
    return this.#parts.engine.policy;
  }

  #groupOf(client: string): number {
    const words = parseAddress(client);
    if (words !== null) return this.#policy.groupOf(...words, ...this.#parts.engine.state.macOf(...words));
    // An operator may name a client by its MAC.
    const mac = parseMac(client);
    return mac === null ? 0 : this.#policy.groupOf(0, 0, 0, 0, ...mac);
  }

  #privacyOf(client: string) {
    const { clients, history } = this.#policy.config;
    return clients[this.#groupOf(client) - 1]?.history ?? history.clients;
  }

  #identityOf(client: string) {
    const words = parseAddress(client);
    const [high, low] = words === null ? [0, 0] : this.#parts.engine.state.macOf(...words);
    const mac = (high | low) === 0 ? "" : formatMac(high, low);
    const group = this.#policy.groups[this.#groupOf(client)] ?? "default";
    return { mac, name: this.#parts.nameOf(client, mac), group };
  }

  #hashed(client: string): string {
    try {
      return (this.#hash ??= hashedNames(this.#directory))(client);
    } catch (error) {
      this.#parts.note(`Cannot make names for clients that the history keeps hashed: ${errorText(error)}`);
      return "";
    }
  }
}
