/**
 * The first packet of a flow: who is the client, and whether a known flow begins anew.
 * @module
 */
import { isPrivate } from "../net/address.ts";
import type { Policy } from "../policy/policy.ts";
import {
  BEGUN,
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
import { MAPPING_PORT } from "../wire/port_mapping.ts";
import { PROTOCOL_TCP } from "../wire/transport.ts";

/** Milliseconds for which a client's hardware address is remembered. */
const NEIGHBOUR_LIFETIME = 3_600_000;

/**
 * Sets the flags of a flow that was just opened: who is the client, and whether ftwall is concerned with it at all. Where the
 * opener's own first packet was let by unseen, this one may be the responder's.
 */
export function openFlow(
  state: State,
  policy: Policy,
  row: number,
  packet: Packet,
  fromOpener: boolean,
  homeAny: boolean,
  now: number,
): void {
  const { s0, s1, s2, s3, d0, d1, d2, d3 } = packet;
  const words = state.flows.words;
  const flow = row * FLOW_WORDS;
  let flags = words[flow + FLAGS]!;
  const sourceHome = policy.isHome(s0, s1, s2, s3);
  const destinationHome = policy.isHome(d0, d1, d2, d3);
  let openerIsClient = fromOpener ? sourceHome : destinationHome;
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
    // Both at home: nothing to judge, except that a capture may show what goes to the router and comes from it: a resolver's
    // answers teach addresses, and requests for port mappings tell of programs.
    if (sourceHome && dns) {
      flags |= LOCAL;
      openerIsClient = packet.dport === DNS;
    } else if (sourceHome && mayMap(packet)) flags |= LOCAL;
    else flags |= PASS;
  }
  if (openerIsClient) {
    flags |= OPENER_IS_CLIENT;
    // Not from packets that come to the router from outside: a flood of made-up sources would displace the clients at home.
    if (fromOpener && (packet.macHigh | packet.macLow) !== 0 && (flags & PASS) === 0) {
      const { neighbours } = state;
      const at = neighbours.insert(s0, s1, s2, s3, 0, now + NEIGHBOUR_LIFETIME) * 2;
      neighbours.values[at] = packet.macHigh;
      neighbours.values[at + 1] = packet.macLow;
    }
  }
  if (packet.begun) flags |= BEGUN;
  words[flow + FLAGS] = flags;
  words[flow + EPOCH] = 0;
}

/** Whether a packet to the router may ask for a port mapping: UPnP's port is the router's choice. */
function mayMap(packet: Packet): boolean {
  return packet.transport === PROTOCOL_TCP ? packet.dport >= 1024 : packet.dport === MAPPING_PORT;
}

/** True where a SYN begins a new connection between the same ports, and is not a retransmission of the first one. */
export function isReused(flows: FlowTable, row: number, packet: Packet, fromOpener: boolean): boolean {
  const words = flows.words;
  const flow = row * FLOW_WORDS;
  // The end of most flows is not seen, so the flags do not tell. Both sides may open at once (RFC 9293 section 3.5), but
  // not once one of them has sent data.
  if (!fromOpener) {
    const flags = words[flow + FLAGS]!;
    return (flags & CLOSING) !== 0 || (words[flow + DATA_PACKETS] !== 0 && (flags & REFUSED) === 0);
  }
  if ((words[flow + FLAGS]! & OPENER_BASED) === 0) return true;
  return words[flow + OPENER_BASE] !== ((packet.seq + 1) | 0);
}
