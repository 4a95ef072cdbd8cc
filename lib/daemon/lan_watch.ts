/**
 * Reads the interfaces towards home: whether they exist, and their on-link prefixes. Those prefixes are home too: public IPv6
 * addresses of clients come from the provider, so that no config can name them.
 * @module
 */
import { formatAddress, isUnlearnable, parseAddress, parsePrefix } from "../net/address.ts";
import type { Words } from "../net/address.ts";

/** One address of an interface, as `Deno.networkInterfaces` gives it. */
export interface InterfaceAddress {
  readonly name: string;
  readonly address: string;
  readonly netmask: string;
}

/** What was seen. */
export interface LanFacts {
  /** Names of the interfaces towards home that exist. */
  readonly interfaces: readonly string[];
  /** Names and wildcards of the config for which there is no interface. */
  readonly missing: readonly string[];
  /** On-link prefixes, sorted, without loopback. Link-local ones are among them: clients use them to ask the router's DNS. */
  readonly prefixes: readonly string[];
}

/** Finds the interfaces that `names` of the config stand for among those `present`, and their prefixes. */
export function lanFacts(
  names: readonly string[],
  present: readonly string[],
  addresses: readonly InterfaceAddress[],
): LanFacts {
  const is = (name: string, iface: string) => /[*+]$/.test(name) ? iface.startsWith(name.slice(0, -1)) : iface === name;
  const interfaces = [...new Set(present)].filter((iface) => names.some((name) => is(name, iface))).sort();
  const missing = names.filter((name) => !present.some((iface) => is(name, iface)));
  const prefixes = new Set<string>();
  for (const { name, address, netmask } of addresses) {
    if (!interfaces.includes(name)) continue;
    const prefix = onLink(address, netmask);
    if (prefix !== null) prefixes.add(prefix);
  }
  return { interfaces, missing, prefixes: [...prefixes].sort() };
}

/** The same with the interfaces of this machine. Starts no program. */
export function readLan(names: readonly string[]): LanFacts {
  if (names.length === 0) return { interfaces: [], missing: [], prefixes: [] };
  const addresses = Deno.networkInterfaces();
  return lanFacts(names, [...addresses.map(({ name }) => name), ...listDevices()], addresses);
}

/** The names of all interfaces, also of those without an address, from /proc/net/dev. */
export function listDevices(): string[] {
  try {
    return Deno.readTextFileSync("/proc/net/dev").split("\n").slice(2).map((line) => line.split(":")[0]!.trim())
      .filter((name) => name !== "");
  } catch {
    return [];
  }
}

/** The prefix of an address and its mask; null where it holds nobody else, or everybody. */
function onLink(address: string, netmask: string): string | null {
  const words = parseAddress(address.split("%")[0]!);
  const mask = parseAddress(netmask);
  if (words === null || mask === null) return null;
  const four = words[0] === 0 && words[1] === 0 && words[2] === 0xffff;
  let bits = 0;
  for (const word of four ? [mask[3]] : mask) bits += ones(word);
  if (bits === 0 || (four && words[3] >>> 24 === 127)) return null;
  const base: Words = four
    ? [0, 0, 0xffff, words[3] & mask[3]]
    : [words[0] & mask[0], words[1] & mask[1], words[2] & mask[2], words[3] & mask[3]];
  if (!four && bits === 128 && isUnlearnable(...words)) return null;
  const text = `${formatAddress(...base)}/${bits}`;
  return parsePrefix(text) === null ? null : text;
}

function ones(word: number): number {
  let count = 0;
  for (let rest = word >>> 0; rest !== 0; rest = (rest << 1) >>> 0) count++;
  return count;
}
