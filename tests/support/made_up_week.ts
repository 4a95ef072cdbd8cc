/**
 * A made-up week of a school with 200 machines: most do nothing of note, some share files in the evening, one all night. For
 * looking at reports, and for tests of them. The same seed makes the same week.
 */
import { HistoryStore } from "../../lib/history/history_store.ts";
import { Recorder } from "../../lib/history/recorder.ts";
import type { DetectedEvent } from "../../lib/learn/event.ts";
import type { ReportEvent } from "../../lib/report/report_event.ts";

const HOUR = 3_600_000;
/** Clients of the week. */
export const MACHINES = 200;

interface Habit {
  readonly protocol: string;
  readonly evidence: string;
  readonly certainty: DetectedEvent["certainty"];
  readonly action: DetectedEvent["action"];
  readonly transport: "tcp" | "udp";
  /** Hours of the day in which it runs. */
  readonly hours: readonly number[];
  /** Flows in an hour. */
  readonly flows: number;
  readonly because: string;
}

const span = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

/** What machines do, by how rare it is. */
const HABITS: readonly (readonly [every: number, habit: Habit])[] = [
  [9, habit("bittorrent", "tcp-handshake", "certain", "drop", "tcp", span(17, 23), 30)],
  [31, habit("bittorrent", "dht-query", "strong", "drop", "udp", span(0, 24), 80)],
  [23, habit("edonkey", "kad-hello", "certain", "drop", "udp", span(14, 20), 12)],
  [41, habit("soulseek", "server-login", "certain", "drop", "tcp", span(19, 24), 4)],
  [67, habit("fasttrack", "udp-ping", "certain", "lock", "udp", span(13, 18), 8)],
  [53, habit("gnutella", "connect", "certain", "drop", "tcp", span(16, 22), 6)],
  [13, habit("bittorrent", "stun-and-random", "weak", "drop", "udp", span(8, 16), 2)],
  [37, habit("xunlei", "udp-shape", "weak", "log", "udp", span(9, 18), 3)],
];

function habit(
  protocol: string,
  evidence: string,
  certainty: DetectedEvent["certainty"],
  action: DetectedEvent["action"],
  transport: "tcp" | "udp",
  hours: readonly number[],
  flows: number,
): Habit {
  const because = certainty === "weak"
    ? "Shape alone: random bytes to a high port"
    : `What the protocol says: ${evidence}`;
  return { protocol, evidence, certainty, action, transport, hours, flows, because };
}

const OWNERS = ["anna", "ben", "clara", "david", "ela", "finn", "greta", "hugo", "ida", "jonas"];
const KINDS = ["laptop", "phone", "tablet", "desktop"];

/** Name of a machine; some have none. */
export function machineName(number: number): string {
  return number % 7 === 3 ? "" : `${OWNERS[number % OWNERS.length]}-${KINDS[number % KINDS.length]}-${number}`;
}

/** Writes the week before `end` (milliseconds since 1970) into a history; `dryUntil` hours of it are a dry run. */
export async function writeWeek(directory: string, end: number, dryHours: number): Promise<void> {
  const begin = end - 7 * 24 * HOUR;
  const store = new HistoryStore(directory, { keep: 14 * 24 * HOUR, size: 16 << 20 });
  const recorders = [true, false].map((dryRun) =>
    new Recorder({
      store,
      dryRun,
      privacyOf: () => "plain",
      hash: String,
      identityOf: (client) => {
        const number = Number(client.split(".")[3]);
        const mac = `02:00:00:00:00:${number.toString(16).padStart(2, "0")}`;
        return { mac, name: machineName(number), group: number < 40 ? "staff" : "default" };
      },
    })
  );
  let random = 20260105;
  const next = (below: number) => (random = (random * 48271) % 2147483647) % below;
  const counters = {
    packets: 0,
    accepted: 0,
    refused: 0,
    missed: 0,
    times: new Array<number>(16).fill(0),
    sum: 0,
    max: 0,
  };
  for (let at = 0; at < 7 * 24; at++) {
    const recorder = recorders[at < dryHours ? 0 : 1]!;
    const tell = (event: ReportEvent, offset = next(HOUR)) => recorder.take(event, begin + at * HOUR + offset);
    const hourOfDay = new Date(begin + at * HOUR).getUTCHours();
    const weekday = new Date(begin + at * HOUR).getUTCDay();
    if (at === 0 || at === dryHours) {
      tell({ event: "ready", queues: [0], config: "/etc/ftwall/ftwall.toml", effective: [], version: "3.1.0" }, 0);
    }
    if (at === 50) {
      tell({
        event: "reloaded",
        hash: "ab",
        changes: ['protocols.gnutella.action: "log" to "drop"', "lock.seconds: 120 to 300"],
      });
    }
    if (at === 51) {
      tell({
        event: "reload-refused",
        problems: ['ftwall.toml:12: [network] home: expected prefixes, found "10.0.0/8"'],
      });
    }
    if (at === 70) tell({ event: "queue-overrun", queue: 0, queue_dropped: 412, user_dropped: 0, missed: 412 });
    if (at === 99) {
      tell({
        event: "note",
        level: "warning",
        message: "The firewall rules are gone: nothing reaches ftwall any more",
      });
    }
    if (at === 100) {
      tell({
        event: "audit",
        action: "allow",
        who: { uid: 0, user: "admin" },
        client: "192.168.1.62",
        seconds: 7200,
        outcome: "done",
        reason: "LAN party <3",
      });
    }
    let refused = 0;
    for (let number = 1; number <= MACHINES; number++) {
      const client = `192.168.1.${number}`;
      for (const [i, [every, { hours, flows, ...habit }]] of HABITS.entries()) {
        if ((number * 7 + i * 3) % every !== 0 || !hours.includes(hourOfDay)) continue;
        // A third of the evenings nothing runs, and on weekends more does.
        if (next(3) === 0 && weekday % 6 !== 0) continue;
        const many = 1 + next(flows * (weekday % 6 === 0 ? 3 : 2));
        for (let flow = 0; flow < many; flow++) {
          const peer = `${[198, 203, 192][next(3)]}.${next(3) === 0 ? 51 : 18}.${100 + next(2)}.${1 + next(250)}`;
          const side = { client, peer, peer_port: 1024 + next(60000), transport: habit.transport };
          const offset = next(HOUR);
          tell({
            event: "detected",
            ...side,
            protocol: habit.protocol,
            evidence: habit.evidence,
            certainty: habit.certainty,
            action: habit.action,
            because: habit.because,
          }, offset);
          if (habit.certainty === "weak") continue;
          const packets = 1 + next(40);
          refused += packets;
          const bytes = packets * (60 + next(900));
          tell(
            {
              event: "refused",
              ...side,
              protocol: habit.protocol,
              reason: "recognised",
              suppressed: packets - 1,
              bytes,
            } as ReportEvent,
            offset,
          );
        }
        if (habit.action !== "lock") continue;
        tell({ event: "locked", client, protocol: habit.protocol, evidence: habit.evidence, by: "detector" });
        tell({
          event: "refused",
          client,
          peer: "198.51.100.80",
          peer_port: 443,
          transport: "tcp",
          reason: "client-locked",
          suppressed: next(200),
        });
        tell({
          event: "released",
          client,
          protocol: habit.protocol,
          evidence: habit.evidence,
          by: "detector",
          held_seconds: 120 + next(1200),
        });
      }
    }
    const packets = refused + 20_000 + next(20_000) + (hourOfDay > 7 && hourOfDay < 23 ? 400_000 + next(200_000) : 0);
    counters.packets += packets;
    counters.refused += at < dryHours ? 0 : refused;
    counters.accepted = counters.packets - counters.refused;
    counters.missed = at >= 70 ? 412 : 0;
    counters.times = counters.times.map((count, bucket) =>
      count + Math.round(packets * [0, 0.1, 0.5, 0.3, 0.08, 0.015, 0.004, 0.001][bucket]! || 0)
    );
    counters.sum += packets * 4;
    counters.max = 840;
    recorder.count({ ...counters }, begin + at * HOUR + HOUR - 1);
    await store.beat(begin + at * HOUR + HOUR - 1);
  }
  await store.close(end);
  if (store.failure !== "" || store.dropped > 0) throw new Error(`${store.failure} ${store.dropped} dropped`);
}
