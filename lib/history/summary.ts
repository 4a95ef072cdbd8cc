/**
 * What a report says, as data: who, what, how much and when, by protocol, what was and what only would have been refused,
 * what ftwall cost and what changed. The names of the fields are those of `ftwall report --format json`.
 * @module
 */
import { rfc3339 } from "../report/plain.ts";
import { VerdictTimes } from "../report/verdict_times.ts";
import { addCounters, scanHistory } from "./read_history.ts";
import { type Happened, HOUR, type HourCounters, type Named, type Tallied } from "./record.ts";
import { MANY } from "./tally.ts";

/** What is to be summed up, and how it is to be told. Times are milliseconds since 1970. */
export interface SummaryOptions {
  readonly directory: string;
  readonly since: number;
  readonly until: number;
  /** Name of the machine. */
  readonly host: string;
  /** Name that a client has now, for those that had none when they were seen; empty where there is none. */
  readonly nameOf: (client: string, mac: string) => string;
  /** Local day, as `2026-01-05`, and hour of a time. */
  readonly local: (time: number) => LocalHour;
}

/** Where a time lies in a day. */
export interface LocalHour {
  readonly day: string;
  readonly hour: number;
}

/** What happened, and what only would have in a dry run. */
export interface Amount {
  readonly packets: number;
  readonly bytes: number;
}

/** What is counted of a client or protocol. */
interface Figures {
  /** Flows that were recognised. */
  readonly detected: number;
  readonly refused: Amount;
  readonly would_refuse: Amount;
  /** RFC 3339, UTC. */
  readonly first: string;
  readonly last: string;
}

/** A client in a report. */
export interface ClientSummary extends Figures {
  /** Address, hash, "*" for all that were not kept apart, or empty for those that the config does not keep. */
  readonly client: string;
  readonly name: string;
  readonly mac: string;
  readonly group: string;
  /** Most first. */
  readonly protocols: readonly string[];
  /** Peers that it met most, with what was counted of them. */
  readonly peers: readonly { readonly peer: string; readonly count: number }[];
  readonly locks: number;
  readonly would_lock: number;
  /** Seconds that it was locked, of locks that ended. */
  readonly locked_seconds: number;
}

/** A protocol in a report. */
export interface ProtocolSummary extends Figures {
  readonly protocol: string;
  readonly clients: number;
  /** Kinds of evidence, most first. */
  readonly evidence: readonly { readonly name: string; readonly certainty: string; readonly count: number }[];
}

/** Something that was seen but not acted on. */
export interface Mention {
  readonly client: string;
  readonly name: string;
  readonly protocol: string;
  readonly evidence: string;
  readonly certainty: string;
  readonly count: number;
  /** Peers that are kept apart in the history; many more where `many_peers`. */
  readonly peers: number;
  readonly many_peers: boolean;
  readonly because: string;
  readonly first: string;
  readonly last: string;
}

/** A day of the heat map. */
export interface Day {
  readonly day: string;
  /** For each of 24 hours; null for those that lie outside of the report. */
  readonly hours: readonly (number | null)[];
}

/** What ftwall cost. Verdict times are microseconds. */
export interface Cost {
  readonly packets: number;
  readonly accepted: number;
  readonly refused: number;
  /** Passed or dropped unseen. */
  readonly missed: number;
  readonly verdict_microseconds: { readonly p50: number; readonly p99: number; readonly max: number };
  /** Packets of each hour that has any. */
  readonly hours: readonly { readonly hour: string; readonly packets: number; readonly p99: number }[];
}

/** Something that happened to ftwall itself. */
export interface Incident {
  readonly time: string;
  readonly event: string;
  readonly text: readonly string[];
}

/** A whole report. */
export interface Summary {
  readonly host: string;
  readonly since: string;
  readonly until: string;
  /** The first record there is; null where there is none. */
  readonly begins: string | null;
  /** Whether all, some or nothing of it was a dry run. */
  readonly dry_run: "all" | "some" | "none";
  /** `clients` leaves out those that only weak evidence speaks of. */
  readonly totals: Figures & { readonly clients: number; readonly locks: number; readonly would_lock: number };
  readonly clients: readonly ClientSummary[];
  readonly protocols: readonly ProtocolSummary[];
  /** What the hours of the heat map count. */
  readonly heat: { readonly counts: "refused" | "detected"; readonly days: readonly Day[] };
  readonly mentions: readonly Mention[];
  readonly cost: Cost;
  readonly config: readonly Incident[];
  readonly trouble: readonly Incident[];
  readonly history: { readonly files: number; readonly bytes: number; readonly bad_lines: number };
}

/** Clients, mentions and incidents in a report at most. */
const CLIENTS = 1000;
const MENTIONS = 100;
const INCIDENTS = 200;
/** Days of a heat map at most. */
const DAYS = 62;

/** Sums up the history. Throws where its folder is there but cannot be read. */
export function summarize(options: SummaryOptions): Summary {
  const sums = new Sums(options);
  const { since, until } = options;
  const scan = scanHistory(options.directory, { since, until }, (record) => {
    switch (record.kind) {
      case "counters":
        return sums.count(record);
      case "named":
        return sums.name(record);
      case "event":
        return sums.happened(record);
      default:
        return sums.add(record);
    }
  });
  return {
    host: options.host,
    since: rfc3339(since),
    until: rfc3339(until),
    begins: scan.begins === null ? null : rfc3339(scan.begins),
    ...sums.result(),
    history: { files: scan.files, bytes: scan.bytes, bad_lines: scan.bad },
  };
}

/** What is added up for a client, a protocol, or all. */
class Sum {
  detected = 0;
  packets = 0;
  bytes = 0;
  wouldPackets = 0;
  wouldBytes = 0;
  first = Infinity;
  last = -Infinity;
  locks = 0;
  wouldLock = 0;
  lockedSeconds = 0;
  /** What more than weak evidence says. */
  sure = 0;
  readonly clients = new Set<string>();
  readonly protocols = new Map<string, number>();
  readonly peers = new Map<string, number>();
  readonly evidence = new Map<string, { readonly name: string; readonly certainty: string; count: number }>();

  add(one: Tallied): void {
    this.first = Math.min(this.first, one.first);
    this.last = Math.max(this.last, one.last);
    if (one.kind !== "detected" || one.certainty !== "weak") this.sure += one.count;
    if (one.kind === "detected") this.detected += one.count;
    else if (one.kind === "refused" && one.dryRun) {
      this.wouldPackets += one.count;
      this.wouldBytes += one.bytes;
    } else if (one.kind === "refused") {
      this.packets += one.count;
      this.bytes += one.bytes;
    }
  }

  at(time: number): void {
    this.first = Math.min(this.first, time);
    this.last = Math.max(this.last, time);
  }

  figures(): Figures {
    return {
      detected: this.detected,
      refused: { packets: this.packets, bytes: this.bytes },
      would_refuse: { packets: this.wouldPackets, bytes: this.wouldBytes },
      first: this.first === Infinity ? "" : rfc3339(this.first),
      last: this.last === -Infinity ? "" : rfc3339(this.last),
    };
  }

  /** What clients and protocols are ordered by. */
  get weight(): number {
    return this.packets + this.wouldPackets + this.detected + 10 * (this.locks + this.wouldLock);
  }
}

type MentionSum =
  & { -readonly [K in keyof Omit<Mention, "first" | "last" | "peers" | "many_peers" | "name">]: Mention[K] }
  & {
    first: number;
    last: number;
    readonly peers: Set<string>;
  };

class Sums {
  readonly #options: SummaryOptions;
  readonly #all = new Sum();
  readonly #clients = new Map<string, Sum>();
  readonly #protocols = new Map<string, Sum>();
  readonly #refusedBy = new Map<string, number[]>();
  readonly #detectedBy = new Map<string, number[]>();
  readonly #mentions = new Map<string, MentionSum>();
  /** Clients and protocols of which something was refused, or would have been. */
  readonly #acted = new Set<string>();
  readonly #names = new Map<string, Named>();
  readonly #counters = new Map<number, HourCounters>();
  readonly #config: Incident[] = [];
  /** Addresses that `ftwall selftest` made up. */
  readonly #selftests = new Set<string>();
  readonly #trouble: Incident[] = [];
  #dry = false;
  #wet = false;
  /** Local day and hour by the hour since 1970: asking the time zone for each record costs more than all else. */
  readonly #local = new Map<number, LocalHour>();

  constructor(options: SummaryOptions) {
    this.#options = options;
  }

  add(one: Tallied): void {
    if (one.dryRun) this.#dry = true;
    else this.#wet = true;
    const client = sumOf(this.#clients, one.client);
    const protocol = one.protocol === "" ? null : sumOf(this.#protocols, one.protocol);
    this.#all.add(one);
    client.add(one);
    protocol?.add(one);
    protocol?.clients.add(one.client);
    if (one.protocol !== "") more(client.protocols, one.protocol, one.count);
    if (one.peer !== "" && one.peer !== MANY) more(client.peers, one.peer, one.count);
    if (one.kind === "detected") {
      if (protocol !== null) {
        const known = protocol.evidence.get(one.why);
        if (known === undefined) {
          protocol.evidence.set(one.why, { name: one.why, certainty: one.certainty, count: one.count });
        } else known.count += one.count;
      }
      if (one.certainty === "weak" || one.action === "log" || one.action === "off") this.#mention(one);
      this.#heat(this.#detectedBy, one);
    } else if (one.kind === "refused") {
      this.#acted.add(`${one.client}\t${one.protocol}`);
      this.#heat(this.#refusedBy, one);
    }
  }

  #heat(days: Map<string, number[]>, { first, count }: Tallied): void {
    const since = Math.floor(first / HOUR);
    let local = this.#local.get(since);
    if (local === undefined) this.#local.set(since, local = this.#options.local(first));
    let hours = days.get(local.day);
    if (hours === undefined) days.set(local.day, hours = new Array<number>(24).fill(0));
    hours[local.hour]! += count;
  }

  #mention(one: Tallied): void {
    const key = `${one.client}\t${one.protocol}\t${one.why}`;
    let sum = this.#mentions.get(key);
    if (sum === undefined) {
      const { client, protocol, certainty, because, first, last } = one;
      const evidence = one.why;
      sum = { client, protocol, evidence, certainty, because, first, last, count: 0, peers: new Set() };
      this.#mentions.set(key, sum);
    }
    sum.count += one.count;
    sum.first = Math.min(sum.first, one.first);
    sum.last = Math.max(sum.last, one.last);
    if (sum.because === "") sum.because = one.because;
    sum.peers.add(one.peer);
  }

  count(record: HourCounters): void {
    const before = this.#counters.get(record.hour);
    this.#counters.set(record.hour, before === undefined ? record : addCounters(before, record));
  }

  name(record: Named): void {
    const before = this.#names.get(record.client);
    // A name that was known once is better than none later.
    this.#names.set(
      record.client,
      record.name === "" && before !== undefined ? { ...record, name: before.name } : record,
    );
  }

  happened({ time, dryRun, event }: Happened): void {
    const client = text(event["client"]);
    switch (event.event) {
      case "locked": {
        const sums = [this.#all, sumOf(this.#clients, client)];
        for (const sum of sums) {
          sum.at(time);
          if (dryRun) sum.wouldLock++;
          else sum.locks++;
        }
        if (event["protocol"] !== "operator") more(sums[1]!.protocols, text(event["protocol"]), 1);
        return;
      }
      case "released": {
        const seconds = event["held_seconds"];
        if (!dryRun && typeof seconds === "number") sumOf(this.#clients, client).lockedSeconds += seconds;
        return;
      }
      case "ready": {
        const path = text(event["config"]);
        const how = dryRun ? ", dry run" : "";
        const what = `ftwall ${text(event["version"])}, ${path === "" ? "built-in defaults" : path}${how}`;
        this.#config.push({ time: rfc3339(time), event: "started", text: [what] });
        return;
      }
      case "stopping":
        this.#config.push({ time: rfc3339(time), event: "stopped", text: [text(event["signal"])] });
        return;
      case "reloaded":
        this.#config.push({ time: rfc3339(time), event: "reloaded", text: texts(event["changes"]) });
        return;
      case "reload-refused":
        this.#config.push({ time: rfc3339(time), event: "reload refused", text: texts(event["problems"]) });
        return;
      case "audit": {
        const found = text(event["found"]);
        if (event["reason"] === "selftest") this.#selftests.add(client);
        const what = [text(event["action"]), client, text(event["outcome"]), found, text(event["reason"])];
        this.#config.push({
          time: rfc3339(time),
          event: "operator",
          text: [what.filter((word) => word !== "").join(", ")],
        });
        return;
      }
      case "note":
        this.#trouble.push({ time: rfc3339(time), event: text(event["level"]), text: [text(event["message"])] });
        return;
      default:
        this.#trouble.push({ time: rfc3339(time), event: event.event.slice(0, 64), text: factsOf(event) });
    }
  }

  result() {
    const all = this.#all;
    const byWeight = (a: readonly [string, Sum], b: readonly [string, Sum]) => b[1].weight - a[1].weight;
    const clients = [...this.#clients].filter(([, sum]) => sum.weight > 0).sort(byWeight);
    return {
      dry_run: this.#dry ? (this.#wet ? "some" : "all") : "none",
      totals: {
        clients:
          clients.filter(([client, sum]) =>
            client !== MANY && client !== "" && !this.#selftests.has(client) && sum.sure + sum.locks + sum.wouldLock > 0
          ).length,
        locks: all.locks,
        would_lock: all.wouldLock,
        ...all.figures(),
      },
      clients: clients.slice(0, CLIENTS).map(([client, sum]) => this.#client(client, sum)),
      protocols: [...this.#protocols].sort(byWeight).map(([protocol, sum]) => ({
        protocol,
        clients: sum.clients.size,
        ...sum.figures(),
        evidence: [...sum.evidence.values()].sort((a, b) => b.count - a.count).slice(0, 8),
      })),
      heat: this.#heatMap(),
      mentions: this.#worthALook(),
      cost: this.#cost(),
      config: inOrder(this.#config),
      trouble: inOrder(this.#trouble),
    } as const;
  }

  #client(client: string, sum: Sum): ClientSummary {
    const { mac, group } = this.#names.get(client) ?? { mac: "", group: "" };
    return {
      client,
      name: this.#nameOf(client),
      mac,
      group,
      protocols: most(sum.protocols, 12).map(([protocol]) => protocol),
      peers: most(sum.peers, 5).map(([peer, count]) => ({ peer, count })),
      ...sum.figures(),
      locks: sum.locks,
      would_lock: sum.wouldLock,
      locked_seconds: sum.lockedSeconds,
    };
  }

  #nameOf(client: string): string {
    if (this.#selftests.has(client)) return "selftest";
    const known = this.#names.get(client);
    return known !== undefined && known.name !== "" ? known.name : this.#options.nameOf(client, known?.mac ?? "");
  }

  #heatMap(): Summary["heat"] {
    const counts = this.#refusedBy.size > 0 ? "refused" : "detected";
    const values = counts === "refused" ? this.#refusedBy : this.#detectedBy;
    const days: { readonly day: string; readonly hours: (number | null)[] }[] = [];
    const { since, until, local } = this.#options;
    for (let time = Math.max(since, until - DAYS * 24 * HOUR); time < until; time += HOUR / 2) {
      const { day, hour } = local(time);
      if (days.at(-1)?.day !== day) days.push({ day, hours: new Array<number | null>(24).fill(null) });
      days.at(-1)!.hours[hour] = values.get(day)?.[hour] ?? 0;
    }
    return { counts, days };
  }

  /** What was only mentioned, without what the same client was refused for anyhow. */
  #worthALook(): Mention[] {
    return [...this.#mentions.values()]
      .filter(({ client, protocol }) => !this.#acted.has(`${client}\t${protocol}`))
      .sort((a, b) => b.count - a.count)
      .slice(0, MENTIONS)
      .map(({ first, last, peers, ...sum }) => ({
        ...sum,
        name: this.#nameOf(sum.client),
        peers: peers.has(MANY) ? peers.size - 1 : peers.size,
        many_peers: peers.has(MANY),
        first: rfc3339(first),
        last: rfc3339(last),
      }));
  }

  #cost(): Cost {
    const hours = [...this.#counters.values()].sort((a, b) => a.hour - b.hour);
    const times = (one: HourCounters) => {
      const verdicts = new VerdictTimes();
      verdicts.add({ counts: one.times, sum: one.sum, max: one.max });
      return verdicts;
    };
    const whole = hours.length === 0 ? null : hours.reduce(addCounters);
    const verdicts = whole === null ? new VerdictTimes() : times(whole);
    return {
      packets: whole?.packets ?? 0,
      accepted: whole?.accepted ?? 0,
      refused: whole?.refused ?? 0,
      missed: whole?.missed ?? 0,
      verdict_microseconds: { p50: verdicts.quantile(0.5), p99: verdicts.quantile(0.99), max: verdicts.max },
      hours: hours.map((one) => ({
        hour: rfc3339(one.hour),
        packets: one.packets,
        p99: times(one).quantile(0.99),
      })),
    };
  }
}

function sumOf(sums: Map<string, Sum>, key: string): Sum {
  let sum = sums.get(key);
  if (sum === undefined) sums.set(key, sum = new Sum());
  return sum;
}

function more(counts: Map<string, number>, key: string, count: number): void {
  counts.set(key, (counts.get(key) ?? 0) + count);
}

function most(counts: ReadonlyMap<string, number>, many: number): [string, number][] {
  return [...counts].sort((a, b) => b[1] - a[1]).slice(0, many);
}

/** The last ones, in order. */
function inOrder(incidents: readonly Incident[]): Incident[] {
  return [...incidents].sort((a, b) => a.time < b.time ? -1 : a.time > b.time ? 1 : 0).slice(-INCIDENTS);
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];
}

/** The fields of an event as words. */
function factsOf(event: Happened["event"]): string[] {
  const facts = Object.entries(event).filter(([key, value]) =>
    key !== "event" && (typeof value === "string" || (typeof value === "number" && value !== 0))
  );
  return facts.length === 0 ? [] : [
    facts.map(([key, value]) => key === "message" ? String(value) : `${key.replaceAll("_", " ")} ${value}`).join(
      ", ",
    ),
  ];
}
