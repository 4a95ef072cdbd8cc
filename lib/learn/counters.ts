/**
 * What the engine counts.
 * @module
 */
import { OUTCOME_NAMES } from "../wire/outcome.ts";

/** Plain numbers; a copy of them is what status and metrics show. */
export class Counters {
  /** Packets judged. */
  packets = 0;
  /** Of these, accepted. */
  accepted = 0;
  /** Of these, refused (in dry-run: would have been). */
  refused = 0;
  /** Packets by outcome of decoding, indexed by outcome. */
  readonly decode: number[] = OUTCOME_NAMES.map(() => 0);
  /** Refused packets by reason. */
  readonly byReason: Record<string, number> = {
    "recognised": 0,
    "client-locked": 0,
    "peer-blocked": 0,
    "name-trained": 0,
  };

  /** Counts a refusal. */
  reason(name: string): void {
    this.byReason[name] = (this.byReason[name] ?? 0) + 1;
  }
}
