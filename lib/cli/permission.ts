/**
 * Which capabilities this process has, from the text of /proc/self/status.
 * @module
 */

/** Bits of a capability mask (linux/capability.h). */
const CAP_NET_ADMIN = 12n;
const CAP_NET_RAW = 13n;

/** The two that ftwall needs. */
export interface Capabilities {
  /** Queues and firewall rules. */
  readonly admin: boolean;
  /** Decoys and probes. */
  readonly raw: boolean;
}

/** Reads the effective capabilities; null where the text does not say. */
export function readCapabilities(status: string): Capabilities | null {
  const match = /^CapEff:\s*([0-9a-f]{1,16})$/m.exec(status);
  if (match === null) return null;
  const mask = BigInt(`0x${match[1] ?? "0"}`);
  return { admin: ((mask >> CAP_NET_ADMIN) & 1n) === 1n, raw: ((mask >> CAP_NET_RAW) & 1n) === 1n };
}

/** Whether this process may open queues and change rules; true where that cannot be told. */
export function mayAdministrate(): boolean {
  try {
    return readCapabilities(Deno.readTextFileSync("/proc/self/status"))?.admin !== false;
  } catch {
    return true;
  }
}
