/**
 * The kinds of values that are peculiar to ftwall: prefixes, wildcards, queue numbers, days, hours.
 * @module
 */
import { formatMac, formatPrefix, parseAddress, parseMac, parsePrefix, whyNotPrefix } from "../net/address.ts";
import { whyNotPattern } from "../wire/dns_name.ts";
import { type Kind, text, wholeNumber, writeText } from "./kind.ts";
import { nearest } from "./nearest.ts";
import { DAY, isZone } from "./week.ts";

/** Most queues of one process: one for each of the cores that a router may have. */
const MOST_QUEUES = 64;
const ALL_DAYS: readonly string[] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/** Queue numbers `first` to `last`, both included. */
export interface QueueNumbers {
  /** First queue number, 0 … 65535. */
  readonly first: number;
  /** Last queue number, not below `first`. */
  readonly last: number;
}

/** Minutes of the day; `to <= from` crosses midnight; `to` may be 1440. */
export interface Slot {
  /** First minute, 0 … 1439. */
  readonly from: number;
  /** Minute after the last, 1 … 1440. */
  readonly to: number;
}

/** `10.0.0.0/8`, `fc00::/7`, a bare address; canonical with its length. */
export const prefix: Kind<string> = text(
  'an IPv4 or IPv6 address or prefix such as "192.168.1.0/24", "fd00::/8"',
  readPrefix,
  suggestPrefix,
);

function readPrefix(value: string): string | Error | null {
  const found = parsePrefix(value);
  if (found !== null) return formatPrefix(found);
  return suggestPrefix(value) === undefined ? null : new Error("bits are set beyond the prefix length");
}

/** The network that a prefix with host bits most likely meant; the address parser names it in its reason. */
function suggestPrefix(value: string): string | undefined {
  const trimmed = value.trim();
  if (trimmed !== value && parsePrefix(trimmed) !== null) return trimmed;
  return /"([^"]+)"/.exec(whyNotPrefix(value).replace('after "/"', ""))?.[1];
}

function readMac(value: string): string | Error | null {
  const found = parseMac(value);
  if (found === null) return null;
  if ((found[0] | found[1]) === 0) return new Error("no machine has this address");
  if ((found[0] & 0x0100) !== 0) return new Error("a group address, no machine's own");
  return formatMac(found[0], found[1]);
}

/** A hardware address. */
export const mac: Kind<string> = text('a MAC address such as "00:11:22:aa:bb:cc"', readMac);

/** A prefix or a hardware address. */
export const client: Kind<string> = text(
  'an address, prefix or MAC such as "192.168.1.5", "fd00::/8", "00:11:22:aa:bb:cc"',
  (value) => parseMac(value) === null ? readPrefix(value) : readMac(value),
  suggestPrefix,
);

/** A network interface: at most 15 bytes (IFNAMSIZ), only characters that need no quoting in firewall rules. */
export const networkInterface: Kind<string> = text(
  'an interface name of 1 to 15 letters, digits, ".", "_", "-", "@", such as "br-lan"; a "*" at the end matches any ending',
  (value) =>
    /^(?!-)(?!\.\.?$)[A-Za-z0-9._@-]{1,15}$|^[A-Za-z0-9._@][A-Za-z0-9._@-]{0,13}\*$/.test(value) ? value : null,
);

function readWildcard(value: string): string | Error | null {
  const reason = whyNotPattern(value);
  if (reason !== "") return value.length > 0 ? new Error(reason) : null;
  const name = value.toLowerCase().replace(/\.$/, "");
  if (/^(\*?\.)[^.]*$/.test(name)) return new Error("this would match a whole top-level domain");
  return /^\d+(\.\d+){3}$/.test(name) ? new Error("an address, not a name") : name;
}

/** A DNS name or wildcard, as the name sets of lib/wire read it. */
export const wildcard: Kind<string> = text(
  'a DNS name such as "tracker.example.org", "*.example.org" for every name below it, or ".example.org" for it and those',
  readWildcard,
  (found) => {
    if (parsePrefix(found) !== null) return undefined;
    const meant = found.trim().replace(/^[a-z]+:\/\//, "").replace(/[/:].*$/, "").replace(/^\*?\.?/, "*.");
    return typeof readWildcard(meant) === "string" ? meant : undefined;
  },
);

/** An info-hash as in torrents' pages and magnet links; base32 becomes hexadecimal. */
export const infoHash: Kind<string> = text(
  "an info-hash of 40 hexadecimal digits or 32 of base32 (version 1), or of 64 hexadecimal digits (version 2)",
  (value) => {
    if (/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/i.test(value)) return value.toLowerCase();
    return /^[a-z2-7]{32}$/i.test(value) ? fromBase32(value.toUpperCase()) : null;
  },
);

/** Hexadecimal of base32 (RFC 4648 section 6) without padding: eight digits are five bytes. */
function fromBase32(text: string): string {
  const bits = Array.from(text, (digit) => BASE32.indexOf(digit).toString(2).padStart(5, "0")).join("");
  return (bits.match(/.{4}/g) ?? []).map((four) => parseInt(four, 2).toString(16)).join("");
}

const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

const PLAIN_NAME = /^[A-Za-z0-9_][A-Za-z0-9_-]{0,31}$/;

/** Name of a client group; also accepted from the operator's commands, so kept plain. */
export const groupName: Kind<string> = text(
  'a name of 1 to 32 letters, digits, "_", "-", other than "default"',
  (value) => {
    if (value === "default") return new Error("this means the clients of no group");
    return PLAIN_NAME.test(value) ? value : null;
  },
);

/** Name of a target of notifications. */
export const targetName: Kind<string> = text(
  'a name of 1 to 32 letters, digits, "_", "-"',
  (value) => PLAIN_NAME.test(value) ? value : null,
);

/** A reference to a client group; that it exists is checked when all groups are known. */
export const groupReference: Kind<string> = text(
  'the name of a group of [[clients]], or "default" for the clients of no group',
  (value) => PLAIN_NAME.test(value) ? value : null,
);

/** A label for people. */
export const label: Kind<string> = text(
  "a text of at most 64 printable characters",
  (value) => value.length <= 64 && /^[^\p{C}]*$/u.test(value) ? value : null,
);

/** An absolute path, or empty. */
export const path: Kind<string> = text(
  'an absolute path such as "/var/lib/ftwall/state", or "" for none',
  (value) => value === "" || /^\/[^\p{Cc}]{0,4000}$/u.test(value) ? value : null,
);

/** The absolute path of a program. */
export const program: Kind<string> = text(
  'an absolute path such as "/usr/sbin/sendmail"',
  (value) => /^\/[^\p{Cc}]{1,4000}$/u.test(value) ? value : null,
);

/** One argument of a program: any text without a zero. */
export const argument: Kind<string> = text(
  "a text of at most 4000 characters",
  (value) => value.length <= 4000 && !value.includes("\0") ? value : null,
);

/** The address of a web service, or empty; in the spelling of the URL standard. */
export const webhook: Kind<string> = text(
  'an address such as "https://hooks.example.org/ftwall", or "" for none',
  (value) => {
    if (value === "") return value;
    const url = URL.parse(value);
    if (url === null || !/^https?:$/.test(url.protocol) || value.length > 2000) return null;
    if (url.username !== "" || url.password !== "") return new Error("a password belongs into token");
    return url.hash === "" ? url.href : null;
  },
  (found) => /^[\w.-]+\.[\w.:/-]+$/.test(found) ? `https://${found}` : undefined,
);

/** A secret that travels in a header of HTTP, or empty. */
export const token: Kind<string> = text(
  "a text of at most 2000 visible ASCII characters",
  (value) => /^[\x21-\x7e]{0,2000}$/.test(value) ? value : null,
);

/** A mail address, or the name of a user of this machine. Nothing in it can end a header or be taken for an option. */
export const mailAddress: Kind<string> = text(
  'a mail address such as "admin@example.org"',
  (value) =>
    /^[A-Za-z0-9_][A-Za-z0-9._+=/-]{0,63}(?:@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,180}[A-Za-z0-9])?)?$/.test(value)
      ? value
      : null,
);

/** A mail server, or empty; its port is 25 unless named. */
export const mailServer: Kind<string> = text(
  'a mail server such as "127.0.0.1", "mail.lan:2525", "[::1]:25", or "" for none',
  (value) =>
    /^(?:(?:\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}))(?::[1-9]\d{0,4})?)?$/.test(value) &&
      Number(/:(\d+)$/.exec(value)?.[1] ?? 0) <= 65535
      ? value
      : null,
);

/** A user of the operating system, other than root. */
export const unixUser: Kind<string> = text(
  'a user of the system such as "nobody", other than root',
  (value) => {
    if (value === "root") return new Error("programs of notifications never run as root");
    return /^[a-z_][a-z0-9_-]{0,30}\$?$/i.test(value) ? value : null;
  },
);

/** An absolute path of a socket: sun_path holds 108 bytes with the final zero. */
export const socketPath: Kind<string> = text(
  'an absolute path of at most 107 bytes such as "/run/ftwall/control.sock"',
  readSocketPath,
);

function readSocketPath(value: string): string | null {
  return /^\/[^\p{Cc}]+$/u.test(value) && new TextEncoder().encode(value).length <= 107 ? value : null;
}

/** A group of the operating system, or empty. */
export const unixGroup: Kind<string> = text(
  'a group of the system such as "adm", or "" for root only',
  (value) => /^([a-z_][a-z0-9_-]{0,30}\$?|\d{1,9})?$/i.test(value) ? value : null,
);

/** Address and port to listen on, or empty. */
export const listen: Kind<string> = text(
  'an address with a port such as "127.0.0.1:9477", "[::1]:9477", or "" for off',
  readListen,
  nearestListen,
);

/** Where the page is: address and port, the path of a Unix socket, or empty. */
export const webListen: Kind<string> = text(
  'an address with a port such as "127.0.0.1:8464", "[::1]:8464", a path of at most 107 bytes such as "/run/ftwall/web.sock", or "" for off',
  (value) => value.startsWith("/") ? readSocketPath(value) : readListen(value),
  nearestListen,
);

function readListen(value: string): string | null {
  if (value === "") return value;
  const match = /^(?:\[([0-9a-f:.]+)\]|([0-9.]+)):([1-9]\d{0,4})$/i.exec(value);
  const [, six, four, port] = match ?? [];
  if (match === null || Number(port) > 65535) return null;
  const known = six === undefined
    ? four !== undefined && parseAddress(four) !== null
    : six.includes(":") && parseAddress(six) !== null;
  return known ? value.toLowerCase() : null;
}

function nearestListen(found: string): string {
  return /^\d{1,5}$/.test(found) ? `127.0.0.1:${found}` : found.replace(/^localhost:/, "127.0.0.1:");
}

/** A name by which a browser asks for a machine. */
export const webHost: Kind<string> = text(
  'a host name such as "router.example.org", without a port',
  (value) =>
    /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]*[a-z0-9])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9])?)*$/i.test(value)
      ? value.toLowerCase()
      : null,
  (found) => found.replace(/^https?:\/\//i, "").replace(/[:/].*$/, ""),
);

/** An IANA time zone, or empty. */
export const timezone: Kind<string> = text(
  'an IANA time zone such as "Europe/Berlin", or "" for the system\'s',
  (value) => value === "" || (value.length <= 64 && isZone(value)) ? value : null,
  (found) => nearest(found, Intl.supportedValuesOf("timeZone")),
);

function readQueueNumbers(value: unknown): QueueNumbers | null {
  const match = /^(\d{1,5})(?::(\d{1,5}))?$/.exec(
    typeof value === "number" ? String(value) : typeof value === "string" ? value : "",
  );
  if (match === null) return null;
  const first = Number(match[1]);
  const last = Number(match[2] ?? match[1]);
  return last < first || last > 65535 || last - first >= MOST_QUEUES ? null : { first, last };
}

/** `0`, `"0"` or `"0:3"`. */
export const queueNumbers: Kind<QueueNumbers> = {
  allowed: `a queue number from 0 to 65535, or a range of at most ${MOST_QUEUES} such as "0:3"`,
  read: readQueueNumbers,
  write: (numbers) => writeText(formatQueueNumbers(numbers)),
  suggest: (found) => {
    const match = typeof found === "string" ? /^\s*(\d{1,5})\s*(?:-|:|\.\.|,|to)\s*(\d{1,5})\s*$/.exec(found) : null;
    if (match === null) return undefined;
    const ends = [Number(match[1]), Number(match[2])].sort((a, b) => a - b);
    const meant = `${ends[0]}:${ends[1]}`;
    return readQueueNumbers(meant) === null ? undefined : writeText(meant);
  },
};

/** `"auto"` or a number of threads. */
export const threads: Kind<"auto" | number> = {
  allowed: `"auto", or a whole number from 1 to ${MOST_QUEUES}`,
  read: (value) => value === "auto" ? value : wholeNumber(value, 1, MOST_QUEUES),
  write: (value) => value === "auto" ? writeText(value) : String(value),
  suggest: (found) =>
    typeof found === "string" && /^[1-9]\d?$/.test(found) && Number(found) <= MOST_QUEUES
      ? `${found} (without quotes)`
      : undefined,
};

/** `0` or `0:3`. */
export function formatQueueNumbers({ first, last }: QueueNumbers): string {
  return first === last ? String(first) : `${first}:${last}`;
}

/** Which entry of a list is wrong. */
function unreadable(what: string, entry: string): Error {
  return new Error(`the ${what} ${JSON.stringify(entry.trim().slice(0, 20))}`);
}

/** A list of days, 0 = Sunday … 6 = Saturday, ascending; `"mon-fri"` stands for all of its days. */
export const days: Kind<readonly number[]> = {
  allowed: `a list of ${ALL_DAYS.map((day) => `"${day}"`).join(", ")}, or ranges such as "mon-fri"`,
  read: (value) => {
    if (!Array.isArray(value) || value.length === 0 || value.length > 14) return null;
    const set = new Set<number>();
    for (const entry of value) {
      const ends = typeof entry === "string" ? entry.toLowerCase().split("-").map((day) => ALL_DAYS.indexOf(day)) : [];
      const [from, to = from] = ends;
      if (ends.length > 2 || from === undefined || to === undefined || from < 0 || to < 0) {
        return typeof entry === "string" ? unreadable("day", entry) : new Error("an entry that is no text");
      }
      for (let day = from;; day = (day + 1) % 7) {
        set.add(day);
        if (day === to) break;
      }
    }
    return [...set].sort((a, b) => a - b);
  },
  write: (value) => `[${value.map((day) => writeText(ALL_DAYS[day]!)).join(", ")}]`,
  suggest: (found) => {
    const entries: unknown[] = Array.isArray(found) ? found : [found];
    const wrong = entries.find((entry) => typeof entry === "string" && !ALL_DAYS.includes(entry.toLowerCase()));
    const near = typeof wrong !== "string"
      ? undefined
      : nearest(wrong.slice(0, 3), ALL_DAYS) ?? nearest(wrong, ALL_DAYS);
    return near === undefined ? undefined : writeText(near);
  },
};

function readSlot(written: string): Slot | null {
  const match = /^\s*(\d\d?):(\d\d)\s*-\s*(\d\d?):(\d\d)\s*$/.exec(written);
  if (match === null) return null;
  const [fromHour, fromMinute, toHour, toMinute] = match.slice(1).map(Number) as [number, number, number, number];
  const from = fromHour * 60 + fromMinute;
  const to = toHour * 60 + toMinute;
  return fromMinute > 59 || toMinute > 59 || from >= DAY || to > DAY || from === to ? null : { from, to };
}

function writeSlot({ from, to }: Slot): string {
  const clock = (minute: number): string =>
    `${String(Math.floor(minute / 60)).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}`;
  return `${clock(from)}-${clock(to)}`;
}

/** `"08:00-16:00"`, several with commas, or a list of them; a slot that ends before it begins crosses midnight. */
export const hours: Kind<readonly Slot[]> = {
  allowed:
    '"HH:MM-HH:MM" from 00:00 to 24:00, several with commas or as a list such as ["08:00-12:00", "13:00-16:00"]; an end before the begin crosses midnight',
  read: (value) => {
    const texts: unknown[] = (Array.isArray(value) ? value : [value]).flatMap((entry: unknown) =>
      typeof entry === "string" ? entry.split(",") : [entry]
    );
    if (texts.length === 0 || texts.length > 48) return null;
    const slots: Slot[] = [];
    for (const entry of texts) {
      if (typeof entry !== "string") return null;
      const slot = readSlot(entry);
      if (slot === null) return texts.length > 1 || Array.isArray(value) ? unreadable("hours", entry) : null;
      slots.push(slot);
    }
    return slots;
  },
  write: (value) =>
    value.length === 1
      ? writeText(writeSlot(value[0]!))
      : `[${value.map((slot) => writeText(writeSlot(slot))).join(", ")}]`,
  suggest: (found) => {
    const entries: unknown[] = Array.isArray(found) ? found : [found];
    const wrong = entries.find((entry) => typeof entry === "string" && readSlot(entry) === null);
    const match = typeof wrong === "string"
      ? /^\s*(\d\d?)(?:[:.h]?(\d\d))?\s*(?:-|–|to)\s*(\d\d?)(?:[:.h]?(\d\d))?\s*$/.exec(wrong)
      : null;
    if (match === null) return undefined;
    const slot = readSlot(`${match[1]}:${match[2] ?? "00"}-${match[3]}:${match[4] ?? "00"}`);
    return slot === null ? undefined : writeText(writeSlot(slot));
  },
};
