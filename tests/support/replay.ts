/**
 * Captures through the path that `ftwall replay` takes: source, link, engine, recorder.
 * @module
 */
import type { Classifier } from "../../lib/protocol/classifier.ts";
import { CLASSIFIERS } from "../../lib/protocol/mod.ts";
import { Engine } from "../../lib/judge/engine.ts";
import type { TrafficEvent } from "../../lib/learn/event.ts";
import { play, type Played } from "../../lib/replay/play.ts";
import type { Policy } from "../../lib/policy/policy.ts";
import { type FlowLine, FlowRecorder } from "../../lib/replay/flow_record.ts";
import { Link } from "../../lib/replay/link.ts";
import { CaptureError, type Source } from "../../lib/replay/source.ts";
import { capacityFor, State } from "../../lib/state/state.ts";

/** What came of a capture. */
export interface Replayed {
  readonly flows: readonly FlowLine[];
  readonly played: Played;
  readonly events: readonly TrafficEvent[];
  readonly engine: Engine;
  /** Why the capture could not be read to its end. */
  readonly problem: string;
}

/** Plays a capture; `homeAny` makes every private or first-seen side a client. */
export function replay(
  source: Source,
  policy: Policy,
  homeAny = false,
  classifiers: readonly Classifier[] = CLASSIFIERS,
): Replayed {
  const events: TrafficEvent[] = [];
  const state = new State(capacityFor(4 << 20), 0x5eed);
  const engine = new Engine({ policy, state, classifiers, homeAny, emit: (event) => events.push(event) });
  const recorder = new FlowRecorder();
  engine.observer = recorder;
  const played: Played = { packets: 0, refused: 0, first: null, last: null, undecodable: 0, truncated: 0 };
  let problem = "";
  try {
    play(source, new Link(), engine, played);
  } catch (error) {
    if (!(error instanceof CaptureError)) throw error;
    problem = error.message;
  }
  return { flows: [...recorder.lines()], played, events, engine, problem };
}

/** Flows and figures of a capture, one JSON object a line: the expectation of a golden capture. */
export function replayLines({ flows, played, events, problem }: Replayed): string {
  const count = (name: string) => events.filter((event) => event.event === name).length;
  const { packets, refused, undecodable, truncated } = played;
  const learned = { locked: count("locked"), peers: count("peer-learned"), trained: count("trained") };
  const summary = { packets, refused, undecodable, truncated, ...learned, ...(problem === "" ? {} : { problem }) };
  return [...flows, { summary }].map((line) => JSON.stringify(line) + "\n").join("");
}
