/**
 * Locks, peers, trained and everyday addresses and confirmed endpoints as text, one entry a line, so that they survive restart and
 * reboot and can be read and mended by hand. state_reader.ts reads them, and the store of ftwall 1: lines of `ip:port`.
 *
 * ```text
 * ftwall state 1
 * lock 192.168.1.5 NAME EVIDENCE since=2026-05-04T10:00:00.000Z until=2026-05-04T10:02:00.000Z length=120 renewals=3 port=1214 by=detector
 * peer 198.51.100.7 1214 NAME until=2026-05-05T10:00:00.000Z
 * trained 203.0.113.9 NAME until=2026-05-04T10:15:00.000Z *.example.org
 * trained 203.0.113.12 NAME until=2026-05-04T10:15:00.000Z *.example.org witness=2718281829
 * everyday 203.0.113.10 until=2026-05-05T10:00:00.000Z names=2
 * everyday 203.0.113.10 until=2026-05-05T10:00:00.000Z names=2 port=8443
 * everyday 203.0.113.11 until=2026-05-05T10:00:00.000Z names=1 name=3141592653 by=2718281829
 * endpoint 198.51.100.8 51413 NAME until=2026-05-05T10:00:00.000Z
 * endpoint 198.51.100.9 6881 NAME until=2026-05-05T10:00:00.000Z witness=2718281829
 * allow 192.168.1.9 until=2026-05-04T12:00:00.000Z
 * ```
 *
 * Everyday addresses serve others than file sharing; of one that only one name leads to so far, `name` is its hash, and of
 * one that only one machine was shown, `by` is that machine's. `witness` is a hash too: of the client on whose word alone an
 * endpoint is believed, and of the machine for which alone an address is trained. Advertised endpoints are left out: they
 * are heard again soon. Times are wall-clock time: what ended while ftwall was down is dropped at reading.
 * @module
 */
import { formatAddress, type Words } from "../net/address.ts";
import {
  CONFIRMED,
  KIND,
  MANY_CLIENTS,
  NAME,
  NAMES,
  PATTERN,
  PROTOCOL,
  SEVERAL,
  SHOWN_BY,
  type State,
  WITNESS,
} from "./state.ts";

/** What the first line of a state file of any version looks like. */
export const ANY_HEADER: RegExp = /^ftwall state (\d{1,6})$/;
/** The version that is written here. */
export const STATE_VERSION = 1;
/** First line of every state file. */
export const STATE_HEADER = "ftwall state 1";

/** What the names in the file stand for today, and what time it is. */
export interface StateContext {
  /** Names of the protocols by number. */
  readonly protocols: readonly string[];
  /** Number of the protocol that the store of ftwall 1 is about; -1 where it is known no more. */
  readonly storedProtocol: number;
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

/** Longest reason that is written, in characters: none takes more than nine bytes. */
const LONGEST_REASON = 256;

/**
 * The state as lines, each with its newline. One at a time: who asks for them may let time pass in between. Then each line
 * is still true of its own moment, and what came after the walk passed its row is left for the next save.
 */
export function* stateLines(state: State, context: StateContext): Generator<string, void> {
  yield `${STATE_HEADER}\n`;
  const time = (at: number) => instant(at + context.wallOffset);
  const { locks, peers, trained, everyday, endpoints, allowances } = state;
  for (const row of locks.table.rows(context.now)) {
    const lock = locks.at(row);
    const reason = lock.reason === ""
      ? ""
      : ` reason=${encodeURIComponent(lock.reason.slice(0, LONGEST_REASON).toWellFormed())}`;
    yield `lock ${address(locks.table, row)} ${lock.protocolName} ${lock.evidence} since=${time(lock.since)} until=${
      time(locks.table.deadline[row]!)
    } length=${Math.round(lock.length / 1000)} renewals=${lock.renewals} port=${lock.port} by=${lock.by}${reason}\n`;
  }
  for (const row of peers.rows(context.now)) {
    const at = row * peers.columns;
    const protocol = context.protocols[peers.values[at + PROTOCOL]!];
    if (protocol === undefined) continue;
    const until = time(peers.deadline[row]!);
    yield `peer ${address(peers, row)} ${peers.key(row, 4)} ${protocol} until=${until}\n`;
  }
  for (const row of trained.rows(context.now)) {
    const at = row * trained.columns;
    const protocol = context.protocols[trained.values[at + PROTOCOL]!];
    if (protocol === undefined) continue;
    const pattern = context.pattern(trained.values[at + PATTERN]!);
    const until = time(trained.deadline[row]!);
    const witness = trained.values[at + WITNESS]!;
    const alone = witness === 0 ? "" : ` witness=${witness >>> 0}`;
    yield `trained ${address(trained, row)} ${protocol} until=${until} ${pattern}${alone}\n`;
  }
  for (const row of everyday.rows(context.now)) {
    const at = row * everyday.columns;
    const names = everyday.values[at + NAMES]!;
    const name = names >= SEVERAL ? "" : ` name=${everyday.values[at + NAME]! >>> 0}`;
    const shownBy = everyday.values[at + SHOWN_BY]!;
    const by = shownBy === MANY_CLIENTS ? "" : ` by=${shownBy >>> 0}`;
    const port = everyday.key(row, 4) === 0 ? "" : ` port=${everyday.key(row, 4)}`;
    yield `everyday ${address(everyday, row)} until=${
      time(everyday.deadline[row]!)
    } names=${names}${name}${port}${by}\n`;
  }
  for (const row of endpoints.rows(context.now)) {
    const at = row * endpoints.columns;
    const port = endpoints.key(row, 4);
    const protocol = context.protocols[endpoints.values[at + PROTOCOL]!];
    // Beyond all ports stand clients, which are remembered for minutes.
    if (endpoints.values[at + KIND] !== CONFIRMED || port > 0xffff || protocol === undefined) continue;
    const word = endpoints.values[at + WITNESS]!;
    const witness = word === 0 ? "" : ` witness=${word >>> 0}`;
    yield `endpoint ${address(endpoints, row)} ${port} ${protocol} until=${time(endpoints.deadline[row]!)}${witness}\n`;
  }
  for (const row of allowances.rows(context.now)) {
    yield `allow ${address(allowances, row)} until=${time(allowances.deadline[row]!)}\n`;
  }
}

function address(table: { key(row: number, word: number): number }, row: number): string {
  return formatAddress(table.key(row, 0), table.key(row, 1), table.key(row, 2), table.key(row, 3));
}

function instant(ms: number): string {
  return ms > -8.64e15 && ms < 8.64e15 ? new Date(ms).toISOString() : "9999-12-31T23:59:59.999Z";
}
