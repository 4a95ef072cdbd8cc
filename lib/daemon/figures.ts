/**
 * What one thread counted, as data that threads can post to each other; `status` and metrics add the threads up.
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
  /** What it counted since it was opened. */
  readonly counters: QueueCounters;
}

/** Counted by one thread since its start; `flows` are those that it holds now. */
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
  readonly exceeded: number;
  readonly overBudget: number;
  readonly omitted: number;
  readonly times: VerdictTally;
  readonly queues: readonly QueueFigures[];
}

/** What the figures of a thread are read from. */
export interface Counting {
  readonly engine: Engine;
  readonly pump: Pump;
  readonly queues: Queues;
  readonly times: VerdictTimes;
}

/** Reads what this thread counted; `suppressed` are the events that were held back outside the engine. */
export function figuresOf({ engine, pump, queues, times }: Counting, suppressed: number): Figures {
  const { counters, learner, state, asker, trainer, outbox, budgets } = engine;
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
    exceeded: learner.quotas.exceeded,
    overBudget: budgets.seconds,
    omitted: outbox.omitted,
    times: times.tally(),
    queues: queues.list.map(({ number, counters }) => ({ number, counters: { ...counters } })),
  };
}
