/**
 * Carries out what operators request through the control socket, and writes each request to the audit log: who, what, why.
 * @module
 */
import type { Engine } from "../judge/engine.ts";
import { ticksOf } from "../learn/clock.ts";
import { formatAddress, formatMac, parseAddress, parseMac, type Words } from "../net/address.ts";
import {
  type ActionAnswer,
  type ControlRequest,
  type EventsAnswer,
  type ExplainAnswer,
  LAST_EVENTS,
  type NotifyAnswer,
  RefusedRequest,
  type ReloadAnswer,
  type TakeOverAnswer,
} from "../report/control_protocol.ts";
import { zoneClock } from "../policy/week.ts";
import { counted, localText } from "../report/plain.ts";
import type { AuditEvent, Who } from "../report/report_event.ts";
import type { Reporter } from "../report/reporter.ts";
import { lockStatus, statusPieces } from "../report/status.ts";
import { clientPieces } from "./client_rows.ts";
import type { ControlHandler } from "./control_server.ts";
import type { DaemonStatus } from "./status.ts";

type Request<C extends ControlRequest["command"]> = Extract<ControlRequest, { readonly command: C }>;

/** The requests that change something for clients. */
type Action = Request<"lock" | "unlock" | "allow">;

/** The result of a request. */
interface Done {
  readonly answer: ActionAnswer;
  /** What the audit log says besides the clients; empty for nothing. */
  readonly found: string;
}

/** The most clients that a line of the audit log names. */
const MOST_NAMED = 20;
/** Seconds of an operator's lock where the request names none. */
const LOCK_SECONDS = 600;
/** Seconds of an allowance where the request names none. */
const ALLOW_SECONDS = 7200;

/** What the operator works with. */
export interface OperatorParts {
  readonly engine: Engine;
  readonly reporter: Reporter;
  readonly status: DaemonStatus;
  /** Loads the config again. */
  readonly reload: () => Promise<ReloadAnswer>;
  /** Sends a test message to the target of this name; null for all. */
  readonly notify: (name: string | null) => Promise<NotifyAnswer>;
  /** Called with the address from which an operator is logged in. */
  readonly onOperator: (address: Words) => void;
  /** Ends the daemon in favour of another; answers why not, empty where it does. */
  readonly onSuccessor: (namespace: string) => string;
  /** Called when clients were locked, unlocked or allowed. */
  readonly onActed: () => void;
  /** Called for each client that an operator allowed. */
  readonly onAllowed: (client: string) => void;
}

/** See the module's text. */
export class Operator implements ControlHandler {
  readonly #parts: OperatorParts;
  readonly #engine: Engine;
  #testing = false;

  /** Acts on a running engine. */
  constructor(parts: OperatorParts) {
    this.#parts = parts;
    this.#engine = parts.engine;
  }

  /** Takes note of where operators are. */
  operatorAt(address: Words): void {
    this.#engine.hold(() => this.#parts.onOperator(address));
  }

  /** Answers `status`. */
  async status(): Promise<Iterable<string>> {
    const { status } = this.#parts;
    await status.fresh();
    return inTurns(this.#engine, statusPieces(status));
  }

  /** Answers `reload`. One that changes nothing is not written down: cron may ask every minute. */
  async reload(who: Who): Promise<ReloadAnswer> {
    const answer = await this.#parts.reload();
    if (answer.outcome === "unchanged") return answer;
    const outcome = answer.outcome === "refused" ? "refused" : "done";
    this.#audit({ event: "audit", action: "reload", who, outcome, found: answer.outcome });
    return answer;
  }

  /** Answers `take-over`: this daemon ends, and another goes on with its queues. */
  takeOver(namespace: string): TakeOverAnswer {
    const why = this.#parts.onSuccessor(namespace);
    if (why !== "") throw new RefusedRequest(`Cannot hand over to the ftwall that asks: ${why}`);
    return { pid: Deno.pid };
  }

  /** Answers `lock`: the client is refused for a time; its allowance ends. */
  lock(request: Request<"lock">, who: Who): ActionAnswer {
    const seconds = request.seconds ?? LOCK_SECONDS;
    return this.#act({ ...request, seconds }, who, () => this.#lock(request, seconds));
  }

  #lock(request: Request<"lock">, seconds: number): Done {
    const { policy, state, learner, clock } = this.#engine;
    const addresses = this.#addressesOf(request.client);
    this.#needHome("lock", addresses);
    for (const words of addresses) {
      const client = formatAddress(...words);
      if (policy.isExempt(...words, ...this.#engine.state.macOf(...words))) {
        throw new RefusedRequest(`Cannot lock "${client}": the config exempts it (see [network] exempt)`);
      }
      const spared = state.spared.find(...words, 0);
      if (request.force !== true && spared >= 0 && state.spared.deadline[spared]! > clock.now) {
        throw new RefusedRequest(
          `Cannot lock "${client}": it is the router's own address, or that of an operator who is logged in. ` +
            "To lock it all the same add --force",
        );
      }
    }
    const until = clock.text(clock.now + seconds * 1000);
    const freed: string[] = [];
    const clients = addresses.map((words) => {
      const client = formatAddress(...words);
      // The later of two requests of an operator counts.
      const row = state.allowances.find(...words, 0);
      if (row >= 0) {
        if (state.allowances.deadline[row]! > clock.now) freed.push(client);
        state.allowances.remove(row);
      }
      learner.timeLocks.lock(...words, -1, "operator", "operator", seconds * 1000, 0, "operator", request.reason);
      return client;
    });
    if (freed.length > 0) learner.epoch++;
    const ended = freed.length === 0 ? "" : `; no longer allowed: ${freed.join(", ")}`;
    const { dryRun } = this.#parts.status;
    const locked = dryRun ? `${clients.join(", ")} would be locked` : `${are(clients)} locked`;
    const would = dryRun ? "; dry run: nothing is refused, and a restart forgets it" : "";
    const message = `${locked} until ${this.#local(until)}${ended}${would}`;
    const found = freed.length === 0 ? "" : clients.length === 1 ? "allowed until now" : `${freed.length} were allowed`;
    return { answer: { clients, until, message }, found };
  }

  /** Answers `unlock`. */
  unlock(request: Request<"unlock">, who: Who): ActionAnswer {
    return this.#act(request, who, () => this.#unlock(request));
  }

  #unlock(request: Request<"unlock">): Done {
    const { locks } = this.#engine.state;
    const rows: number[] = [];
    if (request.client === null) locks.table.each((row) => void rows.push(row));
    else {
      for (const words of this.#addressesOf(request.client)) {
        const row = locks.table.find(...words, 0);
        if (row >= 0) rows.push(row);
      }
      if (rows.length === 0) throw new RefusedRequest(`Cannot unlock "${request.client}": it is not locked`);
    }
    const clients = rows.map((row) => this.#parts.status.lock(row).client);
    for (const row of rows) this.#engine.learner.timeLocks.release(row, "operator");
    const { dryRun } = this.#parts.status;
    const message = clients.length === 0
      ? dryRun ? "No client would have been locked" : "No client was locked"
      : `${dryRun ? "Would no longer be locked" : "Unlocked"}: ${clients.join(", ")}`;
    return { answer: { clients, message }, found: "" };
  }

  /** Answers `allow`: the client is exempt for a time; its lock ends. */
  allow(request: Request<"allow">, who: Who): ActionAnswer {
    const seconds = request.seconds ?? ALLOW_SECONDS;
    return this.#act({ ...request, seconds }, who, () => this.#allow(request, seconds));
  }

  #allow(request: Request<"allow">, seconds: number): Done {
    const { state, learner, clock } = this.#engine;
    const until = clock.text(clock.now + seconds * 1000);
    const addresses = this.#addressesOf(request.client);
    this.#needHome("allow", addresses);
    const clients = addresses.map((words) => {
      const row = state.locks.table.find(...words, 0);
      if (row >= 0) learner.timeLocks.release(row, "operator");
      state.allowances.insert(...words, 0, clock.now + seconds * 1000);
      const client = formatAddress(...words);
      this.#parts.onAllowed(client);
      return client;
    });
    learner.epoch++;
    return { answer: { clients, until, message: `${are(clients)} allowed until ${this.#local(until)}` }, found: "" };
  }

  /**
   * Carries out a request and writes it to the audit log, done or refused. A request is one line, however many clients it
   * concerns: the log has no room for a thousand lines at once.
   */
  #act(request: Action, who: Who, act: () => Done): ActionAnswer {
    const { command: action, client, reason } = request;
    const asked = { event: "audit", action, who, reason, ...(client === null ? {} : { client }) } as const;
    const said = "seconds" in request ? { ...asked, seconds: request.seconds ?? 0 } : asked;
    return this.#engine.hold(() => {
      this.#catchUp();
      try {
        const { answer, found } = act();
        this.#parts.onActed();
        const [first, ...more] = client === null ? [] : answer.clients;
        if (first !== undefined && more.length === 0) {
          this.#audit({ ...said, client: first, outcome: "done", ...(found === "" ? {} : { found }) });
        } else {
          const whom = listed(answer.clients);
          this.#audit({ ...said, outcome: "done", found: found === "" ? whom : `${whom}; ${found}` });
        }
        return answer;
      } catch (error) {
        if (error instanceof RefusedRequest) this.#audit({ ...said, outcome: "refused", found: error.message });
        throw error;
      }
    });
  }

  /** Refuses to `act` on an address that is not at home: it would have no effect. */
  #needHome(act: "lock" | "allow", addresses: readonly Words[]): void {
    const stranger = addresses.find((words) => !this.#engine.policy.isHome(...words));
    if (stranger === undefined) return;
    throw new RefusedRequest(`Cannot ${act} "${formatAddress(...stranger)}": it is not at home (see [network] home)`);
  }

  /** Sets the engine's clock: without traffic it is up to a second behind, too much for a lock of a few seconds. */
  #catchUp(): void {
    this.#engine.tick(performance.now(), Date.now());
  }

  /** Answers `clients`. */
  clients(): Iterable<string> {
    const { status, reporter } = this.#parts;
    return inTurns(
      this.#engine,
      clientPieces({
        locks: status.locks(),
        allowed: status.allowed(),
        events: reporter.history.all(),
        nameOf: (client) => status.nameOf(client, ""),
        scoreOf: (client) => this.#scoreOf(client),
      }),
    );
  }

  /** Answers `events`. */
  events(): EventsAnswer {
    return { events: this.#parts.reporter.history.last(LAST_EVENTS) };
  }

  /** The highest score of a client over all protocols. */
  #scoreOf(client: string): number {
    const words = parseAddress(client);
    if (words === null) return 0;
    const { policy, state, clock } = this.#engine;
    const half = ticksOf(policy.config.score.halfLife);
    const scores = policy.protocols.map((_, number) => state.scores.read(...words, number, clock.tick, half));
    return Math.round(Math.max(0, ...scores) * 100) / 100;
  }

  /** Answers `notify`: one test at a time, as each may start programs. */
  async notify(name: string | null): Promise<NotifyAnswer> {
    if (this.#testing) throw new RefusedRequest("Cannot test the notifications: a test is under way");
    this.#testing = true;
    try {
      const answer = await this.#parts.notify(name);
      if (answer.targets.length > 0) return answer;
      const what = name === null ? "no [[notify]]" : `no [[notify]] named "${name}"`;
      throw new RefusedRequest(`Cannot test the notifications: the config in force has ${what}`);
    } finally {
      this.#testing = false;
    }
  }

  /** Answers `explain`. */
  explain(client: string): ExplainAnswer {
    return this.#engine.hold(() => this.#explain(client));
  }

  #explain(client: string): ExplainAnswer {
    const words = this.#addressesOf(client)[0]!;
    const { policy, state, clock, learner } = this.#engine;
    const address = formatAddress(...words);
    const lockRow = state.locks.find(...words, clock.now);
    const allowance = state.allowances.find(...words, 0);
    const [high, low] = this.#engine.state.macOf(...words);
    const lock = lockRow < 0 ? null : lockStatus(this.#parts.status.lock(lockRow));
    const { halfLife, threshold } = policy.config.score;
    const history = this.#parts.reporter.history.of(address);
    const client_name = this.#parts.status.nameOf(address, (high | low) === 0 ? "" : formatMac(high, low));
    const scores = policy.protocols.flatMap((protocol, number) => {
      const score = state.scores.read(...words, number, clock.tick, ticksOf(halfLife));
      if (score < 0.01) return [];
      const because = new Set<string>();
      for (const { event } of history) {
        if (event.event === "detected" && event.protocol === protocol) because.add(event.because ?? event.evidence);
      }
      return [{ protocol, score: Math.round(score * 100) / 100, threshold, because: [...because] }];
    });
    return {
      client: address,
      ...(client_name === "" ? {} : { client_name }),
      ...(lock?.mac === undefined ? {} : { mac: lock.mac }),
      group: policy.groups[policy.groupOf(...words, high, low)] ?? "default",
      dry_run: this.#parts.status.dryRun,
      home: policy.isHome(...words),
      exempt: policy.isExempt(...words, high, low),
      ...(allowance < 0 ? {} : { allowed_until: clock.text(state.allowances.deadline[allowance]!) }),
      lock,
      scores,
      history,
      ...(learner.table === 0 ? {} : { schedule: learner.table }),
    };
  }

  /** The addresses that `client` stands for: itself, or those that were seen with this MAC. At least one. */
  #addressesOf(client: string): Words[] {
    const words = parseAddress(client);
    if (words !== null) return [words];
    const mac = parseMac(client);
    if (mac === null) {
      throw new RefusedRequest(`Cannot read the client "${client.slice(0, 64)}": expected an IP address or a MAC`);
    }
    const { neighbours } = this.#engine.state;
    const found: Words[] = [];
    neighbours.each((row) => {
      if (neighbours.values[row * 2] !== mac[0] || neighbours.values[row * 2 + 1] !== mac[1]) return;
      found.push([neighbours.key(row, 0), neighbours.key(row, 1), neighbours.key(row, 2), neighbours.key(row, 3)]);
    });
    if (found.length === 0) {
      throw new RefusedRequest(
        `Cannot find the client "${client}": no packet with that MAC was seen. Name its address`,
      );
    }
    return found;
  }

  /** A time for people, in the zone of the config. */
  #local(time: string): string {
    return localText(time, zoneClock(this.#engine.policy.config.timezone));
  }

  #audit(event: AuditEvent): void {
    this.#parts.reporter.emit(event.reason === "" ? withoutReason(event) : event);
  }
}

/** The same pieces, each made while this thread holds the tables; between two pieces other threads may have them. */
function* inTurns(engine: Engine, pieces: Iterable<string>): Generator<string, void> {
  const made = pieces[Symbol.iterator]();
  for (;;) {
    const next = engine.hold(() => made.next());
    if (next.done === true) return;
    yield next.value;
  }
}

function withoutReason(event: AuditEvent): AuditEvent {
  const { reason: _, ...rest } = event;
  return rest;
}

/** How many clients, and the names of the first. */
function listed(clients: readonly string[]): string {
  if (clients.length === 0) return "no client";
  const named = clients.slice(0, MOST_NAMED).join(", ");
  const more = clients.length > MOST_NAMED ? ` and ${clients.length - MOST_NAMED} more` : "";
  return `${counted(clients.length, "client")}: ${named}${more}`;
}

function are(clients: readonly string[]): string {
  return clients.length === 1 ? `${clients[0]} is` : `${clients.join(", ")} are`;
}
