/**
 * What one thread counted, as data: threads that judge packets are added up for `status` and metrics.
 * @module
 */
import type { QueueCounters } from "../../ffi/queue_counters.ts";
import type { Queues } from "../../ffi/queues.ts";
import type { Engine } from "../judge/engine.ts";
import type { Pump } from "../loop/pump.ts";
import type { VerdictTally, VerdictTimes } from "../report/verdict_times.ts";
import { isDecodeError } from "../wire/outcome.ts";

/** One queue's own counters. */
export interface QueueFigures {
  /** Number of the queue. */
  readonly number: number;
  /** What it counted since its opening. */
  readonly counters: QueueCounters;
}

/** Counted by one thread since its start, but for `flows`, which are those held now. */
export interface Figures {
  readonly packets: number;
  readonly accepted: number;
  readonly refused: number;
  readonly decodeErrors: number;
  readonly byReason: Readonly<Record<string, number>>;
  /** By number of the protocol; holes where there was none. */
  readonly byProtocol: readonly (number | undefined)[];
  readonly suppressed: number;
  readonly settled: number;
  readonly exceptions: number;
  readonly returned: number;
  readonly flows: number;
  readonly flowCapacity: number;
  readonly flowsEvicted: number;
  readonly streamsEvicted: number;
  readonly unasked: number;
  readonly held: number;
  readonly omitted: number;
  readonly times: VerdictTally;
  readonly queues: readonly QueueFigures[];
}

/** Reads what this thread counted; `suppressed` are events held back beside those that the engine did. */
export function figuresOf(
  engine: Engine,
  pump: Pump,
  queues: Queues,
  times: VerdictTimes,
  suppressed: number,
): Figures {
  const { counters, learner, state, asker, trainer, outbox } = engine;
  let decodeErrors = 0;
  counters.decode.forEach((count, outcome) => {
    if (isDecodeError(outcome)) decodeErrors += count;
  });
  return {
    packets: counters.packets,
    accepted: counters.accepted,
    refused: counters.refused,
    decodeErrors,
    byReason: { ...counters.byReason },
    byProtocol: [...learner.byProtocol],
    suppressed: learner.rateLimits.total + suppressed,
    settled: pump.settled,
    exceptions: pump.exceptions + asker.failures,
    returned: pump.returned,
    flows: state.flows.count,
    flowCapacity: state.flows.capacity,
    flowsEvicted: state.flows.evicted,
    streamsEvicted: state.streams.evicted,
    unasked: trainer.unasked,
    held: trainer.held,
    omitted: outbox.omitted,
    times: times.tally(),
    queues: queues.list.map(({ number, counters }) => ({ number, counters: { ...counters } })),
  };
}
