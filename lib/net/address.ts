/**
 * Addresses as four 32-bit words: the one key for both families.
 *
 * Words are signed (`| 0`), because V8 keeps a signed 32-bit value as a small integer where an unsigned one may cost a
 * heap number. An IPv4 address is its mapped form `::ffff:a.b.c.d` (RFC 4291 section 2.5.5.2): words `0, 0, 0xffff, a.b.c.d`.
 * @module
 */
import type { Prefix } from "./prefix_set.ts";

export { type Prefix, PrefixSet } from "./prefix_set.ts";

/** An address: four signed 32-bit words, most significant first; IPv4 is mapped. */
export type Words = readonly [number, number, number, number];

/** Third word of a mapped IPv4 address (the first two are 0). */
const MAPPED = 0xffff;

const DOT = 0x2e;
const COLON = 0x3a;

/** Reads `a.b.c.d` in `text[from … to)` as a signed word; NaN where it is anything else. Leading zeros are refused: some readers take them as octal. */
function dottedQuad(text: string, from: number, to: number): number {
  let word = 0;
  let at = from;
  for (let part = 0; part < 4; part++) {
    if (part > 0 && text.charCodeAt(at++) !== DOT) return NaN;
    const first = at;
    let value = 0;
    while (at < to && at - first < 4) {
      const digit = text.charCodeAt(at) - 0x30;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
      at++;
    }
    const digits = at - first;
    if (digits === 0 || digits > 3 || value > 255 || (digits > 1 && text.charCodeAt(first) === 0x30)) return NaN;
    word = (word << 8) | value;
  }
  return at === to ? word : NaN;
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

/** RFC 4291 section 2.2, all three forms. Zone identifiers (RFC 4007) are refused: they mean nothing away from one host. */
function parseIPv6(text: string): Words | null {
  const groups: number[] = [];
  let gap = -1;
  let at = 0;
  if (text.startsWith("::")) {
    gap = 0;
    at = 2;
  } else if (text.charCodeAt(0) === COLON) {
    return null;
  }
  while (at < text.length) {
    if (groups.length === 8) return null;
    const first = at;
    let value = 0;
    while (at < text.length && at - first < 5) {
      const digit = hexDigit(text.charCodeAt(at));
      if (digit < 0) break;
      value = (value << 4) | digit;
      at++;
    }
    if (text.charCodeAt(at) === DOT) {
      const word = dottedQuad(text, first, text.length);
      if (Number.isNaN(word) || groups.length > 6) return null;
      groups.push(word >>> 16, word & 0xffff);
      at = text.length;
      break;
    }
    if (at === first || at - first > 4) return null;
    groups.push(value);
    if (at === text.length) break;
    if (text.charCodeAt(at++) !== COLON) return null;
    if (text.charCodeAt(at) === COLON) {
      if (gap >= 0) return null;
      gap = groups.length;
      at++;
    } else if (at === text.length) {
      return null;
    }
  }
  // "::" stands for at least one group here, as node:net and inet_pton have it: eight written groups leave none.
  if (gap < 0 ? groups.length !== 8 : groups.length > 7) return null;
  if (gap >= 0) groups.splice(gap, 0, ...new Array<number>(8 - groups.length).fill(0));
  const word = (i: number): number => (groups[i * 2]! << 16) | groups[i * 2 + 1]!;
  return [word(0), word(1), word(2), word(3)];
}

/**
 * Reads an IPv4 or IPv6 address; null where the text is anything else. Strict: no spaces, no leading zeros in dotted
 * quads, no zone, no brackets, no port.
 */
export function parseAddress(text: string): Words | null {
  // The longest legal text is ::ffff form with a dotted quad, written in full: 45 characters.
  if (text.length > 45 || text.length < 2) return null;
  if (text.includes(":")) return parseIPv6(text);
  const word = dottedQuad(text, 0, text.length);
  return Number.isNaN(word) ? null : [0, 0, MAPPED, word];
}

/** True where the words hold a mapped IPv4 address. */
export function isIPv4(w0: number, w1: number, w2: number): boolean {
  return (w0 | w1) === 0 && w2 === MAPPED;
}

/** Writes an address as RFC 5952 has it: lower case, the longest run of zero groups as `::`; a mapped one as its dotted quad. */
export function formatAddress(w0: number, w1: number, w2: number, w3: number): string {
  if (isIPv4(w0, w1, w2)) return `${w3 >>> 24}.${(w3 >>> 16) & 255}.${(w3 >>> 8) & 255}.${w3 & 255}`;
  const groups = [w0 >>> 16, w0 & 0xffff, w1 >>> 16, w1 & 0xffff, w2 >>> 16, w2 & 0xffff, w3 >>> 16, w3 & 0xffff];
  let bestAt = -1;
  let best = 1; // a single zero group is not shortened (section 4.2.2)
  for (let i = 0; i < 8; i++) {
    let run = 0;
    while (i + run < 8 && groups[i + run] === 0) run++;
    if (run > best) {
      best = run;
      bestAt = i;
    }
    if (run > 0) i += run - 1;
  }
  const hex = groups.map((group) => group.toString(16));
  if (bestAt < 0) return hex.join(":");
  return `${hex.slice(0, bestAt).join(":")}::${hex.slice(bestAt + best).join(":")}`;
}

/** Word `index` (0 … 3) of the mask of a prefix of `bits` (0 … 128). */
function maskWord(bits: number, index: number): number {
  const own = bits - index * 32;
  return own <= 0 ? 0 : own >= 32 ? -1 : -1 << (32 - own);
}

/** What is wrong with the text of a prefix, or the prefix. */
function readPrefix(text: string): Prefix | string {
  const slash = text.indexOf("/");
  const words = parseAddress(slash < 0 ? text : text.slice(0, slash));
  if (words === null) return "not an IPv4 or IPv6 address";
  // A mapped address written in full counts the 96 bits of the mapping in its length, a dotted quad does not.
  const dotted = !text.includes(":");
  const most = dotted ? 32 : 128;
  let bits = 128;
  if (slash >= 0) {
    const digits = text.slice(slash + 1);
    if (!/^(0|[1-9][0-9]{0,2})$/.test(digits) || Number(digits) > most) {
      return `the length after "/" must be a whole number from 0 to ${most}`;
    }
    bits = Number(digits) + (dotted ? 96 : 0);
  }
  const base: Words = [
    words[0] & maskWord(bits, 0),
    words[1] & maskWord(bits, 1),
    words[2] & maskWord(bits, 2),
    words[3] & maskWord(bits, 3),
  ];
  const family = bits >= 96 && isIPv4(words[0], words[1], words[2]) ? 4 : 6;
  const prefix: Prefix = { words: base, bits, family };
  if (base.some((word, i) => word !== words[i])) {
    return `the address has bits set beyond the length: write "${formatPrefix(prefix)}" for the network`;
  }
  return prefix;
}

/**
 * Reads `10.0.0.0/8`, `fc00::/7` or a bare address (the whole of it: /32 or /128); null where the text is anything else.
 * Bits beyond the length are refused, as they are most often a slip; {@link whyNotPrefix} says so.
 */
export function parsePrefix(text: string): Prefix | null {
  const read = readPrefix(text);
  return typeof read === "string" ? null : read;
}

/** Why {@link parsePrefix} refuses the text, for an error message; empty where it does not. */
export function whyNotPrefix(text: string): string {
  const read = readPrefix(text);
  return typeof read === "string" ? read : "";
}

/** Writes a prefix as the config has it; always with its length. */
export function formatPrefix(prefix: Prefix): string {
  const [w0, w1, w2, w3] = prefix.words;
  const bits = prefix.family === 4 ? prefix.bits - 96 : prefix.bits;
  return `${formatAddress(w0, w1, w2, w3)}/${bits}`;
}

/**
 * True for addresses that are not unique in the world: RFC 1918, carrier-grade NAT (RFC 6598), link-local, unique local
 * (RFC 4193) and the old site-local.
 */
export function isPrivate(w0: number, w1: number, w2: number, w3: number): boolean {
  if (isIPv4(w0, w1, w2)) {
    const first = w3 >>> 24;
    if (first === 10) return true;
    if (first === 172) return (w3 & 0x00f00000) === 0x00100000;
    if (first === 192) return (w3 & 0x00ff0000) === 0x00a80000;
    if (first === 100) return (w3 & 0x00c00000) === 0x00400000;
    return first === 169 && (w3 & 0x00ff0000) === 0x00fe0000;
  }
  const top = w0 >>> 16;
  return (top & 0xfe00) === 0xfc00 || (top & 0xff80) === 0xfe80;
}

/**
 * True for addresses that must never be learned as a peer or trained, whoever names them: private, loopback, multicast,
 * unspecified ("this network"), link-local, reserved and broadcast. Otherwise a made-up answer that names one could cut off
 * machines at home.
 */
export function isUnlearnable(w0: number, w1: number, w2: number, w3: number): boolean {
  if (isIPv4(w0, w1, w2)) {
    const first = w3 >>> 24;
    return first === 0 || first === 127 || first >= 224 || isPrivate(w0, w1, w2, w3);
  }
  // ::/96 is unspecified, loopback and the IPv4-compatible form, which nobody may use (RFC 4291 section 2.5.5.1).
  if ((w0 | w1 | w2) === 0 || w0 >>> 24 === 0xff) return true;
  return isPrivate(w0, w1, w2, w3);
}

/** A MAC address: the first 16 bits, and the last 32 as a signed word. It stays when a client changes its IP address. */
export type Mac = readonly [high: number, low: number];

const MAC_TEXT = /^[0-9a-f]{2}(?:(?::[0-9a-f]{2}){5}|(?:-[0-9a-f]{2}){5})$/i;

/** Reads `aa:bb:cc:dd:ee:ff` or `aa-bb-cc-dd-ee-ff`; null where the text is anything else. */
export function parseMac(text: string): Mac | null {
  if (!MAC_TEXT.test(text)) return null;
  const digits = text.replaceAll(text[2]!, "");
  return [parseInt(digits.slice(0, 4), 16), parseInt(digits.slice(4), 16) | 0];
}

/** Writes a MAC address as `aa:bb:cc:dd:ee:ff`. */
export function formatMac(high: number, low: number): string {
  const digits = (high & 0xffff).toString(16).padStart(4, "0") + (low >>> 0).toString(16).padStart(8, "0");
  return digits.replace(/(..)(?=.)/g, "$1:");
}
