/**
 * Plays a capture to the engine on the capture's own clock, which {@link Timeline} mends where it jumps.
 * @module
 */
import type { Link } from "./link.ts";
import type { Source } from "./source.ts";
import { isDecodeError, NOT_IP } from "../wire/outcome.ts";
import { CHECKSUM_UNKNOWN, Packet } from "../wire/packet.ts";
import type { Engine } from "../judge/engine.ts";

/** What was counted while playing. Times are milliseconds since 1970. */
export interface Played {
  /** Packets read. */
  packets: number;
  /** Packets refused. */
  refused: number;
  /** Time of the first packet, null before it. */
  first: number | null;
  /** Time of the last packet, null before it. */
  last: number | null;
  /** Packets that are not IP or are broken. */
  undecodable: number;
  /** Packets of which the capture holds a part only. */
  truncated: number;
}

/** Milliseconds between two ticks of the engine. */
const STEP = 1000;

/**
 * Judges every packet of `source`, and lets time pass between them. A CaptureError is thrown on; packets before it are
 * counted. `between` is called about every 65,536 packets, for progress.
 */
export function play(source: Source, link: Link, engine: Engine, played: Played, between?: () => void): void {
  const packet = new Packet();
  const { clock } = engine;
  const timeline = new Timeline(clock.now, clock.now + clock.wallOffset);
  let due = -Infinity;
  while (source.next()) {
    const time = source.milliseconds;
    if (played.first === null || time < played.first) played.first = time;
    if (played.last === null || time > played.last) played.last = time;
    timeline.take(time);
    const now = timeline.now;
    if (now >= due) {
      engine.tick(now, timeline.wall);
      due = now + STEP;
    }
    played.packets++;
    if (source.wireLength > source.end - source.start) played.truncated++;
    const at = link.decode(source.bytes, source.view, source.start, source.end, source.linkType);
    if (at < 0) {
      played.undecodable++;
      packet.family = 0;
      engine.judge(packet, NOT_IP, now);
      continue;
    }
    packet.macHigh = link.macHigh;
    packet.macLow = link.macLow;
    packet.checksum = CHECKSUM_UNKNOWN;
    const outcome = packet.decode(source.bytes, source.view, at, source.end, source.wireLength - (at - source.start));
    if (isDecodeError(outcome)) played.undecodable++;
    if ((engine.judge(packet, outcome, now) & 1) !== 0) played.refused++;
    if (between !== undefined && (played.packets & 0xffff) === 0) between();
  }
}

/** A jump ahead by more than this many milliseconds is believed once the next packet confirms it: 6 hours. */
const JUMP = 6 * 3_600_000;
/** A time that lies behind by no more than this is disorder among packets, not another time: a minute. */
const DISORDER = 60_000;
/** Packets in a row that must lie behind before it is earlier now: captures merged from two clocks switch between them. */
const AGREEING = 32;
/** Most that a believed jump counts for: by then everything remembered has ended, except locks of operators. */
const LONGEST = 2 * 24 * 3_600_000;

/**
 * Makes of a capture's times one time that never runs backwards. Captures have packets with wrong times, clocks that were
 * set, and files in the wrong order: one packet from the year 2106 must neither end every lock nor stop time for all
 * packets after it. All times are milliseconds.
 */
export class Timeline {
  /** The time that never runs backwards. */
  now: number;
  /** The capture's own time at that moment. */
  wall: number;
  #begun: boolean;
  #ahead = Number.NaN;
  #behind = 0;

  /** Continues where an earlier capture ended; 0 where there was none. */
  constructor(now: number, wall: number) {
    this.now = now;
    this.wall = wall;
    this.#begun = now > 0;
  }

  /** A packet was captured at `time`: sets {@link now} and {@link wall}. */
  take(time: number): void {
    if (!this.#begun) {
      this.#begun = true;
      this.now = this.wall = time;
      return;
    }
    const passed = time - this.wall;
    if (passed > JUMP) {
      const agrees = Math.abs(time - this.#ahead) <= JUMP;
      this.#ahead = time;
      if (agrees) this.#goOn(time, Math.min(passed, LONGEST));
      return;
    }
    this.#ahead = Number.NaN;
    if (passed >= 0) this.#goOn(time, passed);
    else if (passed >= -DISORDER) this.#behind = 0;
    else if (++this.#behind >= AGREEING) this.#goOn(time, 0);
  }

  #goOn(time: number, passed: number): void {
    this.wall = time;
    this.now += passed;
    this.#behind = 0;
  }
}
