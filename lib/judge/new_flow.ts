/**
 * The first packet of a flow: who is the client.
 * @module
 */
import { isPrivate } from "../net/address.ts";
import type { Policy } from "../policy/policy.ts";
import {
  CLOSING,
  DATA_PACKETS,
  EPOCH,
  FLAGS,
  FLOW_WORDS,
  type FlowTable,
  LOCAL,
  OPENER_BASE,
  OPENER_BASED,
  OPENER_IS_CLIENT,
  PASS,
  REFUSED,
} from "../state/flow_table.ts";
import type { State } from "../state/state.ts";
import { DNS } from "../wire/dns.ts";
import { HOOK_INPUT, HOOK_OUTPUT, type Packet } from "../wire/packet.ts";

/** Works out who is the client of a flow that was just opened, and whether it is ftwall's business at all. */
export function openFlow(
  state: State,
  policy: Policy,
  row: number,
  packet: Packet,
  homeAny: boolean,
  now: number,
): void {
  const { s0, s1, s2, s3, d0, d1, d2, d3 } = packet;
  const words = state.flows.words;
  const flow = row * FLOW_WORDS;
  let flags = words[flow + FLAGS]!;
  const sourceHome = policy.isHome(s0, s1, s2, s3);
  const destinationHome = policy.isHome(d0, d1, d2, d3);
  let openerIsClient = sourceHome;
  const dns = packet.sport === DNS || packet.dport === DNS;
  if (homeAny) {
    const sourcePrivate = isPrivate(s0, s1, s2, s3);
    openerIsClient = sourcePrivate === isPrivate(d0, d1, d2, d3) ? !(dns && packet.sport === DNS) : sourcePrivate;
  } else if (packet.hook === HOOK_INPUT) {
    flags |= LOCAL;
    openerIsClient = true;
    if (!sourceHome) flags |= PASS;
  } else if (packet.hook === HOOK_OUTPUT) {
    flags |= LOCAL;
    openerIsClient = false;
    if (!destinationHome) flags |= PASS;
  } else if (sourceHome === destinationHome) {
    // A resolver at home (the router of a capture, for one) still answers for the wildcards.
    if (sourceHome && dns) {
      flags |= LOCAL;
      openerIsClient = packet.dport === DNS;
    } else flags |= PASS;
  }
  if (openerIsClient) {
    flags |= OPENER_IS_CLIENT;
    // Not of packets from outside to the router: a flood of sources would push out what is known of home.
    if ((packet.macHigh | packet.macLow) !== 0 && (flags & PASS) === 0) {
      const { neighbours } = state;
      const at = neighbours.insert(s0, s1, s2, s3, 0, now + 3_600_000) * 2;
      neighbours.values[at] = packet.macHigh;
      neighbours.values[at + 1] = packet.macLow;
    }
  }
  words[flow + FLAGS] = flags;
  words[flow + EPOCH] = 0;
}

/** True where a SYN begins another connection between the same ports, not the same one again. */
export function isReused(flows: FlowTable, row: number, packet: Packet, fromOpener: boolean): boolean {
  const words = flows.words;
  const flow = row * FLOW_WORDS;
  // The ends of most flows are not seen. Both sides may open a connection at once, but not where one has already spoken.
  if (!fromOpener) {
    const flags = words[flow + FLAGS]!;
    return (flags & CLOSING) !== 0 || (words[flow + DATA_PACKETS] !== 0 && (flags & REFUSED) === 0);
  }
  if ((words[flow + FLAGS]! & OPENER_BASED) === 0) return true;
  return words[flow + OPENER_BASE] !== ((packet.seq + 1) | 0);
}
