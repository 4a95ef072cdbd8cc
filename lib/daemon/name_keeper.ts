/**
 * Names of clients while the daemon runs: the files are read again when they changed, in pieces between which packets are
 * judged.
 * @module
 */
import { fingerprint, readNames } from "../names/name_files.ts";
import { addConfigNames } from "../names/known_names.ts";
import { Names } from "../names/names.ts";
import { reverseName, ReverseNames } from "../names/reverse_names.ts";
import type { Config } from "../policy/config.ts";

/** Milliseconds between two looks at the files. */
const LOOK = 30_000;

/** See the module's text. */
export class NameKeeper {
  /** Lines of the files that were passed by, as of the last reading. */
  bad = 0;
  /** MACs by the addresses that DHCP gave them, as of then. */
  leases: ReadonlyMap<string, string> = new Map();
  readonly #note: (text: string) => void;
  readonly #reverse = new ReverseNames((address) => Deno.resolveDns(reverseName(address), "PTR"));
  #config: Config;
  #names = new Names();
  #read = "";
  #lastLook = -Infinity;
  #reading = false;
  #said = "";

  /** Names nobody before the first {@link beat}. `note` is told once what cannot be read. */
  constructor(config: Config, note: (text: string) => void) {
    this.#config = config;
    this.#note = note;
    addConfigNames(this.#names, config);
  }

  /** Takes a new config. */
  adopt(config: Config): void {
    this.#config = config;
    this.#read = "";
    this.#lastLook = -Infinity;
  }

  /** Call about once a second; `now` is monotonic milliseconds. */
  beat(now: number): void {
    if (this.#reading || now - this.#lastLook < LOOK) return;
    this.#lastLook = now;
    const found = fingerprint(this.#config.names.files);
    if (found === this.#read) return;
    this.#reading = true;
    void this.#readAgain(this.#config, found).finally(() => this.#reading = false);
  }

  async #readAgain(config: Config, found: string): Promise<void> {
    const { names, leases, bad, problems } = await readNames(config.names.files, Date.now());
    addConfigNames(names, config);
    // A reload may have come between.
    if (config !== this.#config) return;
    this.#names = names;
    this.leases = leases;
    this.#read = found;
    this.bad = bad;
    const said = problems.join("; ");
    if (said !== this.#said && said !== "") this.#note(said);
    this.#said = said;
  }

  /** Name of a client at home; empty where none is known (yet). */
  of(address: string, mac: string): string {
    const name = this.#names.of(address, mac);
    return name !== "" || !this.#config.names.reverseDns ? name : this.#reverse.of(address, performance.now());
  }
}
