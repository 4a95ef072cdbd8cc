/**
 * Plays a capture to the engine on the capture's own clock.
 * @module
 */
import type { Link } from "./link.ts";
import type { Source } from "./source.ts";
import { isDecodeError } from "../wire/outcome.ts";
import { NOT_IP, Packet } from "../wire/packet.ts";
import type { Engine } from "../judge/engine.ts";
import { Timeline } from "./timeline.ts";

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
