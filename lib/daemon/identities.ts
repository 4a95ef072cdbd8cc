/**
 * Who is who at home, as far as locks need it: the router's own addresses, broadcast addresses and those of operators, which
 * are never locked nor sent anything, and which hardware address the kernel has seen together with which address.
 * @module
 */
import type { Engine } from "../judge/engine.ts";
import { formatAddress, formatMac, isIPv4, parseAddress, parseMac, type Words } from "../net/address.ts";
import type { InterfaceAddress } from "./lan_watch.ts";

/** Milliseconds between looks at the neighbour table, and for how long what was seen counts. */
const LOOK = 2000;
const SEEN = 600_000;
/** Milliseconds between looks at leases that did not change. */
const LEASES_LOOK = 120_000;
/** The same for the router's own addresses. */
const OWN_LOOK = 10_000;
const OWN = 60_000;
/** Milliseconds after its last command for which an operator's machine is not locked. */
const OPERATOR = 12 * 3_600_000;

/** What it works with. */
export interface IdentitiesParts {
  readonly engine: Engine;
  /** The addresses of this machine. */
  readonly own: () => readonly Pick<InterfaceAddress, "address" | "netmask">[];
  /** Calls `visit` with each neighbour; see ffi/neighbours.ts. */
  readonly neighbours: (
    visit: (w0: number, w1: number, w2: number, w3: number, high: number, low: number) => void,
  ) => void;
  /** MACs by the addresses that DHCP gave them. */
  readonly leases: () => ReadonlyMap<string, string>;
}

/** See the module's text. */
export class Identities {
  readonly #parts: IdentitiesParts;
  #lastLook = -Infinity;
  #lastOwn = -Infinity;
  #lastLeases = -Infinity;
  #leases: ReadonlyMap<string, string> = new Map();

  /** Knows nobody before the first {@link beat}. */
  constructor(parts: IdentitiesParts) {
    this.#parts = parts;
  }

  /** Call about once a second while this thread holds the tables; `now` is monotonic milliseconds. */
  beat(now: number): void {
    const { engine, own, neighbours } = this.#parts;
    if (now - this.#lastOwn >= OWN_LOOK) {
      this.#lastOwn = now;
      for (const { address, netmask } of own()) {
        const words = parseAddress(address.split("%")[0]!);
        const mask = parseAddress(netmask);
        if (words === null) continue;
        this.#spare(words, now + OWN);
        if (mask === null || !isIPv4(words[0], words[1], words[2])) continue;
        // What goes to the last address of a network, or by old custom to its first, all its machines answer.
        this.#spare([0, 0, 0xffff, words[3] | ~mask[3]], now + OWN);
        this.#spare([0, 0, 0xffff, words[3] & mask[3]], now + OWN);
      }
    }
    const { policy, state } = engine;
    if (!policy.config.lock.requireNeighbour || now - this.#lastLook < LOOK) return;
    this.#lastLook = now;
    const bind = (w0: number, w1: number, w2: number, w3: number, high: number, low: number): void => {
      if (!policy.isHome(w0, w1, w2, w3)) return;
      const at = state.bindings.insert(w0, w1, w2, w3, 0, now + SEEN) * state.bindings.columns;
      state.bindings.values[at] = high;
      state.bindings.values[at + 1] = low;
    };
    const leases = this.#parts.leases();
    if (leases !== this.#leases || now - this.#lastLeases >= LEASES_LOOK) {
      this.#leases = leases;
      this.#lastLeases = now;
      for (const [address, mac] of leases) bind(...parseAddress(address)!, ...parseMac(mac)!);
    }
    neighbours((w0, w1, w2, w3, high, low) => {
      // What DHCP gave to one machine, another only claims.
      const given = leases.size === 0 ? undefined : leases.get(formatAddress(w0, w1, w2, w3));
      if (given === undefined || given === formatMac(high, low)) bind(w0, w1, w2, w3, high, low);
    });
  }

  /** An operator gave a command from this address, over SSH: until he has been gone for hours, he is not locked out. */
  operatorAt(words: Words, now: number): void {
    if (this.#parts.engine.policy.isHome(...words)) this.#spare(words, now + OPERATOR);
  }

  #spare(words: Words, until: number): void {
    const { spared } = this.#parts.engine.state;
    const row = spared.find(...words, 0);
    if (row < 0 || spared.deadline[row]! < until) spared.insert(...words, 0, until);
  }
}
