/**
 * Names by reverse DNS, where the config asks for it: of addresses at home only, one question at a time, each answer kept for
 * an hour. Nobody waits for it: a name is there when it is there.
 * @module
 */
import { hostName } from "./lease_reader.ts";

/** Answers that are kept, and questions that wait. */
const KEPT = 1024;
const WAITING = 64;
/** Milliseconds that an answer, or that there was none, is kept. */
const LIFETIME = 3_600_000;

/** Asks for the names of an address; throws where there is none. */
export type AskName = (address: string) => Promise<readonly string[]>;

/** See the module's text. */
export class ReverseNames {
  readonly #ask: AskName;
  readonly #answers = new Map<string, { readonly name: string; readonly until: number }>();
  readonly #waiting = new Set<string>();
  #asking = false;

  /** Asks with `ask`. */
  constructor(ask: AskName) {
    this.#ask = ask;
  }

  /** Name of an address, empty where it is not known (yet); asks for it then. `now` is any steady clock in milliseconds. */
  of(address: string, now: number): string {
    const known = this.#answers.get(address);
    if (known !== undefined && known.until > now) return known.name;
    if (this.#waiting.size < WAITING) this.#waiting.add(address);
    if (!this.#asking) void this.#work(now);
    return known?.name ?? "";
  }

  async #work(now: number): Promise<void> {
    this.#asking = true;
    for (const address of this.#waiting) {
      let name = "";
      try {
        name = hostName((await this.#ask(address))[0] ?? "");
      } catch {
        // There is no name.
      }
      this.#waiting.delete(address);
      if (this.#answers.size >= KEPT) this.#answers.delete(this.#answers.keys().next().value!);
      this.#answers.set(address, { name, until: now + LIFETIME });
    }
    this.#asking = false;
  }
}

/** The name under which reverse DNS has an address (RFC 1035 section 3.5, RFC 3596 section 2.5). */
export function reverseName(address: string): string {
  if (!address.includes(":")) return `${address.split(".").reverse().join(".")}.in-addr.arpa`;
  const [head = "", tail] = address.split("::");
  const groups = (text: string | undefined) => text === undefined || text === "" ? [] : text.split(":");
  const before = groups(head);
  const after = groups(tail);
  const zeros = new Array<string>(8 - before.length - after.length).fill("0");
  const digits = [...before, ...zeros, ...after].map((group) => group.padStart(4, "0")).join("");
  return `${[...digits].reverse().join(".")}.ip6.arpa`;
}
