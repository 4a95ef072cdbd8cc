/**
 * The clients that something is known of now, a line each, for `ftwall top`.
 * @module
 */
import type { ClientRow } from "../report/control_protocol.ts";
import type { Remembered } from "../report/history.ts";
import type { AllowedFacts, LockFacts } from "../report/status.ts";
import { rfc3339 } from "../report/plain.ts";

/** The most rows; locked and allowed clients come before those that were only seen. */
export const MOST_ROWS = 2048;

/** What the rows are made from. */
export interface RowSources {
  readonly locks: Iterable<LockFacts>;
  readonly allowed: Iterable<AllowedFacts>;
  /** The last events, oldest first. */
  readonly events: Iterable<Remembered>;
  /** Name of a client, empty where it has none. */
  readonly nameOf: (client: string) => string;
  /** Highest score of a client over all protocols, 0 for none. */
  readonly scoreOf: (client: string) => number;
}

/** What is being put together. */
type Open = { -readonly [K in keyof ClientRow]: ClientRow[K] };

/**
 * The answer as JSON in pieces; its rows are bounded, in no order. Before the first row come empty pieces, so that whoever
 * takes them may let packets be judged between any two.
 */
export function* clientPieces({ locks, allowed, events, nameOf, scoreOf }: RowSources): Generator<string, void> {
  const rows = new Map<string, Open>();
  const row = (client: string): Open | null => {
    const found = rows.get(client);
    if (found !== undefined || rows.size >= MOST_ROWS) return found ?? null;
    const made: Open = { client, state: "seen", protocol: "", evidence: "", detected: 0, refused: 0, score: 0 };
    const name = nameOf(client);
    if (name !== "") made.client_name = name;
    rows.set(client, made);
    return made;
  };
  for (const { client, mac, protocol, evidence, since, until, by } of locks) {
    const locked = row(client);
    if (locked === null) break;
    Object.assign(locked, { state: "locked", protocol, evidence, by, until: rfc3339(until), last: rfc3339(since) });
    if (mac !== undefined) locked.mac = mac;
    yield "";
  }
  for (const { client, until } of allowed) {
    const free = row(client);
    if (free === null) break;
    Object.assign(free, { state: "allowed", until: rfc3339(until) });
  }
  for (const { time, event } of events) {
    count(row, time, event);
    yield "";
  }
  yield '{"clients":[';
  let comma = "";
  for (const one of rows.values()) {
    one.score = scoreOf(one.client);
    yield `${comma}${JSON.stringify(one)}`;
    comma = ",";
  }
  yield "]}";
}

/** Adds an event to the row of its client. What an operator asked for is no sign of life. */
function count(row: (client: string) => Open | null, time: string, event: Remembered["event"]): void {
  if (!("client" in event) || event.client === undefined || event.event === "audit") return;
  const one = row(event.client);
  if (one === null) return;
  one.last = time;
  if ("mac" in event && event.mac !== undefined) one.mac = event.mac;
  const times = 1 + ("suppressed" in event ? event.suppressed ?? 0 : 0);
  if (event.event === "refused") one.refused += times;
  if (event.event !== "detected") return;
  one.detected += times;
  // A lock tells what it is for.
  if (one.state === "locked") return;
  one.protocol = event.protocol;
  one.evidence = event.evidence;
}
