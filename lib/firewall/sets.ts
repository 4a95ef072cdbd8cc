/**
 * The kernel sets of locked clients, of blocked peers, and of servers that answer in the ordinary way.
 * @module
 */
import { within } from "../net/timer.ts";
import { NFT_TABLE, ORDINARY_SECONDS, ORDINARY_SIZE, SET_SIZE } from "./nft.ts";
import type { Backend, Runner } from "./run.ts";

/** What a kernel set that ftwall keeps holds: addresses of locked clients, or blocked peers, each a TCP port of an address. */
export type SetKind = "locked" | "peers";

/** A kernel set that the rules ask: one of those, or `ordinary`, which the rules fill by themselves with ports of servers. */
export type KernelSet = SetKind | "ordinary";

/** The ipset names; nft has the same sets in our table, without the prefix. */
export const SET_NAMES: readonly string[] = ["locked", "peers", "ordinary"]
  .flatMap((kind) => [`ftwall_${kind}4`, `ftwall_${kind}6`]);

/** One entry of a set. */
export interface SetEntry {
  /** Which set. */
  readonly kind: SetKind;
  /** An address as `formatAddress` writes it. */
  readonly address: string;
  /** The port of a peer; 0 for a client. */
  readonly port: number;
}

/** One change of a set. */
export interface SetChange extends SetEntry {
  /** Seconds until the kernel drops the entry by itself; 0 removes it. */
  readonly seconds: number;
}

/** Creates the sets that are missing; for `ipset -exist restore`. A full set gives up a random old entry. */
export function ipsetCreateText(): string {
  return SET_NAMES.map((name) => {
    const type = name.startsWith("ftwall_locked") ? "hash:ip" : "hash:ip,port";
    const family = name.endsWith("6") ? "inet6" : "inet";
    const [timeout, size] = name.startsWith("ftwall_ordinary") ? [ORDINARY_SECONDS, ORDINARY_SIZE] : [120, SET_SIZE];
    return `create ${name} ${type} family ${family} timeout ${timeout} maxelem ${size} forceadd\n`;
  }).join("");
}

// Longest timeout both kernels take: ipset counts milliseconds in 32 bits.
const LONGEST = 2_147_483;

/** The changes as a script, for `nft -f -` or `ipset -exist restore`. `flush` names sets to empty before. Idempotent. */
export function setsText(backend: Backend, changes: readonly SetChange[], flush: readonly SetKind[] = []): string {
  const lines: string[] = [];
  for (const kind of flush) {
    for (const n of [4, 6]) {
      lines.push(backend === "nft" ? `flush set ${NFT_TABLE} ${kind}${n}` : `flush ftwall_${kind}${n}`);
    }
  }
  if (backend === "iptables") {
    for (const change of changes) {
      const name = `ftwall_${change.kind}${familyOf(change)}`;
      const element = ipsetElement(change);
      lines.push(
        change.seconds > 0 ? `add ${name} ${element} timeout ${clamp(change.seconds)}` : `del ${name} ${element}`,
      );
    }
  } else {
    for (const kind of ["locked", "peers"] as const) {
      for (const n of [4, 6]) {
        const mine = changes.filter((c) => c.kind === kind && familyOf(c) === n);
        if (mine.length === 0) continue;
        const set = `${NFT_TABLE} ${kind}${n}`;
        const all = mine.map(nftElement).join(", ");
        const kept = mine.filter((c) => c.seconds > 0).map((c) => `${nftElement(c)} timeout ${clamp(c.seconds)}s`);
        // Adding an element that is there keeps its old timeout, deleting one that is not there fails:
        // add, delete, add does the same whatever was there before.
        lines.push(`add element ${set} { ${all} }`, `delete element ${set} { ${all} }`);
        if (kept.length > 0) lines.push(`add element ${set} { ${kept.join(", ")} }`);
      }
    }
  }
  return lines.length === 0 ? "" : lines.join("\n") + "\n";
}

function clamp(seconds: number): number {
  return Math.min(LONGEST, Math.max(1, Math.ceil(seconds)));
}

function familyOf(entry: SetEntry): 4 | 6 {
  return entry.address.includes(":") ? 6 : 4;
}

function nftElement({ kind, address, port }: SetEntry): string {
  return kind === "locked" ? address : `${address} . ${port}`;
}

function ipsetElement({ kind, address, port }: SetEntry): string {
  return kind === "locked" ? address : `${address},tcp:${port}`;
}

/** Whether the kernel's sets hold each of these entries. True where that is unknown: no tool, no permission. */
export async function setsHold(
  backend: Backend,
  samples: readonly SetEntry[],
  run: Runner,
): Promise<boolean> {
  if (samples.length === 0) return true;
  if (backend === "nft") {
    const lines = samples.map((entry) =>
      `get element ${NFT_TABLE} ${entry.kind}${familyOf(entry)} { ${nftElement(entry)} }\n`
    );
    const answer = await run("nft", ["-f", "-"], lines.join(""));
    return answer.code === 0 || !answer.stderr.includes("No such file or directory");
  }
  for (const entry of samples) {
    const answer = await run("ipset", ["test", `ftwall_${entry.kind}${familyOf(entry)}`, ipsetElement(entry)]);
    if (answer.code === 1 && /is NOT in set|does not exist/.test(answer.stderr)) return false;
  }
  return true;
}

/** How changes are handed over. */
export interface SetsPace {
  /** Most changes at once. */
  readonly batch: number;
  /** Milliseconds from one batch to the next; ftwall itself enforces meanwhile. */
  readonly rest: number;
}

/** For a tool: each start costs more than all that it changes. */
export const TOOL_PACE: SetsPace = { batch: 2000, rest: 200 };

/** For a library, where starting costs nothing: small batches hold the kernel's lock, and memory, for less long. */
export const LIBRARY_PACE: SetsPace = { batch: 250, rest: 10 };

/** Counters of a KernelSets, for `status`. */
export interface SetsState {
  /** Changes that wait. */
  readonly pending: number;
  /** Changes the kernel took. */
  readonly sent: number;
  /** Changes the kernel or the tool refused. */
  readonly failed: number;
  /** Changes given up because too many waited; ftwall itself still enforces them. */
  readonly discarded: number;
  /** The tool's last complaint. */
  readonly lastError: string | null;
}

/**
 * Keeps the kernel sets like ftwall's own tables, off the hot path: changes are collected, the newest for an entry
 * wins, and one bounded batch at a time is handed over. Failure costs a counter, never an exception.
 */
export class KernelSets implements AsyncDisposable {
  readonly #backend: Backend;
  readonly #run: Runner;
  readonly #capacity: number;
  readonly #pace: SetsPace;
  readonly #pending: Map<string, SetChange> = new Map();
  readonly #flush: Set<SetKind> = new Set();
  #working: Promise<void> | null = null;
  #sent = 0;
  #failed = 0;
  #discarded = 0;
  #lastError: string | null = null;
  #hurry: (() => void) | null = null;
  #waiters = 0;

  /** `capacity` changes may wait. */
  constructor(backend: Backend, run: Runner, pace: SetsPace = TOOL_PACE, capacity: number = SET_SIZE) {
    this.#backend = backend;
    this.#run = run;
    this.#pace = pace;
    this.#capacity = capacity;
  }

  /** Adds or renews an entry. */
  put(entry: SetEntry, seconds: number): void {
    this.#change({ ...entry, seconds: Math.max(1, seconds) });
  }

  /** Takes an entry out before its time. */
  remove(entry: SetEntry): void {
    this.#change({ ...entry, seconds: 0 });
  }

  /** Empties a set and forgets what waits for it. */
  clear(kind: SetKind): void {
    for (const [key, change] of this.#pending) if (change.kind === kind) this.#pending.delete(key);
    this.#flush.add(kind);
    this.#start();
  }

  /** Counters since creation. */
  get state(): SetsState {
    return {
      pending: this.#pending.size,
      sent: this.#sent,
      failed: this.#failed,
      discarded: this.#discarded,
      lastError: this.#lastError,
    };
  }

  /** Resolves when nothing waits any more. */
  async settled(): Promise<void> {
    this.#waiters++;
    this.#hurry?.();
    while (this.#working !== null) await this.#working;
    this.#waiters--;
  }

  /** Waits for what is under way; entries stay in the kernel and end by themselves. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.settled();
  }

  #change(change: SetChange): void {
    const key = `${change.kind} ${change.address} ${change.port}`;
    if (this.#pending.size >= this.#capacity && !this.#pending.has(key)) {
      this.#discarded++;
      return;
    }
    this.#pending.set(key, change);
    this.#start();
  }

  #start(): void {
    this.#working ??= this.#work();
  }

  async #work(): Promise<void> {
    // Whatever is learned in this turn of the event loop goes into one batch.
    await Promise.resolve();
    while (this.#pending.size > 0 || this.#flush.size > 0) {
      const changes: SetChange[] = [];
      const flush = [...this.#flush];
      this.#flush.clear();
      for (const [key, change] of this.#pending) {
        if (changes.length >= this.#pace.batch) break;
        changes.push(change);
        this.#pending.delete(key);
      }
      const taken = await this.#send(changes, flush);
      // A full set of peers fails the whole transaction: locks and what is to go must not suffer from it.
      const vital = changes.filter((change) => change.kind === "locked" || change.seconds === 0);
      if (!taken && vital.length > 0 && vital.length < changes.length) {
        this.#failed -= vital.length;
        await this.#send(vital, flush);
      }
      await this.#pause();
    }
    this.#working = null;
  }

  async #pause(): Promise<void> {
    if (this.#waiters > 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#hurry = resolve;
    await within(promise, this.#pace.rest);
    this.#hurry = null;
  }

  async #send(changes: readonly SetChange[], flush: readonly SetKind[]): Promise<boolean> {
    const text = setsText(this.#backend, changes, flush);
    const answer = this.#backend === "nft"
      ? await this.#run("nft", ["-f", "-"], text)
      : await this.#run("ipset", ["-exist", "restore"], text);
    if (answer.code === 0) {
      this.#sent += changes.length;
      return true;
    }
    this.#failed += changes.length;
    this.#lastError = answer.stderr.slice(0, 300) || `exit status ${answer.code}`;
    return false;
  }
}
