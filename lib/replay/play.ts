/**
 * Plays a capture to the engine on the capture's own clock, which {@link Timeline} mends where it jumps.
 * @module
 */
import type { Link } from "./link.ts";
import type { Source } from "./source.ts";
import { isDecodeError } from "../wire/outcome.ts";
import { NOT_IP, Packet } from "../wire/packet.ts";
import type { Engine } from "../judge/engine.ts";

/** What the player counted. Times are milliseconds since 1970. */
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

/** Time passes for the engine in steps of this many milliseconds, packets or not. */
const STEP = 1000;

/**
 * Judges every packet of `source`, and lets time pass between them. What a CaptureError interrupts has been counted.
 * `between` is called about every 65,536 packets, for progress.
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
    const outcome = packet.decode(source.bytes, source.view, at, source.end, source.wireLength - (at - source.start));
    if (isDecodeError(outcome)) played.undecodable++;
    if ((engine.judge(packet, outcome, now) & 1) !== 0) played.refused++;
    if (between !== undefined && (played.packets & 0xffff) === 0) between();
  }
}

/** A leap further ahead than this many milliseconds is believed when the next packet says so too: 6 hours. */
const LEAP = 6 * 3_600_000;
/** What lies behind by no more than this is disorder among packets, not another time: a minute. */
const DISORDER = 60_000;
/** So many packets in a row must agree that it is earlier now: captures merged from two clocks change between them. */
const AGREEING = 32;
/** A believed leap counts for no more than this: whatever is remembered has ended by then but for locks of operators. */
const LONGEST = 2 * 24 * 3_600_000;

/** See the module's text. All times are milliseconds. */
export class Timeline {
  /** The time that runs on. */
  now: number;
  /** The capture's time that it stands for. */
  wall: number;
  #begun: boolean;
  #ahead = Number.NaN;
  #behind = 0;

  /** Goes on from where an earlier capture ended; 0 where there was none. */
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
    if (passed > LEAP) {
      const agrees = Math.abs(time - this.#ahead) <= LEAP;
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
