/**
 * What a daemon would say in the middle of {@link writeWeek}'s week: a status, 200 clients, their last events. For the page's
 * tests and pictures.
 */
import { summaryOf } from "../../lib/cli/history.ts";
import { readLog } from "../../lib/history/read_history.ts";
import { wordingOf } from "../../lib/history/report_words.ts";
import { logText } from "../../lib/history/log_text.ts";
import { systemClock } from "../../lib/policy/week.ts";
import type { ActionAnswer, ClientRow, ExplainAnswer } from "../../lib/report/control_protocol.ts";
import { FAILED, Failure } from "../../lib/report/failure.ts";
import type { Remembered } from "../../lib/report/history.ts";
import { buildStatus, type LockFacts, lockStatus, type Status } from "../../lib/report/status.ts";
import type { Change, Source } from "../../lib/web/source.ts";
import { machineName, MACHINES } from "./made_up_week.ts";
import { source } from "./status.ts";

/** Protocols that machines of the week speak, with evidence for each. */
const SPOKEN = [
  ["bittorrent", "tcp-handshake", "certain", "drop"],
  ["bittorrent", "dht-query", "strong", "drop"],
  ["edonkey", "kad-hello", "certain", "drop"],
  ["fasttrack", "udp-ping", "certain", "lock"],
  ["bittorrent", "stun-and-random", "weak", "drop"],
] as const;

function spokenBy(number: number) {
  return SPOKEN[number % 9 === 0 ? 0 : number % 31 === 0 ? 1 : number % 23 === 0 ? 2 : number % 17 === 0 ? 3 : 4]!;
}

/** See the module's text. */
export class MadeUpSource implements Source {
  /** What was asked for. */
  readonly changes: { readonly change: Change; readonly from: string }[] = [];
  /** Says this in place of the status. */
  failure: Failure | null = null;
  readonly #now: number;
  readonly #history: string;
  readonly #dryRun: boolean;

  /** It is `now`, milliseconds since 1970; the history is in a folder, empty for none. */
  constructor(now: number, history: string = "", dryRun: boolean = false) {
    this.#now = now;
    this.#history = history;
    this.#dryRun = dryRun;
  }

  #locks(): LockFacts[] {
    return [17, 34, 51, 119].map((number) => ({
      client: `192.168.1.${number}`,
      ...(machineName(number) === "" ? {} : { client_name: machineName(number) }),
      mac: `02:00:00:00:00:${number.toString(16).padStart(2, "0")}`,
      protocol: number === 119 ? "operator" : "fasttrack",
      evidence: number === 119 ? "operator" : "udp-ping",
      since: this.#now - number * 1700,
      until: this.#now + 1000 * number + 20_000,
      renewals: number % 5,
      by: number === 119 ? "operator" : "detector",
      ...(number === 119 ? { reason: "asked for by the head of year" } : {}),
    }));
  }

  status(): Promise<Status> {
    if (this.failure !== null) return Promise.reject(this.failure);
    const daemon = source();
    const counters = daemon.counters();
    return Promise.resolve(buildStatus({
      ...daemon,
      dryRun: this.#dryRun,
      locks: () => this.#locks(),
      counters: () => ({
        ...counters,
        packets: 61_234_567,
        refused: this.#dryRun ? 0 : 712_345,
        would_refuse: this.#dryRun ? 712_345 : 0,
        offloaded: 1_403_221,
      }),
      config: () => ({ ...daemon.config(), path: null }),
    }));
  }

  clients(): Promise<readonly ClientRow[]> {
    const locked = new Map(this.#locks().map((lock) => [lock.client, lockStatus(lock)]));
    return Promise.resolve(Array.from({ length: MACHINES }, (_, i): ClientRow => {
      const number = i + 1;
      const client = `192.168.1.${number}`;
      const [protocol, evidence] = spokenBy(number);
      const lock = locked.get(client);
      const quiet = number % 3 !== 0 && lock === undefined;
      const free = number === 62;
      return {
        client,
        ...(machineName(number) === "" ? {} : { client_name: machineName(number) }),
        mac: `02:00:00:00:00:${number.toString(16).padStart(2, "0")}`,
        state: lock !== undefined ? "locked" : free ? "allowed" : "seen",
        protocol: quiet && !free ? "" : protocol,
        evidence: quiet && !free ? "" : evidence,
        detected: quiet ? 0 : 3 + (number * 37) % 400,
        refused: quiet ? 0 : (number * 911) % 20_000,
        score: quiet ? 0 : ((number * 13) % 120) / 1.25,
        ...(quiet ? {} : { last: new Date(this.#now - number * 4100).toISOString() }),
        ...(lock !== undefined
          ? { until: lock.until, by: lock.by }
          : free
          ? { until: new Date(this.#now + 5_000_000).toISOString() }
          : {}),
      };
    }));
  }

  events(): Promise<readonly Remembered[]> {
    return Promise.resolve(Array.from({ length: 120 }, (_, i): Remembered => {
      const number = 1 + (i * 53) % MACHINES;
      const client = `192.168.1.${number}`;
      const name = machineName(number);
      const [protocol, evidence, certainty, action] = spokenBy(number);
      const time = new Date(this.#now - (120 - i) * 7300).toISOString();
      const who = { client, ...(name === "" ? {} : { client_name: name }) };
      const peer = { peer: `198.51.100.${1 + i}`, peer_port: 6881 + i, transport: "tcp" as const };
      if (i % 40 === 39) {
        const action = { event: "audit", action: "allow", who: { uid: 0, user: "admin" } } as const;
        return { time, event: { ...action, ...who, seconds: 7200, outcome: "done", reason: "LAN party" } };
      }
      if (i % 29 === 28) {
        return {
          time,
          event: { event: "note", level: "warning", message: "The firewall rules were gone, and are back" },
        };
      }
      if (i % 4 === 3) {
        return {
          time,
          event: { event: "refused", ...who, ...peer, protocol, evidence, reason: "recognised", suppressed: i },
        };
      }
      return {
        time,
        event: {
          event: "detected",
          ...who,
          ...peer,
          protocol,
          evidence,
          certainty,
          action,
          bytes: "13426974546f7272656e742070726f746f636f6c00000000",
          because: "the handshake of the peer protocol (BEP 3)",
        },
      };
    }));
  }

  async explain(client: string): Promise<ExplainAnswer> {
    const number = Number(client.split(".")[3] ?? 0);
    const lock = this.#locks().find((one) => one.client === client);
    const name = machineName(number);
    const history = (await this.events()).map((one): Remembered => ({
      ...one,
      event: { ...one.event, client, client_name: name } as never,
    }));
    return {
      client,
      ...(name === "" ? {} : { client_name: name }),
      mac: `02:00:00:00:00:${number.toString(16).padStart(2, "0")}`,
      group: number < 40 ? "staff" : "default",
      dry_run: this.#dryRun,
      home: true,
      exempt: false,
      lock: lock === undefined ? null : lockStatus(lock),
      scores: [
        {
          protocol: "bittorrent",
          score: 62.5,
          threshold: 100,
          because: ["stun-and-random", "a name of a tracker over HTTPS"],
        },
        { protocol: "edonkey", score: 10, threshold: 100, because: ["udp-shape"] },
      ],
      history: history.slice(0, 9),
    };
  }

  act(change: Change, from: string): Promise<ActionAnswer> {
    this.changes.push({ change, from });
    if (change.client === "192.168.1.254") {
      throw new Failure(FAILED, 'Cannot lock "192.168.1.254": the config exempts it');
    }
    return Promise.resolve({ clients: [change.client!], message: `${change.command} of ${change.client}: done` });
  }

  report(seconds: number) {
    return Promise.resolve().then(() => summaryOf(this.#history, seconds, undefined));
  }

  log(client: string, seconds: number): Promise<readonly string[]> {
    const records = readLog(this.#history, {
      since: this.#now - seconds * 1000,
      until: Infinity,
      clients: [client],
    });
    const wording = wordingOf(new Date(this.#now).toISOString(), () => 0);
    return Promise.resolve([...logText(records, wording, () => "")]);
  }

  clock() {
    return Promise.resolve(systemClock);
  }
}
