/**
 * What the engine answers for a packet.
 * @module
 */

/** The packet goes on. */
export const ACCEPT = 0;
/** The packet is refused. */
export const REFUSE = 1;
/** Added to either: the same holds for the rest of the flow, the kernel may answer for it. */
export const SETTLED = 2;
/** {@link ACCEPT} or {@link REFUSE}, perhaps with {@link SETTLED}. */
export type Verdict = 0 | 1 | 2 | 3;
