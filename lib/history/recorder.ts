/**
 * What of the event stream goes into the history, and under which name: the config may keep clients hashed, or not at all.
 * @module
 */
import type { PRIVACY_NAMES } from "../policy/schema.ts";
import type { ReportEvent } from "../report/report_event.ts";
import type { HistoryStore } from "./history_store.ts";
import { HOUR } from "./record.ts";
import type { Standing } from "./tally.ts";

/** How a client is kept. */
export type Privacy = (typeof PRIVACY_NAMES)[number];

/** Who a client is, as far as it is known; empty where it is not. */
export interface Identity {
  readonly mac: string;
  readonly name: string;
  readonly group: string;
}

/** What a recorder asks. */
export interface RecorderOptions {
  readonly store: Pick<HistoryStore, "add" | "write" | "count">;
  /** Said of every event about traffic. */
  readonly dryRun: boolean;
  /** How a client is kept. Answers are remembered until {@link Recorder.forget}. */
  readonly privacyOf: (client: string) => Privacy;
  /** What a hashed client is called. */
  readonly hash: (client: string) => string;
  readonly identityOf: (client: string) => Identity;
}

/** Clients that are remembered at once: beyond, all are forgotten and asked for again. */
const CLIENTS = 4096;
/** Warnings that are told apart; each is written once an hour. */
const NOTES = 64;
/** Characters of a sentence that are kept. */
const LONGEST_SENTENCE = 400;
/** Sentences of one event that are kept. */
const SENTENCES = 8;

interface Known {
  readonly privacy: Privacy;
  /** As it is kept. */
  readonly client: string;
  /** What was said of it last, and on which day. */
  said: string;
}

/** See the module's text. */
export class Recorder {
  readonly #options: RecorderOptions;
  readonly #clients = new Map<string, Known>();
  readonly #notes = new Map<string, number>();
  /** For what a locked client is locked: a refusal because of that says no protocol itself. */
  readonly #lockedFor = new Map<string, string>();

  /** Writes to a store. */
  constructor(options: RecorderOptions) {
    this.#options = options;
  }

  /** Forgets how clients are kept and who they are: the config changed. */
  forget(): void {
    this.#clients.clear();
  }

  /** Takes an event; `time` is milliseconds since 1970. Cheap, and never throws. */
  readonly take = (event: ReportEvent, time: number): void => {
    switch (event.event) {
      case "detected": {
        const { protocol, peer, peer_port: port, transport, evidence: why, certainty, action, because = "" } = event;
        const client = this.#client(event.client, time, event.mac);
        const count = 1 + (event.suppressed ?? 0);
        const said = { client, peer, port, transport, protocol, why, certainty, action, because };
        this.#options.store.add({ kind: "detected", time, count, bytes: 0, dryRun: this.#options.dryRun, ...said });
        return;
      }
      case "refused": {
        const { peer, peer_port: port, transport, reason: why } = event;
        const protocol = event.protocol ?? (why === "client-locked" ? this.#lockedFor.get(event.client) ?? "" : "");
        const figures = { time, count: 1 + event.suppressed, bytes: event.bytes ?? 0, dryRun: this.#options.dryRun };
        const client = this.#client(event.client, time);
        const said = { client, peer, port, transport, protocol, why, certainty: "", action: "", because: "" };
        this.#options.store.add({ kind: "refused", ...figures, ...said });
        return;
      }
      case "renewed": {
        const client = this.#client(event.client, time, event.mac);
        const said = { client, peer: "", port: 0, transport: "", protocol: event.protocol, why: event.evidence };
        const figures = { time, count: 1, bytes: 0, dryRun: this.#options.dryRun };
        this.#options.store.add({ kind: "renewed", ...figures, ...said, certainty: "", action: "", because: "" });
        return;
      }
      case "locked":
        if (this.#lockedFor.size >= CLIENTS) this.#lockedFor.clear();
        this.#lockedFor.set(event.client, event.protocol);
        this.#happened({ ...event }, time);
        return;
      case "released":
        this.#lockedFor.delete(event.client);
        this.#happened({ ...event }, time);
        return;
      case "note":
        if (event.level === "warning" || event.level === "error") this.#note(event.message, { ...event }, time);
        return;
      case "ready":
        this.#happened({ event: "ready", config: event.config, version: event.version }, time);
        return;
      case "stopping":
        this.#happened({ event: "stopping", signal: event.signal }, time);
        return;
      case "peer-learned":
      case "trained":
      case "untrained":
      case "decoy-sent":
      case "probe-sent":
      case "port-mapped":
        return;
      default:
        this.#happened({ ...event }, time);
    }
  };

  /** Takes the counters since the start, as they stand. */
  count(standing: Standing, time: number): void {
    this.#options.store.count(standing, time);
  }

  /** The same warning may come every second for days. */
  #note(message: string, event: Happening, time: number): void {
    const before = this.#notes.get(message);
    if (before !== undefined && Math.abs(time - before) < HOUR) return;
    if (this.#notes.size >= NOTES) this.#notes.clear();
    this.#notes.set(message, time);
    this.#happened(event, time);
  }

  #happened(event: Happening, time: number): void {
    const kept: Record<string, unknown> = { event: event.event };
    const privacy = typeof event["client"] === "string" ? this.#known(event["client"]).privacy : "plain";
    for (const [key, value] of Object.entries(event)) {
      // What an operator wrote, and lists of clients, may name them.
      if (privacy !== "plain" && (key === "mac" || key === "reason" || key === "found" || key === "name")) continue;
      if (key === "client" && typeof value === "string") kept[key] = this.#client(value, time, macOf(event));
      else if (key === "who" || key === "counters" || key === "effective") continue;
      else kept[key] = bounded(value);
    }
    this.#options.store.write({
      kind: "event",
      time,
      dryRun: this.#options.dryRun,
      event: { ...kept, event: event.event },
    });
  }

  /** The name that a client is kept under; who it is is written when that is new, and once a day. */
  #client(address: string, time: number, seen?: string): string {
    const known = this.#known(address);
    if (known.privacy === "none") return "";
    const { mac, name, group } = this.#options.identityOf(address);
    const who = known.privacy === "hashed"
      ? { mac: "", name: "", group }
      : { mac: mac === "" ? seen ?? "" : mac, name, group };
    const said = `${Math.floor(time / (24 * HOUR))} ${who.mac} ${who.group} ${who.name}`;
    if (said !== known.said) {
      known.said = said;
      this.#options.store.write({ kind: "named", time, client: known.client, ...who });
    }
    return known.client;
  }

  #known(address: string): Known {
    let known = this.#clients.get(address);
    if (known === undefined) {
      if (this.#clients.size >= CLIENTS) this.#clients.clear();
      const privacy = this.#options.privacyOf(address);
      const client = privacy === "plain" ? address : privacy === "hashed" ? this.#options.hash(address) : "";
      this.#clients.set(address, known = { privacy, client, said: "" });
    }
    return known;
  }
}

/** An event, whatever its fields. */
interface Happening {
  readonly event: string;
  readonly [field: string]: unknown;
}

function macOf(event: Happening): string | undefined {
  return typeof event["mac"] === "string" ? event["mac"] : undefined;
}

/** No more of a value than a line has room for. */
function bounded(value: unknown): unknown {
  if (typeof value === "string") return value.slice(0, LONGEST_SENTENCE);
  if (!Array.isArray(value)) return value;
  const kept: unknown[] = value.slice(0, SENTENCES).map(bounded);
  return value.length > SENTENCES ? [...kept, `and ${value.length - SENTENCES} more`] : kept;
}
