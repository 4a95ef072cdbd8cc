/**
 * What the daemon does in the kernel besides verdicts and sets: it cuts connections or sends them to the queue again, sends
 * decoys and probes, and joins the multicast groups of local service discovery. In dry-run it opens nothing.
 * @module
 */
import type { Conntrack } from "../../ffi/conntrack.ts";
import type { GroupMember } from "../../ffi/group_member.ts";
import type { Libc } from "../../ffi/libc.ts";
import type { ProbeSender, RawSender } from "../../ffi/raw_socket.ts";
import type { Caller } from "./caller.ts";
import type { TrafficEvent } from "../learn/event.ts";
import type { Sending } from "../learn/outbox.ts";
import type { Marks } from "../firewall/mod.ts";
import { isIPv4, parseAddress, type Words } from "../net/address.ts";
import { errorText } from "../net/error_text.ts";
import type { Config } from "../policy/config.ts";
import { CLASSIFIERS } from "../protocol/mod.ts";
import { buildUdp, Ends } from "../wire/build.ts";

/** Why a part is not in use, in words; empty where it is in use. */
export interface ActionsMissing {
  readonly conntrack: string;
  readonly sender: string;
}

/** Entries of the connection table that were changed since the start. */
export interface ConnectionCounters {
  /** Deleted because their client became locked. */
  cut: number;
  /** Marked so that their packets visit the queue again. */
  again: number;
  /** Refused by the kernel, or left out because too many changes waited. */
  failed: number;
}

interface Opened {
  raw: RawSender | null;
  probe: ProbeSender | null;
  conntrack: Conntrack | null;
  groups: GroupMember | null;
}

const DRY_RUN = "not used in dry-run";

/** See the module's text. */
export class ConnectionActions implements Disposable {
  /** Decoys and probes that the kernel took. */
  sent = 0;
  /** Decoys and probes that could not be sent. */
  failed = 0;
  /** Called when connections must meet the rules again: those that a flowtable forwards do not by themselves. */
  changed: (what: "deleted" | "marked") => void = () => {};
  /** Which parts are not in use. */
  readonly missing: ActionsMissing;
  /** What was done to connections. */
  readonly connections: ConnectionCounters = { cut: 0, again: 0, failed: 0 };
  /** Told where a call to a client proved its protocol, and from which address and port it came. */
  onProven: (sending: Sending, own: Words, port: number) => void = () => {};
  /** Interfaces whose local service discovery is received. */
  listening: readonly string[] = [];
  readonly #opened: Opened;
  readonly #marks: Marks;
  #config: Config;
  #caller: Promise<Caller> | null = null;
  readonly #packet = new Uint8Array(128);
  readonly #view = new DataView(this.#packet.buffer);
  readonly #ends = new Ends();

  private constructor(config: Config, marks: Marks, missing: ActionsMissing, opened: Opened) {
    this.#config = config;
    this.#marks = marks;
    this.missing = missing;
    this.#opened = opened;
  }

  /**
   * Opens each part that this machine has; in a dry run none, or what asks questions where the config wants that. A part that
   * is missing never keeps the daemon from starting.
   */
  static async open(libc: Libc, config: Config, marks: Marks, dryRun: boolean): Promise<ConnectionActions> {
    const opened: Opened = { raw: null, probe: null, conntrack: null, groups: null };
    const missing = { conntrack: "", sender: "" };
    const none = { conntrack: DRY_RUN, sender: DRY_RUN };
    if (dryRun && !config.probe.dryRun) return new ConnectionActions(config, marks, none, opened);
    const { RawSender, ProbeSender } = await import("../../ffi/raw_socket.ts");
    const { Conntrack } = await import("../../ffi/conntrack.ts");
    const { GroupMember } = await import("../../ffi/group_member.ts");
    const attempt = <T>(what: "conntrack" | "sender", open: () => T): T | null => {
      try {
        return open();
      } catch (error) {
        missing[what] = errorText(error);
        return null;
      }
    };
    opened.probe = attempt("sender", () => ProbeSender.open(libc, { mark: marks.own }));
    if (dryRun) return new ConnectionActions(config, marks, { ...none, sender: missing.sender }, opened);
    opened.raw = attempt("sender", () => RawSender.open(libc, { mark: marks.own }));
    opened.conntrack = attempt("conntrack", () => Conntrack.open(libc));
    opened.groups = new GroupMember(libc, CLASSIFIERS.flatMap(({ discovery }) => discovery ?? []));
    return new ConnectionActions(config, marks, missing, opened);
  }

  /** Takes a new config. */
  adopt(config: Config): void {
    this.#config = config;
  }

  /** From now on receives local service discovery on these interfaces. */
  listen(interfaces: readonly string[]): void {
    this.listening = this.#opened.groups?.join(interfaces) ?? [];
  }

  /** Follows an event of the engine. */
  follow(event: TrafficEvent): void {
    if (event.event === "locked" && this.#config.lock.cut) this.#cut(event.client);
    // With "reject" connections that the lock refused bear the mark for refused, which outlasts the lock.
    if (event.event === "released" && this.#config.lock.refuse === "reject") this.reopen(event.client);
  }

  /** The policy changed: packets of flows that were left to the kernel visit the queue again. Never rejected. */
  async unsettle(): Promise<void> {
    const { conntrack } = this.#opened;
    const { mask, again, own } = this.#marks;
    await conntrack?.markAgain(mask, again, own).then((tally) => this.#count("again", tally), () => {});
  }

  /** The same for the flows of one client. */
  reopen(client: string): void {
    const words = parseAddress(client);
    if (words === null) return;
    const { conntrack } = this.#opened;
    const { mask, again } = this.#marks;
    conntrack?.markAgainOf(mask, again, ...words).then(
      (tally) => this.#count("again", tally),
      () => {},
    );
  }

  /** Forgets the connections that a client already has: the next packet of each begins a new one. */
  #cut(client: string): void {
    const words: Words | null = parseAddress(client);
    if (words === null) return;
    const { conntrack } = this.#opened;
    // Its packets meet the set of locked clients all the same, where they do not pass the rules by.
    if (conntrack === null) this.changed("marked");
    else conntrack.forget(...words).then((tally) => this.#count("cut", tally), () => {});
  }

  #count(what: "cut" | "again", tally: { changed: number; errors: number; complete: boolean }): void {
    this.connections[what] += tally.changed;
    this.connections.failed += tally.errors + (tally.complete ? 0 : 1);
    if (tally.changed > 0) this.changed(what === "cut" ? "deleted" : "marked");
  }

  /** Sends decoys, probes and calls of the engine. */
  send(sendings: readonly Sending[]): void {
    for (const sending of sendings) {
      if (sending.kind === "call") {
        this.#call(sending);
        continue;
      }
      const error = sending.kind === "decoy" ? this.#decoy(sending) : this.#probe(sending);
      if (error === 0) this.sent++;
      else this.failed++;
    }
  }

  #decoy(sending: Sending): number {
    const { raw } = this.#opened;
    if (raw === null) return -1;
    const [c0, c1, c2, c3] = sending.client;
    const [p0, p1, p2, p3] = sending.peer;
    if (!isIPv4(c0, c1, c2)) return -1;
    this.#ends.from(p0, p1, p2, p3, sending.peerPort).to(c0, c1, c2, c3, sending.clientPort);
    const length = buildUdp(this.#packet, this.#view, 0, this.#ends, sending.payload);
    return length === 0 ? -1 : raw.send(this.#packet, 0, length, c0, c1, c2, c3);
  }

  #call(sending: Sending): void {
    this.#caller ??= import("./caller.ts").then(({ Caller }) => {
      const calls = new Map(CLASSIFIERS.map(({ name, call }) => [name, call]));
      return new Caller(
        (name) => calls.get(name),
        (done, { hostname, port }) => this.onProven(done, parseAddress(hostname) ?? done.peer, port),
      );
    });
    this.#caller.then((caller) => caller.call(sending) ? this.sent++ : this.failed++, () => this.failed++);
  }

  #probe(sending: Sending): number {
    const { probe } = this.#opened;
    if (probe === null) return -1;
    const [c0, c1, c2, c3] = sending.client;
    this.#packet.set(sending.payload);
    return probe.send(this.#packet, 0, sending.payload.length, c0, c1, c2, c3, sending.clientPort);
  }

  /** Closes its sockets. */
  [Symbol.dispose](): void {
    const { raw, probe, conntrack, groups } = this.#opened;
    raw?.close();
    probe?.close();
    conntrack?.close();
    groups?.close();
  }
}
