/**
 * The daemon's numbers in the Prometheus text exposition format, version 0.0.4.
 * @module
 */
import type { QueueStatus, Status } from "./status.ts";
import type { VerdictTimes } from "./verdict_times.ts";

/** Content-Type of the answer. */
export const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** One value, or one for each value of a label. */
type Values = number | Iterable<readonly [label: string, value: number]>;

/** A metric, its explanation, and its values in the status; `label` is the name of what several values differ by. */
type Metric = readonly [
  name: string,
  type: "gauge" | "counter",
  help: string,
  of: (s: Status, locked: number) => Values,
  label?: string,
];

const METRICS: readonly Metric[] = [
  ["uptime_seconds", "gauge", "Seconds since packets are judged", (s) => s.uptime_seconds],
  ["dry_run", "gauge", "1 where every packet is accepted", (s) => Number(s.dry_run)],
  ["last_reload_ok", "gauge", "1 unless the last reload was refused", (s) => Number(s.config.last_reload.ok)],
  ["packets_total", "counter", "Packets judged", (s) => s.counters.packets],
  ["verdicts_total", "counter", "Verdicts given", verdicts, "verdict"],
  ["offloaded_total", "counter", "Flows settled and left to the kernel", (s) => s.counters.offloaded],
  ["decode_errors_total", "counter", "Packets that could not be decoded", (s) => s.counters.decode_errors],
  ["detected_total", "counter", "Detections by protocol", (s) => Object.entries(s.counters.by_protocol), "protocol"],
  ["refused_total", "counter", "Packets refused by reason", (s) => Object.entries(s.counters.by_reason), "reason"],
  ["events_total", "counter", "Further counters of the daemon", furtherCounters, "kind"],
  ["locks", "gauge", "Clients locked now", (_, locked) => locked],
  ["peers", "gauge", "Peers on the block list", (s) => s.peers.count],
  ["peers_capacity", "gauge", "Room on the block list", (s) => s.peers.capacity],
  ["trained_addresses", "gauge", "Addresses trained by DNS answers", (s) => s.trained.count],
  ["flows", "gauge", "Flows in the table", (s) => s.flows.count],
  ["flows_capacity", "gauge", "Room in the flow table", (s) => s.flows.capacity],
  ["queue_waiting", "gauge", "Packets waiting in the kernel's queue", queues((q) => q.waiting), "queue"],
  ["queue_dropped_total", "counter", "Packets that found the queue full", queues((q) => q.queue_dropped), "queue"],
  ["queue_user_dropped_total", "counter", "Packets that found the socket full", queues((q) => q.user_dropped), "queue"],
  ["queue_fail_open", "gauge", "1 where the kernel fails open", queues((q) => Number(q.fail_open.effective)), "queue"],
  ["rules_present", "gauge", "1 where the firewall rules are in place", (s) => Number(s.kernel?.rules?.present ?? NaN)],
  ["rules_lost_total", "counter", "Times that rules or sets were taken away", (s) => s.kernel?.rules?.lost ?? 0],
  ["rules_restored_total", "counter", "Times that they were put back", (s) => s.kernel?.rules?.restored ?? 0],
  ["notify_sent_total", "counter", "Messages that arrived at a target", notified((t) => t.sent), "target"],
  ["notify_failed_total", "counter", "Tries to reach a target that failed", notified((t) => t.failed), "target"],
  ["notify_dropped_total", "counter", "Events and messages for it given up", notified((t) => t.dropped), "target"],
  ["resident_memory_bytes", "gauge", "Resident memory", (s) => s.memory.rss_bytes],
];

function verdicts({ counters }: Status): Values {
  return [["accept", counters.accepted], ["refuse", counters.refused]];
}

/** Counters that have a metric of their own. */
const OWN: ReadonlySet<string> = new Set(["packets", "accepted", "refused", "offloaded", "decode_errors"]);

function furtherCounters({ counters }: Status): Values {
  return Object.entries(counters).flatMap(([key, value]) =>
    typeof value === "number" && !OWN.has(key) ? [[key, value] as const] : []
  );
}

function queues(value: (queue: QueueStatus) => number): (status: Status) => Values {
  return (status) => status.queues.map((queue) => [String(queue.number), value(queue)] as const);
}

function notified(value: (target: NonNullable<Status["notify"]>[number]) => number): (status: Status) => Values {
  return ({ notify = [] }) => notify.map((target) => [target.name, value(target)] as const);
}

/** Builds the exposition from the same object that `ftwall status` prints, the number of all locks and the histogram behind it. */
export function metricsText(status: Status, times: VerdictTimes, locked: number): string {
  const out: string[] = [];
  const family = (name: string, type: string, help: string) => {
    out.push(`# HELP ftwall_${name} ${help}`, `# TYPE ftwall_${name} ${type}`);
  };
  family("info", "gauge", "Version and config in force");
  out.push(`ftwall_info{version="${escape(status.version)}",config_hash="${escape(status.config.hash)}"} 1`);
  for (const [name, type, help, of, label] of METRICS) {
    family(name, type, help);
    const values = of(status, locked);
    if (typeof values === "number") out.push(`ftwall_${name} ${number(values)}`);
    else for (const [of, value] of values) out.push(`ftwall_${name}{${label}="${escape(of)}"} ${number(value)}`);
  }
  family("verdict_seconds", "histogram", "Time from reading a packet to its verdict");
  times.cumulative((bound, count) => {
    out.push(`ftwall_verdict_seconds_bucket{le="${bound === Infinity ? "+Inf" : bound / 1e6}"} ${count}`);
  });
  out.push(`ftwall_verdict_seconds_sum ${number(times.sum / 1e6)}`, `ftwall_verdict_seconds_count ${times.count}`);
  return out.join("\n") + "\n";
}

function number(value: number): string {
  return Number.isFinite(value) ? String(value) : "NaN";
}

/** Label values: backslash, quote and line feed are escaped. */
function escape(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
