/**
 * The daemon's numbers in the Prometheus text exposition format, version 0.0.4.
 * @module
 */
import type { Status } from "./status.ts";
import type { VerdictTimes } from "./verdict_times.ts";

/** Content-Type of the answer. */
export const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** Builds the exposition from the same object that `ftwall status` prints, and the histogram behind it. */
export function metricsText(status: Status, times: VerdictTimes): string {
  const out: string[] = [];
  const family = (name: string, type: string, help: string) => {
    out.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
  };
  const one = (name: string, type: string, help: string, value: number) => {
    family(name, type, help);
    out.push(`${name} ${number(value)}`);
  };
  const many = (name: string, type: string, help: string, label: string, rows: Iterable<readonly [string, number]>) => {
    family(name, type, help);
    for (const [value, count] of rows) out.push(`${name}{${label}="${escape(value)}"} ${number(count)}`);
  };
  const c = status.counters;

  family("ftwall_info", "gauge", "Version and config in force");
  out.push(`ftwall_info{version="${escape(status.version)}",config_hash="${escape(status.config.hash)}"} 1`);
  one("ftwall_uptime_seconds", "gauge", "Seconds since packets are judged", status.uptime_seconds);
  one("ftwall_dry_run", "gauge", "1 where every packet is accepted", status.dry_run ? 1 : 0);
  one(
    "ftwall_last_reload_ok",
    "gauge",
    "1 unless the last reload was refused",
    status.config.last_reload.ok ? 1 : 0,
  );
  one("ftwall_packets_total", "counter", "Packets judged", c.packets);
  many("ftwall_verdicts_total", "counter", "Verdicts given", "verdict", [
    ["accept", c.accepted],
    ["refuse", c.refused],
  ]);
  one("ftwall_offloaded_total", "counter", "Flows settled and left to the kernel", c.offloaded);
  one("ftwall_decode_errors_total", "counter", "Packets that could not be decoded", c.decode_errors);
  many("ftwall_detected_total", "counter", "Detections by protocol", "protocol", Object.entries(c.by_protocol));
  many("ftwall_refused_total", "counter", "Packets refused by reason", "reason", Object.entries(c.by_reason));
  many(
    "ftwall_events_total",
    "counter",
    "Further counters of the daemon",
    "kind",
    Object.entries(c).flatMap(([key, value]) =>
      typeof value === "number" && !OWN.has(key) ? [[key, value] as const] : []
    ),
  );
  one("ftwall_locks", "gauge", "Clients locked now", status.locks.length);
  one("ftwall_peers", "gauge", "Peers on the block list", status.peers.count);
  one("ftwall_peers_capacity", "gauge", "Room on the block list", status.peers.capacity);
  one("ftwall_trained_addresses", "gauge", "Addresses trained by DNS answers", status.trained.count);
  one("ftwall_flows", "gauge", "Flows in the table", status.flows.count);
  one("ftwall_flows_capacity", "gauge", "Room in the flow table", status.flows.capacity);
  const queue = (name: string, type: string, help: string, value: (q: Status["queues"][number]) => number) =>
    many(name, type, help, "queue", status.queues.map((q) => [String(q.number), value(q)] as const));
  queue("ftwall_queue_waiting", "gauge", "Packets waiting in the kernel's queue", (q) => q.waiting);
  queue("ftwall_queue_dropped_total", "counter", "Packets that found the queue full", (q) => q.queue_dropped);
  queue("ftwall_queue_user_dropped_total", "counter", "Packets that found the socket full", (q) => q.user_dropped);
  queue("ftwall_queue_fail_open", "gauge", "1 where the kernel fails open", (q) => q.fail_open.effective ? 1 : 0);
  const rules = status.kernel?.rules ?? null;
  const present = rules === null ? NaN : rules.present ? 1 : 0;
  one("ftwall_rules_present", "gauge", "1 where the firewall rules are in place", present);
  one("ftwall_rules_lost_total", "counter", "Times that rules or sets were taken away", rules?.lost ?? 0);
  one("ftwall_rules_restored_total", "counter", "Times that they were put back", rules?.restored ?? 0);
  one("ftwall_resident_memory_bytes", "gauge", "Resident memory", status.memory.rss_bytes);

  family("ftwall_verdict_seconds", "histogram", "Time from reading a packet to its verdict");
  times.cumulative((bound, count) => {
    out.push(`ftwall_verdict_seconds_bucket{le="${bound === Infinity ? "+Inf" : bound / 1e6}"} ${count}`);
  });
  out.push(`ftwall_verdict_seconds_sum ${number(times.sum / 1e6)}`, `ftwall_verdict_seconds_count ${times.count}`);
  return out.join("\n") + "\n";
}

/** Counters that have a metric of their own. */
const OWN: ReadonlySet<string> = new Set(["packets", "accepted", "refused", "offloaded", "decode_errors"]);

function number(value: number): string {
  return Number.isFinite(value) ? String(value) : "NaN";
}

/** Label values: backslash, quote and line feed are escaped. */
function escape(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
