/**
 * What the config says about names: the files, and groups of a single client.
 * @module
 */
import type { Config } from "../policy/config.ts";
import { parseMac, parsePrefix } from "../net/address.ts";
import type { Names } from "./names.ts";

/** Adds the clients that the config names: groups of one address or of one MAC. They count more than what a file says. */
export function addConfigNames(names: Names, { clients }: Config): void {
  for (const { name, addresses, macs } of clients) {
    if (addresses.length + macs.length !== 1) continue;
    const [address = ""] = addresses;
    const [mac = ""] = macs;
    if (address !== "" && !isOne(address)) continue;
    if (mac !== "" && parseMac(mac) === null) continue;
    names.replace({ name, address: address.split("/")[0] ?? "", mac });
  }
}

/** Whether a prefix is one address. */
function isOne(text: string): boolean {
  const prefix = parsePrefix(text);
  return prefix !== null && prefix.bits === 128;
}
