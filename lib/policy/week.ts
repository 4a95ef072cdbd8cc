/**
 * Schedules against local time: which of them are in force in each minute of the week.
 *
 * Nothing here reads a clock; every function is told the time. A slot that crosses midnight belongs to the day it begins
 * on. Where the clocks change, local time rules: an hour that is left out never comes, one that comes twice counts twice.
 * @module
 */
import type { ScheduleConfig } from "./config.ts";

/** Minutes in a day. */
export const DAY = 1440;
/** Minutes in a week; minute 0 is Sunday 00:00. */
export const WEEK = 7 * DAY;
/** Most schedules: one bit each of a 32-bit word. */
export const MAX_SCHEDULES = 32;

const MINUTE_MS = 60_000;
/** 1 January 1970 was a Thursday. */
const EPOCH_MINUTES = 4 * DAY;
/** Furthest from 1970 that a Date can be, in ms (ECMA-262, time values). */
const FURTHEST = 8.64e15;

/** Local time of an instant: milliseconds since 1970-01-01T00:00 on the local clock. Never throws. */
export type LocalClock = (ms: number) => number;

/** The system's own zone. */
export const systemClock: LocalClock = (ms) => {
  const at = Math.abs(ms) <= FURTHEST ? ms : 0;
  return at - new Date(at).getTimezoneOffset() * MINUTE_MS;
};

/** Whether the runtime knows this IANA zone. */
export function isZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en-US", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** The clock of an IANA zone, for routers whose system zone is a POSIX string that the runtime cannot read; empty = the system's. */
export function zoneClock(name: string): LocalClock {
  if (name === "") return systemClock;
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone: name,
    calendar: "iso8601",
    numberingSystem: "latn",
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
  return (ms) => {
    // Beyond these years the parts carry eras, which no router's clock needs.
    const at = ms >= 0 && ms < 253_402_300_800_000 ? ms : 0;
    const part: Record<string, number> = {};
    for (const { type, value } of format.formatToParts(at)) part[type] = Number(value);
    return Date.UTC(part["year"]!, part["month"]! - 1, part["day"]!, part["hour"]!, part["minute"]!, part["second"]!) +
      (at % 1000);
  };
}

/** Minute of the week (0 = Sunday 00:00) of a local time in milliseconds. */
export function minuteOfWeek(localMs: number): number {
  const minute = (Math.floor(localMs / MINUTE_MS) + EPOCH_MINUTES) % WEEK;
  return minute < 0 ? minute + WEEK : minute;
}

/** The week cut into minutes, each with the combination of schedules in force. */
export interface WeekPlan {
  /** Index into `combinations` for each minute. */
  readonly minutes: Uint16Array;
  /** Distinct combinations: indices of schedules, ascending. */
  readonly combinations: readonly (readonly number[])[];
}

/** Minutes of the week in which a schedule is in force, each passed to `visit` (maybe more than once). */
function eachMinute(schedule: ScheduleConfig, visit: (minute: number) => void): void {
  for (const day of schedule.days) {
    for (const { from, to } of schedule.hours) {
      const length = to > from ? to - from : to + DAY - from;
      for (let i = 0; i < length; i++) visit((day * DAY + from + i) % WEEK);
    }
  }
}

/** Lays the schedules (at most {@link MAX_SCHEDULES}) over one week. */
export function weekPlan(schedules: readonly ScheduleConfig[]): WeekPlan {
  if (schedules.length === 0) return { minutes: new Uint16Array(WEEK), combinations: [[]] };
  const masks = new Uint32Array(WEEK);
  schedules.slice(0, MAX_SCHEDULES).forEach((schedule, index) => {
    eachMinute(schedule, (minute) => masks[minute]! |= 1 << index);
  });
  const numbers = new Map([[masks[0]!, 0]]);
  const minutes = new Uint16Array(WEEK);
  for (let minute = 1; minute < WEEK; minute++) {
    const mask = masks[minute]!;
    let number = minutes[minute - 1]!;
    if (mask !== masks[minute - 1]) {
      number = numbers.get(mask) ?? numbers.size;
      numbers.set(mask, number);
    }
    minutes[minute] = number;
  }
  const combinations = [...numbers.keys()].map((mask) => schedules.map((_, i) => i).filter((i) => (mask >>> i) & 1));
  return { minutes, combinations };
}

/** Pairs of schedules that are in force at the same time, for warnings. */
export function overlaps(plan: WeekPlan): [number, number][] {
  const pairs = new Map<string, [number, number]>();
  for (const combination of plan.combinations) {
    for (const [at, first] of combination.entries()) {
      for (const second of combination.slice(at + 1)) pairs.set(`${first},${second}`, [first, second]);
    }
  }
  return [...pairs.values()].sort((a, b) => a[0] - b[0] || a[1] - b[1]);
}

/**
 * When the entry of `minutes` first differs from that at `ms`: an instant in ms on a full minute, or Infinity.
 *
 * The local week says how far away the change is; where the zone's offset changes before then, the search begins again at
 * that change, so that daylight saving moves the answer as it moves the wall clock.
 */
export function nextChange(minutes: Uint16Array, clock: LocalClock, ms: number): number {
  if (!(Math.abs(ms) <= FURTHEST)) return Infinity;
  const current = minutes[minuteOfWeek(clock(ms))]!;
  if (minutes.every((entry) => entry === current)) return Infinity;
  // Whole minutes of the instant; every zone's offset since 1972 is whole minutes.
  let at = Math.floor(ms / MINUTE_MS) * MINUTE_MS;
  // Two weeks hold at most a few offset changes; the bound is for hostile zones only.
  for (let round = 0; round < 16; round++) {
    const local = minuteOfWeek(clock(at));
    if (minutes[local] !== current) return at;
    let away = 1;
    while (minutes[(local + away) % WEEK] === current) away++;
    const goal = at + away * MINUTE_MS;
    const offset = clock(at) - at;
    if (clock(goal) - goal === offset) return goal;
    let low = at;
    let high = goal;
    while (high - low > MINUTE_MS) {
      const middle = Math.floor((low + high) / 2 / MINUTE_MS) * MINUTE_MS;
      if (clock(middle) - middle === offset) low = middle;
      else high = middle;
    }
    at = high;
  }
  return at;
}
