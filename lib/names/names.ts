/**
 * Who is who at home: names of addresses and MACs, from the files of the DHCP and name servers, from the config, and where
 * it is asked for from reverse DNS. Bounded, and only ever a matter of display and of what operators type.
 * @module
 */
import type { NamedHost } from "./lease_reader.ts";

/** Names that are held at most. */
const MOST = 8192;

/** A table of names. */
export class Names {
  readonly #byAddress = new Map<string, string>();
  readonly #byMac = new Map<string, string>();

  /** Adds a host; one that is known already keeps its first name. False where there is no room. */
  add({ name, address, mac }: NamedHost): boolean {
    if (this.#byAddress.size + this.#byMac.size >= MOST) return false;
    if (address !== "" && !this.#byAddress.has(address)) this.#byAddress.set(address, name);
    if (mac !== "" && !this.#byMac.has(mac)) this.#byMac.set(mac, name);
    return true;
  }

  /** Adds a host whose name counts more than what is known. */
  replace(host: NamedHost): void {
    if (host.address !== "") this.#byAddress.delete(host.address);
    if (host.mac !== "") this.#byMac.delete(host.mac);
    this.add(host);
  }

  /** Forgets the name of an address: its lease ended. */
  remove(address: string): void {
    this.#byAddress.delete(address);
  }

  /** Name of a client, by its address, else by its MAC; empty where there is none. */
  of(address: string, mac: string = ""): string {
    return this.#byAddress.get(address) ?? (mac === "" ? "" : this.#byMac.get(mac) ?? "");
  }

  /** Addresses, and MACs of hosts without one, that have a name; capitals do not count, nor does a domain left out. */
  find(text: string): string[] {
    const wanted = text.toLowerCase();
    const found = (names: ReadonlyMap<string, string>) =>
      [...names].filter(([, name]) => {
        const lower = name.toLowerCase();
        return lower === wanted || (!wanted.includes(".") && lower.startsWith(`${wanted}.`));
      }).map(([key]) => key);
    const addresses = found(this.#byAddress);
    return addresses.length > 0 ? addresses : found(this.#byMac);
  }

  /** All names, each once, in order. */
  all(): string[] {
    return [...new Set([...this.#byAddress.values(), ...this.#byMac.values()])].sort();
  }

  /** All addresses that have a name. */
  addresses(): string[] {
    return [...this.#byAddress.keys()];
  }

  /** Names that are held. */
  get size(): number {
    return this.#byAddress.size + this.#byMac.size;
  }
}
