/**
 * Who may ask, and how often: the name that the page is asked for by, requests in a second, the token and the sessions of those
 * who gave it. Knows no clock.
 * @module
 */
import { LONGEST_TOKEN, readToken } from "../daemon/web_token.ts";
import { parseAddress } from "../net/address.ts";

/** Sessions at once; one more ends the oldest. */
const SESSIONS = 32;
/** Milliseconds that a session lasts. */
const LASTS = 8 * 3_600_000;
/** Name of the cookie. Other servers on this machine see it too, whatever their port: that is how cookies are. */
export const COOKIE = "ftwall-page";

/** The name in a `Host` field or an origin, without its port; null for what is none. */
function hostName(text: string): string | null {
  const name = /^(\[[0-9a-f:.]+\]|[^:[\]/@\s]+)(?::\d{1,5})?$/i.exec(text)?.[1];
  return name === undefined ? null : name.toLowerCase().replace(/\.$/, "");
}

/**
 * Whether the page answers to this `Host`. A stranger's page can have his own name lead to this machine (DNS rebinding), but
 * it cannot make the browser ask by an address, or by a name that is not his.
 */
export function isOurHost(host: string | null, hosts: readonly string[]): boolean {
  const name = host === null ? null : hostName(host);
  if (name === null) return false;
  return name === "localhost" || hosts.includes(name) || parseAddress(name.replace(/^\[|\]$/g, "")) !== null;
}

/**
 * Whether a browser says that a page of another site sent this (Fetch standard: Origin; Fetch Metadata: Sec-Fetch-Site). The
 * port of the origin is not looked at: a web server between here and the browser may have another one.
 */
export function isForeign(headers: Headers): boolean {
  const site = headers.get("sec-fetch-site");
  if (site !== null && site !== "same-origin") return true;
  const origin = headers.get("origin");
  if (origin === null) return false;
  const name = hostName(origin.replace(/^https?:\/\//i, ""));
  return name === null || name !== hostName(headers.get("host") ?? "");
}

/** So many requests, and no more. */
export class Quota {
  readonly #burst: number;
  readonly #perSecond: number;
  #left: number;
  #last = 0;

  /** How many at once, and in a second in the long run. */
  constructor(burst: number, perSecond: number) {
    this.#burst = this.#left = burst;
    this.#perSecond = perSecond;
  }

  /** Takes one at `now`, milliseconds; false where there is none left. */
  take(now: number): boolean {
    this.#left = Math.min(this.#burst, this.#left + Math.max(0, now - this.#last) * this.#perSecond / 1000);
    this.#last = now;
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }
}

/** Somebody who gave the token. */
export interface Session {
  /** What its forms carry, and no other page can know. */
  readonly secret: string;
  /** What is to be said on the next page. */
  said: string;
}

interface Kept extends Session {
  readonly until: number;
  readonly token: Uint8Array;
}

/** Those who gave the token. Another token ends all of their sessions. */
export class Sessions {
  readonly #path: string;
  readonly #kept = new Map<string, Kept>();

  /** The token is read from the file at `path` whenever it is needed. */
  constructor(path: string) {
    this.#path = path;
  }

  /** Why nobody can give a token; empty where one can. */
  get closed(): string {
    const token = readToken(this.#path);
    return "why" in token ? token.why : "";
  }

  /** Begins a session for who gives the right token: answers its number; null for a wrong one. `now` is milliseconds. */
  async begin(given: string, now: number): Promise<string | null> {
    const token = readToken(this.#path);
    if ("why" in token || given.length > LONGEST_TOKEN) return null;
    const [right, found] = [await digest(token.token), await digest(given)];
    if (!sameBytes(right, found)) return null;
    const number = secret();
    this.#kept.set(number, { secret: secret(), said: "", until: now + LASTS, token: right });
    if (this.#kept.size > SESSIONS) this.#kept.delete(this.#kept.keys().next().value!);
    return number;
  }

  /** The session that a request belongs to. */
  async of(headers: Headers, now: number): Promise<Session | null> {
    const number = numberOf(headers);
    const kept = this.#kept.get(number);
    if (kept === undefined) return null;
    const token = readToken(this.#path);
    if (kept.until > now && "token" in token && sameBytes(kept.token, await digest(token.token))) return kept;
    this.#kept.delete(number);
    return null;
  }

  /** Ends the session that a request belongs to. */
  end(headers: Headers): void {
    this.#kept.delete(numberOf(headers));
  }
}

function numberOf(headers: Headers): string {
  const cookies = headers.get("cookie") ?? "";
  return new RegExp(`(?:^|;\\s*)${COOKIE}=([0-9a-f]{64})(?:;|$)`).exec(cookies)?.[1] ?? "";
}

function secret(): string {
  return crypto.getRandomValues(new Uint8Array(32)).toHex();
}

async function digest(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
}

/** In a time that does not tell where they differ. */
function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  let differ = one.length ^ other.length;
  for (let i = 0; i < one.length; i++) differ |= one[i]! ^ other[i]!;
  return differ === 0;
}

/** Whether a form carries the secret of the session. */
export async function isOurForm(session: Session, given: string): Promise<boolean> {
  return sameBytes(await digest(session.secret), await digest(given));
}
