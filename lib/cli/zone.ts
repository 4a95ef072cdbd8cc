/**
 * The local time in which a command tells people of times.
 * @module
 */
import { loadAny } from "../daemon/load.ts";
import { type LocalClock, zoneClock } from "../policy/week.ts";

/** The clock of the zone that the config at `path` names, or the default config; else that of the system. */
export function localClock(path?: string): LocalClock {
  return zoneClock(loadAny(path).config?.timezone ?? "");
}
