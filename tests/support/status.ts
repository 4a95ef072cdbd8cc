/**
 * A daemon's status, with a little of everything in it.
 */
import { buildStatus, type Status, type StatusSource } from "../../lib/report/status.ts";
import { VerdictTimes } from "../../lib/report/verdict_times.ts";

/** When it is. */
export const NOW: number = Date.UTC(2026, 0, 2, 3, 4, 5);

/** A daemon with a little of everything. */
export function source(): StatusSource {
  const verdictTimes = new VerdictTimes();
  verdictTimes.record(0.8, 98);
  verdictTimes.record(3);
  verdictTimes.record(700);
  return {
    version: "3.0.0",
    pid: 4711,
    dryRun: false,
    uptime: () => 3_725_900,
    config: () => ({
      path: "/etc/ftwall/ftwall.toml",
      hash: "0123456789abcdef0123456789abcdef",
      loadedAt: NOW - 3_600_000,
      lastReload: { ok: false, at: NOW - 60_000, problems: ["ftwall.toml:3: lock.seconds: found -1"] },
    }),
    queues: () => [{
      number: 0,
      waiting: 2,
      queue_dropped: 0,
      user_dropped: 1500,
      fail_open: { requested: true, effective: true },
      gso: true,
    }],
    locks: () => [{
      client: "10.0.0.5",
      mac: "02:00:00:00:00:05",
      protocol: "fasttrack",
      evidence: "udp-ping",
      since: NOW - 30_000,
      until: NOW + 90_000,
      renewals: 2,
      by: "detector",
    }],
    peers: () => ({
      count: 2,
      capacity: 100000,
      entries: [
        { peer: "198.51.100.7", peer_port: 1214, protocol: "fasttrack", until: NOW + 3_600_000 },
        { peer: "2001:db8::7", peer_port: 0, protocol: "bittorrent", until: NOW + 60_000 },
      ],
    }),
    trained: () => ({ count: 1, names: [{ pattern: "*.winmx.com", addresses: ["203.0.113.9"] }] }),
    flows: () => ({ count: 1200, capacity: 155000 }),
    counters: () => ({
      packets: 1234567,
      accepted: 1234000,
      refused: 567,
      offloaded: 321,
      decode_errors: 4,
      by_protocol: { fasttrack: 3, bittorrent: 0 },
      by_reason: { recognised: 500, "client-locked": 67 },
      log_lines_lost: 5,
    }),
    notify: () => [{
      name: "admin",
      way: "json at hooks.example.org",
      on: ["lock", "rules"],
      sent: 4,
      failed: 2,
      dropped: 1,
      waiting: true,
      last_sent: NOW - 600_000,
      failing_since: NOW - 300_000,
      failure: "it answered 503 Service Unavailable",
    }],
    verdictTimes,
    rss: () => 50 * 1048576,
  };
}

/** Its status. */
export function statusOf(): Status {
  return buildStatus(source());
}
