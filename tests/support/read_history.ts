/** All that a history has, for tests. */
import { addCounters, type HistoryQuery, readLog, type Scan, scanHistory } from "../../lib/history/read_history.ts";
import type { Happened, HourCounters, Named, Tallied } from "../../lib/history/record.ts";

/** What was found, in order of time. */
export interface History extends Scan {
  readonly tallied: readonly Tallied[];
  readonly counters: readonly HourCounters[];
  readonly events: readonly Happened[];
  /** Who the clients were last. */
  readonly names: ReadonlyMap<string, Named>;
}

/** Reads what was asked for, added up and in order. */
export function readHistory(directory: string, query: HistoryQuery): History {
  const counters = new Map<number, HourCounters>();
  const names = new Map<string, Named>();
  const scan = scanHistory(directory, query, (record) => {
    if (record.kind === "named") names.set(record.client, record);
    if (record.kind !== "counters") return;
    const before = counters.get(record.hour);
    counters.set(record.hour, before === undefined ? record : addCounters(before, record));
  });
  const log = [...readLog(directory, query)];
  return {
    ...scan,
    tallied: log.filter((one): one is Tallied => one.kind !== "event"),
    events: log.filter((one): one is Happened => one.kind === "event"),
    counters: [...counters.values()].sort((a, b) => a.hour - b.hour),
    names,
  };
}
