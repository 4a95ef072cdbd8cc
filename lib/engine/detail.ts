/**
 * Details of events.
 * @module
 */
import type { Look } from "../classify/classifier.ts";

/** A score with two decimals. */
export function rounded(score: number): number {
  return Math.round(score * 100) / 100;
}

/** The first bytes of what decided, in hex. */
export function firstBytes(look: Look): string {
  let text = "";
  for (let at = look.start; at < look.end && at < look.start + 24; at++) {
    text += look.bytes[at]!.toString(16).padStart(2, "0");
  }
  return text;
}
