/**
 * How often honest programs that cipher everything are taken for file sharing, and how often file sharing is: client-hours
 * drawn from seeds, judged by the lengths of their flights.
 *
 *     deno run -A tests/bench/fan_out.ts [--seeds 10000] [--svg docs/performance/fan_out.svg]
 *
 * What looks at bytes is left out: every flight counts as random, the worst case for honest programs.
 * @module
 */
import { MSE_LENGTHS, noteOfThird } from "../../lib/protocol/bittorrent/message_lengths.ts";
import { fitOf, placeOf, SAYS_HANDSHAKE, SAYS_PROTOCOL } from "../../lib/protocol/message_lengths.ts";
import { FanOuts } from "../../lib/state/fan_outs.ts";
import { Scores } from "../../lib/state/scores.ts";
import { Draw, type Talker, TALKERS, type Write } from "../support/encrypted_flights.ts";
import { draw } from "./plot.ts";
import type { Series } from "./plan.ts";

const SEGMENT = 1448;
const SECOND = 8;
const HOUR = 3600 * SECOND;
/** Conversations are compared with those of ten minutes. */
const MEMORY = 600 * SECOND;
/** Hosts from which on a fan-out acts, as the config has it. */
export const HOSTS = 4;

/** The first three flights of a conversation, and what follows: sizes of packets, negative ones are the responder's. */
interface Flights {
  readonly first: number;
  readonly second: number;
  readonly third: number;
  /** The responder's flight behind the third. */
  readonly fourth: number;
  readonly rest: readonly number[];
}

/** Cuts writes into packets and tells the flights apart; null where a length in clear stands in front of both sides'. */
export function flightsOf(writes: readonly Write[]): Flights | null {
  if (writes.slice(0, 4).filter((write) => write.lengthBytes > 0).length > 1) return null;
  const packets = writes.flatMap(({ fromOpener, size }) => {
    const list: number[] = [];
    for (let left = size; left > 0; left -= SEGMENT) list.push(Math.min(left, SEGMENT) * (fromOpener ? 1 : -1));
    return list;
  });
  let at = 0;
  const flight = (fromOpener: boolean) => {
    let sum = 0;
    while (at < packets.length && packets[at]! > 0 === fromOpener) sum += Math.abs(packets[at++]!);
    return sum;
  };
  const first = flight(true);
  const second = flight(false);
  const third = at < packets.length ? packets[at++]! : 0;
  const rest = packets.slice(at);
  const answer = rest.findIndex((packet) => packet < 0);
  return { first, second, third, fourth: answer < 0 ? 0 : -rest[answer]!, rest };
}

const within = (value: number, least: number, most: number) => value >= least && value <= most;
const fitsMse = ({ first, second, third }: Flights) =>
  within(first, 96, 608) && within(second, 96, 608) && within(third, 56, 636);
const fitsEmule = ({ first, second, third, fourth }: Flights) =>
  !(first === second && [50, 64, 80].includes(first)) && within(first, 12, 266) && within(second, 6, 260) &&
  within(third, 38, 400) && within(fourth, 38, 400);
/** Too short for the keys, salts and tags of anything else. */
const isShortGreeting = ({ first, second }: Flights) => first < 48 || second < 42;

/** What came of one client-hour: the most hosts that counted at once, by today's and by the new rule. */
export interface Hour {
  /** Hosts by number alone, and the score: those that acted when `HOSTS` were asked for. */
  readonly before: number;
  /** Hosts unlike each other, marked. */
  readonly after: number;
  /** A single flow was acted on by its messages. */
  readonly proven: boolean;
}

/** One client, one hour. */
export function clientHour(talker: Talker, seed: number): Hour {
  const drawn = new Draw(seed);
  const kind = drawn.whole(0, 0xffff);
  const hosts = talker.hosts(drawn);
  const count = talker.connections(drawn);
  const starts = Array.from({ length: count }, () => Math.floor(drawn.unit() * (talker.atOnce ? 30 * SECOND : HOUR)));
  starts.sort((a, b) => a - b);
  const scores = [new Scores(4, 1), new Scores(4, 1)];
  const fanOuts = [new FanOuts(4, 1), new FanOuts(4, 1)];
  let before = 0;
  let after = 0;
  let proven = false;
  for (const tick of starts) {
    const host = 1 + (talker.atOnce ? Math.floor(drawn.unit() * hosts) : drawn.whole(0, hosts - 1));
    const flights = flightsOf(talker.talk(drawn, kind));
    if (flights === null) continue;
    for (const [protocol, fits] of [fitsMse(flights), fitsEmule(flights)].entries()) {
      if (!fits) continue;
      before = Math.max(before, hostsByNumber(scores[protocol]!, host, tick));
      const found = fanOuts[protocol]!;
      const near = protocol === 0 ? MSE_LENGTHS.near : 4;
      found.met(0, 0, 0, 1, 0, host, flights.first, flights.second, false, near, tick, MEMORY, tick * 125);
      let marked = protocol === 1 && isShortGreeting(flights);
      if (protocol === 0) {
        let note = noteOfThird(flights.third);
        let place = 0;
        const ends = [0, 0];
        for (const packet of flights.rest) {
          const fromOpener = packet > 0;
          const size = Math.abs(packet);
          const end = ends[Number(fromOpener)]! += size;
          const before = place;
          place = placeOf(before, MSE_LENGTHS.blocks!, size, end, fromOpener);
          note = MSE_LENGTHS.add(note, size, fromOpener, fitOf(before, place, MSE_LENGTHS.blocks!, size));
          const said = MSE_LENGTHS.says(note);
          marked ||= said >= SAYS_HANDSHAKE;
          proven ||= said === SAYS_PROTOCOL;
        }
      }
      if (marked) found.mark(0, 0, 0, 1, 0, host);
      found.count(0, 0, 0, 1, 0, near, tick, 60 * SECOND, MEMORY);
      after = Math.max(after, protocol === 0 ? found.marked : found.marked >= 2 ? found.hosts : 0);
    }
  }
  return { before, after, proven };
}

/** The rule of before: so many hosts within a minute, and a score of 100. Answers 0 where the score is lower. */
function hostsByNumber(scores: Scores, host: number, tick: number): number {
  scores.fanOutTicks = 60 * SECOND;
  scores.fanOutPeers = HOSTS;
  scores.fanOutPoints = 40;
  scores.add(0, 0, 0, 1, 0, host, 10, tick, 300 * SECOND, 600 * SECOND, tick * 125);
  return scores.after >= 100 && scores.fannedOut ? scores.peers : 0;
}

/** One row of the table. */
export interface Row {
  readonly talker: Talker;
  readonly hours: number;
  /** Client-hours with a fan-out by the rule of before. */
  readonly before: number;
  /** The same by the new rule, by hosts asked for: index 2 to 12. */
  readonly after: readonly number[];
  readonly proven: number;
}

/** Counts `seeds` client-hours of a program. */
export function rowOf(talker: Talker, seeds: number): Row {
  let before = 0;
  let proven = 0;
  const after = Array.from({ length: 13 }, () => 0);
  for (let seed = 1; seed <= seeds; seed++) {
    const hour = clientHour(talker, Math.imul(seed, 0x9e3779b1));
    if (hour.before > 0) before++;
    if (hour.proven) proven++;
    for (let hosts = 2; hosts < after.length; hosts++) if (hour.after >= hosts) after[hosts]!++;
  }
  return { talker, hours: seeds, before, after, proven };
}

/** Shares of client-hours, by hosts asked for. */
function series(rows: readonly Row[]): Series[] {
  const line = (name: string, value: (hosts: number) => number): Series => ({
    plot: "fan-out",
    name,
    points: Array.from({ length: 11 }, (_, at) => [at + 2, value(at + 2)] as const),
  });
  const honest = rows.filter(({ talker }) => !talker.shares);
  const worst = (hosts: number) => Math.max(...honest.map((row) => row.after[hosts]! / row.hours));
  return [
    ...rows.filter(({ talker }) => talker.shares).map((row) => line(row.talker.name, (n) => row.after[n]! / row.hours)),
    line("worst honest", worst),
    line("the same, before", () => Math.max(...honest.map((row) => row.before / row.hours))),
  ];
}

if (import.meta.main) {
  const option = (name: string) => Deno.args[Deno.args.indexOf(name) + 1];
  const seeds = Deno.args.includes("--seeds") ? Number(option("--seeds")) : 10_000;
  const rows: Row[] = [];
  const percent = (count: number) => `${(count / seeds * 100).toFixed(2)} %`;
  // deno-lint-ignore no-console -- a program for the terminal
  const say = console.log;
  say(`| program | before | from ${HOSTS} hosts on | single flow proven |\n| --- | --- | --- | --- |`);
  for (const talker of TALKERS) {
    const row = rowOf(talker, seeds);
    rows.push(row);
    say(`| ${talker.name} | ${percent(row.before)} | ${percent(row.after[HOSTS]!)} | ${percent(row.proven)} |`);
  }
  if (Deno.args.includes("--svg")) {
    const plot = {
      name: "fan-out",
      title: "Client-hours with a fan-out, by hosts that are asked for",
      x: "hosts within a minute",
      y: "% of client-hours",
      logarithmic: false,
      scale: 100,
    } as const;
    Deno.writeTextFileSync(option("--svg")!, draw(plot, series(rows)));
  }
}
