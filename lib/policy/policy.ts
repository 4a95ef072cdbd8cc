/**
 * A configuration compiled for the engine: frozen, with queries that allocate nothing.
 *
 * Every combination of schedules that can be in force together becomes a table; within a table every client group has one
 * row, with one entry a protocol. So the packet path reads one byte, and time is a matter of choosing the table.
 *
 * Who overrides whom, each key on its own: the protocol's table, then a schedule for everybody, then the client's group,
 * then a schedule that names the group. Of two schedules of one kind the first listed wins.
 * @module
 */
import type { Certainty } from "../protocol/classifier.ts";
import { type Mac, parseMac, parsePrefix, type Prefix, PrefixSet } from "../net/address.ts";
import type { Config, ProtocolOverride, RequireName } from "./config.ts";
import { hashConfig } from "./hash.ts";
import { MacSet } from "./mac_set.ts";
import { ACTION_NAMES } from "./schema.ts";
import { type LocalClock, minuteOfWeek, nextChange, WEEK, type WeekPlan, weekPlan, zoneClock } from "./week.ts";

export type { LocalClock } from "./week.ts";

/** What to do about a protocol: {@link OFF}, {@link LOG}, {@link DROP} or {@link LOCK}. */
export type Action = 0 | 1 | 2 | 3;
/** Do not look. */
export const OFF = 0;
/** Report only. */
export const LOG = 1;
/** Refuse the flow. */
export const DROP = 2;
/** Refuse the flow and time-lock the client. */
export const LOCK = 3;

/** Group of every client that no `[[clients]]` entry matches. */
export const DEFAULT_GROUP = 0;

/** A DNS wildcard and the protocol it stands for. */
export interface TrainingName {
  /** Index into {@link Policy.protocols}. */
  readonly protocol: number;
  /** Lower case, without a final dot, as `NameSet` reads it: `*.x` is every name below x, `.x` x too, `x` x alone. */
  readonly pattern: string;
  /** True: only raises the client's score, trains nothing. */
  readonly hint: boolean;
}

const CERTAINTY: Readonly<Record<RequireName, Certainty>> = { weak: 1, strong: 2, certain: 3 };

/** One group's row while it is compiled. */
interface Row {
  readonly action: Uint8Array;
  readonly require: Uint8Array;
  readonly lock: Float64Array;
}

/** The compiled configuration. */
export class Policy {
  /** What it was compiled from. */
  readonly config: Config;
  /** Names of the protocols; the index is the protocol number. */
  readonly protocols: readonly string[];
  /** Names of the groups; 0 is "default". */
  readonly groups: readonly string[];
  /** How many schedule tables there are, at least 1. */
  readonly tables: number;
  /** Prefixes of home. */
  readonly home: PrefixSet;
  /** Those of them that the config does not name: what the interfaces towards home have on-link. */
  readonly lan: readonly string[];
  /** Wildcards that train or hint, in protocol order. */
  readonly training: readonly TrainingName[];
  /** Wildcards of popular names. */
  readonly popular: readonly string[];
  /** Bytes that all tables of the state may take together. */
  readonly memory: number;

  #hash = "";
  readonly #exempt: PrefixSet;
  readonly #spared: PrefixSet;
  readonly #exemptMacs: MacSet;
  readonly #groupAddresses: readonly PrefixSet[];
  readonly #groupMacs: readonly MacSet[];
  readonly #infoHashes: Uint8Array;
  readonly #clock: LocalClock;
  readonly #minutes: Uint16Array;
  readonly #width: number;
  readonly #stride: number;
  readonly #action: Uint8Array;
  readonly #require: Uint8Array;
  readonly #lock: Int32Array;

  /** Use {@link compile}. */
  constructor(config: Config, clock: LocalClock, lan: readonly string[]) {
    this.config = config;
    this.protocols = Object.freeze(config.protocols.map((protocol) => protocol.name));
    this.groups = Object.freeze(["default", ...config.clients.map((group) => group.name)]);
    this.lan = lan;
    this.home = PrefixSet.from(prefixes([...config.network.home, ...lan]));
    this.training = Object.freeze(config.protocols.flatMap((protocol, index) => [
      ...protocol.names.map((pattern) => Object.freeze({ protocol: index, pattern, hint: false })),
      ...protocol.hints.map((pattern) => Object.freeze({ protocol: index, pattern, hint: true })),
    ]));
    this.popular = config.dns.popular;
    this.memory = config.memory;
    this.#exempt = PrefixSet.from(prefixes(config.network.exempt));
    this.#spared = PrefixSet.from(prefixes(config.dns.spare));
    this.#exemptMacs = new MacSet(macs(config.network.exempt));
    this.#groupAddresses = config.clients.map((group) => PrefixSet.from(prefixes(group.addresses)));
    this.#groupMacs = config.clients.map((group) => new MacSet(macs(group.macs)));
    this.#infoHashes = infoHashes(config);
    this.#clock = clock;
    this.#width = config.protocols.length;
    this.#stride = this.#width * this.groups.length;
    const compiled = compileTables(config);
    this.tables = compiled.tables;
    this.#minutes = compiled.minutes;
    this.#action = compiled.action;
    this.#require = compiled.require;
    this.#lock = compiled.lock;
    Object.freeze(this);
  }

  /**
   * SHA-256 over the canonical content, 64 hex digits: equal where only comments, order of keys or spelling differ. Worked out
   * when it is first asked for, 2 ms that no start waits for.
   */
  get hash(): string {
    if (this.#hash === "") this.#hash = hashConfig(this.config);
    return this.#hash;
  }

  /** True for an address of home. */
  isHome(w0: number, w1: number, w2: number, w3: number): boolean {
    return this.home.has(w0, w1, w2, w3);
  }

  /** True for a client that is never acted on. Where the source knows no MAC pass 0, 0, which matches nothing. */
  isExempt(w0: number, w1: number, w2: number, w3: number, macHigh: number, macLow: number): boolean {
    return this.#exempt.has(w0, w1, w2, w3) || this.#exemptMacs.has(macHigh, macLow);
  }

  /** True for a public address that is never trained or blocked. */
  isSpared(w0: number, w1: number, w2: number, w3: number): boolean {
    return this.#spared.has(w0, w1, w2, w3);
  }

  /** Number of the first group that holds the client, {@link DEFAULT_GROUP} where none does. */
  groupOf(w0: number, w1: number, w2: number, w3: number, macHigh: number, macLow: number): number {
    const addresses = this.#groupAddresses;
    for (let i = 0; i < addresses.length; i++) {
      if (addresses[i]!.has(w0, w1, w2, w3) || this.#groupMacs[i]!.has(macHigh, macLow)) return i + 1;
    }
    return DEFAULT_GROUP;
  }

  /** The table in force at a wall-clock time (ms since 1970). Not for the packet path: once a tick is enough. */
  tableAt(wallMs: number): number {
    return this.tables === 1 ? 0 : this.#minutes[minuteOfWeek(this.#clock(wallMs))]!;
  }

  /** When another table comes into force: ms since 1970, after `wallMs`; Infinity where none does. Ask again after clock jumps. */
  nextChange(wallMs: number): number {
    return this.tables === 1 ? Infinity : nextChange(this.#minutes, this.#clock, wallMs);
  }

  /** What to do about a protocol. Numbers out of range answer {@link OFF}. */
  action(table: number, group: number, protocol: number): Action {
    return (this.#action[table * this.#stride + group * this.#width + protocol] ?? OFF) as Action;
  }

  /** The least certainty that acts: 1 weak, 2 strong, 3 certain. */
  require(table: number, group: number, protocol: number): Certainty {
    return (this.#require[table * this.#stride + group * this.#width + protocol] ?? 3) as Certainty;
  }

  /** Length of the time-lock in ms; 0 = this protocol locks nobody (act as for {@link DROP}). */
  lockMs(table: number, group: number, protocol: number): number {
    return this.#lock[table * this.#stride + group * this.#width + protocol] ?? 0;
  }

  /** Index of a protocol by name, -1 where it is unknown. Not for the packet path. */
  protocolNumber(name: string): number {
    return this.protocols.indexOf(name);
  }

  /** Whether the config allows any info-hash. */
  get allowsAny(): boolean {
    return this.#infoHashes.length > 0;
  }

  /** Whether the 20 bytes at `offset` are an allowed info-hash. The caller has checked that they are there. */
  allowsInfoHash(bytes: Uint8Array, offset: number): boolean {
    const list = this.#infoHashes;
    let from = 0;
    let to = list.length / 20;
    while (from < to) {
      const middle = (from + to) >>> 1;
      let i = 0;
      while (i < 20 && list[middle * 20 + i] === bytes[offset + i]) i++;
      if (i === 20) return true;
      if (list[middle * 20 + i]! < bytes[offset + i]!) from = middle + 1;
      else to = middle;
    }
    return false;
  }
}

/**
 * Compiles a configuration that the loader has accepted. `clock` replaces the zone that the config names (tests, replay).
 * `lan` are prefixes that are home besides those of the config: what the interfaces towards home have on-link. They do not
 * count for the hash.
 */
export function compile(
  config: Config,
  clock: LocalClock = zoneClock(config.timezone),
  lan: readonly string[] = [],
): Policy {
  return new Policy(config, clock, lan);
}

function prefixes(list: readonly string[]): Prefix[] {
  return list.map(parsePrefix).filter((prefix) => prefix !== null);
}

function macs(list: readonly string[]): Mac[] {
  return list.map(parseMac).filter((mac) => mac !== null);
}

/** All allowed hashes, sorted, 20 bytes each: of one of version 2 its first 20, as clients send it (BEP 52). */
function infoHashes(config: Config): Uint8Array {
  const texts = [...new Set(config.protocols.flatMap((protocol) => protocol.allowInfoHashes ?? []))].sort();
  const bytes = new Uint8Array(texts.length * 20);
  texts.forEach((text, index) => {
    for (let i = 0; i < 20; i++) bytes[index * 20 + i] = parseInt(text.slice(i * 2, i * 2 + 2), 16);
  });
  return bytes;
}

function override(row: Row, index: ReadonlyMap<string, number>, list: readonly ProtocolOverride[]): void {
  for (const { name, action, require, lock } of list) {
    const at = index.get(name);
    if (at === undefined) continue;
    if (action !== null) row.action[at] = ACTION_NAMES.indexOf(action);
    if (require !== null) row.require[at] = CERTAINTY[require];
    if (lock !== null) row.lock[at] = lock;
  }
}

/** One group's row while these schedules are in force. */
function compileRow(
  config: Config,
  index: ReadonlyMap<string, number>,
  group: number,
  inForce: readonly number[],
): Row {
  const protocols = config.protocols;
  const row: Row = {
    action: Uint8Array.from(protocols, (protocol) => ACTION_NAMES.indexOf(protocol.action)),
    require: Uint8Array.from(protocols, (protocol) => CERTAINTY[protocol.require]),
    lock: Float64Array.from(protocols, (protocol) => protocol.lock ?? config.lock.seconds),
  };
  const name = group === DEFAULT_GROUP ? "default" : config.clients[group - 1]!.name;
  // Later entries are applied first, so that the first listed has the last word.
  const schedules = inForce.map((i) => config.schedule[i]!).reverse();
  for (const schedule of schedules) {
    if (schedule.clients.length === 0) override(row, index, schedule.protocols);
  }
  if (group !== DEFAULT_GROUP) override(row, index, config.clients[group - 1]!.protocols);
  for (const schedule of schedules) {
    if (schedule.clients.includes(name)) override(row, index, schedule.protocols);
  }
  return row;
}

/** What {@link compileTables} makes. */
export interface Tables {
  /** How many tables there are. */
  readonly tables: number;
  /** Table of each minute of the week. */
  readonly minutes: Uint16Array;
  /** By table, group, protocol. */
  readonly action: Uint8Array;
  /** By table, group, protocol. */
  readonly require: Uint8Array;
  /** By table, group, protocol; ms. */
  readonly lock: Int32Array;
}

/** Compiles every combination of schedules; combinations of the same content share a table. */
export function compileTables(config: Config, plan: WeekPlan = weekPlan(config.schedule)): Tables {
  const index = new Map(config.protocols.map((protocol, number) => [protocol.name, number]));
  const groups = config.clients.length + 1;
  const width = config.protocols.length;
  const seen = new Map<string, number>();
  const kept: Row[][] = [];
  const tableOf = plan.combinations.map((inForce) => {
    const rows = Array.from({ length: groups }, (_, group) => compileRow(config, index, group, inForce));
    const content = rows.map((row) => `${row.action}/${row.require}/${row.lock}`).join(";");
    const known = seen.get(content);
    if (known !== undefined) return known;
    seen.set(content, kept.length);
    return kept.push(rows) - 1;
  });
  const minutes = kept.length === 1 ? new Uint16Array(WEEK) : plan.minutes.map((combination) => tableOf[combination]!);
  const size = kept.length * groups * width;
  const action = new Uint8Array(size);
  const require = new Uint8Array(size);
  const lock = new Int32Array(size);
  kept.flat().forEach((row, at) => {
    action.set(row.action, at * width);
    require.set(row.require, at * width);
    lock.set(row.lock.map((seconds) => seconds * 1000), at * width);
  });
  return { tables: kept.length, minutes, action, require, lock };
}
