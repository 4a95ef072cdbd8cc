/**
 * Locks, peers and trained addresses as text, one entry a line, so that they survive restart and reboot and can be read
 * and mended by hand. Also reads the store of ftwall 1: lines of `ip:port`.
 *
 * ```text
 * ftwall state 1
 * lock 192.168.1.5 fasttrack udp-ping since=2026-05-04T10:00:00.000Z until=2026-05-04T10:02:00.000Z length=120 renewals=3 port=1214 by=detector
 * peer 198.51.100.7 1214 fasttrack until=2026-05-05T10:00:00.000Z
 * trained 203.0.113.9 winmx until=2026-05-04T10:15:00.000Z *.winmx.com
 * trained 203.0.113.10 winmx until=2026-05-04T10:15:00.000Z *.winmx.com held
 * allow 192.168.1.9 until=2026-05-04T12:00:00.000Z
 * ```
 *
 * `held` stands behind what is not refused, as it also serves names of no interest. Times are wall-clock time: what ended while ftwall was down is dropped at reading.
 * @module
 */
import { formatAddress, isUnlearnable, parseAddress, type Words } from "../net/address.ts";
import type { AddressTable } from "./address_table.ts";
import type { Lock } from "./locks.ts";
import { DETAIL, HELD, PROTOCOL, type State } from "./state.ts";

/** First line of every state file. */
export const STATE_HEADER = "ftwall state 1";

/** What the names in the file stand for today, and what time it is. */
export interface StateContext {
  /** Names of the protocols by number. */
  readonly protocols: readonly string[];
  /** Patterns by number, as the trained addresses have them. */
  pattern(number: number): string;
  /** Number of the pattern, -1 where the config has it no more. */
  patternNumber(text: string): number;
  /** Whether the config exempts the address. */
  isExempt(words: Words): boolean;
  /** Whether the address is at home: clients are there, peers never. */
  isHome(words: Words): boolean;
  /** The engine's time, milliseconds. */
  readonly now: number;
  /** Wall-clock time minus the engine's. */
  readonly wallOffset: number;
}

/** What reading found. */
export interface Restored {
  /** Locks taken over. */
  locks: number;
  /** Peers taken over. */
  peers: number;
  /** Trained addresses taken over. */
  trained: number;
  /** Allowances of operators taken over. */
  allowances: number;
  /** Entries whose time was over, or that the config exempts. */
  ended: number;
  /** Lines that could not be read: at most twenty sentences, and how many there were. */
  readonly problems: string[];
  /** Lines that could not be read. */
  bad: number;
}

/** Longest line that is read; longer ones are bad. */
const LONGEST_LINE = 4096;
/** Longest reason that is written, in characters: none takes more than nine bytes. */
const LONGEST_REASON = 256;
const MOST_PROBLEMS = 20;

/** The state as text. */
export function writeState(state: State, context: StateContext): string {
  const lines = [STATE_HEADER];
  const time = (at: number) => instant(at + context.wallOffset);
  const { locks, peers, trained, allowances } = state;
  locks.table.each((row) => {
    const until = locks.table.deadline[row]!;
    if (until <= context.now) return;
    const lock = locks.at(row);
    const reason = lock.reason === ""
      ? ""
      : ` reason=${encodeURIComponent(lock.reason.slice(0, LONGEST_REASON).toWellFormed())}`;
    lines.push(
      `lock ${address(locks.table, row)} ${lock.protocolName} ${lock.evidence} since=${time(lock.since)} until=${
        time(until)
      } length=${Math.round(lock.length / 1000)} renewals=${lock.renewals} port=${lock.port} by=${lock.by}${reason}`,
    );
  });
  peers.each((row) => {
    const until = peers.deadline[row]!;
    if (until <= context.now) return;
    const at = row * peers.columns;
    const protocol = context.protocols[peers.values[at + PROTOCOL]!];
    if (protocol === undefined) return;
    lines.push(
      `peer ${address(peers, row)} ${peers.values[at + DETAIL]!} ${protocol} until=${time(until)}${held(peers, at)}`,
    );
  });
  trained.each((row) => {
    const until = trained.deadline[row]!;
    if (until <= context.now) return;
    const at = row * trained.columns;
    const protocol = context.protocols[trained.values[at + PROTOCOL]!];
    if (protocol === undefined) return;
    const pattern = context.pattern(trained.values[at + DETAIL]!);
    lines.push(`trained ${address(trained, row)} ${protocol} until=${time(until)} ${pattern}${held(trained, at)}`);
  });
  allowances.each((row) => {
    if (allowances.deadline[row]! > context.now) {
      lines.push(`allow ${address(allowances, row)} until=${time(allowances.deadline[row]!)}`);
    }
  });
  return lines.join("\n") + "\n";
}

/** Reads a state text, or the store of ftwall 1 (`ip:port` or `ip` lines), into the tables. Bad lines are reported and skipped. */
export function readState(text: string, state: State, context: StateContext): Restored {
  const restored: Restored = { locks: 0, peers: 0, trained: 0, allowances: 0, ended: 0, problems: [], bad: 0 };
  let number = 0;
  for (const raw of text.split("\n")) {
    number++;
    const line = raw.trim();
    if (line === "" || line.startsWith("#") || line === STATE_HEADER) continue;
    const found = line.length > LONGEST_LINE ? "it is too long" : readLine(line, state, context, restored);
    if (found === "") continue;
    restored.bad++;
    if (restored.problems.length < MOST_PROBLEMS) {
      restored.problems.push(`line ${number}: ${found}: "${line.slice(0, 80)}"`);
    }
  }
  return restored;
}

function readLine(line: string, state: State, context: StateContext, restored: Restored): string {
  const words = line.split(/\s+/);
  switch (words[0]) {
    case "lock":
      return readLock(words, state, context, restored);
    case "peer":
      return readPeer(words, state, context, restored);
    case "trained":
      return readTrained(words, state, context, restored);
    case "allow":
      return readAllowance(words, state, context, restored);
    default:
      return readStored(line, state, context, restored);
  }
}

function readLock(words: readonly string[], state: State, context: StateContext, restored: Restored): string {
  const client = parseAddress(words[1] ?? "");
  if (client === null) return "the client is not an address";
  const fields = fieldsOf(words.slice(4));
  const until = timeOf(fields.get("until"), context);
  const since = timeOf(fields.get("since"), context);
  const length = wholeNumber(fields.get("length"), 1, 366 * 86_400);
  const port = wholeNumber(fields.get("port"), 0, 65535);
  const renewals = wholeNumber(fields.get("renewals"), 0, 2 ** 31);
  const by = fields.get("by");
  if (until === null || since === null) return "since and until must be times";
  if (length === null || port === null || renewals === null) return "length, port and renewals must be whole numbers";
  if (by !== "detector" && by !== "operator" && by !== "state-file") {
    return "by must be detector, operator or state-file";
  }
  if (until <= context.now || context.isExempt(client)) return ended(restored);
  // A clock that was set back must not turn a two-minute lock into one of years.
  const end = Math.min(until, context.now + length * 1000);
  const protocol = context.protocols.indexOf(words[2] ?? "");
  if (protocol < 0 && by !== "operator") return ended(restored);
  const lock: Lock = {
    protocol,
    protocolName: words[2] ?? "operator",
    evidence: words[3] ?? "",
    since: Math.min(since, context.now),
    length: length * 1000,
    renewals,
    by,
    reason: decode(fields.get("reason") ?? ""),
    macHigh: 0,
    macLow: 0,
    port,
    probeAt: Math.max(context.now, end - length * 500),
    probes: 0,
    announced: end,
  };
  state.locks.set(client[0], client[1], client[2], client[3], end, lock);
  restored.locks++;
  return "";
}

function readPeer(words: readonly string[], state: State, context: StateContext, restored: Restored): string {
  const peer = parseAddress(words[1] ?? "");
  if (peer === null) return "the peer is not an address";
  const port = wholeNumber(words[2], 0, 65535);
  const until = timeOf(fieldsOf(words.slice(4)).get("until"), context);
  if (port === null) return "the port must be 0 to 65535";
  if (until === null) return "until must be a time";
  const protocol = context.protocols.indexOf(words[3] ?? "");
  if (protocol < 0) return "the protocol is not known";
  if (until <= context.now || unfit(peer, context)) return ended(restored);
  addPeer(state, peer, port, protocol, until, words[5] === "held");
  restored.peers++;
  return "";
}

function readTrained(words: readonly string[], state: State, context: StateContext, restored: Restored): string {
  const trained = parseAddress(words[1] ?? "");
  if (trained === null) return "that is not an address";
  const until = timeOf(fieldsOf(words.slice(3)).get("until"), context);
  if (until === null) return "until must be a time";
  const protocol = context.protocols.indexOf(words[2] ?? "");
  if (protocol < 0) return "the protocol is not known";
  const pattern = context.patternNumber(words[4] ?? "");
  if (until <= context.now || pattern < 0 || unfit(trained, context)) return ended(restored);
  const row = state.trained.insert(trained[0], trained[1], trained[2], trained[3], 0, until);
  state.trained.values[row * state.trained.columns + PROTOCOL] = protocol;
  state.trained.values[row * state.trained.columns + DETAIL] = pattern;
  state.trained.values[row * state.trained.columns + HELD] = words[5] === "held" ? 1 : 0;
  restored.trained++;
  return "";
}

function readAllowance(words: readonly string[], state: State, context: StateContext, restored: Restored): string {
  const client = parseAddress(words[1] ?? "");
  if (client === null) return "the client is not an address";
  const until = timeOf(fieldsOf(words.slice(2)).get("until"), context);
  if (until === null) return "until must be a time";
  if (until <= context.now) return ended(restored);
  state.allowances.insert(client[0], client[1], client[2], client[3], 0, until);
  restored.allowances++;
  return "";
}

/** A line of ftwall 1's store: a FastTrack peer, `a.b.c.d:port`; it says no time, so it gets a day. */
function readStored(line: string, state: State, context: StateContext, restored: Restored): string {
  const parts = /^(\d+\.\d+\.\d+\.\d+)(?:[: ](\d+))?$/.exec(line);
  const peer = parts === null ? null : parseAddress(parts[1]!);
  if (parts === null || peer === null) return "it begins with none of lock, peer, trained, allow, and is no ip:port";
  const port = wholeNumber(parts[2] ?? "0", 0, 65535);
  if (port === null) return "the port must be 0 to 65535";
  const protocol = context.protocols.indexOf("fasttrack");
  if (protocol < 0 || unfit(peer, context)) return ended(restored);
  addPeer(state, peer, port, protocol, context.now + 86_400_000, false);
  restored.peers++;
  return "";
}

function addPeer(state: State, peer: Words, port: number, protocol: number, until: number, isHeld: boolean): void {
  const row = state.peers.insert(peer[0], peer[1], peer[2], peer[3], 0, until);
  state.peers.values[row * state.peers.columns + PROTOCOL] = protocol;
  state.peers.values[row * state.peers.columns + DETAIL] = port;
  state.peers.values[row * state.peers.columns + HELD] = isHeld ? 1 : 0;
}

function unfit(words: Words, context: StateContext): boolean {
  return isUnlearnable(words[0], words[1], words[2], words[3]) || context.isExempt(words) || context.isHome(words);
}

function held(table: AddressTable, at: number): string {
  return table.values[at + HELD] === 1 ? " held" : "";
}

function ended(restored: Restored): string {
  restored.ended++;
  return "";
}

function address(table: { key(row: number, word: number): number }, row: number): string {
  return formatAddress(table.key(row, 0), table.key(row, 1), table.key(row, 2), table.key(row, 3));
}

function fieldsOf(words: readonly string[]): Map<string, string> {
  const fields = new Map<string, string>();
  for (const word of words) {
    const equals = word.indexOf("=");
    if (equals > 0) fields.set(word.slice(0, equals), word.slice(equals + 1));
  }
  return fields;
}

/** A time of the file in the engine's time, null where it is none. */
function timeOf(text: string | undefined, context: StateContext): number | null {
  if (text === undefined || !/^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(text)) return null;
  const at = Date.parse(text);
  return Number.isNaN(at) ? null : at - context.wallOffset;
}

function wholeNumber(text: string | undefined, least: number, most: number): number | null {
  if (text === undefined || !/^\d{1,10}$/.test(text)) return null;
  const value = Number(text);
  return value >= least && value <= most ? value : null;
}

function instant(ms: number): string {
  return ms > -8.64e15 && ms < 8.64e15 ? new Date(ms).toISOString() : "9999-12-31T23:59:59.999Z";
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
