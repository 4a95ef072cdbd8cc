import assert from "node:assert/strict";
import fc from "fast-check";
import type { ScheduleConfig } from "../../lib/policy/config.ts";
import { compile } from "../../lib/policy/policy.ts";
import { DAY, minuteOfWeek, nextChange, systemClock, WEEK, weekPlan, zoneClock } from "../../lib/policy/week.ts";
import { configOf } from "./parse_config.ts";

const utc = (text: string): number => Date.parse(`${text}Z`);
const berlin = zoneClock("Europe/Berlin");

function schedule(days: number[], ...slots: [number, number][]): ScheduleConfig {
  return { name: "", days, hours: slots.map(([from, to]) => ({ from, to })), clients: [], protocols: [] };
}

Deno.test("minuteOfWeek() begins on Sunday, before and after 1970", () => {
  assert.equal(minuteOfWeek(utc("2026-03-01T00:00:00")), 0);
  assert.equal(minuteOfWeek(utc("2026-03-02T08:30:59")), DAY + 8 * 60 + 30);
  assert.equal(minuteOfWeek(utc("1969-12-31T23:59:00")), 4 * DAY - 1);
});

Deno.test("a zone's clock knows daylight saving, and half-hour zones", () => {
  assert.equal(berlin(utc("2026-01-10T12:00:00")), utc("2026-01-10T13:00:00"));
  assert.equal(berlin(utc("2026-07-10T12:00:00.250")), utc("2026-07-10T14:00:00.250"));
  assert.equal(zoneClock("Asia/Kolkata")(utc("2026-07-10T12:00:00")), utc("2026-07-10T17:30:00"));
  assert.equal(zoneClock("UTC")(5), 5);
});

Deno.test("no time makes a clock throw", () => {
  for (const ms of [NaN, Infinity, -Infinity, 1e300, -1, 8.64e15, -8.64e15]) {
    for (const clock of [systemClock, berlin]) assert.ok(Number.isFinite(clock(ms)), `${ms}`);
  }
});

Deno.test("a slot that crosses midnight belongs to the day it begins on", () => {
  const { minutes, combinations } = weekPlan([schedule([6], [22 * 60, 6 * 60])]);
  const inForce = (day: number, minute: number): boolean => combinations[minutes[day * DAY + minute]!]!.length === 1;
  assert.deepEqual([inForce(6, 22 * 60 - 1), inForce(6, 22 * 60), inForce(6, 1439)], [false, true, true]);
  assert.deepEqual([inForce(0, 0), inForce(0, 359), inForce(0, 360)], [true, true, false]);
  assert.equal(inForce(6, 0), false);
});

Deno.test("several slots and days, end exclusive, 24:00 is the end of the day", () => {
  const plan = weekPlan([
    schedule([1, 2], [8 * 60, 12 * 60], [13 * 60, 16 * 60]),
    schedule([0, 1, 2, 3, 4, 5, 6], [0, 1440]),
  ]);
  const at = (day: number, minute: number): readonly number[] => plan.combinations[plan.minutes[day * DAY + minute]!]!;
  assert.deepEqual(at(1, 8 * 60), [0, 1]);
  assert.deepEqual(at(1, 12 * 60), [1]);
  assert.deepEqual(at(2, 15 * 60 + 59), [0, 1]);
  assert.deepEqual(at(3, 9 * 60), [1]);
  assert.equal(plan.combinations.length, 2);
});

const SCHOOL = `timezone = "Europe/Berlin"
[[schedule]]
days = ["mon-fri"]
hours = "08:00-12:00,13:00-16:00"
protocols.bittorrent.action = "lock"
[[schedule]]
days = ["fri", "sat", "sun"]
hours = ["22:00-06:30"]
protocols.bittorrent.action = "log"
`;

Deno.test("tableAt() and nextChange() follow local time over the week", () => {
  const policy = compile(configOf(SCHOOL));
  assert.equal(policy.tables, 3);
  const action = (text: string): number => policy.action(policy.tableAt(utc(text)), 0, 1);
  assert.equal(action("2026-01-05T06:59:59"), 2);
  assert.equal(action("2026-01-05T07:00:00"), 3, "Monday 8:00 in Berlin");
  assert.equal(action("2026-01-05T11:30:00"), 2, "at noon");
  assert.equal(action("2026-01-09T23:00:00"), 1, "Saturday 0:00, of Friday's slot");
  const changes: string[] = [];
  let at = utc("2026-01-09T05:30:00");
  for (let i = 0; i < 7; i++) {
    at = policy.nextChange(at);
    changes.push(new Date(at).toISOString().slice(0, 16));
  }
  assert.deepEqual(changes, [
    "2026-01-09T07:00",
    "2026-01-09T11:00",
    "2026-01-09T12:00",
    "2026-01-09T15:00",
    "2026-01-09T21:00",
    "2026-01-10T05:30",
    "2026-01-10T21:00",
  ]);
});

Deno.test("nextChange() moves with daylight saving in both directions", () => {
  const policy = compile(configOf(SCHOOL));
  // 29 March 2026: 2:00 becomes 3:00. Saturday's slot ends at 6:30 by the wall clock.
  assert.equal(policy.nextChange(utc("2026-03-28T21:00:00")), utc("2026-03-29T04:30:00"));
  // 25 October 2026: 3:00 becomes 2:00.
  assert.equal(policy.nextChange(utc("2026-10-24T20:00:00")), utc("2026-10-25T05:30:00"));
});

Deno.test("when clocks change, a slot of the lost hour never comes, of the other twice", () => {
  const { minutes } = weekPlan([schedule([0], [130, 140])]);
  assert.equal(nextChange(minutes, berlin, utc("2026-03-28T12:00:00")), utc("2026-04-05T00:10:00"));
  const first = nextChange(minutes, berlin, utc("2026-10-24T12:00:00"));
  const end = nextChange(minutes, berlin, first);
  const second = nextChange(minutes, berlin, end);
  assert.deepEqual([first, end, second].map((ms) => new Date(ms).toISOString().slice(11, 16)), [
    "00:10",
    "00:20",
    "01:10",
  ]);
});

Deno.test("nextChange() is the first minute with another entry, in any zone", () => {
  const zones = ["Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "UTC"].map(zoneClock);
  const minute = fc.integer({ min: 0, max: 1439 });
  const slots = fc.array(fc.tuple(minute, minute).filter(([a, b]) => a !== b), { minLength: 1, maxLength: 3 });
  const days = fc.uniqueArray(fc.integer({ min: 0, max: 6 }), { minLength: 1 });
  const time = fc.integer({ min: utc("2024-01-01T00:00:00"), max: utc("2027-01-01T00:00:00") });
  fc.assert(
    fc.property(slots, days, fc.constantFrom(...zones), time, (hours, on, clock, ms) => {
      const { minutes } = weekPlan([schedule(on, ...hours)]);
      const now = minutes[minuteOfWeek(clock(ms))];
      const next = nextChange(minutes, clock, ms);
      if (next === Infinity) return minutes.every((entry) => entry === minutes[0]);
      assert.ok(next > ms && next <= ms + (WEEK + 180) * 60_000 * 2);
      assert.notEqual(minutes[minuteOfWeek(clock(next))], now);
      // Nothing changed before: looked at in steps of a minute near the end, of seven in between.
      const full = Math.floor(ms / 60_000) * 60_000 + 60_000;
      for (let at = full; at < next; at += next - at > 3_600_000 * 5 ? 7 * 60_000 * 11 : 60_000) {
        if (minutes[minuteOfWeek(clock(at))] !== now) return false;
      }
      return true;
    }),
    { numRuns: 60 },
  );
});
