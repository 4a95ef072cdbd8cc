/**
 * Flows and samples written shortly.
 * @module
 */
import type { Flow, Sample } from "../protocol/sample.ts";
import { join, type Turn } from "./conversation.ts";

type Rest = Partial<Flow>;

/** Sent by the opener. */
export const out = (...parts: readonly Uint8Array[]): Turn => [">", join(...parts)];
/** Sent by the other side. */
export const back = (...parts: readonly Uint8Array[]): Turn => ["<", join(...parts)];
/** Datagrams. */
export const udp = (turns: readonly Turn[], rest: Rest = {}): Flow => ({ tcp: false, turns, ...rest });
/** A stream. */
export const tcp = (turns: readonly Turn[], rest: Rest = {}): Flow => ({ tcp: true, turns, ...rest });
/** Between addresses of IPv6. */
export const IPV6: Rest = { ipv6: true };
/** The opener is the peer. */
export const INBOUND: Rest = { inbound: true };
/** No beginning was seen. */
export const MIDSTREAM: Rest = { midstream: true };
/** Not to be cut into other segments. */
export const WHOLE: Partial<Sample> = { whole: true };

/** A sample that is recognised. */
export function sample(
  tcp: boolean,
  name: string,
  evidence: string,
  certainty: number,
  turns: readonly Turn[],
  rest: Partial<Sample> = {},
): Sample {
  return { name, tcp, turns, evidence, certainty, ...rest };
}
