/**
 * Recognises everyday traffic by the first four bytes of a flow, and clients that take part in what is not.
 * @module
 */
import type { Look } from "../protocol/classifier.ts";
import type { FlowEnds } from "./flow_ends.ts";

/**
 * True for a TLS hello, an HTTP request or an SSH greeting over TCP, and for what browsers send over UDP: a STUN binding
 * request (RFC 8489), a DTLS hello (RFC 6347), a QUIC initial of versions 1 and 2 (RFC 9000, 9369) and of the drafts.
 */
export function isEverydayOpening(first: number, tcp: number): boolean {
  if (tcp === 0) {
    if (first >>> 16 === 1) return (first & 0xfe03) === 0;
    if (first >>> 8 === 0x16fefd || first >>> 8 === 0x16feff) return true;
    const version = first & 0xffffff;
    return first >>> 30 === 3 && (version === 0 || version === 0x6b3343 || version === 0xff0000);
  }
  if (first >>> 16 === 0x1603 && ((first >>> 8) & 0xff) <= 4) return true;
  return first === 0x47455420 || first === 0x504f5354 || first === 0x48454144 || first === 0x5353482d;
}

/**
 * Whether the client takes part in the protocol: it sent the packet at hand, or it opened the flow that is answered, and not
 * as a browser does. A web page can make its reader's browser ask any server anything: the answer must neither lock the
 * reader nor name peers.
 */
export function isInvolved(ends: FlowEnds, look: Look | null): boolean {
  if (ends.fromClient) return true;
  return ends.clientOpened && (look === null || !isEverydayOpening(look.otherFirst, ends.tcp));
}
