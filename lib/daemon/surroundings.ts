/**
 * Watches what happens around the daemon and would be felt as a fault of ftwall's: a clock that is set, a connection table that
 * is full, a limit of memory that is too small. Each is told once, when it begins, and when it is over.
 * @module
 */

/** What it works with. */
export interface SurroundingsParts {
  /** The whole text of a file; throws where it cannot be read. */
  readonly read: (path: string) => string;
  readonly note: (level: "info" | "warning", text: string) => void;
}

/** Milliseconds by which the clock may be off from one beat to the next: NTP moves it by less. */
const JUMP = 5000;
/** Milliseconds between looks at the connection table. */
const TABLE_EVERY = 5000;
/** Parts of the connection table from which on it is told to be full, and below which it is not any more. */
const FULL = 0.95;
const ROOM = 0.8;
/** Bytes that the program takes beside its tables: docs/operation.md has the figures. */
const BESIDE_TABLES = 56 << 20;
const EACH_THREAD = 20 << 20;

const CONNTRACK = "/proc/sys/net/netfilter/nf_conntrack_";

/** See the module's text. */
export class Surroundings {
  readonly #parts: SurroundingsParts;
  #offset = NaN;
  #lastTable = -Infinity;
  #full = false;

  /** Looks at nothing yet. */
  constructor(parts: SurroundingsParts) {
    this.#parts = parts;
  }

  /** Call about once a second; `now` is monotonic milliseconds, `wall` those since 1970. */
  beat(now: number, wall: number): void {
    const offset = wall - now;
    const jump = offset - this.#offset;
    this.#offset = offset;
    if (Math.abs(jump) > JUMP) this.#parts.note("warning", clockText(jump));
    if (now - this.#lastTable < TABLE_EVERY) return;
    this.#lastTable = now;
    this.#lookAtConnections();
  }

  #lookAtConnections(): void {
    const facts = connectionTable(this.#parts.read);
    if (facts === null) return;
    if (!this.#full && isFull(facts)) {
      this.#full = true;
      this.#parts.note("warning", `${fullText(facts)}; ${MORE_CONNECTIONS}`);
    } else if (this.#full && facts.count < ROOM * facts.most) {
      this.#full = false;
      this.#parts.note("info", `The kernel's table of connections has room again: ${facts.count} of ${facts.most}`);
    }
  }
}

/** Connections that the kernel holds, and the most that it may. */
interface ConnectionTable {
  readonly count: number;
  readonly most: number;
}

/** What to do about a full table. */
export const MORE_CONNECTIONS = "raise it: sysctl net.netfilter.nf_conntrack_max";

/** Whether new connections hardly find room, or none. */
export function isFull({ count, most }: ConnectionTable): boolean {
  return count >= FULL * most;
}

/** Says that the table of connections is full. */
export function fullText({ count, most }: ConnectionTable): string {
  return `The kernel's table of connections is full, ${count} of ${most}: it drops what is new before ftwall sees it`;
}

/** The table of connections; null where the kernel does not tell. */
export function connectionTable(read: (path: string) => string): ConnectionTable | null {
  try {
    const [count, most] = ["count", "max"].map((name) => Number(read(CONNTRACK + name)));
    return Number.isInteger(count) && most! > 0 ? { count: count!, most: most! } : null;
  } catch {
    return null;
  }
}

function clockText(jump: number): string {
  const seconds = Math.round(Math.abs(jump) / 1000);
  const [many, what] = seconds < 120
    ? [seconds, "seconds"]
    : seconds < 7200
    ? [Math.round(seconds / 60), "minutes"]
    : seconds < 172_800
    ? [Math.round(seconds / 3600), "hours"]
    : [Math.round(seconds / 86_400), "days"];
  return `The clock was set ${jump > 0 ? "forward" : "back"} by ${many} ${what}: locks keep their length, ` +
    "schedules and the times of events go by the new time";
}

/** The limit of memory of the control group that this process is in, bytes, and how often it was reached; null without one. */
export function memoryLimit(
  read: (path: string) => string,
): { readonly bytes: number; readonly kills: number } | null {
  try {
    const groups = read("/proc/self/cgroup");
    const unified = /^0::(\/.*)$/m.exec(groups)?.[1];
    const legacy = /^\d+:(?:[\w,]*,)?memory(?:,[\w,]*)?:(\/.*)$/m.exec(groups)?.[1];
    const folder = legacy === undefined ? `/sys/fs/cgroup${unified}` : `/sys/fs/cgroup/memory${legacy}`;
    const [limit, events] = legacy === undefined
      ? ["memory.max", "memory.events"]
      : ["memory.limit_in_bytes", "memory.oom_control"];
    const bytes = Number(read(`${folder}/${limit}`));
    // Without a limit it is "max", or more than any machine has.
    if (!(bytes > 0 && bytes < 2 ** 50)) return null;
    return { bytes, kills: Number(/^oom_kill (\d+)$/m.exec(read(`${folder}/${events}`))?.[1] ?? 0) };
  } catch {
    return null;
  }
}

/** What is wrong with the limit of memory at a start; empty where nothing is. `memory` is that of the config, bytes. */
export function memoryProblem(limit: ReturnType<typeof memoryLimit>, memory: number, threads: number): string {
  if (limit === null) return "";
  const mib = (bytes: number) => `${Math.ceil(bytes / (1 << 20))} MiB`;
  const needed = memory + BESIDE_TABLES + (threads - 1) * EACH_THREAD;
  const killed = limit.kills === 0 ? "" : `; for reaching it processes were killed ${limit.kills} times`;
  if (limit.bytes >= needed) {
    return killed === "" ? "" : `The limit of memory of this service is ${mib(limit.bytes)}${killed}`;
  }
  return `The limit of memory of this service is ${mib(limit.bytes)}${killed}. With memory = ${
    mib(memory)
  } ftwall may take ` +
    `${mib(needed)}: lower memory in the config, or raise the limit`;
}
