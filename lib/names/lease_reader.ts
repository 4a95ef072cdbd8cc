/**
 * Reads who has which address: leases of dnsmasq (OpenWrt too), Kea and ISC dhcpd, and the lines of hosts and ethers. Every
 * line says itself what it is, so that nobody has to say it of a file. Names in leases are what clients call themselves:
 * what is no plain host name is passed by and counted.
 * @module
 */
import { formatAddress, formatMac, parseAddress, parseMac } from "../net/address.ts";

/** A name for an address, a MAC, or both. */
export interface NamedHost {
  readonly name: string;
  /** Canonical; empty where only the MAC is known. */
  readonly address: string;
  /** Canonical; empty where it is not known. */
  readonly mac: string;
}

/** Characters of the longest line that is looked at. */
const LONGEST_LINE = 1024;

/** Takes the lines of one file. */
export class LeaseReader {
  /** Lines that were none of any kind. */
  bad = 0;
  readonly #found: (host: NamedHost) => void;
  readonly #gone: (address: string) => void;
  readonly #leased: (address: string, mac: string) => void;
  readonly #now: number;
  /** Where Kea's columns are; null before its heading. */
  #columns: ReadonlyMap<string, number> | null = null;
  /** The lease of ISC dhcpd that is being read. */
  #lease: { readonly address: string; mac: string; name: string; over: boolean } | null = null;

  /**
   * Tells hosts to `found`, addresses whose lease ended to `gone`, and to `leased` which MAC an address was given to, also
   * where that machine has no name; `now` is the wall clock in milliseconds.
   */
  constructor(
    now: number,
    found: (host: NamedHost) => void,
    gone: (address: string) => void,
    leased: (address: string, mac: string) => void = () => {},
  ) {
    this.#now = now;
    this.#found = found;
    this.#gone = gone;
    this.#leased = leased;
  }

  /** Takes the next line, without its line feed. Never throws. */
  line(text: string): void {
    const line = text.length > LONGEST_LINE ? "" : text.trim();
    if (text.length > LONGEST_LINE) this.bad++;
    if (line === "" || line.startsWith("#")) return;
    if (this.#lease !== null) return this.#withinLease(line);
    if (line.startsWith("address,")) {
      this.#columns = new Map(line.split(",").map((title, at) => [title, at]));
      return;
    }
    if (this.#columns !== null && line.includes(",")) return this.#kea(line.split(","), this.#columns);
    const words = line.split(/\s+/);
    if (words[0] === "lease" && words[2] === "{") {
      const address = addressOf(words[1]);
      if (address === "") this.bad++;
      this.#lease = { address, mac: "", name: "", over: false };
      return;
    }
    if (isStatement(line)) return;
    if (!this.#dnsmasq(words) && !this.#hosts(words) && !this.#ethers(words)) this.bad++;
  }

  /** `expiry mac address name client-id`; for DHCPv6 the identity association stands where the MAC is. 0 is for ever. */
  #dnsmasq([expiry = "", mac = "", ip = "", name = ""]: readonly string[]): boolean {
    if (!/^\d{1,12}$/.test(expiry)) return expiry === "duid";
    const address = addressOf(ip);
    if (address === "") return false;
    const ends = Number(expiry) * 1000;
    if (ends !== 0 && ends < this.#now) this.#gone(address);
    else this.#given(address, macOf(mac), name === "*" ? "" : name);
    return true;
  }

  /** `address name alias …` of hosts(5). */
  #hosts([ip = "", name = ""]: readonly string[]): boolean {
    const address = addressOf(ip);
    if (address === "" || name === "") return false;
    if (!isOwn(address)) this.#tell(name, address, "");
    return true;
  }

  /** `mac name` of ethers(5), or `mac address`, which names nobody and is as good as a lease. */
  #ethers([first = "", name = ""]: readonly string[]): boolean {
    const mac = macOf(first);
    if (mac === "" || name === "") return false;
    if (addressOf(name) === "") this.#tell(name, "", mac);
    else this.#leased(addressOf(name), mac);
    return true;
  }

  /** A line of Kea's memfile; a later one for an address takes the place of an earlier one. */
  #kea(values: readonly string[], columns: ReadonlyMap<string, number>): void {
    const value = (title: string) => values[columns.get(title) ?? -1] ?? "";
    const address = addressOf(value("address"));
    if (address === "") {
      this.bad++;
      return;
    }
    const over = (value("state") !== "0" && value("state") !== "") || Number(value("expire")) * 1000 < this.#now ||
      value("valid_lifetime") === "0";
    if (over) this.#gone(address);
    else this.#given(address, macOf(value("hwaddr")), value("hostname"));
  }

  #withinLease(line: string): void {
    const lease = this.#lease!;
    if (line === "}") {
      this.#lease = null;
      if (lease.address === "") return;
      if (lease.over) this.#gone(lease.address);
      else this.#given(lease.address, lease.mac, lease.name);
      return;
    }
    const mac = /^hardware ethernet ([0-9a-fA-F:]{11,17});$/.exec(line);
    if (mac !== null) lease.mac = macOf(mac[1]);
    const name = /^client-hostname "([^"]*)";$/.exec(line);
    if (name !== null) lease.name = name[1]!;
    const state = /^binding state (\w+);$/.exec(line);
    if (state !== null) lease.over = state[1] !== "active";
  }

  #given(address: string, mac: string, name: string): void {
    if (mac !== "") this.#leased(address, mac);
    if (name !== "") this.#tell(name, address, mac);
  }

  #tell(text: string, address: string, mac: string): void {
    const name = hostName(text);
    if (name === "") this.bad++;
    else this.#found({ name, address, mac });
  }
}

/** A host name as it can be typed and shown: letters, digits, `-`, `_` and `.`; empty where it is none. */
export function hostName(text: string): string {
  const name = text.endsWith(".") ? text.slice(0, -1) : text;
  if (!/^[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9_])?$/.test(name)) return "";
  // A client that calls itself like an address must not be taken for that one.
  return addressOf(name) === "" && macOf(name) === "" && !/^[\d.]+$/.test(name) ? name : "";
}

/** Statements of dhcpd.leases outside of leases. */
function isStatement(line: string): boolean {
  return line === "}" || /^(?:server-duid|authoring-byte-order|failover|host|group|ia-na|ia-ta|ia-pd)\b/.test(line) ||
    /^[a-z-]+ .*;$/.test(line);
}

/** Addresses that every machine has itself, and those of groups. */
function isOwn(address: string): boolean {
  return address.startsWith("127.") || address === "::1" || address.startsWith("ff") || address === "0.0.0.0" ||
    address === "255.255.255.255";
}

function addressOf(text: string | undefined): string {
  const words = parseAddress(text ?? "");
  return words === null ? "" : formatAddress(...words);
}

function macOf(text: string | undefined): string {
  const mac = parseMac(text ?? "");
  return mac === null ? "" : formatMac(...mac);
}
