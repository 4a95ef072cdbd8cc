/**
 * What the daemon does in the kernel beside its verdicts: sets of locked clients and blocked peers, connections cut, decoys
 * and probes sent. In dry-run it does nothing of that.
 * @module
 */
import type { Conntrack } from "../../ffi/conntrack.ts";
import type { Libc } from "../../ffi/libc.ts";
import type { ProbeSender, RawSender } from "../../ffi/raw_socket.ts";
import type { TrafficEvent } from "../engine/event.ts";
import type { Sending } from "../engine/outbox.ts";
import { inspectRules, KernelSets, runCommand } from "../firewall/mod.ts";
import { isIPv4, parseAddress } from "../net/address.ts";
import type { Config } from "../policy/config.ts";
import { buildUdp, Ends } from "../wire/build.ts";

/** Why something optional is not there, in words; empty where it is. */
export interface HandState {
  sets: string;
  conntrack: string;
  sender: string;
}

/** See the module's text. */
export class KernelHand implements AsyncDisposable {
  /** Decoys and probes that were sent, and those that the kernel refused. */
  sent = 0;
  /** See {@link sent}. */
  failed = 0;
  /** What is missing. */
  readonly state: HandState;
  readonly #raw: RawSender | null;
  readonly #probe: ProbeSender | null;
  readonly #conntrack: Conntrack | null;
  #sets: KernelSets | null = null;
  #config: Config;
  readonly #packet = new Uint8Array(128);
  readonly #view = new DataView(this.#packet.buffer);
  readonly #ends = new Ends();

  private constructor(
    config: Config,
    state: HandState,
    raw: RawSender | null,
    probe: ProbeSender | null,
    conntrack: Conntrack | null,
  ) {
    this.#config = config;
    this.state = state;
    this.#raw = raw;
    this.#probe = probe;
    this.#conntrack = conntrack;
  }

  /** Opens what there is. What is missing costs a feature, never the start. `own` marks what is sent. */
  static async open(libc: Libc, config: Config, own: number): Promise<KernelHand> {
    const missing = { sets: "not looked for yet", conntrack: "", sender: "" };
    const { RawSender, ProbeSender } = await import("../../ffi/raw_socket.ts");
    const { Conntrack } = await import("../../ffi/conntrack.ts");
    const attempt = <T>(what: "conntrack" | "sender", open: () => T): T | null => {
      try {
        return open();
      } catch (error) {
        missing[what] = error instanceof Error ? error.message : String(error);
        return null;
      }
    };
    const raw = attempt("sender", () => RawSender.open(libc, { mark: own }));
    const probe = attempt("sender", () => ProbeSender.open(libc, { mark: own }));
    const conntrack = config.lock.cut ? attempt("conntrack", () => Conntrack.open(libc)) : null;
    return new KernelHand(config, missing, raw, probe, conntrack);
  }

  /** Looks which rules are applied, and uses their sets from then on. */
  async useRules(): Promise<void> {
    if (this.#config.lock.kernelSets === "off") {
      this.state.sets = "switched off by [lock] kernel_sets";
      return;
    }
    const found = (await inspectRules(runCommand)).find((rules) => rules.stamp !== null);
    if (found === undefined) this.state.sets = 'no rules of ftwall are applied; "ftwall rules --apply" makes them';
    else {
      this.#sets = new KernelSets(found.backend, runCommand);
      this.state.sets = "";
    }
  }

  /** Takes a new config. */
  adopt(config: Config): void {
    this.#config = config;
  }

  /** Follows an event of the engine. */
  follow(event: TrafficEvent): void {
    switch (event.event) {
      case "locked":
        this.#sets?.put("locked", event.client, secondsUntil(event.until));
        this.#cut(event.client);
        break;
      case "renewed":
        this.#sets?.put("locked", event.client, secondsUntil(event.until));
        break;
      case "released":
        this.#sets?.remove("locked", event.client);
        break;
      case "peer-learned":
        if (event.held === true) this.#sets?.remove("blocked", event.peer);
        else this.#sets?.put("blocked", event.peer, secondsUntil(event.until));
        break;
    }
  }

  /** Puts what the state file brought into the sets again, and empties them of what is over. */
  restore(locked: Iterable<readonly [string, number]>, blocked: Iterable<readonly [string, number]>): void {
    if (this.#sets === null) return;
    this.#sets.clear("locked");
    this.#sets.clear("blocked");
    for (const [client, seconds] of locked) this.#sets.put("locked", client, seconds);
    for (const [peer, seconds] of blocked) this.#sets.put("blocked", peer, seconds);
  }

  /** Takes an address out of the block list's set: it is held back, or exempt now. */
  unblock(peer: string): void {
    this.#sets?.remove("blocked", peer);
  }

  /** The policy changed: flows settled in the kernel visit the queue again. */
  unsettle(): void {
    this.#conntrack?.markAgain(this.#config.queue.mask, 0, 0).catch(() => {});
  }

  /** Sends what the engine wants sent. */
  send(sendings: readonly Sending[]): void {
    for (const sending of sendings) {
      const error = sending.kind === "decoy" ? this.#decoy(sending) : this.#ask(sending);
      if (error === 0) this.sent++;
      else this.failed++;
    }
  }

  #decoy(sending: Sending): number {
    if (this.#raw === null) return -1;
    const [c0, c1, c2, c3] = sending.client;
    const [p0, p1, p2, p3] = sending.peer;
    if (!isIPv4(c0, c1, c2)) return -1;
    this.#ends.from(p0, p1, p2, p3, sending.peerPort).to(c0, c1, c2, c3, sending.clientPort);
    const length = buildUdp(this.#packet, this.#view, 0, this.#ends, sending.payload);
    return length === 0 ? -1 : this.#raw.send(this.#packet, 0, length, c0, c1, c2, c3);
  }

  #ask(sending: Sending): number {
    if (this.#probe === null) return -1;
    const [c0, c1, c2, c3] = sending.client;
    this.#packet.set(sending.payload);
    return this.#probe.send(this.#packet, 0, sending.payload.length, c0, c1, c2, c3, sending.clientPort);
  }

  /** Connections that the client already had end: the next packet of each meets the lock. */
  #cut(client: string): void {
    const words = parseAddress(client);
    if (words !== null) this.#conntrack?.forget(words[0], words[1], words[2], words[3]).catch(() => {});
  }

  /** Entries in sets stay: they hold while ftwall is down, and end by themselves. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sets?.settled();
    this.#raw?.close();
    this.#probe?.close();
    this.#conntrack?.close();
  }
}

function secondsUntil(until: string | undefined): number {
  if (until === undefined) return 1;
  return Math.max(1, Math.ceil((Date.parse(until) - Date.now()) / 1000));
}
