/**
 * `ftwall explain` for people.
 * @module
 */
import type { ExplainAnswer } from "./control_protocol.ts";
import { formatText } from "./event_format.ts";
import { type LocalClock, systemClock } from "../policy/week.ts";
import { duration, localText, plain } from "./plain.ts";

/** The answer as lines of text; `now` is milliseconds since 1970. A screen shows its first lines: what is new comes first there. */
export function explainText(
  answer: ExplainAnswer,
  now: number,
  clock: LocalClock = systemClock,
  newestFirst: boolean = false,
): string[] {
  const dryRun = answer.dry_run === true;
  const lines = [
    `client ${answer.client}${besides([answer.client_name, answer.mac])}, group ${answer.group}`,
  ];
  if (!answer.home) lines.push("It is not in [network] home: ftwall does not act on it");
  if (answer.exempt) lines.push("It is exempt by the config: ftwall does not act on it");
  if (answer.allowed_until !== undefined) {
    lines.push(`An operator allowed it: ftwall does not act on it until ${localText(answer.allowed_until, clock)}`);
  }
  const lock = answer.lock;
  if (lock === null) {
    lines.push(dryRun ? "It would not be locked now" : "It is not locked");
  } else {
    const left = (Date.parse(lock.until) - now) / 1000;
    // An operator's lock is for no protocol.
    const what = lock.protocol === "operator" ? "" : ` for ${lock.protocol}: ${lock.evidence},`;
    lines.push(
      `${dryRun ? "WOULD BE LOCKED (dry run)" : "LOCKED"}${what} by ${lock.by}${
        lock.reason === undefined ? "" : `: ${lock.reason}`
      }`,
      `  since ${localText(lock.since, clock)}, until ${localText(lock.until, clock)} (${
        duration(left)
      } left), renewed ${lock.renewals} times`,
    );
  }
  for (const score of answer.scores) {
    lines.push(`score for ${score.protocol}: ${score.score} of ${score.threshold}`);
    for (const fact of score.because) lines.push(`  ${fact}`);
  }
  if (answer.history.length === 0) {
    lines.push("Nothing about it was reported lately");
    return lines.map(plain);
  }
  lines.push("", `What was reported about it, ${newestFirst ? "newest" : "oldest"} first:`);
  for (const { time, event } of newestFirst ? [...answer.history].reverse() : answer.history) {
    lines.push(`  ${formatText(event, Date.parse(time), dryRun, clock)}`);
    if (event.event !== "detected") continue;
    if (event.because !== undefined) lines.push(`    rests on: ${event.because}`);
    if (event.bytes !== undefined) lines.push(`    bytes: ${event.bytes}`);
  }
  return lines.map(plain);
}

/** What a client is called besides its address. */
function besides(words: readonly (string | undefined)[]): string {
  const known = words.filter((word) => word !== undefined);
  return known.length === 0 ? "" : ` (${known.join(", ")})`;
}
