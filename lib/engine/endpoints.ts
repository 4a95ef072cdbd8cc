/**
 * Endpoints (address and port) of networks that can hide what they say: an encrypted-looking flow to one that took part in
 * a confirmed conversation is theirs. What is only advertised can be poisoned, and raises scores at most.
 * @module
 */
import { CONFIRMED } from "../classify/classifier.ts";
import { isUnlearnable } from "../net/address.ts";
import type { Policy } from "../policy/policy.ts";
import type { AddressTable } from "../state/address_table.ts";
import { KIND, PROTOCOL } from "../state/state.ts";
import type { Clock } from "./clock.ts";
import type { Side } from "./side.ts";

/** See the module's text. */
export class Endpoints {
  /** The policy in force. */
  policy: Policy;
  readonly #table: AddressTable;
  readonly #clock: Clock;

  /** Remembers in `table`. */
  constructor(table: AddressTable, clock: Clock, policy: Policy) {
    this.#table = table;
    this.#clock = clock;
    this.policy = policy;
  }

  /** Remembers an endpoint: address, port, protocol, ADVERTISED or CONFIRMED. */
  learn(w0: number, w1: number, w2: number, w3: number, port: number, protocol: number, kind: number): void {
    // Poisoned lists name web and DNS servers: these ports are never learned.
    if (port === 0 || isCommonPort(port)) return;
    if (kind !== CONFIRMED && isUnlearnable(w0, w1, w2, w3)) return;
    const endpoints = this.#table;
    const { lifetime, advertised } = this.policy.config.peers;
    const known = endpoints.find(w0, w1, w2, w3, port);
    if (known >= 0 && endpoints.values[known * 2 + KIND]! > kind) return;
    const until = this.#clock.now + (kind === CONFIRMED ? lifetime : advertised);
    const row = endpoints.insert(w0, w1, w2, w3, port, until);
    endpoints.values[row * 2 + PROTOCOL] = protocol;
    endpoints.values[row * 2 + KIND] = kind;
  }

  /** What is known of the endpoints of an encrypted-looking flow: 0, ADVERTISED or CONFIRMED. */
  of(side: Side): number {
    const endpoints = this.#table;
    let best = 0;
    for (let i = 0; i < 2; i++) {
      const row = i === 0
        ? endpoints.find(side.p0, side.p1, side.p2, side.p3, side.peerPort)
        : endpoints.find(side.c0, side.c1, side.c2, side.c3, side.clientPort);
      if (row < 0 || endpoints.deadline[row]! <= this.#clock.now) continue;
      best = Math.max(best, endpoints.values[row * 2 + KIND]!);
    }
    return best;
  }
}

/** Ports that poisoned peer lists name to make trouble. */
export function isCommonPort(port: number): boolean {
  return port === 53 || port === 80 || port === 443;
}
